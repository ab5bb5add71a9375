/* SPDX-License-Identifier: MIT
 *
 * det-svm: R-CNN's last stage: linear SVMs and box regressors on stored features, written as
 * the head of a model.
 */
#include "bin/svm_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bin/progress.h"

struct job {
	struct det_svm_train_params p;
	struct det_shards_params in, box_in; /* box_in: of --box-file */
	struct opt_many positives, box_file;
	const char **path;   /* operands, then those */
	char *own, *own_box; /* what the model's SVMs read, if it has some */
	long retrain, negatives, cache, seed, passes, box_rows;
	int mine;
};

/* An option that may be left to the model's own SVMs: what they read, unless it is said. */
static void
settle(struct tool *t, const char **name, const char *option, const char *own)
{
	if (*name && own && strcmp(*name, own) != 0)
		tool_warn(t, "--%s=%s: the SVMs of %s read '%s'", option, *name,
		    t->model_path, own);
	if (!*name)
		*name = own;
}

static void
name_features(struct tool *t, struct job *j)
{
	tool_check(t, det_svm_own(&j->own, &j->own_box, t->model));
	settle(t, &j->in.features, "features", j->own);
	settle(t, &j->in.box_features, "box-features", j->own_box);
	if (!j->in.features)
		tool_usage(t, "which features? give --features NAME");
	if (j->in.box_features && !strcmp(j->in.box_features, "none"))
		j->in.box_features = NULL;
	if (j->box_file.n && !j->in.box_features)
		tool_usage(t, "--box-file: rows of which features? give --box-features "
			      "NAME");
}

static void
no_stdin(struct tool *t, const char *const *path, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(path[i], "-"))
			tool_usage(t,
			    "features are read several times: FILEs expected, "
			    "not standard input");
}

static void
check(struct tool *t, struct job *j)
{
	const size_t operands = (size_t)t->argc;

	if (t->argc == 0)
		tool_usage(t, "which features? streams expected as FILEs");
	tool_check(t, det_calloc(&j->path, operands + j->positives.n, sizeof *j->path));
	for (size_t i = 0; i < operands; i++)
		j->path[j->in.n++] = t->argv[i];
	for (size_t i = 0; i < j->positives.n; i++)
		j->path[j->in.n++] = j->positives.v[i];
	j->in.path = j->path;
	no_stdin(t, j->path, j->in.n);
	no_stdin(t, j->box_file.v, j->box_file.n);
	name_features(t, j);
	j->in.classes = det_model_classes(t->model);
	if (j->in.classes->n == 0)
		tool_die(t, "%s has no classes", t->model_path);
	j->p.mining.added = (size_t)j->retrain;
	j->p.passes = j->mine ? j->passes : 0;
	j->p.drawn = (size_t)j->negatives;
	j->p.seed = (unsigned long long)j->seed;
	j->p.memory = (size_t)j->cache << 20;
	j->p.box_rows = (size_t)j->box_rows;
	j->p.threads = tool_threads(t);
}

static void
say(void *ctx)
{
	(void)ctx;
	progress_item();
}

/* Reads on to the first row; whether there is one. */
static int
first_row(struct tool *t, struct det_shards *s)
{
	struct det_shard_item *it;
	int more = 1;

	while (more && !det_shards_dims(s))
		tool_check(t, det_shards_next(s, &it, &more));
	return more;
}

/* The texts of the new model, as soon as the shape of its rows is known: rows that are not the
 * head's are refused before all are trained on. Without any row it stays empty, which is for
 * the training to tell. */
static void
make_model(
    struct tool *t, struct det_svm_model *m, const struct job *j, struct det_shards *s)
{
	struct det_svm_features x = { j->in.features, { 0 } };
	struct det_svm_features box = { j->in.box_features, { 0 } };
	int more;

	*m = (struct det_svm_model){ .net = NULL };
	more = first_row(t, s);
	if (j->p.box_shards && !first_row(t, j->p.box_shards))
		tool_die(t, "--box-file: no row of features");
	det_shards_shape(x.chw, s, 0);
	det_shards_shape(box.chw, j->p.box_shards ? j->p.box_shards : s, 1);
	if (more)
		tool_check(
		    t, det_svm_model_make(m, t->model, &x, box.name ? &box : NULL));
}

static void
run(struct tool *t, struct job *j)
{
	struct det_svm_model m;
	struct det_svm_result r;
	struct det_shards *s;
	char *list;

	tool_check(t, det_svm_list(&list, t->model));
	if (!j->in.boxes)
		j->in.boxes = list;
	if (!strcmp(j->in.gt, j->in.boxes))
		tool_usage(t, "--gt and --boxes: two lists expected, found '%s' twice",
		    j->in.gt);
	if (j->box_file.n) {
		j->box_in = j->in;
		j->box_in.path = j->box_file.v;
		j->box_in.n = j->box_file.n;
		j->box_in.features = j->in.box_features;
		tool_check(t, det_shards_open(&j->p.box_shards, &j->box_in));
		j->in.box_features = NULL;
	}
	tool_check(t, det_shards_open(&s, &j->in));
	j->in.box_features = j->box_file.n ? j->box_in.features : j->in.box_features;
	make_model(t, &m, j, s);
	tool_check(t, det_svm_train(&r, s, j->in.classes, &j->p, say, NULL));
	progress_clear();
	svm_report(t, &r, s, j->p.box_shards);
	svm_write(t, &r, &m);
	det_svm_result_release(&r);
	det_svm_model_release(&m);
	det_shards_close(s);
	det_shards_close(j->p.box_shards);
	free(list);
	free(j->path);
	free(j->own);
	free(j->own_box);
}

int
main(int argc, char *argv[])
{
	static const char *const losses[] = { "l1", "l2", NULL };
	struct job j = { .p = DET_SVM_TRAIN_DEFAULTS,
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
	check(&t, &j);

	/* work */
	run(&t, &j);

	/* finish */
	return tool_finish(&t);
}
