/* SPDX-License-Identifier: MIT
 *
 * maxpool, avgpool backward. A maximum's gradient goes to the pixel that it was, the first of
 * equals in the order of rows (torch, Caffe and Darknet): found anew by comparing with the
 * output, which costs less than memory for its place. An average's goes to all pixels of the
 * window alike, divided by what the average was.
 */
#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/parallel.h"
#include "nn/gemm.h"
#include "nn/op_pool.h"

#define INLINE static inline __attribute__((always_inline))

/* A maximum over whole planes, (1,1) -> (H,W) */
static void
max_global(float *in_grad, const float *in, float out, float g, size_t n)
{
	size_t i;

	for (i = 0; i < n && !(in[i] >= out); i++)
		;
	if (i < n)
		in_grad[i] += g;
}

/* A row of the input with its padding, taken apart into one phase for each residue of the
 * stride, so that what a tap sees of neighbouring windows are neighbours; and the same of
 * its gradient. */
struct rows {
	float *value, *grad; /* phases of `each` floats */
	float *left;         /* what no tap of a window has got yet */
	size_t each, stride, before, w, ow;
};

/* Taps j < k of windows in this row. A window's gradient goes to its first tap that is as
 * large as its maximum; what is left of it is 0 from then on. */
INLINE void
max_taps(const struct rows *r, const float *restrict out, size_t k)
{
	float *restrict left = r->left;
	size_t j, x;

	for (j = 0; j < k; j++) {
		size_t at = j % r->stride * r->each + j / r->stride;
		const float *restrict v = r->value + at;
		float *restrict d = r->grad + at;

#pragma omp simd
		for (x = 0; x < r->ow; x++) {
			float take = v[x] >= out[x] ? left[x] : 0;

			d[x] += take;
			left[x] -= take;
		}
	}
}

INLINE void
take_apart(const struct rows *r, const float *in)
{
	size_t s = r->stride, i;

	if (s == 1) {
		memcpy(r->value + r->before, in, r->w * sizeof *in);
		return;
	}
	for (i = 0; i < s && i < r->w; i++) {
		size_t p = r->before + i;

		det_kernels()->copy(r->value + p % s * r->each + p / s, in + i,
		    (r->w - i + s - 1) / s, s);
	}
}

/* in_grad += the row's gradient, put together again */
INLINE void
put_together(float *restrict in_grad, const struct rows *r)
{
	size_t s = r->stride, n = r->w, p, i, x;

	if (s == 2) {
		const float *restrict a =
		    r->grad + r->before % 2 * r->each + r->before / 2;
		const float *restrict b =
		    r->grad + (r->before + 1) % 2 * r->each + (r->before + 1) / 2;

#pragma omp simd
		for (x = 0; x < n / 2; x++) {
			in_grad[2 * x] += a[x];
			in_grad[2 * x + 1] += b[x];
		}
		if (n % 2)
			in_grad[n - 1] += a[n / 2];
		return;
	}
	for (i = 0; i < s && i < n; i++) {
		const float *d;

		p = r->before + i;
		d = r->grad + p % s * r->each + p / s;
		for (x = i; x < n; x += s)
			in_grad[x] += *d++;
	}
}

