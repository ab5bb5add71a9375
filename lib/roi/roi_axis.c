/* SPDX-License-Identifier: MIT
 *
 * One axis of a pooled RoI: which rows (or columns) of the map each output takes, and how
 * much of each. Cells are numbered from 0; a RoI [x1,x2) in pixels becomes x * scale cells.
 *
 * RoIAlign (roi_align_kernel.cpp of torchvision, in its float arithmetic): the RoI, at least
 * a cell long unless `aligned`, which moves it by -1/2 instead, is cut in equal bins; a bin
 * has g samples at start + bin (i + 1/2) / g, i < g. A sample outside [-1, cells] counts as
 * 0; others are clamped to the map and read by linear interpolation. g is the sampling
 * ratio, or ceil(length / bins). The mean over g x g samples is the product of means along
 * each axis, so 1/g goes into the weights. Samples that share a cell share its tap.
 *
 * RoI max pooling (roi_pooling_layer.cpp of Caffe, roi_pool_kernel.cpp of torchvision):
 * start = round(x1), end = round(x2) (halves away from 0), length = end - start + 1, at
 * least 1; bin i is floor(i length / bins) .. ceil((i + 1) length / bins), exclusive.
 *
 * Spatial pyramid (spm_response_boxes.m of SPP-net, written in 1-based inclusive pixels):
 *
 *   first = floor((x1 + 1 - offset0 + offset) / step + 1/2)       (0-based cell)
 *   last  = ceil((x2 - offset0 - offset) / step - 1/2)
 *
 * where a first after the last makes both their midpoint, rounded down; then both are kept
 * within the map. Detection's bins are those of max pooling over last - first + 1 cells, in
 * integers.
 *
 * Departures: coordinates so large that an int can't hold the cell are cut at 2^30. Where
 * adaptive sampling of a giant RoI asks for more than 2^30 samples a bin, it gets that many;
 * only those inside the map are visited. In the reference both are undefined or endless.
 */
#include "roi/roi_impl.h"

#include <math.h>

#include "base/mem.h"

#define FAR (1 << 30)

static enum det_err
begin(struct det_roi_axis *a, struct det_roi_plan *p, size_t bins)
{
	enum det_err e =
	    det_grow(&p->bin, &p->bins_cap, p->bins + bins, sizeof *p->bin);

	if (e)
		return e;
	*a = (struct det_roi_axis){ .first = p->bins, .bins = (uint32_t)bins };
	a->lo = UINT32_MAX;
	return DET_OK;
}

static struct det_roi_bin *
begin_bin(struct det_roi_plan *p)
{
	struct det_roi_bin *b = &p->bin[p->bins++];

	*b = (struct det_roi_bin){ .first = p->taps };
	return b;
}

/* Adds to the bin's tap of that cell where it is among the last two. */
static enum det_err
add(struct det_roi_axis *a, struct det_roi_plan *p, struct det_roi_bin *b, size_t at,
    float weight)
{
	uint32_t cell = (uint32_t)at;
	enum det_err e;

	for (size_t k = 1; k <= 2 && k <= b->n; k++)
		if (p->tap[p->taps - k].at == cell) {
			p->tap[p->taps - k].weight += weight;
			return DET_OK;
		}
	if ((e = det_grow(&p->tap, &p->taps_cap, p->taps + 1, sizeof *p->tap)))
		return e;
	p->tap[p->taps++] = (struct det_roi_tap){ cell, weight };
	b->n++;
	a->most = b->n > a->most ? b->n : a->most;
	a->lo = cell < a->lo ? cell : a->lo;
	a->hi = cell >= a->hi ? cell + 1 : a->hi;
	return DET_OK;
}

static void
end(struct det_roi_axis *a)
{
	if (a->hi == 0)
		a->lo = 0;
}

struct samples {
	float start, bin;
	long grid;
};

static float
sample_at(const struct samples *s, size_t bin, long i)
{
	return s->start + (float)bin * s->bin +
	       ((float)i + .5f) * s->bin / (float)s->grid;
}

