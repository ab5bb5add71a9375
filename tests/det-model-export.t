# shellcheck shell=sh
# det-model export, and import of what it wrote: nothing is lost on the way.
. "$DET_SRC/tests/lib.sh"
. "$DET_SRC/tests/fixture.sh"

# everything but STRM, whose history is longer: heads with checks over payloads, and values
body() { det-show --data "$1" | sed 1d; }
again() { # DESCRIPTION MODEL
	det-model export safetensors "$2" -o again.safetensors
	ok "$1: exported, imported" det-model import safetensors again.safetensors -o again.det
	body "$2" >want
	body again.det >got
	ok "$1: texts and tensors are the same" cmp want got
	is "$1: classes are the same" "$(det-show --classes again.det)" "$(det-show --classes "$2")"
	ok "$1: in the same order" sh -c "det-model list --tsv '$2' | sed 1d >want &&
		det-model list --tsv again.det | sed 1d | cmp - want"
}
again "hand-made model" M.det
det-model new --darknet tiny.cfg --classes tiny.names -o random.det
again "random weights" random.det
printf '# caf\351 \344\275\240 \t"\\/\n' | cat - tiny.cfg >latin.cfg
det-model new --darknet latin.cfg -o latin.det
again "a cfg that is not UTF-8" latin.det
det-model export darknet latin.det --cfg back.cfg -o back.weights
ok "and comes back as it was" cmp latin.cfg back.cfg
like "history" "$(det-show --history again.det)" 'import safetensors'

# the file as others see it: a length, JSON that begins with metadata, 8-byte alignment
det-model export safetensors random.det >random.safetensors
size() { wc -c <"$1" | tr -d ' '; }
n=$(od -An -t u4 -N 4 random.safetensors | tr -d ' ')
is "header: padded to 8" "$((n % 8))" 0
is "header and data fill the file" "$(size random.safetensors)" $((8 + n + 4 * (16 + 108 + 21 + 84)))
head=$(head -c $((8 + n)) random.safetensors | tail -c "$n")
like "header: metadata first" "$head" '^\{"__metadata__":\{"format":"pt","det.model":"1"'
like "header: a tensor" "$head" '"backbone/conv0.weight":\{"dtype":"F32","shape":\[4,3,3,3\],"data_offsets":\[[0-9]+,[0-9]+\]\}'

# Darknet: header, order and bytes
weights() { # DESCRIPTION HEADER
	# shellcheck disable=SC2059
	{ printf "$2" && tail -c +21 back.weights; } >in.weights
	det-model import -q darknet latin.cfg in.weights --classes tiny.names -o in.det
	ok "$1: exported" det-model export darknet in.det -o out.weights
	ok "$1: the same bytes" cmp in.weights out.weights
}
is "random weights: version 0.2.5" "$(od -An -t d4 -N 20 back.weights | tr -s ' \n' ' ')" " 0 2 5 0 0 "
weights "20 bytes" '\0\0\0\0\2\0\0\0\5\0\0\0\1\2\3\4\5\6\7\10'
weights "16 bytes" '\0\0\0\0\1\0\0\0\0\0\0\0\1\2\3\4'
weights "16 bytes, the version asks for 20" '\0\0\0\0\2\0\0\0\0\0\0\0\1\2\3\4'
weights "no header" ''
weights "all of seen" '\0\0\0\0\2\0\0\0\5\0\0\0\377\377\377\377\377\377\377\377'
cat >turned.cfg <<'END'
[net]
width=2
height=2
channels=3
[connected]
output=5
activation=linear
[convolutional]
filters=2
size=1
flipped=1
activation=linear
END
det-model new --darknet turned.cfg -o turned.det
ok "random weights of turned layers" det-model export darknet turned.det -o turned.weights
{ printf '\0\0\0\0\351\3\0\0\5\0\0\0\1\0\0\0' && tail -c +21 turned.weights; } >in.weights
det-model import -q darknet turned.cfg in.weights -o in.det
ok "turned layers" det-model export darknet in.det -o out.weights
ok "turned layers: the same bytes" cmp in.weights out.weights

# mistakes
says() { # DESCRIPTION REGEX COMMAND...
	says_d=$1 says_re=$2
	shift 2
	"$@" >out 2>err
	like "$says_d" "$? $(wc -l <err) $(cat err)" "^2 [12] det-model.*$says_re"
	[ ! -s out ] || ok "$says_d: nothing on standard output" false
}
says "not from Darknet" "M.det: a model that came from a Darknet cfg expected" \
	det-model export darknet M.det
printf '#\0\n' | cat - tiny.cfg >nul.cfg
says "a NUL in a comment of a cfg" "nul.cfg: .*found a NUL byte" det-model new --darknet nul.cfg
says "no such format" "found 'onnx'" det-model export onnx M.det
says "no format" "export to what" det-model export
says "no model" "one MODEL expected" det-model export safetensors
says "no model but weights" "weights expected|safetensors" \
	det-model import safetensors tiny.weights -o x.det
printf 'PK\3\4\24\0\0\10' >torch.safetensors
says "torch's for safetensors" "found what torch.save writes" \
	det-model import safetensors torch.safetensors --arch tiny_ssd -o x.det
says "safetensors for torch's" "torch.save wrote expected, found safetensors" \
	det-model import torch random.safetensors --arch tiny_ssd -o x.det
printf '\2\0\0\0\0\0\0\0{}' >none.safetensors
says "weights of another program" "weights without a network" \
	det-model import safetensors none.safetensors -o x.det
head -c 1000 random.safetensors >cut.safetensors
says "cut short" "cut.safetensors: .*header" det-model import safetensors cut.safetensors -o x.det
ok "no file is left" test ! -e x.det
det-model export det random.det -o same.det
ok "det's own file is the same file" cmp same.det random.det
head -c 1000 random.det >cut.det
says "cut short" "cut.det: input ended early" det-model export det cut.det -o x.det
n=$(det-show --tsv random.det | awk -F '\t' '$1 == "END." { print $6 - 64 }')
{
	head -c "$n" random.det
	printf noise
	tail -c +$((n + 6)) random.det
} >noise.det
says "damaged" "check over its payload" det-model export det noise.det -o x.det
ok "no file is left" test ! -e x.det
if [ -d "$DET_DATA/models/darknet" ]; then
	d=$DET_DATA/models/darknet
	for m in yolo-fastest-1.1 yolo-fastest-1.1-xl; do
		det-model import darknet "$d/$m.cfg" "$d/$m.weights" --classes "$d/coco.names" \
			--ignore-unknown -q -o real.det
		det-model export darknet real.det --cfg real.cfg -o real.weights
		ok "$m: weights come back" cmp real.weights "$d/$m.weights"
		ok "$m: and the cfg" cmp real.cfg "$d/$m.cfg"
	done
	again "yolo-fastest" real.det
else
	skip "real weights come back" "no models here"
fi
done_testing
