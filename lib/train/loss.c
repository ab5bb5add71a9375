/* SPDX-License-Identifier: MIT
 *
 * Element losses. Values come from vector loops a piece at a time and are summed in double,
 * in an order that the number of elements alone decides; gradients are written by the same
 * pass. The derivatives, with s = 1 / (1 + exp(-x)), p = s where t = 1, else 1 - s, and
 * sign = 1 where t = 1, else -1:
 *
 *   sigmoid     s - t
 *   focal       -sign a (1 - p)^gamma (-gamma p log p + 1 - p)
 *   smooth L1   d / beta where |d| < beta, else sign(d)
 *   L2          2 d
 *   softmax     softmax(x)_k - [k = label]
 *   GIoU        of IoU = I / (U + e) and P = (C - U) / (C + e), e = 1e-7, by the areas'
 *               derivatives by each corner
 *
 * Focal loss is as in Lin et al. (arXiv:1708.02002) and torchvision's ops/focal_loss.py,
 * here with logarithms taken of the logit, so that nothing has to be kept away from 0. GIoU
 * is Rezatofighi et al. (arXiv:1902.09630) as in torchvision's ops/giou_loss.py.
 */
#include "train/loss.h"

#include <math.h>

#include "base/size.h"
#include "box/scan.h"
#include "train/loops.h"

#define PIECE 512 /* elements at a time */

/* Four sums, element i in number i mod 4. */
static double
sum_of(const float *v, size_t n)
{
	double s[4] = { 0 };
	size_t i;

	for (i = 0; i + 4 <= n; i += 4)
		for (size_t k = 0; k < 4; k++)
			s[k] += (double)v[i + k];
	for (size_t k = 0; i + k < n; k++)
		s[k] += (double)v[i + k];
	return s[0] + s[1] + (s[2] + s[3]);
}

/* A loop over all elements; l has all but value and n. */
static double
run_loop(struct det_loop_loss l, size_t n, void (*loop)(const struct det_loop_loss *l))
{
	float value[PIECE];
	double sum = 0;

	l.value = value;
	for (size_t from = 0; from < n; from += PIECE) {
		l.n = det_least(n - from, PIECE);
		loop(&l);
		sum += sum_of(value, l.n);
		l.grad += l.n;
		l.x += l.n;
		if (l.target)
			l.target += l.n;
		if (l.weight)
			l.weight += l.n;
	}
	return sum;
}

double
det_loss_sigmoid(float *grad, const float *x, const float *target, const float *weight,
    size_t n, double scale)
{
	struct det_loop_loss l = { .grad = grad,
		.x = x,
		.target = target,
		.weight = weight,
		.scale = (float)scale };

	return scale * run_loop(l, n, det_loops_get()->sigmoid);
}

double
det_loss_focal(float *grad, const float *x, const float *target, const float *weight,
    size_t n, double scale, const struct det_focal *f)
{
	struct det_loop_loss l = { .grad = grad,
		.x = x,
		.target = target,
		.weight = weight,
		.scale = (float)scale,
		.alpha = (float)f->alpha,
		.other = (float)(f->same_alpha ? f->alpha : 1 - f->alpha),
		.gamma = (float)f->gamma };

	return scale * run_loop(l, n, det_loops_get()->focal);
}

/* These are of a few boxes each, and plain. */

double
det_loss_smooth_l1(float *grad, const float *x, const float *target,
    const float *weight, size_t n, double scale, double beta)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double d = (double)x[i] - (double)target[i], a = fabs(d), g;
		double w = weight ? (double)weight[i] : 1;

		if (a < beta) {
			g = d / beta;
			a = d * d / (2 * beta);
		} else {
			g = d > 0 ? 1 : d < 0 ? -1 : 0;
			a -= beta / 2;
		}
		sum += w * a;
		grad[i] = (float)(scale * w * g);
	}
	return scale * sum;
}

double
det_loss_l2(float *grad, const float *x, const float *target, const float *weight,
    size_t n, double scale)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double d = (double)x[i] - (double)target[i];
		double w = weight ? (double)weight[i] : 1;

		sum += w * d * d;
		grad[i] = (float)(scale * w * 2 * d);
	}
	return scale * sum;
}

/* --- softmax ----------------------------------------------------------------------------- */

