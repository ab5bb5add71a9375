/* SPDX-License-Identifier: MIT
 *
 * Batch normalisation in training (Ioffe and Szegedy, "Batch Normalization", 2015), each
 * channel over its M = n * area values:
 *
 *   y = gamma * (x - mean) * inv + beta
 *   mean = sum x / M,  var = sum (x - mean)^2 / D,
 *   inv = 1 / sqrt(var + eps), or Darknet's 1 / (sqrt(var) + eps)
 *
 * D is M for normalising (torch) or M - 1 (Darknet, `less`); the running variance takes
 * M - 1 in both. Backward, with P = sum dy * (x - mean) and K = -2/D * gamma * P * inv',
 * inv' the derivative of inv by var (-inv^3/2, or -inv^2 / (2 sqrt(var))):
 *
 *   dgamma = P * inv,  dbeta = sum dy
 *   dx = gamma * inv * (dy - sum dy / M) - K * (x - mean)
 *
 * which is the exact gradient in both forms. Departure from Darknet: its backward pass
 * divides by M where its forward pass divided by M - 1, and puts its eps elsewhere.
 * By running statistics mean and inv are constants: dx = gamma * inv * dy.
 *
 * Sums run over sixteen lanes of floats, of values relative to the channel's first, for some
 * hundred values each; then they go on in double. A channel is one thread's: no result
 * depends on their number.
 */
#include "nn/batchnorm.h"

#include <math.h>

#include "base/parallel.h"
#include "nn/op.h"

enum { LANES = 16, CHUNK = 512 };

/* *s, *q += the sums of (x - from) and of its square over n values */
static void
add_moments(double *s, double *q, const float *x, size_t n, float from)
{
	size_t i, k, m;

	for (; n > 0; x += m, n -= m) {
		float a[LANES] = { 0 }, b[LANES] = { 0 };

		m = n < CHUNK ? n : CHUNK;
		for (i = 0; i + LANES <= m; i += LANES) {
#pragma omp simd
			for (k = 0; k < LANES; k++) {
				float d = x[i + k] - from;

				a[k] += d;
				b[k] += d * d;
			}
		}
		for (k = 0; i + k < m; k++) {
			float d = x[i + k] - from;

			a[k] += d;
			b[k] += d * d;
		}
		for (k = 0; k < LANES; k++) {
			*s += (double)a[k];
			*q += (double)b[k];
		}
	}
}

/* *s += the sum of g, *p += that of g * (x - mean), over n values */
static void
add_products(double *s, double *p, const float *g, const float *x, size_t n, float mean)
{
	size_t i, k, m;

	for (; n > 0; g += m, x += m, n -= m) {
		float a[LANES] = { 0 }, b[LANES] = { 0 };

		m = n < CHUNK ? n : CHUNK;
		for (i = 0; i + LANES <= m; i += LANES) {
#pragma omp simd
			for (k = 0; k < LANES; k++) {
				a[k] += g[i + k];
				b[k] += g[i + k] * (x[i + k] - mean);
			}
		}
		for (k = 0; i + k < m; k++) {
			a[k] += g[i + k];
			b[k] += g[i + k] * (x[i + k] - mean);
		}
		for (k = 0; k < LANES; k++) {
			*s += (double)a[k];
			*p += (double)b[k];
		}
	}
}

static double
eps_of(const struct det_batchnorm *b)
{
	if (b->eps >= 0)
		return b->eps;
	return b->form == DET_BN_DARKNET ? 1e-6 : 1e-5;
}

/* 0 for a channel without spread under an eps of 0. */
static double
inverse(const struct det_batchnorm *b, double var)
{
	double d =
	    b->form == DET_BN_DARKNET ? sqrt(var) + eps_of(b) : sqrt(var + eps_of(b));

	return d > 0 ? 1 / d : 0;
}

/* What the batch's variance divides by. */
static double
divisor(const struct det_batchnorm *b)
{
	size_t m = b->n * b->area;

	return (double)(b->less && m > 1 ? m - 1 : m);
}

struct forward {
	const struct det_batchnorm *b;
	float *y;
	const float *x;
	float *saved, *mean, *var;
	double momentum;
	enum det_act act;
	float alpha;
};

/* Mean and sum of squared distances of one channel. */
static void
batch_moments(double *mean, double *square, const struct forward *f, size_t c)
{
	const struct det_batchnorm *b = f->b;
	const float *x = f->x + c * b->area;
	double s = 0, q = 0, m = (double)(b->n * b->area);
	size_t i;

	for (i = 0; i < b->n; i++)
		add_moments(&s, &q, x + i * b->c * b->area, b->area, x[0]);
	*mean = (double)x[0] + s / m;
	*square = q - s * s / m;
	if (*square < 0)
		*square = 0;
}

