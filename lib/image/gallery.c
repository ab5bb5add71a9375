/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "image/gallery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

struct det_gallery {
	const char *name;
	enum { TO_STDOUT, TO_FILE, TO_FOLDER } target;
	enum det_format format;
	int quality, many;
	size_t count;
	struct det_newfile file; /* open over several pictures, where many go to one */
	struct det_buf bytes, path;
	struct det_nameset used; /* names in the folder */
};

static const char *
ending(enum det_format f)
{
	return f == DET_FORMAT_JPEG ? ".jpg" : f == DET_FORMAT_PPM ? ".ppm" : ".png";
}

/* The dot of the last part of a path, NULL where there is none. */
static const char *
ending_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strrchr(slash ? slash : name, '.');
}

static enum det_err
format_of(enum det_format *out, const char *name)
{
	static const struct {
		const char *end;
		enum det_format format;
	} known[] = {
		{ ".png", DET_FORMAT_PNG },
		{ ".jpg", DET_FORMAT_JPEG },
		{ ".jpeg", DET_FORMAT_JPEG },
		{ ".ppm", DET_FORMAT_PPM },
	};
	const char *dot = ending_of(name);
	size_t i;

	*out = DET_FORMAT_PNG;
	if (!dot || strncmp(name, "/dev/", 5) == 0)
		return DET_OK;
	for (i = 0; i < sizeof known / sizeof *known; i++)
		if (strcasecmp(dot, known[i].end) == 0) {
			*out = known[i].format;
			return DET_OK;
		}
	return det_fail(DET_INVALID,
	    "%s: a name ending in .png, .jpg or .ppm expected, or in / for a folder",
	    name);
}

enum det_err
det_gallery_new(struct det_gallery **out, const char *name, int mjpeg,
    enum det_format format, int quality)
{
	struct det_gallery *g;
	struct stat st;
	const size_t n = strlen(name);
	int exists, is_folder;
	enum det_err e;

	if (n == 0)
		return det_fail(DET_INVALID, "a file or folder expected, found ''");
	if (mjpeg && format != DET_FORMAT_UNKNOWN && format != DET_FORMAT_JPEG)
		return det_fail(DET_INVALID, "--mjpeg writes JPEG, no other format");
	exists = stat(name, &st) == 0;
	is_folder = exists && S_ISDIR(st.st_mode);
	if (name[n - 1] == '/' ? !is_folder
			       : !exists && !mjpeg && format == DET_FORMAT_UNKNOWN &&
				     !ending_of(name) && strcmp(name, "-") != 0) {
		if (mkdir(name, 0777) < 0)
			return det_fail(DET_IO, "%s:", name);
		is_folder = 1;
	}
	if (is_folder && mjpeg)
		return det_fail(DET_INVALID, "%s: --mjpeg expects a file", name);
	if ((e = det_calloc(&g, 1, sizeof *g)))
		return e;
	g->name = name;
	g->target = strcmp(name, "-") == 0 ? TO_STDOUT
		    : is_folder            ? TO_FOLDER
					   : TO_FILE;
	g->many = mjpeg;
	g->format = mjpeg ? DET_FORMAT_JPEG : format;
	g->quality = quality;
	g->file.fd = -1;
	if (g->format == DET_FORMAT_UNKNOWN && g->target == TO_FILE) {
		if ((e = format_of(&g->format, name))) {
			free(g);
			return e;
		}
	} else if (g->format == DET_FORMAT_UNKNOWN) {
		g->format = DET_FORMAT_PNG;
	}
	*out = g;
	return DET_OK;
}

/* DIR/dog.png for photos/dog.jpg, DIR/dog-2.png for the next one. */
static enum det_err
name_in_folder(struct det_gallery *g, const char *path, long id)
{
	const char *base = strrchr(path, '/'), *dot;
	char number[32];
	size_t n;
	int is_new = 0, try;
	enum det_err e;

	base = base ? base + 1 : path;
	if (strcmp(path, "-") == 0 || *base == 0) {
		(void)snprintf(number, sizeof number, "%06ld", id);
		base = number;
	}
	dot = strrchr(base, '.');
	n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
	for (try = 1; !is_new; try++) {
		g->path.len = 0;
		if ((e = det_buf_printf(&g->path, "%s%s%.*s", g->name,
			 g->name[strlen(g->name) - 1] == '/' ? "" : "/", (int)n, base)))
			return e;
		if (try > 1 && (e = det_buf_printf(&g->path, "-%d", try)))
			return e;
		if ((e = det_buf_printf(&g->path, "%s", ending(g->format))) ||
		    (e = det_nameset_add(&is_new, &g->used, g->path.text)))
			return e;
	}
	return DET_OK;
}

static int
same_file(const char *a, const char *b)
{
	struct stat s, t;

	return stat(a, &s) == 0 && stat(b, &t) == 0 && S_ISREG(s.st_mode) &&
	       s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

/* `source` is where the picture came from: nobody means to lose a photograph to a drawing
 * of it, as -o photos/ would with photos/dog.png. */
static enum det_err
write_file(struct det_gallery *g, const char *path, const char *source)
{
	enum det_err e = DET_OK;

	if (same_file(path, source))
		return det_fail(DET_INVALID,
		    "%s is the picture itself, which would be lost: give another place",
		    path);
	if (g->file.fd < 0)
		e = det_file_create(&g->file, path);
	if (!e)
		e = det_write_all(g->file.fd, g->bytes.text, g->bytes.len, path);
	if (!e && !g->many)
		e = det_file_commit(&g->file);
	if (e)
		det_file_abandon(&g->file);
	return e;
}

enum det_err
det_gallery_put(
    struct det_gallery *g, const struct det_image *im, const char *path, long id)
{
	enum det_err e;

	if (g->count > 0 && g->target != TO_FOLDER && !g->many)
		return det_fail(DET_INVALID,
		    "a second picture, and one file to write: give -o DIR/ or --mjpeg");
	g->bytes.len = 0;
	if ((e = det_image_encode(&g->bytes, im, g->format, g->quality)))
		return e;
	g->count++;
	if (g->target == TO_STDOUT)
		return det_write_all(1, g->bytes.text, g->bytes.len, "standard output");
	if (g->target == TO_FILE)
		return write_file(g, g->name, path);
	if ((e = name_in_folder(g, path, id)))
		return e;
	return write_file(g, g->path.text, path);
}

enum det_err
det_gallery_finish(struct det_gallery *g, size_t *count)
{
	enum det_err e = DET_OK;

	*count = g->count;
	if (g->file.fd >= 0)
		e = det_file_commit(&g->file);
	else if (g->target == TO_STDOUT && close(1) < 0)
		e = det_fail(DET_IO, "standard output:");
	det_file_abandon(&g->file);
	det_buf_free(&g->bytes);
	det_buf_free(&g->path);
	det_nameset_release(&g->used);
	free(g);
	return e;
}
