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

#include "base/parallel.h"
#include "nn/gemm.h"
#include "nn/op_pool.h"

static const char *const rounds[] = { "floor", "ceil", "darknet", NULL };
static const char *const counts[] = { "pad", "valid", NULL };

static const struct det_key max_keys[] = {
	DET_KEY_2("k", det_pool_args, k, 1, 1024, 0),
	DET_KEY_2("stride", det_pool_args, stride, 1, 1024, 1),
	DET_KEY_4("pad", det_pool_args, pad, 0, 512, 0),
	DET_KEY_C("round", det_pool_args, round, rounds, DET_POOL_ROUND_FLOOR, -1),
	DET_KEY_F("global", det_pool_args, global),
	DET_KEY_LAST,
};

static const struct det_key avg_keys[] = {
	DET_KEY_2("k", det_pool_args, k, 1, 1024, 0),
	DET_KEY_2("stride", det_pool_args, stride, 1, 1024, 1),
	DET_KEY_4("pad", det_pool_args, pad, 0, 512, 0),
	DET_KEY_C("round", det_pool_args, round, rounds, DET_POOL_ROUND_FLOOR, -1),
	DET_KEY_F("global", det_pool_args, global),
	DET_KEY_C("count", det_pool_args, count, counts, DET_POOL_COUNT_PAD, -1),
	DET_KEY_LAST,
};

static enum det_err
pool_check(const struct det_node *n)
{
	const struct det_pool_args *a = n->args;
	int i;

	if (!a->global && (!a->k[0] || !a->k[1]))
		return det_fail(DET_INVALID, "%s needs k=... or global", n->op->name);
	if (a->global && (a->k[0] || a->pad[0]))
		return det_fail(DET_INVALID, "%s: k or pad with global", n->op->name);
	if (a->global)
		return DET_OK;
	if (a->round == DET_POOL_ROUND_DARKNET) {
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

void
det_pool_pads(size_t *before, size_t *after, const struct det_pool_args *a, int axis)
{
	*before = (size_t)a->pad[axis];
	*after = (size_t)a->pad[axis + 2];
	if (a->round == DET_POOL_ROUND_DARKNET) {
		*after = *before - *before / 2;
		*before /= 2;
	}
}

static enum det_err
axis_size(size_t *out, const struct det_pool_args *a, int axis, size_t in)
{
	size_t before, after, k = (size_t)a->k[axis], s = (size_t)a->stride[axis];
	enum det_err e;

	det_pool_pads(&before, &after, a, axis);
	e = det_op_window(out, axis ? "width" : "height", in, before, after, k, s, 1);
	if (e || !in || a->round != DET_POOL_ROUND_CEIL)
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
	const struct det_pool_args *a = n->args;
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
	const struct det_pool_args *a = n->args;

	if (a->global)
		return (double)in[0][0] * (double)det_op_chw(in[0]);
	return (double)out[0] * (double)det_op_chw(out) * (double)a->k[0] *
	       (double)a->k[1];
}

struct det_pool_span
det_pool_window(const struct det_pool_args *a, int axis, size_t in, size_t i)
{
	size_t before, after, start = i * (size_t)a->stride[axis], end;
	struct det_pool_span s;

	if (a->global)
		return (struct det_pool_span){ 0, in, in };
	det_pool_pads(&before, &after, a, axis);
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

size_t
det_pool_padded(const struct det_pool_args *a, size_t w, size_t ow)
{
	size_t before, after, n;

	if (a->global)
		return w;
	det_pool_pads(&before, &after, a, 1);
	n = (ow - 1) * (size_t)a->stride[1] + (size_t)a->k[1];
	return n > before + w ? n : before + w;
}

/* out[x] = max of the k from row[x * s] on, a pass for each of the k. Strides are taken
 * apart first into phases, column f, f + s, f + 2s ... of the row together, so that every
 * pass reads neighbours. A window wholly in the padding gives 0. */
static void
max_row(float *restrict out, const float *row, float *phases, size_t ow,
    const struct det_pool_args *a, size_t n)
{
	size_t s = (size_t)a->stride[1], k = (size_t)a->k[1], each = (n + s - 1) / s;
	size_t f, j, x;

	if (s > 1)
		for (f = 0; f < s && f < k; f++)
			det_kernels()->copy(
			    phases + f * each, row + f, (n - f + s - 1) / s, s);
	for (j = 0; j < k; j++) {
		const float *p = s > 1 ? phases + j % s * each + j / s : row + j;

		if (j == 0) {
			memcpy(out, p, ow * sizeof *out);
			continue;
		}
#pragma omp simd
		for (x = 0; x < ow; x++)
			out[x] = out[x] > p[x] ? out[x] : p[x];
	}
#pragma omp simd
	for (x = 0; x < ow; x++)
		out[x] = out[x] == -INFINITY ? 0 : out[x];
}

/* row = the larger of itself and each of the next rows */
static void
max_rows(float *restrict row, const float *in, size_t rows, size_t w)
{
	size_t x;

	memcpy(row, in, w * sizeof *row);
	while (--rows > 0) {
		in += w;
#pragma omp simd
		for (x = 0; x < w; x++)
			row[x] = row[x] > in[x] ? row[x] : in[x];
	}
}

/* One plane (H,W) -> (OH,OW); tmp holds a padded row and its phases: maxima down the
 * columns first, then along that row. A window wholly in the padding (there is none but by
 * round=darknet with pad > k) gives 0. */
static void
max_plane(float *out, const float *in, const size_t d[4], const size_t o[4],
    const struct det_pool_args *a, float *tmp)
{
	size_t before = 0, after, n = det_pool_padded(a, d[3], o[3]), y, x;

	if (!a->global)
		det_pool_pads(&before, &after, a, 1);
	for (x = 0; x < n; x++)
		tmp[x] = -INFINITY;
	for (y = 0; y < o[2]; y++, out += o[3]) {
		struct det_pool_span sy = det_pool_window(a, 0, d[2], y);

		if (sy.lo == sy.hi) {
			memset(out, 0, o[3] * sizeof *out);
			continue;
		}
		max_rows(tmp + before, in + sy.lo * d[3], sy.hi - sy.lo, d[3]);
		if (a->global) {
			for (x = 1; x < d[3]; x++)
				tmp[0] = tmp[0] > tmp[x] ? tmp[0] : tmp[x];
			out[0] = tmp[0];
			continue;
		}
		max_row(out, tmp, tmp + n, o[3], a, n);
	}
}

/* Floats of one thread: a padded row, and what the stride takes it apart to. */
static size_t
max_floats(const struct det_pool_args *a, size_t w, size_t ow)
{
	size_t s = a->global ? 1 : (size_t)a->stride[1], n = det_pool_padded(a, w, ow);

	return n + (n + s - 1) / s * s + DET_OP_ROW_PAD;
}

static size_t
max_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	size_t plain = max_floats(n->args, in[0][3], out[3]);
	size_t blocked = det_pool_blocked_floats(n->args, in[0][3]);

	return (size_t)threads * (plain > blocked ? plain : blocked) * sizeof(float);
}

static void
max_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const size_t *d = r->in_dims[0], *o = r->out_dims;
	size_t row = max_floats(r->node->args, d[3], o[3]);

	max_plane(r->out + p * o[2] * o[3], r->in[0] + p * d[2] * d[3], d, o,
	    r->node->args, (float *)r->scratch + (size_t)worker * row);
}

static void
max_run(const struct det_op_run *r)
{
	if (r->blocked)
		det_pool_blocked_max(r);
	else
		det_parallel(
		    r->threads, r->in_dims[0][0] * r->in_dims[0][1], max_part, r);
}

/* across: the window of each column of the output */
static void
avg_plane(float *out, const float *in, const size_t d[4], const size_t o[4],
    const struct det_pool_args *a, const struct det_pool_span *across)
{
	size_t y, x, i, j, n;
	double sum;

	for (y = 0; y < o[2]; y++) {
		struct det_pool_span sy = det_pool_window(a, 0, d[2], y);

		for (x = 0; x < o[3]; x++) {
			struct det_pool_span sx = across[x];

			for (sum = 0, i = sy.lo; i < sy.hi; i++)
				for (j = sx.lo; j < sx.hi; j++)
					sum += (double)in[i * d[3] + j];
			n = a->count == DET_POOL_COUNT_VALID
				? (sy.hi - sy.lo) * (sx.hi - sx.lo)
				: sy.span * sx.span;
			*out++ = n ? (float)(sum / (double)n) : 0;
		}
	}
}

static size_t
avg_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)n;
	(void)in;
	(void)threads;
	return out[3] * sizeof(struct det_pool_span);
}

