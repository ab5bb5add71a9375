/* SPDX-License-Identifier: MIT
 *
 * det-svm: R-CNN's last stage: linear SVMs and box regressors on stored features, written as
 * the head of a model.
 */
#include "bin/svm_job.h"

#include "bin/progress.h"

static void
say(void *ctx)
{
	(void)ctx;
	progress_item();
}

static void
run(struct tool *t, struct svm_job *j)
{
	struct det_svm_model m;
	struct det_svm_result r;
	struct det_shards *s;

	s = svm_open(t, j);
	svm_begin(t, &m, j, s);
	tool_check(t, det_svm_train(&r, s, j->in.classes, &j->p, say, NULL));
	progress_clear();
	svm_report(t, &r, s, j->p.box_shards);
	svm_write(t, &r, &m);
	det_svm_result_release(&r);
	det_svm_model_release(&m);
	det_shards_close(s);
	det_shards_close(j->p.box_shards);
	svm_release(j);
}

int
main(int argc, char *argv[])
{
	static const char *const losses[] = { "l1", "l2", NULL };
	struct svm_job j = { .p = DET_SVM_TRAIN_DEFAULTS,
		.in = { .gt = "gt" },
		.retrain = 2000,
		.negatives = 20000,
		.cache = 1024,
		.seed = 1,
		.passes = 1,
		.mine = 1 };
	struct det_svm_params *s = &j.p.solve;
	const struct opt opts[] = {
		OPT_STR(0, "features", &j.in.features, "NAME",
		    "the tensor of rows: a layer or input of the model's head"),
		OPT_STR(0, "box-features", &j.in.box_features, "NAME",
		    "the tensor to correct boxes by, or none"),
		OPT_MANY(0, "box-file", &j.box_file, "FILE",
		    "a FILE of its own with --box-features: rows near objects are "
		    "enough"),
		OPT_MANY(0, "positives", &j.positives, "FILE",
		    "features of the objects themselves: one more FILE"),
		OPT_DOUBLE('C', "cost", &s->c, 1e-12, 1e12, "C",
		    "of a row on the wrong side of the margin"),
		OPT_DOUBLE(0, "positive-weight", &s->positive, 1e-6, 1e6, "W",
		    "times C for positives"),
		OPT_DOUBLE(0, "bias", &s->bias, 1e-6, 1e6, "B",
		    "the value of the constant feature"),
		OPT_CHOICE(0, "solver", &s->loss, losses, "KIND",
		    "by the hinge loss, or its square"),
		OPT_DOUBLE(0, "epsilon", &s->epsilon, 1e-12, 1e3, "E",
		    "where liblinear stops"),
		OPT_DOUBLE(0, "norm", &j.p.norm, 0, 1e9, "N",
		    "features are scaled to this mean norm; 0: as they are"),
		OPT_DOUBLE(0, "positive-iou", &j.p.positive_iou, 0, 1, "T",
		    "boxes that overlap an object by T are positives too; 0: none"),
		OPT_DOUBLE(0, "neg-iou", &j.p.negative_iou, 0, 1, "T",
		    "negatives overlap all objects of the class by less"),
		OPT_FLAG(0, "mine", &j.mine,
		    "mine hard negatives; --no-mine draws them at random"),
		OPT_LONG(0, "passes", &j.passes, 1, 1000, "N", "over all items"),
		OPT_DOUBLE(0, "hard", &j.p.mining.hard, -1e9, 1e9, "S",
		    "negatives scored above S are added"),
		OPT_DOUBLE(0, "easy", &j.p.mining.easy, -1e9, 1e9, "S",
		    "those scored below S are let go after training"),
		OPT_LONG(0, "retrain", &j.retrain, 0, 1e9, "N",
		    "train again when more than N came"),
		OPT_LONG(0, "negatives", &j.negatives, 1, 1e9, "N",
		    "--no-mine: of a class, drawn at random"),
		OPT_LONG(0, "seed", &j.seed, 0, 1e15, "N", "--no-mine: another draw"),
		OPT_LONG(0, "cache", &j.cache, 1, 1e6, "MIB", "of memory, at most"),
		OPT_DOUBLE(0, "box-iou", &j.p.box_iou, 0, 1, "T",
		    "boxes that overlap an object by more are corrected"),
		OPT_LONG(0, "box-rows", &j.box_rows, 0, 1e9, "N",
		    "of a class, at most, to correct boxes by; 0: all"),
		OPT_DOUBLE(0, "lambda", &j.p.lambda, 1e-9, 1e12, "L",
		    "regularisation of the box regression"),
		OPT_STR(0, "gt", &j.in.gt, "NAME", "the list of objects"),
		OPT_STR(0, "boxes", &j.in.boxes, "NAME",
		    "the list that rows are of (default: as the model says)"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-svm",
		"Train linear SVMs and box regressors on stored features, as a model.",
		"FILE ...", TOOL_WRITES | TOOL_NEEDS_MODEL | TOOL_THREADS | TOOL_SIDES,
		opts };
	struct tool t;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	svm_check(&t, &j);

	/* work */
	run(&t, &j);

	/* finish */
	return tool_finish(&t);
}
