#!/bin/sh
# det-eval beside pycocotools and faster-coco-eval: the whole command, from two files of JSON
# to the twelve numbers, on one thread; processor time, wall time, peak memory. Called by
# run.sh with a work folder; PATH has the tools.
#
#   DET_BENCH_COCO    folder with gt.json and dt.json; default: made by eval_set, 5,000 images,
#                     80 classes, some 35,000 objects, 500,000 detections
#   DET_BENCH_PY      a python3 that has pycocotools, faster_coco_eval or both
#   DET_BENCH_ROUNDS  rounds in which all take turns (3); medians. pycocotools takes part in
#                     the first round only
#   DET_BENCH_TIMES   also a set of so many times as many images, by det-eval alone (10; 0: not)
set -u
work=$1
bin=$DET_BUILD/tests/bench
py=${DET_BENCH_PY:-python3}
rounds=${DET_BENCH_ROUNDS:-3}
times=${DET_BENCH_TIMES:-10}
cd "$work" || exit 2
data=${DET_BENCH_COCO:-$work/eval1}
if [ ! -s "$data/dt.json" ]; then
	mkdir -p "$data"
	"$bin/eval_set" "$data" || exit 2
fi
log=$work/eval.log
: >"$log"

# name command ...: appends "name wall processor MiB", keeps the numbers in name.out
timed() {
	name=$1
	shift
	: >eval.rss
	t0=$(date +%s.%N)
	"$bin/rss" eval.rss "$@" >"$name.out" 2>"$name.err" || return
	t1=$(date +%s.%N)
	# rss writes: command, KiB, seconds in itself, seconds in the kernel
	awk -v n="$name" -v a="$t0" -v b="$t1" \
		'{ printf "%s %.4f %.4f %.1f\n", n, b - a, $3 + $4, $2 / 1024 }' eval.rss >>"$log"
}

r=0
while [ "$r" -lt "$rounds" ]; do
	timed det-eval det-eval -j 1 --coco "$data/gt.json" "$data/dt.json"
	OMP_NUM_THREADS=1 timed faster "$py" "$DET_SRC/tests/bench/eval_peer.py" \
		faster_coco_eval "$data/gt.json" "$data/dt.json"
	[ "$r" -gt 0 ] || OMP_NUM_THREADS=1 timed pycocotools "$py" \
		"$DET_SRC/tests/bench/eval_peer.py" pycocotools "$data/gt.json" "$data/dt.json"
	timed bootstrap det-eval -j 1 --bootstrap 1000 --tide --coco "$data/gt.json" "$data/dt.json"
	r=$((r + 1))
done
if [ "$times" -gt 0 ]; then
	mkdir -p eval_more
	[ -s eval_more/dt.json ] || "$bin/eval_set" eval_more $((5000 * times)) >/dev/null
	timed "det-eval,x$times" det-eval -j 1 --coco eval_more/gt.json eval_more/dt.json
	rm -rf eval_more
fi

sort "$log" | awk '
	function flush_one(   i, j, t) {
		if (!n) return
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && cpu[j] < cpu[j - 1]; j--) {
				t = cpu[j]; cpu[j] = cpu[j - 1]; cpu[j - 1] = t
				t = wall[j]; wall[j] = wall[j - 1]; wall[j - 1] = t
			}
		m = int((n + 1) / 2)
		c[last] = cpu[m]; w[last] = wall[m]; peak[last] = mem; order[++k] = last
		n = 0; mem = 0
	}
	$1 != last { flush_one(); last = $1 }
	{ n++; wall[n] = $2; cpu[n] = $3; if ($4 > mem) mem = $4 }
	END {
		flush_one()
		for (i = 1; i <= k; i++) {
			o = order[i]
			printf "%-14s processor %8.3f s  wall %8.3f s  peak %6.0f MiB", o, c[o], w[o], peak[o]
			if (o != "det-eval" && c["det-eval"] > 0)
				printf "  x %.1f processor, x %.1f memory", c[o] / c["det-eval"], peak[o] / peak["det-eval"]
			print ""
		}
	}'
echo "parts, one thread, processor time:"
"$bin/eval" "$data/gt.json" "$data/dt.json"
for f in faster pycocotools; do
	[ -s "$f.out" ] && printf '%-12s %s\n' "$f" "$(cat "$f.out")"
done
