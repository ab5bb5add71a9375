# shellcheck shell=sh
# The stream from outside: test vectors through the executables and through the Python
# reader, what a shell can do to a pipe, and the example of formats/stream.md.
. "$DET_SRC/tests/lib.sh"
vectors=$DET_SRC/tests/stream
py=
for p in python3 /usr/bin/python3; do
	"$p" -c 'import numpy' 2>/dev/null && py=$p && break
done
pystream() { PYTHONDONTWRITEBYTECODE=1 "$py" "$DET_SRC/formats/$1" "${2:---copy}" ${3+"$3"}; }
no_python="no python3 with numpy here"

# --- vectors ---
for r in "$vectors"/good-*.recipe; do
	n=$(basename "$r" .recipe)
	det-show --build "$r" >a.det
	ok "$n: accepted from a file" det-show --check a.det
	det-show --check <a.det >out 2>&1
	is "$n: from a redirected file" "$? $(cat out)" "0 "
	# shellcheck disable=SC2002
	cat a.det | det-show --check >out 2>&1
	is "$n: and from a pipe" "$? $(cat out)" "0 "
	# shellcheck disable=SC2002
	cat a.det | det-show --data | det-show --build - >b.det
	ok "$n: as text and back, the same bytes" cmp a.det b.det
	if [ "$py" ]; then
		pystream det_stream.py --copy a.det >c.det
		ok "$n: through Python, the same bytes" cmp a.det c.det
	else
		skip "$n: through Python, the same bytes" "$no_python"
	fi
done

refused() { # name file message
	det-show --check "$2" >out 2>err
	is "$1: refused from a file" "$? $(wc -c <out) $(wc -l <err)" "2 0 1"
	case $(cat err) in
	"det-show: $2: "*"$3"*) ok "$1: and says why" true ;;
	*) is "$1: and says why" "$(cat err)" "$3" ;;
	esac
	# shellcheck disable=SC2002
	cat "$2" | det-show --check >out 2>err
	is "$1: refused from a pipe" "$?" 2
	if [ "$py" ]; then
		pystream det_stream.py "$2" >out 2>err
		is "$1: refused by Python" "$? $(sed 's/:.*//' err)" "2 det_stream.py"
	else
		skip "$1: refused by Python" "$no_python"
	fi
}
for r in "$vectors"/bad-*.recipe "$vectors"/unsupported-*.recipe; do
	det-show --build "$r" >bad.det
	refused "$(basename "$r" .recipe)" bad.det "$(sed -n 's/^# message: //p' "$r")"
done

# --- files that are no streams ---
head -c 300 "$DET_SRC/Makefile" >text
refused "a text file" text "found text"
printf 'x' >text
refused "a text of one byte" text "found text"
printf '\211PNG\r\n\032\n0000000000' >text
refused "a PNG" text "found a picture"
not_ok "a directory" det-show .
like "is named as one" "$(det-show . 2>&1)" 'det-show: .*directory'
like "so is a file that is not there" "$(det-show nowhere 2>&1)" \
	'^det-show: nowhere: No such file or directory$'

# --- concatenation ---
printf 'STRM\nITEM id=0 path=a.jpg\nEND.\n' | det-show --build - >a.det
printf 'STRM\n  | cat\nITEM id=0 path=b.jpg\nEND.\n' | det-show --build - >b.det
is "cat a b is a stream" "$(cat a.det b.det | det-show | grep -c ITEM)" 2
is "so are two operands" "$(det-show a.det b.det | grep -c END)" 2
is "and - among them" "$(det-show b.det - <a.det | grep -c ITEM)" 2
head -c 200 b.det >half
cat a.det half | det-show >out 2>err
is "a second stream must end as well" "$?" 2

# --- what a claim can cost ---
if [ "$DET_SAN" ]; then
	skip "16 GiB are claimed, 1 KiB comes" "the sanitizer needs its address space"
	skip "and is refused for being short" "the sanitizer needs its address space"
else
	{
		echo STRM
		echo 'TENS u8 1 name=x'
		echo '  1'
		echo '!head dim0 0x400000000'
		echo '!head size 0x400000000'
		# shellcheck disable=SC2183,SC2046
		printf '!append hex%s\n' "$(printf ' 00%.0s' $(seq 1000))"
	} | det-show --build - >claim.det
	# shellcheck disable=SC2002,SC3045
	cat claim.det | (ulimit -v 500000 && det-show --check) >out 2>err
	is "16 GiB are claimed, 1 KiB comes" "$?" 2
	like "and is refused for being short" "$(cat err)" "input ended early: inside a payload"
fi

# --- readers that go away, disks that are full ---
{
	echo STRM
	for i in 1 2 3 4 5 6 7 8; do printf 'TENS u8 1000000 name=t%d\n  fill 1\n' $i; done
	echo END.
} | det-show --build - >big.det
(
	det-show --data big.det
	echo $? >status
) | head -c 100 >/dev/null
is "a reader that goes away ends the program by SIGPIPE" "$(cat status)" 141
det-show --data big.det >/dev/full 2>err
is "a full disk: status" "$?" 2
is "and one line" "$(wc -l <err)" 1
is "tensors can be left out" "$(det-show --name t3 big.det | wc -l)" 1

# --- the example of the document ---
md=$DET_SRC/formats/stream.md
sed -n '/^## 12/,/^builds/s/^    //p' "$md" | det-show --build - >example.det
sed -n '/^builds/,/^Byte 0/s/^    //p' "$md" >want
od -A d -t x1z example.det >got
ok "stream.md's example has the bytes that it shows" cmp want got

# --- a stage in another language ---
printf '%s\n' STRM 'ITEM id=0 width=100 input=50x50' 'note' '  | kept' \
	'BOXS name=boxes space=input' '  0 0 30 9 .5 0' '  1 1 20 9 .5 0' END. |
	det-show --build - >boxes.det
if [ "$py" ]; then
	pystream example_stage.py 0.5 <boxes.det >out.det
	is "example_stage.py drops the wide box" "$(det-show --data --name boxes out.det)" \
		"BOXS name=boxes space=input
  1 1 20 9 0.5 0 0 -1 0"
	is "keeps the rest" "$(det-show --tsv out.det | cut -f 1 | tr '\n' ' ')" \
		"STRM ITEM note BOXS END. "
	is "and writes history" "$(det-show --history out.det)" "example_stage.py 0.5"
	head -c 500 boxes.det | pystream example_stage.py 0.5 2>err | det-show >out 2>&1
	like "a cut stream stays cut behind it" "$(cat out)" "ended early"
else
	skip "example_stage.py" "$no_python"
fi
done_testing
