/* SPDX-License-Identifier: MIT
 *
 * Sliding windows. A detector that knows objects of one size finds others in the picture made
 * smaller, step by step: the pyramid. Here the picture keeps its size, and at level l
 * the windows are step^l times larger: of area (size * step^l)^2 and of the height / width
 * that the aspect says,
 *
 *   w = size * step^l / sqrt(aspect)      h = w * aspect
 *
 * which is the same set of windows. The first one of each kind lies in the upper left corner,
 * the others at multiples of stride * w to the right and of stride * h down, as long as they
 * are within the picture: so windows of a level lie on one grid of cells where the stride is a
 * whole number of cells, and what is left at the right and below is less than a stride. A
 * window that passes the border by no more than rounding is taken, and cut there.
 *
 * All windows are counted, in doubles, before memory is asked for.
 */
#include "box/windows.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define MAX_SIDE 16777216.
/* A share of a stride by which a window may pass the border. */
#define ROUNDING 1e-9

/* The windows of one kind: a grid of them. */
struct grid {
	double w, h, across, down; /* sides, and how many */
};

static struct grid
grid(const struct det_windows_params *p, double size, double aspect, double w, double h)
{
	const double side = size / sqrt(aspect);
	struct grid g = { side, side * aspect, 0, 0 };
	const double spare_x = (w - g.w) / (g.w * p->stride) + ROUNDING;
	const double spare_y = (h - g.h) / (g.h * p->stride) + ROUNDING;

	if (spare_x >= 0 && spare_y >= 0) {
		g.across = floor(spare_x) + 1;
		g.down = floor(spare_y) + 1;
	}
	return g;
}

static void
place(struct det_boxes *out, const struct grid *g, double stride, double w, double h,
    int32_t kind)
{
	for (double j = 0; j < g->down; j++)
		for (double i = 0; i < g->across; i++) {
			const double x = i * stride * g->w, y = j * stride * g->h;

			out->box[out->n++] = (struct det_box){ .x1 = x,
				.y1 = y,
				.x2 = fmin(x + g->w, w),
				.y2 = fmin(y + g->h, h),
				.score = 1,
				.label = -1,
				.source = kind };
		}
}

/* Goes through all kinds of windows and adds up how many there are; with `out`, writes them
 * to it, which has room. */
static double
all(struct det_boxes *out, double w, double h, const struct det_windows_params *p)
{
	double n = 0, here = 1, times = 1;
	int32_t kind = 0;

	for (long l = 0; here > 0 && n <= (double)DET_WINDOWS_MOST &&
			 (p->levels == 0 || l < p->levels);
	     l++, times *= p->step) {
		here = 0;
		for (size_t s = 0; s < p->sizes; s++)
			for (size_t a = 0; a < p->aspects; a++, kind++) {
				const struct grid g =
				    grid(p, p->size[s] * times, p->aspect[a], w, h);

				here += g.across * g.down;
				if (out)
					place(out, &g, p->stride, w, h, kind);
			}
		n += here;
	}
	return n;
}

static enum det_err
check(double w, double h, const struct det_windows_params *p)
{
	if (!(w > 0 && w <= MAX_SIDE && h > 0 && h <= MAX_SIDE))
		return det_fail(DET_INVALID,
		    "a picture with sides above 0, to %g expected, found %gx%g",
		    MAX_SIDE, w, h);
	for (size_t i = 0; i < p->sizes; i++)
		if (!(p->size[i] >= 1 && p->size[i] <= MAX_SIDE))
			return det_fail(DET_INVALID,
			    "sizes of windows from 1 to %g expected, found %g",
			    MAX_SIDE, p->size[i]);
	for (size_t i = 0; i < p->aspects; i++)
		if (!(p->aspect[i] >= .01 && p->aspect[i] <= 100))
			return det_fail(DET_INVALID,
			    "aspects of windows from .01 to 100 expected, found %g",
			    p->aspect[i]);
	if (!(p->step >= 1.01 && p->step <= 100) ||
	    !(p->stride >= .001 && p->stride <= 1) || p->levels < 0)
		return det_fail(DET_INVALID,
		    "windows: a step from 1.01 to 100, a stride from .001 to 1 and 0 "
		    "or "
		    "more levels expected, found %g, %g and %ld",
		    p->step, p->stride, p->levels);
	if (p->sizes == 0 || p->aspects == 0)
		return det_fail(DET_INVALID, "no size or no aspect of windows given");
	return DET_OK;
}

enum det_err
det_windows_make(
    struct det_boxes *out, double w, double h, const struct det_windows_params *p)
{
	enum det_err e = check(w, h, p);
	double n;

	out->n = 0;
	if (e)
		return e;
	n = all(NULL, w, h, p);
	if (n > (double)DET_WINDOWS_MOST)
		return det_fail(DET_LIMIT,
		    "at most %zu windows expected, more would lie in %gx%g pixels",
		    DET_WINDOWS_MOST, w, h);
	if ((e = det_grow(&out->box, &out->cap, (size_t)n, sizeof *out->box)))
		return e;
	(void)all(out, w, h, p);
	return DET_OK;
}
