/* SPDX-License-Identifier: MIT
 *
 * Ground truth as a table with a head line: one box a line, columns in any order.
 *
 * Tabs part the columns where the head line has one, else commas; with commas a field may
 * stand in double quotes, with "" for a quote in it (RFC 4180; a line's end can't be quoted).
 * With tabs \t \n \r \\ are read as det-export writes them. A line without class and corners
 * is a picture in which nothing is to be found.
 */
#include "data/truth_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define MAX_TABLE   ((size_t)1 << 31)
#define MAX_COLUMNS 64

enum column {
	IMAGE,
	CLASS,
	X1,
	Y1,
	X2,
	Y2,
	WIDTH,
	HEIGHT,
	DIFFICULT,
	CROWD,
	IGNORE,
	AREA,
	COLUMNS
};

/* The names that each goes by. */
static const char *const names[COLUMNS][6] = {
	[IMAGE] = { "image", "path", "filename", "file", "image_path", NULL },
	[CLASS] = { "class", "label", "name", "category", "classname", NULL },
	[X1] = { "x1", "xmin", "left", NULL },
	[Y1] = { "y1", "ymin", "top", NULL },
	[X2] = { "x2", "xmax", "right", NULL },
	[Y2] = { "y2", "ymax", "bottom", NULL },
	[WIDTH] = { "width", "image_width", NULL },
	[HEIGHT] = { "height", "image_height", NULL },
	[DIFFICULT] = { "difficult", NULL },
	[CROWD] = { "crowd", "iscrowd", NULL },
	[IGNORE] = { "ignore", NULL },
	[AREA] = { "area", NULL },
};

struct table {
	struct det_truth_reader *r;
	char mark;               /* between columns */
	int column[MAX_COLUMNS]; /* which each is; -1: none of ours */
	char *field[COLUMNS];    /* of the current line; NULL: no such column */
	uint32_t file;
	uint64_t line;
	struct det_strings pictures; /* by their index in the truth */
};

/* Cuts the next field of *s and unquotes it in place; *s is NULL after the last. */
static int
next_field(char **field, char **s, char mark)
{
	char *p = *s, *to = p;

	*field = p;
	if (mark == ',' && *p == '"') {
		for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
			p += *p == '"';
			*to++ = *p;
		}
		if (*p != '"' || (p[1] && p[1] != mark))
			return 0;
		p++;
	} else {
		for (; *p && *p != mark; p++) {
			static const char from[] = "tnr\\", is[] = "\t\n\r\\";
			const char *escape = mark == '\t' && *p == '\\' && p[1]
						 ? strchr(from, p[1])
						 : NULL;

			*to++ = escape ? is[escape - from] : *p;
			p += escape != NULL;
		}
	}
	*s = *p ? p + 1 : NULL;
	*to = 0;
	return 1;
}

static int
column_of(const char *name)
{
	for (int c = 0; c < COLUMNS; c++)
		for (const char *const *n = names[c]; *n; n++)
			if (!strcmp(*n, name))
				return c;
	return -1;
}

static enum det_err
bad_line(struct table *t, const char *what, const char *found)
{
	return det_truth_wrong(t->r, "bad-annotation", t->file, t->line,
	    t->field[IMAGE] ? t->field[IMAGE] : "", "%s%s", what, found);
}

static enum det_err
head(struct table *t, char *line)
{
	unsigned seen = 0;
	char *field;
	size_t n = 0;

	t->mark = strchr(line, '\t') ? '\t' : ',';
	while (line) {
		if (n == MAX_COLUMNS || !next_field(&field, &line, t->mark))
			return det_fail(DET_INVALID,
			    "%s:1: a head line of at most 64 names expected",
			    t->r->p->path);
		t->column[n] = column_of(field);
		if (t->column[n] >= 0 && seen >> t->column[n] & 1)
			return det_fail(DET_INVALID, "%s:1: two columns are %s",
			    t->r->p->path, names[t->column[n]][0]);
		if (t->column[n] >= 0)
			seen |= 1u << t->column[n];
		n++;
	}
	while (n < MAX_COLUMNS)
		t->column[n++] = -2;
	for (int c = IMAGE; c <= Y2; c++)
		if (!(seen >> c & 1))
			return det_fail(DET_INVALID,
			    "%s:1: a head line with the columns image class x1 y1 x2 "
			    "y2 "
			    "expected: there is no %s",
			    t->r->p->path, names[c][0]);
	return DET_OK;
}

