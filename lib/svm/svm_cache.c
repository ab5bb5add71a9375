/* SPDX-License-Identifier: MIT
 *
 * Hard negative mining keeps few of very many negatives: those on the wrong side of the
 * margin, or near it, under the SVM of the moment. Training on all of them would give the
 * same SVM, as the others have no weight in the dual.
 *
 * As R-CNN's rcnn_train.m: added when scored above -1.0001; trained again when more than 2000
 * came; after that those scored below -1.2 go, however they score later. The departure is the
 * bound: where the easy ones that go are not enough the lowest scored follow, so that memory
 * does not grow with the data.
 *
 * A later pass asks of each row whether it is there: keys are kept in a map besides, which is
 * made anew after negatives went.
 */
#include "svm/svm_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static enum det_err
add_row(float **rows, size_t *n, size_t *cap, const float *row, size_t dims)
{
	size_t need;
	enum det_err e;

	if ((e = det_mul(&need, *n + 1, dims)) ||
	    (e = det_grow(rows, cap, need, sizeof **rows)))
		return e;
	memcpy(*rows + *n * dims, row, dims * sizeof *row);
	++*n;
	return DET_OK;
}

enum det_err
det_svm_cache_positive(struct det_svm_cache *c, const float *row)
{
	return add_row(&c->positive, &c->positives, &c->positive_cap, row, c->dims);
}

int
det_svm_cache_has(const struct det_svm_cache *c, uint64_t key)
{
	return c->at.n > 0 && det_idmap_find(&c->at, (int64_t)key) != DET_IDMAP_NONE;
}

static enum det_err
note(struct det_svm_cache *c, size_t i)
{
	int is_new;

	return det_idmap_add(&is_new, &c->at, (int64_t)c->key[i], (uint32_t)i);
}

/* Keeps the negatives that are marked. */
static enum det_err
keep(struct det_svm_cache *c, const char *stays)
{
	size_t n = 0;
	enum det_err e = DET_OK;

	for (size_t i = 0; i < c->negatives; i++) {
		if (!stays[i])
			continue;
		if (n < i) {
			memcpy(c->negative + n * c->dims, c->negative + i * c->dims,
			    c->dims * sizeof *c->negative);
			c->key[n] = c->key[i];
		}
		n++;
	}
	if (n == c->negatives)
		return DET_OK;
	c->negatives = n;
	det_idmap_release(&c->at);
	for (size_t i = 0; i < n && !e; i++)
		e = note(c, i);
	return e;
}

static int
upwards(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The score below which they go so that at most `most` stay: the easy limit, or higher. */
static enum det_err
limit(double *out, const double *z, size_t n, size_t most, double easy)
{
	double *sorted;
	enum det_err e;

	*out = easy;
	if (n <= most)
		return DET_OK;
	if ((e = det_alloc(&sorted, n, sizeof *sorted)))
		return e;
	memcpy(sorted, z, n * sizeof *z);
	qsort(sorted, n, sizeof *sorted, upwards);
	if (sorted[n - most] > easy)
		*out = sorted[n - most];
	free(sorted);
	return DET_OK;
}

static enum det_err
let_go(struct det_svm_cache *c, size_t most, double easy)
{
	const size_t n = c->negatives;
	double *z = NULL, least;
	char *stays = NULL;
	size_t kept = 0;
	enum det_err e;

	if ((e = det_alloc(&z, n, sizeof *z)) || (e = det_alloc(&stays, n, 1)))
		goto out;
	for (size_t i = 0; i < n; i++)
		z[i] = det_svm_score(c->negative + i * c->dims, c->w, c->dims, c->b);
	if ((e = limit(&least, z, n, most, easy)))
		goto out;
	/* of equal scores at the limit the later ones go */
	for (size_t i = 0; i < n; i++) {
		stays[i] = z[i] >= least && kept < most;
		kept += stays[i] != 0;
	}
	e = keep(c, stays);
out:
	free(z);
	free(stays);
	return e;
}

static enum det_err
train_to(
    struct det_svm_cache *c, size_t most, double easy, const struct det_svm_params *p)
{
	const struct det_svm_rows rows = { c->positive, c->negative, c->positives,
		c->negatives, c->dims, c->scale };
	enum det_err e;

	c->added = 0;
	if (c->positives == 0 || c->negatives == 0)
		return DET_OK;
	if (!c->w && (e = det_calloc(&c->w, c->dims, sizeof *c->w)))
		return e;
	if ((e = det_svm_solve(c->w, &c->b, &c->fit, &rows, p)))
		return e;
	c->trained++;
	c->stopped += c->fit.stopped != 0;
	return let_go(c, most, easy);
}

enum det_err
det_svm_cache_train(struct det_svm_cache *c, const struct det_svm_mining *m,
    const struct det_svm_params *p)
{
	return train_to(c, m->most, m->easy, p);
}

enum det_err
det_svm_cache_negative(struct det_svm_cache *c, const float *row, uint64_t key,
    const struct det_svm_mining *m, const struct det_svm_params *p)
{
	enum det_err e;

	if (c->negatives >= m->most && c->positives > 0 &&
	    (e = train_to(c, m->most - m->most / 4, m->easy, p)))
		return e;
	if ((e = det_grow(&c->key, &c->key_cap, c->negatives + 1, sizeof *c->key)))
		return e;
	c->key[c->negatives] = key;
	if ((e = note(c, c->negatives)) ||
	    (e = add_row(&c->negative, &c->negatives, &c->negative_cap, row, c->dims)))
		return e;
	c->added++;
	c->met++;
	return DET_OK;
}

void
det_svm_cache_release(struct det_svm_cache *c)
{
	free(c->positive);
	free(c->negative);
	free(c->key);
	det_idmap_release(&c->at);
	free(c->w);
	*c = (struct det_svm_cache){ 0 };
}
