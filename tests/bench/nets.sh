#!/bin/sh
# One table: each network here beside onnxruntime, ncnn, torch and Darknet, with the same
# random weights and the same noise for input. Called by run.sh with a work folder; PATH has
# the tools.
#
#   NETS      which of those below and of detector.sh's, by name; default all
#   THREADS   default '1 2'
#   ROUNDS    a round is det, onnxruntime, ncnn, torch, one after another, in one thread and
#             again in two; default 2
#   RUNS      of a network in a round, after two to warm up (fewer where one takes over a
#             second, more where all take less than half of one); default 5
#   PEERS     default 'ort ncnn torch darknet'
#   DET_BENCH_CFG      folder with Darknet's cfg files; default: the shared data
#   DET_BENCH_PY       a python3 with onnxruntime, onnx and ncnn; default python3
#   DET_BENCH_TORCH    one with torch; default /usr/bin/python3
#   DET_BENCH_DARKNET  a checked-out source of github.com/pjreddie/darknet; none by default
#   DET_BENCH_HOLD     a command to put before each round, for instance one that waits until
#                      the machine is free
#
# Lines of detector.sh follow: whole pictures through whole detectors.
#
# Times are medians of the rounds' medians; a round in which something else took more than a
# tenth of a processor is repeated, and left out where there is a better one. What is not there is left out, and said. "differs"
# is the largest difference of any peer's outputs from det's, relative to the largest value of
# the output: that the same thing was computed. A goal ort.62 is det's time over onnxruntime's;
# x1.85 how much faster two threads must be than one; mem: a peak of at most onnxruntime's.
# Peaks are of whole processes, so the peers' hold Python.
set -u
work=$(cd "$1" && pwd)
bench=$DET_SRC/tests/bench
oracle=$DET_SRC/tests/oracle
cfg=${DET_BENCH_CFG:-$DET_SRC/../shared/data/models/darknet-cfg}
py=${DET_BENCH_PY:-python3}
torch=${DET_BENCH_TORCH:-/usr/bin/python3}
darknet=${DET_BENCH_DARKNET:-}
hold=${DET_BENCH_HOLD:-}
peers=${PEERS:-ort ncnn torch darknet}
runs=${RUNS:-5}
# Debian's OpenBLAS may not know the processor
OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SkylakeX}
export OPENBLAS_CORETYPE
cd "$work" || exit 2

# name, architecture, size, networks, goals
nets='vgg16 fasterrcnn_vgg16 224x224 backbone ncnn.85,ort.62,x1.85,mem
resnet50 resnet50 224x224 backbone ort.9,x1.85,mem
resnet101 resnet101 600x600 backbone ort.75,x1.85,mem
ssd300 ssd300_vgg16 300x300 backbone,head ort.62,x1.85,mem
yolov2 yolov2 416x416 backbone ort.75,x1.85,mem
yolov3 yolov3 416x416 backbone ort.62,x1.85,mem
yolov3-tiny yolov3-tiny 416x416 backbone ort.8,x1.85,mem
retinanet-608 retinanet_resnet50_fpn 608x608 backbone,head x1.85,mem
retinanet-800 retinanet_resnet50_fpn 800x1088 backbone,head ort.75,x1.85,mem
frcnn-600 fasterrcnn_resnet50_fpn 608x608 backbone,rpn x1.85,mem
frcnn-800 fasterrcnn_resnet50_fpn 800x1088 backbone,rpn x1.85,mem
mobilenet_ssd mobilenet_ssd 300x300 backbone,head ncnn1,mem
squeezenet_ssd squeezenet_ssd 300x300 backbone,head ncnn1,mem'

newer() { # made from...: whether it is there and younger than all of these
	made=$1
	shift
	[ -s "$made" ] || return 1
	for from; do
		[ -z "$(find "$from" -newer "$made" 2>/dev/null | head -n 1)" ] || return 1
	done
}

has() { case " $peers " in *" $1 "*) ;; *) return 1 ;; esac }

model() { # architecture HxW: makes ARCH.det
	newer "$1.det" "$DET_SRC/lib/arch" "$bench/nets.sh" && return
	# as a cfg, so that Darknet takes it too
	if [ -s "$cfg/$1.cfg" ] && [ "${1#yolo}" != "$1" ]; then
		sed "s/^width=.*/width=${2#*x}/; s/^height=.*/height=${2%x*}/" "$cfg/$1.cfg" >"$1.cfg"
		det-model new --darknet "$1.cfg" --seed 1 -q -o "$1.det" &&
			det-model export darknet "$1.det" -o "$1.weights" >/dev/null
	else
		det-model new --arch "$1" --seed 1 -q -o "$1.det"
	fi
}

