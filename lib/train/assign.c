/* SPDX-License-Identifier: MIT
 *
 * Matchers; assign.h says what each does. The overlaps of one object with all spots are a
 * row, made by a vector loop and folded into each spot's best at once, so that memory is that
 * of the spots and not of the pairs. Where a rule needs to know which spots overlap an object
 * most, its row is made a second time: the same operations give the same bits, so that
 * equality is meant exactly, ties and all.
 *
 * Sources of the rules: Faster R-CNN's anchor_target_layer.py, torchvision's
 * models/detection/_utils.py (Matcher, SSDMatcher), keras-retinanet's utils/anchors.py, and
 * SSD's bbox_util.cpp (MatchBBox). py-faster-rcnn lets crowds alone by the share of a box
 * that lies in them, 0.7 (ex_crowd).
 */
#include "train/assign.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/mem.h"
#include "base/size.h"
#include "train/loops.h"

/* --- spots ------------------------------------------------------------------------------- */

enum det_err
det_spots_set(struct det_spots *s, const float *box, size_t n, int plus_one)
{
	float **column[] = { &s->x1, &s->y1, &s->x2, &s->y2, &s->area };
	size_t bad = det_finite_first(box, 4 * n, 1);
	enum det_err e;

	if (bad < 4 * n)
		return det_fail(DET_INVALID,
		    "box %zu to be matched: a finite coordinate expected, found %g",
		    bad / 4, (double)box[bad]);
	if (n > s->cap) {
		det_spots_release(s);
		for (size_t k = 0; k < 5; k++)
			if ((e = det_alloc(column[k], n, sizeof **column[k])))
				return e;
		s->cap = n;
	}
	s->n = n;
	s->one = (float)(plus_one != 0);
	for (size_t i = 0; i < n; i++) {
		const float *b = box + 4 * i;

		s->x1[i] = det_iou_coord((double)b[0]);
		s->y1[i] = det_iou_coord((double)b[1]);
		s->x2[i] = det_iou_coord((double)b[2]);
		s->y2[i] = det_iou_coord((double)b[3]);
		s->area[i] = det_iou_side(s->x1[i], s->x2[i], s->one) *
			     det_iou_side(s->y1[i], s->y2[i], s->one);
	}
	return DET_OK;
}

void
det_spots_release(struct det_spots *s)
{
	free(s->x1);
	free(s->y1);
	free(s->x2);
	free(s->y2);
	free(s->area);
	memset(s, 0, sizeof *s);
}

float
det_spots_iou(float *iou, const struct det_spots *s, const struct det_box *b)
{
	struct det_loop_boxes l = { s->x1, s->y1, s->x2, s->y2, s->area, s->n, s->one };
	struct det_fbox f = det_iou_box(b, s->one);

	return det_loops_get()->iou(iou, &l, &f);
}

/* --- objects and regions ----------------------------------------------------------------- */

static int
rule_of(const struct det_box *b, const struct det_flag_rules *r)
{
	int rule = DET_FLAG_USE;

	if (b->flags & DET_BOX_IGNORE)
		rule = DET_FLAG_IGNORE;
	if (b->flags & DET_BOX_DIFFICULT && r->difficult > rule)
		rule = r->difficult;
	if (b->flags & DET_BOX_CROWD && r->crowd > rule)
		rule = r->crowd;
	return rule;
}

static enum det_err
check_box(const struct det_box *b, size_t i, int rule, size_t classes)
{
	if (!det_box_finite(b) || !(b->x2 > b->x1) || !(b->y2 > b->y1))
		return det_fail(DET_INVALID,
		    "object %zu: finite corners and sides above 0 expected, found %g "
		    "%g "
		    "%g %g",
		    i, b->x1, b->y1, b->x2, b->y2);
	if (rule == DET_FLAG_USE && (b->label < 0 || (size_t)b->label >= classes))
		return det_fail(DET_INVALID,
		    "object %zu: a label below the number of classes, %zu, expected, "
		    "found %ld",
		    i, classes, (long)b->label);
	return DET_OK;
}

enum det_err
det_objects_set(struct det_objects *o, const struct det_example *t,
    const struct det_flag_rules *r, size_t classes)
{
	enum det_err e;

	if (t->n > INT32_MAX)
		return det_fail(
		    DET_LIMIT, "an image of more than %d objects", INT32_MAX);
	if (t->n > o->cap) {
		det_objects_release(o);
		if ((e = det_alloc(&o->object, t->n, sizeof *o->object)) ||
		    (e = det_alloc(&o->region, t->n, sizeof *o->region)))
			return e;
		o->cap = t->n;
	}
	o->n = o->regions = 0;
	for (size_t i = 0; i < t->n; i++) {
		int rule = rule_of(&t->box[i], r);

		if ((e = check_box(&t->box[i], i, rule, classes)))
			return e;
		if (rule == DET_FLAG_USE)
			o->object[o->n++] = (uint32_t)i;
		else if (rule == DET_FLAG_IGNORE)
			o->region[o->regions++] = (uint32_t)i;
	}
	return DET_OK;
}

