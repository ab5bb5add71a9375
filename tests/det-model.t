# shellcheck shell=sh disable=SC2016,SC2059
# det-model: import, new, list, check, and what is said of mistakes.
. "$DET_SRC/tests/lib.sh"

cat >v3.cfg <<'END'
[net]
batch=64
width = 32
height= 16
channels=3
learning_rate=0.001

[convolutional]
batch_normalize=1
filters=4
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=14
size=1
stride=1
activation=linear

[yolo]
mask = 0,1
anchors = 4,4,  8,8
classes=2
num=2
END
printf 'cat\r\npotted plant\r\n\n' >names
zeros() { head -c $((4 * $1)) /dev/zero; }
# 4 x (bias, scale, mean, variance), 4x3x3x3, 14, 14x4
floats=$((16 + 108 + 14 + 56))
{ printf '\0\0\0\0\2\0\0\0\5\0\0\0\7\0\0\0\0\0\0\0' && zeros $floats; } >v3.weights

# --- import ---
det-model import darknet v3.cfg v3.weights --classes names -o v3.det 2>err
is "import: status, nothing to say" "$? $(cat err)" "0 "
is "check" "$(det-model check v3.det)" "v3.det: ok"
det-model list v3.det >listed
for line in 'classes: 2: cat, potted plant' \
	'options/det-image: size=32x16 fit=letterbox kernel=darknet' \
	'options/det-head: thresh=0.25' 'options/det-nms: iou=0.45' \
	'pipeline: det-image | det-backbone | det-head | det-nms' \
	'decode: yolo3(y2) anchors=4,4,8,8 classes=2 net=32x16 scale_xy=1' \
	'net/backbone: image 3x16x32 -> y2'; do
	ok "list: $line" grep -qxF "$line" listed
done
like "list: layers" "$(cat listed)" '^  backbone/conv0 +4x3x3x3 +124$'
like "list: total" "$(cat listed)" '^  total +194$'
like "list: origin" "$(cat listed)" 'version=0.2.5 seen=7$'
like "list: history" "$(cat listed)" '^made by: det-model [0-9.]+ import'
det-model list --tsv v3.det >tsv
is "list --tsv: a line for each record" "$(cut -f 1 tsv | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
	" 1 STRM; 7 TENS; 8 TEXT;"
ok "list --tsv: a tensor" grep -qx "TENS	backbone/conv1.weight	f32	14x4x1x1	56	224" tsv
det-model import darknet v3.cfg v3.weights --classes names >v3b.det
ok "to standard output: the same" cmp v3.det v3b.det
det-model import darknet v3.cfg v3.weights --classes names --fit stretch --kernel opencv \
	--bn gpu -o gpu.det
like "--fit, --kernel" "$(det-model list gpu.det)" 'fit=stretch kernel=opencv'
like "--bn" "$(tr -d '\000' <gpu.det)" \
	'conv0 = conv\(image\) out=4 k=3 stride=2 pad=1 bn act=leaky'

# --- other headers ---
{ printf '\0\0\0\0\1\0\0\0\0\0\0\0\7\0\0\0' && zeros $floats; } >h16.weights
det-model import darknet v3.cfg h16.weights --classes names -o h16.det 2>err
is "a header of 16 bytes" "$? $(cat err)" "0 "
zeros $floats >h0.weights
det-model import darknet v3.cfg h0.weights --classes names -o h0.det 2>err
like "none at all: with a warning" "$? $(cat err)" '^0 det-model import darknet: warning: .*0 bytes'
is "-q: without" "$(det-model import -q darknet v3.cfg h0.weights --classes names -o h0.det 2>&1)" ""

