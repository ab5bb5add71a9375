/* SPDX-License-Identifier: MIT
 *
 * Boxes and labels: inside the picture, where they belong, the same every time.
 */
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "image/draw.h"
#include "tests/unit/tap.h"

static struct det_image
canvas(size_t w, size_t h)
{
	struct det_image im;

	if (det_image_new(&im, w, h))
		exit(2);
	memset(im.rgb, 100, w * h * 3);
	return im;
}

static int
is(const struct det_image *im, size_t x, size_t y, struct det_rgb c)
{
	const unsigned char *p = im->rgb + (y * im->w + x) * 3;

	return p[0] == c.r && p[1] == c.g && p[2] == c.b;
}

static void
test_font(void)
{
	static const struct det_rgb ink = { 255, 255, 255 };
	struct det_image one = canvas(80, 60), other = canvas(80, 60);
	char text[2] = "x", last[2] = "x";
	size_t i, inked;
	int c, bad = 0, blank = 0, wide = 0;

	for (c = 33; c < 127; c++) {
		memset(one.rgb, 100, 80 * 60 * 3);
		memset(other.rgb, 100, 80 * 60 * 3);
		text[0] = (char)c;
		last[0] = (char)(c == 126 ? 33 : c + 1);
		det_text_draw(&one, 20, 40, text, 20, ink);
		det_text_draw(&other, 20, 40, last, 20, ink);
		bad += memcmp(one.rgb, other.rgb, 80 * 60 * 3) == 0;
		for (inked = i = 0; i < 80 * 60; i++)
			inked += one.rgb[3 * i] != 100;
		blank += inked < 5;
		/* not left of where it begins, not beyond its width, by half a stroke */
		for (i = 0; i < 80 * 60; i++)
			wide +=
			    one.rgb[3 * i] != 100 &&
			    (i % 80 < 17 || i % 80 > 22 + det_text_width(text, 20) ||
				i / 80 < 12 || i / 80 > 50);
	}
	ok(blank == 0 && bad == 0, "94 characters, each visible and unlike the next");
	ok(wide == 0, "each within its width and the height of a line");
	ok(det_text_width("", 20) == 0 &&
		det_text_width("ii", 20) < det_text_width("WW", 20),
	    "widths are the text's own");
	ok(det_text_width("\xc3\xa9", 20) == det_text_width("\x01", 20),
	    "a character beyond ASCII is one box, not two");
	det_text_draw(&one, -30, -5, "outside", 30, ink);
	det_text_draw(&one, 70, 58, "outside", 30, ink);
	det_text_draw(&one, 100000, 100000, "outside", 8, ink);
	ok(1, "text beyond the picture is cut");
	det_image_release(&one);
	det_image_release(&other);
}

static void
test_boxes(void)
{
	struct det_image im = canvas(200, 150), again = canvas(200, 150);
	struct det_box box[2] = { { 60, 50, 120, 100, .9, 0, 0, 0, 0 },
		{ 80, 60, 180, 130, .3, 0, 1, 0, 1 } };
	struct det_boxes b = { box, 2, 2, DET_SPACE_IMAGE };
	struct det_draw_params p = DET_DRAW_DEFAULTS;

	p.line = 3;
	p.label = DET_LABEL_NONE;
	ok(det_draw_boxes(&im, &b, NULL, &p) == DET_OK &&
		is(&im, 90, 50, det_class_color(0)) &&
		is(&im, 60, 80, det_class_color(0)) &&
		is(&im, 119, 80, det_class_color(0)) &&
		is(&im, 180, 110, det_class_color(1)),
	    "lines lie on the edges of the boxes in the colours of their classes");
	ok(is(&im, 100, 60, det_class_color(1)) &&
		is(&im, 90, 99, det_class_color(0)) &&
		is(&im, 30, 30, (struct det_rgb){ 100, 100, 100 }) &&
		is(&im, 70, 75, (struct det_rgb){ 100, 100, 100 }),
	    "and nowhere else");
	ok(is(&im, 119, 60, det_class_color(0)), "the better box is above the other");
	ok(det_draw_boxes(&again, &b, NULL, &p) == DET_OK &&
		memcmp(im.rgb, again.rgb, 200 * 150 * 3) == 0,
	    "the same every time");
	memset(again.rgb, 100, 200 * 150 * 3);
	p.min_score = .5;
	ok(det_draw_boxes(&again, &b, NULL, &p) == DET_OK &&
		is(&again, 180, 110, (struct det_rgb){ 100, 100, 100 }) &&
		is(&again, 90, 50, det_class_color(0)),
	    "boxes below the least score are left out");
	det_image_release(&im);
	det_image_release(&again);
}

static void
test_labels(void)
{
	struct det_image im = canvas(200, 150);
	char name[] = "dog", *names[] = { name };
	const struct det_classes classes = { .name = names, .n = 1 };
	struct det_box box = { 150, 2, 199, 100, 1, 0, 0, 0, 0 };
	struct det_boxes b = { &box, 1, 1, DET_SPACE_IMAGE };
	struct det_draw_params p = DET_DRAW_DEFAULTS;
	size_t i, plate = 0;

	p.line = 2;
	p.text = 10;
	ok(det_draw_boxes(&im, &b, &classes, &p) == DET_OK, "a box at the right top");
	for (i = 0; i < 200 * 150; i++) /* nearly opaque: the colour over grey */
		plate += im.rgb[3 * i] > 210 && im.rgb[3 * i + 2] < 20;
	ok(plate > 300, "its label is inside the picture (%zu pixels)", plate);
	det_image_release(&im);
}

/* Coordinates that only a hostile stream has. */
static void
test_extremes(void)
{
	static const double v[] = { -DBL_MAX, -1e18, -1, 0, .5, 3, 1e9, DBL_MAX };
	static const size_t sizes[][2] = { { 1, 1 }, { 1, 40 }, { 40, 1 }, { 23, 17 } };
	struct det_box box[64];
	struct det_boxes b = { box, 64, 64, DET_SPACE_IMAGE };
	struct det_draw_params p = DET_DRAW_DEFAULTS;
	struct det_image im;
	size_t i, s;
	int bad = 0;

	for (s = 0; s < 4; s++)
		for (i = 0; i < 64 * 64; i++) {
			if (i % 64 == 0)
				im = canvas(sizes[s][0], sizes[s][1]);
			box[i % 64] = (struct det_box){ v[i % 8], v[i / 8 % 8],
				v[i / 64 % 8], v[i / 512], i % 3 ? .5 : -DBL_MAX, 0,
				(int32_t)(i % 5) - 2 + (i % 7 ? 0 : INT32_MAX - 2), 0,
				0 };
			p.line = i / 64 % 3 == 0 ? 0 : i / 64 % 3 == 1 ? 1 : 1000;
			p.min_score = -DBL_MAX;
			if (i % 64 == 63) {
				bad += det_draw_boxes(&im, &b, NULL, &p) != DET_OK;
				det_image_release(&im);
			}
		}
	ok(bad == 0, "no coordinates lead out of the picture");
}

int
main(void)
{
	struct det_rgb a = det_class_color(-1), b = det_class_color(3),
		       c = det_class_color(23);

	test_font();
	test_boxes();
	test_labels();
	test_extremes();
	ok(a.r == a.g && b.r == c.r && b.g == c.g && b.b == c.b,
	    "colours repeat after twenty; no class is grey");
	return done();
}
