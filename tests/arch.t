# shellcheck shell=sh
# Architectures: det-model new --arch, import torch and safetensors --arch, and that the models
# run. (tests/unit/test_arch.c holds names and numbers of weights against other programs'.)
. "$DET_SRC/tests/lib.sh"

# --- what there is ---
det-model new --list >archs
is "--list: status" "$?" 0
for a in fasterrcnn_resnet50_fpn fasterrcnn_resnet101_fpn fasterrcnn_vgg16 fasterrcnn_zf \
	retinanet_resnet50_fpn retinanet_resnet101_fpn retinanet_resnet50_fpn_v2 ssd300_vgg16 ssd300_caffe ssd512_caffe \
	mobilenet_ssd squeezenet_ssd ultraface_slim vgg16 resnet18 resnet50 resnet101 squeezenet1_0 squeezenet1_1 squeezenet1_1_caffe mobilenet_v1 \
	alexnet zf darknet19 darknet53 yolov1 yolov2 yolov3 yolov3-tiny squeezenet_ssdlite \
	squeezenet_ssd_fpn squeezenet_retinanet squeezenet_frcnn squeezenet_frcnn_fpn hog tiny_frcnn tiny_retinanet tiny_ssd \
	fast_rcnn_vgg16 spp_zf spp_vgg16 rcnn_alexnet rcnn_vgg16 squeezenet_fast_rcnn squeezenet_spp squeezenet_rcnn \
	tiny_fast_rcnn tiny_spp tiny_rcnn; do
	ok "--list: $a" grep -q "^$a  *[A-Za-z]" archs
done
is "--list: a line each, of a terminal's width" "$(awk 'NF < 2 || length > 110' archs)" ""
like "--list of one: its variables" "$(det-model new --list --arch tiny_ssd)" '^classes=3$'

# --- what is made ---
make_says() { # DESCRIPTION REGEX ARG...
	d=$1 re=$2
	shift 2
	rm -f new.det
	det-model new "$@" -o new.det >out 2>err
	like "$d" "$? $(cat err)" "^2 det-model new: $re"
	[ ! -e new.det ] || ok "$d: no file" false
}
make_says "no such architecture" "no architecture 'tiny_sdd': is tiny_ssd meant" --arch tiny_sdd
make_says "no such variable" "tiny_ssd has no variable 'x'; it has .*classes=3" --arch tiny_ssd --set x=1
make_says "a value that the net refuses" "tiny_frcnn: net/backbone:[0-9]+: " --arch tiny_frcnn --set fpn=0
make_says "a deviation below 0" "seed: normal: -1 is outside 0 to" --arch tiny_frcnn --set cls_std=-1
make_says "one that is no number" "seed: normal: 'x' is not a number" --arch tiny_frcnn --set cls_std=x
make_says "no classes" "tiny_ssd: classes: 0 is outside" --arch tiny_ssd --set classes=0
make_says "--set without --arch" "--set goes with --arch" --net x --set a=1
make_says "two networks" "which network" --arch tiny_ssd --net x
printf 'cat\ndog\n' >two
det-model new --arch tiny_ssd --classes two -o two.det
like "--classes: names, and their number" "$(det-model list two.det)" '^classes: 2: cat, dog$'
like "and the heads follow" "$(det-model list --tsv two.det)" \
	'head/fc7_mbox_conf.weight	f32	18x16x3x3'
make_says "another number" "2 names for its 3 classes|tiny_ssd: 2 names" --arch tiny_ssd --classes two --set classes=3

# --- the models run ---
(. "$DET_SRC/tests/fixture.sh") >/dev/null
for a in tiny_frcnn tiny_retinanet tiny_ssd; do
	det-model new --arch $a --seed 3 -o a.det
	det-model new --arch $a --seed 3 -o b.det
	ok "$a: the same seed, the same bytes" cmp a.det b.det
	det-model new --arch $a --seed 4 -o b.det
	not_ok "$a: another seed" cmp -s a.det b.det
	is "$a: is whole" "$(det-model check a.det)" "a.det: ok"
	det-run -m a.det dog.jpg >boxes 2>err
	is "$a: runs" "$? $(cat err)" "0 "
	ok "$a: finds something" test "$(wc -l <boxes)" -gt 1
	is "$a: inside the picture" \
		"$(awk -F '\t' '$3 < 0 || $3 > 1 || $4 < -.01 || $5 < -.01 || $6 < $4 || $7 < $5' boxes)" ""
	det-run -m a.det -n dog.jpg >pipe
	grep -v det-anchors pipe >short.sh
	is "$a: det-anchors may be left out" "$(sh short.sh)" "$(cat boxes)"
