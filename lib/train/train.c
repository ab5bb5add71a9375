/* SPDX-License-Identifier: MIT
 *
 * An iteration: the gradients of one or several batches added up, each with its share, then
 * one update. Counters move when the iteration is whole, so that whatever stops it in the
 * middle leaves a run that stands where the iteration before ended; running statistics of
 * normalisations, which forward passes move, are put back by det_train_undo.
 */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/mem.h"
#include "base/text.h"
#include "train/train_impl.h"

static int
is_statistic(const struct det_param *p)
{
	return p->role == DET_PARAM_MEAN || p->role == DET_PARAM_VAR;
}

static enum det_err
open_params(struct det_train *t)
{
	enum det_err e;

	t->n_params = det_system_n_params(t->system);
	t->n_terms = det_system_terms(t->system);
	if ((e = det_alloc(&t->param, t->n_params, sizeof(struct det_param *))) ||
	    (e = det_calloc(&t->sum.term, t->n_terms, sizeof(double))) ||
	    (e = det_calloc(&t->mean, t->n_terms, sizeof(double))) ||
	    (e = det_calloc(&t->value, t->n_terms, sizeof(double))) ||
	    (e = det_calloc(&t->step, t->n_terms, sizeof(double))))
		return e;
	for (size_t i = 0; i < t->n_params; i++) {
		t->param[i] = det_system_param(t->system, i);
		if (is_statistic(t->param[i]))
			t->n_statistics += t->param[i]->count;
	}
	return det_alloc(&t->statistics, t->n_statistics, sizeof(float));
}

enum det_err
det_train_open(
    struct det_train **out, const struct det_model *m, const struct det_train_params *p)
{
	struct det_train *t;
	enum det_err e;

	*out = NULL;
	if (p->accumulate < 1)
		return det_fail(DET_INVALID, "1 batch or more an iteration expected");
	if ((e = det_calloc(&t, 1, sizeof *t)))
		return e;
	t->model = m;
	t->schedule = p->schedule;
	t->lr = p->lr;
	t->accumulate = p->accumulate;
	t->threads = p->optim.threads;
	t->at.best = -1;
	if ((e = det_system_open(&t->system, m, &p->system)) || (e = open_params(t)) ||
	    (e = det_optim_new(&t->optim, t->param, t->n_params, &p->optim)) ||
	    (det_train_is_state(m) && (e = det_train_load(t, m)))) {
		det_train_free(t);
		return e;
	}
	*out = t;
	return DET_OK;
}

void
det_train_free(struct det_train *t)
{
	if (!t)
		return;
	det_optim_free(t->optim);
	det_system_free(t->system);
	free(t->param);
	free(t->sum.term);
	free(t->mean);
	free(t->value);
	free(t->step);
	free(t->statistics);
	free(t);
}

struct det_system *
det_train_system(struct det_train *t)
{
	return t->system;
}

struct det_train_at *
det_train_at(struct det_train *t)
{
	return &t->at;
}

const struct det_optim *
det_train_optim(const struct det_train *t)
{
	return t->optim;
}

/* Running statistics into the copy, or back. */
static void
move_statistics(struct det_train *t, int back)
{
	float *p = t->statistics;

	for (size_t i = 0; i < t->n_params; i++) {
		const struct det_param *q = t->param[i];
		const size_t bytes = q->count * sizeof(float);

		if (!is_statistic(q))
			continue;
		if (back)
			memcpy(q->value, p, bytes);
		else
			memcpy(p, q->value, bytes);
		p += q->count;
	}
}

static void
begin(struct det_train *t)
{
	move_statistics(t, 0);
	det_system_clear(t->system);
	memset(t->value, 0, t->n_terms * sizeof *t->value);
	t->images = 0;
	t->tally = (struct det_tally){ 0 };
}

void
det_train_undo(struct det_train *t)
{
	if (t->done > 0)
		move_statistics(t, 1);
	t->done = 0;
}

