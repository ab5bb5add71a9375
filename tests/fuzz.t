# shellcheck shell=sh
# Every fuzz target over a corpus made here, from texts and tools, with files cut and
# changed (tests/fuzz/replay.c). `make fuzz` lets the compiler's fuzzer loose on them.
. "$DET_SRC/tests/lib.sh"
n=${DET_FUZZ_CHANGES:-60}
mkdir corpus files
cd files || exit 2
. "$DET_SRC/tests/fixture.sh"
cd ..

# a corpus for each subject; a target gets that of its name, or all of them
mkdir corpus/stream corpus/recipe corpus/decode corpus/model corpus/net corpus/cfg corpus/image
for r in "$DET_SRC"/tests/stream/*.recipe; do
	name=$(basename "$r" .recipe)
	[ "$name" != good-large ] || continue
	cp "$r" corpus/recipe
	det-show --build "$r" >"corpus/stream/$name"
done
cp files/boxes.det corpus/stream
for t in 'yolo3(y) anchors=4,4,8,8 classes=2 net=64x48' \
	'yolo3(y) anchors=116,90,156,198,373,326 classes=80 net=416x416 scale_xy=1.05' \
	'region(y) anchors=1.3,1.7,3.2,4 classes=2 softmax=1' \
	'detection(y) side=7 num=3 classes=20 sqrt=1' 'classes(y)' \
	'yolo3(a) anchors=4,4 classes=1
yolo3(b) anchors=8,8 classes=1'; do
	i=$((${i:-0} + 1))
	printf '%s\n\0\15\4\5\0\0\200\77\0\0\0\277\0\0\0\100' "$t" >corpus/decode/$i
done
cp files/M.det corpus/model/disc
det-model new --darknet files/tiny.cfg --classes files/tiny.names -o corpus/model/tiny
det-model new --arch tiny_ssd -o corpus/model/ssd
for m in corpus/model/*; do
	det-show --data --name net/backbone "$m" | sed -n 's/^  | //p' >"corpus/net/$(basename "$m")"
done
for f in files/tiny.cfg "$DET_SRC"/tests/darknet/*.cfg; do # cfg, NUL, weights
	[ ! -f "$f" ] || { cat "$f"; printf '\0'; cat files/tiny.weights; } >"corpus/cfg/$(basename "$f")"
done
det-image --size 24x16 --fit stretch --source files/dog.jpg -o small.det
det-show --build - >small2.det <<'END'
STRM
ITEM id=0 path=a.ppm width=3 height=2
TENS u8 29 name=source
  hex 50 36 0a 33 20 32 0a 32 35 35 0a 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12
BOXS name=boxes space=image
END.
END
det-draw --format jpeg small2.det >corpus/image/a.jpg
det-draw --format png small2.det >corpus/image/a.png
printf 'P6\n3 2\n255\n123456789012345678' >corpus/image/a.ppm

found=0
for target in "$DET_SRC"/tests/fuzz/fuzz_*.c; do
	name=$(basename "$target" .c)
	exe=$DET_BUILD/tests/fuzz/$name
	if [ ! -x "$exe" ]; then
		skip "$name" "not built; make replays"
		continue
	fi
	found=$((found + 1))
	subject=corpus/${name#fuzz_}
	[ -d "$subject" ] || subject='corpus/*'
	# shellcheck disable=SC2046,SC2086
	set -- $(find $subject -type f | sort)
	ok "$name: $# files, $n changes each" "$exe" -n "$n" "$@"
done
[ -z "$DET_BUILD" ] || ok "fuzz targets are built" test "$found" -gt 0
rm -rf corpus files
done_testing
