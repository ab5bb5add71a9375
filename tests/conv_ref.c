/* SPDX-License-Identifier: MIT
 *
 * The convolution of nn/conv.h, summed in double in the order in which it is written:
 *
 *   out[n,k,y,x] = act(scale[k] * sum_{c,i,j} weight[k,c,i,j] * in[n,c,y*s+i*d-p,x*s+j*d-p]
 *                      + shift[k] + residual[n,k,y,x])
 *
 * Nothing here is shared with the library. Speed matters only so far that thousands of
 * problems take minutes: the loop runs along the rows of the output, one tap at a time.
 */
#include "tests/conv_ref.h"

#include <math.h>
#include <string.h>

uint32_t
conv_draw(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

void
conv_fill(float *v, size_t n, uint32_t seed)
{
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = (float)conv_draw(&seed) * 0x1p-23f - 1;
}

double
conv_ref_act(double x, enum det_act act, double alpha)
{
	switch (act) {
	case DET_ACT_LINEAR: break;
	case DET_ACT_RELU: return x > 0 ? x : 0;
	case DET_ACT_RELU6: return x > 6 ? 6 : x > 0 ? x : 0;
	case DET_ACT_LEAKY: return x > 0 ? x : alpha * x;
	case DET_ACT_SIGMOID: return 1 / (1 + exp(-x));
	case DET_ACT_MISH: return x * tanh(x > 30 ? x : log1p(exp(x)));
	case DET_ACT_SILU: return x / (1 + exp(-x));
	}
	return x;
}

size_t
conv_ref_in(const struct det_conv *c)
{
	return c->n * c->c * c->h * c->w;
}

size_t
conv_ref_out(const struct det_conv *c)
{
	return c->n * c->k * c->oh * c->ow;
}

size_t
conv_ref_weights(const struct det_conv *c)
{
	return c->k * (c->c / c->groups) * c->kh * c->kw;
}

double
conv_ref_work(const struct det_conv *c)
{
	return (double)conv_ref_out(c) * (double)(c->c / c->groups * c->kh * c->kw);
}

/* The outputs *from .. *to along a side whose tap lies inside the input: those with
 * 0 <= at * stride + tap - pad < in. */
static void
inside(size_t *from, size_t *to, size_t in, size_t out, size_t stride, size_t tap,
    size_t pad)
{
	*from = tap >= pad ? 0 : (pad - tap + stride - 1) / stride;
	*to = in + pad > tap ? (in + pad - tap - 1) / stride + 1 : 0;
	if (*to > out)
		*to = out;
}

/* sum[x] += weight * in[x * stride], and the magnitudes. */
static void
row(double *sum, double *size, const float *in, size_t stride, double weight, size_t n)
{
	size_t x;

	if (stride == 1) {
#pragma omp simd
		for (x = 0; x < n; x++)
			sum[x] += weight * (double)in[x];
	} else {
		for (x = 0; x < n; x++)
			sum[x] += weight * (double)in[x * stride];
	}
	if (!size)
		return;
	if (weight < 0)
		weight = -weight;
	if (stride == 1) {
#pragma omp simd
		for (x = 0; x < n; x++)
			size[x] += weight * (double)fabsf(in[x]);
	} else {
		for (x = 0; x < n; x++)
			size[x] += weight * (double)fabsf(in[x * stride]);
	}
}

void
conv_ref_map(double *sum, double *size, const struct det_conv *c, const float *in,
    const float *weight, size_t n, size_t k)
{
	size_t cg = c->c / c->groups, first = k / (c->k / c->groups) * cg, ch, i, j, y;

	memset(sum, 0, c->oh * c->ow * sizeof *sum);
	if (size)
		memset(size, 0, c->oh * c->ow * sizeof *size);
	for (ch = 0; ch < cg; ch++) {
		const float *map = in + (n * c->c + first + ch) * c->h * c->w;

		for (i = 0; i < c->kh; i++)
			for (j = 0; j < c->kw; j++) {
				size_t dy = i * c->dilate_y, dx = j * c->dilate_x;
				size_t y0, y1, x0, x1;
				double w = (double)
				    weight[((k * cg + ch) * c->kh + i) * c->kw + j];

				inside(
				    &y0, &y1, c->h, c->oh, c->stride_y, dy, c->pad_top);
				inside(&x0, &x1, c->w, c->ow, c->stride_x, dx,
				    c->pad_left);
				if (x0 >= x1)
					continue;
				for (y = y0; y < y1; y++)
					row(sum + y * c->ow + x0,
					    size ? size + y * c->ow + x0 : NULL,
					    map +
						(y * c->stride_y + dy - c->pad_top) *
						    c->w +
						x0 * c->stride_x + dx - c->pad_left,
					    c->stride_x, w, x1 - x0);
			}
	}
}

void
conv_ref_end(double *map, const struct det_conv *c, size_t k, const float *scale,
    const float *shift, const float *residual)
{
	size_t i;

	for (i = 0; i < c->oh * c->ow; i++) {
		double v = map[i];

		if (scale)
			v *= (double)scale[k];
		if (shift)
			v += (double)shift[k];
		if (residual)
			v += (double)residual[i];
		map[i] = conv_ref_act(v, c->act, (double)c->alpha);
	}
}
