# shellcheck shell=sh
# The YOLOs from the architecture to detections: models of the small ones and of those over
# SqueezeNet are whole and run, and each learns four pictures by heart.
. "$DET_SRC/tests/lib.sh"

(. "$DET_SRC/tests/fixture.sh") >/dev/null
for a in tiny_yolov1 tiny_yolov2 tiny_yolov3 squeezenet_yolov1 squeezenet_yolov2 squeezenet_yolov3 \
	resnet18_yolov3; do
	like "--list: $a" "$(det-model new --list)" "^$a .*YOLOv"
	det-model new --arch $a --set classes=3 --seed 3 -o a.det
	det-model new --arch $a --set classes=3 --seed 3 -o b.det
	ok "$a: the same seed, the same bytes" cmp a.det b.det
	is "$a: is whole" "$(det-model check a.det)" "a.det: ok"
	det-run -m a.det -t .005 dog.jpg >boxes 2>err
	is "$a: runs" "$? $(cat err)" "0 "
	ok "$a: finds something" test "$(wc -l <boxes)" -gt 1
done

# an objectness begins at its prior: no score is far above
for a in tiny_yolov2 tiny_yolov3; do
	det-model new --arch $a --set prior=.001 --set out_std=1e-4 -o a.det
	is "$a: prior=.001" "$(det-run -m a.det -t .0015 dog.jpg | wc -l | tr -d ' ')" 1
	det-model new --arch $a --set prior=.9 --set out_std=1e-4 -o a.det
	ok "$a: prior=.9" test "$(det-run -m a.det -t .2 dog.jpg | wc -l)" -gt 1
done

# other sizes, classes and anchors
det-model new --arch tiny_yolov2 --set classes=2 --set per=2 --set anchors=1,1,3,2 -o a.det
is "anchors and classes that a user sets" "$(det-model check a.det)" "a.det: ok"
like "and the map follows" "$(det-model list --tsv a.det)" 'backbone/y8.weight	f32	14x192x1x1'
det-run -m a.det -t .005 --set det-image.size=160x96 dog.jpg >boxes 2>err
is "an input of another shape" "$? $(cat err)" "0 "
det-model new --arch squeezenet1_1 --seed 4 -o s.det
for v in 1 2 3; do
	det-model new --arch squeezenet_yolov$v --seed 5 --weights s.det -o y.det 2>err
	like "squeezenet_yolov$v: begins with a classifier's trunk" "$? $(tr '\n' ' ' <err)" \
		'^0 .*s.det: 50 weights taken, [0-9]* seeded: 0 of another shape, .* 0 not used'
done

# --- another backbone ---
printf 'disc\nring\nstar\n' >dsr
det-model new --arch resnet18 --set classes=3 --seed 4 -o r.det
det-model new --arch resnet18_yolov3 --set size=96 --classes dsr --weights r.det -o y.det 2>err
like "resnet18_yolov3: begins with a classifier's trunk" "$? $(tail -n 1 err)" \
	'^0 .*r.det: 100 weights taken, 24 seeded: 0 of another shape, 24 not there; 0 not used'
det-scene --count 4 --size 96x96 --only disc,ring,star | det-image -q -m y.det |
	det-train -q -m y.det --batch 2 --iterations 2 --log 1 --lr .001 -o other >out 2>err
is "  is trained" "$? $(cat err) $(wc -l <out | tr -d ' ')" "0  3"
like "  to a model that is whole" "$(det-model check other/last.det 2>&1)" ': ok$'
rm -rf other r.det y.det

# --- the published ones at sizes that change ---
det-scene -d set --count 4 --size 96x96 --only disc,ring
det-gt --coco set/truth.json --images set -o set.det
det-show --classes set.det >two
det-model new --arch yolov3-tiny --classes two -o y.det
det-image -q -m y.det --train --recipe "$DET_SRC/lib/recipes/yolov3.recipe" --batch 1 --epochs 1 \
	--sizes 64,96 --every 2 <set.det >in.det
is "pictures of two sizes" "$(det-show in.det | grep -o 'x3x[0-9]*x[0-9]*' | sort -u | tr '\n' ' ')" \
	"x3x64x64 x3x96x96 "
det-train -q -m y.det --recipe "$DET_SRC/lib/recipes/yolov3.recipe" --batch 1 --accumulate 2 \
	--iterations 2 --log 1 --checkpoint 0 -o sizes <in.det >out 2>err
is "yolov3-tiny is trained on both" "$? $(cat err) $(wc -l <out | tr -d ' ')" "0  3"
rm -rf sizes in.det y.det

# --- four pictures ---
if [ -n "$DET_SAN" ]; then
	skip "learning" "too slow under sanitizers"
	done_testing
fi
det-scene -d four --count 4 --seed 5 --size 128x128 --only disc,box,star --objects 1-3 --clutter 0-2
det-gt --coco four/truth.json --images four -o gt.det
printf 'disc\nbox\nstar\n' >three

column() { awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i } END { print $k }' run/log.tsv; }
learns() { # DESCRIPTION ARCH 'SETTINGS' LOSS OPTION...
	d=$1 a=$2 sets=$3 most=$4
	shift 4
	# shellcheck disable=SC2086
	det-model new --arch "$a" --classes three $sets --seed 3 -o m.det
	rm -rf run
	det-image -m m.det --train --epochs 0 --batch 4 <gt.det |
		det-train -m m.det -o run --batch 4 --log 10 --checkpoint 0 -q "$@" >out 2>err
	is "$d: trains" "$? $(cat err)" "0 "
	ok "$d: its loss is near zero" awk -v l="$(column loss)" -v m="$most" 'BEGIN { exit !(l < m) }'
	det-image -m run/last.det <gt.det | det-backbone -m run/last.det |
		det-head -m run/last.det --thresh .001 | det-nms -m run/last.det >found.det
	is "$d: and what it finds is right" \
		"$(det-eval --gt gt.det --tsv found.det 2>/dev/null | awk -F '\t' '$4 == "AP50" { print $5 }')" 1
}
learns YOLOv1 tiny_yolov1 "--set size=128 --set side=4 --set drop=0" .02 \
	--iterations 80 --lr .01 --warmup 20 --clip 10
is "YOLOv1: its terms are columns" "$(head -n 1 run/log.tsv | cut -f 3-7)" "xy	wh	obj	noobj	cls"
learns YOLOv2 tiny_yolov2 "--set size=128" .1 --iterations 120 --lr .002 --warmup 40 --clip 10
is "YOLOv2: its terms are columns" "$(head -n 1 run/log.tsv | cut -f 3-8)" "xy	wh	obj	noobj	cls	prior"
learns YOLOv3 tiny_yolov3 "--set size=128" .15 --iterations 90 --lr .003 --warmup 20 --clip 10
learns "YOLOv3 by GIoU" tiny_yolov3 "--set size=128" .3 --loss "yolo3 giou=1" \
	--iterations 150 --lr .006 --warmup 20 --clip 10 --schedule cosine
is "GIoU: its terms are columns" "$(head -n 1 run/log.tsv | cut -f 3-6)" "obj	noobj	cls	giou"
done_testing
