/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "bin/opt.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/words.h"
#include "model/pipeline.h"

static void
add(struct opt_set *s, struct opt o)
{
	if (s->n < MAX_OPTS - 1)
		s->opt[s->n++] = o;
}

static void
add_common(struct opt_set *s)
{
	struct tool *t = s->t;
	unsigned bits = t->spec->bits;

	if (bits & (TOOL_MODEL | TOOL_NEEDS_MODEL))
		add(s, (struct opt)OPT_STR('m', "model", &t->model_path, "MODEL",
			   "the model, or 'default'; its options are defaults"));
	if (bits & TOOL_RECIPE)
		add(s, (struct opt)OPT_STR(0, "recipe", &t->recipe, "FILE",
			   "a recipe's options, under the command line's"));
	if (bits & TOOL_PROFILE)
		add(s, (struct opt)OPT_STR(0, "profile", &t->profile, "NAME",
			   "options as another program has them, over the model's"));
	if (bits & (TOOL_WRITES | TOOL_PRINTS))
		add(s, (struct opt)OPT_STR('o', "output", &t->out_path, "FILE",
			   "write to FILE, complete or not at all"));
	if (bits & TOOL_THREADS)
		add(s, (struct opt)OPT_LONG('j', "threads", &t->threads, 1, 1024, "N",
			   "threads to use (default: the cores at hand)"));
	if (bits & TOOL_KEEP)
		add(s, (struct opt)OPT_FLAG(
			   0, "keep", &t->keep, "pass consumed records on as well"));
	if (bits & TOOL_BAD)
		add(s, (struct opt)OPT_FLAG(0, "skip-bad", &t->skip_bad,
			   "report bad items, mark them, go on; exit 2 at the end"));
	add(s,
	    (struct opt)OPT_FLAG('q', "quiet", &t->quiet, "no warnings, no progress"));
	add(s, (struct opt){ OPT_K_END, 'h', "help", NULL, 0, 0, NULL,
		   "print this and exit", NULL });
	add(s, (struct opt){ OPT_K_END, 0, "version", NULL, 0, 0, NULL,
		   "print the version and exit", NULL });
}

/* A value as text that sets it again; NULL where there is none. */
static char *
value_text(const struct opt *o)
{
	struct det_buf b = { 0 };
	char num[32];
	const char *s;
	const struct opt_list *l;
	const struct opt_names *m;
	enum det_err e = DET_OK;

	switch (o->kind) {
	case OPT_K_LONG: e = det_buf_printf(&b, "%ld", *(const long *)o->value); break;
	case OPT_K_DOUBLE:
		e = det_buf_printf(
		    &b, "%s", det_double_text(num, *(const double *)o->value));
		break;
	case OPT_K_STR:
		if ((s = *(const char *const *)o->value))
			e = det_buf_printf(&b, "%s", s);
		break;
	case OPT_K_CHOICE:
		e = det_buf_printf(&b, "%s", o->choices[*(const int *)o->value]);
		break;
	case OPT_K_LIST:
		l = o->value;
		for (size_t i = 0; !e && i < l->n; i++)
			e = det_buf_printf(
			    &b, "%s%s", i ? "," : "", det_double_text(num, l->v[i]));
		break;
	case OPT_K_FLAG:
		e = det_buf_printf(&b, "%d", *(const int *)o->value != 0);
		break;
	case OPT_K_NAMES:
		m = o->value;
		for (size_t i = 0; !e && i < m->n; i++)
			e = det_buf_printf(&b, "%s%s", i ? "," : "", m->v[i]);
		break;
	default: break;
	}
	if (e)
		det_buf_free(&b);
	return b.text;
}

struct opt_set *
opt_set_new(struct tool *t)
{
	struct opt_set *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->t = t;
	for (const struct opt *o = t->spec->opts; o && o->name; o++)
		add(s, *o);
	add_common(s);
	/* what --help shows; of a flag its help says it */
	for (int i = 0; i < s->n; i++)
		if (s->opt[i].kind != OPT_K_FLAG)
			s->was[i] = value_text(&s->opt[i]);
	return s;
}

void
opt_set_free(struct opt_set *s)
{
	for (int i = 0; i < s->n; i++)
		free(s->was[i]);
	for (size_t i = 0; i < s->n_words; i++)
		free(s->word[i]);
	for (size_t i = 0; i < s->n_kept; i++)
		free(s->kept[i]);
	free(s->word);
	free(s->kept);
	free(s->operand);
	free(s);
}

