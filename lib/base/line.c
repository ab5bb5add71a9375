/* SPDX-License-Identifier: MIT */
#include "base/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static int
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int
is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c != 0 && strchr("/._-:+", c));
}

static char *
skip_blank(char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

/* Takes the name at *p, which moves past it; the byte after the name is returned in *stop
 * because the caller ends the name with a NUL there. */
static enum det_err
take_name(char **name, char **p, char *stop, const char *what)
{
	*name = *p;
	while (is_name(**p))
		++*p;
	if (*p == *name)
		return det_fail(DET_INVALID, "%s expected, found '%.20s'", what, *p);
	*stop = **p;
	if (**p)
		*(*p)++ = 0;
	return DET_OK;
}

/* Skips blanks after a name whose last byte was cut off as `stop`; returns the first byte
 * that is not blank, with *p after it. */
static char
after_name(char **p, char stop)
{
	if (!is_blank(stop))
		return stop;
	*p = skip_blank(*p);
	stop = **p;
	if (stop)
		++*p;
	return stop;
}

static enum det_err
take_inputs(struct det_line *l, char **p)
{
	char stop;
	enum det_err e;

	*p = skip_blank(*p);
	if (**p == ')') {
		++*p;
		return DET_OK;
	}
	for (;;) {
		if (l->n_inputs == DET_LINE_INPUTS)
			return det_fail(
			    DET_LIMIT, "more than %d inputs", DET_LINE_INPUTS);
		*p = skip_blank(*p);
		if ((e = take_name(
			 &l->input[l->n_inputs], p, &stop, "an input's name")))
			return e;
		l->n_inputs++;
		stop = after_name(p, stop);
		if (stop == ')')
			return DET_OK;
		if (stop != ',')
			return det_fail(DET_INVALID, "',' or ')' expected after '%s'",
			    l->input[l->n_inputs - 1]);
	}
}

static enum det_err
take_arg(struct det_line *l, char **p)
{
	struct det_line_arg a = { 0 };
	char stop;
	enum det_err e;

	if ((e = take_name(&a.key, p, &stop, "key=value")))
		return e;
	if (stop == '=') {
		a.value = *p;
		while (**p && !is_blank(**p))
			++*p;
		if (*p == a.value)
			return det_fail(
			    DET_INVALID, "a value expected after '%s='", a.key);
		if (**p)
			*(*p)++ = 0;
	} else if (stop && !is_blank(stop)) {
		return det_fail(
		    DET_INVALID, "'%c' after '%s': key=value expected", stop, a.key);
	}
	for (size_t i = 0; i < l->n_args; i++)
		if (!strcmp(l->arg[i].key, a.key))
			return det_fail(DET_INVALID, "'%s' is given twice", a.key);
	if (l->n_args == DET_LINE_ARGS)
		return det_fail(DET_LIMIT, "more than %d arguments", DET_LINE_ARGS);
	l->arg[l->n_args++] = a;
	return DET_OK;
}

static enum det_err
split(struct det_line *l)
{
	char *p = skip_blank(l->store), stop;
	enum det_err e;

	if (!*p)
		return DET_OK;
	if ((e = take_name(&l->word, &p, &stop, "a name")))
		return e;
	/* a '=' or '(' may stand apart from its word; anything else begins the next */
	if (is_blank(stop)) {
		p = skip_blank(p);
		if (*p == '=' || *p == '(')
			stop = *p++;
	}
	if (stop == '=') {
		l->name = l->word;
		p = skip_blank(p);
		if ((e = take_name(&l->word, &p, &stop, "an operator after '='")))
			return e;
		if (is_blank(stop)) {
			p = skip_blank(p);
			if (*p == '(')
				stop = *p++;
		}
	}
	if (stop == '(') {
		if ((e = take_inputs(l, &p)))
			return e;
	} else if (stop && !is_blank(stop)) {
		return det_fail(
		    DET_INVALID, "'(' expected after '%s', found '%c'", l->word, stop);
	}
	for (p = skip_blank(p); *p; p = skip_blank(p))
		if ((e = take_arg(l, &p)))
			return e;
	return DET_OK;
}

enum det_err
det_line_parse(struct det_line *l, const char *text, size_t n)
{
	const char *hash = n ? memchr(text, '#', n) : NULL;
	enum det_err e;

	*l = (struct det_line){ 0 };
	if (hash)
		n = (size_t)(hash - text);
	if (n && memchr(text, 0, n))
		return det_fail(DET_INVALID, "a NUL byte in the text");
	if ((e = det_strndup(&l->store, text, n)))
		return e;
	if ((e = split(l)))
		det_line_release(l);
	return e;
}

void
det_line_release(struct det_line *l)
{
	free(l->store);
	*l = (struct det_line){ 0 };
}

static struct det_line_arg *
find(struct det_line *l, const char *key)
{
	for (size_t i = 0; i < l->n_args; i++)
		if (!strcmp(l->arg[i].key, key)) {
			l->arg[i].used = 1;
			return &l->arg[i];
		}
	return NULL;
}

/* The value of a key that needs one: NULL where it is absent. */
static enum det_err
value(const char **out, struct det_line *l, const char *key)
{
	const struct det_line_arg *a = find(l, key);

	*out = a ? a->value : NULL;
	if (a && !a->value)
		return det_fail(DET_INVALID, "'%s' needs a value: %s=...", key, key);
	return DET_OK;
}

enum det_err
det_line_bool(int *out, struct det_line *l, const char *key)
{
	const struct det_line_arg *a = find(l, key);

	if (!a)
		return DET_OK;
	if (a->value && strcmp(a->value, "0") && strcmp(a->value, "1"))
		return det_fail(DET_INVALID, "%s=%s: 0 or 1 expected", key, a->value);
	*out = !a->value || a->value[0] == '1';
	return DET_OK;
}

enum det_err
det_line_long(long *out, struct det_line *l, const char *key, long lo, long hi)
{
	const char *s;
	enum det_err e = value(&s, l, key);

	if (!e && s && (e = det_parse_long(out, s, lo, hi)))
		return det_fail_in(e, "%s", key);
	return e;
}

enum det_err
det_line_double(double *out, struct det_line *l, const char *key, double lo, double hi)
{
	const char *s;
	enum det_err e = value(&s, l, key);

	if (!e && s && (e = det_parse_double(out, s, lo, hi)))
		return det_fail_in(e, "%s", key);
	return e;
}

enum det_err
det_line_list(double *v, size_t *n, size_t max, struct det_line *l, const char *key,
    double lo, double hi)
{
	const char *s;
	enum det_err e = value(&s, l, key);

	if (!e && s && (e = det_parse_doubles(v, n, max, s, lo, hi)))
		return det_fail_in(e, "%s", key);
	return e;
}

enum det_err
det_line_size(long *w, long *h, struct det_line *l, const char *key, long hi)
{
	const char *s, *x;
	char one[32];
	enum det_err e = value(&s, l, key);

	if (e || !s)
		return e;
	x = strchr(s, 'x');
	if (!x || (size_t)(x - s) >= sizeof one)
		return det_fail(DET_INVALID, "%s=%.40s: WIDTHxHEIGHT expected", key, s);
	memcpy(one, s, (size_t)(x - s));
	one[x - s] = 0;
	if ((e = det_parse_long(w, one, 1, hi)) ||
	    (e = det_parse_long(h, x + 1, 1, hi)))
		return det_fail_in(e, "%s", key);
	return DET_OK;
}

enum det_err
det_line_word(const char **out, struct det_line *l, const char *key)
{
	const char *s;
	enum det_err e = value(&s, l, key);

	if (!e && s)
		*out = s;
	return e;
}

enum det_err
det_line_choice(
    int *out, struct det_line *l, const char *key, const char *const *choices)
{
	struct det_buf known = { 0 };
	const char *s;
	enum det_err e = value(&s, l, key);

	if (e || !s)
		return e;
	for (int i = 0; choices[i]; i++) {
		if (!strcmp(s, choices[i])) {
			*out = i;
			det_buf_free(&known);
			return DET_OK;
		}
		if ((e = det_buf_printf(&known, "%s%s", i ? ", " : "", choices[i])))
			goto out;
	}
	e = det_fail(DET_INVALID, "%s=%.40s: one of %s expected", key, s, known.text);
out:
	det_buf_free(&known);
	return e;
}

enum det_err
det_line_unused(const struct det_line *l)
{
	for (size_t i = 0; i < l->n_args; i++)
		if (!l->arg[i].used)
			return det_fail(DET_INVALID, "unknown key '%s' for '%s'",
			    l->arg[i].key, l->word);
	return DET_OK;
}

enum det_err
det_lines_parse(const char *text, size_t len, const char *name,
    enum det_err (*fn)(void *ctx, struct det_line *l, const char *text, size_t n),
    void *ctx)
{
	const char *line;
	struct det_line l;
	size_t n, at = 0, row = 0;
	enum det_err e = DET_OK;

	while (!e && det_line_next(&line, &n, text, len, &at)) {
		row++;
		if ((e = det_line_parse(&l, line, n)))
			break;
		if (l.word)
			e = fn(ctx, &l, line, n);
		det_line_release(&l);
	}
	return e && name ? det_fail_in(e, "%s:%zu", name, row) : e;
}