void
det_objects_release(struct det_objects *o)
{
	free(o->object);
	free(o->region);
	memset(o, 0, sizeof *o);
}

/* --- what matchers share ----------------------------------------------------------------- */

void
det_assign_release(struct det_assign *a)
{
	free(a->to);
	free(a->iou);
	free(a->row);
	free(a->best);
	free(a->skip);
	free(a->most);
	free(a->seat);
	memset(a, 0, sizeof *a);
}

static enum det_err
make_room(struct det_assign *a, size_t n, size_t m)
{
	enum det_err e;

	n = det_most(n, a->cap);
	m = det_most(m, a->cap_most);
	det_assign_release(a);
	if ((e = det_alloc(&a->to, n, sizeof *a->to)) ||
	    (e = det_alloc(&a->iou, n, sizeof *a->iou)) ||
	    (e = det_alloc(&a->row, n, sizeof *a->row)) ||
	    (e = det_alloc(&a->best, n, sizeof *a->best)) ||
	    (e = det_alloc(&a->skip, n, sizeof *a->skip)) ||
	    (e = det_alloc(&a->most, m, sizeof *a->most)) ||
	    (e = det_alloc(&a->seat, m, sizeof *a->seat)))
		return e;
	a->cap = n;
	a->cap_most = m;
	return DET_OK;
}

/* Room for n spots and m objects; no spot has a best object yet. */
static enum det_err
prepare(struct det_assign *a, size_t n, size_t m)
{
	enum det_err e;

	if ((n > a->cap || m > a->cap_most || !a->to) && (e = make_room(a, n, m)))
		return e;
	a->n = n;
	memset(a->iou, 0, n * sizeof *a->iou);
	memset(a->skip, 0, n);
	for (size_t i = 0; i < n; i++)
		a->best[i] = -1;
	return DET_OK;
}

/* The row of object g, without the spots that are left out; returns its largest. */
static float
row_of(struct det_assign *a, const struct det_spots *s, const struct det_box *b,
    int skipping)
{
	float most = det_spots_iou(a->row, s, b);

	if (!skipping)
		return most;
	most = 0;
	for (size_t i = 0; i < a->n; i++) {
		if (a->skip[i])
			a->row[i] = 0;
		most = a->row[i] > most ? a->row[i] : most;
	}
	return most;
}

/* Each spot's best object and overlap, each object's largest overlap. best is the place in
 * the list of objects; that of a spot which touches none is the first's. */
static void
fold(struct det_assign *a, const struct det_spots *s, const struct det_example *t,
    const struct det_objects *o, int skipping)
{
	for (size_t g = 0; g < o->n; g++) {
		a->most[g] = row_of(a, s, &t->box[o->object[g]], skipping);
		if (a->most[g] > 0)
			det_loops_get()->better(
			    a->iou, a->best, a->row, a->n, (int32_t)g);
	}
	if (o->n)
		for (size_t i = 0; i < a->n; i++)
			a->best[i] = a->best[i] < 0 ? 0 : a->best[i];
}

/* Spots that would be trained towards nothing and lie in a region are ignored. */
static void
spare_region(struct det_assign *a, const struct det_spots *s, const struct det_box *b,
    double over)
{
	struct det_fbox f = det_iou_box(b, s->one);

	for (size_t i = 0; i < a->n; i++) {
		float w, h;

		if (a->to[i] != DET_ASSIGN_NONE)
			continue;
		w = det_iou_side(fmaxf(s->x1[i], f.x1), fminf(s->x2[i], f.x2), s->one);
		h = det_iou_side(fmaxf(s->y1[i], f.y1), fminf(s->y2[i], f.y2), s->one);
		if (w * h > 0 && (double)(w * h) >= over * (double)s->area[i])
			a->to[i] = DET_ASSIGN_IGNORE;
	}
}

/* From places in the list to indices of the truth, and the counts. */
static void
finish(struct det_assign *a, const struct det_spots *s, const struct det_example *t,
    const struct det_objects *o, const struct det_flag_rules *r)
{
	for (size_t k = 0; k < o->regions; k++)
		spare_region(a, s, &t->box[o->region[k]], r->ignore_over);
	a->positive = a->negative = 0;
	a->unmatched = o->n;
	for (size_t g = 0; g < o->n; g++)
		a->seat[g] = 0;
	for (size_t i = 0; i < a->n; i++) {
		a->negative += a->to[i] == DET_ASSIGN_NONE;
		if (a->to[i] < 0)
			continue;
		a->positive++;
		if (!a->seat[a->to[i]]++)
			a->unmatched--;
		a->to[i] = (int32_t)o->object[a->to[i]];
	}
}

/* --- thresholds -------------------------------------------------------------------------- */

/* Marks spots that reach over the edges of the input. */
static int
skip_outside(
    struct det_assign *a, const struct det_spots *s, const struct det_assign_params *p)
{
	float w = (float)p->in_w, h = (float)p->in_h;

	if (!(p->in_w > 0 && p->in_h > 0))
		return 0;
	for (size_t i = 0; i < a->n; i++)
		a->skip[i] = !(s->x1[i] >= 0 && s->y1[i] >= 0 &&
			       s->x2[i] + s->one <= w && s->y2[i] + s->one <= h);
	return 1;
}

