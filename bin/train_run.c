/* SPDX-License-Identifier: MIT
 *
 * The loop of a run: batches in, rows of the log out, a checkpoint now and then.
 */
#define _DEFAULT_SOURCE
#include "bin/train_job.h"

#include <errno.h>
#include <stdarg.h>
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
	train_check(j, det_run_row(j->times, b.text, b.len));
	det_buf_free(&b);
	restart_clock(j);
}

/* A row of the log, where there is something to say. One that is cut by the end of the
 * process stays in the state too, and is made again, whole, when the run goes on. */
static void
log_row(struct train_job *j, int whole)
{
	const struct det_train_at *at = det_train_at(j->train);
	const size_t terms = det_system_terms(det_train_system(j->train));
	struct det_train_row row;
	struct det_buf b = { 0 };

	det_train_row(&row, j->train);
	if (row.n == 0 || j->logged == at->iteration)
		return;
	j->logged = at->iteration;
	tool_check(
	    j->t, det_buf_printf(&b, "%llu\t%llu", (unsigned long long)at->iteration,
		      (unsigned long long)at->seen));
	for (size_t k = 0; k < terms; k++)
		tool_check(j->t, det_buf_printf(&b, "\t%.6g", row.term[k]));
	tool_check(j->t, det_buf_printf(&b, "\t%.6g\t%.6g\t%.6g\t%.6g\n", row.loss,
			     row.lr, row.norm, row.norm_most));
	train_check(j, det_run_row(j->log, b.text, b.len));
	progress_clear();
	if (!j->mute && (fputs(b.text, stdout) < 0 || fflush(stdout)))
		j->mute = errno;
	det_buf_free(&b);
	j->loss = row.loss;
	log_times(j, &row);
	if (whole)
		det_train_row_end(j->train);
}

void
train_checkpoint(struct train_job *j)
{
	const double begin = train_now();
	FILE *const table[] = { j->log, j->times, j->vals };

	for (int i = 0; i < 3; i++)
		if (table[i])
			train_check(j, det_run_sync(table[i]));
	train_check(j,
	    det_train_save(j->train, det_run_path(j->run, "state.det"), &j->head, 1));
	j->saved = det_train_at(j->train)->iteration;
	train_check(
	    j, det_train_save(j->train, det_run_path(j->run, "last.det"), &j->head, 0));
	j->saved_at = train_now();
	j->idle += j->saved_at - begin;
}

/* What is kept of the run, for the end of a message. */
static const char *
kept(const struct train_job *j)
{
	static char text[600];

	if (j->saved == 0)
		return "nothing is kept";
	(void)snprintf(text, sizeof text, "iteration %llu is kept in %.500s",
	    (unsigned long long)j->saved, det_run_path(j->run, "state.det"));
	return text;
}

void
train_die(struct train_job *j, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	j->t->elsewhere = 1;
	tool_die(j->t, "%s; %s", text, kept(j));
}

void
train_check(struct train_job *j, enum det_err e)
{
	if (e)
		train_die(j, "%s", det_errmsg());
}

/* Saves what is not saved yet, as far as there is any. */
static void
keep(struct train_job *j)
{
	det_train_undo(j->train);
	if (!j->have_head)
		return;
	log_row(j, 0);
	if (det_train_at(j->train)->iteration > j->saved)
		train_checkpoint(j);
	train_plot(j);
}

/* The stream broke off: ends the program with the library's message. */
static _Noreturn void
fail_stream(struct train_job *j)
{
	char message[1024];

	(void)snprintf(message, sizeof message, "%s", det_errmsg());
	keep(j);
	if (j->in && det_reader_failed(j->in)) {
		if (j->saved)
			tool_warn(j->t, "the stream was broken off; %s", kept(j));
		(void)det_fail(DET_IO, "%s", message);
		tool_read_failed(j->t, j->in);
	}
	if (j->saved == 0)
		tool_die(j->t, "%s", message);
	tool_die(j->t, "%s; %s", message, kept(j));
}

/* Weights on their way out of bounds go over no state that is good. */
static _Noreturn void
fail_batch(struct train_job *j)
{
	const char *message = det_errmsg();

	if (j->saved == 0)
		tool_die(j->t, "%s", message);
	if (!strstr(message, "finite"))
		tool_die(j->t, "%s; %s", message, kept(j));
	tool_die(j->t,
	    "%s; %s, from which --resume comes to this again: a run of its own with "
	    "-m %s and a lower --lr need not",
	    message, kept(j), det_run_path(j->run, "last.det"));
}