# --- mistakes ---
says() { # DESCRIPTION REGEX COMMAND...: fails with 2 and one line that matches; no file
	says_d=$1 says_re=$2
	shift 2
	rm -f new.det
	"$@" -o new.det >out 2>err
	like "$says_d" "$? $(wc -l <err) $(cat err)" "^2 [1-9] det-model.*$says_re"
	[ ! -s out ] || ok "$says_d: nothing on standard output" false
	[ ! -e new.det ] || ok "$says_d: no file" false
}
imp="det-model import darknet"
{ cat v3.weights && printf 12345; } >long.weights
# shellcheck disable=SC2086
{
	says "weights too long" 'does not fit v3.cfg: 5 bytes left after the last layer' \
		$imp v3.cfg long.weights --classes names
	head -c 400 v3.weights >short.weights
	says "weights too short" '396 bytes missing; it ends in the weights of layer 0' \
		$imp v3.cfg short.weights --classes names
	printf 'cat\ndog\ncow\n' >three
	says "another number of classes" 'three: 3 names, but v3.cfg has 2 classes' \
		$imp v3.cfg v3.weights --classes three
	says "no classes" 'v3.cfg has 2 classes: give their names, --classes NAMES' \
		$imp v3.cfg v3.weights
	says "cfg and weights exchanged" 'v3.weights:1: a Darknet cfg expected, found byte' \
		$imp v3.weights v3.cfg --classes names
	says "cfg not there" 'no.cfg: No such file' $imp no.cfg v3.weights --classes names
	says "weights not there" 'no.weights: No such file' \
		$imp v3.cfg no.weights --classes names
	says "weights a folder" 'directory' $imp v3.cfg . --classes names
	says "cfg a folder" 'directory' $imp . v3.weights --classes names
	sed 's/^\[yolo\]/[yola]/' v3.cfg >sect.cfg
	says "unknown section" 'sect.cfg:22: unknown section \[yola\]' \
		$imp sect.cfg v3.weights --classes names
	sed 's/^mask/musk/' v3.cfg >key.cfg
	says "unknown key" "key.cfg:23: unknown key 'musk' in \[yolo\]" \
		$imp key.cfg v3.weights --classes names
	says "from what" "a format expected \([a-z, ]*\), found 'onnx'" det-model import onnx a b
	says "one operand missing" 'CFG and WEIGHTS expected' $imp v3.cfg
	says "which network" 'give --arch NAME, --darknet CFG or --net FILE' det-model new
	says "both kinds" 'give --arch NAME, --darknet CFG or --net FILE' \
		det-model new --darknet v3.cfg --net v3.cfg
}
printf 'cat\t17\ndog\t18\n' >numbered
det-model import darknet v3.cfg v3.weights --classes numbered -o numbered.det
is "names with the data set's numbers" "$(det-show --classes numbered.det)" "$(cat numbered)"
det-model import darknet key.cfg v3.weights --classes names --ignore-unknown -o key.det 2>err
like "--ignore-unknown" "$? $(cat err)" "^0 .*unknown key 'musk' in \[yolo\] ignored"
printf '\0\0\0\0\2\0\0\0\5\0\0\0\7\0\0\0\0\0\0\0' >nan.weights
{ printf '\377\377\377\177' && zeros $((floats - 1)); } >>nan.weights
says "a NaN" "nan.weights: layer 0 .*number 0 is not finite" \
	det-model import darknet v3.cfg nan.weights --classes names
is "a command is wanted" "$(det-model nonsense 2>&1 | head -n 1)" \
	"det-model: a command expected (import, new, list, check, export, tune, svd, norm), found 'nonsense'"
is "with status 2" "$(status det-model nonsense)" 2
is "whatever follows" "$(det-model nonsense --help 2>&1 | head -n 1)" \
	"det-model: a command expected (import, new, list, check, export, tune, svd, norm), found 'nonsense'"
is "or none is given" "$(det-model 2>&1 | head -n 1)" \
	"det-model: a command expected: import, new, list, check, export, tune, svd or norm"
is "import names what it takes" "$(det-model import 2>&1 >out | head -n 1)" \
	"det-model import: import from what? a format expected: darknet, torch, safetensors, caffe"

# --- new ---
det-model new --darknet v3.cfg --classes names --seed 3 -o a.det
det-model new --darknet v3.cfg --classes names --seed 3 -o b.det
det-model new --darknet v3.cfg --classes names --seed 4 -o c.det
ok "new: a seed is a model" cmp a.det b.det
not_ok "another seed another" cmp a.det c.det
ok "it is whole" det-model check a.det
like "classes have names by themselves" \
	"$(det-model new --darknet v3.cfg | det-model list /dev/stdin)" 'class0, class1'

