/* SPDX-License-Identifier: MIT
 *
 * A file of an architecture with the pieces that it includes, its variables put in, becomes
 * sections (formats/arch.md has the rules). Which file a name stands for is arch_source.c's to
 * say.
 *
 * The file may be anybody's, and a few lines of `each` and `include` can ask for more than any
 * memory holds. So a reading counts: lines, as often as they are read; values put in; bytes of
 * all texts. The limits are some hundred times what the built-in architectures need.
 *
 * An error names file and line, and where that file was included the line of the first file
 * that led there.
 */
#include "model/arch_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/anchors.h"
#include "model/profile.h"

#define MAX_DEPTH    16
#define MAX_LINES    ((size_t)1 << 15)
#define MAX_VALUES   ((size_t)1 << 16)
#define MAX_ARGS     1024 /* bytes of NAME=VALUE words; they are searched for each value */
#define MAX_SECTIONS 64
/* of a section that is no network and no classes; those are searched many times */
#define MAX_SECTION ((size_t)1 << 15)

#define NONE ((size_t)-1)

/* What was read, together. */
struct reading {
	size_t lines, values, text;
	int told; /* an error has its file and line */
};

/* Where the reading is: a file, and the values that its include gave. */
struct place {
	struct det_arch *a;
	struct reading *r;
	const struct det_arch_file *file;
	size_t line;
	int depth;
	size_t section;           /* its number; NONE before the first */
	const struct place *from; /* who included this one */
	const char *args;         /* "key=value key=value" of that include */
};

/* Counts n more of something. */
static enum det_err
spend(size_t *have, size_t n, size_t most, const char *what)
{
	*have += n;
	return *have <= most ? DET_OK
			     : det_fail(DET_LIMIT,
				   "the architecture has more than %zu %s, with what "
				   "it includes and repeats",
				   most, what);
}

static enum det_err
bad(const struct place *p, enum det_err e)
{
	if (p->r->told && p->from)
		return e;
	p->r->told = 1;
	return det_fail_in(e, "%.160s:%zu", p->file->name, p->line);
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
		if (!s[n])
			return det_fail(DET_INVALID, "'${%s' without a '}'", s);
		if ((e = spend(&p->r->values, 1, MAX_VALUES, "values put in")))
			return e;
		if (!(v = value_of(p, s, n, &len)))
			return det_fail(
			    DET_INVALID, "no variable '%.*s' is set", (int)n, s);
		if ((e = det_buf_add(out, v, len)))
			return e;
		s += n + 1;
		if (out->len > ARCH_MAX_LINE)
			break;
	}
	return out->len <= ARCH_MAX_LINE
		   ? DET_OK
		   : det_fail(DET_LIMIT, "a line above %zu bytes", ARCH_MAX_LINE);
}

/* Sections that there are; a misspelt one would be a text that nobody reads. */
static int
is_section(const char *name, size_t n)
{
	static const char *const whole[] = { "anchors", "propose", "decode", "pipeline",
		"train", "meta", "classes", "seed" };
	static const char *const begin[] = { "net/", "options/", "names " };

	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
		if (strlen(whole[i]) == n && memcmp(name, whole[i], n) == 0)
			return 1;
	for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
		size_t k = strlen(begin[i]);

		if (n > k && n < 64 && memcmp(name, begin[i], k) == 0)
			return strcspn(name + k, " \t/]=") == n - k;
	}
	return 0;
}

static enum det_err
add_section(struct det_arch *a, const char *name, size_t n)
{
	struct arch_section *s;
	enum det_err e;

	if (!is_section(name, n))
		return det_fail(DET_INVALID,
		    "a section net/NAME, anchors, propose, decode, pipeline, train, "
		    "options/TOOL, meta, classes, seed or names FORM expected, found "
		    "'[%.*s]'",
		    n < 64 ? (int)n : 64, name);
	if (a->n_sections == MAX_SECTIONS)
		return det_fail(DET_LIMIT, "more than %d sections", MAX_SECTIONS);
	if ((e = det_grow(
		 &a->section, &a->cap_sections, a->n_sections + 1, sizeof *a->section)))
		return e;
	s = &a->section[a->n_sections];
	*s = (struct arch_section){ 0 };
	/* a text that stays empty is one all the same */
	if ((e = det_buf_printf(&s->text, "%s", "")))
		return e;
	if ((e = det_strndup(&s->name, name, n))) {
		det_buf_free(&s->text);
		return e;
	}
	a->n_sections++;
	return DET_OK;
}

