/* SPDX-License-Identifier: MIT */
#include "eval/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double
value_of(const struct det_eval *e, const struct det_eval_figure *f, long class)
{
	return f->recall ? det_eval_mean_recall(e, f->area, f->max, class, f->iou)
			 : det_eval_mean_ap(e, f->area, f->max, class, f->iou);
}

static void
add(struct det_eval_figures *o, const struct det_eval *e, const char *name, int recall,
    long area, size_t max, long iou)
{
	struct det_eval_figure *f = &o->f[o->n];

	if (area < 0 || o->n == sizeof o->f / sizeof *o->f)
		return;
	*f = (struct det_eval_figure){
		.recall = recall, .area = (size_t)area, .max = max, .iou = iou
	};
	(void)snprintf(f->name, sizeof f->name, "%s", name);
	f->value = value_of(e, f, DET_EVAL_EVERY);
	o->n++;
}

/* "AP50"; "AP.725" where it is no whole number. */
static void
iou_name(char name[24], double iou)
{
	const double hundred = iou * 100;

	if (fabs(hundred - round(hundred)) < 1e-6)
		(void)snprintf(name, 24, "AP%.0f", hundred);
	else
		(void)snprintf(name, 24, "AP%.6g", iou);
}

static void
add_thresholds(
    struct det_eval_figures *o, const struct det_eval *e, int common, size_t max)
{
	char name[24];

	for (size_t i = 0; i < e->rule.n_iou; i++) {
		const double iou = e->rule.iou[i];
		const int is = fabs(iou - .5) < 1e-9 || fabs(iou - .75) < 1e-9;

		if (is != common)
			continue;
		iou_name(name, iou);
		add(o, e, name, 0, 0, max, (long)i);
	}
}

static void
add_areas(
    struct det_eval_figures *o, const struct det_eval *e, const char *kind, size_t max)
{
	char name[24];

	for (size_t i = 1; i < e->rule.n_area; i++) {
		(void)snprintf(
		    name, sizeof name, "%s%c", kind, e->rule.area[i].name[0]);
		add(o, e, name, kind[1] == 'R', (long)i, max, DET_EVAL_EVERY);
	}
}

void
det_eval_figures_get(struct det_eval_figures *o, const struct det_eval *e)
{
	const size_t last = e->rule.n_max - 1;
	char name[24];

	o->n = 0;
	add(o, e, "AP", 0, 0, last, DET_EVAL_EVERY);
	add_thresholds(o, e, 1, last);
	add_areas(o, e, "AP", last);
	for (size_t i = 0; i <= last; i++) {
		if (e->rule.max_dets[i] == SIZE_MAX)
			(void)snprintf(name, sizeof name, "AR");
		else
			(void)snprintf(name, sizeof name, "AR%zu", e->rule.max_dets[i]);
		add(o, e, name, 1, 0, i, DET_EVAL_EVERY);
	}
	add_areas(o, e, "AR", last);
	add_thresholds(o, e, 0, last);
}

double
det_eval_figure_find(const struct det_eval *e, const char *name)
{
	const size_t n = strcspn(name, "[");
	const size_t len = strlen(name);
	struct det_eval_figures all;
	char class[512];
	long label = DET_EVAL_EVERY;
	double v;

	if (name[n]) {
		if (name[len - 1] != ']' || len - n - 2 >= sizeof class)
			return NAN;
		(void)snprintf(
		    class, sizeof class, "%.*s", (int)(len - n - 2), name + n + 1);
		label = det_eval_find_class_name(e->set, class);
		if (label < 0 || !e->rule.classes)
			return NAN;
	}
	det_eval_figures_get(&all, e);
	for (size_t i = 0; i < all.n; i++) {
		if (strlen(all.f[i].name) != n || strncmp(all.f[i].name, name, n) != 0)
			continue;
		v = label < 0 ? all.f[i].value : value_of(e, &all.f[i], label);
		return v;
	}
	return NAN;
}

static void
iou_text(char text[32], const struct det_eval_rule *r, long iou)
{
	if (iou >= 0)
		(void)snprintf(text, 32, "%.2f", r->iou[iou]);
	else if (r->n_iou == 1)
		(void)snprintf(text, 32, "%.2f", r->iou[0]);
	else
		(void)snprintf(text, 32, "%.2f:%.2f", r->iou[0], r->iou[r->n_iou - 1]);
}

enum det_err
det_eval_figure_line(
    struct det_buf *out, const struct det_eval *e, const struct det_eval_figure *f)
{
	const size_t max = e->rule.max_dets[f->max];
	char iou[32], dets[32];

	iou_text(iou, &e->rule, f->iou);
	if (max == SIZE_MAX)
		(void)snprintf(dets, sizeof dets, "all");
	else
		(void)snprintf(dets, sizeof dets, "%zu", max);
	return det_buf_printf(out,
	    " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3s ] = %0.3f",
	    f->recall ? "Average Recall" : "Average Precision",
	    f->recall ? "(AR)" : "(AP)", iou, e->rule.area[f->area].name, dets,
	    f->value);
}

enum det_err
det_eval_rule_text(struct det_buf *out, const struct det_eval_rule *r)
{
	static const char *const points[] = { "101 points", "11 points (numpy's)",
		"11 points (MATLAB's)", "all points" };
	char iou[32], dets[32] = "all";

	iou_text(iou, r, DET_EVAL_EVERY);
	if (r->max_dets[r->n_max - 1] != SIZE_MAX)
		(void)snprintf(dets, sizeof dets, "%zu", r->max_dets[r->n_max - 1]);
	return det_buf_printf(out,
	    "%s: IoU %s %s, %s, %s, %s detections a picture%s, %s", r->name,
	    r->strict ? "above" : "at least", iou, points[r->points],
	    r->match == DET_EVAL_NEXT ? "a taken object gives way to the next"
				      : "a taken object makes a false positive",
	    dets, r->classes ? " and class" : "",
	    r->classes ? "classes apart" : "all classes as one");
}