# --- new, of an architecture of one's own ---
texts() { # MODEL: all but what it is called and how it was made
	det-show --data "$1" | sed 's/ history=.*//; /^STRM/d; /^  | arch=/d; /^  | set[.]/d; /^TEXT.* name=meta /d'
}
det-model new --arch tiny_ssd --text >mine.arch
ok "--text: the file that is built in" cmp mine.arch "$DET_SRC/lib/arch/tiny_ssd.arch"
det-model new --text --arch tiny_trunk.part -o tiny_trunk.part
ok "--text of a piece" cmp tiny_trunk.part "$DET_SRC/lib/arch/tiny_trunk.part"
det-model new --arch tiny_ssd --set classes=2 --seed 5 -o theirs.det
det-model new --arch mine.arch --set classes=2 --seed 5 -o mine.det
is "a copy makes the same" "$? $(texts mine.det | cksum)" "0 $(texts theirs.det | cksum)"
like "  under its own name" "$(det-model list mine.det)" 'arch=mine '
like "  with its variables" "$(det-model new --arch mine.arch --list)" '^classes=3$'
like "  and others" "$(det-model new --arch mine.arch --list --set classes=7)" '^classes=7$'
det-model new --arch tiny_ssd --set classes=2 --expand >whole.arch
not_ok "--expand: nothing is included" grep -E '^(include|each|set) |[$][{]' whole.arch
det-model new --arch ./whole.arch --seed 5 -o whole.det
is "  and the model is the same" "$? $(texts whole.det | cksum)" "0 $(texts theirs.det | cksum)"
sed 's/^layer1 = .*/layer1 = step(conv1) out=12/' "$DET_SRC/lib/arch/tiny_trunk.part" >tiny_trunk.part
det-model new --arch mine.arch -o other.det 2>err
like "a piece beside it goes before the built-in one" "$? $(cat err; texts other.det)" 'layer1 = step.conv1. out=12'
is "  but not with a built-in architecture" "$(det-model new --arch tiny_ssd --set classes=2 --seed 5 | texts /dev/stdin | cksum)" \
	"$(texts theirs.det | cksum)"
rm tiny_trunk.part
mkdir sub
printf '[names torch]\nb/* = *\n[net/b]\r\nnet b\r\ninput x 2 4 4\r\ninclude a.part k=3\noutput a' >sub/own.arch
printf 'a = fc(x) out=${k}' >sub/a.part
det-model new --arch sub/own.arch -o own.det
like "a piece in the folder of the file" "$? $(det-model list --tsv own.det)" 'b/a.weight	f32	3x32'
det-model export safetensors own.det -o own.safetensors
det-model import safetensors own.safetensors --arch sub/own.arch --strict -o own2.det
is "import takes a file too" "$? $(det-show --npy b/a.weight own2.det | cksum)" \
	"0 $(det-show --npy b/a.weight own.det | cksum)"
is "from standard input" "$(det-model new --arch /dev/stdin <mine.arch | det-model list /dev/stdin | grep -c 'arch=stdin')" 1
own_says() { # DESCRIPTION TEXT REGEX
	printf "$2" >bad.arch
	rm -f new.det
	det-model new --arch bad.arch -o new.det >out 2>err
	like "$1" "$? $(wc -l <err) $(cat err)" "^2 1 det-model new: $3"
	[ ! -e new.det ] || ok "$1: no file" false
	det-model import safetensors own.safetensors --arch bad.arch -o new.det >out 2>err
	like "$1: import" "$? $(wc -l <err) $(cat err)" "^2 1 det-model import safetensors: $3"
}
printf 'about no network\n[meta]\nprofile=none\n' >x.arch
own_says "a mistake: file and line" '[meta]\n\n${x}\n' "bad.arch:3: no variable 'x' is set"
own_says "a misspelt section" '[ancors]\n' 'bad.arch:1: a section net/NAME, anchors, '
own_says "a piece that is not there" 'include no.part\n' "bad.arch:1: include: no file 'no.part' is beside this one or built in"
own_says "one above" 'include ../x\n' "bad.arch:1: include: the name of a file in the same folder or below expected"
own_says "itself" 'include bad.arch\n' 'bad.arch:1: bad.arch:1: include and each nested deeper than 16'
own_says "a NUL byte" 'set a=1\000\n' 'bad.arch:1: text expected, found byte 0'
own_says "a network that does not parse" '[names torch]\nb/* = *\n[net/b]\nnet b\n\ny = x()\n' '(own.safetensors: )?bad: net/b:3: '
says "a file of nothing" 'null: a section .net/NAME. expected, found none' det-model new --arch /dev/null
says "or of no network" 'x: a section .net/NAME. expected, found none' det-model new --arch x.arch
says "no such file" 'none.arch: No such file' det-model new --arch none.arch
says "the name of a built-in file" 'tiny_ssd.arch: No such file .*; the one that is built in is called tiny_ssd' \
	det-model new --arch tiny_ssd.arch