/* "iteration 12, images 0 'a.jpg', 1 'b.jpg'" before the message. */
static enum det_err
fail_at(const struct det_train *t, const struct det_labelled *b, enum det_err e)
{
	const size_t most = 4;
	struct det_buf names = { 0 };
	enum det_err w = DET_OK;

	for (size_t i = 0; !w && i < b->n && i < most; i++)
		w = det_buf_printf(
		    &names, "%s%zu '%.60s'", i ? ", " : "", i, b->path[i]);
	if (!w && b->n > most)
		w = det_buf_printf(&names, ", ...");
	if (!w)
		e = det_fail_in(e, "iteration %llu (images %s)",
		    (unsigned long long)t->at.iteration + 1, names.text);
	det_buf_free(&names);
	return e;
}

/* Values may overflow where what they are computed from does not. */
enum det_err
det_train_finite(const struct det_train *t, int statistics)
{
	for (size_t i = 0; i < t->n_params; i++) {
		const struct det_param *p = t->param[i];

		if (statistics && !is_statistic(p))
			continue;
		if (det_finite_first(p->value, p->count, t->threads) < p->count)
			return det_fail(
			    DET_INVALID, "'%s' is not finite any more", p->name);
	}
	return DET_OK;
}

/* The iteration is whole: weights move, and counters. */
static enum det_err
update(struct det_train *t)
{
	const double lr = det_schedule_rate(&t->schedule, t->lr, t->at.iteration);
	double norm = 0;
	enum det_err e;

	if ((e = det_optim_step(t->optim, lr, 1, &norm)))
		return e;
	for (size_t k = 0; k < t->n_terms; k++)
		t->sum.term[k] += t->value[k];
	t->sum.n++;
	t->sum.images += t->images;
	t->sum.lr = lr;
	t->sum.norm += norm;
	t->sum.most = norm > t->sum.most ? norm : t->sum.most;
	t->at.iteration++;
	t->at.batches += t->done;
	t->at.seen += t->images;
	t->at.tally.objects += t->tally.objects;
	t->at.tally.unmatched += t->tally.unmatched;
	t->at.items = t->items;
	t->at.epoch = t->epoch;
	t->done = 0;
	return DET_OK;
}

enum det_err
det_train_batch(struct det_train *t, const struct det_labelled *b, int *done)
{
	const double share = 1. / (double)t->accumulate;
	struct det_batch batch = {
		.image = b->image, .truth = b->truth, .proposed = b->proposed
	};
	struct det_tally tally;
	enum det_err e;

	*done = 0;
	if (t->done == 0)
		begin(t);
	batch.run = t->at.batches + t->done;
	batch.seen = t->at.seen + t->images;
	t->done++;
	if ((e = det_system_step(t->system, &batch, share, t->step)) ||
	    (e = det_train_finite(t, 1)))
		goto fail;
	for (size_t k = 0; k < t->n_terms; k++)
		t->value[k] += share * t->step[k];
	t->images += b->n;
	tally = det_system_tally(t->system);
	t->tally.objects += tally.objects;
	t->tally.unmatched += tally.unmatched;
	t->items = b->items;
	t->epoch = b->epoch;
	if (t->done < t->accumulate)
		return DET_OK;
	if ((e = update(t)))
		goto fail;
	*done = 1;
	return DET_OK;
fail:
	det_train_undo(t);
	return fail_at(t, b, e);
}

void
det_train_row(struct det_train_row *out, struct det_train *t)
{
	struct det_train_sums *s = &t->sum;
	const double n = s->n ? (double)s->n : 1;

	*out = (struct det_train_row){ .n = s->n,
		.term = t->mean,
		.lr = s->lr,
		.norm = s->norm / n,
		.norm_most = s->most,
		.images = s->images };
	for (size_t k = 0; k < t->n_terms; k++) {
		t->mean[k] = s->term[k] / n;
		out->loss += t->mean[k];
	}
}

void
det_train_row_end(struct det_train *t)
{
	struct det_train_sums *s = &t->sum;

	memset(s->term, 0, t->n_terms * sizeof *s->term);
	s->n = s->images = 0;
	s->norm = s->most = 0;
}
