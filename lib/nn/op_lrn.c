/* SPDX-License-Identifier: MIT
 *
 * lrn: local response normalisation (Krizhevsky et al. 2012).
 *
 *   across   y[c] = x[c] * (k + alpha/size * sum_{|d| <= (size-1)/2} x[c+d]^2)^-beta
 *            (Caffe's ACROSS_CHANNELS, torch's LocalResponseNorm)
 *   within   y = x * (1 + alpha * mean of x^2 over size x size pixels)^-beta, the mean over
 *            the padded window: positions outside the image count, as zeros, except for
 *            those past the padding (Caffe's WITHIN_CHANNEL, an AVE pooling inside)
 *   darknet  y[c] = x[c] * (k + alpha * S[c])^-beta, S the sum of squares over channels
 *            c-(size-1)/2 .. c+size/2 less the square of channel size/2: Darknet's
 *            normalization_layer starts with size/2 channels instead of size/2 + 1 and
 *            then slides, so that channel is never added, yet taken off at its time. Kept
 *            because weights were trained with it. Where the bracket becomes negative the
 *            result is NaN, as there.
 * Sums are kept in double, anew for each value across channels (size is small): but for
 * AlexNet's own beta of 3/4 across channels, where they are sums of few positive numbers
 * and the power is two square roots, both in float.
 */
#include <math.h>
#include <string.h>

#include "nn/op.h"

#include "base/parallel.h"
#include "nn/block.h"

enum { FORM_ACROSS, FORM_WITHIN, FORM_DARKNET };

struct lrn_args {
	long size;
	double alpha, beta, k;
	int form;
};

static const char *const forms[] = { "across", "within", "darknet", NULL };

static const struct det_key lrn_keys[] = {
	DET_KEY_I("size", lrn_args, size, 1, 1023, 5),
	DET_KEY_D("alpha", lrn_args, alpha, 0, 1e6, 1e-4),
	DET_KEY_D("beta", lrn_args, beta, 0, 100, .75),
	DET_KEY_D("k", lrn_args, k, 0, 1e6, 1),
	DET_KEY_C("form", lrn_args, form, forms, FORM_ACROSS, -1),
	DET_KEY_LAST,
};

static enum det_err
lrn_check(const struct det_node *n)
{
	const struct lrn_args *a = n->args;

	if (a->form != FORM_DARKNET && a->size % 2 == 0)
		return det_fail(DET_INVALID, "lrn: size %ld is not odd", a->size);
	return DET_OK;
}

enum { RUN = 64 }; /* pixels that are worked on together */

/* Channels of block b of c. */
static size_t
channels(size_t b, size_t c)
{
	return c - b * DET_BLOCK < DET_BLOCK ? c - b * DET_BLOCK : DET_BLOCK;
}

/* Pixels [at, at + n), n <= RUN, of all channels of one batch element. */
static void
across_pixels(
    float *y, const float *x, const struct lrn_args *a, size_t c, size_t area, size_t n)
{
	long before = (a->size - 1) / 2, after = a->size / 2, k, j;
	double sum[RUN],
	    f = a->form == FORM_DARKNET ? a->alpha : a->alpha / (double)a->size;
	size_t i;

	for (k = 0; k < (long)c; k++) {
		memset(sum, 0, sizeof sum);
		for (j = k > before ? k - before : 0; j <= k + after && j < (long)c;
		     j++)
			for (i = 0; i < n; i++) {
				double v = (double)x[(size_t)j * area + i];

				sum[i] += v * v;
			}
		if (a->form == FORM_DARKNET && after < (long)c)
			for (i = 0; i < n; i++) {
				double v = (double)x[(size_t)after * area + i];

				sum[i] -= v * v;
			}
		for (i = 0; i < n; i++)
			y[(size_t)k * area + i] =
			    (float)((double)x[(size_t)k * area + i] *
				    pow(a->k + f * sum[i], -a->beta));
	}
}

