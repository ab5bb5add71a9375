/* SPDX-License-Identifier: MIT
 *
 * What det-eval computes.
 */
#include "bin/eval_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void
apply_options(struct tool *t, const struct eval_job *job, struct det_eval_rule *r)
{
	for (size_t i = 0; i < job->iou.n; i++) {
		for (size_t k = 0; k < i; k++)
			if (job->iou.v[k] ==
			    job->iou.v[i]) /* two numbers of one name */
				tool_usage(t, "--iou: %g twice", job->iou.v[i]);
		r->iou[i] = job->iou.v[i];
	}
	r->n_iou = job->iou.n ? job->iou.n : r->n_iou;
	if (job->max_dets.n > DET_EVAL_MAX_DETS)
		tool_usage(t, "--max-dets takes at most %d numbers", DET_EVAL_MAX_DETS);
	for (size_t i = 0; i < job->max_dets.n; i++) {
		if (job->max_dets.v[i] != floor(job->max_dets.v[i]))
			tool_usage(t, "--max-dets: whole numbers expected");
		r->max_dets[i] = (size_t)job->max_dets.v[i];
	}
	r->n_max = job->max_dets.n ? job->max_dets.n : r->n_max;
	if (job->agnostic)
		r->classes = 0;
	if (job->plus_one)
		r->extent = DET_EVAL_PLUS_ONE;
	r->keep_gt = job->lrp || job->matches;
}

void
eval_choose_rules(struct tool *t, struct eval_job *job)
{
	const char *at = job->rules;
	char name[64];
	size_t n;

	if (job->json && job->tsv)
		tool_usage(t, "--json or --tsv");
	if (job->matches && !strcmp(job->matches, "-"))
		tool_usage(t, "--matches: a file expected; the report is what standard "
			      "output is for");
	if (job->require && det_require_parse(&job->questions, job->require))
		tool_usage(t, "--require: %s", det_errmsg());
	for (;; at += n + 1) {
		struct det_eval_rule *r = &job->rule[job->report.n_rules];

		n = strcspn(at, ",");
		if (job->report.n_rules == EVAL_MAX_RULES)
			tool_usage(t, "at most %d rules at a time", EVAL_MAX_RULES);
		(void)snprintf(name, sizeof name, "%.*s", (int)n, at);
		for (size_t i = 0; i < job->report.n_rules; i++)
			if (!strcmp(job->rule[i].name, name))
				tool_usage(t, "--rule: '%s' twice", name);
		if (det_eval_rule_find(r, name))
			tool_usage(t, "--rule: %s", det_errmsg());
		apply_options(t, job, r);
		if (tool_given(t, "at-iou") && det_eval_iou_index(r, job->at_iou) < 0)
			tool_usage(t,
			    "--at-iou: rule %s has no threshold %g; --iou gives it one",
			    name, job->at_iou);
		job->report.n_rules++;
		if (!at[n])
			break;
	}
}

static void
run_rule(struct tool *t, struct eval_job *job, size_t i)
{
	const struct det_bootstrap_params boot = { (size_t)job->draws,
		(uint64_t)job->seed, job->level, tool_threads(t) };
	struct det_report_rule *p = &job->part[i];
	struct det_eval *e = &job->e[i];
	long iou = det_eval_iou_index(&job->rule[i], job->at_iou);

	tool_check(t, det_eval_run(e, &job->set, &job->rule[i], tool_threads(t)));
	*p = (struct det_report_rule){ .e = e, .iou = iou < 0 ? 0 : (size_t)iou };
	if (job->best_f1) {
		tool_check(t, det_alloc(&job->f1[i], e->n_class, sizeof *job->f1[i]));
		tool_check(t, det_operating_classes(job->f1[i], e, p->iou));
		tool_check(t, det_operating_mean(&p->f1_mean, e, p->iou));
		p->f1 = job->f1[i];
	}
	if (job->lrp) {
		tool_check(
		    t, det_alloc(&job->lrps[i], e->n_class, sizeof *job->lrps[i]));
		tool_check(t, det_lrp_classes(job->lrps[i], e, p->iou));
		p->lrp = job->lrps[i];
	}
	if (job->versus)
		tool_check(t, det_eval_run(&job->versus_e[i], &job->other,
				  &job->rule[i], tool_threads(t)));
	if (job->draws > 0) {
		tool_check(t, det_bootstrap_run(&job->boot[i], e,
				  job->versus ? &job->versus_e[i] : NULL, &boot));
		p->boot = &job->boot[i];
		p->versus = job->versus != NULL;
		p->level = job->level;
	}
}

void
eval_run(struct tool *t, struct eval_job *job)
{
	struct det_tide_params tide = DET_TIDE_DEFAULTS;
	const struct det_eval_rule *first = &job->rule[0];

	tide.ignore = first->ignore_as == DET_EVAL_IGNORE_COUNT ? 0 : first->ignore;
	for (size_t i = 0; i < job->report.n_rules; i++)
		run_rule(t, job, i);
	job->report.set = &job->set;
	job->report.rule = job->part;
	job->report.per_class = job->per_class;
	job->report.all_iou = job->iou.n > 0;
	if (job->tide) {
		tide.pos = job->at_iou;
		if (!(tide.pos > tide.bg))
			tool_usage(t, "--tide: --at-iou must be above %g", tide.bg);
		tool_check(t, det_tide_run(&job->errors, &job->set, &tide));
		job->report.tide = &job->errors;
	}
	if (job->confusion || job->plots) {
		tool_check(t, det_confusion_run(&job->matrix, &job->set, job->min_score,
				  job->at_iou, tide.ignore));
		job->report.confusion = job->confusion ? &job->matrix : NULL;
	}
}

void
eval_release(struct eval_job *job)
{
	for (size_t i = 0; i < job->report.n_rules; i++) {
		det_eval_release(&job->e[i]);
		det_eval_release(&job->versus_e[i]);
		free(job->f1[i]);
		free(job->lrps[i]);
	}
	det_confusion_release(&job->matrix);
	det_eval_set_release(&job->set);
	det_eval_set_release(&job->other);
	det_require_release(&job->questions);
}

/* "voc07:AP50" is of that rule; "AP50" of the first that has it. */
static double
find(const struct eval_job *job, const char *name)
{
	const size_t n = strcspn(name, ":");

	for (size_t i = 0; i < job->report.n_rules; i++) {
		const char *rule = job->rule[i].name;
		double v;

		if (name[n] && strlen(rule) == n && !strncmp(name, rule, n))
			return det_eval_figure_find(&job->e[i], name + n + 1);
		v = det_eval_figure_find(&job->e[i], name);
		if (!isnan(v))
			return v;
	}
	return NAN;
}

int
eval_answer(struct tool *t, struct eval_job *job)
{
	int no = 0;

	for (size_t i = 0; i < job->questions.n; i++) {
		const struct det_require_term *q = &job->questions.term[i];
		const double v = find(job, q->name);

		if (isnan(v))
			tool_die(t, "--require: there is no number '%s'", q->name);
		if (v >= 0 && det_require_holds(q, v))
			continue;
		no = 1;
		if (!t->quiet)
			(void)fprintf(stderr, "det-eval: no: %s is %.6g, not %s %g\n",
			    q->name, v, det_require_op_text(q->op), q->value);
	}
	return no;
}
