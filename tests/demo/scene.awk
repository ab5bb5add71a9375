# scene.awk: a 640x480 picture (PPM) of coloured discs and of things that are none.
#   LC_ALL=C awk -f tests/demo/scene.awk >scene.ppm

function disc(x, y, r, red, green, blue) {
	n++
	cx[n] = x; cy[n] = y; cr[n] = r; R[n] = red; G[n] = green; B[n] = blue; square[n] = 0
}
function clip(v) { return v < 1 ? 1 : v > 255 ? 255 : int(v) }

BEGIN {
	disc(110, 110, 24, 225, 35, 30);  disc(330, 90, 20, 210, 45, 30)
	disc(520, 150, 28, 25, 60, 215);  disc(200, 250, 22, 30, 170, 45)
	disc(420, 290, 26, 30, 190, 40);  disc(90, 380, 25, 40, 60, 225)
	disc(300, 400, 24, 230, 30, 40);  disc(560, 390, 21, 35, 180, 40)
	disc(440, 60, 22, 235, 235, 225); disc(220, 100, 26, 60, 60, 60)   # white, grey: none
	disc(520, 290, 9, 230, 40, 30)                                     # too small
	print "P6 640 480 255"
	for (y = 0; y < 480; y++)
		for (x = 0; x < 640; x++) {
			# a table in warm light, with grain
			seed = (seed * 1103 + 12345) % 65536
			g = seed % 9 - 4 + 14 * sin(x / 37 + 3 * sin(y / 90)) - y / 16
			r0 = 196 + g; g0 = 178 + g; b0 = 150 + g
			for (i = 1; i <= n; i++) {
				dx = x - cx[i]; dy = y - cy[i]; d = sqrt(dx * dx + dy * dy)
				s = d - cr[i]
				t = sqrt((dx - 6) * (dx - 6) + (dy - 9) * (dy - 9)) - cr[i]
				if (s > 0 && t < 0) { r0 *= .8; g0 *= .8; b0 *= .8 } # its shadow
				if (s < 1) {
					a = s < 0 ? 1 : 1 - s
					light = 1 - .25 * (dx + dy) / cr[i] / 1.4
					r0 += a * (R[i] * light - r0)
					g0 += a * (G[i] * light - g0)
					b0 += a * (B[i] * light - b0)
				}
			}
			printf "%c%c%c", clip(r0), clip(g0), clip(b0)
		}
}
