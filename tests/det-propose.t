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
done_testing
