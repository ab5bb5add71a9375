/* SPDX-License-Identifier: MIT
 *
 * The report for people: a block for each thing asked, each with its rule.
 */
#include "eval/report.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Appends and remembers the first failure. */
struct page {
	struct det_buf *out;
	enum det_err e;
};

DET_PRINTF(2, 3) static void say(struct page *p, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (!p->e && n > 0)
		p->e = det_buf_add(p->out, line,
		    (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* Three decimals, " -" where it is not defined. */
static const char *
number(char text[16], double v)
{
	if (v < 0)
		(void)snprintf(text, 16, "    -");
	else
		(void)snprintf(text, 16, "%5.3f", v);
	return text;
}

/* A score, which may be anything. */
static const char *
score(char text[32], double v, int is)
{
	(void)snprintf(text, 32, is ? "%.3g" : "-", v);
	return text;
}

static void
say_figures(
    struct page *p, const struct det_report *all, const struct det_report_rule *r)
{
	const struct det_eval *e = r->e;
	struct det_eval_figures f;

	if (!p->e)
		p->e = det_eval_rule_text(p->out, &e->rule);
	say(p, "\n%zu images, %zu objects, %zu detections", e->set->n_image,
	    e->set->n_gt, e->set->n_det);
	say(p, "\n");
	det_eval_figures_get(&f, e);
	for (size_t i = 0; i < f.n && !p->e; i++) {
		/* what is at one threshold of one was said before */
		if (f.f[i].iou >= 0 && e->rule.n_iou == 1)
			continue;
		if (f.f[i].iou >= 0 && !all->all_iou && strcmp(f.f[i].name, "AP50") &&
		    strcmp(f.f[i].name, "AP75"))
			continue;
		p->e = det_eval_figure_line(p->out, e, &f.f[i]);
		say(p, "\n");
	}
}

static int
widest(const struct det_report_rule *r)
{
	size_t w = 5;

	for (size_t k = 0; k < r->e->n_class; k++) {
		const size_t n = strlen(det_report_class(r, (long)k));

		w = n > w ? n : w;
	}
	return w < 40 ? (int)w : 40;
}

/* The class's name without what drives a terminal, cut and filled to the width. */
static void
say_name(struct page *p, const struct det_report_rule *r, size_t class, int width)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%.60s", det_report_class(r, (long)class));
	det_text_clean(text, strlen(text), 0);
	say(p, "%-*.*s", width, width, text);
}

static void
say_classes(struct page *p, const struct det_report_rule *r)
{
	const struct det_eval *e = r->e;
	const size_t last = e->rule.n_max - 1;
	const int width = widest(r);
	struct det_eval_figures f;
	char text[16];

	det_eval_figures_get(&f, e);
	say(p, "\n%-*s objects  dets ", width, "class");
	for (size_t i = 0; i < f.n; i++)
		if (f.f[i].iou < 0 || e->rule.n_iou <= 4 ||
		    !strcmp(f.f[i].name, "AP50") || !strcmp(f.f[i].name, "AP75"))
			say(p, " %5s", f.f[i].name);
	say(p, "\n");
	for (size_t k = 0; k < e->n_class; k++) {
		say_name(p, r, k, width);
		say(p, " %7zu %6zu", e->curve[det_eval_cell(e, 0, last, k, 0)].npos,
		    e->start[k + 1] - e->start[k]);
		for (size_t i = 0; i < f.n; i++) {
			const struct det_eval_figure *v = &f.f[i];

			if (v->iou >= 0 && e->rule.n_iou > 4 &&
			    strcmp(v->name, "AP50") && strcmp(v->name, "AP75"))
				continue;
			say(p, " %s",
			    number(text, v->recall ? det_eval_mean_recall(e, v->area,
							 v->max, (long)k, v->iou)
						   : det_eval_mean_ap(e, v->area,
							 v->max, (long)k, v->iou)));
		}
		say(p, "\n");
	}
}

static void
say_operating(struct page *p, const struct det_report_rule *r, int per_class)
{
	const struct det_operating *m = &r->f1_mean;
	const int width = widest(r);
	char a[16], b[16], c[16], s[32];

	say(p, "\nbest F1 at IoU %.2f, rule %s: one score for all classes\n",
	    r->e->rule.iou[r->iou], r->e->rule.name);
	say(p, "%-*s score      F1  prec   rec      TP     FP     FN\n", width,
	    "class");
	for (size_t k = 0; k <= r->e->n_class && !(k && !per_class); k++) {
		const struct det_operating *o = k ? &r->f1[k - 1] : m;

		if (k)
			say_name(p, r, k - 1, width);
		else
			say(p, "%-*s", width, "mean");
		say(p, " %-8s %s %s %s %7zu %6zu %6zu\n", score(s, o->score, o->f1 > 0),
		    number(a, o->f1), number(b, o->precision), number(c, o->recall),
		    o->tp, o->fp, o->fn);
	}
}

static void
say_lrp(struct page *p, const struct det_report_rule *r, int per_class)
{
	const struct det_lrp mean = det_lrp_mean(r->lrp, r->e->n_class);
	const int width = widest(r);
	char a[16], b[16], c[16], d[16], s[32];

	say(p,
	    "\noptimal LRP at IoU %.2f, rule %s (error: 0 is best): localisation, "
	    "false "
	    "positives, false negatives\n",
	    r->e->rule.iou[r->iou], r->e->rule.name);
	say(p, "%-*s  oLRP   loc    FP    FN score\n", width, "class");
	for (size_t k = 0; k <= r->e->n_class && !(k && !per_class); k++) {
		const struct det_lrp *l = k ? &r->lrp[k - 1] : &mean;

		if (k)
			say_name(p, r, k - 1, width);
		else
			say(p, "%-*s", width, "mean");
		say(p, " %s %s %s %s %s\n", number(a, l->lrp), number(b, l->loc),
		    number(c, l->fp), number(d, l->fn),
		    score(s, l->score, k && l->loc >= 0));
	}
}

static void
say_bootstrap(struct page *p, const struct det_report_rule *r)
{
	const struct det_bootstrap *b = r->boot;

	say(p, "\nbootstrap over images, rule %s: %zu draws, %g %% intervals\n",
	    r->e->rule.name, b->used, r->level * 100);
	for (size_t i = 0; i < b->n; i++) {
		const struct det_interval *v = &b->a[i];

		say(p, "%-5s%s %.4f  [%.4f, %.4f]  sd %.4f\n", b->name[i],
		    r->versus ? " A" : "", v->value, v->lo, v->hi, v->sd);
		if (!r->versus)
			continue;
		v = &b->b[i];
		say(p, "%-5s B %.4f  [%.4f, %.4f]  sd %.4f\n", b->name[i], v->value,
		    v->lo, v->hi, v->sd);
		v = &b->gain[i];
		say(p,
		    "%-5s B - A %+.4f  [%+.4f, %+.4f]  sd %.4f; B is better in %.1f %% "
		    "of the draws: %s\n",
		    b->name[i], v->value, v->lo, v->hi, v->sd, b->better[i] * 100,
		    v->lo > 0   ? "B is better"
		    : v->hi < 0 ? "A is better"
				: "these images do not tell");
	}
}

static void
say_tide(struct page *p, const struct det_tide *t)
{
	const char *about;

	say(p,
	    "\nTIDE at IoU %.2f, background below %.2f, %zu detections a picture: AP "
	    "%.3f\n",
	    t->p.pos, t->p.bg, t->p.max_dets, t->ap);
	say(p, "error     count    dAP\n");
	for (int k = 0; k < DET_TIDE_TYPES; k++) {
		const char *name = det_tide_name((enum det_tide_type)k, &about);

		say(p, "%-8s %6zu %6.4f  %s\n", name, t->count[k], t->gain[k], about);
	}
	say(p, "%-15s %6.4f  no false positive scored above a true one\n", "FalsePos",
	    t->gain_fp);
	say(p, "%-15s %6.4f  every object found\n", "FalseNeg", t->gain_fn);
}

/* The cells off the diagonal that hold most. */
static void
say_confusion(struct page *p, const struct det_report *r)
{
	const struct det_confusion *c = r->confusion;
	const struct det_eval_set *s = r->set;
	size_t right = 0, missed = 0, wrong = 0, nothing = 0;

	for (size_t i = 0; i <= c->n; i++)
		for (size_t k = 0; k <= c->n; k++) {
			const size_t v = c->count[i * (c->n + 1) + k];

			if (i == k)
				right += v;
			else if (k == c->n)
				missed += v;
			else if (i == c->n)
				nothing += v;
			else
				wrong += v;
		}
	say(p,
	    "\nconfusion at score %g, IoU %.2f, one to one, closest first: %zu right, "
	    "%zu "
	    "of another class,\n%zu missed, %zu where nothing is\n",
	    c->min_score, c->iou, right, wrong, missed, nothing);
	if (wrong > 0)
		say(p, "there -> detected\n");
	for (size_t shown = 0, limit = SIZE_MAX, most; shown < 10; limit = most) {
		most = 0;
		for (size_t i = 0; i < c->n; i++)
			for (size_t k = 0; k < c->n; k++)
				if (i != k && c->count[i * (c->n + 1) + k] < limit &&
				    c->count[i * (c->n + 1) + k] > most)
					most = c->count[i * (c->n + 1) + k];
		if (most == 0)
			break;
		for (size_t i = 0; i < c->n * c->n && shown < 10; i++) {
			char a[48], b[48];

			if (i / c->n == i % c->n ||
			    c->count[i / c->n * (c->n + 1) + i % c->n] != most)
				continue;
			(void)snprintf(a, sizeof a, "%.40s", s->classes.name[i / c->n]);
			(void)snprintf(b, sizeof b, "%.40s", s->classes.name[i % c->n]);
			det_text_clean(a, strlen(a), 0);
			det_text_clean(b, strlen(b), 0);
			say(p, "%6zu  %s -> %s\n", most, a, b);
			shown++;
		}
	}
}

enum det_err
det_report_text(struct det_buf *out, const struct det_report *r)
{
	struct page p = { out, DET_OK };

	for (size_t i = 0; i < r->n_rules; i++) {
		if (i)
			say(&p, "\n");
		say_figures(&p, r, &r->rule[i]);
		if (r->per_class)
			say_classes(&p, &r->rule[i]);
		if (r->rule[i].f1)
			say_operating(&p, &r->rule[i], r->per_class);
		if (r->rule[i].lrp)
			say_lrp(&p, &r->rule[i], r->per_class);
		if (r->rule[i].boot)
			say_bootstrap(&p, &r->rule[i]);
	}
	if (r->tide)
		say_tide(&p, r->tide);
	if (r->confusion)
		say_confusion(&p, r);
	return p.e;
}
