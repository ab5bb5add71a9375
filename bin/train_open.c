/* SPDX-License-Identifier: MIT
 *
 * What a run begins with: its folder, the model or the state that it goes on from, its
 * tables.
 */
#define _POSIX_C_SOURCE 200809L
#include "bin/train_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

const char *const train_bns[] = { "batch", "frozen", NULL };
const char *const train_bn_forms[] = { "torch", "darknet", NULL };
const char *const train_rules[] = { "coco", "voc07", "voc10", "voc07-py", "voc10-py",
	"darknet", NULL };

double
train_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void
train_params(struct train_job *j, struct det_train_params *p)
{
	const struct train_options *o = j->o;
	const int threads = tool_threads(j->t);

	*p = (struct det_train_params){
		.system = { .grad = { .threads = threads,
				.bn_frozen = o->bn == 1,
				.form = o->bn_form == 1 ? DET_BN_DARKNET_FORM
							: DET_BN_TORCH,
				.bn_momentum = o->bn_momentum,
				.seed = (unsigned long long)o->seed },
		    .line = o->loss.v,
		    .n_lines = o->loss.n },
		.optim = { .kind = (enum det_optim_kind)o->optimizer,
		    .momentum = o->momentum,
		    .nesterov = o->nesterov,
		    .beta1 = o->adam.v[0],
		    .beta2 = o->adam.v[1],
		    .eps = o->adam.v[2],
		    .decay = o->decay,
		    .decay_rules = o->decay_mult,
		    .rate_rules = o->lr_mult,
		    .freeze = o->freeze,
		    .clip_norm = o->clip,
		    .clip_value = o->clip_value,
		    .average = o->ema,
		    .threads = threads },
		.lr = o->lr,
		.accumulate = (size_t)o->accumulate,
	};
	if (o->adam.n != 3)
		tool_usage(
		    j->t, "--adam: three numbers expected, found %zu", o->adam.n);
	if (det_schedule_parse(
		&p->schedule, o->schedule, o->warmup, (uint64_t)o->iterations))
		tool_usage(j->t, "%s", det_errmsg());
}

/* The state in the folder, if the run is to go on. */
static void
open_state(struct train_job *j)
{
	struct tool *t = j->t;

	if (!det_run_has(j->run, "state.det")) {
		if (!t->model)
			tool_usage(t, "which model? give -m MODEL");
		train_new_folder(j);
		return;
	}
	if (!j->o->resume)
		tool_usage(t,
		    "%s holds a run: --resume goes on with it (or give another "
		    "folder)",
		    j->o->dir);
	if (!det_run_has(j->run, "recipe"))
		tool_die(t,
		    "%s is missing: the options that the run was begun with are not "
		    "known without it",
		    det_run_path(j->run, "recipe"));
	train_take_recipes(j);
	tool_check(t, det_model_open(&j->state, det_run_path(j->run, "state.det")));
	tool_check(t, det_model_verify(j->state));
	if (!det_train_is_state(j->state))
		tool_die(t, "%s: the state of a run expected, found another model",
		    det_model_path(j->state));
}

/* A run that has nothing left to do, and its recipe, are left as they are. */
static int
is_over(const struct train_job *j)
{
	const struct det_train_at *at = det_train_at(j->train);
	const uint64_t all = (uint64_t)j->o->iterations;

	if (!j->state || !all || at->iteration < all)
		return 0;
	return !j->o->val || (at->validated == at->iteration && !at->owed);
}

