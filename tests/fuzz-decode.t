# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# The fuzz target of decoding, on a few inputs of each kind and all their prefixes.
target=${DET_BUILD:-}/tests/fuzz/fuzz_decode
if [ ! -x "$target" ]; then
	skip "hostile decode texts and maps" "fuzz_decode is not built"
	done_testing
fi
# TEXT SIZES: a line, a NUL, the bytes that shape the maps, and the floats 1, 2, NaN, -2
input() {
	# shellcheck disable=SC2059
	printf '%s\0' "$1" && printf "$2"
	printf '\0\0\200\077\0\0\0\100\0\0\300\177\0\0\0\300'
}
input 'yolo3(m) anchors=10,20,30,8 classes=2 scale_xy=1.1' '\015\002\003' >yolo3
input 'yolo3(m) anchors=10,20 classes=1 new_coords # v4' '\005\002\002' >yolo4
input 'region(m) anchors=1,2 classes=2 softmax background=1' '\006\002\003' >region
input 'detection(m) side=2 num=2 classes=2 sqrt=1' '\013\002\002' >detection
input 'classes(m) top=3 softmax' '\013\001\001' >classes
input 'anchors(c, b) map=m classes=3 top=3 clip min_size=1' '\005\022\003' >sigmoid
input 'anchors(c, b) map=m classes=2 background=last score=softmax order=class top_per_class=2' '\005\022\003' >softmax
for kind in yolo3 yolo4 region detection classes sigmoid softmax; do
	ok "$kind" "$target" $kind
done
done_testing
