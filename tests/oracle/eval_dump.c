/* SPDX-License-Identifier: MIT
 *
 * The evaluation on a set given as text, for the oracles coco.py and voc.py. Reads lines
 *
 *   rule NAME
 *   set KEY VALUE ...       classes 0 | strict 1 | extent 2 | ignore MASK | as 1 | match 0
 *                           | points 1 | iou V ... | max N ... (0: all)
 *   class SOURCE            -1: none
 *   image ID
 *   gt IMAGE LABEL X Y W H AREA FLAGS      gtc, detc: corners in place of W and H
 *   det IMAGE LABEL X Y W H SCORE
 *   weight IMAGE N          how often an image counts (then "wap" lines are printed)
 *   run
 *
 * and writes "ap AREA MAX CLASS IOU VALUE" and "recall ..." for all cells, values exact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/eval.h"

static void
die(const char *what)
{
	(void)fprintf(stderr, "eval_dump: %s: %s\n", what, det_errmsg());
	exit(2);
}

static size_t
numbers(double *v, size_t max, char *text)
{
	size_t n = 0;

	for (char *w = strtok(text, " \n"); w && n < max; w = strtok(NULL, " \n"))
		v[n++] = strtod(w, NULL);
	return n;
}

static void
set_option(struct det_eval_rule *r, char *line)
{
	char key[16];
	int used = 0;
	double v[64];
	size_t n;

	if (sscanf(line, "%15s%n", key, &used) != 1)
		die("set");
	n = numbers(v, 64, line + used);
	if (strcmp(key, "iou") == 0) {
		r->n_iou = n;
		memcpy(r->iou, v, n * sizeof *v);
	} else if (strcmp(key, "max") == 0) {
		r->n_max = n;
		for (size_t i = 0; i < n; i++)
			r->max_dets[i] = v[i] > 0 ? (size_t)v[i] : SIZE_MAX;
	} else if (strcmp(key, "classes") == 0) {
		r->classes = (int)v[0];
	} else if (strcmp(key, "strict") == 0) {
		r->strict = (int)v[0];
	} else if (strcmp(key, "extent") == 0) {
		r->extent = (enum det_eval_extent)v[0];
	} else if (strcmp(key, "ignore") == 0) {
		r->ignore = (uint32_t)v[0];
	} else if (strcmp(key, "as") == 0) {
		r->ignore_as = (enum det_eval_ignore)v[0];
	} else if (strcmp(key, "match") == 0) {
		r->match = (enum det_eval_match)v[0];
	} else if (strcmp(key, "points") == 0) {
		r->points = (enum det_eval_points)v[0];
	} else {
		die(key);
	}
}

static void
add_box(struct det_eval_set *s, int is_gt, int corners, const double *v)
{
	struct det_eval_rect r;
	enum det_err e =
	    corners ? det_eval_rect_corners(&r, v + 2) : det_eval_rect_xywh(&r, v + 2);

	if (e)
		die("box");
	if (is_gt)
		e = det_eval_add_gt(s, &(struct det_eval_gt){ .r = r,
					   .image = (uint32_t)v[0],
					   .label = (int32_t)v[1],
					   .area = v[6],
					   .flags = (uint32_t)v[7] });
	else
		e = det_eval_add_det(s, &(struct det_eval_det){ .r = r,
					    .image = (uint32_t)v[0],
					    .label = (int32_t)v[1],
					    .score = v[6] });
	if (e)
		die("box");
}

static void
run(const struct det_eval_set *s, const struct det_eval_rule *r, const uint32_t *weight)
{
	struct det_eval e;
	double *ap;
	uint32_t *scratch;

	if (det_eval_run(&e, s, r, 2))
		die("run");
	for (size_t i = 0; i < e.n_cell; i++) {
		size_t t = i % r->n_iou, k = i / r->n_iou % e.n_class;
		size_t m = i / r->n_iou / e.n_class % r->n_max;
		size_t a = i / r->n_iou / e.n_class / r->n_max;

		printf("ap %zu %zu %zu %zu %.17g\n", a, m, k, t, e.ap[i]);
		printf("recall %zu %zu %zu %zu %.17g\n", a, m, k, t, e.recall[i]);
	}
	for (size_t a = 0; a < r->n_area; a++)
		for (size_t m = 0; m < r->n_max; m++) {
			printf("map %zu %zu %.17g\n", a, m,
			    det_eval_mean_ap(&e, a, m, DET_EVAL_EVERY, DET_EVAL_EVERY));
			printf("mar %zu %zu %.17g\n", a, m,
			    det_eval_mean_recall(
				&e, a, m, DET_EVAL_EVERY, DET_EVAL_EVERY));
		}
	if (!weight) {
		det_eval_release(&e);
		return;
	}
	if (det_alloc(&ap, e.n_class * r->n_iou, sizeof *ap) ||
	    det_alloc(&scratch, 2 * e.n, sizeof *scratch))
		die("weights");
	for (size_t a = 0; a < r->n_area; a++)
		for (size_t m = 0; m < r->n_max; m++) {
			det_eval_weighted(ap, &e, a, m, weight, scratch);
			for (size_t i = 0; i < e.n_class * r->n_iou; i++)
				printf("wap %zu %zu %zu %zu %.17g\n", a, m,
				    i / r->n_iou, i % r->n_iou, ap[i]);
		}
	free(ap);
	free(scratch);
	det_eval_release(&e);
}

int
main(void)
{
	struct det_eval_set s = { 0 };
	struct det_eval_rule r = { 0 };
	struct det_classes c = { 0 };
	static char line[4096];
	uint32_t index, *weight = NULL;
	size_t cap = 0, cap2 = 0;
	double v[16];

	while (fgets(line, sizeof line, stdin)) {
		char word[16], name[32];
		int used = 0;

		if (sscanf(line, "%15s%n", word, &used) != 1)
			continue;
		if (strcmp(word, "rule") == 0) {
			if (sscanf(line + used, "%31s", name) != 1 ||
			    det_eval_rule_find(&r, name))
				die("rule");
		} else if (strcmp(word, "set") == 0) {
			set_option(&r, line + used);
		} else if (strcmp(word, "class") == 0) {
			if (det_grow(&c.name, &cap, c.n + 1, sizeof *c.name) ||
			    det_grow(&c.source, &cap2, c.n + 1, sizeof *c.source) ||
			    det_strdup(&c.name[c.n], line + used))
				die("class");
			c.source[c.n++] = strtol(line + used, NULL, 10);
		} else if (strcmp(word, "image") == 0) {
			if ((!s.classes.name && det_eval_set_classes(&s, &c)) ||
			    det_eval_set_image(
				&index, &s, strtoll(line + used, NULL, 10), NULL))
				die("image");
		} else if (strcmp(word, "weight") == 0) {
			if (!weight && det_calloc(&weight, s.n_image, sizeof *weight))
				die("weight");
			(void)numbers(v, 2, line + used);
			weight[(size_t)v[0]] = (uint32_t)v[1];
		} else if (strcmp(word, "run") == 0) {
			run(&s, &r, weight);
		} else {
			(void)numbers(v, 8, line + used);
			add_box(&s, word[0] == 'g', word[strlen(word) - 1] == 'c', v);
		}
	}
	free(weight);
	det_classes_release(&c);
	det_eval_set_release(&s);
	return fflush(stdout) || ferror(stdout);
}
