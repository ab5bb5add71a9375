# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# The fuzz target of decoding, on a few inputs of each kind and all their prefixes.
target=${DET_BUILD:-}/tests/fuzz/fuzz_decode
if [ ! -x "$target" ]; then
	skip "hostile decode texts and maps" "fuzz_decode is not built"
	done_testing
fi
tail='\0\0\200\077\0\0\0\100\0\0\300\177\0\0\0\300'
printf 'yolo3(m) anchors=10,20,30,8 classes=2 scale_xy=1.1\0\015\002\003'"$tail" >yolo3
printf 'yolo3(m) anchors=10,20 classes=1 new_coords # v4\0\005\002\002'"$tail" >yolo4
printf 'region(m) anchors=1,2 classes=2 softmax background=1\0\006\002\003'"$tail" >region
printf 'detection(m) side=2 num=2 classes=2 sqrt=1\0\013\002\002'"$tail" >detection
printf 'classes(m) top=3 softmax\0\013\001\001'"$tail" >classes
for kind in yolo3 yolo4 region detection classes; do
	ok "$kind" "$target" $kind
done
done_testing
