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
