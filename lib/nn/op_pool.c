/* SPDX-License-Identifier: MIT
 *
 * maxpool, avgpool: windows of k x k at a stride.
 *
 * Frameworks agree on what is inside a window and differ in how many windows there are:
 *   floor    (size + pads - k) / stride rounded down, + 1 (torch, and the paper nets)
 *   ceil     rounded up, + 1; a last window that starts past the image and its leading
 *            padding is dropped (Caffe's pooling_layer, torch's ceil_mode). Caffe drops
 *            it only where there is padding, torch always: they differ only for strides
 *            larger than k, where Caffe would read an empty window.
 *   darknet  floor, with `pad` the sum of both sides, pad/2 of it in front
 * A maximum is over pixels of the image, padding never wins. An average divides by the
 * window's area cut at the padded border (count=pad: Caffe, torch) or at the image
 * (count=valid).
 *
 * Maxima of k x k windows are taken in two passes where windows overlap (k > stride is the
 * 5, 9, 13 of spatial pyramid blocks): rows, then columns, k + k comparisons for k * k.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/op.h"

#include "base/parallel.h"

enum { ROUND_FLOOR, ROUND_CEIL, ROUND_DARKNET };
enum { COUNT_PAD, COUNT_VALID };

struct pool_args {
	long k[2], stride[2], pad[4];
	int round, global, count;
};

static const char *const rounds[] = { "floor", "ceil", "darknet", NULL };
static const char *const counts[] = { "pad", "valid", NULL };

static const struct det_key max_keys[] = {
	DET_KEY_2("k", pool_args, k, 1, 1024, 0),
	DET_KEY_2("stride", pool_args, stride, 1, 1024, 1),
	DET_KEY_4("pad", pool_args, pad, 0, 512, 0),
	DET_KEY_C("round", pool_args, round, rounds, ROUND_FLOOR, -1),
	DET_KEY_F("global", pool_args, global),
	DET_KEY_LAST,
};

static const struct det_key avg_keys[] = {
	DET_KEY_2("k", pool_args, k, 1, 1024, 0),
	DET_KEY_2("stride", pool_args, stride, 1, 1024, 1),
	DET_KEY_4("pad", pool_args, pad, 0, 512, 0),
	DET_KEY_C("round", pool_args, round, rounds, ROUND_FLOOR, -1),
	DET_KEY_F("global", pool_args, global),
	DET_KEY_C("count", pool_args, count, counts, COUNT_PAD, -1),
	DET_KEY_LAST,
};

static enum det_err
pool_check(const struct det_node *n)
{
	const struct pool_args *a = n->args;
	int i;

	if (!a->global && (!a->k[0] || !a->k[1]))
		return det_fail(DET_INVALID, "%s needs k=... or global", n->op->name);
	if (a->global && (a->k[0] || a->pad[0]))
		return det_fail(DET_INVALID, "%s: k or pad with global", n->op->name);
	if (a->global)
		return DET_OK;
	if (a->round == ROUND_DARKNET) {
		for (i = 1; i < 4; i++)
			if (a->pad[i] != a->pad[0])
				return det_fail(DET_INVALID,
				    "pad is one number under round=darknet");
		return DET_OK;
	}
	for (i = 0; i < 4; i++)
		if (a->pad[i] >= a->k[i & 1])
			return det_fail(DET_INVALID,
			    "a padding of %ld holds whole windows of %ld", a->pad[i],
			    a->k[i & 1]);
	return DET_OK;
}

/* Padding before and after along one axis: 0 vertical, 1 horizontal. */
static void
pads(size_t *before, size_t *after, const struct pool_args *a, int axis)
{
	*before = (size_t)a->pad[axis];
	*after = (size_t)a->pad[axis + 2];
	if (a->round == ROUND_DARKNET) {
		*after = *before - *before / 2;
		*before /= 2;
	}
}

static enum det_err
axis_size(size_t *out, const struct pool_args *a, int axis, size_t in)
{
	size_t before, after, k = (size_t)a->k[axis], s = (size_t)a->stride[axis];
	enum det_err e;

	pads(&before, &after, a, axis);
	e = det_op_window(out, axis ? "width" : "height", in, before, after, k, s, 1);
	if (e || !in || a->round != ROUND_CEIL)
		return e;
	if ((in + before + after - k) % s)
		++*out;
	if ((*out - 1) * s >= in + before)
		--*out;
	return DET_OK;
}

static enum det_err
pool_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct pool_args *a = n->args;
	enum det_err e;

	memcpy(out, in[0], sizeof in[0]);
	if (a->global) {
		out[2] = out[3] = 1;
		return DET_OK;
	}
	if ((e = axis_size(&out[2], a, 0, in[0][2])))
		return e;
	return axis_size(&out[3], a, 1, in[0][3]);
}

static double
pool_flop(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	const struct pool_args *a = n->args;

	if (a->global)
		return (double)in[0][0] * (double)det_op_chw(in[0]);
	return (double)out[0] * (double)det_op_chw(out) * (double)a->k[0] *
	       (double)a->k[1];
}

/* The window of one axis: [*lo, *hi) inside the image, *span its length cut at the padded
 * border. */
struct span {
	size_t lo, hi, span;
};

