/* SPDX-License-Identifier: MIT
 *
 * The rules by name. formats/eval.md states them, and where each was learned.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

#define ALL_DETS SIZE_MAX

/* numpy.linspace(.5, .95, 10): the ninth is .8999999999999999. */
static void
coco_thresholds(struct det_eval_rule *r)
{
	const double step = (.95 - .5) / 9;

	r->n_iou = 10;
	for (size_t i = 0; i < r->n_iou; i++) {
		double up = (double)i * step;

		r->iou[i] = .5 + up;
	}
	r->iou[9] = .95;
}

static void
rule_coco(struct det_eval_rule *r)
{
	static const struct det_eval_area area[] = {
		{ "all", 0, 1e10 },
		{ "small", 0, 1024 },
		{ "medium", 1024, 9216 },
		{ "large", 9216, 1e10 },
	};

	r->match = DET_EVAL_NEXT;
	r->points = DET_EVAL_POINTS_101;
	r->ignore = DET_BOX_CROWD;
	r->by_image = 1;
	coco_thresholds(r);
	r->n_area = sizeof area / sizeof *area;
	memcpy(r->area, area, sizeof area);
	r->n_max = 3;
	r->max_dets[0] = 1;
	r->max_dets[1] = 10;
	r->max_dets[2] = 100;
}

/* What VOC's rules and Darknet's share. */
static void
rule_best(struct det_eval_rule *r)
{
	r->match = DET_EVAL_BEST;
	r->ignore = DET_BOX_ASIDE;
	r->n_iou = 1;
	r->iou[0] = .5;
	r->n_area = 1;
	r->area[0] = (struct det_eval_area){ "all", -INFINITY, INFINITY };
	r->n_max = 1;
	r->max_dets[0] = ALL_DETS;
}

static void
rule_voc07(struct det_eval_rule *r)
{
	rule_best(r);
	r->extent = DET_EVAL_INCLUSIVE;
	r->points = DET_EVAL_POINTS_11_MATLAB;
}

static void
rule_voc10(struct det_eval_rule *r)
{
	rule_voc07(r);
	r->points = DET_EVAL_POINTS_ALL;
}

static void
rule_voc07_py(struct det_eval_rule *r)
{
	rule_voc07(r);
	r->points = DET_EVAL_POINTS_11;
	r->strict = 1;
}

static void
rule_voc10_py(struct det_eval_rule *r)
{
	rule_voc10(r);
	r->strict = 1;
}

static void
rule_darknet(struct det_eval_rule *r)
{
	rule_best(r);
	r->points = DET_EVAL_POINTS_ALL;
	r->ignore_as = DET_EVAL_IGNORE_LAST;
	r->strict = 1;
	r->absent = 1;
}

static const struct named {
	const char *name, *about;
	void (*set)(struct det_eval_rule *r);
} table[] = {
	{ "coco", "COCO, as pycocotools computes it: IoU .50 to .95, 101 points",
	    rule_coco },
	{ "voc07", "PASCAL VOC 2007 devkit: IoU at least .5, 11 points", rule_voc07 },
	{ "voc10", "PASCAL VOC 2010 devkit: IoU at least .5, all points", rule_voc10 },
	{ "voc07-py", "py-faster-rcnn's VOC 2007: IoU above .5, 11 points",
	    rule_voc07_py },
	{ "voc10-py", "py-faster-rcnn's VOC 2010: IoU above .5, all points",
	    rule_voc10_py },
	{ "darknet", "Darknet's detector map: IoU above .5, area under the curve",
	    rule_darknet },
};

#define N_RULES (sizeof table / sizeof *table)

const char *
det_eval_rule_name(size_t i, const char **about)
{
	if (i >= N_RULES)
		return NULL;
	if (about)
		*about = table[i].about;
	return table[i].name;
}

enum det_err
det_eval_rule_find(struct det_eval_rule *r, const char *name)
{
	for (size_t i = 0; i < N_RULES; i++)
		if (strcmp(table[i].name, name) == 0) {
			*r = (struct det_eval_rule){ .classes = 1 };
			(void)snprintf(r->name, sizeof r->name, "%s", name);
			table[i].set(r);
			return DET_OK;
		}
	return det_fail(DET_INVALID,
	    "a rule expected: coco, voc07, voc10, voc07-py, voc10-py or darknet; found "
	    "'%s'",
	    name);
}

long
det_eval_iou_index(const struct det_eval_rule *r, double iou)
{
	for (size_t i = 0; i < r->n_iou; i++)
		if (fabs(r->iou[i] - iou) < 1e-9)
			return (long)i;
	return -1;
}

long
det_eval_area_index(const struct det_eval_rule *r, const char *name)
{
	for (size_t i = 0; i < r->n_area; i++)
		if (strcmp(r->area[i].name, name) == 0)
			return (long)i;
	return -1;
}

long
det_eval_max_index(const struct det_eval_rule *r, size_t max_dets)
{
	for (size_t i = 0; i < r->n_max; i++)
		if (r->max_dets[i] == max_dets)
			return (long)i;
	return -1;
}
