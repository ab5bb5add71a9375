/* SPDX-License-Identifier: MIT */
#include "eval/byimage.h"

#include <stdlib.h>

#include "base/mem.h"

struct scored {
	double score;
	uint32_t index;
};

static int
better_first(const void *va, const void *vb)
{
	const struct scored *a = va, *b = vb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

/* start[i + 1] holds how many image i has: turned into places, at the end all moved by one. */
static size_t
add_up(size_t *start, size_t n)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++) {
		most = start[i + 1] > most ? start[i + 1] : most;
		start[i + 1] += start[i];
	}
	return most;
}

static void
fill(struct det_eval_byimage *b, const struct det_eval_set *s)
{
	/* each start serves as the place of the next, then is put back */
	for (size_t i = 0; i < s->n_det; i++)
		if (s->det[i].label >= 0)
			b->det[b->det_start[s->det[i].image]++] = (uint32_t)i;
	for (size_t i = 0; i < s->n_gt; i++)
		if (s->gt[i].label >= 0)
			b->gt[b->gt_start[s->gt[i].image]++] = (uint32_t)i;
	for (size_t i = s->n_image; i > 0; i--) {
		b->det_start[i] = b->det_start[i - 1];
		b->gt_start[i] = b->gt_start[i - 1];
	}
	b->det_start[0] = b->gt_start[0] = 0;
}

static void
sort_image(
    uint32_t *det, size_t n, const struct det_eval_set *s, struct scored *scratch)
{
	for (size_t i = 0; i < n; i++)
		scratch[i] = (struct scored){ s->det[det[i]].score, det[i] };
	qsort(scratch, n, sizeof *scratch, better_first);
	for (size_t i = 0; i < n; i++)
		det[i] = scratch[i].index;
}

enum det_err
det_eval_byimage_make(struct det_eval_byimage *b, const struct det_eval_set *s)
{
	struct scored *scratch = NULL;
	enum det_err e;

	*b = (struct det_eval_byimage){ 0 };
	if ((e = det_alloc(&b->det, s->n_det, sizeof *b->det)) ||
	    (e = det_alloc(&b->gt, s->n_gt, sizeof *b->gt)) ||
	    (e = det_calloc(&b->det_start, s->n_image + 1, sizeof *b->det_start)) ||
	    (e = det_calloc(&b->gt_start, s->n_image + 1, sizeof *b->gt_start)))
		goto done;
	for (size_t i = 0; i < s->n_det; i++)
		b->det_start[s->det[i].image + 1] += s->det[i].label >= 0;
	for (size_t i = 0; i < s->n_gt; i++)
		b->gt_start[s->gt[i].image + 1] += s->gt[i].label >= 0;
	b->most_det = add_up(b->det_start, s->n_image);
	b->most_gt = add_up(b->gt_start, s->n_image);
	fill(b, s);
	if ((e = det_alloc(&scratch, b->most_det, sizeof *scratch)))
		goto done;
	for (size_t i = 0; i < s->n_image; i++)
		sort_image(b->det + b->det_start[i],
		    b->det_start[i + 1] - b->det_start[i], s, scratch);
done:
	free(scratch);
	if (e)
		det_eval_byimage_release(b);
	return e;
}

void
det_eval_byimage_release(struct det_eval_byimage *b)
{
	free(b->det);
	free(b->gt);
	free(b->det_start);
	free(b->gt_start);
	*b = (struct det_eval_byimage){ 0 };
}