/* One plane, (OH,OW) -> (H,W) */
INLINE void
max_plane(float *in_grad, const float *in, const float *out, const float *g,
    const size_t d[4], const size_t o[4], const struct det_pool_args *a,
    const struct rows *r)
{
	size_t y, i;

	for (y = 0; y < o[2]; y++, out += o[3], g += o[3]) {
		struct det_pool_span sy = det_pool_window(a, 0, d[2], y);

		memcpy(r->left, g, o[3] * sizeof *g);
		for (i = sy.lo; i < sy.hi; i++) {
			take_apart(r, in + i * d[3]);
			memset(r->grad, 0, r->stride * r->each * sizeof *r->grad);
			max_taps(r, out, (size_t)a->k[1]);
			put_together(in_grad + i * d[3], r);
		}
	}
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void
max_plane_avx2(float *in_grad, const float *in, const float *out, const float *g,
    const size_t d[4], const size_t o[4], const struct det_pool_args *a,
    const struct rows *r)
{
	max_plane(in_grad, in, out, g, d, o, a, r);
}
#endif

static size_t
phase_floats(const struct det_pool_args *a, size_t w, size_t ow)
{
	size_t s = a->global ? 1 : (size_t)a->stride[1];

	return (det_pool_padded(a, w, ow) + s - 1) / s + DET_OP_ROW_PAD;
}

/* Of one thread. */
static size_t
max_floats(const struct det_pool_args *a, size_t w, size_t ow)
{
	size_t s = a->global ? 1 : (size_t)a->stride[1];

	return 2 * s * phase_floats(a, w, ow) + ow + DET_OP_ROW_PAD;
}

size_t
det_maxpool_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	return (size_t)threads * max_floats(n->args, in[0][3], out[3]) * sizeof(float);
}

static void
max_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const struct det_pool_args *a = b->node->args;
	const size_t *d = b->in_dims[0], *o = b->out_dims;
	size_t in = p * d[2] * d[3], out = p * o[2] * o[3], i, unused;
	struct rows r = { .each = phase_floats(a, d[3], o[3]), .w = d[3], .ow = o[3] };

	if (a->global) {
		max_global(b->in_grad[0] + in, b->in[0] + in, b->out[out],
		    b->out_grad[out], d[2] * d[3]);
		return;
	}
	det_pool_pads(&r.before, &unused, a, 1);
	r.stride = (size_t)a->stride[1];
	r.value = (float *)b->scratch + (size_t)worker * max_floats(a, d[3], o[3]);
	r.grad = r.value + r.stride * r.each;
	r.left = r.grad + r.stride * r.each;
	for (i = 0; i < r.stride * r.each; i++)
		r.value[i] = -INFINITY;
#ifdef __x86_64__
	if (det_cpu_level() >= DET_CPU_AVX2) {
		max_plane_avx2(b->in_grad[0] + in, b->in[0] + in, b->out + out,
		    b->out_grad + out, d, o, a, &r);
		return;
	}
#endif
	max_plane(b->in_grad[0] + in, b->in[0] + in, b->out + out, b->out_grad + out, d,
	    o, a, &r);
}

void
det_maxpool_backward(const struct det_op_back *b)
{
	if (b->in_grad[0])
		det_parallel(b->threads, b->out_dims[0] * b->out_dims[1], max_part, b);
}

static void
avg_plane(float *in_grad, const float *g, const size_t d[4], const size_t o[4],
    const struct det_pool_args *a)
{
	size_t y, x, i, j, n;
	float each;

	for (y = 0; y < o[2]; y++) {
		struct det_pool_span sy = det_pool_window(a, 0, d[2], y);

		for (x = 0; x < o[3]; x++, g++) {
			struct det_pool_span sx = det_pool_window(a, 1, d[3], x);

			n = a->count == DET_POOL_COUNT_VALID
				? (sy.hi - sy.lo) * (sx.hi - sx.lo)
				: sy.span * sx.span;
			if (!n)
				continue;
			each = *g / (float)n;
			for (i = sy.lo; i < sy.hi; i++)
#pragma omp simd
				for (j = sx.lo; j < sx.hi; j++)
					in_grad[i * d[3] + j] += each;
		}
	}
}

static void
avg_part(const void *ctx, size_t p, int worker)
{
	const struct det_op_back *b = ctx;
	const size_t *d = b->in_dims[0], *o = b->out_dims;

	(void)worker;
	avg_plane(b->in_grad[0] + p * d[2] * d[3], b->out_grad + p * o[2] * o[3], d, o,
	    b->node->args);
}

void
det_avgpool_backward(const struct det_op_back *b)
{
	if (b->in_grad[0])
		det_parallel(b->threads, b->out_dims[0] * b->out_dims[1], avg_part, b);
}
