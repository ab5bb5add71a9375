# discs.awk: writes the text of a model that finds red, green and blue discs of about 24
# pixels radius. Nothing in it is trained: each weight follows from what a disc is, which
# makes it a detector that can be checked by hand and a model file that can be read.
#
#   colour   1x1 convolution, 3 -> 3: how much redder than green and blue together, and so
#            on, cut to 0..6: 6 inside a disc of that colour, 0 elsewhere
#   moments  8x8 convolution, stride 8: for each colour the mass of a cell and its first
#            moments about the cell's centre
#   window   9x9 convolution over cells: mass M and moments X, Y of 72x72 pixels about a cell
#   parts    M, and the positive and negative parts of X and Y
#   y        the map a YOLOv3 head reads: for each colour tx ty tw th objectness and classes
#
#   awk -f tests/demo/discs.awk | det-show --build - -o discs.det
#   det-run -m discs.det picture.ppm

function tensor(name, shape) { printf "TENS f32 %s name=backbone/%s\n", shape, name }
function row(s) { print "  " s }

BEGIN {
	radius = 24; cells = 9; half = (cells - 1) / 2
	mass = 6 * 3.14159265 * radius * radius          # of a disc: M at its centre
	split("red green blue", colour, " ")

	print "STRM"
	for (c = 1; c <= 3; c++) print "  | " colour[c] " disc"
	print "TEXT name=net/backbone"
	print "  | net backbone"
	print "  | input image 3 480 640"
	print "  | colour = conv(image) out=3 k=1 act=relu6"
	print "  | moments = conv(colour) out=9 k=8 stride=8 groups=3"
	print "  | window = conv(moments) out=9 k=9 pad=4 groups=3"
	print "  | parts = conv(window) out=15 k=1 groups=3 act=relu"
	print "  | y = conv(parts) out=24 k=1"
	print "  | output y"
	print "TEXT name=decode"
	a = 2 * radius
	printf "  | yolo3(y) anchors=%d,%d,%d,%d,%d,%d classes=3 net=640x480\n", a, a, a, a, a, a
	print "TEXT name=options/det-image"
	print "  | fit=stretch"
	print "  | size=640x480"
	print "TEXT name=options/det-head"
	print "  | thresh=0.5"
	print "TEXT name=options/det-nms"
	print "  | iou=0.3"
	print "TEXT name=pipeline"
	print "  | det-image\n  | det-backbone\n  | det-head\n  | det-nms"

	tensor("colour.weight", "3x3x1x1")
	row("40 -40 -40"); row("-40 40 -40"); row("-40 -40 40")
	tensor("colour.bias", "3"); row("fill -8")

	tensor("moments.weight", "9x1x8x8")
	for (c = 0; c < 3; c++)
		for (m = 0; m < 3; m++)
			for (i = 0; i < 8; i++) {
				s = ""
				for (j = 0; j < 8; j++)
					s = s " " (m == 0 ? 1 : m == 1 ? j - 3.5 : i - 3.5)
				row(s)
			}
	tensor("moments.bias", "9"); row("fill 0")

	# M = sum of m0, X = sum of (mx + 8 dx m0), in units of one disc's mass
	tensor("window.weight", "9x3x9x9")
	for (c = 0; c < 3; c++)
		for (m = 0; m < 3; m++)
			for (k = 0; k < 3; k++)
				for (i = -half; i <= half; i++) {
					s = ""
					for (j = -half; j <= half; j++) {
						w = k == m
						if (k == 0 && m == 1) w = 8 * j
						if (k == 0 && m == 2) w = 8 * i
						s = s sprintf(" %.9g", w / mass)
					}
					row(s)
				}
	tensor("window.bias", "9"); row("fill 0")

	# M, X+, X-, Y+, Y-
	tensor("parts.weight", "15x3x1x1")
	for (c = 0; c < 3; c++) {
		row("1 0 0"); row("0 1 0"); row("0 -1 0"); row("0 0 1"); row("0 0 -1")
	}
	tensor("parts.bias", "15"); row("fill 0")

	# sigmoid(tx) = .5 + X/8 nearly, so tx = X/2; log(r/radius) = log(M)/2, nearly (M-1)/2;
	# objectness falls with the distance of the centre and without enough mass
	tensor("y.weight", "24x15x1x1")
	for (c = 0; c < 3; c++)
		for (o = 0; o < 8; o++) {
			s = ""
			for (k = 0; k < 15; k++) {
				w = 0
				if (int(k / 5) == c) {
					p = k % 5
					if (o == 0) w = p == 1 ? .5 : p == 2 ? -.5 : 0
					if (o == 1) w = p == 3 ? .5 : p == 4 ? -.5 : 0
					if (o == 2 || o == 3) w = p == 0 ? .5 : 0
					if (o == 4) w = p == 0 ? 24 : -1
				}
				s = s " " w
			}
			row(s)
		}
	tensor("y.bias", "24")
	for (c = 0; c < 3; c++)
		row("0 0 -.5 -.5 -8 " (c == 0 ? 8 : -8) " " (c == 1 ? 8 : -8) " " (c == 2 ? 8 : -8))
	print "END."
}
