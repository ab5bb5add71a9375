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
is "the picture goes on, the list after it" "$(ss --max 3 | det-show | grep -v history | cut -c 1-46)" \
	"$(printf '%s\n' "$(det-show plain.in | grep -v -e history -e END | cut -c 1-46)" \
	'BOXS  proposals  3 boxes  space=input' 'END.  records=4  items=1')"
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
is "padding is no region" "$(awk '$2 < 20 || $4 > 140 || $1 < 0 || $3 > 160' list | wc -l | tr -d ' ')" 0
ok "  and boxes lie where the picture does" near 0 20 160 140 <list
is "crops of the regions" "$(ss --max 5 | det-roipool --op warp --size 16x16 --context 2 | det-show |
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
done_testing
