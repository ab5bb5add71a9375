/* SPDX-License-Identifier: MIT
 *
 * Where the lines of an architecture come from: files that are built in, by name, and files of
 * a user, by path.
 *
 * A built-in file includes built-in ones and nothing else, so that a name means the same
 * wherever the program runs. A user's file includes what lies beside it, in its own folder or
 * below, and where there is nothing of that name the built-in file: so a copy of an
 * architecture can be changed without a copy of all its pieces. A path that leads out of the
 * folder is refused, since an architecture may come from a stranger, and what it includes can
 * end up in a model that its user passes on.
 *
 * Files are read once and stay as they were, because an import reads an architecture again
 * for each variable that it deduces.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/arch_impl.h"

#define MAX_FILES 64

static const char suffix[] = ".arch";

const struct det_arch_file *
arch_file(const char *name)
{
	for (size_t i = 0; i < det_arch_files_n; i++)
		if (strcmp(det_arch_files[i].name, name) == 0)
			return &det_arch_files[i];
	return NULL;
}

/* Names end in .arch; pieces that they include do not. */
static size_t
stem(const char *file)
{
	size_t n = strlen(file), k = strlen(suffix);

	return n > k && strcmp(file + n - k, suffix) == 0 ? n - k : 0;
}

int
det_arch_is_file(const char *name)
{
	return strchr(name, '/') || stem(name);
}

enum det_err
arch_own_name(char **out, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t n = stem(name) ? stem(name) : strlen(name);

	/* it becomes a line of the model's meta */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return det_fail(DET_INVALID,
			    "%.200s: a name without control characters expected", path);
	return det_strndup(out, name, n);
}

int
det_arch_list(size_t i, const char **name, const char **about)
{
	static _Thread_local char buf[128];

	for (size_t k = 0; k < det_arch_files_n; k++) {
		const struct det_arch_file *f = &det_arch_files[k];
		size_t n = stem(f->name);

		if (!n || i-- > 0)
			continue;
		(void)snprintf(buf, sizeof buf, "%.*s", (int)n, f->name);
		*name = buf;
		*about = "";
		for (size_t l = 0; f->lines[l]; l++)
			if (strncmp(f->lines[l], "about ", 6) == 0) {
				*about = f->lines[l] + 6;
				break;
			}
		return 1;
	}
	return 0;
}

/* --- a user's files -------------------------------------------------------------------- */

static enum det_err
check_line(const char *path, size_t number, const char *line, size_t n)
{
	if (n > ARCH_MAX_LINE)
		return det_fail(DET_LIMIT,
		    "%.160s:%zu: a line of at most %zu bytes expected, found %zu", path,
		    number, ARCH_MAX_LINE, n);
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') ||
		    line[i] == 0x7f)
			return det_fail(DET_INVALID,
			    "%.160s:%zu: text expected, found byte %#x", path, number,
			    (unsigned)(unsigned char)line[i]);
	return DET_OK;
}

/* Cuts the text into lines, where they are. */
static enum det_err
cut_lines(struct arch_own *o, size_t len)
{
	size_t at = 0, n, used = 0, cap = 0;
	const char *line;
	enum det_err e;

	while (det_line_next(&line, &n, o->text, len, &at)) {
		if ((e = check_line(o->path, used + 1, line, n)) ||
		    (e = det_grow(&o->lines, &cap, used + 1, sizeof *o->lines)))
			return e;
		o->text[(size_t)(line - o->text) + n] = 0;
		o->lines[used++] = line;
	}
	if ((e = det_grow(&o->lines, &cap, used + 1, sizeof *o->lines)))
		return e;
	o->lines[used] = NULL;
	return DET_OK;
}

static void
own_free(struct arch_own *o)
{
	if (!o)
		return;
	free(o->path);
	free(o->text);
	free(o->lines);
	free(o);
}

void
arch_own_release(struct det_arch *a)
{
	for (size_t i = 0; i < a->n_own; i++)
		own_free(a->own[i]);
	free(a->own);
	a->own = NULL;
	a->n_own = a->cap_own = 0;
}

static enum det_err
own_read(struct arch_own **out, const char *path)
{
	struct arch_own *o;
	size_t len;
	enum det_err e;

	if (!(o = calloc(1, sizeof *o)))
		return det_fail(DET_NOMEM, "no memory for an architecture");
	if ((e = det_strdup(&o->path, path)) ||
	    (e = det_file_read(&o->text, &len, path, ARCH_MAX_FILE)) ||
	    (e = cut_lines(o, len))) {
		own_free(o);
		return e;
	}
	o->file = (struct det_arch_file){ o->path, o->lines };
	*out = o;
	return DET_OK;
}