static int
by_roots(const struct lrn_args *a)
{
	return a->form == FORM_ACROSS && a->beta == .75;
}

/* The same by square roots; squares: (c, RUN) floats to work in. */
static void
across_roots(float *y, const float *x, const struct lrn_args *a, size_t c, size_t area,
    size_t n, float *squares)
{
	size_t half = (size_t)a->size / 2, k, j, i;
	float sum[RUN];

	for (k = 0; k < c; k++)
#pragma omp simd
		for (i = 0; i < n; i++)
			squares[k * RUN + i] = x[k * area + i] * x[k * area + i];
	for (k = 0; k < c; k++) {
		size_t from = k > half ? k - half : 0;
		size_t to = c - k > half ? k + half : c - 1;

		memcpy(sum, squares + from * RUN, n * sizeof *sum);
		for (j = from + 1; j <= to; j++)
#pragma omp simd
			for (i = 0; i < n; i++)
				sum[i] += squares[j * RUN + i];
		det_block_kernels()->roots(y + k * area, x + k * area, sum, n,
		    (float)(a->alpha / (double)a->size), (float)a->k);
	}
}

static void
across(float *y, const float *x, const struct lrn_args *a, size_t c, size_t area,
    size_t n, float *squares)
{
	if (by_roots(a))
		across_roots(y, x, a, c, area, n, squares);
	else
		across_pixels(y, x, a, c, area, n);
}

static void
within_plane(float *y, const float *x, const struct lrn_args *a, size_t h, size_t w)
{
	long pad = (a->size - 1) / 2, i, j, py, px, y0, y1, x0, x1;
	double sum, area;

	for (i = 0; i < (long)h; i++)
		for (j = 0; j < (long)w; j++) {
			y0 = i - pad, y1 = y0 + a->size, x0 = j - pad,
			x1 = x0 + a->size;
			y1 = y1 > (long)h + pad ? (long)h + pad : y1;
			x1 = x1 > (long)w + pad ? (long)w + pad : x1;
			area = (double)((y1 - y0) * (x1 - x0));
			for (sum = 0, py = y0 < 0 ? 0 : y0; py < y1 && py < (long)h;
			     py++)
				for (px = x0 < 0 ? 0 : x0; px < x1 && px < (long)w;
				     px++) {
					double v = (double)x[py * (long)w + px];

					sum += v * v;
				}
			y[i * (long)w + j] =
			    (float)((double)x[i * (long)w + j] *
				    pow(1 + a->alpha * sum / area, -a->beta));
		}
}

static void
lrn_part(const void *ctx, size_t i, int worker)
{
	const struct det_op_run *r = ctx;
	const struct lrn_args *a = r->node->args;
	const size_t *d = r->in_dims[0];
	size_t area = d[2] * d[3], runs = (area + RUN - 1) / RUN;
	size_t at = i % runs * RUN, n = area - at < RUN ? area - at : RUN;

	if (a->form == FORM_WITHIN) {
		within_plane(r->out + i * area, r->in[0] + i * area, a, d[2], d[3]);
		return;
	}
	at += i / runs * d[1] * area;
	across(r->out + at, r->in[0] + at, a, d[1], area, n,
	    (float *)r->scratch + (size_t)worker * 3 * d[1] * RUN);
}

/* On a blocked map the same pixels are laid out plain first. */
static void
lrn_blocked_part(const void *ctx, size_t i, int worker)
{
	const struct det_op_run *r = ctx;
	const size_t *d = r->in_dims[0];
	const struct det_block_kernels *ker = det_block_kernels();
	size_t area = d[2] * d[3], each = (area + RUN - 1) / RUN, b;
	size_t p = i % each * RUN, n = area - p < RUN ? area - p : RUN;
	size_t blocks = det_blocks(d[1]),
	       at = (i / each * blocks * area + p) * DET_BLOCK;
	float *x = (float *)r->scratch + (size_t)worker * 3 * d[1] * RUN;
	float *y = x + d[1] * RUN;

	for (b = 0; b < blocks; b++)
		ker->turn_out(x + b * DET_BLOCK * RUN, RUN,
		    r->in[0] + at + b * area * DET_BLOCK, channels(b, d[1]), n);
	across(y, x, r->node->args, d[1], RUN, n, y + d[1] * RUN);
	for (b = 0; b < blocks; b++)
		ker->turn_in(r->out + at + b * area * DET_BLOCK,
		    y + b * DET_BLOCK * RUN, RUN, channels(b, d[1]), n);
}

