#!/bin/sh
# Steps of training: whole detectors, forward, losses, backward and SGD, beside the same of
# torch. Called by run.sh with a work folder; PATH has the tools.
#
#   DET_BENCH_TRAIN  a Python script that is given NAME THREADS BATCH, NAME ssd300 or
#                    retinanet320, and prints a line with "= X img/s peakRSS Y MiB"; without
#                    it our figures stand alone
#   DET_BENCH_TORCH  the python3 that has torch; default /usr/bin/python3
#   THREADS, BATCH, ROUNDS, NETS
#
# They take turns, ROUNDS times (3); then medians of images a second, the ratio of medians, and
# the largest peaks.
set -u
work=$1
step=$DET_BUILD/tests/bench/step
torch=${DET_BENCH_TORCH:-/usr/bin/python3}
threads=${THREADS:-2} batch=${BATCH:-2} rounds=${ROUNDS:-3}
nets=${NETS:-ssd300 retinanet320}
# Debian's OpenBLAS may not know the processor; torch's own kernels do not ask
OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SkylakeX}
export OPENBLAS_CORETYPE
cd "$work" || exit 2

# lines "WHO img/s MiB" -> medians, ratio, peaks
summary() {
	sort -k1,1 -k2,2g | awk '
		{ n[$1]++; v[$1, n[$1]] = $2; if ($3 > peak[$1]) peak[$1] = $3 }
		function mid(who) { return v[who, int((n[who] + 1) / 2)] }
		END {
			printf "%.3f images/s, %d MiB", mid("det"), peak["det"]
			if (n["peer"])
				printf "; torch %.3f, %d MiB: %.2f x its speed, %.2f of its memory",
				    mid("peer"), peak["peer"], mid("det") / mid("peer"),
				    peak["det"] / peak["peer"]
			printf "\n"
		}'
}

numbers() { # WHO: its line on standard input
	sed -n "s/.*= \([0-9.]*\) img\/s peakRSS \([0-9]*\) MiB.*/$1 \1 \2/p"
}

for net in $nets; do
	case $net in
	ssd300) arch=ssd300_vgg16 size=300x300 ;;
	retinanet320) arch=retinanet_resnet50_fpn size=320x320 ;;
	*) arch=$net size=${SIZE:-300x300} ;;
	esac
	[ -s "$arch.det" ] || det-model new --arch "$arch" --seed 1 -q -o "$arch.det" || exit 1
	: >"train-$net"
	r=0
	while [ $r -lt "$rounds" ]; do
		"$step" "$arch.det" "$threads" "$batch" "$size" | numbers det >>"train-$net"
		if [ -n "${DET_BENCH_TRAIN:-}" ]; then
			"$torch" "$DET_BENCH_TRAIN" "$net" "$threads" "$batch" |
				numbers peer >>"train-$net"
		fi
		r=$((r + 1))
	done
	printf '%s, %s threads, batch %s: ' "$net" "$threads" "$batch"
	summary <"train-$net"
done
