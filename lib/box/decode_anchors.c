/* SPDX-License-Identifier: MIT
 *
 * Class scores and box deltas of anchors: RPN, RetinaNet, SSD. The classes are a map
 * (1, A*(K+bg), H, W), channel a*(K+bg) + k, or k*A + a with order=class (py-faster-rcnn's
 * RPN: the first A planes are background); the deltas are (1, 4A, H, W), channel 4a + c.
 *
 *   sigmoid   score = 1 / (1 + exp(-x)), in double, rounded once
 *   softmax   score = exp(x - m) / s,  m the largest of the K+bg, s the sum of exp(x - m)
 *
 * A RetinaNet has 15 million scores a picture of which a thousand matter, so nothing is
 * computed of the others: the threshold is turned into one on the logits, a little too low
 * so that rounding loses nothing; a vectorised scan finds those above; the best are kept in
 * a small pool whose worst raises the bar as it fills (box/best.h); and only the winners'
 * exact scores are held against the threshold and their boxes decoded. Sigmoids rank by
 * their logits, as torchvision's RPN and Detectron2 do it: float sigmoids of large logits
 * are all 1. Softmaxes rank by score.
 *
 * As in torchvision (rpn.py, retinanet.py, ssd.py) `top` is taken before boxes are cut and
 * dropped for their size; py-faster-rcnn drops the small ones before (`min_first`).
 * `top_per_class` counts over all maps together (torchvision's SSD): each map gives its
 * best, and decode_run.c takes the best of those.
 */
#include "box/decode_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/mem.h"
#include "box/best.h"
#include "box/scan.h"

#define CHUNK 2048 /* values scanned at a time */

static enum det_err
parse(struct det_decode_line *m, struct det_line *l)
{
	static const char *const orders[] = { "anchor", "class", NULL };
	static const struct det_coder coder = DET_CODER_DEFAULTS;
	const char *grid = NULL;
	enum det_err e;

	m->delta.coder = coder;
	m->delta.score = DET_SCORE_SIGMOID;
	if ((e = det_decode_delta_keys(m, l)) ||
	    (e = det_line_choice(&m->class_major, l, "order", orders)) ||
	    (e = det_line_long(&m->top_per_class, l, "top_per_class", 0, 1000000000)))
		return e;
	if ((e = det_line_long(&m->top, l, "top", 0, 1000000000)) ||
	    (e = det_line_bool(&m->min_first, l, "min_first")) ||
	    (e = det_line_word(&grid, l, "map")))
		return e;
	if (!grid)
		return det_fail(
		    DET_INVALID, "map=NAME expected: whose anchors these are");
	if (m->delta.score == DET_SCORE_LINEAR)
		return det_fail(DET_INVALID, "score: sigmoid or softmax expected");
	if (m->delta.score == DET_SCORE_SOFTMAX && m->classes == 1 &&
	    !m->delta.background)
		return det_fail(DET_INVALID,
		    "a softmax of one class alone is always 1: background=first or "
		    "last, or score=sigmoid, expected");
	return det_strdup(&m->grid, grid);
}

/* A line at work. */
struct work {
	struct det_decode_job *j;
	const float *cls, *delta;
	size_t h, w, hw, anchors, classes, planes; /* planes: classes and background */
	const struct det_scan *scan;
	/* softmax, of each (anchor, cell): the largest, the sum, and the logit below which
	 * no class is above the threshold */
	float *most, *sum, *need;
	struct det_best best;
	/* boxes of each (cell, anchor), decoded when first wanted */
	float *box;
	char *state; /* 0: not yet */
};

enum { BOX_KEPT = 1, BOX_DROPPED };

static const float *
plane_of(const struct work *k, size_t a, size_t label)
{
	const struct det_decode_line *m = k->j->m;

	label += m->delta.background == DET_BACKGROUND_FIRST;
	return k->cls +
	       (m->class_major ? label * k->anchors + a : a * k->planes + label) *
		   k->hw;
}

static enum det_err
check_grid(const struct work *k)
{
	const struct det_decode_job *j = k->j;
	const struct det_tensor *g = j->grid;
	const char *name = j->m->grid;
	char shape[96];

	if (!g && !j->anchors)
		return det_fail(DET_INVALID,
		    "map '%s': no tensor '%s.anchors', and the model has no text "
		    "'anchors'",
		    j->m->map[0], name);
	if (!g) {
		size_t n = det_anchors_in_cell(j->anchors, j->m->bound);

		if (n == k->anchors)
			return DET_OK;
		return det_fail(DET_INVALID,
		    "map '%s' has %zu anchors a cell: the text 'anchors' gives '%s' "
		    "%zu",
		    j->m->map[0], k->anchors, name, n);
	}
	if (g->dtype == DET_F32 && g->rank == 4 && g->dims[0] == k->h &&
	    g->dims[1] == k->w && g->dims[2] == k->anchors && g->dims[3] == 4)
		return DET_OK;
	return det_fail(DET_INVALID,
	    "'%s.anchors' is %s %s: f32 %zux%zux%zux4 expected", name,
	    det_dtype_name(g->dtype) ? det_dtype_name(g->dtype) : "?",
	    det_shape_text(shape, sizeof shape, g), k->h, k->w, k->anchors);
}