int
train_open(struct train_job *j)
{
	struct tool *t = j->t;
	struct det_train_params p;

	if (j->o->dir && !j->o->dry_run) {
		tool_check(t, det_run_open(&j->run, j->o->dir));
		open_state(j);
	} else if (!t->model) {
		tool_usage(t, "which model? give -m MODEL");
	}
	j->model = j->state ? j->state : t->model;
	if (!j->state && det_train_is_state(j->model))
		tool_usage(t,
		    "-m %s is the state of a run: --resume goes on with it, last.det "
		    "beside it is its model",
		    t->model_path);
	if (j->state)
		train_head_state(j);
	if (j->run && j->o->val)
		train_validate_check(j);
	if (j->run)
		train_settle_recipe(j);
	train_params(j, &p);
	if (j->o->dry_run) {
		p.lr = 0; /* the same batch again and again: weights stay */
		p.accumulate = 1;
	}
	tool_check(t, det_train_open(&j->train, j->model, &p));
	j->saved = det_train_at(j->train)->iteration;
	return !is_over(j);
}

void
train_batches(struct train_job *j, struct det_batches_params *p)
{
	tool_check(j->t, det_made_norm(j->norm, j->model));
	p->classes = det_model_classes(j->model);
	p->norm = j->norm;
	p->gt = j->o->gt;
	p->proposals = det_system_proposals(det_train_system(j->train));
	p->size = (size_t)j->o->batch;
	p->in = j->in = tool_input(j->t, &p->fd);
	tool_check(j->t, det_batches_new(&j->batches, p));
}

/* A table of the run, begun or gone on with: rows up to that iteration stay. */
static void
open_table(struct train_job *j, FILE **out, const char *name, const char *columns,
    uint64_t upto)
{
	j->t->elsewhere = 1;
	if (j->state && upto > 0 && !det_run_has(j->run, name))
		tool_warn(j->t, "%s is missing: a new one begins after iteration %llu",
		    det_run_path(j->run, name), (unsigned long long)upto);
	train_check(j, det_run_table(out, j->run, name, columns, upto));
	j->t->elsewhere = 0;
}

void
train_open_tables(struct train_job *j)
{
	const struct det_system *s = det_train_system(j->train);
	const struct det_train_at *at = det_train_at(j->train);
	static const char *const names[] = { "log.tsv", "times.tsv", "val.tsv" };
	struct det_buf b = { 0 };
	struct det_train_row row;
	uint64_t upto;

	/* those of a run that was never saved are nobody's */
	for (int i = 0; !j->state && i < 3; i++)
		if (unlink(det_run_path(j->run, names[i])) < 0 && errno != ENOENT)
			tool_die(
			    j->t, "%s/%s: %s", j->o->dir, names[i], strerror(errno));
	tool_check(j->t, det_buf_printf(&b, "iteration\timages"));
	for (size_t k = 0; k < det_system_terms(s); k++)
		tool_check(j->t, det_buf_printf(&b, "\t%s", det_system_term(s, k)));
	tool_check(j->t, det_buf_printf(&b, "\tloss\tlr\tgradient\tmost"));
	/* a row that was cut by the end of a process is made again, whole */
	det_train_row(&row, j->train);
	upto = at->iteration - (row.n < at->iteration ? row.n : at->iteration);
	open_table(j, &j->log, "log.tsv", b.text, upto);
	open_table(j, &j->times, "times.tsv",
	    "iteration\tseconds\timages/s\twaiting\tMiB", upto);
	if (printf("%s\n", b.text) < 0 || fflush(stdout))
		train_die(j, "standard output: %s", strerror(errno));
	det_buf_free(&b);
	/* and so is an evaluation */
	if (j->o->val)
		open_table(j, &j->vals, "val.tsv", "iteration\timages\tAP\tAP50\tAP75",
		    at->owed ? at->owed - 1 : at->iteration);
}

void
train_close(struct train_job *j)
{
	FILE *table[] = { j->log, j->times, j->vals };

	det_batches_free(j->batches);
	det_train_free(j->train);
	det_model_close(j->state);
	for (int i = 0; i < 3; i++)
		if (table[i] && fclose(table[i]))
			tool_die(j->t, "a table of %s can't be written", j->o->dir);
	det_run_close(j->run);
	det_buf_free(&j->recipe);
	free(j->head.text);
}
