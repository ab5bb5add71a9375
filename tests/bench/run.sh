#!/bin/sh
# make bench: the engine beside onnxruntime (where python3 has it and its ONNX files are at
# hand), the pipe beside the engine, and the smaller benches.
#
#   DET_BENCH_CFG  folder with Darknet's cfg files (yolov3.cfg ...); default: the shared data
#   DET_BENCH_PY   a python3 that has onnxruntime and onnx; default python3
#   make bench BENCH='net pipe'   only some of: net pipe detector conv nms image eval
#   pipe.sh, detector.sh and eval.sh name variables of their own
set -u
PATH="$DET_BIN:$PATH"
cfg=${DET_BENCH_CFG:-$DET_SRC/../shared/data/models/darknet-cfg}
py=${DET_BENCH_PY:-python3}
work=$DET_BUILD/bench
bench=$DET_BUILD/tests/bench
mkdir -p "$work"
what=${*:-net pipe detector conv nms image eval}

model() { # name HxW -> the model file, made if need be
	m=$work/$1.det
	[ -s "$m" ] || case $1 in
	yolo*)
		[ -s "$cfg/$1.cfg" ] || { echo "$1: no cfg: set DET_BENCH_CFG" >&2; return 1; }
		sed "s/^width=.*/width=${2#*x}/; s/^height=.*/height=${2%x*}/" "$cfg/$1.cfg" >"$work/$1.cfg"
		det-model new --darknet "$work/$1.cfg" --seed 1 -q -o "$m" ;;
	*) det-model new --arch "$1" --seed 1 -o "$m" ;;
	esac >/dev/null || return 1
	echo "$m"
}

# One round: det, onnxruntime, det, onnxruntime; the ratio is of the medians of two.
net() { # cfg HxW
	m=$(model "$1" "$2") || return
	have=0
	if "$py" -c 'import onnxruntime, onnx' 2>/dev/null; then
		[ -s "$work/$1.onnx" ] ||
			"$py" "$DET_SRC/tests/oracle/det2onnx.py" "$m" "$work/$1.onnx" "$2" >/dev/null
		[ -s "$work/$1.onnx" ] && have=1
	fi
	for threads in 1 2; do
		for _ in 1 2; do
			"$bench/net" "$m" "$threads" 7 "$2"
			[ "$have" = 1 ] && "$py" "$DET_SRC/tests/bench/ort.py" "$work/$1.onnx" "$threads" 7
		done | awk -v n="$1 $2" -v t="$threads" '
			{
				for (i = 1; i <= NF; i++) {
					if ($i == "median") ms[$1] = (ms[$1] ? (ms[$1] + $(i + 1)) / 2 : $(i + 1))
					if ($i == "peak") peak[$1] = $(i + 1)
					if ($i == "GFLOP/s") gf = $(i - 1)
				}
			}
			END {
				printf "%-24s %d thread%s  det %7.1f ms %6.1f GFLOP/s %5d MiB", n, t, (t > 1 ? "s" : " "), ms["det"], gf, peak["det"]
				if (ms["ort"]) printf "   onnxruntime %7.1f ms %5d MiB   ratio %.2f", ms["ort"], peak["ort"], ms["det"] / ms["ort"]
				print ""
			}'
	done
}

for w in $what; do
	case $w in
	net)
		echo "== networks, random weights, batch 1, fp32; medians"
		net yolov3 416x416
		net yolov3-tiny 416x416
		net fasterrcnn_vgg16 224x224 # its backbone: VGG16 up to conv5_3
		net resnet50 224x224
		;;
	pipe)
		m=$(model yolov3 416x416) && sh "$DET_SRC/tests/bench/pipe.sh" "$work" "$m"
		echo "== pipe_copy: the stream alone"
		"$bench/pipe_copy"
		;;
	detector) sh "$DET_SRC/tests/bench/detector.sh" "$work" ;;
	eval)
		echo "== eval: JSON to the twelve numbers, one thread"
		sh "$DET_SRC/tests/bench/eval.sh" "$work"
		;;
	*)
		for b in "$bench/$w"*; do
			case $b in *.o | *.d) continue ;; esac
			if [ -x "$b" ]; then
				echo "== ${b##*/}"
				"$b"
			fi
		done
		if [ "$w" = nms ] && "$py" -c 'import torchvision' 2>/dev/null; then
			"$py" "$DET_SRC/tests/bench/nms_peer.py" "$bench/nms" "$DET_BIN"
		fi
		;;
	esac
done
