# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# A model without a network: objectness and deltas come in the stream. Two maps; cells of
# the first are 8 pixels apart with an anchor of 16, of the second 16 with one of 32.
cat >M.txt <<'X'
STRM
TEXT name=anchors
  | grid(a) sizes=16 stride=8
  | grid(b) sizes=32 stride=16
TEXT name=propose
  | anchors(a/cls, a/box) map=a classes=1 clip min_size=1
  | anchors(b/cls, b/box) map=b classes=1 clip min_size=1
END.
X
det-show --build M.txt >M.det
# candidates of a, row by row: 0 is the best, 1 overlaps it by a third, 3 is all outside
cat >in.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=32 height=16 input=32x32
TENS f32 1x1x2x2 name=a/cls
  4 3 -1 100
TENS f32 1x4x2x2 name=a/box
  0 0 0 0
  0 0 0 9
  0 0 0 0
  0 0 0 0
TENS f32 1x1x1x1 name=b/cls
  3.5
TENS f32 1x4x1x1 name=b/box
  0 0 0 0
TENS f32 3 name=other
  1 2 3
END.
X
det-show --build in.txt >in.det
boxes() { det-show --data "$@" | sed -n '/^BOXS/,/^[A-Z]/s/^  //p'; }
# x1 y1 x2 y2 and source; scores apart
places() { boxes "$@" | cut -d ' ' -f 1-4,6,8 | tr '\n' ';'; }

det-propose -m M.det in.det >out.det
is "best first, in the picture; what is outside is gone" "$(places out.det)" \
	"0 0 8 8 -1 0;0 0 16 16 -1 4;0 0 16 8 -1 1;0 0 8 16 -1 2;"
is "scores are sigmoids" "$(boxes out.det | cut -d ' ' -f 5 | cut -c 1-8 | tr '\n' ' ')" \
	"0.982013 0.970687 0.952574 0.268941 "
is "what was decoded is dropped, the rest goes on" "$(det-show out.det | grep -v history | cut -c 1-40)" \
	"ITEM  0 'a.jpg'  32x16 -> 32x32
BOXS  proposals  4 boxes  space=input
TENS  other  f32 3
END.  records=4  items=1"
is "--keep" "$(det-propose --keep -m M.det in.det | det-show | grep -c '^TENS')" 5
is "overlaps within a map: .5 with .45" "$(det-propose -m M.det --iou .45 in.det | places)" \
	"0 0 8 8 -1 0;0 0 16 16 -1 4;"
is "and at exactly .5" "$(det-propose -m M.det --iou .5 in.det | places)" "$(places out.det)"
is "--ge" "$(det-propose -m M.det --iou .5 --ge in.det | places)" "0 0 8 8 -1 0;0 0 16 16 -1 4;"
is "--plus-one" "$(det-propose -m M.det --iou .52 --plus-one in.det | places)" \
	"0 0 8 8 -1 0;0 0 16 16 -1 4;"
is "--pre-nms counts before small ones are dropped" "$(det-propose -m M.det --pre-nms 2 in.det | places)" \
	"0 0 8 8 -1 0;0 0 16 16 -1 4;"
is "--post-nms is of all maps" "$(det-propose -m M.det --post-nms 3 in.det | boxes | wc -l | tr -d ' ')" 3
is "--train has its own" "$(det-propose -m M.det --train --train-post-nms 1 in.det | places)" "0 0 8 8 -1 0;"
is "and the others do not count then" "$(det-propose -m M.det --train --post-nms 1 in.det | places)" "$(places out.det)"
is "--boxes" "$(det-propose -m M.det --boxes p in.det | det-show | grep -c 'BOXS  p ')" 1
sed 's/  4 3 -1 100/  -200 -200 -200 -200/; s/  3.5/  -300/' in.txt | det-show --build - >low.det
is "a score of 0 is no reason to drop" "$(det-propose -m M.det low.det | boxes | wc -l | tr -d ' ')" 4

# the anchors of the stream come first
sed 's/^TENS f32 1x1x1x1 name=b/TENS f32 1x1x1x4 name=b.anchors\n  1 2 30 14\n&/' in.txt |
	det-show --build - >own.det
