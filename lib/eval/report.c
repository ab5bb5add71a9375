/* SPDX-License-Identifier: MIT
 *
 * The numbers one by one, and the two forms for programs.
 */
#include "eval/report.h"

#include <stdio.h>
#include <string.h>

#include "data/json.h"

struct walking {
	enum det_err (*visit)(void *ctx, const struct det_report_row *row);
	void *ctx;
	struct det_report_row row;
	enum det_err e;
};

static void
give(struct walking *w, const char *name, double value)
{
	w->row.name = name;
	w->row.value = value;
	if (!w->e)
		w->e = w->visit(w->ctx, &w->row);
}

static void
give_operating(struct walking *w, const struct det_operating *o)
{
	give(w, "F1", o->f1);
	give(w, "precision", o->precision);
	give(w, "recall", o->recall);
	give(w, "score", o->score);
	give(w, "TP", (double)o->tp);
	give(w, "FP", (double)o->fp);
	give(w, "FN", (double)o->fn);
}

static void
give_lrp(struct walking *w, const struct det_lrp *l, int with_score)
{
	give(w, "oLRP", l->lrp);
	give(w, "localisation", l->loc);
	give(w, "FP", l->fp);
	give(w, "FN", l->fn);
	if (with_score)
		give(w, "score", l->score);
}

static void
give_interval(
    struct walking *w, const char *name, const char *of, const struct det_interval *v)
{
	char text[48];

	(void)snprintf(text, sizeof text, "%s%s", name, of);
	give(w, text, v->value);
	(void)snprintf(text, sizeof text, "%s%s_lo", name, of);
	give(w, text, v->lo);
	(void)snprintf(text, sizeof text, "%s%s_hi", name, of);
	give(w, text, v->hi);
	(void)snprintf(text, sizeof text, "%s%s_sd", name, of);
	give(w, text, v->sd);
}

static void
give_bootstrap(struct walking *w, const struct det_report_rule *r)
{
	char text[48];

	give(w, "draws", (double)r->boot->used);
	give(w, "level", r->level);
	for (size_t i = 0; i < r->boot->n; i++) {
		const char *name = r->boot->name[i];

		give_interval(w, name, "", &r->boot->a[i]);
		if (!r->versus)
			continue;
		give_interval(w, name, "_versus", &r->boot->b[i]);
		give_interval(w, name, "_gain", &r->boot->gain[i]);
		(void)snprintf(text, sizeof text, "%s_better", name);
		give(w, text, r->boot->better[i]);
	}
}

static void
give_class(struct walking *w, const struct det_eval *e, size_t class)
{
	const size_t last = e->rule.n_max - 1;
	const struct det_eval_curve *c = &e->curve[det_eval_cell(e, 0, last, class, 0)];
	struct det_eval_figures all;

	w->row.class = (long)class;
	give(w, "objects", (double)c->npos);
	give(w, "detections", (double)(e->start[class + 1] - e->start[class]));
	det_eval_figures_get(&all, e);
	for (size_t i = 0; i < all.n; i++) {
		const struct det_eval_figure *f = &all.f[i];

		give(w, f->name,
		    f->recall
			? det_eval_mean_recall(e, f->area, f->max, (long)class, f->iou)
			: det_eval_mean_ap(e, f->area, f->max, (long)class, f->iou));
	}
}

static void
walk_rule(
    struct walking *w, const struct det_report *all, const struct det_report_rule *r)
{
	struct det_eval_figures f;
	struct det_lrp lrp;

