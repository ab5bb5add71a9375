/* SPDX-License-Identifier: MIT
 *
 * Sliding windows against the rule gone through by whole numbers, in the picture's pixels;
 * what is refused.
 */
#include <math.h>
#include <stdlib.h>

#include "box/windows.h"
#include "tests/unit/tap.h"

static const double two[] = { 32, 48 }, half[] = { 1 };
static const double shapes[] = { 1, 4, .25 };

/* By doubling, with strides of a quarter: all sides are whole numbers of quarter pixels. */
static void
test_grid(long w, long h)
{
	const struct det_windows_params p = { two, 2, shapes, 3, 2, .25, 0 };
	struct det_boxes b = { 0 };
	size_t n = 0, wrong = 0;
	int32_t kind = 0;

	if (det_windows_make(&b, (double)w, (double)h, &p))
		ok(0, "%s", det_errmsg());
	for (long times = 1; times < 4096; times *= 2)
		for (size_t s = 0; s < 2; s++)
			for (size_t a = 0; a < 3; a++, kind++) {
				const long across[] = { 4, 2, 8 }, down[] = { 4, 8, 2 };
				/* strides in pixels */
				const long dx = (long)two[s] / 16 * across[a] * times;
				const long dy = (long)two[s] / 16 * down[a] * times;

				for (long y = 0; y + 4 * dy <= h; y += dy)
					for (long x = 0; x + 4 * dx <= w; x += dx) {
						const struct det_box *g = &b.box[n];

						wrong +=
						    n >= b.n || g->x1 != (double)x ||
						    g->y1 != (double)y ||
						    g->x2 != (double)(x + 4 * dx) ||
						    g->y2 != (double)(y + 4 * dy) ||
						    g->source != kind ||
						    g->label != -1 || g->score != 1;
						n += n < b.n;
					}
			}
	ok(n == b.n && wrong == 0, "%ldx%ld: %zu windows, %zu wanted, %zu wrong", w, h,
	    b.n, n, wrong);
	det_boxes_release(&b);
}

/* Steps and strides that no double holds: none passes the border, no stride is left. */
static void
test_uneven(double w, double h, double step, double stride)
{
	const double size = 20;
	const struct det_windows_params p = { &size, 1, shapes, 3, step, stride, 0 };
	size_t out = 0, gaps = 0, narrow = 0;
	struct det_boxes b = { 0 };

	if (det_windows_make(&b, w, h, &p))
		ok(0, "%s", det_errmsg());
	for (size_t i = 0; i < b.n; i++) {
		const struct det_box *x = &b.box[i];
		const double wide = x->x2 - x->x1, high = x->y2 - x->y1;
		const int last = i + 1 == b.n || b.box[i + 1].source != x->source;

		out += x->x1 < 0 || x->y1 < 0 || x->x2 > w || x->y2 > h;
		gaps +=
		    last && (w - x->x2 >= stride * wide || h - x->y2 >= stride * high);
		narrow +=
		    fabs(high / wide - shapes[x->source % 3]) > 1e-6 ||
		    fabs(sqrt(wide * high) - size * pow(step, x->source / 3)) > 1e-6;
	}
	ok(b.n > 0 && out + gaps + narrow == 0,
	    "%gx%g by %g, %g: %zu windows, %zu outside, %zu gaps, %zu of other sides",
	    w, h, step, stride, b.n, out, gaps, narrow);
	det_boxes_release(&b);
}

static void
test_rounding(void)
{
	const double size = 10;
	/* ten times .1 of 10 is 10, not a bit less */
	const struct det_windows_params p = { &size, 1, half, 1, 2, .1, 1 };
	struct det_boxes b = { 0 };

	if (det_windows_make(&b, 20, 10, &p))
		ok(0, "%s", det_errmsg());
	ok(b.n == 11 && b.box[10].x2 == 20, "a window that just fits: %zu", b.n);
	det_boxes_release(&b);
}

static void
test_refused(void)
{
	struct det_windows_params p = { two, 2, half, 1, 1.25, .125, 0 };
	struct det_boxes b = { 0 };

	ok(det_windows_make(&b, 31, 100, &p) == DET_OK && b.n == 0, "none fits");
	ok(det_windows_make(&b, 0, 100, &p) == DET_INVALID, "no side");
	ok(det_windows_make(&b, NAN, 100, &p) == DET_INVALID, "NaN for a side");
	ok(det_windows_make(&b, 60000, 60000, &p) == DET_LIMIT && b.n == 0, "too many");
	p.step = 1;
	ok(det_windows_make(&b, 100, 100, &p) == DET_INVALID, "a step of 1");
	p.step = 2;
	p.stride = 0;
	ok(det_windows_make(&b, 100, 100, &p) == DET_INVALID, "a stride of 0");
	p.stride = NAN;
	ok(det_windows_make(&b, 100, 100, &p) == DET_INVALID, "NaN for a stride");
	p.stride = 1;
	p.sizes = 0;
	ok(det_windows_make(&b, 100, 100, &p) == DET_INVALID, "no sizes");
	det_boxes_release(&b);
}

int
main(void)
{
	test_grid(128, 96);
	test_grid(500, 375);
	test_grid(64, 1000);
	test_uneven(640, 480, 1.1, .3);
	test_uneven(333.5, 77.25, sqrt(2), 1. / 3);
	test_rounding();
	test_refused();
	return done();
}
