/* SPDX-License-Identifier: MIT
 *
 * Backward of every operator, by itself: gradients of inputs and weights against central
 * differences, all options, odd sizes; the same bits on 1 to 3 threads; and that gradients
 * of weights add up over calls.
 */
#include <stdio.h>

#include "tests/unit/grad_rig.h"

/* How inputs are spread: SMOOTH in [-1,1); APART: a permutation of numbers .25 apart around
 * 0, so that no step of the differences crosses a corner or changes a maximum. */
enum spread { SMOOTH, APART };

struct op_case {
	const char *stmt;
	size_t in[2][4]; /* the second: N 0, none */
	enum spread spread;
};

static const struct op_case cases[] = {
	{ "add(x, z)", { { 2, 3, 5, 7 }, { 2, 3, 5, 7 } }, SMOOTH },
	{ "add(x, z, x) act=silu", { { 2, 3, 5, 3 }, { 2, 3, 5, 3 } }, SMOOTH },
	{ "add(x, x)", { { 1, 3, 5, 3 } }, SMOOTH },
	{ "add(x, z) darknet", { { 2, 5, 8, 6 }, { 2, 3, 4, 3 } }, SMOOTH },
	{ "add(x, z) darknet act=silu", { { 1, 2, 3, 4 }, { 1, 4, 6, 8 } }, SMOOTH },
	{ "concat(x, z)", { { 2, 3, 5, 3 }, { 2, 4, 5, 3 } }, SMOOTH },
	{ "concat(x, z, x)", { { 3, 1, 2, 3 }, { 3, 2, 2, 3 } }, SMOOTH },
	{ "slice(x) from=2 n=3", { { 2, 7, 3, 5 } }, SMOOTH },
	{ "slice(x) groups=3 group=1", { { 1, 6, 3, 5 } }, SMOOTH },
	{ "upsample(x)", { { 2, 3, 3, 5 } }, SMOOTH },
	{ "upsample(x) scale=1,3 gain=-2", { { 1, 2, 3, 5 } }, SMOOTH },
	{ "upsample(x, z)", { { 2, 3, 4, 5 }, { 2, 1, 7, 9 } }, SMOOTH },
	{ "upsample(x, z)", { { 1, 2, 7, 9 }, { 1, 1, 3, 4 } }, SMOOTH },
	{ "upsample(x) mode=bilinear", { { 2, 2, 3, 5 } }, SMOOTH },
	{ "upsample(x, z) mode=bilinear gain=.5", { { 1, 3, 4, 1 }, { 1, 1, 9, 5 } },
	    SMOOTH },
	{ "upsample(x, z) mode=bilinear align", { { 1, 2, 5, 4 }, { 1, 1, 8, 7 } },
	    SMOOTH },
	{ "upsample(x, z) mode=bilinear align", { { 1, 2, 5, 4 }, { 1, 1, 2, 1 } },
	    SMOOTH },
	{ "maxpool(x) k=2 stride=2", { { 2, 3, 6, 7 } }, APART },
	{ "maxpool(x) k=3 stride=2 round=ceil", { { 2, 2, 8, 6 } }, APART },
	{ "maxpool(x) k=3 stride=2 pad=1", { { 1, 3, 7, 9 } }, APART },
	{ "maxpool(x) k=3 pad=1", { { 1, 2, 5, 4 } }, APART },
	{ "maxpool(x) k=2 pad=1 round=darknet", { { 2, 2, 5, 5 } }, APART },
	{ "maxpool(x) k=2,3 stride=1,2", { { 1, 2, 5, 7 } }, APART },
	{ "maxpool(x) k=2 stride=2 pad=5 round=darknet", { { 1, 2, 5, 4 } }, APART },
	{ "maxpool(x) k=5 stride=3 pad=2", { { 1, 2, 9, 23 } }, APART },
	{ "maxpool(x) k=2 stride=4", { { 1, 2, 9, 11 } }, APART },
	{ "maxpool(x) k=3 stride=2 pad=1,2", { { 1, 2, 9, 40 } }, APART },
	{ "maxpool(x) global", { { 2, 3, 5, 3 } }, APART },
	{ "avgpool(x) k=2 stride=2", { { 2, 3, 6, 7 } }, SMOOTH },
	{ "avgpool(x) k=3 stride=2 pad=1 round=ceil", { { 1, 2, 6, 7 } }, SMOOTH },
	{ "avgpool(x) k=3 stride=2 pad=1 count=valid", { { 2, 2, 7, 6 } }, SMOOTH },
	{ "avgpool(x) global", { { 2, 3, 5, 3 } }, SMOOTH },
	{ "relu(x)", { { 2, 3, 5, 7 } }, APART },
	{ "relu6(x)", { { 2, 3, 5, 7 } }, APART },
	{ "leaky(x) alpha=.3", { { 2, 3, 5, 7 } }, APART },
	{ "leaky(x) alpha=0", { { 2, 3, 5, 7 } }, APART },
	{ "sigmoid(x)", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "mish(x)", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "mish(x)", { { 2, 3, 5, 7 } }, APART },
	{ "silu(x)", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "silu(x)", { { 2, 3, 5, 7 } }, APART },
	{ "act(x) act=linear", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "act(x) act=mish", { { 1, 3, 300, 3 } }, SMOOTH },
	{ "bn(x)", { { 3, 4, 5, 3 } }, SMOOTH },
	{ "bn(x)", { { 2, 3, 19, 31 } }, SMOOTH },
	{ "bn(x) eps=.01 act=silu", { { 2, 3, 3, 3 } }, SMOOTH },
	{ "bn(x) act=sigmoid", { { 4, 5, 1, 1 } }, SMOOTH },
	{ "bn(x) form=darknet", { { 3, 4, 3, 3 } }, SMOOTH },
	{ "scale(x)", { { 2, 5, 3, 7 } }, SMOOTH },
	{ "scale(x) bias=0 act=mish", { { 2, 5, 3, 7 } }, SMOOTH },
	{ "l2norm(x)", { { 2, 5, 3, 7 } }, SMOOTH },
	{ "l2norm(x) affine=0 eps=.1", { { 2, 3, 9, 11 } }, SMOOTH },
	{ "groupnorm(x) groups=2", { { 2, 6, 3, 5 } }, SMOOTH },
	{ "groupnorm(x) groups=3 eps=.01 act=sigmoid", { { 3, 3, 5, 7 } }, SMOOTH },
	{ "groupnorm(x) groups=1", { { 2, 5, 1, 3 } }, SMOOTH },
	{ "lrn(x) alpha=.5", { { 2, 7, 3, 5 } }, SMOOTH },
	{ "lrn(x) size=3 alpha=.7 beta=.6 k=2", { { 1, 5, 9, 11 } }, SMOOTH },
	{ "lrn(x) size=3 alpha=.7 form=within", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "lrn(x) size=4 alpha=.2 k=3 form=darknet", { { 2, 7, 3, 5 } }, SMOOTH },
	{ "lrn(x) size=9 alpha=.2 k=3 form=darknet", { { 1, 4, 3, 5 } }, SMOOTH },
	{ "dropout(x)", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "dropout(x) p=.25 scale", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "flatten(x)", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "reshape(x) shape=5,0,3", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "permute(x) order=1,2,0", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "permute(x) order=2,0,1", { { 2, 3, 5, 7 } }, SMOOTH },
	{ "reorg(x)", { { 2, 3, 4, 6 } }, SMOOTH },
	{ "reorg(x) order=pixel", { { 2, 3, 4, 6 } }, SMOOTH },
	{ "reorg(x) order=darknet", { { 2, 8, 4, 6 } }, SMOOTH },
	{ "reorg(x) reverse", { { 2, 8, 3, 5 } }, SMOOTH },
	{ "reorg(x) order=pixel reverse stride=3", { { 1, 9, 2, 3 } }, SMOOTH },
	{ "reorg(x) order=darknet reverse", { { 2, 8, 3, 5 } }, SMOOTH },
	{ "softmax(x)", { { 2, 5, 3, 7 } }, SMOOTH },
	{ "softmax(x) over=all temp=.5", { { 3, 5, 2, 3 } }, SMOOTH },
	{ "softmax(x) groups=2 temp=2", { { 1, 6, 9, 9 } }, SMOOTH },
	{ "crop(x) h=3 w=4", { { 2, 3, 6, 7 } }, SMOOTH },
	{ "crop(x) h=4 w=5 gain=2 shift=-1", { { 1, 3, 5, 5 } }, SMOOTH },
};

