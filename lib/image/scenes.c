/* SPDX-License-Identifier: MIT
 *
 * Scenes by several threads: as many at a time as there are threads, each with its own
 * canvas; given out in order.
 */
#include "image/scene.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"

/* One of a round. */
struct drawn {
	struct det_scene *scene;
	struct det_image im;
	struct det_boxes boxes;
	enum det_err err;
};

struct det_scenes {
	struct drawn *one;
	size_t n, at; /* so many at a time; how many of them were given */
	int threads;
	uint64_t next; /* the number of the next round's first */
};

enum det_err
det_scenes_new(struct det_scenes **out, const struct det_scene_params *p,
    uint64_t first, int threads)
{
	struct det_scenes *s;
	enum det_err e;

	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->threads = threads > 1 ? threads : 1;
	s->n = s->at = (size_t)s->threads;
	s->next = first;
	if ((e = det_calloc(&s->one, s->n, sizeof *s->one)))
		goto fail;
	for (size_t i = 0; i < s->n; i++)
		if ((e = det_scene_new(&s->one[i].scene, p)))
			goto fail;
	*out = s;
	return DET_OK;
fail:
	det_scenes_free(s);
	return e;
}

void
det_scenes_free(struct det_scenes *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->one && i < s->n; i++) {
		det_scene_free(s->one[i].scene);
		det_image_release(&s->one[i].im);
		det_boxes_release(&s->one[i].boxes);
	}
	free(s->one);
	free(s);
}

static void
draw_one(const void *ctx, size_t i, int worker)
{
	const struct det_scenes *s = ctx;
	struct drawn *d = &s->one[i];

	(void)worker;
	det_image_release(&d->im);
	d->err = det_scene_draw(&d->im, &d->boxes, d->scene, s->next + i);
}

enum det_err
det_scenes_next(const struct det_image **im, struct det_boxes **b, struct det_scenes *s)
{
	struct drawn *d;

	if (s->at == s->n) {
		det_parallel(s->threads, s->n, draw_one, s);
		s->next += s->n;
		s->at = 0;
	}
	d = &s->one[s->at++];
	/* its message may be another thread's */
	if (d->err)
		return det_fail(d->err, "no memory to draw a scene");
	*im = &d->im;
	*b = &d->boxes;
	return DET_OK;
}
