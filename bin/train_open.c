/* SPDX-License-Identifier: MIT
 *
 * What a run begins with: its folder, the model or the state that it goes on from, its
 * recipe, its tables.
 */
#define _POSIX_C_SOURCE 200809L
#include "bin/train_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

#define MAX_RECIPE ((size_t)1 << 20)

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

/* Whether a run may go on under another value than it was begun with. */
static int
may_change(const char *line, size_t n)
{
	static const char *const free_ones[] = { "iterations", "minutes", "checkpoint",
		"checkpoint-every", "val-every", "val-epochs" };

	for (size_t i = 0; i < sizeof free_ones / sizeof free_ones[0]; i++) {
		const size_t k = strlen(free_ones[i]);

		if (n > k && line[k] == '=' && !memcmp(line, free_ones[i], k))
			return 1;
	}
	return 0;
}

/* The next line that a run may not change; *n is 0 at the end. */
static void
fixed_line(const char **line, size_t *n, const char *text, size_t len, size_t *at)
{
	while (det_line_next(line, n, text, len, at))
		if (*n > 0 && (*line)[0] != '#' && !may_change(*line, *n))
			return;
	*line = "nothing";
	*n = 0;
}

/* The run goes on as it was begun, or the program ends. */
static void
compare_recipes(
    struct tool *t, const char *was, size_t was_len, const struct det_buf *b)
{
	size_t a = 0, c = 0, n, m;
	const char *old, *new;

	do {
		fixed_line(&old, &n, was, was_len, &a);
		fixed_line(&new, &m, b->text, b->len, &c);
		if (n != m || memcmp(old, new, n) != 0)
			tool_usage(t,
			    "a run goes on as it was begun, with '%.*s': found '%.*s'",
			    n ? (int)n : 7, old, m ? (int)m : 7, new);
	} while (n > 0);
}

/* "# model DIGEST" must be that of the run's begin. */
static void
compare_model(struct tool *t, const char *was, size_t len, const char *digest)
{
	const char *line;
	size_t at = 0, n;

	while (det_line_next(&line, &n, was, len, &at))
		if (n > 8 && !memcmp(line, "# model ", 8) &&
		    (n - 8 != strlen(digest) || memcmp(line + 8, digest, n - 8) != 0))
			tool_usage(t,
			    "-m %s: a run goes on from the model it began with, %.*s: "
			    "found %s (or leave -m out)",
			    t->model_path, (int)(n - 8), line + 8, digest);
}

/* Writes the recipe of the run, or sees that it is the same. */
static void
settle_recipe(struct train_job *j)
{
	struct det_buf b = { 0 };
	char *was = NULL;
	size_t len;

	if (j->state && det_run_has(j->run, "recipe")) {
		tool_check(j->t, det_file_read(&was, &len,
				     det_run_path(j->run, "recipe"), MAX_RECIPE));
		if (j->t->model)
			compare_model(j->t, was, len, det_model_digest(j->t->model));
	}
	if (!was)
		tool_check(j->t,
		    det_buf_printf(&b, "# model %s\n", det_model_digest(j->model)));
	else if (len > 8 && !memcmp(was, "# model ", 8))
		tool_check(j->t, det_buf_add(&b, was, strcspn(was, "\n") + 1));
	tool_check(j->t, det_buf_printf(&b, "[det-train]\n"));
	tool_settings(j->t, &b);
	if (was)
		compare_recipes(j->t, was, len, &b);
	if (!was || len != b.len || memcmp(was, b.text, len) != 0)
		tool_check(j->t, det_run_write(j->run, "recipe", b.text, b.len));
	free(was);
	det_buf_free(&b);
}

/* The state in the folder, if the run is to go on. */
static void
open_state(struct train_job *j)
{
	struct tool *t = j->t;
	struct det_attrs *a = &j->head;
	struct det_record r;

	if (!det_run_has(j->run, "state.det")) {
		if (!t->model)
			tool_usage(t, "which model? give -m MODEL");
		return;
	}
	if (!j->o->resume)
		tool_usage(t,
		    "%s holds a run: --resume goes on with it (or give another "
		    "folder)",
		    j->o->dir);
	if (det_run_has(j->run, "recipe"))
		tool_take_recipe(t, det_run_path(j->run, "recipe"));
	tool_check(t, det_model_open(&j->state, det_run_path(j->run, "state.det")));
	tool_check(t, det_model_verify(j->state));
	if (!det_train_is_state(j->state))
		tool_die(t, "%s: the state of a run expected, found another model",
		    det_model_path(j->state));
	for (size_t i = 0; !j->have_head && det_model_record(j->state, i, &r); i++)
		if (r.kind == DET_STREAM) {
			char *key, *value;
			size_t at = 0;

			for (;;) {
				tool_check(
				    t, det_attr_next(&r.attrs, &at, &key, &value));
				if (!key)
					break;
				tool_check(t, det_attr_add(a, key, value));
				free(key);
				free(value);
			}
			j->have_head = 1;
		}
}

void
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
	train_params(j, &p);
	if (j->o->dry_run)
		p.lr = 0; /* the same batch again and again: weights stay */
	if (!j->state && det_train_is_state(j->model))
		tool_usage(t,
		    "-m %s is the state of a run: --resume goes on with it, last.det "
		    "beside it is its model",
		    t->model_path);
	tool_check(t, det_train_open(&j->train, j->model, &p));
	if (j->run)
		settle_recipe(j);
	j->saved = det_train_at(j->train)->iteration;
}

void
train_open_tables(struct train_job *j)
{
	const struct det_system *s = det_train_system(j->train);
	const uint64_t upto = det_train_at(j->train)->iteration;
	static const char *const names[] = { "log.tsv", "times.tsv", "val.tsv" };
	struct det_buf b = { 0 };

	/* those of a run that was never saved are nobody's */
	for (int i = 0; !j->state && i < 3; i++)
		if (unlink(det_run_path(j->run, names[i])) < 0 && errno != ENOENT)
			tool_die(
			    j->t, "%s/%s: %s", j->o->dir, names[i], strerror(errno));
	tool_check(j->t, det_buf_printf(&b, "iteration\timages"));
	for (size_t k = 0; k < det_system_terms(s); k++)
		tool_check(j->t, det_buf_printf(&b, "\t%s", det_system_term(s, k)));
	tool_check(j->t, det_buf_printf(&b, "\tloss\tlr\tgradient\tmost"));
	tool_check(j->t, det_run_table(&j->log, j->run, "log.tsv", b.text, upto));
	tool_check(j->t, det_run_table(&j->times, j->run, "times.tsv",
			     "iteration\tseconds\timages/s\twaiting\tMiB", upto));
	if (printf("%s\n", b.text) < 0 || fflush(stdout))
		tool_die(j->t, "standard output: %s", strerror(errno));
	det_buf_free(&b);
	if (j->o->val)
		tool_check(j->t, det_run_table(&j->vals, j->run, "val.tsv",
				     "iteration\timages\tAP\tAP50\tAP75", upto));
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
	free(j->head.text);
}
