/* SPDX-License-Identifier: MIT
 *
 * First version: im2col in tiles of columns, then a matrix product for each tile.
 */
#include "nn/conv.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "nn/blas.h"

enum { TILE = 512 };

static enum det_err
side(size_t *out, size_t in, size_t a, size_t b, size_t k, size_t stride, size_t dilate)
{
	enum det_err e;
	size_t span, padded;

	if ((e = det_mul(&span, dilate, k - 1)) || (e = det_add(&padded, a, b)) ||
	    (e = det_add(&padded, padded, in)))
		return e;
	if (span >= padded)
		return det_fail(DET_INVALID,
		    "a kernel that spans %zu was expected to fit an input of %zu with "
		    "padding",
		    span + 1, padded);
	*out = (padded - span - 1) / stride + 1;
	return DET_OK;
}

enum det_err
det_conv_shape(struct det_conv *c)
{
	enum det_err e;
	size_t n;

	if (!c->n || !c->c || !c->h || !c->w || !c->k || !c->kh || !c->kw ||
	    !c->stride_y || !c->stride_x || !c->dilate_y || !c->dilate_x || !c->groups)
		return det_fail(DET_INVALID, "sizes, strides and groups of a "
					     "convolution were expected to be above "
					     "0");
	if (c->c % c->groups || c->k % c->groups)
		return det_fail(DET_INVALID,
		    "groups were expected to divide %zu input and %zu output channels, "
		    "found %zu",
		    c->c, c->k, c->groups);
	if ((e = side(&c->oh, c->h, c->pad_top, c->pad_bottom, c->kh, c->stride_y,
		 c->dilate_y)) ||
	    (e = side(&c->ow, c->w, c->pad_left, c->pad_right, c->kw, c->stride_x,
		 c->dilate_x)))
		return e;
	if ((e = det_mul(&n, c->oh, c->ow)) || (e = det_mul(&n, n, c->k)) ||
	    (e = det_mul(&n, n, c->n)) || (e = det_mul(&n, n, sizeof(float))))
		return e;
	if ((e = det_mul(&n, c->h, c->w)) || (e = det_mul(&n, n, c->c)) ||
	    (e = det_mul(&n, n, c->n)) || (e = det_mul(&n, n, sizeof(float))))
		return e;
	if ((e = det_mul(&n, c->kh, c->kw)) || (e = det_mul(&n, n, c->c)) ||
	    (e = det_mul(&n, n, c->k)) || (e = det_mul(&n, n, sizeof(float))))
		return e;
	return DET_OK;
}

static size_t
depth(const struct det_conv *c)
{
	return c->c / c->groups * c->kh * c->kw;
}

size_t
det_conv_scratch(const struct det_conv *c, int threads)
{
	return (size_t)threads * det_pad(TILE * depth(c) * sizeof(float));
}

const char *
det_conv_algorithm(const struct det_conv *c, int threads)
{
	(void)c, (void)threads;
	return "im2col gemm";
}

/* The columns p0 .. p0+n of the im2col matrix of one group of one image. */
static void
im2col(float *col, const struct det_conv *c, const float *in, size_t p0, size_t n)
{
	size_t ch, i, j, p;

	for (ch = 0; ch < c->c / c->groups; ch++)
		for (i = 0; i < c->kh; i++)
			for (j = 0; j < c->kw; j++, col += n)
				for (p = 0; p < n; p++) {
					size_t y = (p0 + p) / c->ow * c->stride_y +
						   i * c->dilate_y - c->pad_top;
					size_t x = (p0 + p) % c->ow * c->stride_x +
						   j * c->dilate_x - c->pad_left;

					col[p] = y < c->h && x < c->w
						     ? in[(ch * c->h + y) * c->w + x]
						     : 0;
				}
}

void
det_conv_run(const struct det_conv *c, float *out, const float *in, const float *weight,
    const float *scale, const float *shift, const float *residual, void *scratch,
    int threads)
{
	size_t plane = c->oh * c->ow, tiles = (plane + TILE - 1) / TILE, kk = depth(c);
	size_t m = c->k / c->groups, items = c->n * c->groups * tiles, it;

	if (det_blas_load() != DET_OK)
		return;
#pragma omp parallel for num_threads(threads) schedule(dynamic)
	for (it = 0; it < items; it++) {
		float *col =
		    (float *)((char *)scratch + (size_t)omp_get_thread_num() *
						    det_pad(TILE * kk * sizeof(float)));
		size_t t = it % tiles, g = it / tiles % c->groups, k;
		size_t im = it / tiles / c->groups, p0 = t * TILE;
		size_t n = plane - p0 < TILE ? plane - p0 : TILE;
		size_t at = (im * c->k + g * m) * plane + p0;

		im2col(col, c, in + (im * c->c + g * (c->c / c->groups)) * c->h * c->w,
		    p0, n);
		/* residual may be out: the product goes to the tile's own memory after
		 * the columns only where it must; here it is added row by row. */
		for (k = 0; k < m; k++) {
			float sum[TILE], *o = out + at + k * plane;
			float s = scale ? scale[g * m + k] : 1,
			      b = shift ? shift[g * m + k] : 0;
			size_t p;

			det_sgemm(sum, n, weight + (g * m + k) * kk, kk, 0, col, n, 0,
			    1, n, kk, 0);
			for (p = 0; p < n; p++)
				sum[p] = sum[p] * s + b +
					 (residual ? residual[at + k * plane + p] : 0);
			det_act_run(o, sum, n, c->act, c->alpha);
		}
	}
}

void
det_fc_run(float *out, const float *in, const float *weight, const float *scale,
    const float *shift, size_t m, size_t n, size_t k, enum det_act act, float alpha,
    int threads)
{
	size_t i, j;

	if (det_blas_load() != DET_OK)
		return;
	(void)threads;
	det_sgemm(out, n, in, k, 0, weight, k, 1, m, n, k, 0);
	for (i = 0; i < m; i++)
		for (j = 0; j < n; j++)
			out[i * n + j] = out[i * n + j] * (scale ? scale[j] : 1) +
					 (shift ? shift[j] : 0);
	det_act_run(out, out, m * n, act, alpha);
}
