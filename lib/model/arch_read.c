/* SPDX-License-Identifier: MIT
 *
 * A file of lib/arch with the pieces that it includes, its variables put in, becomes sections
 * (formats/arch.md has the rules). The files are part of the program, so an error in one is a
 * mistake of ours and not of the user's; it is reported all the same, with file and line, and
 * a test opens every architecture.
 */
#include "model/arch_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/anchors.h"
#include "model/profile.h"

#define MAX_DEPTH 16
#define MAX_TEXT  ((size_t)1 << 20)

#define NONE ((size_t)-1)

/* Where the reading is: a file, and the values that its include gave. */
struct place {
	struct det_arch *a;
	const struct det_arch_file *file;
	size_t line;
	int depth;
	size_t section;           /* its number; NONE before the first */
	const struct place *from; /* who included this one */
	const char *args;         /* "key=value key=value" of that include */
};

const struct det_arch_file *
arch_file(const char *name)
{
	for (size_t i = 0; i < det_arch_files_n; i++)
		if (strcmp(det_arch_files[i].name, name) == 0)
			return &det_arch_files[i];
	return NULL;
}

static enum det_err
bad(const struct place *p, enum det_err e)
{
	return det_fail_in(e, "%s:%zu", p->file->name, p->line);
}

struct arch_var *
arch_var_find(const struct det_arch *a, const char *name, size_t n)
{
	for (size_t i = 0; i < a->n_vars; i++)
		if (strlen(a->var[i].name) == n && memcmp(a->var[i].name, name, n) == 0)
			return &a->var[i];
	return NULL;
}

enum det_err
arch_var_add(struct det_arch *a, const char *name, size_t n, const char *value)
{
	struct arch_var v = { 0 };
	enum det_err e;

	if ((e = det_grow(&a->var, &a->cap_vars, a->n_vars + 1, sizeof *a->var)) ||
	    (e = det_strndup(&v.name, name, n)))
		return e;
	if ((e = det_strdup(&v.value, value))) {
		free(v.name);
		return e;
	}
	a->var[a->n_vars++] = v;
	return DET_OK;
}

/* The value of a name: of the include that is being read, of those around it, or set. */
static const char *
value_of(const struct place *p, const char *name, size_t n, size_t *len)
{
	const struct arch_var *v;

	for (const struct place *q = p; q; q = q->from) {
		const char *w = q->args;

		while (w && *w) {
			size_t k = strcspn(w, " \t");

			if (k > n && w[n] == '=' && memcmp(w, name, n) == 0) {
				*len = k - n - 1;
				return w + n + 1;
			}
			w += k;
			w += strspn(w, " \t");
		}
	}
	v = arch_var_find(p->a, name, n);
	if (!v)
		return NULL;
	*len = strlen(v->value);
	return v->value;
}

/* Puts values where "${name}" stands. */
static enum det_err
expand(struct det_buf *out, const struct place *p, const char *s)
{
	enum det_err e;

	if ((e = det_buf_printf(out, "%s", "")))
		return e;
	while (*s) {
		const char *mark = strstr(s, "${"), *v;
		size_t n = mark ? (size_t)(mark - s) : strlen(s), len;

		if ((e = det_buf_add(out, s, n)))
			return e;
		if (!mark)
			break;
		s = mark + 2;
		n = strcspn(s, "}");
		if (!(v = value_of(p, s, n, &len)))
			return det_fail(
			    DET_INVALID, "no variable '%.*s' is set", (int)n, s);
		if ((e = det_buf_add(out, v, len)))
			return e;
		s += n + (s[n] != 0);
		if (out->len > MAX_TEXT)
			return det_fail(DET_LIMIT, "a line above 1 MiB");
	}
	return DET_OK;
}

/* "[NAME]": a new section, or more of one that is there. */
static enum det_err
open_section(struct place *p, const char *line)
{
	struct det_arch *a = p->a;
	size_t n = strcspn(line + 1, "]");
	enum det_err e;

	if (line[n + 1] != ']')
		return det_fail(DET_INVALID, "[NAME] expected, found '%s'", line);
	for (p->section = 0; p->section < a->n_sections; p->section++) {
		const char *name = a->section[p->section].name;

		if (strlen(name) == n && memcmp(name, line + 1, n) == 0) {
			a->section[p->section].gap.len = 0;
			return DET_OK;
		}
	}
	if ((e = det_grow(
		 &a->section, &a->cap_sections, a->n_sections + 1, sizeof *a->section)))
		return e;
	a->section[a->n_sections] = (struct arch_section){ 0 };
	if ((e = det_strndup(&a->section[a->n_sections].name, line + 1, n)))
		return e;
	a->n_sections++;
	return DET_OK;
}

/* Takes the line of an option out of a text: what is said later counts. */
static void
drop_option(struct det_buf *b, const char *line)
{
	size_t n = strcspn(line, "=") + 1, at = 0, from = 0, k;
	const char *l;

	while (det_line_next(&l, &k, b->text, b->len, &at)) {
		if (k >= n && memcmp(l, line, n) == 0) {
			memmove(b->text + from, b->text + at, b->len - at + 1);
			b->len -= at - from;
			return;
		}
		from = at;
	}
}

/* Blank lines and comments stay where they stand before a line of the same section, but
 * only networks have use for comments. */
static enum det_err
add_line(struct arch_section *s, const char *line)
{
	int net = strncmp(s->name, "net/", 4) == 0;
	enum det_err e = DET_OK;

	if (!line[0] || line[0] == '#')
		return net ? det_buf_printf(&s->gap, "%s\n", line) : DET_OK;
	if (strncmp(s->name, "options/", 8) == 0 && s->text.len)
		drop_option(&s->text, line);
	if (s->text.len && s->gap.len)
		e = det_buf_add(&s->text, s->gap.text, s->gap.len);
	s->gap.len = 0;
	return e ? e : det_buf_printf(&s->text, "%s\n", line);
}

