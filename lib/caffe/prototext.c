/* SPDX-License-Identifier: MIT
 *
 * Protobuf's text format, as prototxt files are written in it:
 *
 *   message:  { name [:] { message } [;,] | name : value [;,] | name : [ value, ... ] [;,] }
 *   value:    a word (number, enum, bool), or strings "..." '...', joined where several
 *             stand one after another
 *
 * `<` and `>` may stand for braces, `#` begins a comment. Extensions ([a.b.c]) are refused:
 * Caffe has none.
 *
 * No schema: the parser says what stands there, and the importer asks for what it knows. So
 * a field that nobody asked for is found by its mark, and a generated parser with Caffe's
 * (and every fork's) descriptor is not needed. Where protobuf would refuse a number in a
 * field of words, the getter that is asked for the field does.
 *
 * Bounds: 4 MiB of text, messages 32 deep, lines counted for messages.
 */
#include "caffe/prototext.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define MAX_TEXT  ((size_t)4 << 20)
#define MAX_DEPTH 32

struct parser {
	const char *p, *end;
	const char *file;
	size_t line;
};

static enum det_err
expected(const struct parser *s, const char *what)
{
	if (s->p == s->end)
		return det_fail(DET_INVALID,
		    "%s:%zu: %s expected, found the end of the text", s->file, s->line,
		    what);
	return det_fail(DET_INVALID, "%s:%zu: %s expected, found '%c'", s->file,
	    s->line, what, *s->p);
}

static void
skip_blanks(struct parser *s)
{
	for (; s->p < s->end; s->p++) {
		if (*s->p == '#')
			while (s->p < s->end && *s->p != '\n')
				s->p++;
		if (s->p == s->end)
			return;
		if (*s->p == '\n')
			s->line++;
		else if (*s->p != ' ' && *s->p != '\t' && *s->p != '\r')
			return;
	}
}

/* Takes the mark if it comes next. */
static int
take(struct parser *s, char mark)
{
	skip_blanks(s);
	if (s->p == s->end || *s->p != mark)
		return 0;
	s->p++;
	return 1;
}

static int
in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-' ||
	       c == '+';
}

static enum det_err
parse_word(char **out, struct parser *s, const char *what)
{
	const char *from;

	skip_blanks(s);
	from = s->p;
	while (s->p < s->end && in_word(*s->p))
		s->p++;
	if (s->p == from)
		return expected(s, what);
	return det_strndup(out, from, (size_t)(s->p - from));
}

/* What follows a backslash, as in C; no Unicode escapes. */
static enum det_err
parse_escape(char *out, struct parser *s)
{
	static const char from[] = "ntrabfv\\'\"?", to[] = "\n\t\r\a\b\f\v\\'\"?";
	const char *at;
	int value = 0, n, base = 8, most = 3;

	if (s->p < s->end && *s->p != 0 && (at = strchr(from, *s->p))) {
		*out = to[at - from];
		s->p++;
		return DET_OK;
	}
	if (s->p < s->end && (*s->p == 'x' || *s->p == 'X')) {
		base = 16;
		most = 2;
		s->p++;
	}
	for (n = 0; n < most && s->p < s->end && det_digit(*s->p, base) >= 0; n++)
		value = value * base + det_digit(*s->p++, base);
	if (n == 0 || value == 0 || value > 255)
		return expected(s, "an escape of a byte above 0");
	*out = (char)(unsigned char)value;
	return DET_OK;
}

static enum det_err
parse_string(struct det_buf *b, struct parser *s)
{
	char quote = *s->p++, c;
	enum det_err e;

	for (;;) {
		if (s->p == s->end || *s->p == '\n' || *s->p == 0)
			return expected(s, "the string's closing quote");
		c = *s->p++;
		if (c == quote)
			return DET_OK;
		if (c == '\\' && (e = parse_escape(&c, s)))
			return e;
		if ((e = det_buf_add(b, &c, 1)))
			return e;
	}
}