static struct span
window(const struct pool_args *a, int axis, size_t in, size_t i)
{
	size_t before, after, start = i * (size_t)a->stride[axis], end;
	struct span s;

	if (a->global)
		return (struct span){ 0, in, in };
	pads(&before, &after, a, axis);
	end = start + (size_t)a->k[axis];
	if (end > in + before + after)
		end = in + before + after;
	s.span = end - start;
	s.lo = start > before ? start - before : 0;
	s.hi = end > before ? end - before : 0;
	if (s.hi > in)
		s.hi = in;
	if (s.lo > s.hi)
		s.lo = s.hi;
	return s;
}

/* out[x] = max of row[lo..hi) for the inner part of a row, where windows are whole: one
 * pass for each of the k columns, which the compiler makes into vector maxima. */
static void
max_row(float *restrict out, const float *restrict row, size_t ow,
    const struct pool_args *a, size_t w)
{
	size_t before, after, s = (size_t)a->stride[1], k = (size_t)a->k[1], x, j;
	size_t first, last;
	float m;

	pads(&before, &after, a, 1);
	first = (before + s - 1) / s; /* windows [first, last) lie inside the row */
	last = w + before >= k ? (w + before - k) / s + 1 : 0;
	if (last > ow)
		last = ow;
	for (x = 0; x < ow; x++) {
		if (x == first && last > first) {
			const float *r = row + first * s - before;

			for (x = 0; x < last - first; x++)
				out[first + x] = r[x * s];
			for (j = 1; j < k; j++)
				for (x = 0; x < last - first; x++)
					out[first + x] = out[first + x] > r[x * s + j]
							     ? out[first + x]
							     : r[x * s + j];
			x = last - 1;
			continue;
		}
		struct span sx = window(a, 1, w, x);

		for (m = -INFINITY, j = sx.lo; j < sx.hi; j++)
			m = m > row[j] ? m : row[j];
		out[x] = m;
	}
}

/* One plane (H,W) -> (OH,OW); tmp holds a row of W floats: column maxima first, then the
 * maxima along that row. A window wholly in the padding (there is none but by
 * round=darknet with pad > k) gives 0. */
static void
max_plane(float *out, const float *in, const size_t d[4], const size_t o[4],
    const struct pool_args *a, float *tmp)
{
	size_t y, x, i;

	for (y = 0; y < o[2]; y++, out += o[3]) {
		struct span sy = window(a, 0, d[2], y);
		const float *row = in + sy.lo * d[3];

		if (sy.lo == sy.hi) {
			memset(out, 0, o[3] * sizeof *out);
			continue;
		}
		memcpy(tmp, row, d[3] * sizeof *tmp);
		for (i = sy.lo + 1; i < sy.hi; i++) {
			row += d[3];
			for (x = 0; x < d[3]; x++)
				tmp[x] = tmp[x] > row[x] ? tmp[x] : row[x];
		}
		if (a->global) {
			for (x = 1; x < d[3]; x++)
				tmp[0] = tmp[0] > tmp[x] ? tmp[0] : tmp[x];
			out[0] = tmp[0];
			continue;
		}
		max_row(out, tmp, o[3], a, d[3]);
		for (x = 0; x < o[3]; x++)
			if (out[x] == -INFINITY)
				out[x] = 0;
	}
}

/* A row for each thread. */
static size_t
max_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)n;
	(void)out;
	return (size_t)threads * (in[0][3] + DET_OP_ROW_PAD) * sizeof(float);
}

static void
max_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const size_t *d = r->in_dims[0], *o = r->out_dims;
	size_t row = d[3] + DET_OP_ROW_PAD;

	max_plane(r->out + p * o[2] * o[3], r->in[0] + p * d[2] * d[3], d, o,
	    r->node->args, (float *)r->scratch + (size_t)worker * row);
}

static void
max_run(const struct det_op_run *r)
{
	det_parallel(r->threads, r->in_dims[0][0] * r->in_dims[0][1], max_part, r);
}

static void
avg_plane(float *out, const float *in, const size_t d[4], const size_t o[4],
    const struct pool_args *a)
{
	size_t y, x, i, j, n;
	double sum;

	for (y = 0; y < o[2]; y++)
		for (x = 0; x < o[3]; x++) {
			struct span sy = window(a, 0, d[2], y),
				    sx = window(a, 1, d[3], x);

			for (sum = 0, i = sy.lo; i < sy.hi; i++)
				for (j = sx.lo; j < sx.hi; j++)
					sum += (double)in[i * d[3] + j];
			n = a->count == COUNT_VALID ? (sy.hi - sy.lo) * (sx.hi - sx.lo)
						    : sy.span * sx.span;
			*out++ = n ? (float)(sum / (double)n) : 0;
		}
}

static void
avg_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const size_t *d = r->in_dims[0], *o = r->out_dims;

	(void)worker;
	avg_plane(
	    r->out + p * o[2] * o[3], r->in[0] + p * d[2] * d[3], d, o, r->node->args);
}

static void
avg_run(const struct det_op_run *r)
{
	det_parallel(r->threads, r->in_dims[0][0] * r->in_dims[0][1], avg_part, r);
}

const struct det_op det_op_maxpool = {
	.name = "maxpool",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct pool_args),
	.keys = max_keys,
	.fixed_act = -1,
	.check = pool_check,
	.shape = pool_shape,
	.scratch = max_scratch,
	.flop = pool_flop,
	.run = max_run,
};

const struct det_op det_op_avgpool = {
	.name = "avgpool",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct pool_args),
	.keys = avg_keys,
	.fixed_act = -1,
	.check = pool_check,
	.shape = pool_shape,
	.flop = pool_flop,
	.run = avg_run,
};
