# shellcheck shell=sh
# What every tool owes its user, asked of every executable there is. The table `usual` says
# how a tool is run when all is well; a tool that is not in it fails the test.
. "$DET_SRC/tests/lib.sh"
mkdir work
cd work || exit 2
. "$DET_SRC/tests/fixture.sh"
# features of four boxes, of which two are objects
awk 'BEGIN {
	print "STRM\nITEM id=0 path=a.jpg width=90 height=90 input=90x90 map=\"1 1 0 0\""
	print "BOXS name=gt space=image\n  0 0 20 20 1 0\n  40 40 60 60 1 1"
	print "BOXS name=proposals space=image"
	print "  0 0 20 20 1 -1\n  40 40 60 60 1 -1\n  1 1 20 20 1 -1\n  70 0 90 30 1 -1"
	printf "TENS f32 4x24x1x1 name=fc7"
	for (i = 0; i < 96; i++)
		printf "%s%d", i % 24 ? " " : "\n  ", (i * i + int(i / 24)) % 7
	print "\nEND."
}' | det-show --build - >features.det

# usual TOOL: sets args, input (stream on standard input, empty: none), makes (stream, text
# or picture), file (name for -o), bare (args without the names of what is read) and reads
# (a stream among args)
usual() {
	input='' file=new.out bare='' reads=''
	case $1 in
	det-image) args="-m M.det dog.jpg" bare="-m M.det" makes=stream ;;
	det-backbone) args="-m M.det" bare="-m M.det" input=image.det makes=stream ;;
	det-anchors) args="-m F.det" bare="-m F.det" input=fmaps.det makes=stream ;;
	det-propose) args="-m F.det" bare="-m F.det" input=fmaps.det makes=stream ;;
	det-roipool)
		args="--op warp --boxes boxes --size 8x8 --context 1" bare=$args
		input=kept.det makes=stream
		;;
	det-head) args="-m M.det" bare="-m M.det" input=maps.det makes=stream ;;
	det-nms) args="-m M.det" bare="-m M.det" input=raw.det makes=stream ;;
	det-merge) args="--iou .5 boxes.det boxes.det" bare=boxes.det reads=boxes.det makes=stream ;;
	det-draw) args="" input=boxes.det makes=picture file=new.png ;;
	det-export) args="" input=boxes.det makes=text ;;
	det-eval) args="-q --per-class" bare="-q" input=both.det makes=text file=new.txt ;;
	det-show) args="" input=boxes.det makes=text ;;
	det-gt) args="--csv gt.csv" bare="--csv" makes=stream ;;
	det-scene) args="--count 3 --size 64x48" makes=stream ;;
	det-run) args="-m M.det dog.jpg" bare="-m M.det" makes=text ;;
	det-svm)
		bare="-q -m F.det --features fc7"
		args="$bare features.det" reads=features.det makes=stream
		;;
	det-train) args="-m M.det -o run.tmp" bare="-m M.det -o run.tmp" input=train.det makes=text ;;
	det-model) args="list M.det" bare="list" makes=text ;;
	*) return 1 ;;
	esac
}

# run TOOL [ARG...]: its usual run, output in out, message in err; prints the status
run() {
	tool=$1
	shift
	# shellcheck disable=SC2086
	"$tool" $args "$@" <"${input:-/dev/null}" >out 2>err
	echo $?
}
lines() { wc -l <"$1" | tr -d ' '; }
size() { wc -c <"$1" | tr -d ' '; }
# "one" if err is one line of a tool's (det-run's come from the tools that it runs)
one() {
	if [ "$(lines err)" = 1 ] && grep -Eq '^det-[a-z]+( [a-z]+)?: .' err; then
		echo one
	else
		cat err
	fi
}
names() { # what is in this folder, but for what this test makes
	for n in * .*; do
		case $n in
		. | .. | out | err | tap.* | before) ;;
		*) echo "$n" ;;
		esac
	done
}
has() { "$1" --option-table | grep -q -- "^--$2	"; }

# det-train goes over no run that is there: it always finds none
mkdir wrap
printf '#!/bin/sh\nrm -rf run.tmp\nexec "%s" "$@"\n' "$DET_BIN/det-train" >wrap/det-train
chmod +x wrap/det-train
PATH=$PWD/wrap:$PATH

