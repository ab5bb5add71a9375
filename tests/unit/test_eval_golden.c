/* SPDX-License-Identifier: MIT
 *
 * The rules against numbers that other programs found: pycocotools on small sets
 * (eval_golden.h), and published data where it lies beside the project.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/load.h"
#include "tests/unit/eval_golden.h"
#include "tests/unit/eval_make.h"
#include "tests/unit/tap.h"

#define EVERY DET_EVAL_EVERY

static void
twelve(double out[12], const struct det_eval *e)
{
	out[0] = det_eval_mean_ap(e, 0, 2, EVERY, EVERY);
	out[1] = det_eval_mean_ap(e, 0, 2, EVERY, det_eval_iou_index(&e->rule, .5));
	out[2] = det_eval_mean_ap(e, 0, 2, EVERY, det_eval_iou_index(&e->rule, .75));
	for (size_t a = 1; a < 4; a++)
		out[2 + a] = det_eval_mean_ap(e, a, 2, EVERY, EVERY);
	for (size_t m = 0; m < 3; m++)
		out[6 + m] = det_eval_mean_recall(e, 0, m, EVERY, EVERY);
	for (size_t a = 1; a < 4; a++)
		out[8 + a] = det_eval_mean_recall(e, a, 2, EVERY, EVERY);
}

static double
worst(const double *a, const double *b, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++)
		if (!(fabs(a[i] - b[i]) <= most))
			most = fabs(a[i] - b[i]);
	return most;
}

static enum det_err
golden_set(struct det_eval_set *s, const struct golden *g)
{
	char *names[8] = { "a", "b", "c" };
	long sources[8];
	struct det_classes c = { .name = names, .source = sources, .n = g->n_class };
	uint32_t index;
	enum det_err e;

	for (size_t i = 0; i < g->n_class; i++)
		sources[i] = (long)g->class[i];
	e = det_eval_set_classes(s, &c);
	for (size_t i = 0; i < g->n_image && !e; i++)
		e = det_eval_set_image(&index, s, (int64_t)g->image[i], NULL);
	for (size_t i = 0; i < g->n_gt && !e; i++)
		e = make_gt(s, g->gt + 8 * i);
	for (size_t i = 0; i < g->n_det && !e; i++)
		e = make_det(s, g->det + 7 * i);
	return e;
}

static void
test_golden(const struct golden *g, int number)
{
	struct det_eval_set s = { 0 };
	struct det_eval_rule r;
	struct det_eval e = { 0 };
	double mine[12], ap[8];

	if (golden_set(&s, g) || det_eval_rule_find(&r, "coco") ||
	    det_eval_run(&e, &s, &r, 1)) {
		ok(0, "set %d: %s", number, det_errmsg());
		det_eval_set_release(&s);
		return;
	}
	twelve(mine, &e);
	ok(worst(mine, g->stats, 12) <= 1e-12,
	    "set %d: the twelve numbers of pycocotools (off by %.3g)", number,
	    worst(mine, g->stats, 12));
	for (size_t k = 0; k < g->n_class; k++)
		ap[k] = det_eval_mean_ap(&e, 0, 2, (long)k, EVERY);
	ok(worst(ap, g->ap, g->n_class) <= 1e-12, "set %d: its AP of each class",
	    number);
	det_eval_release(&e);
	det_eval_set_release(&s);
}

/* The folder of published data, or NULL. */
static const char *
data_dir(char *buf, size_t n, const char *name)
{
	const char *src = getenv("DET_SRC");
	FILE *f;

	(void)snprintf(buf, n, "%s/../shared/data/%s", src ? src : ".", name);
	f = fopen(buf, "r");
	if (f)
		(void)fclose(f);
	return f ? buf : NULL;
}

