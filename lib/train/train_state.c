/* SPDX-License-Identifier: MIT
 *
 * A run as a file. A state is the model file that the run began with, its weights as they
 * are now, and besides
 *
 *   TEXT   "train/state"   lines key=value: the counters, and sums of the log's next row
 *   TENSOR "train/NAME"    what the optimizer keeps
 *
 * Numbers are written so that they read back to the same bits. A model is the same without
 * these.
 */
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "train/train_impl.h"

#define STATE  "train/state"
#define PREFIX "train/"
#define NAME   256

int
det_train_is_state(const struct det_model *m)
{
	const char *text;
	size_t len;

	det_model_text(m, STATE, &text, &len);
	return text != NULL;
}

/* --- writing --- */

static enum det_err
state_text(struct det_buf *b, const struct det_train *t)
{
	const struct det_train_at *a = &t->at;
	const struct det_train_sums *s = &t->sum;
	const double *own;
	size_t n;
	enum det_err e;

	e = det_buf_printf(b,
	    "version=1\niteration=%" PRIu64 "\nbatches=%" PRIu64 "\nseen=%" PRIu64
	    "\nitems=%" PRIu64 "\nepoch=%" PRIu64 "\nobjects=%" PRIu64
	    "\nunmatched=%" PRIu64 "\n",
	    a->iteration, a->batches, a->seen, a->items, a->epoch, a->tally.objects,
	    a->tally.unmatched);
	if (!e)
		e = det_buf_printf(b,
		    "best_at=%" PRIu64 "\nbest=%a\nvalidated=%" PRIu64 "\nowed=%" PRIu64
		    "\nrow=%zu\nrow_images=%zu\nrow_norm=%a\n"
		    "row_most=%a\nrow_lr=%a\n",
		    a->best_at, a->best, a->validated, a->owed, s->n, s->images,
		    s->norm, s->most, s->lr);
	for (size_t k = 0; !e && k < t->n_terms; k++)
		e = det_buf_printf(
		    b, "row/%s=%a\n", det_system_term(t->system, k), s->term[k]);
	own = det_system_state(t->system, &n);
	for (size_t k = 0; !e && k < n; k++)
		e = det_buf_printf(b, "objective/%zu=%a\n", k, own[k]);
	return e;
}

static enum det_err
put_state(struct det_writer *w, struct det_train *t)
{
	struct det_buf b = { 0 };
	enum det_err e;

	e = state_text(&b, t);
	if (!e)
		e = det_writer_text(w, STATE, b.text, b.len);
	det_buf_free(&b);
	for (size_t i = 0; !e && i < det_optim_n_states(t->optim); i++) {
		struct det_optim_state o;
		struct det_tensor v = { .dtype = DET_F32, .rank = 1 };
		char name[NAME];

		det_optim_state(t->optim, i, &o);
		(void)snprintf(name, sizeof name, PREFIX "%s", o.name);
		v.dims[0] = o.count;
		v.data = o.data;
		e = det_writer_tensor(w, name, &v, NULL);
	}
	return e;
}

/* The parameter of that name: its number, n_params where it is none. */
static size_t
find_param(const struct det_train *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->n_params; i++)
		if (!strcmp(t->param[i]->name, name))
			break;
	return i;
}

static enum det_err
put_weight(struct det_writer *w, const struct det_train *t, size_t i, int state)
{
	const struct det_param *p = t->param[i];
	const float *mean = state ? NULL : det_optim_average(t->optim, i);
	struct det_tensor v = { .dtype = DET_F32, .rank = p->rank };

	memcpy(v.dims, p->dims, sizeof v.dims);
	v.data = mean ? (void *)(uintptr_t)mean : p->value;
	return det_writer_tensor(w, p->name, &v, NULL);
}

/* One record of the model that the run began with, as it is now. */
static enum det_err
put_record(struct det_writer *w, struct det_train *t, struct det_record *r,
    const struct det_attrs *head, int state)
{
	const char *name = det_record_name(r);
	size_t i;
	enum det_err e;

	if (r->kind == DET_STREAM) {
		if ((e = det_record_load(r)))
			return e;
		return det_writer_make(w, DET_STREAM, head, r->tensor.data, r->size);
	}
	if (r->kind == DET_END || !strncmp(name, PREFIX, strlen(PREFIX)))
		return DET_OK;
	if (r->kind == DET_TENSOR && (i = find_param(t, name)) < t->n_params)
		return put_weight(w, t, i, state);
	return det_writer_put(w, r);
}

static enum det_err
put_all(
    struct det_writer *w, struct det_train *t, const struct det_attrs *head, int state)
{
	struct det_record r;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && det_model_record(t->model, i, &r); i++)
		e = put_record(w, t, &r, head, state);
	if (!e && state)
		e = put_state(w, t);
	if (!e && !(e = det_writer_end(w)))
		e = det_writer_flush(w);
	return e;
}

enum det_err
det_train_save(
    struct det_train *t, const char *path, const struct det_attrs *head, int state)
{
	struct det_newfile f;
	struct det_writer *w = NULL;
	enum det_err e;

	if ((e = det_train_finite(t, 0)))
		return det_fail_in(e, "iteration %" PRIu64, t->at.iteration);
	if ((e = det_file_create(&f, path)))
		return e;
	if (!(e = det_writer_open_fd(&w, f.fd, path)))
		e = put_all(w, t, head, state);
	det_writer_free(w);
	if (!e)
		return det_file_commit_safe(&f);
	det_file_abandon(&f);
	return e;
}

/* --- reading --- */

