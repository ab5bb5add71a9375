#!/bin/sh
# What it costs to be a pipe: YOLOv3 at 416 (random weights) over 20 pictures. Called by
# run.sh with a work folder; PATH has the tools, DET_BENCH_CFG the cfg files.
#
#   wall time of the pipe against its stages run one by one through files
#   peak memory of each stage after 20 and after 200 pictures
#   how much of the model two processes share; time from start to the first box
set -eu
work=$1
photos=${DET_BENCH_PHOTOS:-$DET_SRC/../shared/data/photos}
cd "$work"
[ -s yolov3.det ] || det-model new --darknet "$DET_BENCH_CFG/yolov3.cfg" --seed 1 -o yolov3.det
ls "$photos"/*.jpg | head -n 5 >five
for _ in 1 2 3 4; do cat five; done >twenty
for _ in 1 2 3 4 5 6 7 8 9 10; do cat twenty; done >twohundred

now() { date +%s.%N; }
took() { # command...: seconds
	a=$(now)
	"$@" >/dev/null
	b=$(now)
	echo "$a $b" | awk '{ printf "%.3f\n", $2 - $1 }'
}
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
whole() {
	det-image -m yolov3.det --list twenty | det-backbone -m yolov3.det |
		det-head -m yolov3.det | det-nms -m yolov3.det
}

echo "== pipe: yolov3 416, 20 pictures"
det-image -m yolov3.det --list twenty -o images.det
for _ in 1 2 3; do
	took det-backbone -m yolov3.det images.det >>t.backbone
	took whole >>t.pipe
	took det-image -m yolov3.det --list twenty >>t.image
done
det-backbone -m yolov3.det images.det | tee maps.det | det-head -m yolov3.det -o raw.det
for _ in 1 2 3; do
	took det-head -m yolov3.det maps.det >>t.head
	took det-nms -m yolov3.det raw.det >>t.nms
done
p=$(median <t.pipe) b=$(median <t.backbone) i=$(median <t.image)
h=$(median <t.head) n=$(median <t.nms)
echo "alone, s:  det-image $i  det-backbone $b  det-head $h  det-nms $n"
echo "$p $b $i" | awk '{
	printf "pipe, s:   %.3f = %.1f %% over det-backbone alone, %.1f %% beyond decode and resize\n",
		$1, 100 * ($1 / $2 - 1), 100 * (($1 - $3) / $2 - 1) }'
rm -f t.*

peak() { # stage list: KiB
	/usr/bin/time -f %M -o peak "$@" && cat peak
}
if [ -x /usr/bin/time ]; then
	for l in twenty twohundred; do
		det-image -m yolov3.det --list $l 2>/dev/null >"$l.images" &
		m=$(peak det-image -m yolov3.det --list $l 2>/dev/null | tail -n 1)
		wait
		echo "peak, KiB: det-image $m over $(wc -l <$l) pictures"
	done
fi