/* .25 * (a permutation of -n/2 .. n/2), moved off 0 by half a step */
static void
spread_apart(float *v, size_t n)
{
	size_t step = n / 3 * 2 + 1, i, k = 0, a, b;

	for (;; step++) { /* to one without a common divisor: every number comes once */
		for (a = n, b = step; b; k = a % b, a = b, b = k)
			;
		if (a == 1)
			break;
	}
	for (i = 0; i < n; i++)
		v[i] = .25f * ((float)(i * step % n) - (float)(n / 2)) + .125f;
}

static int
open_case(struct grad_rig *r, const struct op_case *c, int threads, int frozen,
    enum det_bn_form form)
{
	char text[400];
	struct det_grad_params p = { .threads = threads,
		.bn_frozen = frozen,
		.form = form,
		.bn_momentum = -1,
		.seed = 5 };

	(void)snprintf(text, sizeof text,
	    "net n\ninput x %zu %zu %zu\n%sy = %s\noutput y\n", c->in[0][1],
	    c->in[0][2], c->in[0][3], c->in[1][0] ? "input z 0 0 0\n" : "", c->stmt);
	if (grad_rig_open(r, text, c->in, &p)) {
		ok(0, "%s: %s", c->stmt, det_errmsg());
		grad_rig_close(r);
		return 0;
	}
	if (c->spread == APART)
		spread_apart(r->in[0].data, rig_count(&r->in[0]));
	return 1;
}

