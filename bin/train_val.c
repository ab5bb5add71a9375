/* SPDX-License-Identifier: MIT
 *
 * A validation: the pipe that the model carries, run by the tools themselves on the pictures
 * of a stream, and its end read here: objects and detections of each item, evaluated as
 * det-eval does it.
 */
#define _POSIX_C_SOURCE 200809L
#include "bin/train_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/progress.h"
#include "bin/spawn.h"
#include "eval/eval.h"

#define FOUND "boxes"
#define LOOK  100 /* ms between looks at `stop` */

/* The model's stages, each with the model as it is now. The stream's own proposals stand in
 * for those that the pipe would make. */
static void
assemble(struct train_job *j, struct det_pipeline *p, const char *model)
{
	static const char *const computing[] = { "det-backbone", "det-propose",
		"det-roipool", "det-head", "det-nms" };
	struct tool *t = j->t;
	const char *text;
	char threads[48];
	size_t len;

	det_model_text(j->model, "pipeline", &text, &len);
	if (!text)
		tool_die(t, "--val: %s carries no pipeline: it can't be run",
		    det_model_path(j->model));
	tool_check(t, det_pipeline_parse(p, text, len));
	if (j->val_proposals)
		det_pipeline_drop(p, "det-propose");
	for (size_t i = 0; i < p->n; i++) {
		tool_check(t, det_stage_add(&p->stage[i], "-m"));
		tool_check(t, det_stage_add(&p->stage[i], model));
	}
	(void)snprintf(threads, sizeof threads, "--threads=%d", tool_threads(t));
	for (size_t i = 0; i < sizeof computing / sizeof computing[0]; i++) {
		struct det_stage *s = det_pipeline_find(p, computing[i]);

		if (s)
			tool_check(t, det_stage_add(s, threads));
	}
}

/* A stream on its way into a set. */
struct feed {
	struct train_job *j;
	struct det_eval_set set;
	struct det_boxes list;
	uint32_t image;
	int inside; /* an item */
	size_t objects, finds;
};

static enum det_err
feed_head(struct feed *f, struct det_record *r)
{
	struct det_classes c = { 0 };
	enum det_err e;

	f->inside = 0;
	if (f->set.n_image)
		return det_fail(DET_INVALID, "one stream expected, found a second");
	if ((e = det_record_load(r)) ||
	    (e = det_classes_parse(&c, r->tensor.data, r->size)))
		return e;
	e = det_eval_set_classes(&f->set, &c);
	det_classes_release(&c);
	return e;
}

static enum det_err
feed_record(struct feed *f, struct det_record *r)
{
	const char *name = det_record_name(r);
	struct det_item it = { 0 };
	enum det_err e;
	int truth;

	if (r->kind == DET_STREAM)
		return feed_head(f, r);
	if (r->kind == DET_ITEM) {
		if ((e = det_item_read(&it, r)))
			return e;
		e = det_eval_set_image(
		    &f->image, &f->set, (int64_t)f->set.n_image, it.path);
		f->inside = 1;
		det_item_release(&it);
		return e;
	}
	if (r->kind != DET_BOXES || !f->inside)
		return DET_OK;
	truth = strcmp(name, f->j->o->gt) == 0;
	if (!truth && strcmp(name, FOUND) != 0)
		return DET_OK;
	if ((e = det_boxes_read(&f->list, r)))
		return e;
	if (truth)
		f->objects++;
	else
		f->finds++;
	return truth ? det_eval_add_gt_list(
			   &f->set, f->image, &f->list, NULL, f->set.classes.n)
		     : det_eval_add_det_list(
			   &f->set, f->image, &f->list, NULL, f->set.classes.n);
}

/* Until there is something to read. Where a signal came the pipe is told to end: then that is
 * its end. */
static void
wait_pipe(const struct train_job *j, const struct det_reader *rd, struct spawned *s)
{
	struct pollfd p = { .fd = s->out, .events = POLLIN };

	while (!*j->stop && det_reader_would_block(rd))
		(void)poll(&p, 1, LOOK);
	if (*j->stop)
		spawn_stop(s);
}

