/* SPDX-License-Identifier: MIT
 *
 * Charts of an evaluation: curves of all classes together, each class in a panel of its
 * own, and a confusion matrix. Legible in grey and to eyes that see no red or no green:
 * the colours are those of Okabe and Ito, and curves differ by dashes too.
 */
#ifndef DET_PLOT_H
#define DET_PLOT_H

#include "base/err.h"
#include "base/text.h"

/* A line through n points; x ascending or descending. */
struct det_plot_curve {
	const char *label; /* "person 0.534" */
	const double *x, *y;
	size_t n;
};

struct det_plot {
	const char *title; /* "Precision and recall" */
	const char *note;  /* one line: the rule */
	const char *x_label, *y_label;
	double x_lo, x_hi; /* what the x axis spans; y is 0 .. 1 */
	const struct det_plot_curve *curve;
	size_t n;
	const struct det_plot_curve *mean; /* drawn over the others; NULL: none */
	int dots; /* on the points of the curves: one alone is seen too */
};

#define DET_PLOT_APART 8 /* curves that colours and dashes can tell apart */

/* Counts of n classes and the background, (n + 1) x (n + 1): a row for what is there (last:
 * nothing), a column for what was said (last: nothing). Shades are fractions of the row. */
struct det_plot_matrix {
	const char *title, *note;
	const char *const *name; /* of the n classes */
	size_t n;
	const size_t *count;
};

#define DET_PLOT_MATRIX_MAX 200 /* classes that a picture may hold */

/* A sheet as SVG and as PNG; each buffer is added to. */
struct det_plot_sheet {
	struct det_buf svg, png;
};
void det_plot_sheet_release(struct det_plot_sheet *s);

/* All curves in one frame, with a legend; more than DET_PLOT_APART are grey. */
enum det_err det_plot_draw(
    struct det_plot_sheet *out, const struct det_plot *p) DET_MUST_USE;
/* A small frame for each curve, at most 120 (then the title says so). */
enum det_err det_plot_panels(
    struct det_plot_sheet *out, const struct det_plot *p) DET_MUST_USE;
/* DET_LIMIT where there are more than DET_PLOT_MATRIX_MAX classes. */
enum det_err det_plot_confusion(
    struct det_plot_sheet *out, const struct det_plot_matrix *m) DET_MUST_USE;

#endif
