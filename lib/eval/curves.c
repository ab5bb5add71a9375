/* SPDX-License-Identifier: MIT */
#include "eval/curves.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define RECALLS 101
#define SCORES  201

static enum det_err
curves_new(struct det_curves *c, const struct det_eval *e, size_t iou, size_t points)
{
	const struct det_eval_rule *r = &e->rule;
	const size_t last = r->n_max - 1;
	size_t n;
	enum det_err err;

	*c = (struct det_curves){ .e = e, .n_class = e->n_class, .points = points };
	(void)snprintf(c->note, sizeof c->note,
	    "rule %s, IoU %s %.2f; %zu images, %zu objects, %zu detections", r->name,
	    r->strict ? "above" : "at least", r->iou[iou], e->set->n_image,
	    e->set->n_gt, e->set->n_det);
	if ((err = det_mul(&n, e->n_class + 1, points)) ||
	    (err = det_calloc(&c->x, points, sizeof *c->x)) ||
	    (err = det_calloc(&c->y, n, sizeof *c->y)) ||
	    (err = det_calloc(&c->has, e->n_class + 1, 1)) ||
	    (err = det_calloc(&c->value, e->n_class + 1, sizeof *c->value))) {
		det_curves_release(c);
		return err;
	}
	for (size_t k = 0; k < e->n_class; k++)
		c->has[k] = e->curve[det_eval_cell(e, 0, last, k, iou)].npos > 0;
	return DET_OK;
}

void
det_curves_release(struct det_curves *c)
{
	free(c->x);
	free(c->y);
	free(c->has);
	free(c->value);
	c->x = c->y = c->value = NULL;
	c->has = NULL;
}

/* Over the classes that have objects. */
static void
take_mean(struct det_curves *c)
{
	double *mean = c->y + c->n_class * c->points;
	size_t n = 0;

	for (size_t k = 0; k < c->n_class; k++) {
		n += c->has[k];
		for (size_t i = 0; c->has[k] && i < c->points; i++)
			mean[i] += c->y[k * c->points + i];
	}
	for (size_t i = 0; n && i < c->points; i++)
		mean[i] /= (double)n;
}

enum det_err
det_curves_precision(struct det_curves *out, const struct det_eval *e, size_t iou)
{
	const size_t last = e->rule.n_max - 1;
	enum det_err err = curves_new(out, e, iou, RECALLS);

	if (err)
		return err;
	out->title = "Precision and recall";
	out->x_name = "recall";
	out->y_name = "precision";
	for (size_t i = 0; i < RECALLS; i++)
		out->x[i] = (double)i / (RECALLS - 1);
	for (size_t k = 0; k < e->n_class; k++) {
		det_eval_curve_envelope(out->y + k * RECALLS,
		    &e->curve[det_eval_cell(e, 0, last, k, iou)], out->x, RECALLS);
		out->value[k] = e->ap[det_eval_cell(e, 0, last, k, iou)];
	}
	take_mean(out);
	out->value[e->n_class] =
	    det_eval_mean_ap(e, 0, last, DET_EVAL_EVERY, (long)iou);
	return DET_OK;
}

/* The range of scores; 0 to 1 where they lie there and are not all in one half of it. */
static void
score_range(double *lo, double *hi, const struct det_eval *e)
{
	*lo = 0;
	*hi = 1;
	for (size_t i = 0; i < e->n; i++) {
		const double s = e->set->det[e->order[i]].score;

		*lo = s < *lo ? s : *lo;
		*hi = s > *hi ? s : *hi;
	}
}

static void
f1_of_class(struct det_curves *c, size_t class, size_t iou)
{
	const struct det_eval *e = c->e;
	const size_t last = e->rule.n_max - 1;
	const size_t npos = e->curve[det_eval_cell(e, 0, last, class, iou)].npos;
	double *y = c->y + class * c->points;
	size_t tp = 0, said = 0, i = e->start[class];

	c->value[class] = npos ? 0 : -1;
	for (size_t p = c->points; npos && p-- > 0;) {
		for (; i < e->start[class + 1]; i++) {
			if (e->set->det[e->order[i]].score < c->x[p])
				break;
			if (e->rank[i] >= e->rule.max_dets[last] ||
			    (e->ignored[i] >> iou & 1))
				continue;
			said++;
			tp += e->hit[i] >> iou & 1;
		}
		y[p] = 2 * (double)tp / (double)(said + npos);
		c->value[class] = fmax(c->value[class], y[p]);
	}
}

