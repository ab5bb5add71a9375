#!/bin/sh
# What it costs to be a pipe: YOLOv3 at 416 (random weights) over 20 pictures. Called by
# run.sh with a work folder and the model; PATH has the tools. Random weights score a
# quarter of a million boxes above any usual threshold; --thresh leaves some hundred, which
# is what a trained net has before NMS.
#
#   wall time of the pipe against its stages run one by one through files
#   how the stages share the cores: processor time and context switches of each, threads as
#     they choose and one each; two pipes at once against one pipe twice
#   peak memory of each stage after 20 and after 200 pictures
#   how much of the model two processes share; time from start to the first box
set -eu
work=$1 model=$2 thresh=${DET_BENCH_THRESH:-.99} rss=$DET_BUILD/tests/bench/rss
photos=${DET_BENCH_PHOTOS:-$DET_SRC/../shared/data/photos}
cd "$work"
for p in "$photos"/*.jpg; do echo "$p"; done | head -n 5 >five
for _ in 1 2 3 4; do cat five; done >twenty
for _ in 1 2 3 4 5 6 7 8 9 10; do cat twenty; done >twohundred

took() { # command...: seconds of wall time
	begin=$(date +%s.%N)
	"$@" >/dev/null
	echo "$begin $(date +%s.%N)" | awk '{ printf "%.3f\n", $2 - $1 }'
}
least() { sort -g "$1" | head -n 1; }
median() { sort -g "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
whole() { # list [wrapper...]
	list=$1
	shift
	"$@" det-image -m "$model" --list "$list" | "$@" det-backbone -m "$model" |
		"$@" det-head -m "$model" --thresh "$thresh" | "$@" det-nms -m "$model"
}
five() { # file for the costs, options of the first four stages...
	costs=$1
	shift
	"$rss" "$costs" det-image "$@" -m "$model" --list twenty |
		"$rss" "$costs" det-backbone "$@" -m "$model" |
		"$rss" "$costs" det-head "$@" -m "$model" --thresh "$thresh" |
		"$rss" "$costs" det-nms "$@" -m "$model" | "$rss" "$costs" det-export >/dev/null
}
two() {
	five "$@" &
	other=$!
	five "$@"
	wait "$other"
}
apart() { # the same stages through files, one after another
	det-image -m "$model" --list twenty -o images.det
	det-backbone -m "$model" images.det -o maps.det
	det-head -m "$model" --thresh "$thresh" maps.det -o raw.det
	det-nms -m "$model" raw.det -o boxes.det
}

echo "== pipe: ${model##*/}, 20 pictures, in turn, 7 times"
rm -f t.*
apart
for _ in 1 2 3 4 5 6 7; do
	took det-backbone -m "$model" images.det >>t.backbone
	took whole twenty >>t.pipe
	took det-image -m "$model" --list twenty >>t.image
	took det-head -m "$model" --thresh "$thresh" maps.det >>t.head
	took det-nms -m "$model" raw.det >>t.nms
done
echo "alone, medians, s: det-image $(median t.image)  det-backbone $(median t.backbone)" \
	" det-head $(median t.head)  det-nms $(median t.nms)"
# pair by pair, since a shared machine's speed drifts
paste t.pipe t.backbone t.image | awk '{ print $1 / $2 }' >t.ratio
paste t.pipe t.backbone t.image | awk '{ print ($1 - $3) / $2 }' >t.beyond
echo "pipe, s: median $(median t.pipe) least $(least t.pipe);" \
	"to det-backbone alone, median of pairs: $(median t.ratio)," \
	"beyond decode and resize: $(median t.beyond)"
rm -f t.*

echo "== the cores shared by five stages, 20 pictures, in turn, 5 times"
rm -f t.* c.*
for _ in 1 2 3 4 5; do
	took five c.free >>t.free
	took five c.one -j 1 >>t.one
	took two c.both >>t.both
	took two c.ones -j 1 >>t.ones
done
shared() { # what, name of the files, pictures
	awk -v what="$1" -v s="$(median "t.$2")" -v n="$3" -v cores="$(nproc)" '
		{ cpu += $3 + $4; wait += $5; lost += $6 }
		END {
			printf "%-26s %6.1f pictures/s, %5.1f ms of processor each, cores busy %3.0f %%,",
				what, n / s, 1000 * cpu / 5 / n, 100 * cpu / 5 / s / cores
			printf " switches a picture: %.1f to wait, %.1f unasked\n", wait / 5 / n, lost / 5 / n
		}' "c.$2"
}
shared "one pipe" free 20
shared "one pipe, -j 1 each" one 20
shared "two pipes at once" both 40
shared "two pipes at once, -j 1" ones 40
paste t.both t.free | awk '{ print 2 * $2 / $1 }' >t.ratio
echo "two pipes at once to one pipe twice, pictures a second, median of pairs: $(median t.ratio)"
awk '{ n[$1]++; u[$1] += $3; s[$1] += $4; w[$1] += $5; l[$1] += $6 }
	END {
		for (t in n)
			printf "  %-14s %8.2f ms user %6.2f ms kernel %5.1f waits %5.1f unasked, a picture\n",
				t, 50 * u[t] / n[t], 50 * s[t] / n[t], w[t] / n[t] / 20, l[t] / n[t] / 20
	}' c.free | sort
rm -f t.* c.*

echo "== peak memory of each stage, KiB, after 20 and after 200 pictures"
rm -f rss.*
whole twenty "$rss" rss.twenty >/dev/null
whole twohundred "$rss" rss.twohundred >/dev/null
sort rss.twenty >a
sort rss.twohundred | join a - | awk '{ printf "%-14s %8d %8d\n", $1, $2, $7 }'
rm -f a rss.*

echo "== the model in two processes"
det-backbone -m "$model" images.det >/dev/null &
one=$!
det-backbone -m "$model" images.det >/dev/null &
two=$!
sleep 3
for p in $one $two; do
	awk -v m="${model##*/}" -v p="$p" '
		/^[0-9a-f]+-[0-9a-f]+ / { in_map = index($0, m) }
		in_map { v[$1] += $2 }
		END {
			printf "process %s: mapped %d KiB, resident %d, its own %d (private dirty %d)\n", p,
				v["Size:"], v["Rss:"], v["Private_Clean:"] + v["Private_Dirty:"], v["Private_Dirty:"]
		}' "/proc/$p/smaps"
done
wait

echo "== from start to the first box, s, and the network's own time for one picture"
for _ in 1 2 3 4 5; do
	took sh -c "head -n 1 five | det-image -m '$model' --list - | det-backbone -m '$model' |
		det-head -m '$model' --thresh $thresh | det-nms -m '$model' | det-export" >>t.first
done
own=$("$DET_BUILD/tests/bench/net" "$model" "$(nproc)" 5 | sed 's/.*median \([0-9.]*\) ms.*/\1/')
echo "$(median t.first) $own" | awk '{ printf "%.3f, network %.3f: %.3f beyond\n", $1, $2 / 1000, $1 - $2 / 1000 }'
rm -f t.* images.det maps.det raw.det boxes.det