says "a folder" 'sub/: a file expected, found a directory' det-model new --arch sub/
says "a variable that it has not" "mine has no variable 'x'; it has .*classes=3" det-model new --arch mine.arch --set x=1
says "--text of nothing" '--text of what. give --arch NAME' det-model new --text
says "--text and --list" 'one of --list, --text and --expand expected' det-model new --text --list
says "--text of a file" '--text prints what is built in, found the file mine.arch' det-model new --text --arch mine.arch
says "--text with --set" '--set goes with --expand' det-model new --text --arch tiny_ssd --set classes=1
says "--text of none" "no architecture 'tiny_trunc.part'" det-model new --text --arch tiny_trunc.part
says "--list with --set alone" '--set goes with --arch' det-model new --list --set a=1

# --- new from a part of a Darknet file ---
det-model export darknet c.det -o c.weights
head -c $((20 + 4 * 124)) c.weights >first.weights # conv0 alone
det-model new --darknet v3.cfg --classes names --seed 3 --weights first.weights -o part.det 2>err
is "new --weights of the first layer: status, note" "$? $(cat err)" \
	"0 det-model new: warning: first.weights: the first 1 of 2 layers with weights, to layer 0 ([convolutional]); the others are random"
values() { # MODEL LAYER
	det-show --data "$1" | awk -v l="name=backbone/conv$2." '/^[A-Z]/ { on = index($0, l) } on' | sed 's/crc=[^ ]*//'
}
ok "  the layer is the file's" test "$(values part.det 0)" = "$(values c.det 0)"
ok "  which is not the seed's" test "$(values part.det 0)" != "$(values a.det 0)"
ok "  the other is the seed's" test "$(values part.det 1)" = "$(values a.det 1)" -a -n "$(values a.det 1)"
ok "  it is whole" det-model check part.det
like "  and tells where it began" "$(det-model list part.det)" "weights=random seed=3 start=first.weights"
det-model new --darknet v3.cfg --classes names --seed 3 --weights c.weights -o all.det 2>/dev/null
ok "  of all layers: all" test "$(values all.det 0)$(values all.det 1)" = "$(values c.det 0)$(values c.det 1)"
for n in 16 120 125 180 193; do
	head -c $((20 + 4 * n)) c.weights >within.weights
	like "  a file that ends within a layer, after $n numbers" \
		"$(det-model new --darknet v3.cfg --weights within.weights 2>&1 >x.det)" \
		"^det-model new: within.weights does not fit v3.cfg: $((4 * (194 - n))) bytes missing; it ends in the .* of layer [01] "
done
printf x | cat c.weights - >long.weights
like "  a byte too many" "$(det-model new --darknet v3.cfg --weights long.weights 2>&1 >x.det)" \
	"1 bytes left after the last layer"
head -c 20 c.weights >none.weights
is "  of no layer" "$(det-model new --darknet v3.cfg --weights none.weights 2>&1 >x.det | wc -l)" 1
like "--weights of a bare network" "$(det-model new --net v3.cfg --weights c.weights 2>&1)" \
	"--weights goes with --arch or --darknet"