done
for a in mobilenet_ssd squeezenet_ssd; do
	det-model new --arch $a --set classes=2 --classes two --seed 3 -o s.det
	is "$a: is whole" "$(det-model check s.det)" "s.det: ok"
	det-run -m s.det dog.jpg --set det-head.thresh=.01 >boxes 2>err
	is "$a: runs" "$? $(cat err)" "0 "
	is "$a: names of its classes" "$(tail -n +2 boxes | cut -f 2 | sort -u | tr '\n' ' ')" "cat dog "
done
det-model new --arch hog --classes two --set sizes=24 --seed 3 -o s.det
is "hog: is whole" "$(det-model check s.det)" "s.det: ok"
det-run -m s.det dog.jpg --set det-nms.max=0 >boxes 2>err
is "hog: runs without a backbone" "$? $(cat err)" "0 "
is "hog: margins of either sign" \
	"$(awk -F '\t' 'NR > 1 { n[$3 < 0]++ } END { print (n[0] > 0) (n[1] > 0) }' boxes)" 11
# those to be trained on CPUs: they run as they begin, on weights of a classifier's trunk
det-model new --arch squeezenet1_1_caffe --set classes=7 --seed 2 -o trunk.det
for a in squeezenet_ssdlite squeezenet_ssd_fpn squeezenet_retinanet squeezenet_frcnn squeezenet_frcnn_fpn \
	squeezenet_fast_rcnn squeezenet_spp squeezenet_rcnn; do
	det-model new --arch $a --classes two --weights trunk.det -o s.det 2>err
	like "$a: takes the trunk" "$? $(tail -n 1 err)" '^0 .*trunk.det: 50 weights taken, [0-9]+ seeded: 0 of another shape, [0-9]+ not there; 0 not used'
	is "$a: is whole" "$(det-model check s.det)" "s.det: ok"
	case $a in
	*_rcnn | *_spp) few='--set det-propose.max=50' ;;
	*) few= ;;
	esac
	# shellcheck disable=SC2086
	det-run -m s.det dog.jpg --set det-head.thresh=.001 $few >boxes 2>err
	is "$a: runs" "$? $(cat err)" "0 "
	like "$a: names of its classes" "$(cut -f 2 boxes | sort -u | tr '\n' ' ')" '^(cat )?(dog )?$'
	ok "$a: finds something" test "$(wc -l <boxes)" -gt 0
done
# a map of stride 8, by holes, has four times the cells
cells() {
	det-model new --arch squeezenet_frcnn "$@" -o s.det
	det-image -m s.det dog.jpg | det-backbone -m s.det | det-show | sed -n 's/.*c4  f32 1x128x//p'
}
is "one map, of stride 16" "$(cells)" 15x20
is "of stride 8" "$(cells --set s5=1 --set hole=2 --set stride=8)" 30x40
# 19 x 19 cells of three priors and 10, 5, 3, 2, 1 of six: as many as its author's Caffe has
is "MobileNet-SSD: priors" "$(det-model new --arch mobilenet_ssd -o m.det
	det-image -m m.det dog.jpg | det-backbone -m m.det | det-anchors -m m.det | det-show |
		sed -n 's/.*[.]anchors  f32 \([0-9x]*\).*/\1/p' | awk -F x '{ n += $1 * $2 * $3 } END { print n }')" 1917
det-model new --arch resnet18 --set classes=7 -o r.det
is "a classifier is whole" "$(det-model check r.det)" "r.det: ok"
is "and gives its five best" "$(det-run -m r.det dog.jpg | wc -l | tr -d ' ')" 5

# --- weights that others were trained to ---
det-model new --arch tiny_ssd --set classes=2 --seed 5 -o two.det
det-model new --arch tiny_ssd --set classes=4 --seed 6 --weights two.det -o four.det 2>err
is "--weights: heads of other classes" "$? $(grep -c 'other shape: head/.*_mbox_conf' err)" "0 6"
like "says what" "$(cat err)" \
	'other shape: head/fc7_mbox_conf.weight is 30x16x3x3 here, 18x16x3x3 in two.det; seeded'
like "and how much" "$(tail -n 1 err)" 'two.det: [0-9]+ weights taken, 6 seeded: 6 of another shape, 0 not there; 0 not used'
is "makes a whole model" "$(det-model check four.det)" "four.det: ok"
ok "  and what was seeded, and why" test "$(det-model list four.det | grep -o 'told=' | wc -l)" -ge 1
like "whose meta says so" "$(det-model list four.det)" 'start=two.det taken=[0-9]+ seeded=6'
det-model new --arch tiny_ssd --set classes=2 --seed 6 -o fresh.det
found() { # MODEL
	det-run -m "$1" dog.jpg --set det-head.thresh=.01
}
det-model new --arch tiny_ssd --set classes=2 --seed 6 --weights two.det --strict -o same.det 2>/dev/null
is "--strict: all of it fits" "$? $(found same.det)" "0 $(found two.det)"
not_ok "of another seed is another" test "$(found same.det)" = "$(found fresh.det)"
make_says "--strict: another shape" "two.det: 6 weights of another shape and 0 of no use: other shape: head" \
	--arch tiny_ssd --set classes=4 --weights two.det --strict
