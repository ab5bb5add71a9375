/* SPDX-License-Identifier: MIT
 *
 * Networks in training: values read by several layers, outputs among them, views, shared and
 * frozen weights, several inputs, new sizes, running statistics, dropout, errors.
 */
#include <stdio.h>

#include "tests/unit/grad_rig.h"

static const struct det_grad_params usual = {
	.threads = 2, .bn_momentum = -1, .seed = 5
};

/* Opens, compares with differences, closes. */
static void
check_net(const char *what, const char *text, const size_t (*dims)[4])
{
	struct grad_rig r;
	double worst;

	if (grad_rig_open(&r, text, dims, &usual)) {
		ok(0, "%s: %s", what, det_errmsg());
		return;
	}
	worst = grad_rig_check(&r, 0x1p-6f, 100);
	ok(worst < 5e-4, "%s: worst %.1e", what, worst);
	grad_rig_close(&r);
}

static const char residual[] = "net n\ninput x 4 6 5\n"
			       "a = groupnorm(x) groups=2 act=silu\n"
			       "b = scale(a) act=sigmoid\n"
			       "c = scale(b)\n"
			       "s = add(a, c) act=mish\n"
			       "t = scale(s)\n"
			       "y = add(s, t)\n"
			       "output y\n";

static void
test_graphs(void)
{
	check_net("residual sums", residual, (const size_t[][4]){ { 2, 4, 6, 5 } });
	check_net("outputs that are read on, twice, and one that is a view",
	    "net n\ninput x 4 6 5\n"
	    "a = scale(x) act=silu\n"
	    "b = sigmoid(a)\n"
	    "f = flatten(a)\n"
	    "c = scale(b)\n"
	    "output a twin=a f c b\n",
	    (const size_t[][4]){ { 2, 4, 6, 5 } });
	check_net("views of views, a slice of one image among them",
	    "net n\ninput x 4 6 5\n"
	    "a = silu(x)\n"
	    "b = reshape(a) shape=6,4,5\n"
	    "c = slice(b) from=2 n=3\n"
	    "d = flatten(b)\n"
	    "e = reshape(d) shape=6,4,5\n"
	    "g = slice(e) n=3\n"
	    "y = add(c, g)\n"
	    "output y\n",
	    (const size_t[][4]){ { 1, 4, 6, 5 } });
	check_net("activations by themselves, a value of three readers",
	    "net n\ninput x 4 6 5\n"
	    "a = scale(x)\n"
	    "b = silu(a)\n"
	    "c = sigmoid(a)\n"
	    "d = act(a)\n"
	    "e = mish(b)\n"
	    "y = add(c, d, e, b)\n"
	    "output y\n",
	    (const size_t[][4]){ { 2, 4, 6, 5 } });
	check_net("a pyramid: concat, upsample to another's size, two inputs",
	    "net n\ninput x 4 6 5\ninput z 3 0 0\n"
	    "p = avgpool(x) k=3 stride=2 pad=1\n"
	    "q = bn(p) act=silu\n"
	    "u = upsample(q, z)\n"
	    "k = concat(u, z, u)\n"
	    "n = groupnorm(k) groups=1\n"
	    "output n q\n",
	    (const size_t[][4]){ { 2, 4, 6, 5 }, { 2, 3, 7, 4 } });
	check_net("shared weights",
	    "net n\ninput x 4 6 5\n"
	    "a = scale(x) act=silu\n"
	    "b = scale(a) weights=a\n"
	    "c = scale(b) weights=a act=sigmoid\n"
	    "output c\n",
	    (const size_t[][4]){ { 2, 4, 6, 5 } });
	check_net("layers that lead nowhere",
	    "net n\ninput x 4 6 5\ninput z 2 2 2\n"
	    "a = scale(x) act=silu\n"
	    "b = scale(a)\n"
	    "l = upsample(a, z)\n"
	    "c = sigmoid(l)\n"
	    "output c\n",
	    (const size_t[][4]){ { 2, 4, 6, 5 }, { 2, 2, 2, 2 } });
	check_net("dropout between layers",
	    "net n\ninput x 4 6 5\n"
	    "a = scale(x) act=silu\n"
	    "b = dropout(a)\n"
	    "c = scale(b) act=sigmoid\n"
	    "output c\n",
	    (const size_t[][4]){ { 2, 4, 6, 5 } });
	check_net("an output that is an input",
	    "net n\ninput x 4 6 5\na = silu(x)\noutput x a\n",
	    (const size_t[][4]){ { 2, 4, 6, 5 } });
}

