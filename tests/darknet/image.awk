# A picture for the networks of this folder, as a recipe: -v w=WIDTH -v h=HEIGHT. Values are
# multiples of 1/256, so that they are the same number wherever they are read.
BEGIN {
	print "STRM"
	printf "ITEM id=0 path=made width=%d height=%d in_w=%d in_h=%d\n", w, h, w, h
	printf "TENS f32 1x3x%dx%d name=image\n", h, w
	for (c = 0; c < 3; c++)
		for (y = 0; y < h; y++) {
			line = " "
			for (x = 0; x < w; x++)
				line = line " " ((x * x * (3 + c) + y * 7 * (c + 1) + x * y) % 257) / 256
			print line
		}
	print "END."
}
