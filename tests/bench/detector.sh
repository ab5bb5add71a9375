#!/bin/sh
# Whole pictures through whole detectors: the pipe that each model carries, from the file to
# the boxes; seeded random weights. Called by run.sh, and by nets.sh whose table these rows
# belong to, with a work folder; PATH has the tools.
#
#   wall time a picture in steady state: (time of MANY pictures - time of FEW) / the difference,
#   so start-up, which is paid once, is left out as it is of the others' figures
#   each stage's processor time a picture, and its share; how much of all was the kernel's,
#   which is nearly all pipes; peaks are the sum of the stages'
#   torchvision's time of the same detector on the same picture, already decoded, and
#   onnxruntime's of torchvision's, exported
#
# They take turns, ROUNDS times (3); medians and the ratios of medians. The process is held to
# as many processors as it may have threads. NETS and THREADS choose, DET_BENCH_... are
# nets.sh's; without NETS all are run.
set -u
work=$1
bench=$DET_SRC/tests/bench
rss=$DET_BUILD/tests/bench/rss
torch=${DET_BENCH_TORCH:-/usr/bin/python3}
py=${DET_BENCH_PY:-python3}
turn=${DET_BENCH_HOLD:-}
rounds=${ROUNDS:-3} few=2 many=6
# Debian's OpenBLAS may not know the processor; torch's own kernels do not ask
OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SkylakeX}
export OPENBLAS_CORETYPE
cd "$work" || exit 2

# name, architecture, size, goals
detectors='ssd300-whole ssd300_vgg16 300x300 ort.62,mem
retinanet-600-whole retinanet_resnet50_fpn 600x600 mem
retinanet-800-whole retinanet_resnet50_fpn 800x1066 ort.75,mem
frcnn-600-whole fasterrcnn_resnet50_fpn 600x600 mem
frcnn-800-whole fasterrcnn_resnet50_fpn 800x1066 ort.75,mem'

# A picture of discs on a slope: something to see, from nothing but numbers.
picture() { # HxW file
	LC_ALL=C awk -v h="${1%x*}" -v w="${1#*x}" 'BEGIN {
		printf "P6\n%d %d\n255\n", w, h
		for (y = 0; y < h; y++)
			for (x = 0; x < w; x++) {
				dx = x % 97 - 48; dy = y % 83 - 41
				in_disc = dx * dx + dy * dy < 900 + x
				printf "%c%c%c", in_disc ? 200 : 1 + x * 120 / w, 1 + y * 250 / h,
					in_disc ? 30 + (x * 7 + y * 13) % 90 : 128
			}
	}' >"$2"
}

sizing() { # architecture HxW: what makes the picture that tensor
	case $1 in
	fasterrcnn_* | retinanet_*) printf -- '--set det-image.short=%d --set det-image.long=1333' "${2%x*}" ;;
	esac
}

# The model's pipe over a list of pictures, each stage under rss; prints the wall time.
ours() { # model sizing list stats
	# shellcheck disable=SC2086
	pipe=$(det-run -n -m "$1" $2 --list "$3") || return 1
	pipe=$(echo "$pipe" | tr '\n' ' ' | sed "s#det-[a-z]* #'$rss' '$4' &#g")
	rm -f "$4"
	echo "$pipe" >pipe.sh
	cat >timed.sh <<-END
		begin=\$(date +%s.%N)
		$hold sh pipe.sh >/dev/null || exit 1
		echo "\$begin \$(date +%s.%N)" | awk '{ print \$2 - \$1 }'
	END
	$turn sh timed.sh
}