like "anchors in the stream are preferred" "$(det-propose -m M.det own.det | boxes)" '^1 2 30 14 '
like "and dropped" "$(det-propose -m M.det own.det | det-show | grep -c anchors)" 0

# the network of a model, with the anchors of the stream and without
det-model new --arch tiny_frcnn --seed 1 -o F.det
awk -f "$DET_SRC/tests/demo/scene.awk" >scene.ppm
det-image -m F.det scene.ppm | det-backbone -m F.det -o maps.det
det-propose -m F.det maps.det >plain.det
det-anchors -m F.det maps.det | det-propose -m F.det >anchors.det
is "anchors made, anchors read: the same" "$(boxes plain.det | md5sum)" "$(boxes anchors.det | md5sum)"
like "there are some" "$(det-show plain.det)" 'proposals +[1-9][0-9]* boxes'
is "feature maps go on" "$(det-show plain.det | grep -c '^TENS  p[2-6] ')" 5
det-propose -m F.det <maps.det | cmp -s - plain.det
is "a pipe gives the same" $? 0

says() { # DESCRIPTION REGEX COMMAND...: fails with one line that matches
	said=$1 what=$2
	shift 2
	not_ok "$said" "$@"
	like "says so" "$("$@" 2>&1 >/dev/null)" "^det-propose: .*$what"
}
says "no map" "item 0 'a.jpg': no tensor 'a/cls'" sh -c 'sed "s,name=a/cls,name=x," in.txt |
	det-show --build - | det-propose -m M.det'
says "NaN" "item 0 'a.jpg': map 'a/cls': NaN at row 0, column 1" sh -c 'sed "s,  4 3,  4 nan," in.txt |
	det-show --build - | det-propose -m M.det'
says "maps of other sizes" "map.* 'a/cls' is 1x1x2x2 and 'a/box' is 1x4x1x4" sh -c \
	'sed "s,1x4x2x2,1x4x1x4," in.txt | det-show --build - | det-propose -m M.det'
sed 's/ map=b / map=c /' M.txt | det-show --build - >C.det
says "anchors of no map" "C.det: .*'c'" det-propose -m C.det in.det
sed 's/^TEXT name=propose/TEXT name=decode/' M.txt | det-show --build - >D.det
says "no text" "D.det: no text 'propose'" det-propose -m D.det in.det
says "no model" "which model" det-propose in.det

# --- selective search ---
# three plain rectangles on a plain ground: each is a region, so a box fits each
awk 'BEGIN {
	printf "P6 120 90 255\n"
	for (y = 0; y < 90; y++)
		for (x = 0; x < 120; x++) {
			if (x >= 10 && x < 50 && y >= 20 && y < 70)
				printf "%c%c%c", 220, 30, 30
			else if (x >= 70 && x < 110 && y >= 10 && y < 40)
				printf "%c%c%c", 30, 210, 40
			else if (x >= 60 && x < 100 && y >= 55 && y < 85)
				printf "%c%c%c", 240, 240, 90
			else
				printf "%c%c%c", 20, 40, 60
		}
}' >plain.ppm
det-image --fit none plain.ppm >plain.in
ss() { det-propose --selective-search fast "$@" plain.in; }
# shellcheck disable=SC2317
near() { # X1 Y1 X2 Y2 <boxes: one within 3 pixels at each side (smoothing moves borders)
	awk -v a="$1" -v b="$2" -v c="$3" -v d="$4" 'function far(x, y) { return x > y + 3 || x < y - 3 }
		!far($1, a) && !far($2, b) && !far($3, c) && !far($4, d) { n++ } END { exit !n }'
}
for r in det paper opencv; do
	ss --rules $r --max 0 | boxes >list
	for b in "0 0 120 90" "10 20 50 70" "70 10 110 40" "60 55 100 85"; do
		# shellcheck disable=SC2086
		ok "--rules $r finds $b" near $b <list
	done
done
is "the picture is dropped, the list comes" "$(ss --max 3 | det-show | grep -v history | cut -c 1-46)" \
	"$(printf '%s\n' "$(det-show plain.in | grep '^ITEM' | cut -c 1-46)" \
	'BOXS  proposals  3 boxes  space=image' 'END.  records=3  items=1')"
