/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "caffe/prototext.h"

struct cf_field *
cf_find(const struct cf_field *m, const char *name, size_t at)
{
	for (size_t i = 0; m && i < m->n; i++)
		if (strcmp(m->field[i].name, name) == 0 && at-- == 0) {
			m->field[i].used = 1;
			return &m->field[i];
		}
	return NULL;
}

size_t
cf_count(const struct cf_field *m, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; m && i < m->n; i++)
		n += strcmp(m->field[i].name, name) == 0;
	return n;
}

static enum det_err
find_only(struct cf_field **out, const struct cf_field *m, const char *name)
{
	struct cf_field *second = cf_find(m, name, 1);

	*out = cf_find(m, name, 0);
	if (second)
		return det_fail(DET_INVALID, "%s:%zu: one '%s' expected, found another",
		    second->file, second->line, name);
	return DET_OK;
}

static enum det_err
want(const struct cf_field *f, enum cf_kind kind, const char *what)
{
	if (!f || f->kind == kind)
		return DET_OK;
	return det_fail(
	    DET_INVALID, "%s:%zu: %s: %s expected", f->file, f->line, f->name, what);
}

enum det_err
cf_message(struct cf_field **out, const struct cf_field *m, const char *name)
{
	enum det_err e;

	if ((e = find_only(out, m, name)))
		return e;
	return want(*out, CF_MESSAGE, "a message { ... }");
}

static enum det_err
read_long(long *out, const struct cf_field *f, long lo, long hi)
{
	enum det_err e;

	if (!f)
		return DET_OK;
	if ((e = want(f, CF_WORD, "a number")))
		return e;
	if ((e = det_parse_long(out, f->text, lo, hi)))
		return det_fail_in(e, "%s:%zu: %s", f->file, f->line, f->name);
	return DET_OK;
}

/* Protobuf allows C's suffix: 0.5f. */
static enum det_err
read_double(double *out, const struct cf_field *f, double lo, double hi)
{
	char text[64];
	size_t n;
	enum det_err e;

	if (!f)
		return DET_OK;
	if ((e = want(f, CF_WORD, "a number")))
		return e;
	n = strlen(f->text);
	if (n > 1 && n < sizeof text &&
	    (f->text[n - 1] == 'f' || f->text[n - 1] == 'F'))
		n--;
	(void)snprintf(
	    text, sizeof text, "%.*s", n < INT_MAX ? (int)n : INT_MAX, f->text);
	if ((e = det_parse_double(out, text, lo, hi)))
		return det_fail_in(e, "%s:%zu: %s", f->file, f->line, f->name);
	return DET_OK;
}

enum det_err
cf_long(long *out, const struct cf_field *m, const char *name, long lo, long hi)
{
	struct cf_field *f;
	enum det_err e;

	if ((e = find_only(&f, m, name)))
		return e;
	return read_long(out, f, lo, hi);
}

enum det_err
cf_long_at(
    long *out, const struct cf_field *m, const char *name, size_t at, long lo, long hi)
{
	return read_long(out, cf_find(m, name, at), lo, hi);
}

enum det_err
cf_double(double *out, const struct cf_field *m, const char *name, double lo, double hi)
{
	struct cf_field *f;
	enum det_err e;

	if ((e = find_only(&f, m, name)))
		return e;
	return read_double(out, f, lo, hi);
}

enum det_err
cf_double_at(double *out, const struct cf_field *m, const char *name, size_t at,
    double lo, double hi)
{
	return read_double(out, cf_find(m, name, at), lo, hi);
}

enum det_err
cf_bool(int *out, const struct cf_field *m, const char *name)
{
	static const char *const no[] = { "false", "False", "f", "0" }, *const yes[] = {
		"true", "True", "t", "1"
	};
	struct cf_field *f;
	enum det_err e;

	if ((e = find_only(&f, m, name)) || (e = want(f, CF_WORD, "true or false")) ||
	    !f)
		return e;
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		if (strcmp(f->text, no[i]) == 0) {
			*out = 0;
			return DET_OK;
		}
		if (strcmp(f->text, yes[i]) == 0) {
			*out = 1;
			return DET_OK;
		}
	}
	return det_fail(DET_INVALID, "%s:%zu: %s: true or false expected, found '%s'",
	    f->file, f->line, f->name, f->text);
}

enum det_err
cf_word(const char **out, const struct cf_field *m, const char *name)
{
	struct cf_field *f;
	enum det_err e;

	if ((e = find_only(&f, m, name)) || !f)
		return e;
	if (f->kind == CF_MESSAGE)
		return want(f, CF_WORD, "a word");
	*out = f->text;
	return DET_OK;
}

enum det_err
cf_string(const char **out, const struct cf_field *m, const char *name)
{
	struct cf_field *f;
	enum det_err e;

	if ((e = find_only(&f, m, name)) || (e = want(f, CF_STRING, "a string")))
		return e;
	if (f)
		*out = f->text;
	return DET_OK;
}

static void
mark(struct cf_field *f)
{
	f->used = 1;
	for (size_t i = 0; i < f->n; i++)
		mark(&f->field[i]);
}

void
cf_ignore(const struct cf_field *m, const char *const *names)
{
	for (; m && *names; names++)
		for (size_t i = 0; i < m->n; i++)
			if (strcmp(m->field[i].name, *names) == 0)
				mark(&m->field[i]);
}

enum det_err
cf_unused(const struct cf_field *m, const char *what)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && m && i < m->n; i++) {
		const struct cf_field *f = &m->field[i];

		if (!f->used)
			return det_fail(DET_UNSUPPORTED,
			    "%s:%zu: %s: '%s' is not known", f->file, f->line, what,
			    f->name);
		e = cf_unused(f, what);
	}
	return e;
}
