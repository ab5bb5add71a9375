/* SPDX-License-Identifier: MIT
 *
 * Sets for tests of the evaluation, from rows of numbers.
 */
#ifndef DET_EVAL_MAKE_H
#define DET_EVAL_MAKE_H

#include <stdlib.h>

#include "eval/eval.h"

/* n_class classes without ids of their own and n_image images with ids 1, 2 ... */
static inline enum det_err
make_set(struct det_eval_set *s, size_t n_class, size_t n_image)
{
	char *names[128];
	static char name[128][8];
	long sources[128];
	struct det_classes c = { .name = names, .source = sources, .n = n_class };
	uint32_t index;
	enum det_err e;

	*s = (struct det_eval_set){ 0 };
	for (size_t i = 0; i < n_class; i++) {
		name[i][0] = 'c';
		name[i][1] = (char)('0' + i / 10);
		name[i][2] = (char)('0' + i % 10);
		names[i] = name[i];
		sources[i] = -1;
	}
	e = det_eval_set_classes(s, &c);
	for (size_t i = 0; i < n_image && !e; i++)
		e = det_eval_set_image(&index, s, (int64_t)i + 1, NULL);
	return e;
}

/* v: image, label, x, y, w, h, area (-1: none), flags */
static inline enum det_err
make_gt(struct det_eval_set *s, const double *v)
{
	struct det_eval_gt g = {
		.image = (uint32_t)v[0],
		.label = (int32_t)v[1],
		.area = v[6],
		.flags = (uint32_t)v[7],
	};
	enum det_err e = det_eval_rect_xywh(&g.r, v + 2);

	return e ? e : det_eval_add_gt(s, &g);
}

/* v: image, label, x, y, w, h, score */
static inline enum det_err
make_det(struct det_eval_set *s, const double *v)
{
	struct det_eval_det d = {
		.image = (uint32_t)v[0],
		.label = (int32_t)v[1],
		.score = v[6],
	};
	enum det_err e = det_eval_rect_xywh(&d.r, v + 2);

	return e ? e : det_eval_add_det(s, &d);
}

#define GT(s, ...)  (make_gt(s, (const double[8]){ __VA_ARGS__ }))
#define DET(s, ...) (make_det(s, (const double[7]){ __VA_ARGS__ }))

#endif