static void
blend(float *to, double value, double momentum)
{
	*to = (float)((1 - momentum) * (double)*to + momentum * value);
}

static void
forward_channel(const void *ctx, size_t c, int worker)
{
	const struct forward *f = ctx;
	const struct det_batchnorm *b = f->b;
	size_t m = b->n * b->area, i, k;
	double mean = (double)b->mean[c], var = (double)b->var[c], square;
	float s, t;

	(void)worker;
	if (!b->frozen) {
		batch_moments(&mean, &square, f, c);
		var = square / divisor(b);
		if (f->mean)
			blend(&f->mean[c], mean, f->momentum);
		if (f->var)
			blend(&f->var[c], square / (double)(m > 1 ? m - 1 : 1),
			    f->momentum);
	}
	f->saved[c] = (float)mean;
	f->saved[b->c + c] = (float)inverse(b, var);
	s = (float)((double)b->gamma[c] * inverse(b, var));
	t = (float)((double)b->beta[c] - (double)b->gamma[c] * inverse(b, var) * mean);
	for (k = 0; k < b->n; k++) {
		const float *x = f->x + (k * b->c + c) * b->area;
		float *y = f->y + (k * b->c + c) * b->area;

#pragma omp simd
		for (i = 0; i < b->area; i++)
			y[i] = s * x[i] + t;
		if (f->act != DET_ACT_LINEAR)
			det_act_run(y, y, b->area, f->act, f->alpha);
	}
}

void
det_batchnorm_forward(const struct det_batchnorm *b, float *y, const float *x,
    float *saved, float *moved_mean, float *moved_var, double momentum,
    enum det_act act, float alpha)
{
	struct forward f = { b, y, x, saved, moved_mean, moved_var, momentum, act,
		alpha };

	if (b->n * b->area > 0)
		det_parallel(b->threads, b->c, forward_channel, &f);
}

struct backward {
	const struct det_batchnorm *b;
	float *dx;
	int add;
	const float *dy, *x, *saved;
	float *dgamma, *dbeta;
};

/* dx = a * (dy - m) + k * (x - mean), of one plane */
static void
backward_plane(float *dx, int add, const float *dy, const float *x, size_t n, float a,
    float m, float k, float mean)
{
	size_t i;

	if (add)
#pragma omp simd
		for (i = 0; i < n; i++)
			dx[i] += a * (dy[i] - m) + k * (x[i] - mean);
	else
#pragma omp simd
		for (i = 0; i < n; i++)
			dx[i] = a * (dy[i] - m) + k * (x[i] - mean);
}

static void
backward_channel(const void *ctx, size_t c, int worker)
{
	const struct backward *w = ctx;
	const struct det_batchnorm *b = w->b;
	double s = 0, p = 0, inv = (double)w->saved[b->c + c], k = 0, root;
	double gamma = (double)b->gamma[c], m = (double)(b->n * b->area);
	float mean = w->saved[c];
	size_t i, at;

	(void)worker;
	if (!b->frozen || w->dgamma || w->dbeta)
		for (i = 0; i < b->n; i++) {
			at = (i * b->c + c) * b->area;
			add_products(&s, &p, w->dy + at, w->x + at, b->area, mean);
		}
	if (w->dgamma)
		w->dgamma[c] += (float)(p * inv);
	if (w->dbeta)
		w->dbeta[c] += (float)s;
	if (!w->dx)
		return;
	if (!b->frozen && b->form == DET_BN_DARKNET) {
		root = inv > 0 ? 1 / inv - eps_of(b) : 0;
		k = root > 0 ? gamma * p * inv * inv / root / divisor(b) : 0;
	} else if (!b->frozen)
		k = gamma * p * inv * inv * inv / divisor(b);
	for (i = 0; i < b->n; i++) {
		at = (i * b->c + c) * b->area;
		backward_plane(w->dx + at, w->add, w->dy + at, w->x + at, b->area,
		    (float)(gamma * inv), b->frozen ? 0 : (float)(s / m), (float)-k,
		    mean);
	}
}

void
det_batchnorm_backward(const struct det_batchnorm *b, float *dx, int add,
    const float *dy, const float *x, const float *saved, float *dgamma, float *dbeta)
{
	struct backward w = { b, dx, add, dy, x, saved, dgamma, dbeta };

	if (b->n * b->area > 0)
		det_parallel(b->threads, b->c, backward_channel, &w);
}
