/* SPDX-License-Identifier: MIT
 *
 * What the files of det-eval share. eval_*.c are linked into det-eval only. Private to bin/.
 */
#ifndef DET_EVAL_JOB_H
#define DET_EVAL_JOB_H

#include "bin/tool.h"

#include "eval/bootstrap.h"
#include "eval/curves.h"
#include "eval/eval.h"
#include "eval/load.h"
#include "eval/report.h"
#include "eval/require.h"

#define EVAL_MAX_RULES 8

struct eval_job {
	/* where things come from */
	const char *coco, *voc, *split, *gt, *versus, *boxes, *gt_boxes;
	int by_id;
	/* rules */
	const char *rules;
	struct opt_list iou, max_dets;
	int agnostic, plus_one;
	double at_iou;
	/* what is wanted */
	int per_class, best_f1, lrp, tide, confusion, json, tsv;
	double min_score;
	long draws, seed;
	double level;
	const char *require, *plots, *matches;
	struct det_require questions;
	/* results */
	struct det_eval_set set, other; /* other: of --versus */
	struct det_eval_rule rule[EVAL_MAX_RULES];
	struct det_eval e[EVAL_MAX_RULES], versus_e[EVAL_MAX_RULES];
	struct det_bootstrap boot[EVAL_MAX_RULES];
	struct det_operating *f1[EVAL_MAX_RULES];
	struct det_lrp *lrps[EVAL_MAX_RULES];
	struct det_report_rule part[EVAL_MAX_RULES];
	struct det_tide errors;
	struct det_confusion matrix;
	struct det_report report;
};

/* Fills job->set, and job->other where there is a second result; warns of what does not fit. */
void eval_read(struct tool *t, struct eval_job *job);

/* The rules named, with the options over them; checks that all that is asked can be had. */
void eval_choose_rules(struct tool *t, struct eval_job *job);

/* Runs all that is asked; fills job->report. */
void eval_run(struct tool *t, struct eval_job *job);
void eval_release(struct eval_job *job);

/* --matches and --plots. */
void eval_write_files(struct tool *t, struct eval_job *job);

/* 1 where a question of --require is answered no; says so. */
int eval_answer(struct tool *t, struct eval_job *job);

#endif
