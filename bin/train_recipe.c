/* SPDX-License-Identifier: MIT
 *
 * The recipe of a run: all options as they stood when it began. A run that is gone on with
 * takes them from there, what is said now over them: a recipe, then the command line. What
 * may not change must come to the same, whatever the order, the comments and the way that
 * numbers are written.
 *
 * An option that the recipe does not have stood at its default, or is younger than the run:
 * it may be what it is by itself, but nobody may say it now.
 */
#include "bin/train_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "model/settings.h"

#define MAX_RECIPE ((size_t)1 << 20)

/* Lines that settings are on. */
struct lines {
	const char *text;
	size_t len;
};

struct setting {
	const char *line;
	size_t n, key; /* bytes of the line, of what is before its '=' */
};

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

/* The next setting that a run may not change; 0 at the end. */
static int
next_fixed(struct setting *s, const struct lines *l, size_t *at)
{
	const char *equals;

	while (det_line_next(&s->line, &s->n, l->text, l->len, at)) {
		if (s->n == 0 || s->line[0] == '#' || s->line[0] == '[' ||
		    may_change(s->line, s->n))
			continue;
		equals = memchr(s->line, '=', s->n);
		s->key = equals ? (size_t)(equals - s->line) : s->n;
		return 1;
	}
	return 0;
}

/* A line of the same option; the same line, where `same` is set. */
static int
find(struct setting *out, const struct lines *l, const struct setting *s, int same)
{
	size_t at = 0;

	while (next_fixed(out, l, &at))
		if (same ? out->n == s->n && !memcmp(out->line, s->line, s->n)
			 : out->key == s->key && !memcmp(out->line, s->line, s->key))
			return 1;
	return 0;
}

static int
given(const struct tool *t, const struct setting *s)
{
	char name[64];

	(void)snprintf(name, sizeof name, "%.*s", (int)s->key, s->line);
	return tool_given(t, name);
}

/* What --recipe says; nothing where it is none, or was standard input. */
static void
said_now(struct lines *out, char **text, struct tool *t)
{
	struct det_settings s;
	size_t len;

	*out = (struct lines){ "", 0 };
	*text = NULL;
	if (!t->recipe || !strcmp(t->recipe, "-"))
		return;
	tool_slurp(t, text, &len, t->recipe, MAX_RECIPE);
	tool_check(t, det_settings_find(&s, *text, len, t->recipe, t->spec->name));
	*out = (struct lines){ s.text, s.len };
}

/* The run goes on as it was begun, or the program ends. */
static void
compare_recipes(
    struct train_job *j, const char *was, size_t was_len, const struct det_buf *b)
{
	static const char *const begun = "a run goes on as it was begun";
	const struct lines old = { was, was_len }, new = { b->text, b->len };
	struct lines said;
	struct setting s, other;
	size_t at = 0;
	char *text;

	said_now(&said, &text, j->t);
	while (next_fixed(&s, &new, &at)) {
		if (find(&other, &old, &s, 1))
			continue;
		if (find(&other, &old, &s, 0))
			tool_usage(j->t, "%s, with '%.*s': found '%.*s'", begun,
			    (int)other.n, other.line, (int)s.n, s.line);
		if (given(j->t, &s) || find(&other, &said, &s, 0))
			tool_usage(j->t, "%s, without '%.*s': found '%.*s'", begun,
			    (int)s.key, s.line, (int)s.n, s.line);
	}
	for (at = 0; next_fixed(&s, &old, &at);)
		if (!find(&other, &new, &s, 1))
			tool_usage(j->t, "%s, with '%.*s'", begun, (int)s.n, s.line);
	free(text);
}

/* The value of a line "# KEY VALUE", *n bytes; NULL where there is none. */
static const char *
remark(size_t *n, const char *text, size_t len, const char *key)
{
	const size_t k = strlen(key);
	const char *line;
	size_t at = 0;

	while (det_line_next(&line, n, text, len, &at))
		if (*n > k + 3 && !memcmp(line, "# ", 2) && !memcmp(line + 2, key, k) &&
		    line[k + 2] == ' ') {
			*n -= k + 3;
			return line + k + 3;
		}
	return NULL;
}