make_says "nothing fits" "none of the [0-9]+ tensors of r.det is a weight of tiny_ssd; the first is backbone/conv1" \
	--arch tiny_ssd --weights r.det
printf 'cat\ndog\ncat\n' >again
make_says "a class twice" "again: each name once expected, found 'cat' as classes 1 and 3" \
	--arch tiny_ssd --classes again
make_says "no such file" "no.det: No such" --arch tiny_ssd --weights no.det
echo hello >no.model
make_says "of no kind that is known" "expected a model, Darknet's .weights, .*: no caffemodel: no.model" --arch tiny_ssd --weights no.model
make_says "--weights with neither" "--weights goes with --arch or --darknet" --net x --weights two.det
make_says "--strict alone" "--strict goes with --weights" --arch tiny_ssd --strict
det-model export safetensors two.det -o two.safetensors
det-model new --arch tiny_ssd --set classes=2 --seed 6 --weights two.safetensors -o st.det 2>/dev/null
is "from safetensors" "$(found st.det)" "$(found two.det)"
for pair in resnet50:fasterrcnn_resnet50_fpn:265 resnet50:retinanet_resnet50_fpn:265 vgg16:ssd300_vgg16:26 \
	vgg16:fasterrcnn_vgg16:30 zf:fasterrcnn_zf:13; do
	from=${pair%%:*} rest=${pair#*:}
	to=${rest%:*} n=${rest#*:}
	[ -f "$from.trunk.det" ] || det-model new --arch "$from" --set classes=2 -o "$from.trunk.det"
	like "$to begins with a classifier's $from" \
		"$(det-model new --arch "$to" --weights "$from.trunk.det" 2>&1 >out.det | tail -n 1)" ": $n weights taken"
done
rm -f ./*.trunk.det out.det
head -c 9000 two.det >cut.det
not_ok "a model that is cut" det-model new --arch tiny_ssd --weights cut.det -o new.det 2>/dev/null

# --- Darknet's weights: no names, or numbers for names; layers in order ---
layers() { # FILTERS ...: a cfg of so many 3x3 layers, as the first of YOLOv3-tiny are
	printf '[net]\nwidth=96\nheight=96\nchannels=3\n'
	for f in "$@"; do
		printf '[convolutional]\nbatch_normalize=1\nfilters=%s\nsize=3\nstride=1\npad=1\nactivation=leaky\n' "$f"
		printf '[maxpool]\nsize=2\nstride=2\n'
	done
}
layers 16 32 64 >three.cfg
det-model new --darknet three.cfg --seed 4 -o three.det
det-model export darknet three.det -o three.weights
det-model new --arch yolov3-tiny --classes two --weights three.weights -o tiny.det 2>err
like ".weights cut off after three layers" "$? $(tail -n 1 err)" \
	'^0 .*three.weights: 15 weights taken, [0-9]+ seeded: 0 of another shape, [0-9]+ not there; 0 not used'
numbers() { # MODEL NAME
	det-show --npy "$2" "$1" | cksum
}
for w in weight bn.bias bn.weight bn.mean bn.var; do
	is "in its place: $w" "$(numbers tiny.det backbone/c4.y.$w)" "$(numbers three.det backbone/conv4.$w)"
done
det-model new --arch yolov3-tiny --classes two --weights three.det -o by-order.det 2>err
is "a model of such a cfg: by order" "$? $(grep -c 'no name is the same: 3 layers' err)" "0 1"
is "which is the same" "$(numbers by-order.det backbone/c2.y.weight)" "$(numbers tiny.det backbone/c2.y.weight)"
head -c 9000 three.weights >cut.weights
make_says "which ends within a layer" "cut.weights, read layer after layer of yolov3-tiny, ends within layer 'backbone/c2.y'" \
	--arch yolov3-tiny --weights cut.weights
layers 16 32 64 64 >more.cfg
det-model new --darknet more.cfg -o more.det
det-model export darknet more.det -o more.weights
make_says "another network's" "more.weights, read layer after layer of yolov3-tiny, ends within layer 'backbone/c6.y'" \
	--arch yolov3-tiny --weights more.weights
layers 16 32 70 128 >other.cfg
det-model new --darknet other.cfg --seed 5 -o other.det
det-model new --arch yolov3-tiny --classes two --weights other.det -o new.det 2>err
is "other numbers of outputs" "$? $(grep -c 'other shape: backbone/c4' err)" "0 5"
like "end it" "$(cat err)" 'not used: backbone/conv6.weight'
rm -f new.det tiny.det by-order.det
det-model new --darknet other.cfg --seed 6 --weights three.det -o new.det 2>err
like "a cfg begins with a model" "$? $(tail -n 1 err)" \
	'^0 .*three.det: 10 weights taken, 10 seeded: 5 of another shape, 5 not there; 0 not used'
like "whose meta says so" "$(det-model list new.det)" 'start=three.det taken=10 seeded=10'
rm -f new.det

# --- how random weights are made ---
det-model new --arch tiny_retinanet --set prior=.9 --set cls_std=.001 -o p.det
like "prior: scores begin there" "$(det-run -m p.det dog.jpg | sed -n 2p | cut -f 3)" '^0?[.](89|90)'
make_says "a prior of 1" "seed: prior: 1 is outside" --arch tiny_retinanet --set prior=1

# --- damaged texts ---
bad_text() { # DESCRIPTION REGEX, the recipe on standard input
	det-show --build - -o bad.det
	like "check: $1" "$(det-model check bad.det 2>&1)" "$2"
}
bad_text "anchors of no map" "anchors wants the map 'p9', which no net puts out" <<'END'
STRM
TEXT name=anchors
  | grid(p9) sizes=32
END.
END
bad_text "a decoder without anchors" "decode" <<'END'
STRM
  | cat
TEXT name=decode
  | anchors(c, b) map=m classes=1 score=sigmoid
END.
END
bad_text "a net that nobody feeds" "net/head takes 'p2', which no net puts out" <<'END'
STRM
TEXT name=net/head
  | net head
  | input p2 4 8 8
  | y = relu(p2)
  | output y
END.
END

# --- profiles ---
like "--profile: one that is not" "$(det-image --profile none dog.jpg 2>&1 >out)" \
	"--profile: 'none' is none of tv, tv32, caffe"
size() { det-image "$@" dog.jpg | det-show | awk '/TENS/ { print $4 }'; }
is "--profile tv" "$(size --profile tv)" "1x3x800x1088"
is "under the command line" "$(size --profile tv --short 400 --multiple 1)" "1x3x400x533"
is "over the model" "$(size -m a.det --profile darknet --fit none)" "1x3x480x640"
like "a model may not choose one" "$(
	det-show --build - -o p.det <<'END'
STRM
TEXT name=options/det-image
  | profile=tv
END.
END
	det-image -m p.det dog.jpg 2>&1 >out
)" 'a model may not set --profile'

# --- import ---
says() { # DESCRIPTION REGEX ARG...
	d=$1 re=$2
	shift 2
	det-model import "$@" -o new.det >out 2>err
	like "$d" "$? $(cat err)" "^2 det-model import $re"
}
says "torch: no architecture named" "torch: which architecture" torch a.det
says "torch: no such file" "torch: no.pth" torch no.pth --arch tiny_ssd
says "torch: another file" "torch: a.det" torch a.det --arch tiny_ssd
det-model export safetensors a.det -o a.safetensors
det-model import safetensors a.safetensors --arch tiny_ssd --strict -o b.det
is "safetensors --arch: our own names" "$? $(det-model check b.det)" "0 b.det: ok"
is "the same boxes" "$(det-run -m b.det dog.jpg)" "$(det-run -m a.det dog.jpg)"
says "of another architecture" \
	"safetensors: a.safetensors: [0-9]+ of the weights of tiny_frcnn can't be had: .*missing" \
	safetensors a.safetensors --arch tiny_frcnn
if [ -d "$DET_DATA/models/torch" ]; then
	t=$DET_DATA/models/torch
	det-model import torch "$t/version-slim-320.pth" --arch ultraface_slim --strict -o face.det
	is "UltraFace from .pth" "$? $(det-model check face.det)" "0 face.det: ok"
	det-run -m face.det "$DET_DATA/photos/001150.jpg" >faces
	is "and a face where there is one" "$(awk -F '\t' '$3 > .99 && $4 > 290 && $4 < 305 && $6 > 350 && $6 < 365' faces | wc -l | tr -d ' ')" 1
	cut -d ' ' -f 2- "$t/synset_words.txt" >words
	det-model import safetensors "$t/squeezenet_v1.1.safetensors" --arch squeezenet1_1_caffe \
		--classes words --strict -o sq.det
	like "SqueezeNet from safetensors sees a dog" \
		"$(det-run -m sq.det "$DET_DATA/photos/dog.jpg" | head -n 1)" 'dogsled|malamute|husky'
else
	skip "published weights" "no shared data here"
fi
done_testing