static void
test_coco_100(void)
{
	static const double want[12] = { .5045806987249628, .6969727247299577,
		.5729816669904824, .5856257209410443, .5193996948036719,
		.5013978986347466, .38681277964578054, .5936795762842003,
		.595352982877607, .6398109626113442, .5664205978994309,
		.5642905982905982 };
	char gt[4096], det[4096];
	struct det_eval_set s = { 0 };
	struct det_eval_misfits y = { 0 };
	struct det_eval_rule r;
	struct det_eval e = { 0 };
	double mine[12] = { 0 };

	if (!data_dir(gt, sizeof gt, "coco-eval/instances_val2014_100.json") ||
	    !data_dir(det, sizeof det,
		"coco-eval/instances_val2014_fakebbox100_results.json")) {
		ok(1, "100 images of COCO # SKIP shared data not there");
		return;
	}
	if (det_eval_load_coco(&s, gt, &y) || det_eval_load_results(&s, det, &y) ||
	    det_eval_rule_find(&r, "coco") || det_eval_run(&e, &s, &r, 2))
		ok(0, "100 images of COCO: %s", det_errmsg());
	else
		twelve(mine, &e);
	ok(worst(mine, want, 12) <= 1e-12,
	    "100 images of COCO: the published numbers (off by %.3g)",
	    worst(mine, want, 12));
	ok(s.n_gt == 839 && y.images == 0 && y.classes == 0,
	    "839 objects, nothing astray: %zu, %zu, %zu", s.n_gt, y.images, y.classes);
	det_eval_release(&e);
	det_eval_misfits_release(&y);
	det_eval_set_release(&s);
}

/* Lines "class [score] x y w h" of image `image`. Returns whether all were understood. */
static int
read_lines(struct det_eval_set *s, const char *path, double image, int scored)
{
	FILE *f = fopen(path, "r");
	double v[5];
	int n = 0, good = f != NULL;

	while (
	    good && (n = fscanf(f, "%*s %lf %lf %lf %lf", v, v + 1, v + 2, v + 3)) == 4)
		if (!scored)
			good = !GT(s, image, 0, v[0], v[1], v[2], v[3], -1, 0);
		else
			good = fscanf(f, "%lf", v + 4) == 1 &&
			       !DET(s, image, 0, v[1], v[2], v[3], v[4], v[0]);
	if (f)
		(void)fclose(f);
	return good && n == EOF;
}

static int
read_seven(struct det_eval_set *s, const char *gts, const char *dets)
{
	char path[4200];
	int good = !make_set(s, 1, 7);

	for (int i = 0; i < 7 && good; i++) {
		(void)snprintf(path, sizeof path, "%s/%05d.txt", gts, i + 1);
		good = read_lines(s, path, i, 0);
		(void)snprintf(path, sizeof path, "%s/%05d.txt", dets, i + 1);
		good = good && read_lines(s, path, i, 1);
	}
	return good;
}

/* These count a box of width w as w + 1 pixels. */
static void
test_voc_seven(const char *gts, const char *dets, const char *rule, const double *want)
{
	static const double iou[4] = { .1, .3, .5, .75 };
	char a[4096], b[4096];
	struct det_eval_set s = { 0 };
	struct det_eval_rule r;
	struct det_eval e = { 0 };

	if (!data_dir(a, sizeof a, gts) || !data_dir(b, sizeof b, dets)) {
		ok(1, "%s, %s # SKIP shared data not there", dets, rule);
		return;
	}
	if (!read_seven(&s, a, b) || det_eval_rule_find(&r, rule)) {
		ok(0, "%s: not read: %s", dets, det_errmsg());
		det_eval_set_release(&s);
		return;
	}
	r.extent = DET_EVAL_PLUS_ONE;
	r.n_iou = 4;
	memcpy(r.iou, iou, sizeof iou);
	if (det_eval_run(&e, &s, &r, 1))
		ok(0, "%s: %s", dets, det_errmsg());
	else
		ok(worst(e.ap, want, 4) <= 1e-10,
		    "%s, %s: as published (ten digits, cut): %.10f %.10f %.10f %.10f",
		    dets, rule, e.ap[0], e.ap[1], e.ap[2], e.ap[3]);
	det_eval_release(&e);
	det_eval_set_release(&s);
}

int
main(void)
{
	static const double eleven[4] = { .3333333333, .2683982683, .0303030303, 0 };
	static const double all[4] = { .3371980676, .2456866804, .0222222222, 0 };

	for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
		test_golden(&golden[i], (int)i);
	test_coco_100();
	test_voc_seven("voc-eval/test_case_1/gts", "voc-eval/test_case_1/dets",
	    "voc07-py", eleven);
	test_voc_seven(
	    "voc-eval/test_case_1/gts", "voc-eval/test_case_1/dets", "voc10-py", all);
	test_voc_seven(
	    "voc-eval/groundtruths", "voc-eval/detections", "voc07-py", eleven);
	test_voc_seven("voc-eval/groundtruths", "voc-eval/detections", "voc10-py", all);
	return done();
}
