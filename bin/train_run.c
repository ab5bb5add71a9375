/* SPDX-License-Identifier: MIT
 *
 * The loop of a run: batches in, rows of the log out, a checkpoint now and then.
 */
#define _DEFAULT_SOURCE
#include "bin/train_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bin/progress.h"
#include "bin/signals.h"

#define AHEAD 3 /* batches held ready */

/* --- what is written --- */

double
train_memory(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) ? 0 : (double)u.ru_maxrss / 1024;
}

/* The row's clock starts again. */
static void
restart_clock(struct train_job *j)
{
	j->row_start = train_now();
	j->row_waited = det_batches_waited(j->batches);
	j->idle = 0;
}

static void
log_times(struct train_job *j, const struct det_train_row *row)
{
	const double all = train_now() - j->row_start - j->idle;
	const double waited = det_batches_waited(j->batches) - j->row_waited;
	struct det_buf b = { 0 };

	tool_check(
	    j->t, det_buf_printf(&b, "%llu\t%.3f\t%.3f\t%.4f\t%.1f\n",
		      (unsigned long long)det_train_at(j->train)->iteration,
		      train_now() - j->start, all > 0 ? (double)row->images / all : 0,
		      all > 0 ? waited / all : 0, train_memory()));
	tool_check(j->t, det_run_row(j->times, b.text, b.len));
	det_buf_free(&b);
	restart_clock(j);
}

void
train_log(struct train_job *j)
{
	const struct det_train_at *at = det_train_at(j->train);
	const size_t terms = det_system_terms(det_train_system(j->train));
	struct det_train_row row;
	struct det_buf b = { 0 };

	det_train_row(&row, j->train);
	if (row.n == 0)
		return;
	tool_check(
	    j->t, det_buf_printf(&b, "%llu\t%llu", (unsigned long long)at->iteration,
		      (unsigned long long)at->seen));
	for (size_t k = 0; k < terms; k++)
		tool_check(j->t, det_buf_printf(&b, "\t%.6g", row.term[k]));
	tool_check(j->t, det_buf_printf(&b, "\t%.6g\t%.6g\t%.6g\t%.6g\n", row.loss,
			     row.lr, row.norm, row.norm_most));
	tool_check(j->t, det_run_row(j->log, b.text, b.len));
	progress_clear();
	if (fputs(b.text, stdout) < 0 || fflush(stdout))
		tool_die(j->t, "standard output: %s", strerror(errno));
	det_buf_free(&b);
	j->loss = row.loss;
	log_times(j, &row);
}

void
train_checkpoint(struct train_job *j)
{
	const double begin = train_now();
	FILE *const table[] = { j->log, j->times, j->vals };

	for (int i = 0; i < 3; i++)
		if (table[i])
			tool_check(j->t, det_run_sync(table[i]));
	tool_check(j->t,
	    det_train_save(j->train, det_run_path(j->run, "state.det"), &j->head, 1));
	tool_check(j->t,
	    det_train_save(j->train, det_run_path(j->run, "last.det"), &j->head, 0));
	j->saved = det_train_at(j->train)->iteration;
	j->saved_at = train_now();
	j->idle += j->saved_at - begin;
}

void
train_fail(struct train_job *j)
{
	char message[1024];

	(void)snprintf(message, sizeof message, "%s", det_errmsg());
	if (j->have_head && det_train_at(j->train)->iteration > j->saved) {
		det_train_undo(j->train);
		train_checkpoint(j);
	}
	if (j->in && det_reader_failed(j->in))
		tool_read_failed(j->t, j->in);
	tool_die(j->t, "%s", message);
}

/* --- what is read --- */