static void
avg_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_run *r = ctx;
	const size_t *d = r->in_dims[0], *o = r->out_dims;

	(void)worker;
	avg_plane(r->out + p * o[2] * o[3], r->in[0] + p * d[2] * d[3], d, o,
	    r->node->args, r->scratch);
}

static void
avg_run(const struct det_op_run *r)
{
	struct det_pool_span *across = r->scratch;
	size_t x;

	if (r->blocked) {
		det_pool_blocked_avg(r);
		return;
	}
	for (x = 0; x < r->out_dims[3]; x++)
		across[x] = det_pool_window(r->node->args, 1, r->in_dims[0][3], x);
	det_parallel(r->threads, r->in_dims[0][0] * r->in_dims[0][1], avg_part, r);
}

const struct det_op det_op_maxpool = {
	.name = "maxpool",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct det_pool_args),
	.keys = max_keys,
	.fixed_act = -1,
	.check = pool_check,
	.shape = pool_shape,
	.scratch = max_scratch,
	.flop = pool_flop,
	.blocked = det_op_blocked_always,
	.run = max_run,
	.backward = det_maxpool_backward,
	.back_scratch = det_maxpool_back_scratch,
};

const struct det_op det_op_avgpool = {
	.name = "avgpool",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct det_pool_args),
	.keys = avg_keys,
	.fixed_act = -1,
	.check = pool_check,
	.shape = pool_shape,
	.scratch = avg_scratch,
	.flop = pool_flop,
	.blocked = det_op_blocked_always,
	.run = avg_run,
	.backward = det_avgpool_backward,
};
