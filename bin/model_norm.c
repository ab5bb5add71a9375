/* SPDX-License-Identifier: MIT
 *
 * det-model norm: what a second stage's box targets are normalised by, measured on proposals.
 */
#include "bin/commands.h"

#include <string.h>

#include "bin/progress.h"
#include "train/batch.h"
#include "train/targets.h"

struct job {
	const char *gt;
	int flip;
	size_t items, faults[DET_BATCH_FAULTS];
	struct det_reader *in;
};

static void
take(struct tool *t, struct job *j, struct det_targets *n, const struct det_labelled *b)
{
	for (int f = 0; f < DET_BATCH_FAULTS; f++) {
		if (b->faults[f] && !j->faults[f])
			tool_warn(t, "%s are left out; the first: %s",
			    det_batch_fault_about((enum det_batch_fault)f),
			    b->fault[f]);
		j->faults[f] += b->faults[f];
	}
	for (size_t i = 0; i < b->n; i++) {
		if (det_targets_add(n, &b->truth[i], &b->proposed[i], j->flip))
			tool_die(t, "'%s': %s", b->path[i], det_errmsg());
		j->items++;
		progress_item();
	}
}

/* The stream, once. */
static void
measure(struct tool *t, struct job *j, struct det_targets *n, const struct det_model *m)
{
	struct det_batches_params p = { .classes = det_model_classes(m),
		.gt = j->gt,
		.proposals = det_targets_proposals(n),
		.size = 1,
		.ahead = 2,
		.lists = 1 };
	const struct det_labelled *b;
	struct det_batches *all;

	p.in = j->in = tool_input(t, &p.fd);
	tool_check(t, det_batches_new(&all, &p));
	for (;;) {
		if (det_batches_next(&b, all))
			tool_read_failed(t, j->in);
		if (!b)
			break;
		take(t, j, n, b);
	}
	progress_clear();
	det_batches_free(all);
	if (!j->items)
		tool_die(t, "no item with objects and proposals: nothing to measure");
}

/* A line a class, on standard error; whose numbers are none of its own. */
static void
report(struct tool *t, const struct det_targets *n, const struct det_model *m)
{
	const size_t classes = det_targets_classes(n);
	const struct det_classes *names = det_model_classes(m);
	size_t targets = 0;

	if (!t->quiet)
		(void)fprintf(stderr, "%-16s %9s %31s %31s\n", "class", "targets",
		    "mean x, y, w, h", "deviation x, y, w, h");
	for (size_t k = 0; k < classes; k++) {
		const struct det_targets_class c = det_targets_class(n, k);
		const char *name = classes > 1 || names->n == 1
				       ? det_class_name(names, (long)k)
				       : "all";

		targets += c.n;
		if (!t->quiet)
			(void)fprintf(stderr,
			    "%-16s %9zu %7.3f %7.3f %7.3f %7.3f %7.3f %7.3f %7.3f "
			    "%7.3f\n",
			    name, c.n, c.mean[0], c.mean[1], c.mean[2], c.mean[3],
			    c.std[0], c.std[1], c.std[2], c.std[3]);
		if (c.usual)
			tool_warn(t,
			    "class '%s': too few targets, or all alike: the usual "
			    "deviations .1 and .2 stand in",
			    name);
	}
	if (!targets)
		tool_die(t, "no proposal overlaps an object: nothing to measure");
}

static void
write_model(struct tool *t, const struct det_model *m, const struct det_buf *decode)
{
	struct det_record r;

	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		if (r.kind == DET_STREAM)
			tool_write_again(t, &r);
		else if (r.kind == DET_TEXT && !strcmp(det_record_name(&r), "decode"))
			tool_check(t, det_writer_text(
					  t->out, "decode", decode->text, decode->len));
		else
			tool_check(t, det_writer_put(t->out, &r));
	}
	tool_stream_end(t);
}

int
model_norm(int argc, char *argv[])
{
	struct job j = { .gt = "gt" };
	const struct opt opts[] = {
		OPT_FLAG(0, "flip", &j.flip, "count pictures' mirror images too"),
		OPT_STR(0, "gt", &j.gt, "LIST", "name of the objects' list"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model norm",
		"Measure what the targets of boxes are normalised by, on a stream of "
		"proposals.",
		"[FILE]", TOOL_WRITES | TOOL_NEEDS_MODEL | TOOL_SIDES, opts };
	struct det_buf decode = { 0 };
	struct det_targets *n;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	tool_check(&t, det_targets_open(&n, t.model));
	measure(&t, &j, n, t.model);
	report(&t, n, t.model);
	tool_check(&t, det_targets_text(&decode, n, t.model));
	write_model(&t, t.model, &decode);
	det_buf_free(&decode);
	det_targets_free(n);
	return tool_finish(&t);
}