static int32_t
by_threshold(float iou, int32_t best, const struct det_assign_params *p)
{
	float low = (float)p->low;

	if (best >= 0 && iou >= (float)p->high)
		return best;
	if (best >= 0 && iou < (float)p->least)
		return DET_ASSIGN_IGNORE;
	if (iou < low || (p->low_open && iou <= low))
		return DET_ASSIGN_NONE;
	return DET_ASSIGN_IGNORE;
}

static void
add_low_quality(struct det_assign *a, const struct det_spots *s,
    const struct det_example *t, const struct det_objects *o,
    const struct det_assign_params *p, int skipping)
{
	for (size_t g = 0; g < o->n; g++) {
		float most = a->most[g];

		if (p->touching && !(most > 0))
			continue;
		(void)row_of(a, s, &t->box[o->object[g]], skipping);
		for (size_t i = 0; i < a->n; i++)
			if (a->row[i] == most && !a->skip[i])
				a->to[i] = a->best[i];
	}
}

static void
ignore_centres(
    struct det_assign *a, const struct det_spots *s, const struct det_example *t)
{
	for (size_t i = 0; i < a->n; i++) {
		double x = ((double)s->x1[i] + (double)s->x2[i]) / 2;
		double y = ((double)s->y1[i] + (double)s->y2[i]) / 2;

		if (!(x >= t->x1 && x < t->x2 && y >= t->y1 && y < t->y2))
			a->to[i] = DET_ASSIGN_IGNORE;
	}
}

enum det_err
det_assign_run(struct det_assign *out, const struct det_spots *s,
    const struct det_example *t, const struct det_objects *o,
    const struct det_assign_params *p)
{
	int skipping;
	enum det_err e;

	if ((e = prepare(out, s->n, o->n)))
		return e;
	skipping = skip_outside(out, s, p);
	fold(out, s, t, o, skipping);
	for (size_t i = 0; i < s->n; i++)
		out->to[i] = out->skip[i] ? DET_ASSIGN_IGNORE
					  : by_threshold(out->iou[i], out->best[i], p);
	if (p->low_quality)
		add_low_quality(out, s, t, o, p, skipping);
	if (p->centred)
		ignore_centres(out, s, t);
	finish(out, s, t, o, &p->flag);
	return DET_OK;
}

/* --- SSD --------------------------------------------------------------------------------- */

/* The first spot that overlaps the box most, of those that are not taken; a->skip marks the
 * taken. *most is how much. */
static size_t
best_spot(float *most, struct det_assign *a, const struct det_spots *s,
    const struct det_box *b)
{
	*most = row_of(a, s, b, 1);
	for (size_t i = 0; i < a->n; i++)
		if (!a->skip[i] && a->row[i] == *most)
			return i;
	return 0;
}

static void
seat_in_turn(struct det_assign *a, const struct det_spots *s,
    const struct det_example *t, const struct det_objects *o)
{
	float most;

	for (size_t g = 0; g < o->n; g++)
		a->to[best_spot(&most, a, s, &t->box[o->object[g]])] = (int32_t)g;
}

/* The object whose seat has the largest overlap; equal ones rank by spot, then by object. */
static size_t
best_pair(const struct det_assign *a, size_t objects)
{
	size_t won = objects;

	for (size_t g = 0; g < objects; g++) {
		if (!(a->most[g] > 1e-6f))
			continue;
		if (won == objects || a->most[g] > a->most[won] ||
		    (a->most[g] == a->most[won] && a->seat[g] < a->seat[won]))
			won = g;
	}
	return won;
}

static void
seat_pairs(struct det_assign *a, const struct det_spots *s, const struct det_example *t,
    const struct det_objects *o)
{
	size_t g;

	for (g = 0; g < o->n; g++)
		a->seat[g] = best_spot(&a->most[g], a, s, &t->box[o->object[g]]);
	while ((g = best_pair(a, o->n)) < o->n) {
		size_t taken = a->seat[g];

		a->to[taken] = (int32_t)g;
		a->skip[taken] = 1;
		a->most[g] = 0;
		for (size_t k = 0; k < o->n; k++)
			if (a->most[k] > 0 && a->seat[k] == taken)
				a->seat[k] =
				    best_spot(&a->most[k], a, s, &t->box[o->object[k]]);
	}
}

enum det_err
det_assign_ssd(struct det_assign *out, const struct det_spots *s,
    const struct det_example *t, const struct det_objects *o,
    const struct det_assign_ssd_params *p)
{
	float need = (float)p->iou;
	enum det_err e;

	if ((e = prepare(out, s->n, o->n)))
		return e;
	fold(out, s, t, o, 0);
	for (size_t i = 0; i < s->n; i++)
		out->to[i] = out->best[i] >= 0 && out->iou[i] >= need ? out->best[i]
								      : DET_ASSIGN_NONE;
	if (s->n && p->form == DET_ASSIGN_SSD_TV)
		seat_in_turn(out, s, t, o);
	else if (s->n)
		seat_pairs(out, s, t, o);
	finish(out, s, t, o, &p->flag);
	return DET_OK;
}