is "--keep passes it on, before the list" "$(ss --keep --max 3 | det-show | grep -v history | cut -d ' ' -f 1,3 | tr '\n' ' ')" \
	"ITEM 0 TENS image BOXS proposals END. records=4 "
is "scores fall by rank" "$(ss --max 4 | boxes | cut -d ' ' -f 5,6 | tr '\n' ';')" "1 -1;0.75 -1;0.5 -1;0.25 -1;"
is "the first of more" "$(ss --max 4 | places | cut -d ' ' -f 1-4)" "$(ss --max 5 | places | cut -d ' ' -f 1-4)"
is "any number of threads" "$(ss -j 1 --max 0 | boxes | md5sum)" "$(ss -j 3 --max 0 | boxes | md5sum)"
not_ok "--seed" test "$(ss --seed 1 --max 0 | boxes | md5sum)" = "$(ss --seed 2 --max 0 | boxes | md5sum)"
is "  changes the order alone" "$(ss --seed 1 --max 0 | boxes | cut -d ' ' -f 1-4 | sort | md5sum)" \
	"$(ss --seed 2 --max 0 | boxes | cut -d ' ' -f 1-4 | sort | md5sum)"
is "--min-side" "$(ss --min-side 31 --max 0 | boxes | awk '$3 - $1 < 31 || $4 - $2 < 31' | wc -l | tr -d ' ')" 0
is "--boxes" "$(ss --boxes p | det-show | grep -c 'BOXS  p ')" 1
is "--profile opencv is --rules opencv" "$(ss --profile opencv | boxes | md5sum)" "$(ss --rules opencv | boxes | md5sum)"
is "however it is normalised" "$(det-image --fit none --channels bgr --mean .4,.5,.6 --std .2,.3,.2 plain.ppm |
	det-propose --selective-search fast | boxes | md5sum)" "$(ss | boxes | md5sum)"
ok "quality finds more" test "$(det-propose --selective-search quality --max 0 plain.in | boxes | wc -l)" -gt "$(ss --max 0 | boxes | wc -l)"
det-image --fit letterbox --size 160x160 plain.ppm | det-propose --selective-search fast --max 0 |
	boxes >list
is "padding is no region" "$(awk '$1 < 0 || $2 < 0 || $3 > 120 || $4 > 90' list | wc -l | tr -d ' ')" 0
ok "  and boxes lie where the picture does" near 0 0 120 90 <list
det-image --fit stretch --size 160x180 --flip plain.ppm | det-propose --selective-search fast --max 0 |
	boxes >list
ok "boxes are those of the original picture" near 10 20 50 70 <list
ss | det-image --fit letterbox --size 64x64 >again.det
is "  whoever reads the pictures again has the same" "$(boxes again.det | md5sum)" "$(ss | boxes | md5sum)"
is "crops of the regions" "$(ss --keep --max 5 | det-roipool --op warp --size 16x16 --context 2 | det-show |
	sed -n 's/^TENS  rois  f32 \([0-9x]*\).*/\1/p')" 5x3x16x16
cat >bare.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=1 height=1 input=1x1
TENS f32 1x3x1x1 name=image
  1 1 1
END.
X
says "not by whose norm" "normalisation" sh -c 'det-show --build bare.txt | det-propose --selective-search fast'
says "no picture" "no tensor 'image'" det-propose --selective-search fast in.det
says "no such mode" "selective-search.*best" det-propose --selective-search best plain.in

# --- windows ---
item() { # WORDS
	printf 'STRM\nITEM id=0 path=a.jpg %s\nEND.\n' "$1" | det-show --build -
}
item "width=100 height=60" >item.det
slide() { det-propose --windows --window-sizes 40 --window-step 2 --window-stride .5 "$@" item.det; }
is "windows: rows, columns; as long as they fit" "$(slide | places | sed 's/ -1 /:/g')" \
	"0 0 40 40:0;20 0 60 40:0;40 0 80 40:0;60 0 100 40:0;0 20 40 60:0;20 20 60 60:0;40 20 80 60:0;60 20 100 60:0;"