# Darknet built as its own Makefile does with OPENMP=1.
build_darknet() {
	newer darknet_time "$oracle/darknet_time.c" && return
	mkdir -p darknet_o
	for f in "$darknet"/src/*.c; do
		[ "${f##*/}" = compare.c ] || # which its Makefile leaves out: it does not compile
			gcc -w -Ofast -fopenmp -fcommon -I"$darknet/include" -I"$darknet/src" -c "$f" \
				-o "darknet_o/${f##*/}.o" || return 1
	done
	gcc -w -O2 -fopenmp -fcommon -I"$darknet/include" "$oracle/darknet_time.c" \
		darknet_o/*.o -o darknet_time -lm -lpthread
}

# Which peers there are, once.
look() {
	found=
	for p in $peers; do
		case $p in
		ort) "$py" -c 'import onnxruntime, onnx' ;;
		ncnn) "$py" -c 'import ncnn' ;;
		torch) "$torch" -c 'import torch' ;;
		darknet) [ -n "$darknet" ] && build_darknet ;;
		*) false ;;
		esac >/dev/null 2>&1 && found="$found $p" || echo "(no $p here: its columns are empty)"
	done
	peers=$found
}

# The commands of a round, one a line.
commands() { # name arch size nets threads round
	out=$1.f32
	nets_=$(echo "$4" | tr , ' ')
	echo "'$DET_BUILD/tests/bench/net' $2.det $5 $runs $3 $out $nets_"
	if has ort; then echo "'$py' '$bench/peer.py' ort $1.onnx $5 $runs $out"; fi
	if has ncnn; then echo "'$py' '$bench/peer.py' ncnn $1 $5 $runs $out"; fi
	if has torch; then echo "'$torch' '$bench/peer.py' torch $2.det $5 $runs $out $3 $nets_"; fi
	# it takes ten times as long as the others: once will do
	if has darknet && [ "$6" = 1 ] && [ -s "$2.weights" ]; then
		echo "OMP_NUM_THREADS=$5 ./darknet_time $2.cfg $2.weights 1 $out"
	fi
}

busy() { # lines: whether something else had the processor meanwhile
	awk '{ for (i = 1; i < NF; i++) if ($i == "others" && $(i + 1) > 10) n++ } END { exit !n }' "$1"
}

one() { # name arch size nets goals
	model "$2" "$3" || return
	# shellcheck disable=SC2046
	if has ort && ! newer "$1.onnx" "$2.det" "$oracle"; then
		"$py" "$oracle/det2onnx.py" "$2.det" "$1.onnx" "$3" $(echo "$4" | tr , ' ') || return
	fi
	# shellcheck disable=SC2046
	if has ncnn && ! newer "$1.bin" "$2.det" "$oracle" "$bench/det2ncnn.py"; then
		"$py" "$bench/det2ncnn.py" "$2.det" "$1" "$3" $(echo "$4" | tr , ' ') || return
	fi
	rm -f lines.all
	r=1 again=2
	while [ "$r" -le "${ROUNDS:-2}" ]; do
		for t in ${THREADS:-1 2}; do
			commands "$1" "$2" "$3" "$4" "$t" "$r"
		done >round.sh
		# shellcheck disable=SC2086
		$hold sh round.sh >lines || echo "$1: a round failed" >&2
		cat lines >>lines.all
		if [ "$again" -gt 0 ] && busy lines; then
			again=$((again - 1))
		else
			r=$((r + 1))
		fi
	done
	for t in ${THREADS:-1 2}; do
		awk -v name="$1" -v size="$3" -v goals="$5" -v threads="$t" -f "$bench/row.awk" lines.all
	done
	rm -f lines lines.all
}

look
awk -v head=1 -f "$bench/row.awk" /dev/null
echo "$nets" | while read -r name arch size which goals; do
	case " ${NETS:-$name} " in
	*" $name "*) one "$name" "$arch" "$size" "$which" "$goals" </dev/null ;;
	esac
done
case ${NETS:--whole} in
*-whole*) sh "$bench/detector.sh" "$work" ;;
esac
