# shellcheck shell=sh disable=SC1091,SC2094
. "$DET_SRC/tests/lib.sh"

cat >a.txt <<'X'
STRM history="det-x 1 a"
  | person
  | dog
TENS f32 1 name=before
  7
ITEM id=0 path=a.jpg width=100 height=100 input=200x200 map="2 2 0 0"
TENS f32 1 name=first
  1
BOXS name=boxes space=input note=kept
  0 0 20 20 .5 0 0 4
  100 100 140 140 .4 1 0 -1
BOXS name=proposals space=input
  1 2 3 4 .5 -1
ITEM id=1 path=b.jpg width=50 height=40 input=50x40 map="1 1 0 0"
BOXS name=boxes space=image
END.
X
# the same pictures, mirrored, half as large; the first box there is 0 0 10 7.5
cat >b.txt <<'X'
STRM history="det-x 1 b"
  | person
  | dog
ITEM id=0 path=a.jpg width=100 height=100 input=50x50 map=".5 .5 0 0 flip"
TENS f32 1 name=second
  2
BOXS name=boxes space=input
  45 0 50 3.75 .75 0 0 3
  0 0 5 5 .25 0
ITEM id=1 path=b.jpg width=50 height=40 input=50x40 map="1 1 0 0"
BOXS name=boxes space=image
  1 2 11 12 .5 1
END.
X
for f in a b; do det-show --build $f.txt >$f.det; done
boxes() { det-show --data "$@" | awk '/^[A-Z]/ { on = /name=boxes/ } on && /^  [-0-9]/ { sub(/^  /, ""); print }'; }
heads() { det-show --data "$@" | grep -v '^ ' | sed 's/history=.*//; s/ *$//'; }

# --- concat ---
det-merge a.det b.det -o ab.det
is "lists are joined, in the picture's pixels" "$(boxes ab.det)" \
	"0 0 10 10 0.5 0 0 4 0
50 50 70 70 0.4 1 0 -1 0
0 0 10 7.5 0.75 0 0 8 0
90 0 100 10 0.25 0 0 -1 0
1 2 11 12 0.5 1 0 -1 0"
is "all else is the first stream's" "$(heads ab.det)" \
	'STRM
TENS f32 1 name=before
ITEM id=0 path=a.jpg width=100 height=100 input=200x200 map="2 2 0 0"
TENS f32 1 name=first
BOXS name=boxes space=image note=kept
BOXS name=proposals space=input
ITEM id=1 path=b.jpg width=50 height=40 input=50x40 map="1 1 0 0"
BOXS name=boxes space=image
END. records=8 items=2'
is "the history of both" "$(det-show --history ab.det | sed 's/ [0-9.]*\.[0-9]*$/ N/')" \
	"det-x 1 a
2: det-x 1 b
det-merge N"
det-merge a.det - <b.det | cmp -s - ab.det
is "a pipe gives the same bytes" $? 0
is "three" "$(det-merge a.det b.det a.det | boxes | wc -l | tr -d ' ')" 7
is "--min-score" "$(det-merge --min-score .45 a.det b.det | boxes | wc -l | tr -d ' ')" 3
is "--weights" "$(det-merge --weights 2,1 a.det b.det | boxes | cut -d ' ' -f 5 | tr '\n' ' ')" \
	"1 0.8 0.75 0.25 0.5 "
is "--boxes" "$(det-merge --boxes proposals a.det a.det 2>&1 >/dev/null)" \
	"det-merge: item 1 'b.jpg': a.det: no box list 'proposals'"
like "det-nms goes on from there" "$(det-merge a.det b.det | det-nms --iou .5 | boxes)" \
	'^0 0 10 7.5 0.75 0 0 8 0$'

# --- fusion: .5 of 0 0 10 10 and .75 of 0 0 10 7.5; IoU .75 ---
is "wbf: weighted by score; half for what one saw" "$(det-merge --method wbf a.det b.det | boxes)" \
	"0 0 10 8.5 0.625 0 0 -1 0
50 50 70 70 0.2 1 0 -1 0
90 0 100 10 0.125 0 0 -1 0
1 2 11 12 0.25 1 0 -1 0"
is "wbf with weights: (2 .5 + .75) / 2 for both, and 1/3 alone" \
	"$(det-merge --method wbf --weights 2,1 a.det b.det | boxes | cut -d ' ' -f 4,5 | sed 's/\(\.[0-9]\{6\}\)[0-9]*/\1/g')" \
	"8.928571 0.583333
70 0.266666
10 0.083333
12 0.166666"
is "wbf: the highest score" \
	"$(det-merge --method wbf --fuse-score max a.det b.det | boxes | head -n 1)" \
	"0 0 10 8.5 0.75 0 0 -1 0"
is "wbf above .75" "$(det-merge --method wbf --iou .75 a.det b.det | boxes | wc -l | tr -d ' ')" 5

