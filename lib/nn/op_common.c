/* SPDX-License-Identifier: MIT
 *
 * The table of operators, and what several of them share.
 */
#include <math.h>
#include <string.h>

#include "nn/op.h"

#include "base/parallel.h"

const char *const det_act_names[] = { "linear", "relu", "relu6", "leaky", "sigmoid",
	"mish", "silu", NULL };
const char *const det_bn_forms[] = { "none", "standard", "darknet", NULL };

static const struct det_op *const ops[] = { &det_op_conv, &det_op_local, &det_op_fc,
	&det_op_maxpool, &det_op_avgpool, &det_op_upsample, &det_op_concat,
	&det_op_slice, &det_op_add, &det_op_reorg, &det_op_softmax, &det_op_act,
	&det_op_relu, &det_op_relu6, &det_op_leaky, &det_op_sigmoid, &det_op_mish,
	&det_op_silu, &det_op_bn, &det_op_scale, &det_op_l2norm, &det_op_groupnorm,
	&det_op_lrn, &det_op_dropout, &det_op_flatten, &det_op_reshape, &det_op_permute,
	&det_op_crop };

const struct det_op *
det_op_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof ops / sizeof *ops; i++)
		if (strlen(ops[i]->name) == len && !memcmp(ops[i]->name, name, len))
			return ops[i];
	return NULL;
}

enum det_err
det_op_window(size_t *out, const char *side, size_t in, size_t before, size_t after,
    size_t k, size_t stride, size_t dilate)
{
	size_t span = dilate * (k - 1) + 1;

	*out = 0;
	if (!in)
		return DET_OK;
	if (in + before + after < span)
		return det_fail(DET_INVALID,
		    "a window of %s %zu does not fit into %zu with padding %zu+%zu",
		    side, span, in, before, after);
	*out = (in + before + after - span) / stride + 1;
	return DET_OK;
}

enum det_err
det_op_same(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	(void)n;
	memcpy(out, in[0], sizeof in[0]);
	return DET_OK;
}

int
det_op_blocked_always(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	(void)n;
	(void)in;
	(void)out;
	return 1;
}

size_t
det_op_floats(const struct det_op_run *r)
{
	return det_layout_floats(r->blocked ? DET_BLOCKED : DET_PLAIN, r->out_dims);
}

struct copy {
	float *to;
	const float *from;
	size_t n;
};

#define COPY_CHUNK ((size_t)16384)

static void
copy_part(const void *ctx, size_t part, int worker)
{
	const struct copy *c = ctx;
	size_t i = part * COPY_CHUNK, n = c->n - i < COPY_CHUNK ? c->n - i : COPY_CHUNK;

	(void)worker;
	memcpy(c->to + i, c->from + i, n * sizeof *c->to);
}

void
det_op_copy(float *to, const float *from, size_t n, int threads)
{
	struct copy c = { to, from, n };

	if (to != from)
		det_parallel(threads, (n + COPY_CHUNK - 1) / COPY_CHUNK, copy_part, &c);
}

static void
add_part(const void *ctx, size_t part, int worker)
{
	const struct copy *c = ctx;
	size_t at = part * COPY_CHUNK, i;
	size_t n = c->n - at < COPY_CHUNK ? c->n - at : COPY_CHUNK;
	float *to = c->to + at;
	const float *from = c->from + at;

	(void)worker;
#pragma omp simd
	for (i = 0; i < n; i++)
		to[i] += from[i];
}

void
det_op_add_to(float *to, const float *from, size_t n, int threads)
{
	struct copy c = { to, from, n };

	det_parallel(threads, (n + COPY_CHUNK - 1) / COPY_CHUNK, add_part, &c);
}

void
det_op_back_same(const struct det_op_back *b)
{
	if (b->in_grad[0])
		det_op_add_to(b->in_grad[0], b->out_grad,
		    b->out_dims[0] * det_op_chw(b->out_dims), b->threads);
}

size_t
det_op_chw(const size_t d[4])
{
	return d[1] * d[2] * d[3];
}

enum det_err
det_op_bn_compose(
    double *s, double *t, const float *const *w, size_t c, int form, double eps)
{
	const float *gamma = w[0], *beta = w[1], *mean = w[2], *var = w[3];
	double scale;
	size_t i;

	if (eps < 0)
		eps = form == DET_BN_DARKNET ? 1e-6 : 1e-5;
	for (i = 0; i < c; i++) {
		if (var[i] < 0)
			return det_fail(DET_INVALID,
			    "variance %g of channel %zu is negative", (double)var[i],
			    i);
		scale =
		    form == DET_BN_DARKNET ? sqrt(var[i]) + eps : sqrt(var[i] + eps);
		if (scale == 0)
			return det_fail(DET_INVALID,
			    "variance of channel %zu is 0, and so is eps", i);
		scale = gamma[i] / scale;
		t[i] = scale * (t[i] - mean[i]) + beta[i];
		s[i] *= scale;
		if (!(fabs(s[i]) <= 3e38 && fabs(t[i]) <= 3e38))
			return det_fail(DET_INVALID,
			    "the scale of channel %zu, %g, is out of range", i, s[i]);
	}
	return DET_OK;
}

int
det_op_has_bias(const struct det_bn_args *a)
{
	return a->bias < 0 ? a->bn == DET_BN_NONE : (int)a->bias;
}

const char *
det_op_bn_weight(
    struct det_tensor *shape, const struct det_bn_args *a, size_t i, size_t c)
{
	static const char *const bn[] = { "bn.weight", "bn.bias", "bn.mean", "bn.var" };

	shape->rank = 1;
	shape->dims[0] = c;
	if (det_op_has_bias(a) && i-- == 0)
		return "bias";
	return a->bn != DET_BN_NONE && i < 4 ? bn[i] : NULL;
}

enum det_err
det_op_bn_affine(
    double *s, double *t, const struct det_bn_args *a, const float *const *w, size_t c)
{
	size_t i;

	if (det_op_has_bias(a)) {
		for (i = 0; i < c; i++)
			t[i] += (double)w[0][i];
		w++;
	}
	return a->bn == DET_BN_NONE ? DET_OK
				    : det_op_bn_compose(s, t, w, c, a->bn, a->eps);
}

struct activate {
	float *y;
	const float *x;
	size_t n, chunk;
	enum det_act act;
	float alpha;
};

static void
activate_part(const void *ctx, size_t part, int worker)
{
	const struct activate *j = ctx;
	size_t i = part * j->chunk, m = j->n - i < j->chunk ? j->n - i : j->chunk;

	(void)worker;
	det_act_run(j->y + i, j->x + i, m, j->act, j->alpha);
}

void
det_op_activate(
    float *y, const float *x, size_t n, enum det_act act, float alpha, int threads)
{
	struct activate j = { y, x, n, 16384, act, alpha };

	if (act == DET_ACT_LINEAR) {
		det_op_copy(y, x, n, threads);
		return;
	}
	det_parallel(threads, (n + j.chunk - 1) / j.chunk, activate_part, &j);
}