static int
index_of(const struct opt_set *s, const char *name, size_t n)
{
	for (int i = 0; i < s->n; i++)
		if (strlen(s->opt[i].name) == n && !memcmp(s->opt[i].name, name, n))
			return i;
	return -1;
}

/* The option that was meant, NULL where none is near: one that the word begins, or one
 * that is two letters off and keeps most of the word. */
static const char *
nearest(const struct opt_set *s, const char *word, size_t n)
{
	const char *best = NULL;
	size_t least = 3;

	for (int i = 0; i < s->n; i++) {
		const char *name = s->opt[i].name;
		size_t d = det_word_distance(word, n, name);

		if (n >= 2 && strncmp(name, word, n) == 0)
			d = 0;
		if (d < least && (d == 0 || 2 * d < n)) {
			least = d;
			best = name;
		}
	}
	return best;
}

static enum det_err
unknown(const struct opt_set *s, const char *word, size_t n)
{
	const char *meant = nearest(s, word, n);

	if (meant)
		return det_fail(DET_INVALID, "unknown option '--%.*s': is --%s meant?",
		    (int)n, word, meant);
	return det_fail(DET_INVALID, "unknown option '--%.*s'", (int)n, word);
}

static int
index_of_letter(const struct opt_set *s, char letter)
{
	for (int i = 0; i < s->n; i++)
		if (s->opt[i].letter == letter)
			return i;
	return -1;
}

static enum det_err
choose(const struct opt *o, const char *v)
{
	struct det_buf b = { 0 };
	enum det_err e = DET_OK;

	for (int i = 0; o->choices[i]; i++)
		if (!strcmp(v, o->choices[i])) {
			*(int *)o->value = i;
			return DET_OK;
		}
	for (int i = 0; !e && o->choices[i]; i++)
		e = det_buf_printf(&b, "%s%s", i ? ", " : "", o->choices[i]);
	e = det_fail(DET_INVALID, "'%s' is none of %s", v, e ? "the choices" : b.text);
	det_buf_free(&b);
	return e;
}

static enum det_err
set_list(const struct opt *o, const char *v)
{
	struct opt_list *to = o->value, l;
	enum det_err e =
	    det_parse_doubles(l.v, &l.n, sizeof l.v / sizeof l.v[0], v, o->lo, o->hi);

	if (!e)
		*to = l;
	return e;
}

/* Commas become the ends of names, in a copy. */
static enum det_err
set_names(struct opt_names *to, const char *v)
{
	const size_t most = sizeof to->v / sizeof to->v[0], size = strlen(v) + 1;
	char *p = to->text, *comma;

	if (size > sizeof to->text)
		return det_fail(DET_INVALID, "a list of %zu bytes is too long", size);
	memcpy(p, v, size);
	for (to->n = 0; p; p = comma ? comma + 1 : NULL) {
		comma = strchr(p, ',');
		if (comma)
			*comma = 0;
		if (!*p || to->n == most)
			return det_fail(DET_INVALID,
			    "1 to %zu names expected, as a,b,c; found '%s'", most, v);
		to->v[to->n++] = p;
	}
	return DET_OK;
}

static enum det_err
set_flag(const struct opt *o, const char *v)
{
	long on;
	enum det_err e = det_parse_long(&on, v, 0, 1);

	if (!e)
		*(int *)o->value = (int)on;
	return e;
}

static enum det_err
set_value(const struct opt *o, const char *v)
{
	struct opt_many *m = o->value;

	switch (o->kind) {
	case OPT_K_FLAG: return set_flag(o, v);
	case OPT_K_LONG: return det_parse_long(o->value, v, (long)o->lo, (long)o->hi);
	case OPT_K_DOUBLE: return det_parse_double(o->value, v, o->lo, o->hi);
	case OPT_K_STR: *(const char **)o->value = v; return DET_OK;
	case OPT_K_CHOICE: return choose(o, v);
	case OPT_K_LIST: return set_list(o, v);
	case OPT_K_NAMES: return set_names(o->value, v);
	case OPT_K_MANY:
		if (m->n == sizeof m->v / sizeof m->v[0])
			return det_fail(DET_INVALID, "given more than %zu times", m->n);
		m->v[m->n++] = v;
		return DET_OK;
	default: return det_fail(DET_INVALID, "can't be set");
	}
}