	w->row = (struct det_report_row){ r->e->rule.name, "figures", -1, "", 0 };
	det_eval_figures_get(&f, r->e);
	for (size_t i = 0; i < f.n; i++)
		give(w, f.f[i].name, f.f[i].value);
	w->row.group = "per_class";
	for (size_t k = 0; all->per_class && k < r->e->n_class; k++)
		give_class(w, r->e, k);
	w->row.class = -1;
	w->row.group = "best_f1";
	if (r->f1)
		give_operating(w, &r->f1_mean);
	w->row.group = "best_f1_per_class";
	for (size_t k = 0; r->f1 && k < r->e->n_class; k++) {
		w->row.class = (long)k;
		give_operating(w, &r->f1[k]);
	}
	w->row.class = -1;
	w->row.group = "lrp";
	if (r->lrp) {
		lrp = det_lrp_mean(r->lrp, r->e->n_class);
		give_lrp(w, &lrp, 0);
	}
	w->row.group = "lrp_per_class";
	for (size_t k = 0; r->lrp && k < r->e->n_class; k++) {
		w->row.class = (long)k;
		give_lrp(w, &r->lrp[k], 1);
	}
	w->row.class = -1;
	w->row.group = "bootstrap";
	if (r->boot)
		give_bootstrap(w, r);
}

static void
walk_tide(struct walking *w, const struct det_tide *t)
{
	char text[48];

	w->row = (struct det_report_row){ "tide", "errors", -1, "", 0 };
	give(w, "IoU", t->p.pos);
	give(w, "IoU_background", t->p.bg);
	give(w, "AP", t->ap);
	for (int k = 0; k < DET_TIDE_TYPES; k++) {
		const char *name = det_tide_name((enum det_tide_type)k, NULL);

		(void)snprintf(text, sizeof text, "%s_errors", name);
		give(w, text, (double)t->count[k]);
		(void)snprintf(text, sizeof text, "%s_dAP", name);
		give(w, text, t->gain[k]);
	}
	give(w, "FalsePos_dAP", t->gain_fp);
	give(w, "FalseNeg_dAP", t->gain_fn);
}

enum det_err
det_report_walk(const struct det_report *r,
    enum det_err (*visit)(void *ctx, const struct det_report_row *row), void *ctx)
{
	struct walking w = { .visit = visit, .ctx = ctx };

	for (size_t i = 0; i < r->n_rules; i++)
		walk_rule(&w, r, &r->rule[i]);
	if (r->tide)
		walk_tide(&w, r->tide);
	return w.e;
}

const char *
det_report_class(const struct det_report_rule *r, long class)
{
	return r->e->rule.classes ? det_class_name(&r->e->set->classes, class) : "all";
}

static enum det_err
put_number(struct det_buf *b, double v)
{
	char text[32];

	return det_buf_printf(b, "%s", det_double_text(text, v));
}

/* A name from a file, where tabs and line ends part things. */
static enum det_err
put_plain(struct det_buf *b, const char *s)
{
	enum det_err e = DET_OK;

	for (; !e && *s; s++)
		e = det_buf_add(b, (unsigned char)*s < 0x20 ? "?" : s, 1);
	return e;
}

struct writing {
	struct det_buf *out;
	const struct det_report *r;
	struct det_report_row last; /* JSON: where we are; rule NULL: nowhere */
	int item;                   /* JSON: a member came before in this object */
};

static enum det_err
tsv_row(void *ctx, const struct det_report_row *row)
{
	struct writing *w = ctx;
	enum det_err e = det_buf_printf(w->out, "%s\t%s\t", row->rule, row->group);

	if (!e && row->class >= 0)
		e = put_plain(w->out, det_report_class(&w->r->rule[0], row->class));
	if (!e)
		e = det_buf_printf(w->out, "\t%s\t", row->name);
	if (!e)
		e = put_number(w->out, row->value);
	return e ? e : det_buf_add(w->out, "\n", 1);
}

enum det_err
det_report_tsv(struct det_buf *out, const struct det_report *r)
{
	struct writing w = { .out = out, .r = r };
	enum det_err e = det_buf_printf(out, "rule\tgroup\tclass\tname\tvalue\n");

	return e ? e : det_report_walk(r, tsv_row, &w);
}

