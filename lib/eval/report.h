/* SPDX-License-Identifier: MIT
 *
 * The results of an evaluation as text for people, as JSON, and as TSV.
 */
#ifndef DET_EVAL_REPORT_H
#define DET_EVAL_REPORT_H

#include "eval/bootstrap.h"
#include "eval/confusion.h"
#include "eval/figures.h"
#include "eval/lrp.h"
#include "eval/operating.h"
#include "eval/tide.h"

/* What one rule gave; pointers that are NULL were not asked for. */
struct det_report_rule {
	const struct det_eval *e;
	size_t iou;                       /* threshold of F1 and LRP */
	const struct det_operating *f1;   /* [n_class] */
	struct det_operating f1_mean;     /* where f1 is */
	const struct det_lrp *lrp;        /* [n_class] */
	const struct det_bootstrap *boot; /* of one result, or of two */
	double level;                     /* of its intervals */
	int versus;                       /* of two */
};

struct det_report {
	const struct det_eval_set *set;
	const struct det_report_rule *rule;
	size_t n_rules;
	int per_class;
	int all_iou; /* text: AP at every threshold */
	const struct det_tide *tide;
	const struct det_confusion *confusion;
};

/* Each appends to out. */
enum det_err det_report_text(
    struct det_buf *out, const struct det_report *r) DET_MUST_USE;
/* One object: the figures of the first rule, and all else under its name. */
enum det_err det_report_json(
    struct det_buf *out, const struct det_report *r) DET_MUST_USE;
/* Lines "rule group class name value", with a head; class is "" for what is of all. */
enum det_err det_report_tsv(
    struct det_buf *out, const struct det_report *r) DET_MUST_USE;

/* A number of the report, for all three: walked in an order that keeps rules, groups and
 * classes together. */
struct det_report_row {
	const char *rule, *group;
	long class; /* -1: all */
	const char *name;
	double value;
};
enum det_err det_report_walk(const struct det_report *r,
    enum det_err (*visit)(void *ctx, const struct det_report_row *row),
    void *ctx) DET_MUST_USE;

/* The class's name; "all" where classes are one. */
const char *det_report_class(const struct det_report_rule *r, long class);

#endif
