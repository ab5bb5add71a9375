/* SPDX-License-Identifier: MIT
 *
 * Learning curves, drawn from the tables of a run: loss.svg, each term, the rate and the
 * gradient as a share of its greatest, and val.svg.
 */
#include "bin/train_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "eval/plot.h"

#define COLUMNS   32
#define DOTTED    40 /* rows that have a dot each */
#define MAX_TABLE ((size_t)1 << 30)

struct table {
	char name[COLUMNS][64];
	size_t columns, rows;
	double *v[COLUMNS]; /* "-" is NaN */
};

static void
read_table(struct train_job *j, struct table *b, const char *name)
{
	size_t len, at = 0, n, cap = 1;
	const char *line;
	char *text;

	*b = (struct table){ .columns = 0 };
	tool_check(
	    j->t, det_file_read(&text, &len, det_run_path(j->run, name), MAX_TABLE));
	for (size_t i = 0; i < len; i++)
		cap += text[i] == '\n';
	while (det_line_next(&line, &n, text, len, &at)) {
		const char *p = line, *end = line + n;
		size_t c;

		for (c = 0; p <= end && c < COLUMNS; c++) {
			const char *tab = memchr(p, '\t', (size_t)(end - p));
			int k = (int)((tab ? tab : end) - p);

			if (line == text) {
				(void)snprintf(
				    b->name[c], sizeof b->name[c], "%.*s", k, p);
				tool_check(
				    j->t, det_alloc(&b->v[c], cap, sizeof(double)));
			} else if (c < b->columns) {
				b->v[c][b->rows] = *p == '-' ? NAN : strtod(p, NULL);
			}
			p += k + 1;
		}
		if (line == text)
			b->columns = c;
		else
			b->rows++;
	}
	free(text);
}

static void
release(struct table *b)
{
	for (size_t c = 0; c < b->columns; c++)
		free(b->v[c]);
}

/* The column of that name, or columns. */
static size_t
column(const struct table *b, const char *name)
{
	size_t c;

	for (c = 0; c < b->columns; c++)
		if (!strcmp(b->name[c], name))
			break;
	return c;
}

/* One curve, numbers that are none left out; scaled by its greatest where `share`. */
static void
add_curve(struct train_job *j, struct det_plot_curve *out, const struct table *b,
    size_t c, int share)
{
	double most = 0, *x, *y, last = 0;
	struct det_buf label = { 0 };
	size_t n = 0;

	tool_check(j->t, det_alloc(&x, b->rows, sizeof *x));
	tool_check(j->t, det_alloc(&y, b->rows, sizeof *y));
	for (size_t i = 0; i < b->rows; i++) {
		if (isnan(b->v[c][i]))
			continue;
		x[n] = b->v[0][i];
		last = y[n++] = b->v[c][i];
		most = fmax(most, last);
	}
	for (size_t i = 0; share && i < n; i++)
		y[i] = most > 0 ? fmax(y[i], 0) / most : 0;
	if (share)
		tool_check(j->t,
		    det_buf_printf(&label, "%s %.3g, of %.3g", b->name[c], last, most));
	else
		tool_check(j->t, det_buf_printf(&label, "%s %.3f", b->name[c], last));
	*out = (struct det_plot_curve){ label.text, x, y, n };
}

/* Columns [from, to) into NAME. */
static void
draw(struct train_job *j, const struct table *b, size_t from, size_t to, int share,
    const char *title, const char *name)
{
	struct det_plot_curve curve[COLUMNS];
	struct det_plot_sheet s = { 0 };
	struct det_plot p = { .title = title,
		.note = share ? "means of rows of log.tsv, each as a share of its "
				"greatest"
			      : "of the validation stream",
		.x_label = "iteration",
		.y_label = share ? "share" : "AP",
		.curve = curve,
		.dots = b->rows <= DOTTED };

	if (b->rows == 0 || from >= to)
		return;
	for (size_t c = from; c < to; c++)
		add_curve(j, &curve[p.n++], b, c, share);
	p.x_hi = b->v[0][b->rows - 1];
	p.x_lo = b->rows > 1 ? b->v[0][0] : 0;
	tool_check(j->t, det_plot_draw(&s, &p));
	tool_check(j->t, det_run_write(j->run, name, s.svg.text, s.svg.len));
	det_plot_sheet_release(&s);
	for (size_t i = 0; i < p.n; i++) {
		free((void *)(uintptr_t)curve[i].label);
		free((void *)(uintptr_t)curve[i].x);
		free((void *)(uintptr_t)curve[i].y);
	}
}

void
train_plot(struct train_job *j)
{
	struct table b;
	size_t to;

	read_table(j, &b, "log.tsv");
	/* terms, after them their sum, rate and gradient, if they can be told apart */
	to = column(&b, "loss") + 1;
	if (to - 2 + 2 <= DET_PLOT_APART)
		draw(j, &b, 2, to + 2, 1, "Loss, rate and gradient", "loss.svg");
	else
		draw(j, &b, 2, to, 1, "Loss", "loss.svg");
	release(&b);
	if (!j->vals)
		return;
	read_table(j, &b, "val.tsv");
	draw(j, &b, 2, b.columns, 0, "Average precision", "val.svg");
	release(&b);
}
