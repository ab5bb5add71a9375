# picture.awk: a picture (PPM) of coloured blocks on a slope, of whole numbers alone, so that
# every awk makes the same bytes.
#   LC_ALL=C awk -v w=160 -v h=120 -v n=1 -f tests/golden/picture.awk >a.ppm
# n chooses the colours.

function mix(a, b, c,   v) {
	v = (a * 7919 + b * 10473 + c * 1299 + n * 977 + 31) % 65521
	return v * v % 65521
}

BEGIN {
	print "P6 " w " " h " 255"
	for (y = 0; y < h; y++)
		for (x = 0; x < w; x++)
			for (c = 0; c < 3; c++)
				printf "%c", 1 + mix((x - x % 13) / 13, (y - y % 11) / 11, c) % 180 + (3 * x + 2 * y) % 64
}