/* Loss and gradients of one run into one array; how many. */
static size_t
collect(float *to, struct grad_rig *r)
{
	size_t n = 0, i, k;

	det_grad_clear(r->grad);
	to[n++] = (float)grad_rig_loss(r);
	if (grad_rig_back(r))
		return 0;
	for (i = 0; i < r->n_in; i++)
		for (k = 0; k < rig_count(&r->in[i]); k++)
			to[n++] = r->in_grad[i][k];
	for (i = 0; i < det_grad_n_params(r->grad); i++) {
		struct det_param *p = det_grad_param(r->grad, i);

		for (k = 0; p->grad && k < p->count; k++)
			to[n++] = p->grad[k];
	}
	return n;
}

static void
check_threads(const struct op_case *c)
{
	static float one[10000], other[10000];
	struct grad_rig r;
	size_t n = 0, m;
	int threads, same = 1;

	for (threads = 1; threads <= 3; threads++) {
		if (!open_case(&r, c, threads, 0, DET_BN_TORCH))
			return;
		m = collect(threads == 1 ? one : other, &r);
		if (threads == 1)
			n = m;
		else
			same &= n && n == m && !memcmp(one, other, n * sizeof *one);
		grad_rig_close(&r);
	}
	ok(same, "%s: 1 to 3 threads, same bits", c->stmt);
}

