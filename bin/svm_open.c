/* SPDX-License-Identifier: MIT
 *
 * What det-svm learns from: which features of which streams, and whether the model has them.
 */
#include "bin/svm_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- options --- */

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
name_features(struct tool *t, struct svm_job *j)
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

void
svm_check(struct tool *t, struct svm_job *j)
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

/* --- streams --- */

struct det_shards *
svm_open(struct tool *t, struct svm_job *j)
{
	struct det_shards_params in;
	struct det_shards *s;

	tool_check(t, det_svm_list(&j->list, t->model));
	if (!j->in.boxes)
		j->in.boxes = j->list;
	if (!strcmp(j->in.gt, j->in.boxes))
		tool_usage(t, "--gt and --boxes: two lists expected, found '%s' twice",
		    j->in.gt);
	in = j->in;
	if (j->box_file.n) {
		struct det_shards_params box = j->in;

		box.path = j->box_file.v;
		box.n = j->box_file.n;
		box.features = j->in.box_features;
		in.box_features = NULL;
		tool_check(t, det_shards_open(&j->p.box_shards, &box));
	}
	tool_check(t, det_shards_open(&s, &in));
	return s;
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

void
svm_begin(struct tool *t, struct det_svm_model *m, const struct svm_job *j,
    struct det_shards *s)
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

void
svm_release(struct svm_job *j)
{
	free(j->path);
	free(j->own);
	free(j->own_box);
	free(j->list);
}