/* One string or several, one after another. */
static enum det_err
parse_strings(char **out, struct parser *s)
{
	struct det_buf b = { 0 };
	enum det_err e = det_buf_add(&b, "", 0);

	for (skip_blanks(s); !e && s->p < s->end && (*s->p == '"' || *s->p == '\'');
	     skip_blanks(s))
		e = parse_string(&b, s);
	if (!e)
		e = det_strndup(out, b.text, b.len);
	det_buf_free(&b);
	return e;
}

static enum det_err
parse_value(struct cf_field *f, struct parser *s)
{
	skip_blanks(s);
	f->line = s->line;
	if (s->p < s->end && (*s->p == '"' || *s->p == '\'')) {
		f->kind = CF_STRING;
		return parse_strings(&f->text, s);
	}
	f->kind = CF_WORD;
	return parse_word(&f->text, s, "a value");
}

static enum det_err
add_field(
    struct cf_field **out, struct cf_field *m, const struct parser *s, const char *name)
{
	enum det_err e;

	if ((e = det_grow(&m->field, &m->cap, m->n + 1, sizeof *m->field)))
		return e;
	*out = &m->field[m->n];
	**out = (struct cf_field){ .file = s->file, .line = s->line };
	if ((e = det_strdup(&(*out)->name, name)))
		return e;
	m->n++;
	return DET_OK;
}

static enum det_err parse_message(
    struct cf_field *m, struct parser *s, char close, int depth);

/* { ... } or < ... > where one comes next; 0 in *done where not. */
static enum det_err
parse_braces(int *done, struct cf_field *f, struct parser *s, int depth)
{
	char close = take(s, '{') ? '}' : take(s, '<') ? '>' : 0;

	*done = close != 0;
	f->line = s->line;
	f->kind = CF_MESSAGE;
	return close ? parse_message(f, s, close, depth + 1) : DET_OK;
}

/* A name and its value; the values of a list are fields of the same name. */
static enum det_err
parse_field(struct cf_field *m, struct parser *s, const char *name, int depth)
{
	struct cf_field *f;
	int colon = take(s, ':'), list = colon && take(s, '['), done;
	enum det_err e;

	if (list && take(s, ']'))
		return DET_OK;
	do {
		if ((e = add_field(&f, m, s, name)) ||
		    (e = parse_braces(&done, f, s, depth)))
			return e;
		if (!done && !colon)
			return expected(s, "':' or '{'");
		if (!done && (e = parse_value(f, s)))
			return e;
	} while (list && take(s, ','));
	if (list && !take(s, ']'))
		return expected(s, "']'");
	return DET_OK;
}

static enum det_err
parse_message(struct cf_field *m, struct parser *s, char close, int depth)
{
	char *name;
	enum det_err e = DET_OK;

	if (depth > MAX_DEPTH)
		return det_fail(DET_LIMIT, "%s:%zu: messages nested deeper than %d",
		    s->file, s->line, MAX_DEPTH);
	while (!e) {
		skip_blanks(s);
		if (close ? take(s, close) : s->p == s->end)
			return DET_OK;
		if ((e = parse_word(&name, s, "a field's name")))
			return e;
		e = parse_field(m, s, name, depth);
		free(name);
		if (!e && !take(s, ';'))
			(void)take(s, ',');
	}
	return e;
}

enum det_err
cf_text_parse(struct cf_field *root, const char *text, size_t len, const char *file)
{
	struct parser s = { text, text + len, file, 1 };
	enum det_err e;

	*root = (struct cf_field){ .file = file, .line = 1, .kind = CF_MESSAGE };
	if (len > MAX_TEXT)
		return det_fail(DET_LIMIT,
		    "%s: a text of %zu bytes, at most %zu expected", file, len,
		    MAX_TEXT);
	if ((e = det_strdup(&root->name, "")))
		return e;
	if ((e = parse_message(root, &s, 0, 0)))
		cf_field_release(root);
	return e;
}

void
cf_field_release(struct cf_field *f)
{
	for (size_t i = 0; i < f->n; i++)
		cf_field_release(&f->field[i]);
	free(f->field);
	free(f->name);
	free(f->text);
	*f = (struct cf_field){ 0 };
}