static void
test_frozen(void)
{
	static const char text[] = "net n\ninput x 4 6 5\n"
				   "a = scale(x) act=silu\n"
				   "b = bn(a)\n"
				   "c = scale(b) act=sigmoid\n"
				   "output c\n";
	struct grad_rig r;
	struct det_param *p, *mean = NULL;
	float before;
	size_t i, k, zero = 0, moved = 0;
	double worst;

	if (grad_rig_open(&r, text, (const size_t[][4]){ { 2, 4, 6, 5 } }, &usual)) {
		ok(0, "frozen: %s", det_errmsg());
		return;
	}
	for (i = 0; i < det_grad_n_params(r.grad); i++) {
		p = det_grad_param(r.grad, i);
		p->frozen = strstr(p->name, "/b.") != NULL;
		if (p->role == DET_PARAM_MEAN)
			mean = p;
	}
	before = mean ? mean->value[1] : 0;
	(void)grad_rig_loss(&r);
	ok(!grad_rig_back(&r), "frozen weights: backward");
	for (i = 0; i < det_grad_n_params(r.grad); i++) {
		p = det_grad_param(r.grad, i);
		for (k = 0; p->grad && k < p->count; k++) {
			zero += p->frozen && p->grad[k] == 0;
			moved += !p->frozen && p->grad[k] != 0;
		}
	}
	ok(zero == 8 && moved == 16,
	    "frozen weights get no gradient, the others do (%zu, %zu)", zero, moved);
	ok(mean && mean->value[1] == before,
	    "a frozen mean: the running statistics stay");
	for (i = 0; i < det_grad_n_params(r.grad); i++)
		det_grad_param(r.grad, i)->frozen &=
		    det_grad_param(r.grad, i)->role == DET_PARAM_MEAN;
	worst = grad_rig_check(&r, 0x1p-5f, 100);
	ok(worst < 5e-4, "one batch norm by running statistics: worst %.1e", worst);
	grad_rig_close(&r);
}

/* Running statistics by hand: of 2 images of 3 values. */
static void
test_statistics(enum det_bn_form form, double momentum, double want)
{
	static const char text[] = "net n\ninput x 1 1 3\ny = bn(x)\noutput y\n";
	struct det_grad_params p = usual;
	struct grad_rig r;
	double sum = 0, square = 0, mean, var, old_mean, old_var, m = want;
	struct det_tensor out;
	const float *x;
	int i;

	p.form = form;
	p.bn_momentum = momentum;
	if (grad_rig_open(&r, text, (const size_t[][4]){ { 2, 1, 1, 3 } }, &p)) {
		ok(0, "statistics: %s", det_errmsg());
		return;
	}
	x = r.in[0].data;
	for (i = 0; i < 6; i++)
		sum += (double)x[i];
	mean = sum / 6;
	for (i = 0; i < 6; i++)
		square += ((double)x[i] - mean) * ((double)x[i] - mean);
	var = square / 5;
	old_mean = (double)det_grad_param(r.grad, 2)->value[0];
	old_var = (double)det_grad_param(r.grad, 3)->value[0];
	(void)grad_rig_loss(&r);
	ok(fabs((double)det_grad_param(r.grad, 2)->value[0] -
		((1 - m) * old_mean + m * mean)) < 1e-6 &&
		fabs((double)det_grad_param(r.grad, 3)->value[0] -
		     ((1 - m) * old_var + m * var)) < 1e-6,
	    "running statistics move by %g, the variance over n - 1", m);
	(void)det_grad_output(r.grad, 0, &out);
	if (form == DET_BN_TORCH)
		var = square / 6;
	mean = ((double)x[0] - mean) / sqrt(var + 1e-5);
	mean = mean * (double)det_grad_param(r.grad, 0)->value[0] +
	       (double)det_grad_param(r.grad, 1)->value[0];
	ok(fabs((double)((float *)out.data)[0] - mean) < 1e-5,
	    "normalised by the variance over %s", form == DET_BN_TORCH ? "n" : "n - 1");
	grad_rig_close(&r);
}

