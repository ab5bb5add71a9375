/* SPDX-License-Identifier: MIT */
#include "eval/operating.h"

#include <stdlib.h>

#include "base/mem.h"

/* A detection that counts, in order of falling score over all classes. */
struct entry {
	double score;
	uint32_t at; /* place in e->order */
	uint32_t class;
};

struct tally {
	size_t tp, fp;
};

static size_t
npos_of(const struct det_eval *e, size_t class, size_t iou)
{
	return e->curve[det_eval_cell(e, 0, e->rule.n_max - 1, class, iou)].npos;
}

/* 1 a true positive, 0 a false one, -1 neither. */
static int
verdict(const struct det_eval *e, size_t at, size_t iou)
{
	const size_t last = e->rule.max_dets[e->rule.n_max - 1];

	if (e->rank[at] >= last || (e->ignored[at] >> iou & 1))
		return -1;
	return e->hit[at] >> iou & 1;
}

static double
f1_of(struct tally t, size_t npos)
{
	const size_t sum = t.tp + t.fp + npos;

	return sum ? 2.0 * (double)t.tp / (double)sum : 0;
}

static struct det_operating
point(double score, struct tally t, size_t npos)
{
	const size_t said = t.tp + t.fp;

	return (struct det_operating){ score, f1_of(t, npos),
		said ? (double)t.tp / (double)said : 0,
		npos ? (double)t.tp / (double)npos : 0, t.tp, t.fp, npos - t.tp };
}

static struct det_operating
best_of_class(const struct det_eval *e, size_t class, size_t iou)
{
	const size_t npos = npos_of(e, class, iou), end = e->start[class + 1];
	struct det_operating best = { -1, -1, -1, -1, 0, 0, 0 };
	struct tally t = { 0, 0 };

	for (size_t i = e->start[class]; i < end; i++) {
		const double score = e->set->det[e->order[i]].score;
		const int v = verdict(e, i, iou);

		t.tp += v == 1;
		t.fp += v == 0;
		if (i + 1 < end && e->set->det[e->order[i + 1]].score == score)
			continue;
		if (npos > 0 && f1_of(t, npos) > best.f1)
			best = point(score, t, npos);
	}
	if (best.f1 < 0) { /* without objects, or without detections */
		best.fp = npos ? 0 : t.fp;
		best.fn = npos;
		if (npos > 0)
			best.f1 = best.precision = best.recall = 0;
	}
	return best;
}

enum det_err
det_operating_classes(struct det_operating *out, const struct det_eval *e, size_t iou)
{
	for (size_t k = 0; k < e->n_class; k++)
		out[k] = best_of_class(e, k, iou);
	return DET_OK;
}

static int
better_first(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

static enum det_err
collect(struct entry **out, size_t *n, const struct det_eval *e, size_t iou)
{
	enum det_err err = det_alloc(out, e->n, sizeof **out);

	*n = 0;
	for (size_t k = 0; !err && k < e->n_class; k++)
		for (size_t i = e->start[k]; i < e->start[k + 1]; i++)
			if (verdict(e, i, iou) >= 0)
				(*out)[(*n)++] =
				    (struct entry){ e->set->det[e->order[i]].score,
					    (uint32_t)i, (uint32_t)k };
	if (!err && *n > 1)
		qsort(*out, *n, sizeof **out, better_first);
	return err;
}

/* Walks down the scores of all classes; `visit` is called once for each, with the mean of F1
 * over classes that have objects and what each class has by then. */
struct walk {
	const struct det_eval *e;
	size_t iou;
	struct tally *tally; /* [n_class] */
	void (*visit)(struct walk *w, double score, double f1);
	struct det_operating best;
};

static void
go_down(struct walk *w, const struct entry *entry, size_t n)
{
	size_t classes = 0;
	double sum = 0;

	for (size_t k = 0; k < w->e->n_class; k++)
		classes += npos_of(w->e, k, w->iou) > 0;
	for (size_t i = 0; i < n; i++) {
		const size_t k = entry[i].class, npos = npos_of(w->e, k, w->iou);
		const double before = f1_of(w->tally[k], npos);

		if (verdict(w->e, entry[i].at, w->iou))
			w->tally[k].tp++;
		else
			w->tally[k].fp++;
		if (npos > 0)
			sum += f1_of(w->tally[k], npos) - before;
		if (classes > 0 && (i + 1 == n || entry[i + 1].score < entry[i].score))
			w->visit(w, entry[i].score, sum / (double)classes);
	}
}

static enum det_err
walk_all(struct walk *w)
{
	struct entry *entry = NULL;
	size_t n;
	enum det_err err;

	if ((err = det_calloc(&w->tally, w->e->n_class, sizeof *w->tally)) ||
	    (err = collect(&entry, &n, w->e, w->iou)))
		goto done;
	go_down(w, entry, n);
done:
	free(entry);
	free(w->tally);
	return err;
}

static void
keep_best(struct walk *w, double score, double f1)
{
	struct det_operating *o = &w->best;
	size_t n = 0;

	/* a sum kept by differences: what differs by rounding only is no better */
	if (f1 <= o->f1 + 1e-12)
		return;
	*o = (struct det_operating){ score, f1, 0, 0, 0, 0, 0 };
	for (size_t k = 0; k < w->e->n_class; k++) {
		const size_t npos = npos_of(w->e, k, w->iou);
		const struct det_operating p = point(score, w->tally[k], npos);

		o->fp += p.fp;
		if (npos == 0)
			continue;
		n++;
		o->tp += p.tp;
		o->fn += p.fn;
		o->precision += p.precision;
		o->recall += p.recall;
	}
	o->precision /= (double)n;
	o->recall /= (double)n;
}

enum det_err
det_operating_mean(struct det_operating *out, const struct det_eval *e, size_t iou)
{
	struct walk w = { .e = e, .iou = iou, .visit = keep_best };
	enum det_err err;

	w.best = (struct det_operating){ -1, -1, -1, -1, 0, 0, 0 };
	err = walk_all(&w);
	*out = w.best;
	if (!err && out->f1 < 0)
		for (size_t k = 0; k < e->n_class; k++)
			out->fn += npos_of(e, k, iou);
	if (out->f1 < 0 && out->fn > 0)
		out->f1 = out->precision = out->recall = 0;
	return err;
}