# --- list and check of what is no model ---
printf 'hello\n' >text
: >empty
for f in text empty . none.det; do
	is "check $f: one line, status 2" \
		"$(det-model check $f 2>&1 | wc -l) $(status det-model check $f)" "1 2"
done
head -c 3000 a.det >cut.det
is "check of a cut model" "$(status det-model check cut.det)" 2
size=$(wc -c <a.det)
{ head -c $((size - 700)) a.det && printf '\125' && tail -c 699 a.det; } >flip.det
is "check of a changed weight" "$(status det-model check flip.det)" 2
ok "which list does not read" det-model list flip.det
is "two models" "$(det-model list a.det b.det 2>&1 | head -n 1)" \
	"det-model list: one MODEL expected, found 2 operands"

# a stranger's model, on a terminal
esc=$(printf 'a\033]0;b\007')
det-show --build - -o esc.det <<END
STRM history="one\nweights: none$esc"
  | $esc
TEXT name=pipeline
  | $esc
END.
END
is "list: no control characters, no lines of its own" "$(det-model list esc.det | sed 1d | cat -v)" \
	"made by: one?weights: nonea?]0;b?
classes: 1: a?]0;b?
pipeline: a?]0;b?
weights:
  total                                                          0"

# --- svd ---
det-model new --arch tiny_frcnn --seed 2 -o f.det
det-model svd f.det --rank fc6=24 --rank fc7=5 -o thin.det 2>err
is "svd" "$?" 0
like "  says what is lost" "$(cat err)" '^fc7: 24x24, rank 5: 576 weights -> 240, error 0\.[1-9][0-9]*$'
is "  is a model" "$(det-model check thin.det)" "thin.det: ok"
is "  two layers for one" "$(det-show --data thin.det --name net/head | sed -n 's/^  | //p' | grep fc)" \
	"$(det-show --data f.det --name net/head | sed -n 's/^  | //p' | grep fc |
		sed 's/^fc6 = fc(rois)/fc6_svd = fc(rois) out=24 bias=0\nfc6 = fc(fc6_svd)/; s/^fc7 = fc(fc6)/fc7_svd = fc(fc6) out=5 bias=0\nfc7 = fc(fc7_svd)/')"
(. "$DET_SRC/tests/fixture.sh") >/dev/null
det-image -m f.det dog.jpg | det-backbone -m f.det | det-anchors -m f.det | det-propose -m f.det -o p.det
det-roipool -m f.det p.det -o rois.det
# of full rank it is the same network but for rounding
scores() { # MODEL: class scores of the first boxes
	det-backbone -m "$1" --net head rois.det | det-show --data --name cls | grep '^ ' | tr -s ' ' '\n' | head -n 200
}
det-model svd f.det --rank fc6=24 --rank fc7=24 -o whole.det 2>err
like "svd: nothing is saved by full rank" "$(cat err)" "layer 'fc7': rank 24 makes it no smaller"
scores f.det >s1
scores whole.det >s2
scores thin.det >s3
is "svd: of full rank it gives the same" "$(paste s1 s2 |
	awk '{ d = $1 - $2; n++; bad += d > 1e-4 || d < -1e-4 } END { print (n > 100) (bad > 0) }')" 10
not_ok "svd: of lesser rank it does not" cmp -s s1 s3
det-model svd f.det -q -j 3 --rank fc6=24 --rank fc7=5 -o three.det
is "svd: any number of threads" "$(det-model list three.det | head -n 1 | sed 's/three/thin/')" "$(det-model list thin.det | head -n 1)"
svd_says() { # DESCRIPTION REGEX ARG...
	d=$1 re=$2
	shift 2
	like "svd: $d" "$(det-model svd "$@" 2>&1 >x)" "$re"
}
svd_says "no layer told" "--rank LAYER=N expected" f.det
svd_says "no number" "LAYER=N expected, N from 1 to [0-9]+, found 'fc6=x'" f.det --rank fc6=x
svd_says "a layer twice" "'fc6' twice" f.det --rank fc6=2 --rank fc6=3
svd_says "no such layer" "the network has no layer 'fc9'" f.det --rank fc9=2
svd_says "no such network" "no network 'neck'" f.det --net neck --rank fc6=2
svd_says "inside a block" "the network has no layer 'conv'" f.det --net rpn --rank conv=2
svd_says "not fully connected" "layer 'conv1' is not fully connected" f.det --net backbone --rank conv1=2
svd_says "too large a rank" "layer 'fc7': a rank of 1 to 24 expected of a matrix of 24x24, found 25" f.det --rank fc7=25
svd_says "a second time" "layer 'fc7' is made of two already" thin.det --rank fc7=2

