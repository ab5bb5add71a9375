/* SPDX-License-Identifier: MIT
 *
 * The files that det-eval writes besides its report.
 */
#include "bin/eval_job.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "eval/matches.h"
#include "eval/plot.h"

static void
write_file(struct tool *t, const char *path, const struct det_buf *b)
{
	struct det_newfile f;

	tool_check(t, det_file_create(&f, path));
	tool_check(t, det_write_all(f.fd, b->text, b->len, path));
	tool_check(t, det_file_commit(&f));
}

static void
write_matches(struct tool *t, const struct eval_job *job)
{
	const struct det_eval *e = &job->e[0];
	struct det_buf b = { 0 };
	struct det_newfile f;

	tool_check(t, det_file_create(&f, job->matches));
	tool_check(t, det_matches_head(&b));
	for (size_t k = 0; k < e->n_class; k++) {
		tool_check(t, det_matches_class(&b, e, job->part[0].iou, k));
		tool_check(t, det_write_all(f.fd, b.text, b.len, job->matches));
		b.len = 0;
	}
	if (b.len > 0)
		tool_check(t, det_write_all(f.fd, b.text, b.len, job->matches));
	tool_check(t, det_file_commit(&f));
	det_buf_free(&b);
}

/* DIR/NAME.ENDING */
static void
write_in(struct tool *t, const struct eval_job *job, const char *name,
    const char *ending, const struct det_buf *b)
{
	struct det_buf path = { 0 };

	tool_check(t, det_buf_printf(&path, "%s/%s.%s", job->plots, name, ending));
	write_file(t, path.text, b);
	det_buf_free(&path);
}

static void
write_sheet(struct tool *t, const struct eval_job *job, const char *name,
    struct det_plot_sheet *s)
{
	write_in(t, job, name, "svg", &s->svg);
	write_in(t, job, name, "png", &s->png);
	det_plot_sheet_release(s);
}

static void
write_curves(struct tool *t, const struct eval_job *job, const char *rule,
    const char *kind, struct det_curves *c)
{
	struct det_plot_sheet s = { 0 };
	struct det_buf table = { 0 };
	char name[80];

	(void)snprintf(name, sizeof name, "%s-%s", rule, kind);
	tool_check(t, det_curves_tsv(&table, c));
	write_in(t, job, name, "tsv", &table);
	det_buf_free(&table);
	tool_check(t, det_curves_draw(&s, c));
	write_sheet(t, job, name, &s);
	(void)snprintf(name, sizeof name, "%s-%s-classes", rule, kind);
	tool_check(t, det_curves_panels(&s, c));
	write_sheet(t, job, name, &s);
	det_curves_release(c);
}

/* A table with names on both sides. */
static void
confusion_table(struct tool *t, struct det_buf *b, const struct eval_job *job)
{
	const struct det_confusion *c = &job->matrix;
	char *const *name = job->set.classes.name;

	tool_check(t, det_buf_printf(b, "there\\detected"));
	for (size_t i = 0; i <= c->n; i++)
		tool_check(
		    t, det_buf_printf(b, "\t%s", i < c->n ? name[i] : "(nothing)"));
	for (size_t i = 0; i <= c->n; i++) {
		tool_check(
		    t, det_buf_printf(b, "\n%s", i < c->n ? name[i] : "(nothing)"));
		for (size_t k = 0; k <= c->n; k++)
			tool_check(t,
			    det_buf_printf(b, "\t%zu", c->count[i * (c->n + 1) + k]));
	}
	tool_check(t, det_buf_add(b, "\n", 1));
}

static void
write_confusion(struct tool *t, const struct eval_job *job)
{
	const struct det_confusion *c = &job->matrix;
	const struct det_plot_matrix m = { .title = "Confusion",
		.n = c->n,
		.name = (const char *const *)job->set.classes.name,
		.count = c->count };
	struct det_plot_matrix named = m;
	struct det_plot_sheet s = { 0 };
	struct det_buf table = { 0 };
	char note[128];

	(void)snprintf(note, sizeof note,
	    "score at least %g, IoU at least %.2f, one to one, closest first",
	    c->min_score, c->iou);
	named.note = note;
	confusion_table(t, &table, job);
	write_in(t, job, "confusion", "tsv", &table);
	det_buf_free(&table);
	if (c->n > DET_PLOT_MATRIX_MAX) {
		tool_warn(t, "%zu classes: no picture of the confusion matrix", c->n);
		return;
	}
	tool_check(t, det_plot_confusion(&s, &named));
	write_sheet(t, job, "confusion", &s);
}

void
eval_write_files(struct tool *t, struct eval_job *job)
{
	struct det_curves c;

	if (job->matches)
		write_matches(t, job);
	if (!job->plots)
		return;
	if (mkdir(job->plots, 0777) < 0 && errno != EEXIST)
		tool_die(t, "%s: %s", job->plots, strerror(errno));
	for (size_t i = 0; i < job->report.n_rules; i++) {
		const size_t iou = job->part[i].iou;

		tool_check(t, det_curves_precision(&c, &job->e[i], iou));
		write_curves(t, job, job->rule[i].name, "pr", &c);
		tool_check(t, det_curves_f1(&c, &job->e[i], iou));
		write_curves(t, job, job->rule[i].name, "f1", &c);
	}
	write_confusion(t, job);
}
