#!/bin/sh
# make bench: the engine beside others, the pipe beside the engine, and the smaller benches.
#
#   make bench BENCH='net pipe'   only some of: net pipe detector train story conv nms image
#                                eval
#   make bench BENCH=net NETS='vgg16 yolov3' THREADS=1
#   DET_BENCH_CFG  folder with Darknet's cfg files (yolov3.cfg ...); default: the shared data
#   DET_BENCH_PY   a python3 that has the peers; default python3
#   nets.sh, pipe.sh, detector.sh, train.sh and eval.sh name variables of their own
set -u
PATH="$DET_BIN:$PATH"
cfg=${DET_BENCH_CFG:-$DET_SRC/../shared/data/models/darknet-cfg}
py=${DET_BENCH_PY:-python3}
work=$DET_BUILD/bench
bench=$DET_BUILD/tests/bench
mkdir -p "$work"
what=${*:-net pipe conv nms image eval}

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

for w in $what; do
	case $w in
	net)
		echo "== networks, random weights, batch 1, fp32; medians"
		sh "$DET_SRC/tests/bench/nets.sh" "$work"
		;;
	pipe)
		m=$(model yolov3 416x416) && sh "$DET_SRC/tests/bench/pipe.sh" "$work" "$m"
		echo "== pipe_copy: the stream alone"
		"$bench/pipe_copy"
		;;
	train)
		echo "== train: steps of training, random weights"
		sh "$DET_SRC/tests/bench/train.sh" "$work"
		;;
	story)
		echo "== story: what the systems that led here take for a picture, random weights"
		sh "$DET_SRC/tests/bench/story.sh" "$work"
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
		photos=${DET_BENCH_PHOTOS:-$DET_SRC/../shared/data/voc100/images}
		if [ "$w" = image ] && [ -d "$photos" ] && "$py" -c 'import cv2' 2>/dev/null; then
			for size in 416x416 600x600; do
				"$py" "$DET_SRC/tests/bench/image_peer.py" "$bench/image" "$size" "$photos"/*.jpg
			done
		fi
		;;
	esac
done
