/* SPDX-License-Identifier: MIT
 *
 * The crops of SSD (Liu et al., ECCV 2016, section 2.2; Caffe-SSD, sampler.cpp and
 * batch_sampler of its published training).
 *
 * Seven samplers: the whole; at least .1, .3, .5, .7, .9 of overlap (IoU) with an object; at
 * most 1, which is any crop of a picture that has objects. Each but the first tries up to 50
 * times to find a crop that does so with at least one object:
 *
 *   s ~ U(.3, 1),  a ~ U(max(.5, s^2), min(2, 1 / s^2))
 *   width s sqrt(a), height s / sqrt(a), anywhere, as shares of the window's sides
 *
 * and one of the crops that were found is taken, each as likely. torchvision's RandomIoUCrop
 * differs: it draws the sampler first.
 *
 * Crops are whole pixels here, and their overlaps are those of whole pixels.
 */
#include <math.h>

#include "image/augment_impl.h"

#define TRIES 50

static const double at_least[] = { .1, .3, .5, .7, .9, 0 };
#define SAMPLERS (sizeof at_least / sizeof at_least[0])

static double
overlap(const struct det_window *c, const struct det_box *b)
{
	const double x1 = (double)c->x, y1 = (double)c->y;
	const double w = (double)c->w, h = (double)c->h;
	const double iw = fmin(x1 + w, b->x2) - fmax(x1, b->x1);
	const double ih = fmin(y1 + h, b->y2) - fmax(y1, b->y1);
	const double both = iw > 0 && ih > 0 ? iw * ih : 0;
	const double all = w * h + (b->x2 - b->x1) * (b->y2 - b->y1) - both;

	return all > 0 ? both / all : 0;
}

static int
serves(const struct det_window *c, const struct det_boxes *gt, double least)
{
	for (size_t i = 0; i < gt->n; i++)
		if (overlap(c, &gt->box[i]) >= least)
			return 1;
	return 0;
}

static struct det_window
try(const struct det_window *win, struct det_random *r)
{
	const double s = det_augment_between(r, .3, 1);
	const double a = det_augment_between(r, fmax(.5, s * s), fmin(2, 1 / (s * s)));
	const double w = s * sqrt(a) * (double)win->w;
	const double h = s / sqrt(a) * (double)win->h;
	struct det_window c;

	c.w = (long)fmin(fmax(rint(w), 1), (double)win->w);
	c.h = (long)fmin(fmax(rint(h), 1), (double)win->h);
	c.x = win->x + lrint(det_random_uniform(r) * (double)(win->w - c.w));
	c.y = win->y + lrint(det_random_uniform(r) * (double)(win->h - c.h));
	return c;
}

void
det_augment_crop(
    struct det_window *win, const struct det_boxes *gt, struct det_random *r)
{
	struct det_window found[SAMPLERS + 1];
	size_t n = 0;

	found[n++] = *win;
	for (size_t k = 0; k < SAMPLERS; k++)
		for (int i = 0; gt->n > 0 && i < TRIES; i++) {
			const struct det_window c = try(win, r);

			if (serves(&c, gt, at_least[k])) {
				found[n++] = c;
				break;
			}
		}
	*win = found[det_random_below(r, n)];
}
