#!/bin/sh
# What a signal leaves behind: nothing half done.
. "$DET_SRC/tests/lib.sh"
. "$DET_SRC/tests/fixture.sh"

# until_true COMMAND...: waits ten seconds at most for it to succeed
until_true() {
	n=0
	until "$@" || [ $n -gt 100 ]; do
		sleep 0.1
		n=$((n + 1))
	done
}

# A tool that waits for the rest of its input, its output begun.
mkdir out
for sig in HUP TERM; do
	for tool in det-nms 'det-export -f jsonl' 'det-show --data'; do
		mkfifo in
		# shellcheck disable=SC2086
		$tool -o out/x <in 2>err &
		exec 3>in
		head -c 700 raw.det >&3
		until_true sh -c 'ls out/x.tmp.* 2>/dev/null >&2'
		kill -s $sig $!
		wait $!
		is "$tool, SIG$sig: ends by it, leaves nothing" "$? $(ls out)" \
			"$([ $sig = HUP ] && echo 129 || echo 143) "
		exec 3>&-
		rm in
	done
done
mkfifo in
det-export -f voc -o voc <in 2>err &
exec 3>in
cat raw.det >&3
until_true sh -c 'ls voc/*.tmp.* 2>/dev/null >&2'
kill -s TERM $!
wait $!
is "many files at once" "$? $(ls voc)" "143 "
exec 3>&-

# One that the caller ignores stays ignored.
(
	trap '' HUP
	det-nms -o out/y <in 2>err &
	exec 3>in
	head -c 700 raw.det >&3
	until_true sh -c 'ls out/y.tmp.* 2>/dev/null >&2'
	kill -s HUP $!
	tail -c +701 raw.det >&3
	exec 3>&-
	wait $!
	echo $? >status
)
is "an ignored signal is ignored" "$(cat status) $(ls out)" "0 y"
rm out/y

# A folder that goes while a file is made in it: the last step fails.
mkdir gone
det-nms -o gone/x <in 2>err &
exec 3>in
head -c 700 raw.det >&3
until_true sh -c 'ls gone/x.tmp.* 2>/dev/null >&2'
rm -r gone
tail -c +701 raw.det >&3
exec 3>&-
wait $!
is "a folder that goes: one line" "$? $(cat err)" "2 det-nms: gone/x: No such file or directory"
det-nms -o '' raw.det 2>err
is "no name: one line" "$? $(cat err)" "2 det-nms: the name of a file expected, found ''"

# A limit on the size of files.
(
	ulimit -f 8
	det-backbone -m M.det image.det -o out/z 2>err
	echo $? >status
)
is "a file that may not grow: a failed write" "$(cat status) $(ls out) $(grep -c 'too large' err)" "2  1"

# A model that shrinks while it is mapped.
cp M.det cut.det
det-backbone -m cut.det <in >maps2.det 2>err &
exec 3>in
head -c -192 image.det >&3
until_true test -s maps2.det
: >cut.det
item=$(grep -abo ITEM image.det | sed 's/:.*//;q') # its kind is at byte 12 of its head
tail -c +$((item - 11)) image.det >&3 2>/dev/null
exec 3>&-
wait $!
is "a model cut short under way" "$? $(cat err)" \
	"2 det-backbone: a file was cut short while it was being read"
done_testing