static size_t
lrn_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)n;
	(void)out;
	return (size_t)threads * 3 * in[0][1] * RUN * sizeof(float);
}

static int
lrn_blocked(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	const struct lrn_args *a = n->args;

	(void)in;
	(void)out;
	return a->form != FORM_WITHIN;
}

static void
lrn_run(const struct det_op_run *r)
{
	const struct lrn_args *a = r->node->args;
	const size_t *d = r->in_dims[0];
	size_t runs = (d[2] * d[3] + RUN - 1) / RUN;

	det_parallel(r->threads, d[0] * (a->form == FORM_WITHIN ? d[1] : runs),
	    r->blocked ? lrn_blocked_part : lrn_part, r);
}

/* --- backward ---
 * With y[c] = x[c] * B[c]^-beta, B = k + f * (sum of x^2 over c's window):
 *   dx[i] = g[i] * B[i]^-beta - 2 f beta x[i] * sum of T[c] over those c whose window holds i,
 *   T[c] = g[c] * x[c] * B[c]^(-beta - 1)
 * Windows are mirrored: i is in c's when c is in i's with its sides exchanged. The channel
 * that form darknet takes off every sum gets the sum of all T back. */

/* x^-beta; AlexNet's beta is 3/4, which needs but roots. */
static double
power(double x, double beta)
{
	return beta == .75 ? 1 / (sqrt(x) * sqrt(sqrt(x))) : pow(x, -beta);
}

/* Pixels [at, at + n), n <= RUN; t: c * RUN doubles */
static void
across_back(float *dx, const float *g, const float *x, const struct lrn_args *a,
    size_t c, size_t area, size_t n, double *t)
{
	long before = (a->size - 1) / 2, after = a->size / 2, k, j;
	int less = a->form == FORM_DARKNET && after < (long)c;
	double f = a->form == FORM_DARKNET ? a->alpha : a->alpha / (double)a->size;
	double off[RUN], all[RUN] = { 0 }, sum[RUN];
	size_t i;

	for (i = 0; i < n; i++) {
		double v = less ? (double)x[(size_t)after * area + i] : 0;

		off[i] = v * v;
	}
	for (k = 0; k < (long)c; k++) {
		memset(sum, 0, sizeof sum);
		for (j = k > before ? k - before : 0; j <= k + after && j < (long)c;
		     j++)
			for (i = 0; i < n; i++) {
				double v = (double)x[(size_t)j * area + i];

				sum[i] += v * v;
			}
		for (i = 0; i < n; i++) {
			size_t at = (size_t)k * area + i;
			double b = a->k + f * (sum[i] - off[i]);
			double p = power(b, a->beta);

			dx[at] += (float)((double)g[at] * p);
			t[(size_t)k * RUN + i] = (double)g[at] * (double)x[at] * p / b;
			all[i] += t[(size_t)k * RUN + i];
		}
	}
	for (k = 0; k < (long)c; k++) {
		for (i = 0; i < n; i++)
			sum[i] = less && k == after ? -all[i] : 0;
		for (j = k > after ? k - after : 0; j <= k + before && j < (long)c; j++)
			for (i = 0; i < n; i++)
				sum[i] += t[(size_t)j * RUN + i];
		for (i = 0; i < n; i++)
			dx[(size_t)k * area + i] -=
			    (float)(2 * f * a->beta * (double)x[(size_t)k * area + i] *
				    sum[i]);
	}
}