/* The first sample of a bin that may lie inside; only giant RoIs need the search. */
static long
first_inside(const struct samples *s, size_t bin)
{
	long lo = 0, hi = s->grid, mid;

	if (s->grid <= 64)
		return 0;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (sample_at(s, bin, mid) < -1)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Linear interpolation between the two cells around y. */
static enum det_err
add_sample(struct det_roi_axis *a, struct det_roi_plan *p, struct det_roi_bin *b,
    float y, size_t cells, float share)
{
	size_t low;
	float part;
	enum det_err e;

	y = y > 0 ? y : 0;
	low = (size_t)y;
	if (low + 1 >= cells)
		return add(a, p, b, cells - 1, share);
	part = y - (float)low;
	if ((e = add(a, p, b, low, (1 - part) * share)))
		return e;
	return add(a, p, b, low + 1, part * share);
}

enum det_err
det_roi_axis_align(struct det_roi_axis *a, struct det_roi_plan *p, float lo, float hi,
    size_t cells, size_t bins, const struct det_roi_params *params)
{
	float shift = params->aligned ? .5f : 0, length, grid, y;
	struct samples s = { .start = lo - shift };
	enum det_err e = begin(a, p, bins);

	length = (hi - shift) - s.start;
	if (!params->aligned && !(length > 1))
		length = 1;
	s.bin = length / (float)bins;
	grid = params->sampling ? (float)params->sampling : ceilf(length / (float)bins);
	s.grid = grid > FAR ? FAR : grid > 0 ? (long)grid : 0;
	for (size_t i = 0; i < bins && !e; i++) {
		struct det_roi_bin *b = begin_bin(p);

		for (long k = first_inside(&s, i); k < s.grid && !e; k++) {
			y = sample_at(&s, i, k);
			if (y > (float)cells && s.grid > 64)
				break;
			if (y >= -1 && y <= (float)cells)
				e = add_sample(a, p, b, y, cells, 1 / (float)s.grid);
		}
	}
	end(a);
	return e;
}

/* Cells [lo, hi), cut at the map. */
static enum det_err
add_window(
    struct det_roi_axis *a, struct det_roi_plan *p, long lo, long hi, size_t cells)
{
	struct det_roi_bin *b = begin_bin(p);
	enum det_err e = DET_OK;

	lo = lo > 0 ? lo : 0;
	hi = hi < (long)cells ? hi : (long)cells;
	for (long i = lo; i < hi && !e; i++)
		e = add(a, p, b, (size_t)i, 0);
	return e;
}

static long
whole(double v)
{
	return v > FAR ? FAR : v < -FAR ? -FAR : (long)v;
}

enum det_err
det_roi_axis_max(struct det_roi_axis *a, struct det_roi_plan *p, float lo, float hi,
    size_t cells, size_t bins)
{
	long start = whole((double)roundf(lo)), last = whole((double)roundf(hi));
	long length = last - start + 1 > 1 ? last - start + 1 : 1;
	float bin = (float)length / (float)bins;
	enum det_err e = begin(a, p, bins);

	for (size_t i = 0; i < bins && !e; i++)
		e = add_window(a, p, start + (long)floorf((float)i * bin),
		    start + (long)ceilf((float)(i + 1) * bin), cells);
	end(a);
	return e;
}

static long
within(long v, size_t cells)
{
	return v < 0 ? 0 : v >= (long)cells ? (long)cells - 1 : v;
}

enum det_err
det_roi_axis_spp(struct det_roi_axis *a, struct det_roi_plan *p, float lo, float hi,
    size_t cells, size_t bins, double step, const struct det_roi_params *params)
{
	double from = (double)lo + 1 - params->offset0 + params->offset;
	double to = (double)hi - params->offset0 - params->offset;
	long first = whole(floor(from / step + .5));
	long last = whole(ceil(to / step - .5)), n = (long)bins, size;
	enum det_err e = begin(a, p, bins);

	if (first > last)
		first = last = whole(floor((double)(first + last) / 2));
	first = within(first, cells);
	last = within(last, cells);
	size = last - first + 1;
	for (long i = 0; i < n && !e; i++)
		if (params->spp == DET_ROI_SPP_FIXED)
			e = add_window(a, p, first + i * (size / n),
			    first + i * (size / n) + (size + n - 1) / n, cells);
		else
			e = add_window(a, p, first + i * size / n,
			    first + ((i + 1) * size + n - 1) / n, cells);
	end(a);
	return e;
}
