/* SPDX-License-Identifier: MIT
 *
 * conv, fc and local in training, alone and in small nets: gradients of inputs and weights
 * against central differences, the same bits on any number of threads, batch normalisation
 * inside a layer against the same as a layer of its own.
 */
#include <stdio.h>

#include "tests/unit/grad_rig.h"

struct op_case {
	const char *stmt;
	size_t in[4];
};

static const struct op_case cases[] = {
	{ "conv(x) out=5 k=3 pad=1 act=silu", { 2, 4, 6, 5 } },
	{ "conv(x) out=4 k=1 stride=2", { 2, 3, 5, 6 } },
	{ "conv(x) out=18 k=3 stride=2 pad=1 act=sigmoid", { 2, 17, 5, 4 } },
	{ "conv(x) out=6 k=2,3 dilate=2,1 pad=1 groups=2 bias=0", { 1, 4, 6, 5 } },
	{ "conv(x) out=6 k=3 pad=1 groups=6", { 2, 6, 5, 4 } },
	{ "conv(x) out=4 k=3 pad=1 bn act=silu", { 3, 3, 5, 4 } },
	{ "conv(x) out=4 k=3 stride=2 bn bias=1", { 2, 3, 7, 6 } },
	{ "conv(x) out=3 k=3 pad=2 bn=darknet act=mish", { 2, 3, 4, 4 } },
	{ "conv(x) out=4 k=3 pad=1 bn groups=2 eps=.01", { 2, 4, 5, 4 } },
	{ "fc(x) out=7 act=sigmoid", { 3, 4, 3, 2 } },
	{ "fc(x) out=5 bias=0", { 2, 20, 1, 1 } },
	{ "fc(x) out=6 bn act=silu", { 6, 3, 2, 2 } },
	{ "fc(x) out=3 bn=darknet bias=1", { 5, 3, 2, 2 } },
	{ "local(x) out=4 k=3 pad=1 act=silu", { 2, 3, 4, 5 } },
	{ "local(x) out=3 k=2,3 stride=2,1 pad=1", { 1, 2, 5, 4 } },
};

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
	    "net n\ninput x %zu %zu %zu\ny = %s\noutput y\n", c->in[1], c->in[2],
	    c->in[3], c->stmt);
	if (grad_rig_open(r, text, &c->in, &p)) {
		ok(0, "%s: %s", c->stmt, det_errmsg());
		grad_rig_close(r);
		return 0;
	}
	return 1;
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
	grad_rig_close(&r);
}

enum { MOST = 1 << 20 };
static float one[MOST], other[MOST];

static size_t
take(float *to, size_t at, const float *from, size_t n)
{
	if (at + n > MOST)
		exit(2);
	memcpy(to + at, from, n * sizeof *to);
	return at + n;
}

/* Outputs, running statistics and all gradients of a run, one after another. */
static size_t
collect(float *to, struct grad_rig *r)
{
	struct det_tensor out;
	size_t n = 0, i;

	det_grad_clear(r->grad);
	(void)grad_rig_loss(r);
	if (grad_rig_back(r))
		return 0;
	(void)det_grad_output(r->grad, 0, &out);
	n = take(to, n, out.data, rig_count(&out));
	for (i = 0; i < r->n_in; i++)
		n = take(to, n, r->in_grad[i], rig_count(&r->in[i]));
	for (i = 0; i < det_grad_n_params(r->grad); i++) {
		struct det_param *p = det_grad_param(r->grad, i);

		n = take(to, n, p->grad ? p->grad : p->value, p->count);
	}
	return n;
}

static void
check_threads(const char *what, const char *text, const size_t *dims)
{
	struct grad_rig r;
	size_t n = 0, m;
	int threads, same = 1;

	for (threads = 1; threads <= 4; threads++) {
		struct det_grad_params p = {
			.threads = threads, .bn_momentum = -1, .seed = 5
		};

		if (grad_rig_open(&r, text, (const size_t(*)[4])dims, &p)) {
			ok(0, "%s: %s", what, det_errmsg());
			grad_rig_close(&r);
			return;
		}
		m = collect(threads == 1 ? one : other, &r);
		if (threads == 1)
			n = m;
		else
			same &= n && n == m && !memcmp(one, other, n * sizeof *one);
		grad_rig_close(&r);
	}
	ok(same, "%s: 1 to 4 threads, same bits (%zu numbers)", what, n);
}