# --- rescoring: evidence .75 * .75 ---
is "rescore: 1 - (1 - .5) (1 - .5625)" "$(det-merge --method rescore a.det b.det | boxes)" \
	"0 0 10 10 0.78125 0 0 4 0
50 50 70 70 0.4 1 0 -1 0"
is "boost, sum" "$(det-merge --method rescore --combine add --boost 2 a.det b.det | boxes | head -n 1)" \
	"0 0 10 10 1.625 0 0 4 0"
is "not alike enough" "$(det-merge --method rescore --iou .75 a.det b.det | boxes | head -n 1)" \
	"0 0 10 10 0.5 0 0 4 0"
sed 's/| person/| tmp/; s/| dog/| person/; s/| tmp/| dog/' b.txt | det-show --build - >swapped.det
is "classes by name: another class confirms nothing" \
	"$(det-merge --method rescore --by-name a.det swapped.det | boxes | head -n 1)" \
	"0 0 10 10 0.5 0 0 4 0"
is "but under --agnostic" \
	"$(det-merge --method rescore --by-name --agnostic a.det swapped.det | boxes | head -n 1)" \
	"0 0 10 10 0.78125 0 0 4 0"
sed 's/ \.5 0 0 4/ -1.5 0 0 4/' a.txt | det-show --build - >svm.det
like "scores that are no probabilities" "$(det-merge --method rescore svm.det b.det 2>&1 >/dev/null)" \
	"^det-merge: item 0 'a.jpg': .*0 to 1"
like "are added to" "$(det-merge --method rescore --combine add svm.det b.det | boxes)" \
	'^0 0 10 10 -0\.9375'

# --- classes ---
not_ok "other classes" det-merge a.det swapped.det
like "are named" "$(det-merge a.det swapped.det 2>&1 >/dev/null)" \
	"^det-merge: swapped.det has other classes than a.det.*--by-name"
is "by name" "$(det-merge --by-name a.det swapped.det | boxes | cut -d ' ' -f 6 | tr '\n' ' ')" "0 1 1 1 0 "
sed 's/| person/| cat/' b.txt | det-show --build - >cat.det
det-merge --by-name a.det cat.det >joined.det
is "what the first lacks comes after" "$(det-show --data joined.det | sed -n 's/^  | //p' | tr '\n' ' ')" \
	"person dog cat "
is "with labels to match" "$(boxes joined.det | cut -d ' ' -f 6 | tr '\n' ' ')" "0 1 2 2 1 "

# --- items ---
sed '/^ITEM id=1/,/^BOXS/d' a.txt | det-show --build - >one.det
like "a stream that is shorter" "$(det-merge a.det one.det 2>&1 >/dev/null)" \
	"^det-merge: a.det has item 1 'b.jpg' where one.det ends$"
like "or longer" "$(det-merge one.det a.det 2>&1 >/dev/null)" \
	"^det-merge: one.det ends where a.det has item 1 'b.jpg'$"
sed 's/b.jpg/c.jpg/' b.txt | det-show --build - >other.det
like "another picture" "$(det-merge a.det other.det 2>&1 >/dev/null)" \
	"^det-merge: a.det has item 1 'b.jpg' where other.det has item 1 'c.jpg'$"
is "is one under --allow-missing as well" "$(status det-merge --allow-missing a.det other.det)" 2
sed 's/width=50/width=51/' b.txt | det-show --build - >large.det
like "another size" "$(det-merge a.det large.det 2>&1 >/dev/null)" "50x40 in a.det and 51x40 in large.det"
sed '/^ITEM id=0/,/5 5 .25/d' b.txt | det-show --build - >late.det
is "--allow-missing keeps what is there" "$(det-merge --allow-missing one.det late.det | boxes)" \
	"0 0 10 10 0.5 0 0 4 0
50 50 70 70 0.4 1 0 -1 0
1 2 11 12 0.5 1 0 -1 0"
is "in the order of the numbers, whoever leads" \
	"$(det-merge --allow-missing late.det one.det | boxes | tail -n 1)" "1 2 11 12 0.5 1 0 -1 0"
is "missing lists weigh nothing" \
	"$(det-merge --allow-missing --method wbf one.det late.det | boxes | cut -d ' ' -f 5 | tr '\n' ' ')" \
	"0.5 0.4 0.5 "
sed 's/id=1/id=0/; s/id=0 path=a/id=3 path=a/' a.txt | det-show --build - >down.det
like "numbers that fall" "$(det-merge --allow-missing down.det one.det 2>&1 >/dev/null)" \
	"down.det: item 0 comes after item 3"
cat >marked.txt <<'X'
STRM
  | person
  | dog
ITEM id=0 path=a.jpg error="cut short"
ITEM id=1 path=b.jpg width=50 height=40 input=50x40 map="1 1 0 0"
BOXS name=boxes space=image
  1 2 11 12 .5 1
