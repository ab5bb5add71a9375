/* SPDX-License-Identifier: MIT
 *
 * For tests of objectives: maps, truth, texts and an open objective.
 */
#ifndef DET_OBJECTIVE_RIG_H
#define DET_OBJECTIVE_RIG_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "train/objective.h"
#include "tests/unit/nets.h"
#include "tests/unit/tap.h"

enum { RIG_MAPS = 16, RIG_IMAGES = 8, RIG_BOXES = 16 };

struct objective_rig {
	struct det_anchors *anchors;
	struct det_decode *decode;
	struct det_line line;
	struct det_objective o;
	struct det_tensor map[RIG_MAPS];
	float *grad[RIG_MAPS];
	size_t maps;
	struct det_box box[RIG_IMAGES][RIG_BOXES];
	struct det_example truth[RIG_IMAGES];
	size_t images;
	size_t in_h, in_w;
	double value[DET_OBJECTIVE_TERMS];
};

static inline size_t
rig_map_count(const struct objective_rig *r, size_t i)
{
	const size_t *d = r->map[i].dims;

	return d[0] * d[1] * d[2] * d[3];
}

static inline void
rig_add_map(struct objective_rig *r, const size_t dims[4], uint32_t seed, double scale)
{
	struct det_tensor *t = &r->map[r->maps];
	float *x;

	*t = seeded(dims[0], dims[1], dims[2], dims[3], seed);
	x = t->data;
	r->grad[r->maps] = calloc(rig_map_count(r, r->maps), sizeof(float));
	if (!r->grad[r->maps])
		exit(2);
	for (size_t i = 0; i < rig_map_count(r, r->maps); i++)
		x[i] *= (float)scale;
	r->maps++;
}

/* The next image; its picture is x1 y1 x2 y2. */
static inline void
rig_add_image(struct objective_rig *r, double x1, double y1, double x2, double y2)
{
	r->truth[r->images] =
	    (struct det_example){ r->box[r->images], 0, x1, y1, x2, y2 };
	r->images++;
}

static inline void
rig_add_box(struct objective_rig *r, const double c[4], int32_t label, uint32_t flags)
{
	struct det_example *t = &r->truth[r->images - 1];

	r->box[r->images - 1][t->n++] = (struct det_box){ .x1 = c[0],
		.y1 = c[1],
		.x2 = c[2],
		.y2 = c[3],
		.score = 1,
		.label = label,
		.flags = flags };
}

/* Opens the objective of `line` over maps c0 b0 c1 b1 ..., of the anchors' maps in their
 * order; `keys` are those of each line of the decode text. */
static inline enum det_err
rig_open_objective(
    struct objective_rig *r, const char *line, const char *keys, const char *anchors)
{
	struct det_objective_params p = { .line = &r->line, .threads = 1 };
	struct det_buf text = { 0 };
	const struct det_objective_kind *kind;
	enum det_err e;

	if ((e = det_anchors_parse(&r->anchors, anchors, strlen(anchors), "anchors")))
		return e;
	for (size_t i = 0; !e && i < det_anchors_maps(r->anchors); i++)
		e = det_buf_printf(&text, "anchors(c%zu, b%zu) map=%s %s\n", i, i,
		    det_anchors_map(r->anchors, i), keys);
	if (!e)
		e = det_decode_parse(&r->decode, text.text, text.len, "decode");
	det_buf_free(&text);
	if (e || (e = det_line_parse(&r->line, line, strlen(line))))
		return e;
	p.decode = r->decode;
	p.anchors = r->anchors;
	kind = det_objective_find(r->line.word);
	if (!kind)
		return det_fail(DET_INVALID, "no objective '%s'", r->line.word);
	if ((e = kind->open(&r->o, &p)))
		return e;
	return det_line_unused(&r->line);
}

static inline enum det_err
rig_run(struct objective_rig *r)
{
	const struct det_objective_in in = { .map = r->map,
		.truth = r->truth,
		.n = r->images,
		.in_h = r->in_h,
		.in_w = r->in_w,
		.seed = 1 };

	return r->o.run(r->o.self, &in, r->grad, r->value);
}

static inline void
rig_close_objective(struct objective_rig *r)
{
	if (r->o.free)
		r->o.free(r->o.self);
	det_line_release(&r->line);
	det_decode_free(r->decode);
	det_anchors_free(r->anchors);
	for (size_t i = 0; i < r->maps; i++) {
		free(r->map[i].data);
		free(r->grad[i]);
	}
	memset(r, 0, sizeof *r);
}

#endif
