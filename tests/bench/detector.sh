#!/bin/sh
# Whole pictures through whole detectors: the pipe that each model carries, from the file to
# the boxes; seeded random weights. Called by run.sh with a work folder; PATH has the tools.
#
#   wall time a picture in steady state: (time of MANY pictures - time of FEW) / the difference,
#   so start-up, which is paid once, is left out as it is of the others' figures
#   each stage's processor time a picture, and its share; how much of all was the kernel's,
#   which is nearly all pipes
#   torchvision's time of the same detector on the same picture, already decoded (a python3
#   with torch and torchvision: DET_BENCH_TORCH, default /usr/bin/python3)
#   onnxruntime's of torchvision's, exported (a python3 that has it: ORT_PYTHON)
#
# They take turns, DET_BENCH_ROUNDS times (3); medians and the ratios of medians. The process
# is held to as many processors as it may have threads. DET_BENCH_DETECTORS: lines of
# "architecture HxW" instead of all.
set -u
work=$1
bench=$DET_SRC/tests/bench
rss=$DET_BUILD/tests/bench/rss
torch=${DET_BENCH_TORCH:-/usr/bin/python3}
ort=${ORT_PYTHON:-}
rounds=${DET_BENCH_ROUNDS:-3} few=2 many=8
# Debian's OpenBLAS may not know the processor; torch's own kernels do not ask
OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SkylakeX}
export OPENBLAS_CORETYPE
cd "$work" || exit 2

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
	begin=$(date +%s.%N)
	$hold sh -c "$pipe" >/dev/null || return 1
	echo "$begin $(date +%s.%N)" | awk '{ print $2 - $1 }'
}

median() { sort -g "$1" | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }

# From the stages' times of FEW and MANY pictures, in all rounds, to a picture's.
stages() { # few-stats many-stats
	awk -v n=$(((many - few) * rounds)) '
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
		}' "$1" "$2"
}

detector() { # architecture HxW
	arch=$1 dims=$2 model=$1.det
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
	if [ -n "$ort" ] && [ "$have_torch" = 1 ]; then
		onnx=$arch-$dims.onnx
		[ -s "$onnx" ] || "$torch" "$bench/detector_torch.py" "$arch" "$dims.ppm" --export "$onnx" ||
			onnx=
	fi
	for threads in 1 2; do
		hold="taskset -c 0-$((threads - 1))"
		rm -f d.*
		r=0
		while [ $r -lt "$rounds" ]; do
			if ! { a=$(ours "$model" "$set" "list.$few" d.one.few) &&
				b=$(ours "$model" "$set" "list.$many" d.one.many); }; then
				echo "$arch $dims: the pipe failed"
				return
			fi
			echo "$a $b" | awk -v n=$((many - few)) '{ print ($2 - $1) * 1000 / n }' >>d.det
			cat d.one.few >>d.few
			cat d.one.many >>d.many
			[ "$have_torch" = 1 ] && $hold "$torch" "$bench/detector_torch.py" "$arch" "$dims.ppm" "$threads" >>d.torch
			[ -n "$onnx" ] && $hold "$ort" "$bench/ort.py" "$onnx" "$threads" 5 |
				sed 's/.*median \([0-9.]*\) ms.*/\1/' >>d.ort
			r=$((r + 1))
		done
		printf '%-24s %9s %d thread%s  det %7.1f ms' "$arch" "$dims" "$threads" \
			"$([ "$threads" = 1 ] && echo ' ' || echo s)" "$(median d.det)"
		for other in torch ort; do
			[ -s d.$other ] && echo "$(median d.det) $(median d.$other) $other" |
				awk '{ printf "   %s %7.1f ms  ratio %.2f", $3, $2, $1 / $2 }'
		done
		echo
		stages d.few d.many
		rm -f d.*
	done
}

have_torch=0
"$torch" -c 'import torchvision' 2>/dev/null && have_torch=1
echo "== detectors: random weights, whole pictures; medians of $rounds"
[ "$have_torch" = 1 ] || echo "(no python3 with torchvision: DET_BENCH_TORCH)"
[ -n "$ort" ] || echo "(no python3 with onnxruntime: ORT_PYTHON)"
command -v taskset >/dev/null || {
	echo "taskset is needed to hold a pipe to some processors: skipped"
	exit 0
}
printf '%s\n' "${DET_BENCH_DETECTORS:-fasterrcnn_resnet50_fpn 800x1066
fasterrcnn_resnet50_fpn 600x600
retinanet_resnet50_fpn 800x1066
retinanet_resnet50_fpn 600x600
ssd300_vgg16 300x300}" | while read -r arch dims; do detector "$arch" "$dims" </dev/null; done