/* --- what is read --- */

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
		    "anchor, cell or proposal to learn them",
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

/* What ends a run before its time. */
static int
is_stopped(const struct train_job *j)
{
	return *j->stop || j->mute;
}

static int
is_last(const struct train_job *j)
{
	const uint64_t all = (uint64_t)j->o->iterations;

	return (all && det_train_at(j->train)->iteration >= all) || is_stopped(j) ||
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
	struct det_train_at *at = det_train_at(j->train);
	const uint64_t i = at->iteration;
	int due = o->checkpoint_every && i % (uint64_t)o->checkpoint_every == 0;

	if (validation_is_due(j, epoch))
		at->owed = i;
	if (i % (uint64_t)o->log == 0)
		log_row(j, 1);
	if (at->owed == i && !j->mute)
		due |= train_validate(j);
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

	if (!j->o->val || !at->owed || at->owed != at->iteration || !j->have_head)
		return;
	if (is_last(j)) /* a run that is over has its last row */
		log_row(j, 0);
	if (train_validate(j)) {
		train_checkpoint(j);
		train_plot(j);
	}
}

/* Until the iterations are done, the stream ends, the time is over, a signal comes or nobody
 * wants to read the log. */
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
			fail_stream(j);
		}
		if (!b)
			return;
		report_faults(j, b);
		train_head(j);
		if (b->n == 0)
			continue;
		if (det_train_batch(j->train, b, &done))
			fail_batch(j);
		j->pending = done ? 0 : j->pending + 1;
		if (done)
			after_iteration(j, epoch);
	}
}

/* The end that came: a row, an evaluation, a checkpoint. */
static void
finish(struct train_job *j)
{
	const struct det_train_at *at = det_train_at(j->train);

	det_train_undo(j->train);
	report_all_faults(j);
	report_unmatched(j);
	if (at->iteration == 0 || !j->have_head)
		return;
	log_row(j, 0);
	if (j->o->val && !is_stopped(j))
		(void)train_validate(j);
	train_checkpoint(j);
	train_plot(j);
}

static void
say_why(struct train_job *j)
{
	const struct det_train_at *at = det_train_at(j->train);
	const uint64_t all = (uint64_t)j->o->iterations;

	if (*j->stop)
		tool_die(j->t, "stopped by a signal (%s) after iteration %llu: %s",
		    strsignal(*j->stop), (unsigned long long)at->iteration,
		    at->iteration ? "--resume goes on from there" : "nothing was done");
	if (j->mute)
		train_die(j, "standard output: %s", strerror(j->mute));
	if (at->iteration == 0 && j->pending)
		tool_die(j->t,
		    "the stream ended before the first iteration was whole: %ld "
		    "batches make one (--accumulate), it had %zu",
		    j->o->accumulate, j->pending);
	if (at->iteration == 0)
		tool_die(j->t, "the stream has no images to train on");
	if (all && at->iteration < all && j->o->minutes <= 0)
		tool_die(j->t,
		    "the stream ended after iteration %llu of %llu; all until there is "
		    "in %s",
		    (unsigned long long)at->iteration, (unsigned long long)all,
		    det_run_path(j->run, "state.det"));
	if (j->pending && !is_last(j))
		tool_warn(j->t,
		    "the stream ended before another iteration was whole: the last "
		    "%zu batches are left out",
		    j->pending);
}

static void
say_over(const struct train_job *j)
{
	if (!j->t->quiet)
		(void)fprintf(stderr,
		    "det-train: nothing left to do: %llu of %ld iterations are done\n",
		    (unsigned long long)det_train_at(j->train)->iteration,
		    j->o->iterations);
}

void
train_run(struct train_job *j)
{
	j->start = j->saved_at = train_now();
	if (!train_open(j)) {
		say_over(j);
		return;
	}
	if (!j->t->quiet)
		progress_start("det-train", 1);
	j->stop = signals_hold();
	open_batches(j);
	train_write_recipe(j);
	train_open_tables(j);
	restart_clock(j);
	pay(j);
	loop(j);
	finish(j);
	progress_clear();
	say_why(j);
}