# --- tune ---
det-model tune v3.det -j 1 --rounds 1 -o tuned.det 2>err
is "tune" "$?" 0
like "  says what it gave" "$(cat err)" '^total: [0-9.]+ ms -> [0-9.]+ ms, 1 thread, '
is "  is a model" "$(det-model check tuned.det)" "tuned.det: ok"
is "  with a line for each convolution" \
	"$(det-model list tuned.det | grep -cE '^(plan/backbone:|  ) +conv[01] = [a-z0-9]+ in=1x[0-9]+x[0-9]+x[0-9]+ threads=1 cpu=')" 2
is "  else what it was" "$(det-model list tuned.det | grep -v '^model:\|^made by: .* tune\|conv[01] = ')" \
	"$(det-model list v3.det | grep -v '^model:')"
det-model tune tuned.det -q -j 2 --rounds 1 2>err | det-model tune /dev/stdin -q -j 1 --rounds 1 -o both.det 2>>err
is "  -q says nothing" "$(cat err)" ""
is "  one plan a number of threads" "$(det-model list both.det | grep -c 'conv[01] = ')" 4
printf 'net n\ninput x 3 0 0\ny = conv(x) out=4 k=3\noutput y\n' >any.net
det-model new --net any.net -o any.det
like "tune: any size" "$(det-model tune any.det --net n 2>&1 >x)" "takes any size: --size WxH expected"
like "tune: a size that is none" "$(det-model tune any.det --net n --size 12 2>&1 >x)" "WxH expected, found '12'"
like "tune: --size" "$(det-model tune any.det --net n --size 12x10 --batch 2 -q --rounds 1 -j 1 | det-model list /dev/stdin)" \
	'y = [a-z0-9]+ in=2x3x10x12 threads=1'
like "tune: no such network" "$(det-model tune v3.det --net neck 2>&1 >x)" "no network 'neck'"
det-show --build - -o neck.det <<END
STRM
TEXT name=plan/neck
  | y = gemm in=1x1x1x1 threads=1 cpu=c
END.
END
like "check: a plan for no network" "$(det-model check neck.det 2>&1)" "text 'plan/neck' is of no network"

# --- published networks ---
if [ -d "$DET_DATA/models" ]; then
	for cfg in "$DET_DATA"/models/darknet-cfg/*.cfg; do
		case $cfg in # a few hundred megabytes are enough
		*alexnet* | *vgg-16* | *yolov1.cfg | *yolov3-spp* | *yolov3-voc* | *yolov2.cfg | \
			*resnet101* | *darknet53* | *extraction* | *yolov1-tiny*) continue ;;
		esac
		det-model new --darknet "$cfg" -o x.det 2>err && det-model check x.det >/dev/null 2>>err
		is "$(basename "$cfg")" "$? $(cat err)" "0 "
	done
	for n in yolo-fastest-1.1:coco yolo-fastest-1.1-xl:coco yolo-fastest-voc:voc; do
		w=$DET_DATA/models/darknet/${n%:*}
		det-model import darknet "$w.cfg" "$w.weights" -o x.det \
			--classes "$DET_DATA/models/darknet/${n#*:}.names" 2>err &&
			det-model check x.det >/dev/null 2>>err
		is "${n%:*} with its weights" "$? $(cat err)" "0 "
	done
else
	skip "published networks" "no shared data here"
fi
head -c 1100000 /dev/zero >swapped.weights
like "CFG and WEIGHTS swapped" \
	"$(det-model import darknet swapped.weights x.cfg --classes x -o x.det 2>&1)" "swapped\\?$"
done_testing