/* Closes what the row before had open and this one has not. */
static enum det_err
json_move(struct writing *w, const struct det_report_row *row)
{
	struct det_report_row *at = &w->last;
	const int rule = !at->rule || !row || strcmp(at->rule, row->rule) != 0;
	const int group = rule || strcmp(at->group, row->group) != 0;
	const int class = group || at->class != row->class;
	struct det_buf *b = w->out;
	enum det_err e = DET_OK;

	if (at->rule && class)
		e = det_buf_printf(
		    b, "}%s%s", group && at->class >= 0 ? "]" : "", rule ? "}" : "");
	if (e || !row)
		return e;
	if (rule)
		e = det_buf_printf(
		    b, "%s\n  \"%s\": {", at->rule ? "," : "", row->rule);
	if (!e && group)
		e = det_buf_printf(b, "%s\n    \"%s\": %s{", rule ? "" : ",",
		    row->group, row->class >= 0 ? "[" : "");
	else if (!e && class)
		e = det_buf_printf(b, ",\n      {");
	if (!e && class) {
		w->item = 0;
		if (row->class >= 0) {
			const struct det_report_rule *r = &w->r->rule[0];

			w->item = 1;
			if (!(e = det_buf_printf(b, "\"class\": ")) &&
			    !(e = det_json_string(
				  b, det_report_class(r, row->class))) &&
			    r->e->rule.classes &&
			    r->e->set->classes.source[row->class] >= 0)
				e = det_buf_printf(b, ", \"id\": %ld",
				    r->e->set->classes.source[row->class]);
		}
	}
	*at = *row;
	return e;
}

static enum det_err
json_row(void *ctx, const struct det_report_row *row)
{
	struct writing *w = ctx;
	enum det_err e = json_move(w, row);

	if (!e)
		e = det_buf_printf(
		    w->out, "%s\"%s\": ", w->item ? ", " : "", row->name);
	w->item = 1;
	return e ? e : put_number(w->out, row->value);
}

static enum det_err
json_confusion(
    struct det_buf *b, const struct det_confusion *c, const struct det_eval_set *s)
{
	enum det_err e = det_buf_printf(b,
	    ",\n  \"confusion\": {\"min_score\": %.17g, \"iou\": %.17g, \"classes\": [",
	    c->min_score, c->iou);

	for (size_t i = 0; !e && i < c->n; i++)
		if (!(e = det_buf_printf(b, i ? ", " : "")))
			e = det_json_string(b, s->classes.name[i]);
	if (!e)
		e = det_buf_printf(b, "], \"counts\": [");
	for (size_t i = 0; !e && i <= c->n; i++) {
		e = det_buf_printf(b, "%s\n    [", i ? "," : "");
		for (size_t k = 0; !e && k <= c->n; k++)
			e = det_buf_printf(
			    b, "%s%zu", k ? "," : "", c->count[i * (c->n + 1) + k]);
		if (!e)
			e = det_buf_add(b, "]", 1);
	}
	return e ? e : det_buf_printf(b, "]}");
}

enum det_err
det_report_json(struct det_buf *out, const struct det_report *r)
{
	struct writing w = { .out = out, .r = r };
	struct det_eval_figures f;
	struct det_buf text = { 0 };
	enum det_err e = det_buf_printf(out, "{\n");

	det_eval_figures_get(&f, r->rule[0].e);
	for (size_t i = 0; !e && i < f.n; i++) {
		if (!(e = det_buf_printf(out, "  \"%s\": ", f.f[i].name)) &&
		    !(e = put_number(out, f.f[i].value)))
			e = det_buf_printf(out, ",\n");
	}
	if (!e && !(e = det_eval_rule_text(&text, &r->rule[0].e->rule)) &&
	    !(e = det_buf_printf(out, "  \"rule\": ")))
		e = det_json_string(out, text.text);
	det_buf_free(&text);
	if (!e)
		e = det_buf_printf(out,
		    ",\n  \"images\": %zu, \"objects\": %zu, \"detections\": %zu,",
		    r->set->n_image, r->set->n_gt, r->set->n_det);
	if (!e && !(e = det_report_walk(r, json_row, &w)))
		e = json_move(&w, NULL);
	if (!e && r->confusion)
		e = json_confusion(out, r->confusion, r->set);
	return e ? e : det_buf_printf(out, "\n}\n");
}
