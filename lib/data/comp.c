/* SPDX-License-Identifier: MIT
 *
 * Which file is a class's is found from the class table, because the name of a class may hold
 * what parts it from the front of the file's name: of "comp4_det_test_dining_table.txt" the
 * table alone knows that its class is "dining_table".
 */
#include "data/comp.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/truth_impl.h"

#define MAX_FILE ((size_t)1 << 32)

/* Six words of a line, cut in place. */
static int
six(char *word[6], char *line)
{
	size_t n = 0;
	char *p = line;

	for (;;) {
		p += strspn(p, " \t");
		if (!*p)
			return n == 6;
		if (n == 6)
			return 0;
		word[n++] = p;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = 0;
	}
}

static enum det_err
result(const struct det_comp_sink *sink, struct det_comp_result *v, char *line,
    size_t n, int corners)
{
	char *word[6];
	enum det_err e;

	if (n == 0)
		return DET_OK;
	if (memchr(line, 0, n) || !six(word, line))
		return det_fail(DET_INVALID,
		    "%s:%llu: six words expected: id score xmin ymin xmax ymax",
		    v->file, (unsigned long long)v->line);
	v->id = word[0];
	if ((e = det_parse_double(&v->score, word[1], -1e300, 1e300)))
		return det_fail_in(
		    e, "%s:%llu: score", v->file, (unsigned long long)v->line);
	for (int i = 0; i < 4; i++)
		if ((e = det_parse_double(&v->box[i], word[2 + i], -1e15, 1e15)))
			return det_fail_in(e, "%s:%llu: a corner", v->file,
			    (unsigned long long)v->line);
	det_corners(v->box, corners, DET_CORNERS_INCLUSIVE);
	return sink->result(sink->ctx, v);
}

enum det_err
det_comp_read_file(
    const char *path, int32_t label, int corners, const struct det_comp_sink *sink)
{
	struct det_comp_result v = { .file = path, .label = label };
	const char *line;
	char *text;
	size_t size, n, at = 0;
	enum det_err e;

	if ((e = det_file_read(&text, &size, path, MAX_FILE)))
		return e;
	while (!e && det_line_next(&line, &n, text, size, &at)) {
		char *own = text + (line - text);

		v.line++;
		own[n] = 0; /* the LF or CR, or the NUL after the text */
		e = result(sink, &v, own, n, corners);
	}
	free(text);
	return e;
}

/* Where the name is ANYTHING_class.txt or class.txt: the length of what comes before the
 * class; else -1. */
static long
front(const char *name, const char *class)
{
	size_t n = strlen(name) - 4, k = strlen(class);

	if (k > n || memcmp(name + n - k, class, k) != 0 ||
	    (n > k && name[n - k - 1] != '_'))
		return -1;
	return (long)(n - k);
}

/* The front that most classes have a file with; the first of equals. */
static enum det_err
find_prefix(char **out, const struct det_listing *l, const struct det_classes *c)
{
	struct det_strings fronts = { 0 };
	size_t best = 0, most = 0;
	enum det_err e = DET_OK;

	for (size_t i = 0; i < l->file.n && !e; i++)
		for (size_t k = 0; k < c->n && !e; k++) {
			long n = front(l->file.name[i], c->name[k]);
			char *s;

			if (n < 0 || (e = det_strndup(&s, l->file.name[i], (size_t)n)))
				continue;
			if (det_strings_find(&fronts, s) == fronts.n)
				e = det_strings_add(&fronts, s);
			free(s);
		}
	for (size_t i = 0; i < fronts.n && !e; i++) {
		size_t have = 0;

		for (size_t k = 0; k < l->file.n; k++)
			for (size_t m = 0; m < c->n; m++) {
				long n = front(l->file.name[k], c->name[m]);

				have +=
				    n >= 0 && (size_t)n == strlen(fronts.name[i]) &&
				    !memcmp(l->file.name[k], fronts.name[i], (size_t)n);
			}
		if (have > most) {
			most = have;
			best = i;
		}
	}
	if (!e && !most)
		e = det_fail(DET_INVALID,
		    "%s: VOC results expected, files that end with a class's name and "
		    ".txt; found none of %zu classes",
		    l->dir, c->n);
	if (!e)
		e = det_strdup(out, fronts.name[best]);
	det_strings_release(&fronts);
	return e;
}

enum det_err
det_comp_read(const char *dir, const char *prefix, int corners,
    const struct det_classes *classes, const struct det_comp_sink *sink)
{
	static const char *const txt[] = { ".txt", NULL };
	struct det_listing l = { 0 };
	struct det_buf name = { 0 };
	char *own = NULL, *path;
	size_t found = 0;
	enum det_err e;

	if ((e = det_listing_read(&l, dir, txt)) ||
	    (!prefix && (e = find_prefix(&own, &l, classes))))
		goto out;
	for (size_t i = 0; i < classes->n && !e; i++) {
		name.len = 0;
		if ((e = det_buf_printf(
			 &name, "%s%s.txt", prefix ? prefix : own, classes->name[i])) ||
		    det_strings_find(&l.file, name.text) == l.file.n ||
		    (e = det_path_join(&path, dir, name.text)))
			continue;
		found++;
		e = det_comp_read_file(path, (int32_t)i, corners, sink);
		free(path);
	}
	if (!e && !found)
		e = det_fail(DET_INVALID,
		    "%s: VOC results %sCLASS.txt expected, found none", dir,
		    prefix ? prefix : own);
out:
	det_listing_release(&l);
	det_buf_free(&name);
	free(own);
	return e;
}
