/* SPDX-License-Identifier: MIT
 *
 * Element losses: value and gradient on arrays of floats. Each takes n elements x, sets
 *
 *   grad[i] = scale * weight[i] * (the loss's derivative by x[i])
 *
 * and returns scale * sum of weight[i] * loss(x[i]), summed in double. `weight` may be NULL
 * (all 1); an element of weight 0 has gradient 0 where x[i] is finite; a NaN in x makes the
 * sum NaN: callers look at what is returned. The denominator of a loss is the caller's:
 * scale = 1 / denominator. grad may be x itself.
 *
 * Results are equal bits whatever the processor, and a sum's order depends on n alone.
 */
#ifndef DET_LOSS_H
#define DET_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* Cross-entropy of s = 1 / (1 + exp(-x)): -t log s - (1 - t) log(1 - s). Targets t in
 * [0, 1]; NULL: all are 0. */
double det_loss_sigmoid(float *grad, const float *x, const float *target,
    const float *weight, size_t n, double scale);

/* Focal loss (Lin et al., ICCV 2017): -a (1 - p)^gamma log p, p = s where t is 1, else
 * 1 - s. */
struct det_focal {
	double alpha, gamma; /* gamma at least 0 */
	/* a is alpha for objects and 1 - alpha for what is none, as in the paper's code;
	 * 1: alpha for both, as overviews write it */
	int same_alpha;
};
#define DET_FOCAL_DEFAULTS \
	{                  \
		.25, 2, 0  \
	}

/* Targets are 0 or 1, nothing between; NULL: all are 0. */
double det_loss_focal(float *grad, const float *x, const float *target,
    const float *weight, size_t n, double scale, const struct det_focal *f);

/* d = x - t: d^2 / (2 beta) where |d| < beta, else |d| - beta / 2. Caffe's sigma is
 * beta = 1 / sigma^2; beta 0 is L1 (its derivative at 0 is 0). */
double det_loss_smooth_l1(float *grad, const float *x, const float *target,
    const float *weight, size_t n, double scale, double beta);

/* (x - t)^2: Darknet's and torch's; half of it is a scale of .5. */
double det_loss_l2(float *grad, const float *x, const float *target,
    const float *weight, size_t n, double scale);

/* n columns of `planes` logits: of column i number k is x[k * stride + i * step]. Maps have
 * step 1 and a stride of H * W, rows (N, K) have stride 1 and step K. */
struct det_columns {
	const float *x;
	size_t n, planes, stride, step;
};

/* Softmax cross-entropy of each column, log sum_k exp(x_k) - x_label, into loss[n]; and
 * log sum_k exp(x_k) into lse[n] where that is not NULL. label NULL: all are `plane`. Labels
 * are in [0, planes); a column whose label is below 0 has loss 0. */
void det_loss_softmax_each(float *loss, float *lse, const struct det_columns *c,
    const int32_t *label, int32_t plane);

/* The same summed, as the above: grad is laid out as c->x and set in all columns, to 0 where
 * the label is below 0 or the weight is 0. */
double det_loss_softmax(float *grad, const struct det_columns *c, const int32_t *label,
    const float *weight, double scale);

/* The gradient of one column, given its log sum; adds nothing up. */
void det_loss_softmax_grad(float *grad, const struct det_columns *c, size_t i,
    int32_t label, float lse, double scale);

/* Generalised IoU loss of one pair of boxes x1 y1 x2 y2 (Rezatofighi et al., CVPR 2019):
 * 1 - IoU + (C - U) / C, C the area of the smallest box around both. Areas and 1e-7 in
 * their denominators are torchvision's; where two corners are equal each gets half of the
 * derivative, as there. Returns scale * the loss. */
double det_loss_giou(
    float grad[4], const float box[4], const float target[4], double scale);

#endif