/* Logarithms of the sums of the n columns from `first` on. */
static void
log_sums(float *lse, const struct det_columns *c, size_t first, size_t n)
{
	const float *x = c->x + first * c->step;
	float sum[PIECE], most;

	if (c->step == 1) {
		det_scan_get()->softmax(lse, sum, x, n, c->planes, c->stride);
		for (size_t i = 0; i < n; i++)
			lse[i] += logf(sum[i]);
		return;
	}
	for (size_t i = 0; i < n; i++, x += c->step) {
		double s = 0;

		most = x[0];
		for (size_t k = 1; k < c->planes; k++)
			most = x[k * c->stride] > most ? x[k * c->stride] : most;
		for (size_t k = 0; k < c->planes; k++)
			s += (double)expf(x[k * c->stride] - most);
		lse[i] = (float)((double)most + log(s));
	}
}

void
det_loss_softmax_each(float *loss, float *lse, const struct det_columns *c,
    const int32_t *label, int32_t plane)
{
	float sums[PIECE];

	for (size_t from = 0; from < c->n; from += PIECE) {
		size_t n = det_least(c->n - from, PIECE);
		float *to = lse ? lse + from : sums;

		log_sums(to, c, from, n);
		for (size_t i = from; i < from + n; i++) {
			int32_t k = label ? label[i] : plane;

			loss[i] = k < 0 ? 0
					: to[i - from] -
					      c->x[(size_t)k * c->stride + i * c->step];
		}
	}
}

void
det_loss_softmax_grad(float *grad, const struct det_columns *c, size_t i, int32_t label,
    float lse, double scale)
{
	const float *x = c->x + i * c->step;
	double others = 0;

	grad += i * c->step;
	for (size_t k = 0; k < c->planes; k++) {
		double p = (double)expf(x[k * c->stride] - lse);

		grad[k * c->stride] = (float)(scale * p);
		others += (int32_t)k == label ? 0 : p;
	}
	/* not p - 1, which near 1 has no digits left */
	if (label >= 0)
		grad[(size_t)label * c->stride] = (float)(-scale * others);
}

double
det_loss_softmax(float *grad, const struct det_columns *c, const int32_t *label,
    const float *weight, double scale)
{
	float loss[PIECE], lse[PIECE];
	double sum = 0;

	for (size_t from = 0; from < c->n; from += PIECE) {
		struct det_columns part = *c;
		float *g = grad + from * c->step;

		part.n = det_least(c->n - from, PIECE);
		part.x += from * c->step;
		det_loss_softmax_each(loss, lse, &part, label + from, 0);
		for (size_t i = 0; i < part.n; i++) {
			double w = weight ? (double)weight[from + i] : 1;

			if (label[from + i] < 0)
				w = 0;
			sum += w * (double)loss[i];
			det_loss_softmax_grad(
			    g, &part, i, label[from + i], lse[i], scale * w);
		}
	}
	return scale * sum;
}

/* --- boxes ------------------------------------------------------------------------------- */

/* How much of the derivative of max(a, b) goes to a. */
static double
share_of_max(double a, double b)
{
	return a > b ? 1 : a < b ? 0 : .5;
}

double
det_loss_giou(float grad[4], const float box[4], const float target[4], double scale)
{
	const double e = 1e-7;
	double a[4], b[4], in[2], out[2], size[2], i_area, u, c, du, dc, di;

	for (int k = 0; k < 4; k++) {
		a[k] = (double)box[k];
		b[k] = (double)target[k];
	}
	for (int k = 0; k < 2; k++) {
		in[k] = fmin(a[k + 2], b[k + 2]) - fmax(a[k], b[k]);
		out[k] = fmax(a[k + 2], b[k + 2]) - fmin(a[k], b[k]);
		size[k] = a[k + 2] - a[k];
	}
	i_area = in[0] > 0 && in[1] > 0 ? in[0] * in[1] : 0;
	u = size[0] * size[1] + (b[2] - b[0]) * (b[3] - b[1]) - i_area;
	c = out[0] * out[1];
	/* loss = 1 - I / (U + e) + (C - U) / (C + e), by I, U, C */
	di = -1 / (u + e);
	du = i_area / ((u + e) * (u + e)) - 1 / (c + e);
	dc = (u + e) / ((c + e) * (c + e));
	for (int k = 0; k < 4; k++) {
		int axis = k % 2, far = k / 2;
		double sign = far ? 1 : -1, inner, outer, own;

		/* of a far corner the inner box follows the smaller, the outer the larger */
		inner = far ? share_of_max(b[k], a[k]) : share_of_max(a[k], b[k]);
		outer = far ? share_of_max(a[k], b[k]) : share_of_max(b[k], a[k]);
		inner *= i_area > 0 ? sign * in[1 - axis] : 0;
		outer *= sign * out[1 - axis];
		own = sign * size[1 - axis];
		grad[k] =
		    (float)(scale * (di * inner + du * (own - inner) + dc * outer));
	}
	return scale * (1 - i_area / (u + e) + (c - u) / (c + e));
}