enum det_err
det_curves_f1(struct det_curves *out, const struct det_eval *e, size_t iou)
{
	enum det_err err = curves_new(out, e, iou, SCORES);
	double lo, hi;

	if (err)
		return err;
	out->title = "F1 and score";
	out->x_name = "score";
	out->y_name = "F1";
	score_range(&lo, &hi, e);
	for (size_t i = 0; i < SCORES; i++)
		out->x[i] = lo + (hi - lo) * (double)i / (SCORES - 1);
	for (size_t k = 0; k < e->n_class; k++)
		f1_of_class(out, k, iou);
	take_mean(out);
	for (size_t i = 0; i < SCORES; i++)
		out->value[e->n_class] =
		    fmax(out->value[e->n_class], out->y[e->n_class * SCORES + i]);
	return DET_OK;
}

static const char *
name_of(const struct det_curves *c, size_t class)
{
	return class == c->n_class  ? "mean"
	       : c->e->rule.classes ? det_class_name(&c->e->set->classes, (long)class)
				    : "all";
}

enum det_err
det_curves_tsv(struct det_buf *out, const struct det_curves *c)
{
	enum det_err e = det_buf_printf(out, "class\t%s\t%s\n", c->x_name, c->y_name);
	char x[32], y[32];
	size_t at;

	for (size_t k = 0; !e && k <= c->n_class; k++) {
		if (k < c->n_class && !c->has[k])
			continue;
		for (size_t i = 0; !e && i < c->points; i++) {
			at = out->len;
			if ((e = det_buf_printf(out, "%s", name_of(c, k))))
				break;
			det_text_clean(out->text + at, out->len - at, 0);
			e = det_buf_printf(out, "\t%s\t%s\n",
			    det_double_text(x, c->x[i]),
			    det_double_text(y, c->y[k * c->points + i]));
		}
	}
	return e;
}

/* A description of the curves for plot.h; labels and curves are allocated as one. */
struct sheet {
	struct det_plot p;
	struct det_plot_curve *curve;
	char (*label)[160];
};

static enum det_err
sheet_make(struct sheet *s, const struct det_curves *c)
{
	enum det_err e;
	size_t n = 0;

	*s = (struct sheet){ .curve = NULL };
	if ((e = det_alloc(&s->curve, c->n_class + 1, sizeof *s->curve)) ||
	    (e = det_alloc(&s->label, c->n_class + 1, sizeof *s->label)))
		return e;
	for (size_t k = 0; k <= c->n_class; k++) {
		if (k < c->n_class && !c->has[k])
			continue;
		(void)snprintf(s->label[n], sizeof s->label[n], "%.120s  %.3f",
		    name_of(c, k), c->value[k] < 0 ? 0 : c->value[k]);
		s->curve[n] = (struct det_plot_curve){ s->label[n], c->x,
			c->y + k * c->points, c->points };
		n++;
	}
	s->p = (struct det_plot){ c->title, c->note, c->x_name, c->y_name, c->x[0],
		c->x[c->points - 1], s->curve, n - 1, &s->curve[n - 1], 0 };
	return DET_OK;
}

enum det_err
det_curves_draw(struct det_plot_sheet *out, const struct det_curves *c)
{
	struct sheet s;
	enum det_err e = sheet_make(&s, c);

	if (!e)
		e = det_plot_draw(out, &s.p);
	free(s.curve);
	free(s.label);
	return e;
}

enum det_err
det_curves_panels(struct det_plot_sheet *out, const struct det_curves *c)
{
	struct sheet s;
	enum det_err e = sheet_make(&s, c);

	if (!e)
		e = det_plot_panels(out, &s.p);
	free(s.curve);
	free(s.label);
	return e;
}
