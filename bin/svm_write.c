/* SPDX-License-Identifier: MIT
 *
 * det-svm's output: the model's records, those of its head replaced.
 */
#include "bin/svm_job.h"

#include <string.h>

#define MISSED 1.5 /* mean loss of objects above which an SVM has hardly learnt them */

static void
write_text(struct tool *t, const char *name, const struct det_buf *b)
{
	tool_check(t, det_writer_text(t->out, name, b->text, b->len));
}

/* Texts that the model lacks come before its tensors, which come last. */
static void
write_new_texts(struct tool *t, const struct det_svm_model *s)
{
	const struct det_buf *b;
	const char *name, *have;
	size_t len;

	for (size_t i = 0; (b = det_svm_model_each(s, i, &name)); i++) {
		det_model_text(t->model, name, &have, &len);
		if (!have)
			write_text(t, name, b);
	}
}

static void
write_record(struct tool *t, const struct det_svm_model *s, struct det_record *r)
{
	const char *name = det_record_name(r);
	const struct det_buf *text;
	int drop = 0;

	if (r->kind == DET_STREAM) {
		tool_write_again(t, r);
		return;
	}
	if (r->kind == DET_TEXT && (text = det_svm_model_text(&drop, s, name)))
		write_text(t, name, text);
	else if (r->kind == DET_TENSOR ? det_svm_model_wants(s, name) : !drop)
		tool_write(t, r);
}

static void
write_weights(
    struct tool *t, const char *name, float *data, size_t rows, size_t columns)
{
	struct det_tensor w = { DET_F32, columns ? 2 : 1, { rows, columns }, data };

	tool_check(t, det_writer_tensor(t->out, name, &w, NULL));
}

void
svm_write(struct tool *t, const struct det_svm_result *r, const struct det_svm_model *m)
{
	struct det_record record;
	int tensors = 0;

	for (size_t i = 0; det_model_record(t->model, i, &record); i++) {
		if (record.kind == DET_TENSOR && !tensors++)
			write_new_texts(t, m);
		write_record(t, m, &record);
	}
	if (!tensors)
		write_new_texts(t, m);
	write_weights(t, "head/svm.weight", r->weight, r->classes, r->dims);
	write_weights(t, "head/svm.bias", r->bias, r->classes, 0);
	if (r->box_dims) {
		write_weights(t, "head/svm_box.weight", r->box_weight, 4 * r->classes,
		    r->box_dims);
		write_weights(t, "head/svm_box.bias", r->box_bias, 4 * r->classes, 0);
	}
	tool_stream_end(t);
}

/* --- what was learnt --- */

/* `which` begins the warning. */
static void
warn_left_out(struct tool *t, const struct det_shards *s, const char *which)
{
	if (det_shards_bad(s))
		tool_warn(t, "%s%zu items are marked as bad: left out", which,
		    det_shards_bad(s));
	if (det_shards_unknown(s))
		tool_warn(t,
		    "%s%zu objects are of classes that the model does not have: left "
		    "out",
		    which, det_shards_unknown(s));
}

static void
warn(struct tool *t, const struct det_svm_result *r)
{
	const struct det_classes *names = det_model_classes(t->model);
	size_t objects = 0, positives = 0;

	for (size_t k = 0; k < r->classes; k++) {
		const struct det_svm_class *c = &r->per_class[k];
		const char *name = det_class_name(names, (long)k);

		objects += c->objects;
		positives += c->positives;
		if (c->positives == 0)
			tool_warn(t,
			    "class '%s' has no positive: it will never be found", name);
		else if (r->box_dims && c->box_rows == 0)
			tool_warn(t,
			    "class '%s' has no row near an object: its boxes stay",
			    name);
		if (c->positives && c->fit.missed > MISSED)
			tool_warn(t,
			    "class '%s': its objects are on the wrong side, by %.2f of "
			    "the margin: a larger -C expected for features as short",
			    name, c->fit.missed - 1);
		if (c->stopped)
			tool_warn(t,
			    "class '%s': liblinear gave up %zu times of %zu before it "
			    "was within epsilon",
			    name, c->stopped, c->trained);
	}
	if (positives < objects)
		tool_warn(t,
		    "%zu positives of %zu objects: the others have no row of their "
		    "own; "
		    "make them by det-propose --from gt, and give them as --positives",
		    positives, objects);
}

void
svm_report(struct tool *t, const struct det_svm_result *r, const struct det_shards *s,
    const struct det_shards *box)
{
	const struct det_classes *names = det_model_classes(t->model);

	warn_left_out(t, s, "");
	if (box)
		warn_left_out(t, box, "--box-file: ");
	warn(t, r);
	if (t->quiet)
		return;
	(void)fprintf(stderr, "%zu rows of %zu items, mean norm %.4g\n", r->rows,
	    r->items, r->mean_norm);
	(void)fprintf(stderr, "%-16s %9s %9s %9s %7s %10s %10s\n", "class", "positives",
	    "negatives", "hard", "trained", "loss", "box rows");
	for (size_t k = 0; k < r->classes; k++) {
		const struct det_svm_class *c = &r->per_class[k];

		(void)fprintf(stderr, "%-16.16s %9zu %9zu %9zu %7zu %10.4g %10zu\n",
		    det_class_name(names, (long)k), c->positives, c->met, c->kept,
		    c->trained,
		    c->fit.loss_positive + c->fit.loss_negative + c->fit.norm,
		    c->box_rows);
	}
}