/* "[NAME]": a new section, or more of one that is there. */
static enum det_err
open_section(struct place *p, const char *line)
{
	struct det_arch *a = p->a;
	size_t n = strcspn(line + 1, "]");

	if (line[n + 1] != ']' || line[n + 2 + strspn(line + n + 2, " \t")])
		return det_fail(DET_INVALID, "[NAME] expected, found '%s'", line);
	for (p->section = 0; p->section < a->n_sections; p->section++) {
		const char *name = a->section[p->section].name;

		if (strlen(name) == n && memcmp(name, line + 1, n) == 0) {
			a->section[p->section].gap.len = 0;
			return DET_OK;
		}
	}
	return add_section(a, line + 1, n);
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
add_line(const struct place *p, const char *line)
{
	struct arch_section *s = &p->a->section[p->section];
	int net = strncmp(s->name, "net/", 4) == 0;
	enum det_err e;

	if ((e = spend(&p->r->text, strlen(line) + 1, ARCH_MAX_FILE, "bytes of text")))
		return e;
	if (!net && strcmp(s->name, "classes") != 0 && s->text.len > MAX_SECTION)
		return det_fail(
		    DET_LIMIT, "[%s] is above %zu bytes", s->name, MAX_SECTION);
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
add_text(const struct place *p, const char *text)
{
	const char *l;
	size_t at = 0, n;
	char *line;
	enum det_err e = DET_OK;

	while (!e && det_line_next(&l, &n, text, strlen(text), &at)) {
		if ((e = spend(&p->r->lines, 1, MAX_LINES, "lines")) ||
		    (e = det_strndup(&line, l, n)))
			break;
		e = add_line(p, line);
		free(line);
	}
	return e;
}

static enum det_err
set_var(struct place *p, const char *word)
{
	struct arch_var *v = arch_var_find(p->a, word, strcspn(word, "="));
	enum det_err e;

	if ((e = arch_var_check(word, strlen(word))))
		return e;
	if (!v) {
		if ((e = arch_var_add(p->a, word)))
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
	return add_text(p, text);
}

/* The place inside p: of a file that is included, or of a line that is repeated. */
static enum det_err
enter(struct place *q, const struct place *p, const char *args)
{
	*q = *p;
	q->from = p;
	q->args = args;
	if (++q->depth > MAX_DEPTH)
		return det_fail(
		    DET_LIMIT, "include and each nested deeper than %d", MAX_DEPTH);
	if (strlen(args) > MAX_ARGS)
		return det_fail(DET_LIMIT,
		    "values of at most %d bytes expected, found %zu", MAX_ARGS,
		    strlen(args));
	return DET_OK;
}

/* Each word is NAME=VALUE. */
static enum det_err
check_args(const char *w)
{
	enum det_err e = DET_OK;

	while (!e && *(w += strspn(w, " \t"))) {
		size_t n = strcspn(w, " \t");

		e = arch_var_check(w, n);
		w += n;
	}
	return e;
}

static enum det_err
include(struct place *p, const char *words)
{
	size_t n = strcspn(words, " \t");
	struct place q;
	char *name;
	enum det_err e;

	if (strchr(words, ':'))
		return include_table(p, words);
	if ((e = enter(&q, p, words + n + strspn(words + n, " \t"))) ||
	    (e = check_args(q.args)) || (e = det_strndup(&name, words, n)))
		return e;
	e = arch_include(&q.file, p->a, p->file, name);
	free(name);
	return e ? e : read_file(&q);
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
	if ((e = arch_var_check(words, strlen(words))))
		return e;
	for (v++; !e && *v; v += k + (v[k] == ',')) {
		struct place q;

		k = strcspn(v, ",");
		arg.len = 0;
		if ((e = det_buf_printf(&arg, "%.*s=%.*s", (int)n, words, (int)k, v)) ||
		    (e = enter(&q, p, arg.text)))
			break;
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

	if ((e = spend(&p->r->lines, 1, MAX_LINES, "lines")))
		return e;
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
		e = add_line(p, line);
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
	struct reading r = { 0 };
	struct place p = { .a = a, .r = &r, .file = f, .section = NONE };

	return read_file(&p);
}
