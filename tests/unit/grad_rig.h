/* SPDX-License-Identifier: MIT
 *
 * A network in training for tests: made weights and inputs, the loss sum(r * output) with
 * seeded r, and its gradients held against central differences.
 */
#ifndef DET_GRAD_RIG_H
#define DET_GRAD_RIG_H

#include <math.h>

#include "nn/grad.h"
#include "tests/unit/nets.h"
#include "tests/unit/tap.h"

enum { RIG_IO = 8 };

struct grad_rig {
	struct det_net *net;
	struct det_grad *grad;
	struct made made;
	struct det_tensor in[RIG_IO];
	size_t n_in;
	float *in_grad[RIG_IO];
	float *out_grad[RIG_IO]; /* r; made by the first loss */
	int train;
};

static inline float *
rig_floats(size_t n)
{
	float *p = aligned_alloc(64, (n * sizeof *p + 64) / 64 * 64);

	if (!p)
		exit(2);
	memset(p, 0, (n * sizeof *p + 64) / 64 * 64);
	return p;
}

static inline size_t
rig_count(const struct det_tensor *t)
{
	return t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
}

static inline void
grad_rig_close(struct grad_rig *r)
{
	size_t i;

	det_grad_free(r->grad);
	det_net_free(r->net);
	if (r->made.n)
		made_free(&r->made);
	for (i = 0; i < RIG_IO; i++) {
		free(r->in[i].data);
		free(r->in_grad[i]);
		free(r->out_grad[i]);
	}
	memset(r, 0, sizeof *r);
}

/* Opens a text whose inputs are of these shapes. */
static inline enum det_err
grad_rig_open(struct grad_rig *r, const char *text, const size_t (*dims)[4],
    const struct det_grad_params *p)
{
	struct det_weights w = { .find = made_find, .ctx = &r->made };
	enum det_err e;
	size_t i;

	memset(r, 0, sizeof *r);
	r->train = 1;
	if ((e = det_net_parse(&r->net, text, strlen(text), "t.net")))
		return e;
	r->made.net = r->net;
	r->n_in = det_net_inputs(r->net);
	for (i = 0; i < r->n_in; i++) {
		r->in[i] = seeded(dims[i][0], dims[i][1], dims[i][2], dims[i][3],
		    (uint32_t)(7 + 4 * i));
		r->in_grad[i] = rig_floats(rig_count(&r->in[i]));
	}
	return det_grad_new(&r->grad, r->net, &w, p);
}

/* sum of r * output over all outputs, in double; NAN where forward fails */
static inline double
grad_rig_loss(struct grad_rig *r)
{
	struct det_tensor out;
	double sum = 0;
	size_t i, k, n;

	if (det_grad_forward(r->grad, r->in, r->train, 3)) {
		(void)printf("# %s\n", det_errmsg());
		return NAN;
	}
	for (k = 0; k < det_grad_outputs(r->grad); k++) {
		(void)det_grad_output(r->grad, k, &out);
		n = rig_count(&out);
		if (!r->out_grad[k]) {
			r->out_grad[k] = rig_floats(n);
			fill(r->out_grad[k], n, (uint32_t)(101 + k));
		}
		for (i = 0; i < n; i++)
			sum +=
			    (double)r->out_grad[k][i] * (double)((float *)out.data)[i];
	}
	return sum;
}

static inline enum det_err
grad_rig_back(struct grad_rig *r)
{
	return det_grad_backward(
	    r->grad, (const float *const *)r->out_grad, r->in_grad);
}

/* The derivative by *v: differences over 2h and 4h, the error of second order taken out. */
static inline double
grad_rig_slope(struct grad_rig *r, float *v, float h)
{
	static const float at[4] = { 1, -1, 2, -2 };
	double l[4];
	float old = *v, to[4];
	int i;

	for (i = 0; i < 4; i++) {
		*v = to[i] = old + at[i] * h;
		l[i] = grad_rig_loss(r);
	}
	*v = old;
	l[0] = (l[0] - l[1]) / ((double)to[0] - (double)to[1]);
	l[2] = (l[2] - l[3]) / ((double)to[2] - (double)to[3]);
	return (4 * l[0] - l[2]) / 3;
}

/* Largest difference between grad and the slopes by v[0 .. n), relative to the largest
 * slope (at least 1e-3); at most some hundred of them, spread. */
static inline double
grad_rig_compare(
    struct grad_rig *r, float *v, const float *grad, size_t n, float h, size_t most)
{
	double worst = 0, top = 1e-3, s, d;
	size_t i, step = n > most ? n / most | 1 : 1;

	for (i = 0; i < n; i += step) {
		s = grad_rig_slope(r, &v[i], h);
		d = fabs(s - (double)grad[i]);
		worst = d > worst || d != d ? d : worst;
		top = fabs(s) > top ? fabs(s) : top;
	}
	return worst / top;
}

/* All gradients, of inputs and of weights; the worst. */
static inline double
grad_rig_check(struct grad_rig *r, float h, size_t most)
{
	double worst = 0, d;
	size_t i, n;
	float *copy;

	det_grad_clear(r->grad);
	if (!(fabs(grad_rig_loss(r)) < 1e30) || grad_rig_back(r)) {
		(void)printf("# %s\n", det_errmsg());
		return NAN;
	}
	for (i = 0; i < r->n_in; i++) {
		d = grad_rig_compare(
		    r, r->in[i].data, r->in_grad[i], rig_count(&r->in[i]), h, most);
		worst = d > worst || d != d ? d : worst;
	}
	for (i = 0; i < det_grad_n_params(r->grad); i++) {
		struct det_param *p = det_grad_param(r->grad, i);

		if (!p->grad)
			continue;
		n = p->count;
		copy = rig_floats(n);
		memcpy(copy, p->grad, n * sizeof *copy);
		d = grad_rig_compare(r, p->value, copy, n, h, most);
		worst = d > worst || d != d ? d : worst;
		free(copy);
	}
	return worst;
}

#endif
