#!/bin/sh
# Writes tests/darknet/*.gold: what Darknet itself finds with the small networks of that
# folder, with the weights of `det-model new --seed 1`, on the picture of image.awk. The
# test tests/darknet.t holds the tools against them.
#
#   tests/oracle/darknet_gold.sh    after darknet.sh has built both Darknets in build/oracle
set -e
src=$(cd "$(dirname "$0")/../.." && pwd)
out=${OUT:-$src/build/oracle}
export PATH="$src/bin:$PATH"
# shellcheck disable=SC2046
gcc -w -O2 -I"$src/lib" "$src/tests/oracle/darknet_weights.c" -o "$out/weights" \
	"$src/build/libdet.a" $(pkg-config --libs libjpeg libpng zlib libdeflate) -ldl -lm
for n in layers:28x36:0 v1:28x28:.05 v2:32x32:.05 fork:32x64:.05; do
	thresh=${n##*:} size=${n%:*} n=${n%%:*}
	size=${size#*:}
	g=$out/gold-$n cfg=$src/tests/darknet/$n.cfg
	mkdir -p "$g"
	"$out/weights" "$cfg" 1 "$g/w.weights"
	awk -v "h=${size%x*}" -v "w=${size#*x}" -f "$src/tests/darknet/image.awk" >"$g/image.recipe"
	det-show --build "$g/image.recipe" -o "$g/image.det"
	det-show --npy image -o "$g/image.npy" "$g/image.det"
	tail -c $((12 * ${size%x*} * ${size#*x})) "$g/image.npy" >"$g/image.f32"
	which=pjreddie
	[ "$n" != fork ] || which=alexeyab
	"$out/$which/dump" "$cfg" "$g/w.weights" "$g/image.f32" "$g" "$thresh" .45 >"$g/log" 2>&1
	if [ -f "$g/nms.tsv" ]; then # label score x1 y1 x2 y2
		echo "# thresh $thresh" | cat - "$g/nms.tsv" | cut -f 1-6
	else
		echo "# scores"
		od -A n -v -t f4 -w4 "$g"/layer_*.f32 | awk '{ print NR - 1 "\t" $1 }' | sort -k 2gr
	fi >"$src/tests/darknet/$n.gold"
	wc -l "$src/tests/darknet/$n.gold"
done