/* The history of what is written: the model's, the data's, this tool's. */
static void
make_head(struct train_job *j)
{
	struct tool *t = j->t;
	struct det_record r;
	char *key, *value;
	size_t at;

	for (size_t i = 0; det_model_record(j->model, i, &r); i++) {
		if (r.kind != DET_STREAM)
			continue;
		for (at = 0;;) {
			tool_check(t, det_attr_next(&r.attrs, &at, &key, &value));
			if (!key)
				break;
			tool_check(t, det_attr_add(&j->head, key, value));
			free(key);
			free(value);
		}
	}
	for (at = 0;;) {
		tool_check(
		    t, det_attr_next(det_batches_head(j->batches), &at, &key, &value));
		if (!key)
			break;
		if (!strcmp(key, "history"))
			tool_check(t, det_attr_add(&j->head, key, value));
		free(key);
		free(value);
	}
	tool_history(t, &j->head);
	j->have_head = 1;
}

static void
open_batches(struct train_job *j)
{
	struct det_batches_params p = { .first = (uint64_t)j->o->from,
		.skip = det_train_at(j->train)->items,
		.ahead = AHEAD,
		.stop = j->stop };

	train_batches(j, &p);
}

/* The first of each kind is told with its place, all at the end by their number. */
static void
report_faults(struct train_job *j, const struct det_labelled *b)
{
	for (int f = 0; f < DET_BATCH_FAULTS; f++) {
		if (b->faults[f] && !j->faults[f])
			tool_warn(j->t, "%s are left out; the first: %s",
			    det_batch_fault_about((enum det_batch_fault)f),
			    b->fault[f]);
		j->faults[f] += b->faults[f];
	}
	if (b->cut && !j->cut) {
		j->cut = 1;
		tool_warn(j->t,
		    "a batch of %zu instead of %ld images, because the next has "
		    "another size%s",
		    b->n, j->o->batch,
		    j->faults[DET_BATCH_BAD]
			? ", and bad items are missing before it"
			: ": det-image --train --batch groups them");
	}
}

static void
report_all_faults(struct train_job *j)
{
	for (int f = 0; f < DET_BATCH_FAULTS; f++)
		if (j->faults[f] > 1)
			tool_warn(j->t, "%zu %s were left out", j->faults[f],
			    det_batch_fault_about((enum det_batch_fault)f));
}

static void
report_unmatched(const struct train_job *j)
{
	const struct det_tally *t = &det_train_at(j->train)->tally;

	if (t->unmatched)
		tool_warn(j->t,
		    "%llu of %llu objects, each counted as often as it came, had no "
		    "anchor or cell to learn them",
		    (unsigned long long)t->unmatched, (unsigned long long)t->objects);
}

/* --- the loop --- */

static void
show_progress(struct train_job *j)
{
	const struct det_train_at *at = det_train_at(j->train);
	const double spent = train_now() - j->start;
	const uint64_t all = (uint64_t)j->o->iterations, done = at->iteration;
	static uint64_t first = UINT64_MAX;
	char text[128];
	double left;

	if (first == UINT64_MAX)
		first = done - 1;
	left = all > done ? spent / (double)(done - first) * (double)(all - done) : 0;
	if (j->o->minutes > 0 && (all == 0 || left > j->o->minutes * 60 - spent))
		left = j->o->minutes * 60 - spent;
	if (all)
		(void)snprintf(text, sizeof text, "%llu of %llu iterations, %.1f%%, ",
		    (unsigned long long)done, (unsigned long long)all,
		    100 * (double)done / (double)all);
	else
		(void)snprintf(
		    text, sizeof text, "%llu iterations, ", (unsigned long long)done);
	if (left > 0)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text),
		    "%d:%02d:%02d left", (int)(left / 3600), (int)(left / 60) % 60,
		    (int)left % 60);
	else
		(void)snprintf(text + strlen(text), sizeof text - strlen(text),
		    "%.2f a second", (double)(done - first) / spent);
	if (j->loss > 0)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text),
		    ", loss %.4g", j->loss);
	progress_text(text);
}

static int
is_last(const struct train_job *j)
{
	const uint64_t all = (uint64_t)j->o->iterations;

	return (all && det_train_at(j->train)->iteration >= all) || *j->stop ||
	       (j->o->minutes > 0 && train_now() - j->start >= 60 * j->o->minutes);
}