static int
split_line(struct table *t, char *line)
{
	char *field;
	size_t n = 0;

	memset(t->field, 0, sizeof t->field);
	while (line) {
		if (n == MAX_COLUMNS || t->column[n] == -2 ||
		    !next_field(&field, &line, t->mark))
			return 0;
		if (t->column[n] >= 0)
			t->field[t->column[n]] = field;
		n++;
	}
	return n == MAX_COLUMNS || t->column[n] == -2;
}

static enum det_err
picture(struct table *t, uint32_t *image)
{
	const struct det_truth_params *p = t->r->p;
	const char *name = t->field[IMAGE];
	size_t i = det_strings_find(&t->pictures, name);
	char *path;
	enum det_err e;

	*image = (uint32_t)i;
	if (i < t->pictures.n)
		return DET_OK;
	if ((e = det_strings_add(&t->pictures, name)) ||
	    (e = p->images && *name != '/' ? det_path_join(&path, p->images, name)
					   : det_strdup(&path, name)) ||
	    (e = det_truth_image(image, t->r, path, (int64_t)i, t->file, t->line)))
		return e;
	if (t->field[WIDTH] && t->field[HEIGHT]) {
		struct det_truth_image *im = &t->r->t->image[*image];

		if (det_parse_long(&im->width, t->field[WIDTH], 0, 1000000) ||
		    det_parse_long(&im->height, t->field[HEIGHT], 0, 1000000))
			return bad_line(t, "width and height: ", det_errmsg());
	} else if (!p->finding) {
		det_truth_try_size(t->r, *image);
	}
	return DET_OK;
}

static int
flag(const struct table *t, enum column c)
{
	return t->field[c] && *t->field[c] && strcmp(t->field[c], "0") != 0;
}

static enum det_err
box(struct table *t, uint32_t image)
{
	struct det_truth_object o = {
		.image = image, .file = t->file, .line = t->line
	};
	double c[4];
	enum det_err e;

	for (int i = 0; i < 4; i++)
		if (det_parse_double(&c[i], t->field[X1 + i], -1e15, 1e15))
			return bad_line(t, "a corner: ", det_errmsg());
	det_truth_corners(c, t->r, DET_CORNERS_CONTINUOUS);
	o.box = (struct det_box){ .x1 = c[0],
		.y1 = c[1],
		.x2 = c[2],
		.y2 = c[3],
		.flags = (flag(t, DIFFICULT) ? DET_BOX_DIFFICULT : 0u) |
			 (flag(t, CROWD) ? DET_BOX_CROWD : 0u) |
			 (flag(t, IGNORE) ? DET_BOX_IGNORE : 0u) };
	if (t->field[AREA] && *t->field[AREA] &&
	    det_parse_double(&o.box.area, t->field[AREA], 0, 1e30))
		return bad_line(t, "area: ", det_errmsg());
	if (det_truth_class(&o.box.label, t->r, t->field[CLASS], -1))
		return bad_line(t, "", det_errmsg());
	if (o.box.area == (c[2] - c[0]) * (c[3] - c[1]))
		o.box.area = 0;
	e = det_truth_object(t->r, &o);
	return e;
}

static enum det_err
line(struct table *t, char *text, size_t n)
{
	uint32_t image;
	enum det_err e;

	t->line++;
	if (memchr(text, 0, n)) {
		memset(t->field, 0, sizeof t->field);
		return bad_line(t, "a NUL in a line", "");
	}
	if (t->line == 1)
		return head(t, text);
	if (!n)
		return DET_OK;
	if (!split_line(t, text) || !*t->field[IMAGE])
		return bad_line(
		    t, "a line with the columns of the head line expected", "");
	if ((e = picture(t, &image)))
		return e;
	if (!*t->field[X1] && !*t->field[Y1] && !*t->field[X2] && !*t->field[Y2])
		return DET_OK;
	return box(t, image);
}

enum det_err
det_truth_csv(struct det_truth_reader *r)
{
	struct table t = { .r = r };
	const char *s;
	char *text = NULL;
	size_t size, n, at = 0;
	enum det_err e;

	r->sorted = 1;
	if ((e = det_file_read(&text, &size,
		 strcmp(r->p->path, "-") ? r->p->path : "/dev/stdin", MAX_TABLE)) ||
	    (e = det_truth_file(&t.file, r, r->p->path)))
		goto out;
	if (!size)
		e = det_fail(
		    DET_INVALID, "%s: a head line expected, found nothing", r->p->path);
	while (!e && det_line_next(&s, &n, text, size, &at)) {
		char *own = text + (s - text);

		own[n] = 0; /* the LF or CR, or the NUL after the text */
		e = line(&t, own, n);
	}
out:
	det_strings_release(&t.pictures);
	free(text);
	return e;
}