is "levels" "$(slide --window-step 1.5 | places | sed 's/ -1 /:/g' | cut -d ';' -f 9-)" \
	"0 0 60 60:1;30 0 90 60:1;"
is "--window-levels" "$(slide --window-step 1.5 --window-levels 1 | places)" "$(slide | places)"
is "sizes, then aspects" "$(slide --window-sizes 30,60 --window-aspects 1,4 --window-stride 1 --window-levels 1 | places | sed 's/ -1 /:/g')" \
	"0 0 30 30:0;30 0 60 30:0;60 0 90 30:0;0 30 30 60:0;30 30 60 60:0;60 30 90 60:0;$(for x in 0 15 30 45 60 75; do
		printf '%s 0 %s 60:1;' $x $((x + 15))
	done)0 0 60 60:2;"
is "scores are 1, the space is the original's" "$(slide | det-show --data | sed -n 's/^BOXS.*space=//p; s/^  0 0 40 40 //p')" "image
1 -1 0 0 0"
is "none fits" "$(slide --window-sizes 61 | det-show | grep -c ' 0 boxes')" 1
item "input=60x40 width=0 height=0" >input.det
is "an input alone has windows too" "$(det-propose --windows --window-sizes 40 --window-stride .5 input.det |
	det-show --data | sed -n 's/^BOXS.*space=//p; s/^  20 0 60 40 //p')" "input
1 -1 0 0 0"
item "error=lost" >lost.det
is "an item that is marked as bad has none" "$(det-propose --windows lost.det | det-show | grep -c BOXS)" 0
item "" >bare.det
says "windows of no size" "item 0 'a.jpg': .*does not tell the picture's size" det-propose --windows bare.det
item "width=60000 height=60000" >huge.det
says "too many" "item 0 'a.jpg': at most 4194304 windows expected" det-propose --windows huge.det
says "a stride of nothing" "window-stride" det-propose --windows --window-stride 0 item.det
det-propose --windows plain.in >passed.det
is "the rest is forwarded" "$(det-show passed.det | grep -v history | cut -d ' ' -f 1,3 | tr '\n' ' ')" \
	"ITEM 0 BOXS proposals TENS image END. records=4 "

# --- another list ---
cat >lists.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=100 height=60 map=".5 .5 0 0" input=50x30
BOXS name=gt space=image
  1 2 30 40 1 900 0 1 -1
  5 6 70 50 1 0 1 0 7
BOXS name=found space=input
  1 2 3 4 .5 0 0 0 3
  2 3 4 5 .7 0 0 0 4
  3 4 5 6 .5 0 0 0 5
ITEM id=1 path=b.jpg width=100 height=60
BOXS name=gt space=image
BOXS name=found space=input
END.
X
sed 's/ map=".5 .5 0 0"//' lists.txt | det-show --build - >lists.det
from() { det-propose "$@" lists.det | det-show --data | awk '/^[A-Z]/ { own = /^BOXS name=proposals / } own'; }
is "--from: place and score" "$(from --from gt)" "BOXS name=proposals space=image
  1 2 30 40 1 -1 0 0 0
  5 6 70 50 1 -1 0 1 0
BOXS name=proposals space=image"
is "  in the list's order and space" "$(from --from found | head -n 4)" "BOXS name=proposals space=input
  1 2 3 4 0.5 -1 0 0 0
  2 3 4 5 0.7 -1 0 1 0
  3 4 5 6 0.5 -1 0 2 0"
is "  --max: the best, best first" "$(from --from found --max 2 | head -n 3)" "BOXS name=proposals space=input
  2 3 4 5 0.7 -1 0 1 0
  1 2 3 4 0.5 -1 0 0 0"
is "  the list goes on" "$(det-propose --from gt lists.det | det-show | grep -c 'BOXS  gt ')" 2
# --near: of "found", the boxes that overlap an object
cat >near.txt <<'EOF'
STRM
  | cat
ITEM id=0 path=a.jpg width=200 height=100
BOXS name=gt space=image
  10 10 30 30 1 0
  100 10 120 30 1 0 1