/* Shapes of both maps; the deltas are finite. */
static enum det_err
start(struct work *k, struct det_decode_job *j)
{
	const struct det_decode_line *m = j->m;
	const struct det_tensor *c = j->map[0], *b = j->map[1];
	char one[96], two[96];
	size_t count, bad;
	enum det_err e;

	*k = (struct work){ .j = j,
		.cls = c->data,
		.delta = b->data,
		.classes = (size_t)m->classes,
		.scan = det_scan_get() };
	k->planes = k->classes + (m->delta.background != DET_BACKGROUND_NONE);
	if (c->rank != 4 || b->rank != 4 || c->dims[1] % k->planes ||
	    b->dims[1] != c->dims[1] / k->planes * 4 || b->dims[2] != c->dims[2] ||
	    b->dims[3] != c->dims[3])
		return det_fail(DET_INVALID,
		    "maps '%s' is %s and '%s' is %s: 1x(A*%zu)xHxW and 1x(A*4)xHxW "
		    "expected (anchors)",
		    m->map[0], det_shape_text(one, sizeof one, c), m->map[1],
		    det_shape_text(two, sizeof two, b), k->planes);
	k->anchors = c->dims[1] / k->planes;
	k->h = c->dims[2];
	k->w = c->dims[3];
	k->hw = k->h * k->w;
	if ((e = det_tensor_count(&count, c)))
		return e;
	if (count > UINT32_MAX)
		return det_fail(
		    DET_LIMIT, "map '%s': more than 2^32 - 1 scores", m->map[0]);
	if (m->delta.score == DET_SCORE_SOFTMAX &&
	    (bad = det_finite_first(c->data, count, 1)) < count)
		return det_decode_fail_bad(j, 0, bad);
	if ((e = det_tensor_count(&count, b)))
		return e;
	if ((bad = det_finite_first(b->data, count, 1)) < count)
		return det_decode_fail_bad(j, 1, bad);
	return check_grid(k);
}

static void
finish(struct work *k)
{
	free(k->most);
	free(k->sum);
	free(k->need);
	det_best_release(&k->best);
	free(k->box);
	free(k->state);
}

/* --- scores ---------------------------------------------------------------------------- */

/* A logit whose sigmoid is not above the threshold, nor are those below it: float scores
 * are spaced by at most 6e-8, and 1e-4 is far more than log's error. */
static float
logit_floor(float thresh)
{
	double t = (double)thresh - 1e-7;

	if (t <= 0)
		return -INFINITY;
	return (float)(log(t / (1 - t)) - 1e-4);
}

static enum det_err
softmax_prepare(struct work *k)
{
	size_t n = k->anchors * k->hw, stride = k->hw;
	const float *x;
	enum det_err e;

	if ((e = det_alloc(&k->most, n, sizeof *k->most)) ||
	    (e = det_alloc(&k->sum, n, sizeof *k->sum)) ||
	    (e = det_alloc(&k->need, n, sizeof *k->need)))
		return e;
	if (k->j->m->class_major)
		stride *= k->anchors;
	for (size_t a = 0; a < k->anchors; a++) {
		x = k->cls + a * k->hw * (k->j->m->class_major ? 1 : k->planes);
		k->scan->softmax(k->most + a * k->hw, k->sum + a * k->hw, x, k->hw,
		    k->planes, stride);
	}
	for (size_t i = 0; i < n; i++)
		k->need[i] = k->j->thresh > 0
				 ? k->most[i] + logf(k->j->thresh * k->sum[i]) - 1e-4f -
				       1e-5f * fabsf(k->most[i])
				 : -INFINITY;
	return DET_OK;
}

/* Candidates of one plane go into the pool. */
static enum det_err
search_plane(struct work *k, size_t a, size_t label)
{
	const float *x = plane_of(k, a, label);
	int softmax = k->j->m->delta.score == DET_SCORE_SOFTMAX, odd = 0;
	uint32_t at[CHUNK];
	enum det_err e;

	for (size_t from = 0; from < k->hw; from += CHUNK) {
		size_t n = k->hw - from < CHUNK ? k->hw - from : CHUNK, found;
		size_t col = a * k->hw + from;

		found = softmax
			    ? k->scan->above_each(at, x + from, k->need + col, n, &odd)
			    : k->scan->above(at, x + from, n, k->best.floor, &odd);
		if (odd)
			return det_decode_fail_bad(k->j, 0,
			    (size_t)(x - k->cls) + from +
				det_finite_first(x + from, n, 1));
		if ((e = det_best_room(&k->best, found)))
			return e;
		for (size_t i = 0; i < found; i++) {
			size_t cell = from + at[i];
			float s = x[cell];

			if (softmax)
				s = expf(s - k->most[col + at[i]]) /
				    k->sum[col + at[i]];
			det_best_put(&k->best, s,
			    (uint32_t)((cell * k->anchors + a) * k->classes + label));
		}
	}
	return DET_OK;
}