# From the stages' times of FEW and MANY pictures, in all rounds, to a picture's.
stages() { # few-stats many-stats lines threads
	wall=$(sed -n 's/^det .*median \([0-9.]*\) ms.*/\1/p' "$3" | sort -g |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')
	awk -v n=$(((many - few) * rounds)) -v wall="$wall" -v threads="$4" '
		{ ms[$1] += (FILENAME ~ /few/ ? -1 : 1) * ($3 + $4) * 1000 / n
		  kernel += (FILENAME ~ /few/ ? -1 : 1) * $4 * 1000 / n }
		END {
			for (s in ms) sum += ms[s]
			m = split("det-image det-backbone det-anchors det-propose det-roipool det-head det-nms det-export", order, " ")
			printf "    CPU a picture, ms: "
			for (i = 1; i <= m; i++)
				if (order[i] in ms)
					printf "%s %.1f (%.1f %%)  ", substr(order[i], 5), ms[order[i]], 100 * ms[order[i]] / sum
			printf "all %.1f, of that in the kernel %.1f (%.1f %%)\n", sum, kernel, 100 * kernel / sum
			# a difference of two times: nonsense where the shorter run was held up
			if (wall * threads < .95 * sum)
				print "    (disturbed: less wall time than the processors worked; run it again)"
		}' "$1" "$2"
}

# The line that row.awk takes, from the two wall times and the stages' peaks.
line() { # threads FEW-seconds MANY-seconds stats
	awk -v t="$1" -v ms="$(echo "$2 $3" | awk -v n=$((many - few)) '{ print ($2 - $1) * 1000 / n }')" '
		{ kib += $2 }
		END { printf "det pipe threads %d median %.1f ms peak %d MiB\n", t, ms, kib / 1024 }' "$4"
}

# One round: the pipe, torchvision, onnxruntime.
# shellcheck disable=SC2086
round() { # model sizing threads
	a=$(ours "$1" "$2" "list.$few" d.one.few) && b=$(ours "$1" "$2" "list.$many" d.one.many) ||
		return 1
	line "$3" "$a" "$b" d.one.many >>"d.lines.$3"
	cat d.one.few >>d.few
	cat d.one.many >>d.many
	[ "$have_torch" = 1 ] &&
		$turn $hold "$torch" "$bench/detector_torch.py" "$arch" "$dims.ppm" "$3" >>"d.lines.$3"
	[ -n "$onnx" ] && $turn $hold "$py" "$bench/peer.py" ort "$onnx" "$3" 3 >>"d.lines.$3"
	return 0
}

detector() { # name architecture HxW goals
	arch=$2 dims=$3 model=$2.det
	[ -s "$model" ] || det-model new --arch "$arch" --seed 1 -q -o "$model" || {
		echo "$arch: no such model here, skipped"
		return
	}
	[ -s "$dims.ppm" ] || picture "$dims" "$dims.ppm"
	for n in $few $many; do
		i=0
		while [ $i -lt "$n" ]; do echo "$dims.ppm" && i=$((i + 1)); done >"list.$n"
	done
	onnx='' set=$(sizing "$arch" "$dims")
	if [ "$have_ort" = 1 ] && [ "$have_torch" = 1 ]; then
		onnx=$arch-$dims.onnx
		[ -s "$onnx" ] || "$torch" "$bench/detector_torch.py" "$arch" "$dims.ppm" --export "$onnx" ||
			onnx=
	fi
	rm -f d.*
	for threads in ${THREADS:-1 2}; do
		hold="taskset -c 0-$((threads - 1))"
		rm -f d.few d.many
		r=0
		while [ $r -lt "$rounds" ]; do
			if ! round "$model" "$set" "$threads"; then
				echo "$arch $dims: the pipe failed"
				return
			fi
			r=$((r + 1))
		done
		awk -v name="$1" -v size="$3" -v goals="$4" -v threads="$threads" -f "$bench/row.awk" d.lines.*
		stages d.few d.many "d.lines.$threads" "$threads"
	done
	rm -f d.*
}

have_torch=0 have_ort=0
"$torch" -c 'import torchvision' 2>/dev/null && have_torch=1
"$py" -c 'import onnxruntime' 2>/dev/null && have_ort=1
echo "whole detectors, from the file to the boxes:"
[ "$have_torch" = 1 ] || echo "(no python3 with torchvision: DET_BENCH_TORCH)"
[ "$have_ort" = 1 ] || echo "(no python3 with onnxruntime: DET_BENCH_PY)"
command -v taskset >/dev/null || {
	echo "taskset is needed to hold a pipe to some processors: skipped"
	exit 0
}
echo "$detectors" | while read -r name arch dims goals; do
	case " ${NETS:-$name} " in
	*" $name "*) detector "$name" "$arch" "$dims" "$goals" </dev/null ;;
	esac
done
