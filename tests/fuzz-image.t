# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# The fuzz target of pictures, on a small one of each format and all their prefixes, and on
# several in a row.
target=${DET_BUILD:-}/tests/fuzz/fuzz_image
if [ ! -x "$target" ]; then
	skip "hostile pictures" "fuzz_image is not built"
	done_testing
fi
printf 'P5\n7 4 255\nabcdefghijklmnopqrstuvwxyz~!' >p5
printf 'P6 # wide\n2 1 65535\nabcdefghijkl' >p6
det-image p5 | det-draw -o png.png
det-image p5 | det-draw -o jpeg.jpg
cat jpeg.jpg p6 png.png p5 jpeg.jpg >row
for f in p5 p6 png.png jpeg.jpg row; do
	ok "$f" "$target" $f
done
for i in 1 2 3 4 5 6 7 8; do
	# one byte of each changed, at another place each time
	for f in png.png jpeg.jpg row; do
		n=$(($(wc -c <$f) * i / 9))
		{
			head -c $n $f
			printf '\377'
			tail -c +$((n + 2)) $f
		} >$f.$i
	done
done
ok "bytes changed" "$target" png.png.* jpeg.jpg.* row.*
done_testing