enum det_err
arch_own_open(const struct det_arch_file **out, struct det_arch *a, const char *path)
{
	struct arch_own *o = NULL;
	enum det_err e;

	for (size_t i = 0; i < a->n_own; i++)
		if (strcmp(a->own[i]->path, path) == 0) {
			*out = &a->own[i]->file;
			return DET_OK;
		}
	if (a->n_own == MAX_FILES)
		return det_fail(
		    DET_LIMIT, "at most %d files of one architecture", MAX_FILES);
	if ((e = own_read(&o, path)))
		return e;
	if ((e = det_grow(
		 &a->own, &a->cap_own, a->n_own + 1, sizeof(struct arch_own *)))) {
		own_free(o);
		return e;
	}
	a->own[a->n_own++] = o;
	*out = &o->file;
	return DET_OK;
}

/* --- what is included ------------------------------------------------------------------ */

static const struct arch_own *
is_own(const struct det_arch *a, const struct det_arch_file *f)
{
	for (size_t i = 0; i < a->n_own; i++)
		if (&a->own[i]->file == f)
			return a->own[i];
	return NULL;
}

/* Whether a path stays in its folder. */
static int
stays(const char *path)
{
	const char *p = path;

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 2 && memcmp(p, "..", 2) == 0))
			return 0;
		p += n;
		p += *p != 0;
	}
	return p > path && p[-1] != '/';
}

/* The file beside a user's; *out is NULL where there is none. */
static enum det_err
beside(const struct det_arch_file **out, struct det_arch *a, const char *from,
    const char *name)
{
	const char *slash = strrchr(from, '/');
	struct det_buf path = { 0 };
	enum det_err e;

	*out = NULL;
	if (!stays(name))
		return det_fail(DET_INVALID,
		    "include: the name of a file in the same folder or below expected, "
		    "found '%s'",
		    name);
	if ((e = det_buf_add(&path, from, slash ? (size_t)(slash + 1 - from) : 0)) ||
	    (e = det_buf_printf(&path, "%s", name)))
		goto out;
	/* what is there and can't be read is an error, and not the built-in file */
	if (access(path.text, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
		e = arch_own_open(out, a, path.text);
out:
	det_buf_free(&path);
	return e;
}

enum det_err
arch_include(const struct det_arch_file **out, struct det_arch *a,
    const struct det_arch_file *from, const char *name)
{
	const struct arch_own *own = is_own(a, from);
	enum det_err e;

	*out = NULL;
	if (own && ((e = beside(out, a, own->path, name)) || *out))
		return e;
	if ((*out = arch_file(name)))
		return DET_OK;
	return det_fail(DET_INVALID, "include: no file '%s' is %s", name,
	    own ? "beside this one or built in" : "built in");
}

/* --- as text --------------------------------------------------------------------------- */

enum det_err
det_arch_source(struct det_buf *out, const char *name)
{
	const struct det_arch_file *f = arch_file(name);
	char file[160];
	enum det_err e = DET_OK;

	if (!f && strlen(name) <= 120) {
		(void)snprintf(file, sizeof file, "%s%s", name, suffix);
		f = arch_file(file);
	}
	if (!f)
		return arch_unknown(name);
	for (size_t i = 0; !e && f->lines[i]; i++)
		e = det_buf_printf(out, "%s\n", f->lines[i]);
	return e;
}

/* A name that would be read as something else stands behind a blank, which is no part of it. */
static const char *
guard(const char *name)
{
	return *name == '#' || *name == '[' || strncmp(name, "each ", 5) == 0 ||
		       strncmp(name, "include ", 8) == 0
		   ? " "
		   : "";
}

static enum det_err
add_classes(struct det_buf *out, const struct det_classes *c)
{
	enum det_err e = det_buf_printf(out, "[classes]\n");

	for (size_t i = 0; !e && i < c->n; i++) {
		if ((e = det_buf_printf(out, "%s%s", guard(c->name[i]), c->name[i])))
			break;
		if (c->source && c->source[i] >= 0)
			e = det_buf_printf(out, "\t%ld", (long)c->source[i]);
		if (!e)
			e = det_buf_add(out, "\n", 1);
	}
	return e;
}

enum det_err
det_arch_expanded(struct det_buf *out, const struct det_arch *a)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < a->n_vars; i++)
		e = det_buf_printf(out, "# %s=%s\n", a->var[i].name, a->var[i].value);
	for (size_t i = 0; !e && i < a->n_sections; i++) {
		const struct arch_section *s = &a->section[i];

		/* the table may be another */
		if (strcmp(s->name, "classes") != 0)
			e = det_buf_printf(out, "[%s]\n%s", s->name, s->text.text);
	}
	return e ? e : add_classes(out, &a->classes);
}