tools=$(for f in "$DET_BIN"/det-*; do
	case $f in *.[a-z]*) ;; *) [ -x "$f" ] && basename "$f" ;; esac
done)
is "tools were found" "$(echo "$tools" | grep -c det-)" "$(echo "$tools" | grep -c .)"

# --- asked of each ---
asked_for_help() {
	"$1" --help >out 2>err
	is "$1 --help: status, nothing on standard error" "$? $(cat err)" "0 "
	is "begins with its usage" "$(head -n 1 out | cut -d ' ' -f 1,2)" "usage: $1"
	is "fits 79 columns" "$(awk 'length > 79' out)" ""
	is "fits a screen or so" "$([ "$(lines out)" -le 60 ] && echo yes)" yes
	"$1" -h >err
	ok "-h is the same" cmp out err
	is "--version" "$("$1" --version | sed 's/ [0-9]*\.[0-9]*\.[0-9]*$/ N/')" "$1 N"
	"$1" --help >/dev/full 2>/dev/null
	is "--help on a full disk" "$?" 2
}

misused() {
	usual "$1"
	for bad in --frobnicate -Z --output; do
		has "$1" output || [ $bad != --output ] || continue
		# shellcheck disable=SC2086
		"$1" $args $bad <"${input:-/dev/null}" >out 2>err
		is "$1 $bad: status 2, nothing on standard output" "$? $(size out)" "2 0"
		is "a line and a hint" "$(lines err) $(tail -n 1 err | cut -c 1-5)" "2 try '"
		like "names what is wrong" "$(head -n 1 err)" "^$1.*($bad|-o)"
	done
	[ "$bare" ] || [ "$input" ] || return # det-scene reads nothing
	for bad in nowhere.det .; do
		# shellcheck disable=SC2086
		"$1" $bare $bad </dev/null >out 2>err
		is "$1 $bad: status 2" "$?" 2
		is "one line" "$(one)" one
		like "names it" "$(cat err)" "nowhere|\.:|directory"
	done
}

bad_input() {
	usual "$1"
	[ "$input" ] || return
	whole=$input
	n=$(size "$whole")
	for cut in 0 1 100 $((n / 2)) $((n - 600)) $((n - 100)) $((n - 1)); do
		if [ "$cut" -lt 0 ] || [ "$cut" -ge "$n" ]; then continue; fi
		head -c "$cut" "$whole" >cut.det
		input=cut.det
		is "$1, input cut at $cut of $n: status 2" "$(run "$1")" 2
		is "one line" "$(one)" one
		like "that says so" "$(cat err)" "input ended early"
		if [ "$makes" = stream ]; then
			not_ok "no whole stream is written" det-show --check out
		fi
		# shellcheck disable=SC2002,SC2086
		cat cut.det | "$1" $args >out 2>err
		is "the same from a pipe" "$? $(one)" "2 one"
	done
	rm -f cut.det
	head -c 500 "$DET_SRC/Makefile" >text.det
	input=text.det
	is "$1, text as input" "$(run "$1") $(one)" "2 one"
	like "is recognised" "$(cat err)" "found text"
	rm text.det
	# shellcheck disable=SC2086
	"$1" $args <&- >out 2>err
	is "$1, standard input closed" "$? $(one)" "2 one"
	printf '%s\n' STRM 'MASK' END. | det-show --build - >crit.det
	input=crit.det
	is "$1, an unknown kind that may not be ignored" "$(run "$1") $(one)" "2 one"
	rm crit.det
	# what was reported upstream is not reported again, and travels on
	printf '%s\n' STRM 'FAIL error="det-x: gone"' | det-show --build - >fail.det
	# shellcheck disable=SC2002,SC2086
	cat fail.det | "$1" $args >out 2>err
	is "$1, a failure upstream: status, no second message" "$? $(cat err)" "2 "
	if [ "$makes" = stream ]; then
		# shellcheck disable=SC2002,SC2086
		cat fail.det | "$1" $args 2>/dev/null | cat >out
		like "is passed on" "$(det-show out 2>&1)" "broken off: det-x: gone"
		# but not into a file, which may be read long after anybody saw the reason
		# shellcheck disable=SC2002,SC2086
		cat fail.det | "$1" $args >out 2>/dev/null
		like "but not stored" "$(det-show out 2>&1)" "ended early"
	fi
	rm fail.det
}

