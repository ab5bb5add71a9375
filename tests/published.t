# shellcheck shell=sh
# Weights that others published, by every way in: UltraFace from Caffe and from PyTorch gives the
# same boxes; SqueezeNet tells what is on photos.
. "$DET_SRC/tests/lib.sh"

caffe=$DET_DATA/models/caffe torch=$DET_DATA/models/torch
if [ ! -f "$torch/version-slim-320.pth" ] || [ ! -f "$DET_DATA/photos/dog.jpg" ]; then
	skip "UltraFace from .caffemodel and from .pth" "no shared models"
	skip "SqueezeNet: top five" "no shared models"
	done_testing
fi

# --- UltraFace ---
printf 'face\n' >face
det-model import caffe "$caffe/slim-320.prototxt" "$caffe/slim-320.caffemodel" --anchors ultraface \
	--channels rgb --mean 127 --std 128 --classes face -o caffe.det
det-model import torch "$torch/version-slim-320.pth" --arch ultraface_slim -o torch.det
# label score x1 y1 x2 y2, corners as fractions of the picture
faces() { # MODEL
	det-image -m "$1" "$DET_DATA"/photos/*.jpg | det-backbone -m "$1" | det-anchors -m "$1" |
		det-head -m "$1" -t .3 | det-nms -m "$1" --iou .3 | det-show --data | awk '
		/^ITEM/ {
			for (i = 2; i <= NF; i++) {
				if (sub(/^width=/, "", $i)) w = $i
				if (sub(/^height=/, "", $i)) h = $i
			}
			items++
		}
		{ if (/^[A-Z]/) list = /^BOXS/ }
		/^  / && list { printf "%d %d %.9g %.9g %.9g %.9g %.9g\n", items, $6, $5, $1 / w, $2 / h, $3 / w, $4 / h }'
}
faces caffe.det >caffe.txt
faces torch.det >torch.txt
is "UltraFace: as many faces, on as many photos" \
	"$(cut -d ' ' -f 1 caffe.txt | uniq -c | tr -s ' \n' ' ')" "$(cut -d ' ' -f 1 torch.txt | uniq -c | tr -s ' \n' ' ')"
ok "UltraFace: there are some" test "$(awk '$3 > .7' torch.txt | wc -l)" -ge 5
paste -d ' ' caffe.txt torch.txt | awk '
	function abs(v) { return v < 0 ? -v : v }
	{ for (i = 1; i <= 7; i++) { d = abs($i - $(i + 7)); if (!(d <= worst)) worst = d } }
	END { print (NR > 0 && worst <= 1e-5) ? "same" : "off by " worst; print "# largest difference " worst }' >result
tail -n 1 result
is "UltraFace: scores and corners to 1e-5 between both" "$(head -n 1 result)" same

# --- SqueezeNet 1.1 ---
cut -d ' ' -f 2- "$torch/synset_words.txt" >words
det-model import safetensors "$torch/squeezenet_v1.1.safetensors" --arch squeezenet1_1_caffe \
	--classes words -o squeeze.det
det-image -m squeeze.det "$DET_DATA"/photos/*.jpg | det-backbone -m squeeze.det |
	det-head -m squeeze.det | det-nms -m squeeze.det | det-export | cut -f 1-3 >top.tsv
is "SqueezeNet: five a photo, best first" \
	"$(awk -F '\t' '{ n[$1]++; if ($3 > last[$1] && n[$1] > 1) bad++; last[$1] = $3 }
		END { for (p in n) if (n[p] != 5) bad++; print NR / 5, bad + 0 }' top.tsv)" \
	"$(set -- "$DET_DATA"/photos/*.jpg; echo $#) 0"
of() { grep "/$1	" top.tsv; }
like "dog.jpg: a breed of dogs" "$(of dog.jpg)" '	(malamute|Eskimo dog|Siberian husky)'
like "001150.jpg: a small dog" "$(of 001150.jpg)" '	Shih-Tzu'
like "000542.jpg: a cat" "$(of 000542.jpg | head -n 1)" ' cat'
like "000456.jpg: a bus" "$(of 000456.jpg)" 'bus	'
like "eagle.jpg: birds of prey" "$(of eagle.jpg | head -n 2)" 'bald eagle'
det-model import caffe "$caffe/squeezenet_v1.1.prototxt" "$torch/squeezenet_v1.1.safetensors" \
	--classes words -o prototxt.det
is "by its prototxt: the same" "$(det-run -m prototxt.det "$DET_DATA"/photos/*.jpg | cut -f 1-3)" "$(cat top.tsv)"
done_testing