static enum det_err
add_text(struct arch_section *s, const char *text)
{
	const char *l;
	size_t at = 0, n;
	char *line;
	enum det_err e = DET_OK;

	while (!e && det_line_next(&l, &n, text, strlen(text), &at)) {
		if ((e = det_strndup(&line, l, n)))
			break;
		e = add_line(s, line);
		free(line);
	}
	return e;
}

static enum det_err
set_var(struct place *p, const char *word)
{
	size_t n = strcspn(word, "=");
	struct arch_var *v = arch_var_find(p->a, word, n);
	enum det_err e;

	if (!word[n])
		return det_fail(
		    DET_INVALID, "set NAME=VALUE expected, found '%s'", word);
	if (!v) {
		if ((e = arch_var_add(p->a, word, n, word + n + 1)))
			return e;
		v = &p->a->var[p->a->n_vars - 1];
	}
	v->known = 1;
	return DET_OK;
}

static enum det_err read_file(struct place *p);

/* Texts of other tables: "anchors:NAME", a well-known program's (lib/box/anchors.h);
 * "profile:NAME:TOOL", its options of a tool (lib/model/profile.h). */
static enum det_err
include_table(struct place *p, const char *what)
{
	const char *text = NULL, *tool = strrchr(what, ':');
	char name[64];

	if (strncmp(what, "anchors:", 8) == 0)
		text = det_anchors_profile(what + 8);
	else if (strncmp(what, "profile:", 8) == 0 && tool > what + 8) {
		(void)snprintf(
		    name, sizeof name, "%.*s", (int)(tool - what - 8), what + 8);
		text = det_profile_options(name, tool + 1);
	}
	if (!text || p->section == NONE)
		return det_fail(DET_INVALID, "include: no text '%s'", what);
	return add_text(&p->a->section[p->section], text);
}

static enum det_err
include(struct place *p, const char *words)
{
	struct place q = {
		.a = p->a, .depth = p->depth + 1, .from = p, .section = p->section
	};
	size_t n = strcspn(words, " \t");
	char name[128];

	if (strchr(words, ':'))
		return include_table(p, words);
	(void)snprintf(name, sizeof name, "%.*s", n < 100 ? (int)n : 100, words);
	if (q.depth > MAX_DEPTH)
		return det_fail(DET_LIMIT, "includes nested deeper than %d", MAX_DEPTH);
	if (!(q.file = arch_file(name)))
		return det_fail(DET_INVALID, "include: no file '%s'", name);
	q.args = words + n + strspn(words + n, " \t");
	return read_file(&q);
}

static enum det_err read_line(struct place *p, const char *raw);

/* "each NAME=A,B,...: LINE" reads LINE once for each of the values. */
static enum det_err
each(struct place *p, const char *words, const char *line)
{
	size_t n = strcspn(words, "="), k;
	const char *v = words + n;
	struct det_buf arg = { 0 };
	enum det_err e = DET_OK;

	if (!*v || !line)
		return det_fail(DET_INVALID,
		    "each NAME=A,B,...: LINE expected, found 'each %s'", words);
	for (v++; !e && *v; v += k + (v[k] == ',')) {
		struct place q = *p;

		k = strcspn(v, ",");
		arg.len = 0;
		if ((e = det_buf_printf(&arg, "%.*s=%.*s", (int)n, words, (int)k, v)))
			break;
		q.args = arg.text;
		q.from = p;
		if (!(e = read_line(&q, line)))
			p->section = q.section;
	}
	det_buf_free(&arg);
	return e;
}

/* `each` wants its line as it is: the variable is not known before. */
static enum det_err
read_each(struct place *p, const char *raw)
{
	const char *colon = strstr(raw, ": ");
	struct det_buf words = { 0 };
	char *copy;
	enum det_err e;

	if ((e = det_strndup(&copy, raw, colon ? (size_t)(colon - raw) : strlen(raw))))
		return e;
	if (!(e = expand(&words, p, copy)))
		e = each(p, words.text, colon ? colon + 2 : NULL);
	free(copy);
	det_buf_free(&words);
	return e;
}

static enum det_err
read_line(struct place *p, const char *raw)
{
	struct det_buf b = { 0 };
	const char *line;
	enum det_err e;

	if (strncmp(raw, "each ", 5) == 0)
		return read_each(p, raw + 5);
	e = expand(&b, p, raw);
	line = b.text;
	if (e)
		;
	else if (line[0] == '[')
		e = open_section(p, line);
	else if (strncmp(line, "include ", 8) == 0)
		e = include(p, line + 8);
	else if (p->section != NONE)
		e = add_line(&p->a->section[p->section], line);
	else if (strncmp(line, "set ", 4) == 0)
		e = set_var(p, line + 4);
	else if (line[0] && line[0] != '#' && strncmp(line, "about ", 6) != 0)
		e = det_fail(DET_INVALID,
		    "about, set, include, each or [SECTION] expected, found '%s'",
		    line);
	det_buf_free(&b);
	return e;
}

static enum det_err
read_file(struct place *p)
{
	enum det_err e = DET_OK;

	for (p->line = 1; !e && p->file->lines[p->line - 1]; p->line++)
		if ((e = read_line(p, p->file->lines[p->line - 1]))) {
			e = bad(p, e);
			break;
		}
	return e;
}

enum det_err
arch_read(struct det_arch *a, const struct det_arch_file *f)
{
	struct place p = { .a = a, .file = f, .section = NONE };

	return read_file(&p);
}