bad_output() {
	usual "$1"
	# shellcheck disable=SC2086
	"$1" $args <"${input:-/dev/null}" 2>err >/dev/full
	is "$1 on a full disk: status 2" "$?" 2
	is "one line" "$(one)" one
	like "that says so" "$(cat err)" "No space left"
	# shellcheck disable=SC2086
	"$1" $args <"${input:-/dev/null}" 2>err >&-
	is "$1, standard output closed" "$? $(one)" "2 one"
	[ "$(run "$1")" = 0 ] || return
	mv out usual.out
	# shellcheck disable=SC2086
	"$1" $args <"${input:-/dev/null}" >out 2>&-
	is "$1, standard error closed: no matter" "$?" 0
	ok "same output" cmp out usual.out
	[ "$1" = det-run ] || [ "$1" = det-train ] || ! has "$1" output ||
		[ "$1" = det-model ] || to_file "$1"
	rm -f usual.out
}

# -o FILE: complete or not at all
to_file() {
	names >before
	is "$1 -o FILE: status" "$(run "$1" -o "$file")" 0
	ok "has what standard output has" cmp "$file" usual.out
	rm "$file"
	is "nothing else is left" "$(names)" "$(cat before)"
	[ "$input" ] || return
	head -c 700 "$input" >cut.det
	whole=$input
	input=cut.det
	echo precious >"$file"
	is "$1 -o FILE of a cut input" "$(run "$1" -o "$file")" 2
	is "keeps the old file" "$(cat "$file")" precious
	rm "$file"
	is "$1 -o NEW of a cut input" "$(run "$1" -o "$file")" 2
	rm cut.det
	is "leaves none, and no other" "$(names)" "$(cat before)"
	input=$whole
	is "$1 -o into no folder" "$(run "$1" -o nowhere/x) $(one)" "2 one"
	# a message must not land in the file because standard error was closed
	# shellcheck disable=SC2086
	"$1" $args -o "$file" <"${input:-/dev/null}" >/dev/null 2>&- <&- || :
	[ ! -f "$file" ] || ok "no message lands in the file" cmp "$file" usual.out
	rm -f "$file"
}

good_run() {
	usual "$1"
	is "$1 runs: status, no message" "$(run "$1") $(cat err)" "0 "
	mv out first.out
	is "and again" "$(run "$1")" 0
	ok "to the same bytes" cmp first.out out
	if [ "$input" ]; then
		# shellcheck disable=SC2002,SC2086
		cat "$input" | "$1" $args >out 2>err
		ok "from a pipe as well" cmp first.out out
		# shellcheck disable=SC2086
		"$1" $input $args >out 2>err </dev/null
		ok "from an operand, before the options" cmp first.out out
		# shellcheck disable=SC2086
		"$1" $args -- $input >out 2>err </dev/null
		ok "after --" cmp first.out out
		# shellcheck disable=SC2086
		"$1" $args - <$input >out 2>err
		ok "and from -" cmp first.out out
	fi
	[ "$makes" != stream ] || stream "$1"
	rm -f first.out
}