static void
test_dropout(void)
{
	static const char text[] = "net n\ninput x 1 100 200\ny = dropout(x) p=.3\n"
				   "output y\n";
	struct grad_rig r;
	struct det_tensor out;
	static float first[20000];
	float *x;
	size_t i, kept = 0, wrong = 0;

	if (grad_rig_open(
		&r, text, (const size_t[][4]){ { 1, 1, 100, 200 } }, &usual)) {
		ok(0, "dropout: %s", det_errmsg());
		return;
	}
	for (x = r.in[0].data, i = 0; i < 20000; i++)
		x[i] = 1;
	if (det_grad_forward(r.grad, r.in, 1, 0))
		ok(0, "%s", det_errmsg());
	(void)det_grad_output(r.grad, 0, &out);
	memcpy(first, out.data, sizeof first);
	for (i = 0; i < 20000; i++) {
		kept += first[i] != 0;
		wrong += first[i] != 0 && fabsf(first[i] - 1 / .7f) > 1e-6f;
	}
	ok(kept > 13700 && kept < 14300 && !wrong, "dropout keeps .7: %zu of 20000",
	    kept);
	ok(!det_grad_forward(r.grad, r.in, 1, 0) &&
		!memcmp(first, out.data, sizeof first),
	    "the same run: the same mask");
	ok(!det_grad_forward(r.grad, r.in, 1, 1) &&
		memcmp(first, out.data, sizeof first) != 0,
	    "the next run: another");
	ok(!det_grad_forward(r.grad, r.in, 0, 1) &&
		!memcmp(out.data, r.in[0].data, sizeof first),
	    "as inference: the identity");
	grad_rig_close(&r);
}

/* The engine's results, as inference and through sizes that change. */
static void
test_sizes(void)
{
	static const char text[] = "net n\ninput x 3 0 0\n"
				   "a = bn(x) act=mish\n"
				   "p = avgpool(a) k=3 stride=2 pad=1\n"
				   "c = groupnorm(p) groups=3 act=silu\n"
				   "d = dropout(c) scale\n"
				   "y = l2norm(d) eps=.1\n"
				   "output y p\n";
	static const size_t sizes[][4] = { { 2, 3, 9, 7 }, { 1, 3, 30, 20 },
		{ 3, 3, 5, 5 }, { 2, 3, 9, 7 } };
	struct grad_rig r;
	struct rig e;
	struct det_tensor in, a, b;
	size_t i, k, j;
	double worst = 0;

	if (grad_rig_open(&r, text, sizes, &usual) || rig_open(&e, text, 2, NULL, 0)) {
		ok(0, "sizes: %s", det_errmsg());
		return;
	}
	for (i = 0; i < 4; i++) {
		in = seeded(sizes[i][0], 3, sizes[i][2], sizes[i][3], 77);
		if (det_grad_forward(r.grad, &in, 0, 0) ||
		    det_engine_run(e.engine, &in)) {
			ok(0, "sizes: %s", det_errmsg());
			return;
		}
		for (k = 0; k < 2; k++) {
			(void)det_grad_output(r.grad, k, &a);
			(void)det_engine_output(e.engine, k, &b);
			for (j = 0; j < rig_count(&b); j++)
				worst = fmax(worst, fabs((double)((float *)a.data)[j] -
							 (double)((float *)b.data)[j]));
			worst = memcmp(a.dims, b.dims, sizeof a.dims) ? 9 : worst;
		}
		free(in.data);
	}
	ok(worst < 2e-6, "as inference: the engine's values, worst %.1e", worst);
	worst = grad_rig_check(&r, 0x1p-7f, 60);
	ok(worst < 2e-3, "after other sizes: gradients right, worst %.1e", worst);
	grad_rig_close(&r);
	rig_close(&e);
}