END.
X
det-show --build marked.txt >marked.det
det-merge a.det marked.det >m.det
like "a bad item is bad" "$(heads m.det)" '^ITEM id=0 path=a.jpg .*error="cut short"'
is "and has no list" "$(boxes m.det)" "1 2 11 12 0.5 1 0 -1 0"
is "the same from the first" "$(det-merge marked.det a.det | boxes)" "1 2 11 12 0.5 1 0 -1 0"
is "under --allow-missing the good one is taken" \
	"$(det-merge --allow-missing marked.det a.det | boxes | wc -l | tr -d ' ')" 3

# --- damage ---
n=$(wc -c <b.det)
for cut in 0 100 $((n / 2)) $((n - 100)); do
	head -c "$cut" b.det >cut.det
	det-merge a.det cut.det >out.det 2>err
	is "second stream cut at $cut: status, one line that names it" \
		"$? $(wc -l <err | tr -d ' ') $(grep -c 'cut.det: input ended early' err)" "2 1 1"
	not_ok "no whole stream is written" det-show --check out.det
	det-merge cut.det a.det >out.det 2>err
	is "first stream cut at $cut" "$? $(grep -c 'cut.det: input ended early' err)" "2 1"
done
printf '%s\n' STRM '  | person' '  | dog' 'FAIL error="det-x: gone"' | det-show --build - | det-merge a.det - >out.det 2>err
is "a failure upstream is not told twice" "$? $(cat err)" "2 "
sed 's/45 0 50 3.75 .75 0/45 0 50 3.75 .75 9/' b.txt | det-show --build - >label.det
like "a label outside the table" "$(det-merge --by-name a.det label.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': label.det: box 0 has label 9, of 2 classes"
sed '/^TENS.*second/s/.*/BOXS name=boxes space=input/; s/^  2$//' b.txt | det-show --build - >twice.det
like "two lists of the name" "$(det-merge a.det twice.det 2>&1 >/dev/null)" "twice.det: a second box list 'boxes'"
like "weights for others" "$(det-merge --weights 1,2,3 a.det b.det 2>&1 >/dev/null)" "3 weights for 2 streams"
is "one stream is misuse" "$(status det-merge a.det)" 2
is "so is standard input twice" "$(status det-merge - - <a.det)" 2
cat a.det b.det >ab2.det
is "concatenated streams" "$(det-merge ab2.det ab2.det | boxes | wc -l | tr -d ' ')" 10
like "as many in each" "$(det-merge ab2.det a.det 2>&1 >/dev/null)" "ab2.det goes on where"
like "whichever comes first" "$(det-merge a.det ab2.det 2>&1 >/dev/null)" "ab2.det goes on where a.det ends"

# --- a live source: an item comes out before the next one goes in ---
if [ "$(det-show --tsv a.det | grep -c .)" -gt 0 ]; then
	cut=$(det-show --tsv a.det | awk -F '\t' '/path=b.jpg|b\.jpg/ && $1 == "ITEM" { print $6 }')
	{
		head -c "${cut:-1}" a.det
		i=0
		while [ ! -f seen ] && [ $i -lt 50 ]; do
			sleep .1
			i=$((i + 1))
			[ -f out.now ] && det-show out.now 2>/dev/null | grep -q BOXS && : >seen
		done
		tail -c +$((${cut:-1} + 1)) a.det
	} | det-merge - b.det >out.now
	ok "an item comes out as soon as it can" test -f seen
fi

# --- two real detectors on photographs ---
m=$DET_DATA/models/darknet
if [ -d "$m" ] && [ -d "$DET_DATA/photos" ]; then
	for k in yolo-fastest-1.1 yolo-fastest-1.1-xl; do
		cfg=$(find "$m" -name "$k.cfg") names=$(find "$m" -name 'coco.names' | head -n 1)
		det-model import darknet "$cfg" "${cfg%.cfg}.weights" ${names:+--classes "$names"} -q -o $k.model
		det-image -m $k.model "$DET_DATA/photos/dog.jpg" "$DET_DATA/photos/person.jpg" |
			det-backbone -m $k.model | det-head -m $k.model | det-nms -m $k.model -o $k.det
	done
	for method in concat wbf rescore; do
		ok "two detectors: $method" det-merge --method $method yolo-fastest-1.1.det yolo-fastest-1.1-xl.det -o $method.det
	done
	is "concat has all boxes" "$(det-show --data concat.det | grep -c '^  [-0-9]')" \
		"$(cat yolo-fastest-1.1.det yolo-fastest-1.1-xl.det | det-show --data | grep -c '^  [-0-9]')"
	is "fusion gives the list of fusing the list" \
		"$(det-merge --method wbf concat.det concat.det | det-show --data | grep -c '^  [-0-9]')" \
		"$(det-nms --method fuse --iou .55 --clip none concat.det | det-show --data | grep -c '^  [-0-9]')"
	is "rescoring keeps the boxes" "$(det-export rescore.det | wc -l)" "$(det-export yolo-fastest-1.1.det | wc -l)"
else
	skip "two detectors" "no shared data"
fi
done_testing