static enum det_err
feed_all(struct feed *f, struct spawned *s)
{
	struct det_reader *rd;
	struct det_record r = { 0 };
	int more = 1;
	enum det_err e;

	if ((e = det_reader_open_fd(&rd, s->out, "validation")))
		return e;
	while (!e && more) {
		wait_pipe(f->j, rd, s);
		if (!(e = det_reader_next(rd, &r, &more)) && more)
			e = feed_record(f, &r);
	}
	if (!e && (f->objects < f->set.n_image || f->finds < f->set.n_image))
		e = det_fail(DET_INVALID,
		    "lists '%s' and '" FOUND "' of each of %zu items "
		    "expected, found %zu and %zu",
		    f->j->o->gt, f->set.n_image, f->objects, f->finds);
	det_record_release(&r);
	det_reader_close(rd);
	return e;
}

int
train_validate_open(struct train_job *j)
{
	const int in = open(j->o->val, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		tool_die(j->t, "--val %s: %s", j->o->val, strerror(errno));
	if (!S_ISREG(st.st_mode))
		tool_die(j->t, "--val %s: a file expected, which can be read again",
		    j->o->val);
	return in;
}

void
train_validate_ready(struct train_job *j)
{
	struct det_pipeline p = { 0 };

	assemble(j, &p, "last.det");
	det_pipeline_release(&p);
}

/* Runs the pipe into the set; 0 where a signal broke it off. */
static int
fill(struct train_job *j, struct feed *f)
{
	struct det_pipeline p = { 0 };
	struct spawned s;
	char path[4096], why[1024] = "";
	int status, whole, in = train_validate_open(j);
	enum det_err e;

	(void)snprintf(path, sizeof path, "%s", det_run_path(j->run, "last.det"));
	assemble(j, &p, path);
	tool_check(j->t, spawn_start(&s, &p, in, 1));
	(void)close(in);
	e = feed_all(f, &s); /* which closes it */
	if (e)
		(void)snprintf(why, sizeof why, "%s", det_errmsg());
	whole = !spawn_wait(&status, &s) && !status && !e;
	if (status)
		(void)snprintf(why, sizeof why, "the model's pipe failed");
	if (!whole && !*j->stop)
		train_die(j, "--val %s: %s", j->o->val, why);
	det_pipeline_release(&p);
	return whole;
}

static void
add_figure(struct train_job *j, struct det_buf *b, double v)
{
	tool_check(
	    j->t, v < 0 ? det_buf_printf(b, "\t-") : det_buf_printf(b, "\t%.6g", v));
}

/* A row of val.tsv; gives the first figure. */
static double
write_row(struct train_job *j, const struct det_eval *e)
{
	const struct det_train_at *at = det_train_at(j->train);
	const size_t most = e->rule.n_max - 1;
	const double ap = det_eval_mean_ap(e, 0, most, DET_EVAL_EVERY, DET_EVAL_EVERY);
	struct det_buf b = { 0 };

	tool_check(
	    j->t, det_buf_printf(&b, "%llu\t%llu", (unsigned long long)at->iteration,
		      (unsigned long long)at->seen));
	add_figure(j, &b, ap);
	for (int k = 0; k < 2; k++) {
		long i = det_eval_iou_index(&e->rule, k ? .75 : .5);

		add_figure(j, &b,
		    i < 0 ? -1 : det_eval_mean_ap(e, 0, most, DET_EVAL_EVERY, i));
	}
	tool_check(j->t, det_buf_printf(&b, "\n"));
	train_check(j, det_run_row(j->vals, b.text, b.len));
	det_buf_free(&b);
	return ap;
}

int
train_validate(struct train_job *j)
{
	struct det_train_at *at = det_train_at(j->train);
	const double begin = train_now(), idle = j->idle;
	struct feed f = { .j = j };
	struct det_eval_rule rule;
	struct det_eval e;
	double ap;
	int whole;

	if (at->validated == at->iteration)
		return 0;
	progress_clear();
	/* whatever ends this process now: it is done when the run goes on */
	at->owed = at->iteration;
	train_checkpoint(j);
	if ((whole = fill(j, &f))) {
		tool_check(
		    j->t, det_eval_rule_find(&rule, train_rules[j->o->val_rule]));
		tool_check(j->t, det_eval_run(&e, &f.set, &rule, tool_threads(j->t)));
		ap = write_row(j, &e);
		det_eval_release(&e);
		at->validated = at->iteration;
		at->owed = 0;
		if (ap > at->best) {
			at->best = ap;
			at->best_at = at->iteration;
			train_check(
			    j, det_train_save(j->train,
				   det_run_path(j->run, "best.det"), &j->head, 0));
		}
	}
	det_boxes_release(&f.list);
	det_eval_set_release(&f.set);
	j->idle = idle + train_now() - begin;
	return whole;
}