static void
test_params(void)
{
	static const char text[] =
	    "net n\ninput x 4 8 8\n"
	    "a = bn(x)\nb = l2norm(a)\nc = groupnorm(b) groups=2\n"
	    "d = scale(c)\noutput d\n";
	static const enum det_param_role roles[] = { DET_PARAM_SCALE, DET_PARAM_SHIFT,
		DET_PARAM_MEAN, DET_PARAM_VAR, DET_PARAM_SCALE, DET_PARAM_SCALE,
		DET_PARAM_SHIFT, DET_PARAM_SCALE, DET_PARAM_SHIFT };
	struct grad_rig r;
	struct det_grad_stats s;
	size_t i;
	int good = 1;

	if (grad_rig_open(&r, text, (const size_t[][4]){ { 1, 4, 8, 8 } }, &usual)) {
		ok(0, "params: %s", det_errmsg());
		return;
	}
	for (i = 0; i < 9; i++) {
		struct det_param *p = det_grad_param(r.grad, i);

		good &=
		    p && p->role == roles[i] && p->count == 4 && p->rank == 1 &&
		    p->dims[0] == 4 &&
		    !p->grad == (p->role == DET_PARAM_MEAN || p->role == DET_PARAM_VAR);
	}
	ok(good && det_grad_n_params(r.grad) == 9 && !det_grad_param(r.grad, 9),
	    "parameters: names, roles, shapes");
	(void)grad_rig_loss(&r);
	(void)grad_rig_back(&r);
	det_grad_stats(r.grad, &s);
	ok(s.values >= 4 * 1024 && s.value_grads == 2 * 1024 &&
		s.params == 2 * 9 * 64 && s.flop > 0,
	    "memory: %zu of values, %zu of their gradients (two at a time), %zu of "
	    "parameters",
	    s.values, s.value_grads, s.params);
	grad_rig_close(&r);
}

static void
test_empty(void)
{
	struct grad_rig r;

	if (grad_rig_open(
		&r, residual, (const size_t[][4]){ { 0, 4, 6, 5 } }, &usual)) {
		ok(0, "empty: %s", det_errmsg());
		return;
	}
	ok(grad_rig_loss(&r) == 0 && !grad_rig_back(&r), "a batch of none");
	ok(!det_grad_backward(r.grad, (const float *const[]){ NULL }, NULL),
	    "no gradient at all");
	grad_rig_close(&r);
}

static void
fails(enum det_err e, enum det_err want, const char *says)
{
	ok(e == want && strstr(det_errmsg(), says), "%s", det_errmsg());
}

static void
test_errors(void)
{
	static const char text[] = "net n\ninput x 2 3 3\na = scale(x)\nb = silu(a)\n"
				   "y = scale(b)\noutput y\n";
	static const char one[] = "net n\ninput x 2 1 1\ny = bn(x)\noutput y\n";
	const size_t(*d)[4] = (const size_t[][4]){ { 2, 2, 3, 3 } };
	struct grad_rig r;

	if (grad_rig_open(&r, text, d, &usual)) {
		ok(0, "errors: %s", det_errmsg());
		return;
	}
	fails(grad_rig_back(&r), DET_INVALID, "backward before forward");
	(void)grad_rig_loss(&r);
	r.out_grad[0][20] = INFINITY;
	fails(grad_rig_back(&r), DET_INVALID,
	    "layer 'y': infinity in the gradient by its output, at index 2 of image 1");
	r.out_grad[0][20] = 1;
	det_grad_param(r.grad, 0)->value[1] = 3e38f;
	((float *)r.in[0].data)[9] = 3e5f;
	fails(det_grad_forward(r.grad, r.in, 1, 0), DET_INVALID,
	    "layer 'a': infinity at index 9 of image 0");
	fails(grad_rig_back(&r), DET_INVALID, "backward before forward");
	grad_rig_close(&r);

	if (grad_rig_open(&r, text, d, &usual)) {
		ok(0, "errors: %s", det_errmsg());
		return;
	}
	/* big by small: the sum in the weight's gradient is what overflows */
	((float *)r.in[0].data)[0] = 3e38f;
	det_grad_param(r.grad, 0)->value[0] = 0;
	det_grad_param(r.grad, 2)->value[0] = 1;
	(void)grad_rig_loss(&r);
	r.out_grad[0][0] = 1e4f;
	fails(grad_rig_back(&r), DET_INVALID, "the gradient of 'n/a.weight'");
	grad_rig_close(&r);

	if (grad_rig_open(&r, one, (const size_t[][4]){ { 1, 2, 1, 1 } }, &usual)) {
		ok(0, "errors: %s", det_errmsg());
		return;
	}
	fails(det_grad_forward(r.grad, r.in, 1, 0), DET_INVALID, "more than one value");
	ok(!det_grad_forward(r.grad, r.in, 0, 0), "as inference one value is enough");
	grad_rig_close(&r);
}

int
main(void)
{
	test_graphs();
	test_frozen();
	test_statistics(DET_BN_TORCH, -1, .1);
	test_statistics(DET_BN_DARKNET_FORM, -1, .01);
	test_statistics(DET_BN_TORCH, .5, .5);
	test_dropout();
	test_sizes();
	test_params();
	test_empty();
	test_errors();
	return done();
}