static enum det_err
remember(struct opt_set *s, const struct opt *o, const char *v)
{
	struct det_buf b = { 0 };
	enum det_err e;

	/* a recipe's settings are remembered, each for itself */
	if (!strcmp(o->name, "output") || !strcmp(o->name, "quiet") ||
	    !strcmp(o->name, "threads") || !strcmp(o->name, "recipe") ||
	    !strcmp(o->name, "resume") || !strcmp(o->name, "positives"))
		return DET_OK;
	if ((e = v ? det_buf_printf(&b, "--%s=%s", o->name, v)
		   : det_buf_printf(&b, "--%s", o->name)) ||
	    (e = det_grow(&s->word, &s->cap_words, s->n_words + 1, sizeof *s->word))) {
		det_buf_free(&b);
		return e;
	}
	s->word[s->n_words++] = b.text;
	return DET_OK;
}

/* One option with its value (NULL: a flag given bare). */
static enum det_err
apply(struct opt_set *s, int i, const char *v, int off)
{
	const struct opt *o = &s->opt[i];
	enum det_err e;

	if (o->kind == OPT_K_END)
		return det_fail(DET_INVALID, "--%s must stand alone", o->name);
	if ((e = set_value(o, v ? v : off ? "0" : "1")))
		return o->letter ? det_fail_in(e, "-%c, --%s", o->letter, o->name)
				 : det_fail_in(e, "--%s", o->name);
	s->given[i] = 1;
	if (off) {
		struct opt no = *o;
		char name[64];

		(void)snprintf(name, sizeof name, "no-%.50s", o->name);
		no.name = name;
		return remember(s, &no, NULL);
	}
	return remember(s, o, v);
}

static enum det_err
parse_long_option(struct opt_set *s, const char *word, char ***next, char **end)
{
	size_t n = strcspn(word, "=");
	const char *v = word[n] ? word + n + 1 : NULL;
	int i = index_of(s, word, n);

	if (i < 0 && n > 3 && !strncmp(word, "no-", 3) && !v) {
		i = index_of(s, word + 3, n - 3);
		if (i >= 0 && s->opt[i].kind == OPT_K_FLAG)
			return apply(s, i, NULL, 1);
		i = -1;
	}
	if (i < 0)
		return unknown(s, word, n);
	if (s->opt[i].kind == OPT_K_FLAG || s->opt[i].kind == OPT_K_END) {
		/* --flag=0 and --flag=1 are for programs that put options together */
		if (v && s->opt[i].kind == OPT_K_FLAG &&
		    (!strcmp(v, "0") || !strcmp(v, "1")))
			return apply(s, i, NULL, *v == '0');
		if (v)
			return det_fail(
			    DET_INVALID, "--%s takes no value", s->opt[i].name);
	} else if (!v) {
		if (*next == end)
			return det_fail(DET_INVALID, "--%s wants a value: %s",
			    s->opt[i].name, s->opt[i].arg);
		v = *(*next)++;
	}
	return apply(s, i, v, 0);
}

static enum det_err
parse_letters(struct opt_set *s, const char *word, char ***next, char **end)
{
	for (; *word; word++) {
		int i = index_of_letter(s, *word);
		const char *v = NULL;
		enum det_err e;

		if (i < 0)
			return det_fail(DET_INVALID, "unknown option '-%c'", *word);
		if (s->opt[i].kind != OPT_K_FLAG && s->opt[i].kind != OPT_K_END) {
			v = word + 1;
			if (!*v && *next == end)
				return det_fail(DET_INVALID, "-%c wants a value: %s",
				    *word, s->opt[i].arg);
			if (!*v)
				v = *(*next)++;
			return apply(s, i, v, 0);
		}
		if ((e = apply(s, i, NULL, 0)))
			return e;
	}
	return DET_OK;
}

