# shellcheck shell=sh
# det-model import caffe: a network and a caffemodel made here byte by byte, what goes wrong,
# and, where they are at hand, published ones. tests/unit/test_caffe.c has the layers.
. "$DET_SRC/tests/lib.sh"

cat >net.prototxt <<'END'
name: "mean"
input: "data" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 2 kernel_size: 1 } }
layer { name: "pool" type: "Pooling" bottom: "c" top: "pool"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "prob" type: "Softmax" bottom: "pool" top: "prob" }
END
# layer { name "c" type "Convolution" blobs { 2x3x1x1, zeros } blobs { 2, 0 and 1 } }
weights() { # name
	printf '\242\006\105\012\001%s\022\013Convolution\072\042\072\006\012\004\002\003\001\001\052\030' "$1"
	head -c 24 /dev/zero
	printf '\072\017\072\003\012\001\002\052\010\0\0\0\0\0\0\200\077'
}
weights c >net.caffemodel
printf 'P6 4 4 255 ' >p.ppm
head -c 48 /dev/zero >>p.ppm
printf 'no\nyes\n' >names

ok "import" det-model import caffe net.prototxt net.caffemodel --classes names -o m.det
is "a whole model" "$(det-model check m.det)" "m.det: ok"
is "it runs" "$(det-run -m m.det p.ppm | cut -f 2,3)" "$(printf 'yes\t0.7311\nno\t0.2689')"
like "Caffe's pixels" "$(det-model list m.det)" '^options/det-image: .*channels=bgr scale=1 mean=104,117,123$'
det-model import caffe net.prototxt net.caffemodel --mean 1,2,3 --std 4 --channels rgb \
	--kernel torch --fit letterbox --size 8x8 --scale 1/255 -o o.det
like "or others" "$(det-model list o.det)" \
	'^options/det-image: fit=letterbox kernel=torch size=8x8 channels=rgb scale=1/255 mean=1,2,3 std=4$'
like "classes without names" "$(det-model list o.det)" '^classes: 2: class0, class1$'

refuse() { # description regex arguments
	d=$1 r=$2
	shift 2
	is "$d: exit 2" "$(status det-model import caffe "$@" -o x.det)" 2
	like "$d: said" "$(det-model import caffe "$@" -o x.det 2>&1)" "$r"
	is "$d: no file" "$(ls x.det 2>/dev/null)" ""
}
weights d >other.caffemodel
refuse "weights of another network" \
	'^det-model import caffe: other.caffemodel lacks what net.prototxt wants: c.weight, c.bias$' \
	net.prototxt other.caffemodel
head -c 60 net.caffemodel >short.caffemodel
refuse "cut weights" 'short.caffemodel: at byte 3: a length that passes the end' \
	net.prototxt short.caffemodel
refuse "swapped" 'net.caffemodel:1: ' net.caffemodel net.prototxt
refuse "a missing file" 'gone' net.prototxt gone
refuse "names of another number" '/dev/null: 0 names, but net.prototxt has 2 classes' \
	net.prototxt net.caffemodel --classes /dev/null
refuse "a mean of two numbers" 'mean: one number or three expected, found 2' \
	net.prototxt net.caffemodel --mean 1,2
refuse "a scale that is none" 'scale' net.prototxt net.caffemodel --scale x
refuse "one operand" 'PROTOTXT and WEIGHTS expected, found 1' net.prototxt
sed 's/Softmax/ELU/' net.prototxt >elu.prototxt
refuse "an unknown layer" 'elu.prototxt:7: layer .prob. \(ELU\): the type is not supported' \
	elu.prototxt net.caffemodel
cat net.caffemodel other.caffemodel >both.caffemodel
like "blobs left over are named" \
	"$(det-model import caffe net.prototxt both.caffemodel -o x.det 2>&1)" \
	"both.caffemodel: 'd.weight' is not used by net.prototxt"
rm x.det

# py-faster-rcnn's rules stand in two places: the architectures and the importer of prototxts
rules() { # SECTION FILE: its key=value, in order, but for names and sizes of the net
	awk -v s="$1" '/^(==|\[)/ { on = $0 == "== " s || $0 == "[" s "]"; next } on' "$2" |
		sed 's/^[a-z]*([^)]*)//' | tr ' ' '\n' | grep -Ev '^$|^(map|classes|boxes)=' | sort
}
for s in propose decode; do
	is "py-faster-rcnn's $s: imported and --arch alike" "$(rules $s "$DET_SRC/tests/caffe/rcnn.gold")" \
		"$(rules $s "$DET_SRC/lib/arch/rcnn_caffe.part")"
done
for s in det-image det-propose det-head det-nms; do
	is "py-faster-rcnn's $s: imported as the profile has it" \
		"$(rules "options/$s" "$DET_SRC/tests/caffe/rcnn.gold" | while read -r l; do
			grep -A 4 "\"caffe\", \"$s\"" "$DET_SRC/lib/model/profile.c" | tr -d '\n' | grep -q "$l" ||
				{ [ $s = det-propose ] && grep -A 2 'define CAFFE_PROPOSE' "$DET_SRC/lib/model/profile.c" | grep -q "$l"; } ||
				echo "$l"
		done)" ""
done

c=$DET_DATA/models/caffe t=$DET_DATA/models/torch
if [ ! -f "$c/slim-320.caffemodel" ]; then
	skip "UltraFace" "no shared models"
	skip "SqueezeNet" "no shared models"
	done_testing
fi
printf 'face\n' >face
refuse "priors that are not told" 'give them as anchors' "$c/slim-320.prototxt" "$c/slim-320.caffemodel"
det-model import caffe "$c/slim-320.prototxt" "$c/slim-320.caffemodel" --anchors ultraface \
	--channels rgb --mean 127 --std 128 --classes face -o faces.det
is "UltraFace: a whole model" "$(det-model check faces.det)" "faces.det: ok"
# as OpenCV has them, tests/oracle/caffe_faces.py
is "UltraFace: the faces" "$(det-run -m faces.det "$DET_DATA"/photos/*.jpg |
	awk -F '\t' '$3 > .7 { n = split($1, p, "/"); print p[n], $3, int($4 + .5), int($5 + .5), int($6 + .5), int($7 + .5) }')" \
	"001150.jpg 0.9999 297 2 357 71
001150.jpg 0.9421 234 213 323 326
001763.jpg 0.9433 336 168 463 304
004545.jpg 0.9874 295 26 316 54
dog.jpg 0.9176 249 254 299 326"
cut -d ' ' -f 2- "$t/synset_words.txt" >synsets
det-model import caffe "$c/squeezenet_v1.1.prototxt" "$t/squeezenet_v1.1.safetensors" \
	--classes synsets -o squeeze.det
is "SqueezeNet: names with dots for slashes" "$(det-model check squeeze.det)" "squeeze.det: ok"
is "SqueezeNet: what it sees" "$(det-run -m squeeze.det "$DET_DATA"/photos/000542.jpg \
	"$DET_DATA"/photos/001150.jpg "$DET_DATA"/photos/eagle.jpg |
	awk -F '\t' '$1 != last { print $2; last = $1 }')" "Egyptian cat
Shih-Tzu
kite"
done_testing