/* "# model DIGEST" must be that of the run's begin. */
static void
compare_model(struct tool *t, const char *was, size_t len, const char *digest)
{
	size_t n;
	const char *begun = remark(&n, was, len, "model");

	if (begun && (n != strlen(digest) || memcmp(begun, digest, n) != 0))
		tool_usage(t,
		    "-m %s: a run goes on from the model it began with, %.*s: "
		    "found %s (or leave -m out)",
		    t->model_path, (int)n, begun, digest);
}

/* A run that evaluates goes on to evaluate on the same. */
static void
compare_val(struct train_job *j, const char *was, size_t len)
{
	size_t n;
	const char *begun = remark(&n, was, len, "val");

	if (!j->o->val && (begun || det_run_has(j->run, "val.tsv")))
		tool_usage(j->t,
		    "the run in %s was begun with --val: it goes on with it",
		    j->o->dir);
	if (begun &&
	    (n != strlen(j->val_digest) || memcmp(begun, j->val_digest, n) != 0))
		tool_usage(j->t,
		    "--val %s: a run goes on with the stream it began with, %.*s: "
		    "found %s",
		    j->o->val, (int)n, begun, j->val_digest);
}

/* Whether the folder's recipe is one that a run wrote. */
static int
is_run(struct train_job *j)
{
	char *text;
	size_t len, n;
	int is;

	if (!det_run_has(j->run, "recipe"))
		return 0;
	tool_check(j->t,
	    det_file_read(&text, &len, det_run_path(j->run, "recipe"), MAX_RECIPE));
	is = len > 8 && !memcmp(text, "# model ", 8) &&
	     remark(&n, text, len, "model") && n == 16;
	free(text);
	return is;
}

void
train_new_folder(struct train_job *j)
{
	/* of a run that never came to a state there is a recipe, and tables; all else was
	 * kept for something */
	static const char *const names[] = { "last.det", "best.det", "loss.svg",
		"val.svg", "recipe", "log.tsv", "times.tsv", "val.tsv" };
	const size_t n = sizeof names / sizeof names[0], models = 4;

	for (size_t i = 0; i < n; i++)
		if (det_run_has(j->run, names[i]) && (i < models || !is_run(j)))
			tool_usage(j->t,
			    "%s has no state.det of a run, but %s, which would be "
			    "written over: give another folder, or remove it",
			    j->o->dir, names[i]);
}

void
train_settle_recipe(struct train_job *j)
{
	struct det_buf *b = &j->recipe;
	char *was = NULL;
	size_t len;

	if (j->state) {
		tool_check(j->t, det_file_read(&was, &len,
				     det_run_path(j->run, "recipe"), MAX_RECIPE));
		if (j->t->model)
			compare_model(j->t, was, len, det_model_digest(j->t->model));
		compare_val(j, was, len);
	}
	if (!was)
		tool_check(j->t,
		    det_buf_printf(b, "# model %s\n", det_model_digest(j->model)));
	else if (len > 8 && !memcmp(was, "# model ", 8))
		tool_check(j->t, det_buf_add(b, was, strcspn(was, "\n") + 1));
	if (*j->val_digest)
		tool_check(j->t, det_buf_printf(b, "# val %s\n", j->val_digest));
	tool_check(j->t, det_buf_printf(b, "[det-train]\n"));
	tool_settings(j->t, b);
	if (was)
		compare_recipes(j, was, len, b);
	if (was && len == b->len && !memcmp(was, b->text, len))
		det_buf_free(b);
	free(was);
}

void
train_write_recipe(struct train_job *j)
{
	if (j->recipe.len)
		train_check(
		    j, det_run_write(j->run, "recipe", j->recipe.text, j->recipe.len));
	det_buf_free(&j->recipe);
}

void
train_take_recipes(struct train_job *j)
{
	tool_take_recipe(j->t, det_run_path(j->run, "recipe"));
	if (j->t->recipe && strcmp(j->t->recipe, "-") != 0)
		tool_take_recipe(j->t, j->t->recipe);
}