/* --- boxes ----------------------------------------------------------------------------- */

static enum det_err
make_box(struct work *k, size_t candidate)
{
	const struct det_decode_job *j = k->j;
	size_t cell = candidate / k->anchors, a = candidate % k->anchors;
	struct det_decode_at at = { cell / k->w, cell % k->w, a, candidate };
	struct det_anchors_at place = { k->h, k->w, (long)j->in_h, (long)j->in_w };
	float anchor[4], delta[4];
	int keep;
	enum det_err e;

	for (size_t c = 0; c < 4; c++)
		delta[c] = k->delta[(4 * a + c) * k->hw + cell];
	if (j->grid)
		memcpy(anchor, (const float *)j->grid->data + 4 * candidate,
		    sizeof anchor);
	else if ((e = det_anchors_pick(
		      anchor, j->anchors, j->m->bound, &place, &candidate, 1)))
		return e;
	if ((e = det_decode_delta_box(
		 k->box + 4 * candidate, &keep, j, anchor, delta, &at)))
		return e;
	k->state[candidate] = keep ? BOX_KEPT : BOX_DROPPED;
	return DET_OK;
}

/* Adds the candidates of the sorted pool, at most `most` boxes (0: all). */
static enum det_err
add_best(struct work *k, size_t most)
{
	struct det_decode_job *j = k->j;
	size_t added = 0;
	enum det_err e;

	for (size_t i = 0; i < k->best.n && (!most || added < most); i++) {
		uint32_t number = det_best_number(k->best.key[i]);
		struct det_decode_at at = { .candidate = number / k->classes };
		float s = det_best_score(k->best.key[i]);

		if (j->m->delta.score == DET_SCORE_SIGMOID)
			s = det_decode_logistic(s);
		if (!(s > j->thresh))
			continue;
		if (!k->state[at.candidate] && (e = make_box(k, at.candidate)))
			return e;
		if (k->state[at.candidate] != BOX_KEPT)
			continue;
		if ((e = det_decode_add_corners(j, k->box + 4 * at.candidate, s,
			 (int32_t)(number % k->classes), &at)))
			return e;
		added++;
	}
	return DET_OK;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = det_best_number(*(const uint64_t *)a);
	uint32_t y = det_best_number(*(const uint64_t *)b);

	return x < y ? -1 : x > y;
}

/* --- all of it -------------------------------------------------------------------------- */

/* The best over all classes; without `top` all, in the order of their numbers. */
static enum det_err
run_together(struct work *k, float floor)
{
	size_t top = (size_t)k->j->top;
	enum det_err e;

	det_best_start(&k->best, k->j->m->min_first ? 0 : top, floor);
	for (size_t a = 0; a < k->anchors; a++)
		for (size_t label = 0; label < k->classes; label++)
			if ((e = search_plane(k, a, label)))
				return e;
	if (top)
		det_best_sort(&k->best);
	else if (k->best.n > 1)
		qsort(k->best.key, k->best.n, sizeof *k->best.key, by_number);
	return add_best(k, top);
}

/* The best of each class; those of a class that an earlier map beats are left out: it has
 * had `top_per_class` better ones already. */
static enum det_err
run_per_class(struct work *k, float floor)
{
	const struct det_decode_line *m = k->j->m;
	int share = k->j->class_floor && m->delta.score == DET_SCORE_SOFTMAX &&
		    m->delta.min_size <= 0;
	enum det_err e;

	for (size_t label = 0; label < k->classes; label++) {
		float *bar = share ? &k->j->class_floor[label] : NULL;

		det_best_start(&k->best, (size_t)m->top_per_class,
		    bar ? fmaxf(floor, *bar) : floor);
		for (size_t a = 0; a < k->anchors; a++)
			if ((e = search_plane(k, a, label)))
				return e;
		det_best_sort(&k->best);
		if (bar && k->best.n == (size_t)m->top_per_class)
			*bar = det_best_score(k->best.key[k->best.n - 1]);
		if ((e = add_best(k, 0)))
			return e;
	}
	return DET_OK;
}

static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	int softmax = j->m->delta.score == DET_SCORE_SOFTMAX;
	float floor = softmax ? j->thresh : logit_floor(j->thresh);
	struct work k;
	enum det_err e;

	(void)t, (void)x, (void)count;
	if ((e = start(&k, j)) ||
	    (e = det_calloc(&k.state, k.hw * k.anchors, sizeof *k.state)) ||
	    (e = det_alloc(&k.box, k.hw * k.anchors, 4 * sizeof *k.box)) ||
	    (softmax && (e = softmax_prepare(&k))))
		goto out;
	e = j->m->top_per_class ? run_per_class(&k, floor) : run_together(&k, floor);
	j->base += k.hw * k.anchors;
out:
	finish(&k);
	return e;
}

const struct det_decode_kind det_decode_anchors = {
	.name = "anchors", .parse = parse, .run = run, .maps = 2, .scans = 1
};
