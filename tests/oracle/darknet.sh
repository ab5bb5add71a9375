#!/bin/sh
# Parity with Darknet itself, run by hand; nothing of Darknet's is kept here.
#
#   PJREDDIE=DIR ALEXEYAB=DIR MODELS=DIR tests/oracle/darknet.sh [NET ...]
#
# PJREDDIE and ALEXEYAB are checked-out sources of github.com/pjreddie/darknet and
# github.com/AlexeyAB/darknet; MODELS holds darknet-cfg/*.cfg (published networks) and
# darknet/*.cfg *.weights (trained ones, of the fork); PICTURE is a JPEG. Both are built
# without GPU and without fast-math into build/oracle. For each NET darknet_seed writes
# random weights with Darknet's own writer (trained ones are taken as they are),
# darknet_dump says what Darknet computes from the picture, and the same tensor goes through
#
#   det-backbone | det-head | det-nms
#
# Demanded: each map within 1e-4 of its largest value, the same boxes before and after NMS.
#
# The fork is built without AVX: its AVX max pooling of stride 1 takes a row of windows as
# inside the picture when the first is (forward_maxpool_layer_avx), so the left edge of SPP
# blocks differs from what its own portable and GPU code compute.
set -e
here=$(cd "$(dirname "$0")" && pwd)
src=$(cd "$here/../.." && pwd)
out=${OUT:-$src/build/oracle}
MODELS=${MODELS:-$src/../shared/data/models}
PICTURE=${PICTURE:-$src/../shared/data/photos/dog.jpg}
PYTHON=${PYTHON:-/usr/bin/python3}
export PATH="$src/bin:$PATH" PYTHONPATH="$src/formats"
mkdir -p "$out"

build() { # NAME SOURCE FLAGS...: libdarknet.a and darknet_dump
	b=$out/$1 s=$2
	shift 2
	[ -f "$b/dump" ] && return
	mkdir -p "$b"
	# those that Darknet's own Makefile leaves out do not compile
	for f in "$s"/src/*.c "$s"/src/http_stream.cpp "$s"/src/image_opencv.cpp; do
		gcc -w -O3 -fcommon "$@" -I"$s/include" -I"$s/src" -I"$s/3rdparty/stb/include" \
			-c "$f" -o "$b/$(basename "$f").o" 2>/dev/null || continue
	done
	rm -f "$b/libdarknet.a"
	ar rcs "$b/libdarknet.a" "$b"/*.o
	for p in dump seed; do
		[ "$p $b" = "seed $out/alexeyab" ] ||
			gcc -w -O2 -fcommon "$@" -I"$s/include" -I"$s/src" "$here/darknet_$p.c" -o "$b/$p" \
				"$b/libdarknet.a" -lm -lpthread -lstdc++
	done
	rm "$b"/*.o
}
build pjreddie "${PJREDDIE:?the folder of pjreddie\'s source}" -mavx2 -mfma
build alexeyab "${ALEXEYAB:?the folder of AlexeyAB\'s source}" -DALEXEYAB

quiet() { "$@" >"$out/log" 2>&1 || { cat "$out/log" && false; }; }

one() { # NET
	n=$1 fit=fit thresh=.12
	g=$out/$n
	mkdir -p "$g"
	case $n in
	yolo-fastest*)
		cfg=$MODELS/darknet/$n.cfg w=$MODELS/darknet/$n.weights
		quiet "$out/alexeyab/dump" "$cfg" "$w" "warp:$PICTURE" "$g" .25 .45
		;;
	*)
		case $n in yolov1*) fit=warp thresh=.2 ;; yolov3-tiny) thresh=.7 ;; yolov3*) thresh=.9 ;; esac
		cfg=$MODELS/darknet-cfg/$n.cfg w=$out/$n.weights
		# first for the input alone: weights are set by what comes of it
		quiet "$out/pjreddie/dump" "$cfg" - "$fit:$PICTURE" "$g" .9 .45
		mv "$g/input.f32" "$g/picture.f32"
		quiet "$out/pjreddie/seed" "$cfg" 1 "$w" "$g/picture.f32"
		quiet "$out/pjreddie/dump" "$cfg" "$w" "$g/picture.f32" "$g" $thresh .45
		;;
	esac
	classes=$("$PYTHON" "$here/darknet_compare.py" classes "$cfg")
	seq "$classes" >"$g/names"
	det-model import darknet "$cfg" "$w" --classes "$g/names" -o "$g/m.det"
	"$PYTHON" "$here/darknet_compare.py" stream "$g" >"$g/image.det"
	det-backbone -m "$g/m.det" "$g/image.det" -o "$g/maps.det"
	set -- "$("$PYTHON" "$here/darknet_compare.py" thresholds "$g")"
	if [ -f "$g/raw.tsv" ]; then
		det-head -m "$g/m.det" --thresh "${1% *}" "$g/maps.det" -o "$g/raw.det"
		det-nms -m "$g/m.det" --iou "${1#* }" --map none --clip none "$g/raw.det" -o "$g/nms.det"
	fi
	"$PYTHON" "$here/darknet_compare.py" compare "$g" || bad=1
	case $n in yolo-fastest*) ;; *) rm "$w" ;; esac
	rm "$g"/*.det
}

bad=0
[ $# -gt 0 ] || set -- yolo-fastest-1.1 yolo-fastest-1.1-xl yolo-fastest-voc yolov3-tiny yolov3 \
	yolov2 yolov2-voc yolov1-tiny yolov1 tiny resnet18 darknet19
for n in "$@"; do
	one "$n"
done
exit $bad
