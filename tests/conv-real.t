# shellcheck shell=sh
# How exact each way of convolution is on values as networks have them: a seeded network on a
# drawn picture, and trained ones on a photograph where those are at hand. `sh -v` of tests/run
# (make run-tests V=1 T=tests/conv-real.t) shows the errors layer by layer.
. "$DET_SRC/tests/lib.sh"
tool=$DET_BUILD/tests/tool/conv_real
if [ ! -x "$tool" ]; then
	skip "errors of convolutions on real activations" "conv_real is not built; make units"
	done_testing
fi
levels=${DET_CPU:-c avx2 avx512}
# multiplications of a layer, of as many of its outputs as that takes: fewer under sanitizers
less() { echo "$1" | awk -v san="${DET_SAN:-}" '{ print $1 / (san ? 8 : 1) }'; }

# The TAP of conv_real for every instruction set becomes ours; one that this processor has not
# says so by the name in its lines.
exactness() { # NAME MODEL STREAM OPTION...
	name=$1 model=$2 stream=$3
	shift 3
	for level in $levels; do
		DET_CPU=$level "$tool" "$@" "$model" "$stream" >found.txt 2>err.txt
		status=$?
		case $level,$(sed -n 's/^\(not \)\{0,1\}ok [0-9]* - \([a-z0-9]*\),.*/\2/p' found.txt | head -n 1) in
		"$level,$level") ;;
		avx*,c | avx512,avx2) continue ;;
		esac
		echo "# $name, $level"
		grep '^#' found.txt
		sed -n 's/^\(not ok\|ok\) [0-9]* - \(.*\)/\1	\2/p' found.txt >lines.txt
		while IFS="	" read -r how what; do
			ok "$name, $what" test "$how" = ok
		done <lines.txt
		is "$name, $level: every way was judged" \
			"$status $(wc -l <lines.txt | tr -d ' ') $(cat err.txt)" \
			"0 $(sed -n 's/^1\.\.//p' found.txt) "
	done
}

# Towers of 3x3 as in VGG, a first layer of 7x7, dilated, strided, grouped, depthwise, 1x1.
cat >mixed.net <<'END'
net backbone
input image 3 96 128
a1 = conv(image) out=32 k=3 pad=1 act=relu
a2 = conv(a1) out=64 k=3 pad=1 act=relu
p1 = maxpool(a2) k=2 stride=2
b1 = conv(p1) out=128 k=3 pad=1 act=relu
b2 = conv(b1) out=128 k=3 pad=1 act=relu
p2 = maxpool(b2) k=2 stride=2
c1 = conv(p2) out=256 k=3 pad=1 act=relu
c2 = conv(c1) out=256 k=3 pad=1 act=relu
p3 = maxpool(c2) k=2 stride=2
d1 = conv(p3) out=320 k=3 pad=1 act=relu
d2 = conv(d1) out=320 k=3 pad=1 act=relu
e1 = conv(d2) out=255 k=1
f1 = conv(image) out=48 k=7 stride=2 pad=3 act=leaky
f2 = conv(f1) out=48 k=3 pad=1 groups=48 act=relu6
f3 = conv(f2) out=96 k=3 stride=2 pad=1 groups=3 act=relu
f4 = conv(f3) out=100 k=3 pad=2 dilate=2 act=silu
f5 = conv(f4) out=40 k=5 pad=2 act=mish
f6 = conv(f5) out=17 k=3 act=sigmoid
output e1 f6
END
LC_ALL=C awk -v w=128 -v h=96 -v n=1 -f "$DET_SRC/tests/golden/picture.awk" >drawn.ppm
det-model new --net mixed.net --seed 1 -o mixed.det
det-image --size 128x96 --fit stretch --mean .5,.5,.5 --std .25,.25,.25 drawn.ppm -o drawn.det
exactness "seeded net on a drawn picture" mixed.det drawn.det -w "$(less 2e6)"

trained() { # NAME: NAME.det on a photograph
	det-image -m "$1.det" "$DET_DATA/photos/dog.jpg" -o photo.det &&
		exactness "$1 on a photograph" "$1.det" photo.det -w "${DET_CONV_WORK:-$(less 1e6)}"
}

darknet=$DET_DATA/models/darknet
for n in yolo-fastest-1.1 yolo-fastest-1.1-xl; do
	if [ ! -s "$darknet/$n.weights" ] || [ ! -s "$DET_DATA/photos/dog.jpg" ]; then
		skip "$n on a photograph" "no shared data here"
		continue
	fi
	det-model import darknet "$darknet/$n.cfg" "$darknet/$n.weights" \
		--classes "$darknet/coco.names" -o "$n.det"
	trained $n
done
torch=$DET_DATA/models/torch
if [ ! -s "$torch/squeezenet_v1.1.safetensors" ] || [ ! -s "$DET_DATA/photos/dog.jpg" ]; then
	skip "SqueezeNet on a photograph" "no shared data here"
	skip "UltraFace on a photograph" "no shared data here"
else
	det-model import safetensors "$torch/squeezenet_v1.1.safetensors" --arch squeezenet1_1_caffe \
		-o SqueezeNet.det
	trained SqueezeNet
	det-model import torch "$torch/version-slim-320.pth" --arch ultraface_slim -o UltraFace.det
	trained UltraFace
fi
done_testing