# tools that read and write streams, or make one
stream() {
	ok "$1 writes a stream" det-show --check first.out
	like "with its line of history" "$(det-show --history first.out | tail -n 1)" \
		"^$1 [0-9.]* "
	is "which has no paths of its input" "$(det-show --history first.out | grep -c "${input:-$reads}.*${input:-$reads}")" \
		"$([ "$input$reads" ] && echo 0 || echo 1)"
	[ "$input" ] || return
	cat "$input" "$input" >two.det
	whole=$input
	input=two.det
	is "$1, concatenated input" "$(run "$1")" 0
	cat first.out first.out >two.out
	ok "gives concatenated output" cmp out two.out
	# what the tool does not know goes through: before, in and after an item
	det-show --data "$whole" | awk '
		/^ITEM/ { print "note key=a key=b\n  hex 00 01 02\n!head minor 9\n!head dtype 77" }
		/^END/ { print "xtra\nmaSK name=m\n  hex 01 02\n!head flags 0\n!head crc 0"
			print "TEXT name=unrelated\n  | text\nTENS i64 2 name=unrelated\n  1 2"
			print "ITEM id=7 path=bad.jpg error=\"can not be read\" future=value\nEND."; next }
		{ print }' | det-show --build - >two.det
	is "$1, with records that it does not know" "$(run "$1")" 0
	for kind in note xtra maSK TEXT 'TENS i64' 'ITEM id=7'; do
		record "$kind" two.det >want
		record "$kind" out >got
		ok "'$kind' is passed on as it is" cmp want got
	done
	is "in order" "$(det-show --tsv out | cut -f 1 | grep -E 'ITEM|note|xtra|maSK|TEXT' | tr '\n' ' ')" \
		"note ITEM xtra maSK TEXT ITEM "
	# a live source: the item comes out before the next one goes in
	input=$whole
	cut=$(det-show --tsv "$whole" | awk -F '\t' '$1 == "END." { print $6 }')
	{
		head -c "$cut" "$whole"
		i=0
		while [ ! -f seen ] && [ $i -lt 60 ]; do
			sleep .1
			i=$((i + 1))
			[ -f out.now ] && det-show out.now >shown 2>/dev/null
			[ "$(grep -cE '^(TENS|BOXS)' shown 2>/dev/null)" -gt 0 ] 2>/dev/null && : >seen
		done
		tail -c +$((cut + 1)) "$whole"
	} | {
		# shellcheck disable=SC2086
		"$1" $args >out.now 2>err
	}
	ok "$1 writes an item as soon as it can" test -f seen
	rm -f seen shown out.now two.det two.out want got
	input=$whole
}

# record KIND FILE: the records of that kind, as text
record() {
	det-show --data "$2" | awk -v k="$1" '
		/^[^ !]/ { on = index($0, k) == 1 }
		on { print }'
}

terminal() {
	usual "$1"
	[ "$makes" = text ] && return
	# shellcheck disable=SC2086
	script -qec "$1 $args <${input:-/dev/null}; echo status \$?" /dev/null >out </dev/null 2>&1
	like "$1 spares the terminal" "$(tr -d '\r' <out)" 'terminal'
	is "and exits with 2" "$(tr -d '\r' <out | tail -n 1)" "status 2"
}

for t in $tools; do
	if ! usual "$t"; then
		ok "$t is in this test's table" false
		continue
	fi
	asked_for_help "$t"
	good_run "$t"
	misused "$t"
	bad_input "$t"
	bad_output "$t"
	if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
		terminal "$t"
	else
		skip "$t spares the terminal" "no script(1) here"
	fi
done

# --- asked of all together ---
for t in $tools; do "$t" --option-table | awk -F '\t' '$2 { print $2, $1 }'; done |
	sort | uniq | awk '{ n[$1]++; m[$1] = m[$1] " " $2 } END { for (l in n) if (n[l] > 1) print l m[l] }' >out
is "a letter means one thing everywhere" "$(cat out)" ""
for t in $tools; do "$t" --option-table | awk -F '\t' '$2 { print $1, $2 }'; done | sort -u |
	cut -d ' ' -f 1 | uniq -d >out
is "and a name has one letter" "$(cat out)" ""
# (det-backbone has no profile of options to choose: its --profile is the time of each step)
for t in $tools; do
	"$t" --option-table | awk -F '\t' -v t="$t" \
		't != "det-backbone" || $1 != "--profile" { print $1 ($3 == "") }'
done | sort -u |
	sed 's/.$//' | uniq -d >out
is "a name takes an argument everywhere or nowhere" "$(cat out)" ""

# a mistake in the first stage gives one line, and no stage says that it went well
{
	det-image -m M.det nowhere.jpg
	echo $? >s1
} 2>>errs | {
	det-backbone -m M.det
	echo $? >s2
} 2>>errs | {
	det-head -m M.det
	echo $? >s3
} 2>>errs | {
	det-nms -m M.det
	echo $? >s4
} 2>>errs | det-export >out 2>>errs
is "a missing picture: every stage fails" "$? $(cat s1 s2 s3 s4 | tr -d '\n')" "2 2222"
is "with one line" "$(lines errs) $(cut -d : -f 1 errs)" "1 det-image"
cd ..
rm -r work
done_testing