/* The value of a line "key=value", NULL where there is none. */
static const char *
value_of(const char *key, const char *text, size_t len)
{
	const size_t k = strlen(key);
	const char *line;
	size_t at = 0, n;

	while (det_line_next(&line, &n, text, len, &at))
		if (n > k && !memcmp(line, key, k) && line[k] == '=')
			return line + k + 1;
	return NULL;
}

static enum det_err
read_number(double *x, uint64_t *u, const char *key, const char *text, size_t len)
{
	const char *v = value_of(key, text, len), *stop;
	char word[64], *end;
	size_t n;

	stop = v ? memchr(v, '\n', len - (size_t)(v - text)) : NULL;
	n = stop ? (size_t)(stop - v) : 0;
	if (n > 0 && n < sizeof word) {
		memcpy(word, v, n);
		word[n] = 0;
		if (x)
			*x = strtod(word, &end);
		else
			*u = strtoull(word, &end, 10);
		if (!*end && (!x || (*x >= -DBL_MAX && *x <= DBL_MAX)) &&
		    (x || (word[0] >= '0' && word[0] <= '9')))
			return DET_OK;
	}
	return det_fail(DET_CORRUPT, STATE ": a line '%s=NUMBER' expected", key);
}

/* Of a count that states did not have from the first. */
static enum det_err
read_later(uint64_t *u, const char *key, const char *text, size_t len)
{
	*u = 0;
	return value_of(key, text, len) ? read_number(NULL, u, key, text, len) : DET_OK;
}

static enum det_err
load_counters(struct det_train *t, const char *text, size_t len)
{
	struct det_train_at *a = &t->at;
	struct det_train_sums *s = &t->sum;
	uint64_t version, n, images;
	enum det_err e;

	if ((e = read_number(NULL, &version, "version", text, len)))
		return e;
	if (version != 1)
		return det_fail(DET_UNSUPPORTED,
		    STATE ": version 1 expected, found %" PRIu64, version);
	if ((e = read_number(NULL, &a->iteration, "iteration", text, len)) ||
	    (e = read_number(NULL, &a->batches, "batches", text, len)) ||
	    (e = read_number(NULL, &a->seen, "seen", text, len)) ||
	    (e = read_number(NULL, &a->items, "items", text, len)) ||
	    (e = read_number(NULL, &a->epoch, "epoch", text, len)) ||
	    (e = read_later(&a->tally.objects, "objects", text, len)) ||
	    (e = read_later(&a->tally.unmatched, "unmatched", text, len)) ||
	    (e = read_later(&a->validated, "validated", text, len)) ||
	    (e = read_later(&a->owed, "owed", text, len)) ||
	    (e = read_number(NULL, &a->best_at, "best_at", text, len)) ||
	    (e = read_number(&a->best, NULL, "best", text, len)) ||
	    (e = read_number(NULL, &n, "row", text, len)) ||
	    (e = read_number(NULL, &images, "row_images", text, len)) ||
	    (e = read_number(&s->norm, NULL, "row_norm", text, len)) ||
	    (e = read_number(&s->most, NULL, "row_most", text, len)) ||
	    (e = read_number(&s->lr, NULL, "row_lr", text, len)))
		return e;
	s->n = (size_t)n;
	s->images = (size_t)images;
	return DET_OK;
}

static enum det_err
load_terms(struct det_train *t, const char *text, size_t len)
{
	char key[NAME];
	enum det_err e = DET_OK;

	for (size_t k = 0; !e && k < t->n_terms; k++) {
		(void)snprintf(
		    key, sizeof key, "row/%s", det_system_term(t->system, k));
		e = read_number(&t->sum.term[k], NULL, key, text, len);
	}
	return e;
}

/* What the objective keeps. */
static enum det_err
load_objective(struct det_train *t, const char *text, size_t len)
{
	char key[NAME];
	size_t n;
	double *own = det_system_state(t->system, &n);
	enum det_err e = DET_OK;

	for (size_t k = 0; !e && k < n; k++) {
		(void)snprintf(key, sizeof key, "objective/%zu", k);
		e = read_number(&own[k], NULL, key, text, len);
	}
	return e;
}

/* What the optimizer keeps. */
static enum det_err
load_kept(struct det_train *t, const struct det_model *m)
{
	for (size_t i = 0; i < det_optim_n_states(t->optim); i++) {
		struct det_optim_state o;
		struct det_tensor v;
		char name[NAME];
		size_t n;
		enum det_err e;

		det_optim_state(t->optim, i, &o);
		(void)snprintf(name, sizeof name, PREFIX "%s", o.name);
		if ((e = det_model_tensor(m, name, &v)) ||
		    (e = det_tensor_count(&n, &v)))
			return e;
		if (v.dtype != DET_F32 || n != o.count)
			return det_fail(DET_CORRUPT,
			    "%s: %zu numbers of f32 expected, found %zu of %s", name,
			    o.count, n, det_dtype_name(v.dtype));
		memcpy(o.data, v.data, n * sizeof(float));
		det_model_leave(m, v.data, n * sizeof(float));
	}
	det_optim_set_steps(t->optim, t->at.iteration);
	return DET_OK;
}

enum det_err
det_train_load(struct det_train *t, const struct det_model *m)
{
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(m, STATE, &text, &len);
	if ((e = load_counters(t, text, len)) || (e = load_terms(t, text, len)) ||
	    (e = load_objective(t, text, len)) || (e = load_kept(t, m)))
		return det_fail_in(e, "%s", det_model_path(m));
	return DET_OK;
}