/* A second call adds to the weights' gradients, and sets the inputs'. */
static void
check_adds(struct grad_rig *r, const char *stmt)
{
	static float one[10000];
	size_t n = collect(one, r), i, k, at = 1;
	int good = n > 0 && !grad_rig_back(r);

	for (i = 0; good && i < r->n_in; i++)
		for (k = 0; k < rig_count(&r->in[i]); k++)
			good &= r->in_grad[i][k] == one[at++];
	for (i = 0; good && i < det_grad_n_params(r->grad); i++) {
		struct det_param *p = det_grad_param(r->grad, i);

		for (k = 0; p->grad && k < p->count; k++)
			good &= p->grad[k] == 2 * one[at++];
	}
	ok(good && at == n, "%s: gradients of weights add up, of inputs are set", stmt);
}

static void
check_case(const struct op_case *c, int frozen, enum det_bn_form form, int train)
{
	struct grad_rig r;
	double worst;

	if (!open_case(&r, c, 2, frozen, form))
		return;
	r.train = train;
	worst = grad_rig_check(&r, 0x1p-6f, 100);
	ok(worst < 5e-4, "%s%s%s%s: worst %.1e", c->stmt, frozen ? ", frozen" : "",
	    form == DET_BN_DARKNET_FORM ? ", Darknet's training" : "",
	    train ? "" : ", as inference", worst);
	if (train)
		check_adds(&r, c->stmt);
	grad_rig_close(&r);
}

/* Windows of small whole numbers, so that maxima are equal: the first gets it all. */
static void
check_ties(size_t k, size_t s, size_t pad)
{
	struct op_case c = { "", { { 1, 2, 11, 19 } }, SMOOTH };
	size_t p, y, x, i, j, oh = (11 + 2 * pad - k) / s + 1,
			      ow = (19 + 2 * pad - k) / s + 1;
	float want[2 * 11 * 19] = { 0 }, *v;
	char stmt[64];
	struct grad_rig r;
	double far = 0;

	(void)snprintf(
	    stmt, sizeof stmt, "maxpool(x) k=%zu stride=%zu pad=%zu", k, s, pad);
	c.stmt = stmt;
	if (!open_case(&r, &c, 2, 0, DET_BN_TORCH))
		return;
	v = r.in[0].data;
	for (i = 0; i < 2 * 11 * 19; i++)
		v[i] = (float)(i * i / 7 % 3);
	(void)grad_rig_loss(&r);
	for (p = 0; p < 2; p++)
		for (y = 0; y < oh; y++)
			for (x = 0; x < ow; x++) {
				size_t best = SIZE_MAX;

				for (i = y * s; i < y * s + k; i++)
					for (j = x * s; j < x * s + k; j++) {
						size_t at =
						    (p * 11 + i - pad) * 19 + j - pad;

						if (i < pad || i - pad >= 11 ||
						    j < pad || j - pad >= 19)
							continue;
						if (best == SIZE_MAX || v[at] > v[best])
							best = at;
					}
				want[best] += r.out_grad[0][(p * oh + y) * ow + x];
			}
	(void)grad_rig_back(&r);
	for (i = 0; i < 2 * 11 * 19; i++)
		far = fmax(far, fabs((double)r.in_grad[0][i] - (double)want[i]));
	ok(far < 1e-6, "%s: of equal maxima the first has the gradient", stmt);
	grad_rig_close(&r);
}

int
main(void)
{
	size_t i;

	check_ties(2, 2, 0);
	check_ties(3, 2, 1);
	check_ties(3, 1, 1);
	check_ties(5, 3, 2);

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct op_case *c = &cases[i];

		check_case(c, 0, DET_BN_TORCH, 1);
		check_threads(c);
		if (!strncmp(c->stmt, "bn", 2)) {
			check_case(c, 1, DET_BN_TORCH, 1);
			check_case(c, 0, DET_BN_DARKNET_FORM, 1);
			check_case(c, 0, DET_BN_TORCH, 0);
		}
		if (!strncmp(c->stmt, "dropout", 7))
			check_case(c, 0, DET_BN_TORCH, 0);
	}
	return done();
}