/* All of a run of a text; NULL names are those of the other's weights. */
static size_t
run_text(float *to, const char *text, const size_t *dims, int train, int frozen)
{
	struct det_grad_params p = {
		.threads = 2, .bn_frozen = frozen, .bn_momentum = -1
	};
	struct grad_rig r;
	size_t i, k, n = 0;

	if (!grad_rig_open(&r, text, (const size_t(*)[4])dims, &p)) {
		/* the two texts name their weights differently: give both the same */
		for (i = 0; i < det_grad_n_params(r.grad); i++) {
			struct det_param *w = det_grad_param(r.grad, i);

			for (k = 0; k < w->count; k++)
				w->value[k] = (float)(1 + (7 * i + 5 * k) % 13) / 10 -
					      (w->role == DET_PARAM_VAR ? 0 : .6f);
		}
		r.train = train;
		n = collect(to, &r);
	}
	grad_rig_close(&r);
	return n;
}

/* A layer with batch normalisation is the layer, and a layer of that. */
static void
check_same(const char *a, const char *b, const size_t *dims)
{
	int train, frozen;

	for (train = 0; train < 2; train++)
		for (frozen = 0; frozen < 2; frozen++) {
			size_t n = run_text(one, a, dims, train, frozen);
			size_t m = run_text(other, b, dims, train, frozen), i;
			double d = 0, top = 0;

			for (i = 0; i < n && i < m; i++) {
				d = fmax(d, fabs((double)one[i] - (double)other[i]));
				top = fmax(top, fabs((double)one[i]));
			}
			ok(n > 0 && n == m && d <= 1e-5 * top,
			    "batch normalisation inside is the same as behind%s%s: "
			    "%.1e of %.1e",
			    train ? ", training" : "", frozen ? ", frozen" : "", d,
			    top);
		}
}

static void
check_net(const char *what, const char *text, const size_t *dims)
{
	static const struct det_grad_params usual = { .threads = 2, .bn_momentum = -1 };
	struct grad_rig r;
	double worst;

	if (grad_rig_open(&r, text, (const size_t(*)[4])dims, &usual))
		ok(0, "%s: %s", what, det_errmsg());
	else {
		worst = grad_rig_check(&r, 0x1p-6f, 60);
		ok(worst < 1e-3, "%s: worst %.1e", what, worst);
	}
	grad_rig_close(&r);
}

static const char residual[] = "net n\ninput x 3 9 8\n"
			       "a = conv(x) out=16 k=3 pad=1 bn act=silu\n"
			       "b = conv(a) out=8 k=1 act=sigmoid\n"
			       "c = conv(b) out=16 k=3 pad=1 bn\n"
			       "s = add(a, c) act=silu\n"
			       "d = conv(s) out=20 k=3 stride=2 pad=1 act=silu\n"
			       "y = fc(d) out=5\n"
			       "output y\n";
static const char large[] = "net n\ninput x 3 60 50\n"
			    "a = conv(x) out=40 k=3 stride=2 pad=1 bn act=relu\n"
			    "b = conv(a) out=64 k=3 pad=1 act=leaky\n"
			    "c = conv(b) out=64 k=3 pad=1 bn act=relu\n"
			    "d = conv(c) out=48 k=1 stride=2\n"
			    "e = conv(d) out=48 k=3 pad=1 groups=48\n"
			    "f = local(e) out=4 k=3 stride=4\n"
			    "y = fc(f) out=100\n"
			    "output y\n";

int
main(void)
{
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct op_case *c = &cases[i];
		/* normalising takes a bias out again: its gradient is 0, but for rounding,
		 * which there is nothing to measure by */
		int bias = strstr(c->stmt, "bias=1") != NULL;

		if (!bias)
			check_case(c, 0, DET_BN_TORCH, 1);
		if (!bias && strstr(c->stmt, " bn"))
			check_case(c, 0, DET_BN_DARKNET_FORM, 1);
		if (strstr(c->stmt, " bn")) {
			check_case(c, 1, DET_BN_TORCH, 1);
			check_case(c, 0, DET_BN_TORCH, 0);
		}
	}
	check_net("convolutions, a sum, fc", residual, (const size_t[]){ 2, 3, 9, 8 });
	check_threads("a net of all of them", large, (const size_t[]){ 3, 3, 60, 50 });
	check_same("net n\ninput x 3 9 8\n"
		   "y = conv(x) out=18 k=3 pad=1 bn act=relu\noutput y\n",
	    "net n\ninput x 3 9 8\n"
	    "a = conv(x) out=18 k=3 pad=1 bias=0\ny = bn(a) act=relu\noutput y\n",
	    (const size_t[]){ 2, 3, 9, 8 });
	check_same("net n\ninput x 3 2 2\n"
		   "y = fc(x) out=9 bn=darknet bias=1 act=leaky\noutput y\n",
	    "net n\ninput x 3 2 2\n"
	    "a = fc(x) out=9\ny = bn(a) form=darknet act=leaky\noutput y\n",
	    (const size_t[]){ 6, 3, 2, 2 });
	return done();
}