BOXS name=found space=image
  10 10 30 30 .5 0
  14 10 34 30 .9 0
  22 10 42 30 .8 0
  100 10 120 30 .7 0
ITEM id=1 path=b.jpg width=200 height=100
BOXS name=gt space=image
BOXS name=found space=image
  1 1 9 9 .5 0
END.
EOF
det-show --build near.txt >near.det
near() { det-propose --from found "$@" near.det | det-show --data | awk '/^[A-Z]/ { own = /^BOXS name='"${list:-proposals}"' / } own { print $1, $5 }' | grep -v BOXS | tr '\n' ' '; }
is "--near: those that overlap an object" "$(near --near .5)" "10 0.5 14 0.9 "
is "  by more" "$(near --near .9)" "10 0.5 "
is "  whichever objects are meant" "$(det-propose --from gt --near .5 --gt found near.det | det-show | grep 'BOXS  prop' | tr -s ' ' | cut -d ' ' -f 3 | tr '\n' ' ')" "2 0 "
is "  the best of them" "$(near --near 0 --max 2)" "14 0.9 22 0.8 "
is "  in their list's place" "$(list=found near --near .5 --boxes found)" "10 0.5 14 0.9 "
is "  as --max has it" "$(list=found near --max 1 --boxes found)" "14 0.9 1 0.5 "
says "--near of nothing" "near chooses among the boxes of --from" det-propose --windows --near .5 near.det
says "--near in place of the objects" "the new list would be 'gt'" det-propose --from found --near .5 --boxes gt near.det
says "--near of the objects themselves" "two lists expected under --near, found 'gt' twice" det-propose --from gt --near .5 near.det
says "--keep of what is replaced" "would have two lists 'found'" det-propose --from found --boxes found --near .5 --keep near.det
# pictures stretched twofold across, mirrored: the same boxes are near, wherever objects are told
for space in image input; do
	sed 's/^ITEM.*/& input=400x100 map="2 1 0 0 flip"/' near.txt | awk -v space="$space" '
		/^[A-Z]/ { gt = /name=gt/; if (gt && space == "input") sub("space=image", "space=input") }
		gt && /^  / && space == "input" { l = 400 - 2 * $3; $3 = 400 - 2 * $1; $1 = l; $0 = "  " $0 }
		{ print }' | det-show --build - >moved.det
	is "  objects in space $space" "$(det-propose --from found --near .5 moved.det | det-show | grep -c 'BOXS  proposals  [20] boxes')" 2
done
is "a model's --near goes with its --from" "$(printf 'STRM\nTEXT name=options/det-propose\n  | from=found\n  | near=.5\nEND.\n' |
	det-show --build - >N.det; det-propose -m N.det near.det | det-show | grep 'BOXS  prop' | tr '\n' ' '
	det-propose -m N.det --windows near.det | det-show | grep -c 'BOXS  prop')" "BOXS  proposals  2 boxes  space=image BOXS  proposals  0 boxes  space=image 2"
says "no such list" "item 0 'a.jpg': no box list 'boxes'" det-propose --from boxes lists.det
says "its own name" "has that name too" det-propose --from gt --boxes gt lists.det
det-propose --from gt lists.det >twice.det
says "a list that is there already" "has a box list 'proposals' already: give --boxes" det-propose --from gt twice.det
says "  of windows" "has a box list 'proposals' already: give --boxes" det-propose --windows twice.det
like "  under another name" "$(det-propose --from gt --boxes more twice.det | det-show)" 'BOXS  more  2 '
says "two ways at once" "one of --selective-search, --windows and --from" det-propose --from gt --windows lists.det
printf 'STRM\nTEXT name=options/det-propose\n  | windows=1\n  | window-sizes=30\nEND.\n' |
	det-show --build - >W.det
like "a model may ask for windows" "$(det-propose -m W.det item.det | det-show)" 'BOXS  proposals  [1-9]'
is "  the command line stands before it" "$(det-propose -m W.det --from gt lists.det | det-show | grep -c 'BOXS  proposals  2 ')" 1
done_testing
