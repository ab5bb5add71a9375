/* SPDX-License-Identifier: MIT
 *
 * maxpool and avgpool on blocked maps (nn/layout.h). Both go along a row of the output:
 * windows that are whole are one call of a kernel, those cut by an edge one call each.
 * Large maxima are taken in two passes, down the columns, then along the row.
 */
#include <string.h>

#include "base/parallel.h"
#include "nn/block.h"
#include "nn/op_pool.h"

size_t
det_pool_blocked_floats(const struct det_pool_args *a, size_t w)
{
	return a->k[0] * a->k[1] > 9 ? w * DET_BLOCK : 0;
}

/* Columns from x on whose windows are whole: all that the kernel covers lies in the row. */
static size_t
whole_windows(const struct det_pool_args *a, size_t w, size_t x, size_t ow)
{
	size_t before, after, s = (size_t)a->stride[1], k = (size_t)a->k[1], end;

	det_pool_pads(&before, &after, a, 1);
	if (a->global || x * s < before || x * s - before + k > w)
		return 0;
	end = (w + before - k) / s + 1;
	return (end < ow ? end : ow) - x;
}

/* What a row of windows is to a kernel: calls fn for each stretch of it. */
struct pool_row {
	const struct det_op_run *r;
	const float *in; /* the first row that the windows see */
	size_t rows;
	struct det_pool_span sy;
	float *out;
};

static void
each_stretch(const struct pool_row *p,
    void (*fn)(const struct pool_row *p, float *out, const struct det_block_window *w,
	size_t n, const struct det_pool_span *sx))
{
	const struct det_pool_args *a = p->r->node->args;
	size_t w = p->r->in_dims[0][3], ow = p->r->out_dims[3], x, n;

	for (x = 0; x < ow; x += n) {
		struct det_pool_span sx = det_pool_window(a, 1, w, x);
		struct det_block_window win = { p->in + sx.lo * DET_BLOCK,
			w * DET_BLOCK, p->rows, sx.hi - sx.lo, (size_t)a->stride[1] };
		float *out = p->out + x * DET_BLOCK;

		n = whole_windows(a, w, x, ow);
		if (n == 0)
			n = 1;
		if (win.rows == 0 || win.cols == 0)
			memset(out, 0, n * DET_BLOCK * sizeof *out);
		else
			fn(p, out, &win, n, &sx);
	}
}

static void
max_stretch(const struct pool_row *p, float *out, const struct det_block_window *w,
    size_t n, const struct det_pool_span *sx)
{
	(void)p;
	(void)sx;
	det_block_kernels()->largest(out, w, n);
}

static void
avg_stretch(const struct pool_row *p, float *out, const struct det_block_window *w,
    size_t n, const struct det_pool_span *sx)
{
	const struct det_pool_args *a = p->r->node->args;
	size_t area = a->count == DET_POOL_COUNT_VALID ? w->rows * w->cols
						       : p->sy.span * sx->span;

	det_block_kernels()->average(out, w, n, (float)area);
}

static size_t
bands(const struct det_op_run *r)
{
	size_t band = det_block_band(r->out_dims[3], r->out_dims[2]);

	return (r->out_dims[2] + band - 1) / band;
}

/* Some rows of a plane of blocks; max: by maxima, else averages. */
static void
one_band(const struct det_op_run *r, size_t it, float *tmp, int max)
{
	const size_t *d = r->in_dims[0], *o = r->out_dims;
	size_t plane = it / bands(r), band = det_block_band(o[3], o[2]);
	size_t y = it % bands(r) * band, end = y + band < o[2] ? y + band : o[2];

	for (; y < end; y++) {
		struct det_pool_span sy = det_pool_window(r->node->args, 0, d[2], y);
		struct pool_row p = { .r = r,
			.in = r->in[0] + (plane * d[2] + sy.lo) * d[3] * DET_BLOCK,
			.rows = sy.hi - sy.lo,
			.sy = sy,
			.out = r->out + (plane * o[2] + y) * o[3] * DET_BLOCK };

		if (tmp && p.rows > 1) {
			struct det_block_window down = { p.in, d[3] * DET_BLOCK, p.rows,
				1, 1 };

			det_block_kernels()->largest(tmp, &down, d[3]);
			p.in = tmp;
			p.rows = 1;
		}
		each_stretch(&p, max ? max_stretch : avg_stretch);
	}
}

static void
max_band(const void *ctx, size_t it, int worker)
{
	const struct det_op_run *r = ctx;
	size_t row = det_pool_blocked_floats(r->node->args, r->in_dims[0][3]);
	float *tmp = row ? (float *)r->scratch + (size_t)worker * row : NULL;

	one_band(r, it, tmp, 1);
}

static void
avg_band(const void *ctx, size_t it, int worker)
{
	(void)worker;
	one_band(ctx, it, NULL, 0);
}

/* Pieces of work of a run by the planes of blocks. */
static size_t
pieces(const struct det_op_run *r)
{
	return r->in_dims[0][0] * det_blocks(r->in_dims[0][1]) * bands(r);
}

void
det_pool_blocked_max(const struct det_op_run *r)
{
	det_parallel(r->threads, pieces(r), max_band, r);
}

void
det_pool_blocked_avg(const struct det_op_run *r)
{
	det_parallel(r->threads, pieces(r), avg_band, r);
}