/* `epoch`: that of the iteration before. */
static int
validation_is_due(const struct train_job *j, uint64_t epoch)
{
	const struct det_train_at *at = det_train_at(j->train);
	const uint64_t every = (uint64_t)j->o->val_every,
		       epochs = (uint64_t)j->o->val_epochs;

	return j->o->val && ((every && at->iteration % every == 0) ||
				(epochs && at->epoch / epochs > epoch / epochs));
}

static void
after_iteration(struct train_job *j, uint64_t epoch)
{
	const struct train_options *o = j->o;
	const uint64_t i = det_train_at(j->train)->iteration;
	int due = o->checkpoint_every && i % (uint64_t)o->checkpoint_every == 0;

	if (i % (uint64_t)o->log == 0)
		train_log(j);
	if (validation_is_due(j, epoch)) {
		det_train_at(j->train)->owed = i;
		due |= train_validate(j);
	}
	if (o->checkpoint > 0 && train_now() - j->saved_at >= 60 * o->checkpoint)
		due = 1;
	if (due) {
		train_checkpoint(j);
		train_plot(j);
	}
	show_progress(j);
}

/* The validation that the run was broken off in. */
static void
pay(struct train_job *j)
{
	const struct det_train_at *at = det_train_at(j->train);

	if (j->o->val && at->owed && at->owed == at->iteration && j->have_head &&
	    train_validate(j)) {
		train_checkpoint(j);
		train_plot(j);
	}
}

/* Until the iterations are done, the stream ends, the time is over or a signal comes. */
static void
loop(struct train_job *j)
{
	const struct det_labelled *b;
	uint64_t epoch;
	int done;

	while (!is_last(j)) {
		epoch = det_train_at(j->train)->epoch;
		if (det_batches_next(&b, j->batches)) {
			if (*j->stop) /* it went to the whole pipe */
				return;
			train_fail(j);
		}
		if (!b)
			return;
		report_faults(j, b);
		if (!j->have_head)
			make_head(j);
		if (b->n == 0)
			continue;
		/* weights on their way out of bounds go over no state that is good */
		tool_check(j->t, det_train_batch(j->train, b, &done));
		if (done)
			after_iteration(j, epoch);
	}
}

/* Whether this is the end that was asked for. */
static int
is_whole(const struct train_job *j)
{
	const uint64_t all = (uint64_t)j->o->iterations;

	return all ? det_train_at(j->train)->iteration >= all : !is_last(j);
}

static void
say_why(struct train_job *j)
{
	const struct det_train_at *at = det_train_at(j->train);
	const uint64_t all = (uint64_t)j->o->iterations;
	const char *path = det_run_path(j->run, "state.det");

	if (*j->stop)
		tool_die(j->t, "stopped by a signal (%s) after iteration %llu: %s",
		    strsignal(*j->stop), (unsigned long long)at->iteration,
		    at->iteration ? "--resume goes on from there" : "nothing was done");
	if (at->iteration == 0)
		tool_die(j->t, "the stream has no images to train on");
	if (all && at->iteration < all && j->o->minutes <= 0)
		tool_die(j->t,
		    "the stream ended after iteration %llu of %llu; all until there is "
		    "in %s",
		    (unsigned long long)at->iteration, (unsigned long long)all, path);
}

void
train_run(struct train_job *j)
{
	j->start = j->saved_at = train_now();
	train_open(j);
	if (j->o->val)
		train_validate_check(j);
	if (!j->t->quiet)
		progress_start("det-train", 1);
	j->stop = signals_hold();
	open_batches(j);
	train_open_tables(j);
	restart_clock(j);
	pay(j);
	loop(j);
	det_train_undo(j->train);
	report_all_faults(j);
	report_unmatched(j);
	if (det_train_at(j->train)->iteration > 0) {
		/* a row that is not full yet waits in the state for the run to go on */
		if (is_whole(j))
			train_log(j);
		if (j->o->val && !*j->stop && j->have_head)
			(void)train_validate(j);
		train_checkpoint(j);
		train_plot(j);
	}
	progress_clear();
	say_why(j);
}
