/* SPDX-License-Identifier: MIT
 *
 * Systems in training: nets wired by names, gradients through all of them, shares that add
 * up, lines that choose objectives. The objective is the test's own, so that nothing else is
 * tested here: half the squares of all maps.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/train_rig.h"

#include "base/line.h"
#include "tests/unit/nets.h"

static const char *const terms[] = { "squares", NULL };
static double factor = 1;

static enum det_err
squares(
    void *self, const struct det_objective_in *in, float *const *grad, double *value)
{
	double sum = 0;

	for (size_t i = 0; i < *(size_t *)self; i++) {
		const float *x = in->map[i].data;
		size_t n;
		enum det_err e = det_tensor_count(&n, &in->map[i]);

		if (e)
			return e;
		for (size_t k = 0; k < n; k++) {
			sum += factor * (double)x[k] * (double)x[k] / 2;
			grad[i][k] = (float)factor * x[k];
		}
	}
	value[0] = sum;
	return DET_OK;
}

static size_t maps;

static enum det_err
open_squares(struct det_objective *out, const struct det_objective_params *p)
{
	maps = det_decode_maps(p->decode);
	*out = (struct det_objective){ .self = &maps, .term = terms, .run = squares };
	return det_line_double(&factor, p->line, "factor", 0, 10);
}

static const struct det_objective_kind kind = { "squares", "for tests", NULL,
	open_squares };

/* In place of the library's table. */
const struct det_objective_kind *
det_objective_find(const char *name)
{
	return strcmp(name, "squares") ? NULL : &kind;
}

const struct det_objective_kind *
det_objective_for(const struct det_decode *d)
{
	return d ? &kind : NULL;
}

static struct det_batch
batch(size_t n, size_t h, size_t w)
{
	return (struct det_batch){ .image = seeded(n, 3, h, w, 9) };
}

static void
gradients(const char *arch, size_t h, size_t w, const char *about)
{
	const struct det_system_params p = { .grad = {
						 .threads = 2, .bn_momentum = -1 } };
	struct det_model *m = rig_model(arch, NULL, 0, 3);
	struct det_batch b = batch(2, h, w);
	struct det_system *s;
	double worst;

	factor = 1;
	rig_check(det_system_open(&s, m, &p));
	ok(!strcmp(det_system_about(s), about), "%s: %s", arch, det_system_about(s));
	ok(det_system_terms(s) == 1 && !strcmp(det_system_term(s, 0), "squares") &&
		!det_system_term(s, 1),
	    "%s: terms", arch);
	worst = rig_check_system(s, &b, 2e-4, 1);
	ok(worst < .02, "%s: gradients of all weights, worst %.1e", arch, worst);
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

/* Two steps of half a share are one of a whole; a step again is the same bits. */
static void
shares(void)
{
	struct det_system_params p = { .grad = { .threads = 2, .bn_momentum = -1 } };
	struct det_model *m = rig_model("tiny_ssd", NULL, 0, 3);
	struct det_batch b = batch(2, 96, 96);
	static float first[4096];
	double value[RIG_TERMS];
	struct det_system *s;
	struct det_param *q;
	struct det_grad_stats st;
	size_t bad = 0;
	float top = 0;

	rig_check(det_system_open(&s, m, &p));
	q = det_system_param(s, 0);
	rig_check(det_system_step(s, &b, 1, value));
	memcpy(first, q->grad, q->count * sizeof *first);
	det_system_clear(s);
	ok(q->grad[0] == 0, "gradients are cleared");
	rig_check(det_system_step(s, &b, 1, value));
	ok(!memcmp(first, q->grad, q->count * sizeof *first),
	    "equal steps, equal bits");
	det_system_clear(s);
	rig_check(det_system_step(s, &b, .5, value));
	rig_check(det_system_step(s, &b, .5, value));
	for (size_t i = 0; i < q->count; i++)
		top = fmaxf(top, fabsf(first[i]));
	for (size_t i = 0; i < q->count; i++)
		bad += fabsf(q->grad[i] - first[i]) > 1e-5f * top;
	ok(!bad, "two halves make a whole");
	det_system_stats(s, &st);
	ok(st.values > 100000 && st.flop > 1e6, "%zu bytes of values, %g operations",
	    st.values, st.flop);
	ok(det_system_param(s, det_system_n_params(s)) == NULL &&
		!strncmp(
		    det_system_param(s, det_system_n_params(s) - 1)->name, "head/", 5),
	    "weights of all nets, in order");
	b.image.dims[1] = 1;
	ok(det_system_step(s, &b, 1, value) == DET_INVALID, "one channel: %s",
	    det_errmsg());
	b.image.dims[0] = 0;
	ok(det_system_step(s, &b, 1, value) == DET_INVALID, "no image: %s",
	    det_errmsg());
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

static void
lines(void)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{ "square", "no objective of that name" },
		{ "squares neg=3", "neg" },
		{ "squares factor=11", "factor" },
		{ "a = squares", "an objective's name" },
	};
	const char *line = "squares factor=2", *two[] = { "squares", "circles" };
	struct det_system_params p = {
		.grad = { .threads = 1, .bn_momentum = -1 }, .line = &line, .n_lines = 1
	};
	struct det_model *m = rig_model("tiny_retinanet", NULL, 0, 3);
	struct det_system *s;

	factor = 1;
	rig_check(det_system_open(&s, m, &p));
	ok(factor == 2, "a line of the user's is read");
	det_system_free(s);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		p.line = &bad[i].line;
		ok(det_system_open(&s, m, &p) == DET_INVALID &&
			strstr(det_errmsg(), bad[i].says),
		    "%s: %s", bad[i].line, det_errmsg());
	}
	p.line = two;
	p.n_lines = 2;
	ok(det_system_open(&s, m, &p) == DET_INVALID && strstr(det_errmsg(), "circles"),
	    "a second that nobody takes: %s", det_errmsg());
	det_model_close(m);
}

int
main(void)
{
	gradients("tiny_ssd", 96, 96, "squares over backbone, head");
	gradients("tiny_retinanet", 64, 96, "squares over backbone, head");
	shares();
	lines();
	return done();
}