enum det_err
opt_set_parse(struct opt_set *s, int argc, char *argv[])
{
	char **next = argv + 1, **end = argv + argc;
	int options = 1;
	enum det_err e;

	s->operand = calloc((size_t)argc + 1, sizeof *s->operand);
	if (!s->operand)
		return det_fail(DET_NOMEM, "no memory for arguments");
	if (argc == 0)
		return DET_OK;
	while (next != end) {
		char *w = *next++;

		if (options && !strcmp(w, "--")) {
			options = 0;
		} else if (options && w[0] == '-' && w[1] == '-') {
			if ((e = parse_long_option(s, w + 2, &next, end)))
				return e;
		} else if (options && w[0] == '-' && w[1]) {
			if ((e = parse_letters(s, w + 1, &next, end)))
				return e;
		} else {
			s->operand[s->n_operands++] = w;
		}
	}
	return DET_OK;
}

int
opt_set_operands(const struct opt_set *s, char ***operands)
{
	*operands = s->operand;
	return s->n_operands;
}

int
opt_set_given(const struct opt_set *s, const char *name)
{
	int i = index_of(s, name, strlen(name));

	return i >= 0 && s->given[i];
}

/* Sets the option of a line "name=value" that is not the command line's; `who` may not give
 * those that are the user's alone. `said`: it goes to the history as if the user had. */
static enum det_err
set_default(struct opt_set *s, const char *line, size_t n, const char *who, int said)
{
	size_t k;
	char *v;
	int i;
	enum det_err e;

	for (k = 0; k < n && line[k] != '='; k++)
		;
	i = index_of(s, line, k);
	if (k == n || i < 0 || s->opt[i].kind == OPT_K_END)
		return det_fail(DET_INVALID, "'%.*s' is no option of %s",
		    (int)(k < 40 ? k : 40), line, s->t->spec->name);
	if (det_option_is_users(line, k))
		return det_fail(
		    DET_INVALID, "%s may not set --%.*s", who, (int)k, line);
	if (s->given[i])
		return DET_OK;
	/* the lines of one text are in place of those of a text before it */
	if (s->opt[i].kind == OPT_K_MANY && s->source[i] != s->sources) {
		s->source[i] = s->sources;
		((struct opt_many *)s->opt[i].value)->n = 0;
	}
	if ((e = det_strndup(&v, line + k + 1, n - k - 1)))
		return e;
	if ((e = det_grow(&s->kept, &s->cap_kept, s->n_kept + 1, sizeof *s->kept))) {
		free(v);
		return e;
	}
	s->kept[s->n_kept++] = v;
	if ((e = set_value(&s->opt[i], v)))
		return det_fail_in(e, "%s", s->opt[i].name);
	return said ? remember(s, &s->opt[i], v) : DET_OK;
}

enum det_err
opt_set_defaults(struct opt_set *s, const char *text, size_t len)
{
	size_t at = 0, n;
	const char *line;
	enum det_err e;

	s->sources++;
	while (det_line_next(&line, &n, text, len, &at))
		if (n > 0 && *line != '#' &&
		    (e = set_default(s, line, n, "a model", 0)))
			return e;
	return DET_OK;
}

enum det_err
opt_set_recipe(struct opt_set *s, const struct det_settings *r, const char *name)
{
	size_t at = 0, n;
	const char *line;
	long i = r->line;
	enum det_err e;

	s->sources++;
	for (; det_line_next(&line, &n, r->text, r->len, &at); i++)
		if (n > 0 && *line != '#' &&
		    (e = set_default(s, line, n, "a recipe", 1)))
			return det_fail_in(e, "%s:%ld", name, i);
	return DET_OK;
}

enum det_err
opt_set_text(struct det_buf *out, const struct opt_set *s)
{
	enum det_err e = DET_OK;

	for (int i = 0; !e && i < s->n; i++) {
		const struct opt *o = &s->opt[i];
		char *v = NULL;

		if (o->kind == OPT_K_END ||
		    det_option_is_users(o->name, strlen(o->name)))
			continue;
		if (o->kind == OPT_K_MANY) {
			const struct opt_many *m = o->value;

			for (size_t k = 0; !e && k < m->n; k++)
				e = det_buf_printf(out, "%s=%s\n", o->name, m->v[k]);
		} else if ((v = value_text(o))) {
			e = det_buf_printf(out, "%s=%s\n", o->name, v);
		}
		free(v);
	}
	return e;
}

const char *
opt_set_word(const struct opt_set *s, int i)
{
	return (size_t)i < s->n_words ? s->word[i] : NULL;
}