/* t: h * w doubles */
static void
within_back(float *dx, const float *g, const float *x, const struct lrn_args *a,
    size_t h, size_t w, double *t)
{
	size_t pad = (size_t)(a->size - 1) / 2, i, j, y, x0, x1, y0, y1, n;
	double sum, area, b, p;

	for (i = 0; i < h; i++)
		for (j = 0; j < w; j++) {
			y0 = i > pad ? i - pad : 0, x0 = j > pad ? j - pad : 0;
			y1 = i + pad + 1 < h ? i + pad + 1 : h;
			x1 = j + pad + 1 < w ? j + pad + 1 : w;
			for (sum = 0, y = y0; y < y1; y++)
				for (n = x0; n < x1; n++)
					sum +=
					    (double)x[y * w + n] * (double)x[y * w + n];
			/* the window never reaches past the padding: its size is odd */
			area = (double)a->size * (double)a->size;
			b = 1 + a->alpha * sum / area;
			p = power(b, a->beta);
			dx[i * w + j] += (float)((double)g[i * w + j] * p);
			t[i * w + j] = (double)g[i * w + j] * (double)x[i * w + j] * p /
				       (b * area);
		}
	for (i = 0; i < h; i++)
		for (j = 0; j < w; j++) {
			y0 = i > pad ? i - pad : 0, x0 = j > pad ? j - pad : 0;
			y1 = i + pad + 1 < h ? i + pad + 1 : h;
			x1 = j + pad + 1 < w ? j + pad + 1 : w;
			for (sum = 0, y = y0; y < y1; y++)
				for (n = x0; n < x1; n++)
					sum += t[y * w + n];
			dx[i * w + j] -= (float)(2 * a->alpha * a->beta *
						 (double)x[i * w + j] * sum);
		}
}

/* Doubles that a thread needs. */
static size_t
back_doubles(const struct lrn_args *a, const size_t d[4])
{
	return (a->form == FORM_WITHIN ? d[2] * d[3] : d[1] * RUN) + DET_OP_ROW_PAD;
}

static void
lrn_back_part(const void *ctx, size_t i, int worker)
{
	const struct det_op_back *r = ctx;
	const struct lrn_args *a = r->node->args;
	const size_t *d = r->in_dims[0];
	size_t area = d[2] * d[3], each = (area + RUN - 1) / RUN;
	size_t at = i % each * RUN, n = area - at < RUN ? area - at : RUN;
	double *t = (double *)r->scratch + (size_t)worker * back_doubles(a, d);

	if (a->form == FORM_WITHIN) {
		at = i * area;
		within_back(r->in_grad[0] + at, r->out_grad + at, r->in[0] + at, a,
		    d[2], d[3], t);
		return;
	}
	at += i / each * d[1] * area;
	across_back(
	    r->in_grad[0] + at, r->out_grad + at, r->in[0] + at, a, d[1], area, n, t);
}

static size_t
lrn_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	(void)out;
	return (size_t)threads * back_doubles(n->args, in[0]) * sizeof(double);
}

static void
lrn_backward(const struct det_op_back *b)
{
	const struct lrn_args *a = b->node->args;
	const size_t *d = b->in_dims[0];
	size_t each = (d[2] * d[3] + RUN - 1) / RUN;

	if (b->in_grad[0])
		det_parallel(b->threads, d[0] * (a->form == FORM_WITHIN ? d[1] : each),
		    lrn_back_part, b);
}

const struct det_op det_op_lrn = {
	.name = "lrn",
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct lrn_args),
	.keys = lrn_keys,
	.fixed_act = -1,
	.check = lrn_check,
	.shape = det_op_same,
	.blocked = lrn_blocked,
	.scratch = lrn_scratch,
	.run = lrn_run,
	.backward = lrn_backward,
	.back_scratch = lrn_back_scratch,
};
