# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

cat >in.txt <<'X'
STRM
  | person
  | dog
ITEM id=0 path=a.jpg width=200 height=100 input=416x416 map="2.08 2.08 0 104"
TENS f32 1x2 name=other
  1 2
BOXS name=boxes space=input note=kept
  0 104 208 312 .5 0
  0 104 208 310 .6 0
  -20.8 104 208 312 .5 1
ITEM id=1 path=bad.jpg error="not a picture"
ITEM id=2 path=b.jpg width=200 height=100 input=416x416 map="2.08 2.08 0 104 flip"
BOXS name=boxes space=input
  0 104 104 312 .25 0
END.
X
det-show --build in.txt >in.det
boxes() { det-show --data "$@" | sed -n 's/^  \([-0-9]\)/\1/p' | grep -v '^1 2$'; }

det-nms in.det >out.det
is "kept, mapped, clipped, best first" "$(boxes out.det)" \
	"0 0 100 99.03846153846153 0.6 0 0 -1 0
0 0 100 100 0.5 1 0 -1 0
150 0 200 100 0.25 0 0 -1 0"
like "space is the picture's, attributes stay" "$(det-show --data out.det)" \
	'^BOXS name=boxes space=image note=kept$'
like "other records pass" "$(det-show --data out.det)" '^TENS f32 1x2 name=other$'
like "marked items pass" "$(det-show out.det)" 'bad.jpg'
det-show --build in.txt | det-nms | cmp -s - out.det
is "a pipe gives the same bytes as a file" $? 0
is "twice is once" "$(det-nms out.det | boxes)" "$(boxes out.det)"
like "--clip none" "$(det-nms --clip none in.det | boxes)" '^-10 0 100 100 0.5 1'
like "--map none" "$(det-nms --map none in.det | boxes)" '^0 104 208 310 0.6 0'
is "--agnostic" "$(det-nms --agnostic in.det | boxes | wc -l | tr -d ' ')" 2
is "--iou 1 keeps all" "$(det-nms --iou 1 in.det | boxes | wc -l | tr -d ' ')" 4
is "--min-score" "$(det-nms --min-score .55 in.det | boxes | wc -l | tr -d ' ')" 1
is "--max 1 is of each picture" "$(det-nms --max 1 in.det | boxes | wc -l | tr -d ' ')" 2
like "soft" "$(det-nms --method soft-linear --iou .3 in.det | boxes)" ' 0\.00[0-9]* 0 0 -1 0$'
like "history" "$(det-nms --iou .3 in.det | det-show --history)" '^det-nms .*--iou=?.?\.3'

# --- the rest of the options, on boxes of one picture ---
cat >more.txt <<'X'
STRM
  | person
  | dog
ITEM id=0 path=a.jpg width=50 height=100 input=100x100 map="2 1 0 0"
BOXS name=boxes space=input
  0 0 10 10 .875 0
  0 0 10 6 .75 0
  0 5 10 10 .5 0
  50 0 60 10 .5 1
  70 0 78 10 .25 1
END.
X
det-show --build more.txt >more.det
scores() { boxes | cut -d ' ' -f 5 | tr '\n' ' '; }
is "--iou .6" "$(det-nms --iou .6 more.det | scores)" "0.875 0.75 0.5 0.5 0.25 "
is "--wide" "$(det-nms --iou .6 --wide more.det | scores)" "0.875 0.5 0.5 0.25 "
is "--ge" "$(det-nms --iou .6 --ge more.det | scores)" "0.875 0.5 0.5 0.25 "
is "--max" "$(det-nms --iou .6 --max 3 more.det | scores)" "0.875 0.75 0.5 "
is "--max-ties" "$(det-nms --iou .6 --max 3 --max-ties more.det | scores)" "0.875 0.75 0.5 0.5 "
is "--pre-max-per-class" "$(det-nms --pre-max-per-class 1 more.det | scores)" "0.875 0.5 "
is "--max-per-class" "$(det-nms --iou .6 --max-per-class 2 more.det | scores)" "0.875 0.75 0.5 0.25 "
is "--eta" "$(det-nms --iou .7 --eta .8 more.det | scores)" "0.875 0.5 0.5 0.25 "
is "--trick" "$(det-nms --iou .7 --trick 1 more.det | scores)" "0.875 0.75 0.5 0.5 0.25 "
is "matrix-linear: .75 * .4, .5 * .5" "$(det-nms --method matrix-linear --min-score .24 more.det |
	boxes | cut -d ' ' -f 4,5 | sed 's/\(\.[0-9]\{6\}\)[0-9]*/\1/')" "10 0.875
10 0.5
6 0.299999
10 0.25
10 0.25"
is "matrix-gauss: .75 exp(-.36), .5 exp(-.25)" "$(det-nms --method matrix-gauss --sigma 1 more.det |
	boxes | cut -d ' ' -f 5 | cut -c 1-7 | tr '\n' ' ')" "0.875 0.52325 0.5 0.38940 0.25 "
is "fuse: (.875 10 + .75 6) / 1.625" "$(det-nms --method fuse --iou .55 more.det | boxes | head -n 1)" \
	"0 0 5 8.153846153846153 0.8125 0 0 -1 0"
is "fuse: the highest" "$(det-nms --method fuse --fuse-score max --iou .55 more.det | scores)" "0.875 0.5 0.5 0.25 "
# in the picture a side is half as long, so +1 counts twice as much
is "--map after: overlaps of the input" "$(det-nms --plus-one --iou .63 --map after more.det | scores)" \
	"0.875 0.5 0.5 0.25 "
is "--map after: boxes of the picture" "$(det-nms --map after more.det | boxes | sed -n 1p)" "0 0 5 10 0.875 0 0 -1 0"
like "--map none" "$(det-nms --map none more.det | det-show --data)" '^BOXS name=boxes space=input'
like "what does not go together" "$(det-nms --method fuse --eta .5 more.det 2>&1 >/dev/null)" \
	"^det-nms: more.det: item 0 'a.jpg': only greedy"
is "-j changes nothing" "$(det-nms -j 2 more.det | scores)" "$(det-nms -j 1 more.det | scores)"

not_ok "no such list" det-nms --boxes proposals in.det
like "says which item" "$(det-nms --boxes proposals in.det 2>&1 >/dev/null)" \
	"^det-nms: in.det: item 0 'a.jpg': no box list 'proposals'"
sed 's/^TENS.*/BOXS name=boxes space=image/; s/^  1 2$//' in.txt | det-show --build - >twice.det
like "a second list of that name" "$(det-nms twice.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': a second box list 'boxes'"
sed 's/ width=200 height=100//' in.txt | det-show --build - >nosize.det
like "clipping needs the size" "$(det-nms nosize.det 2>&1 >/dev/null)" "item 0 'a.jpg': .*size"
like "a misspelt choice" "$(det-nms --method fast in.det 2>&1 >/dev/null)" 'soft-gauss|greedy'
is "exit status of misuse" "$(status det-nms --iou 2 in.det)" 2
done_testing
