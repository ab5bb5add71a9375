# shellcheck shell=sh
# det-show: what it prints, and what it builds.
. "$DET_SRC/tests/lib.sh"

cat >s.recipe <<'END'
# two items
STRM history="det-image 0.1.0 a.jpg" history="det-nms 0.1.0"
  | person	1
  | dog
ITEM id=0 path=a.jpg width=640 height=480 orientation=6 input=416x416 map="0.65 0.65 0 52"
TENS f32 1x2x3 name=x norm=none
  0 1 2 -3 nan inf
BOXS name=boxes space=image
  1 2 3 4 0.5 1
ITEM id=1 path="b c.jpg" error="not a picture"
TENS u8 4 name=x
  1 2 3 4
note
  | hello
TEXT name=t
  hex 68 69
END.
END
det-show --build s.recipe >s.det
is "a line a record" "$(det-show s.det)" "STRM  history=det-image 0.1.0 a.jpg
      history=det-nms 0.1.0
ITEM  0 'a.jpg'  640x480 (orientation 6 undone) -> 416x416
TENS  x  f32 1x2x3  norm=none
BOXS  boxes  1 box  space=image
ITEM  1 'b c.jpg'  BAD: not a picture
TENS  x  u8 4
note  unknown, 6 bytes
TEXT  t  2 bytes
END.  records=8  items=2"
is "--tsv" "$(det-show --tsv s.det | sed -n '3p; 5p')" "$(
	printf 'TENS\tx\tf32\t1x2x3\t24\t512\tnorm=none\n'
	printf 'ITEM\t\t\t\t0\t1024\tid=1 path=b c.jpg error=not a picture\n'
)"
is "--history" "$(det-show --history s.det)" "det-image 0.1.0 a.jpg
det-nms 0.1.0"
is "--classes" "$(det-show --classes s.det)" "$(printf 'person\t1\ndog')"
is "--stats leaves out NaN and infinity and counts them" \
	"$(det-show --stats --item 0 --name x s.det | tail -n 1)" \
	"      x: min -3  max 2  mean 0  sd 1.87083  zeros 1  not finite 2"
is "--item takes one item" "$(det-show --item 1 --tsv s.det | cut -f 1 | tr '\n' ' ')" \
	"STRM ITEM TENS note TEXT END. "
is "--name takes records of that name" "$(det-show --name x --tsv s.det | wc -l)" 2
is "--data prints what --build reads" "$(det-show --data s.det | head -n 8)" \
	"STRM history=\"det-image 0.1.0 a.jpg\" history=\"det-nms 0.1.0\"
  | person	1
  | dog
ITEM id=0 path=a.jpg width=640 height=480 orientation=6 input=416x416 map=\"0.65 0.65 0 52\"
TENS f32 1x2x3 name=x norm=none
  0 1 2
  -3 nan inf
BOXS name=boxes space=image"
det-show --data s.det | det-show --build - -o t.det
ok "to the same bytes" cmp s.det t.det
ok "--check of a whole stream" det-show --check s.det
is "prints nothing" "$(det-show --check s.det 2>&1)" ""

# --- NumPy ---
not_ok "--npy of a name that two items have" det-show --npy x s.det
like "asks for --item" "$(det-show --npy x s.det 2>&1 >/dev/null)" "second tensor 'x'.*--item"
det-show --npy x --item 1 s.det >x.npy
printf '\223NUMPY\1\0\166\0%s' "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }" >want
printf '%*s\n\1\2\3\4' $((127 - $(wc -c <want))) '' >>want
ok "--npy writes NumPy's header and the elements" cmp x.npy want
like "--npy of a name that is not there" "$(det-show --npy y s.det 2>&1)" "no tensor 'y'"
p=
for c in python3 /usr/bin/python3; do "$c" -c 'import numpy' 2>/dev/null && p=$c && break; done
if [ "$p" ]; then
	det-show --npy x --item 0 s.det >x.npy
	is "NumPy reads it" "$("$p" -c 'import numpy; a = numpy.load("x.npy"); print(a.shape, a[0, 1, 0])')" \
		"(1, 2, 3) -3.0"
else
	skip "NumPy reads it" "no python3 with numpy here"
fi
printf 'STRM\nTENS bf16 1 name=x\n  1\nTENS f32 scalar name=y\n  1\nEND.\n' | det-show --build - >b.det
like "--npy of bf16, which NumPy has not" "$(det-show --npy x b.det 2>&1)" "no dtype for bf16"
like "a scalar's shape" "$(det-show --npy y b.det | head -c 100)" "'shape': \(\)"

# --- hostile text ---
printf 'STRM history="\\x1b[31mred" a="\\x07"\n  | \033[0mclass\nITEM id=0 path="\\x1b]0;x\\x07"\nEND.\n' |
	det-show --build - >h.det
for o in '' --tsv --history --classes --data; do
	# shellcheck disable=SC2086
	is "no control characters pass: ${o:-lines}" \
		"$(det-show $o h.det | tr -d '\n\t' | tr -dc '\001-\037\177' | wc -c)" 0
done
det-show --data h.det | det-show --build - >h2.det
ok "but none is lost in --data" cmp h.det h2.det

# --- building ---
printf 'STRM\nTENS f32 2 name=x\n  1\nEND.\n' >bad.recipe
is "a recipe's mistake has a line" "$(det-show --build bad.recipe 2>&1)" \
	"det-show: bad.recipe:4: a tensor of 2 elements was given 1"
not_ok "and nothing is built" det-show --build bad.recipe -o bad.det
not_ok "not even a file" test -e bad.det
like "--build takes no other FILE" "$(det-show --build s.recipe s.det 2>&1)" "no FILE"
like "a recipe that is not there" "$(det-show --build nowhere 2>&1)" "nowhere: No such file"
is "random is the same everywhere" \
	"$(printf 'STRM\nTENS u8 6 name=x\n  random 7\nEND.\n' | det-show --build - | det-show --data --name x | tail -n 1)" \
	"  99 4 230 149 115 63"
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	for c in "--build s.recipe" "--npy x --item 1 s.det"; do
		script -qec "det-show $c" /dev/null </dev/null >out 2>&1
		like "$c spares the terminal" "$(tr -d '\r' <out)" "standard output is a terminal"
	done
	script -qec "det-show --build s.recipe >t.det; echo status \$?" /dev/null >out 2>&1 </dev/null
	like "but a terminal for input does not matter" "$(tr -d '\r' <out)" "^status 0"
else
	skip "binary output spares the terminal" "no script(1) here"
fi
printf 'STRM history="\\x1b[1m"\n  | c\033at\nITEM id=0 path="\\x1b[2m" error="\\x1b[3m"\nEND.\n' |
	det-show --build - >escape.det
for o in '' --tsv --history --classes --stats --data; do
	# shellcheck disable=SC2086
	is "no escape reaches a terminal: $o" "$(det-show $o escape.det | tr -cd '\033')" ""
done
done_testing
