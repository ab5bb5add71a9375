/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "data/splits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"

void
det_splits_release(struct det_splits *s)
{
	det_buf_free(&s->names);
	free(s->end);
	*s = (struct det_splits){ .n = 0 };
}

enum det_err
det_splits_add(struct det_splits *s, const char *name, size_t len)
{
	enum det_err e;

	if ((e = det_grow(&s->end, &s->cap, s->n + 1, sizeof *s->end)) ||
	    (e = det_buf_add(&s->names, name, len)) ||
	    (e = det_buf_add(&s->names, "\n", 1)))
		return e;
	s->end[s->n++] = s->names.len;
	return DET_OK;
}

/* DIR and what follows it, a folder that is made where it is not there. */
static enum det_err
make_folder(struct det_buf *path, const char *name)
{
	enum det_err e = det_buf_printf(path, "/%s", name);

	if (!e && mkdir(path->text, 0777) < 0 && errno != EEXIST)
		e = det_fail(DET_IO, "%s:", path->text);
	return e;
}

/* Names [from, to). */
static enum det_err
write_list(const struct det_splits *s, struct det_buf *path, const char *name,
    size_t from, size_t to)
{
	const size_t begin = from ? s->end[from - 1] : 0, end = to ? s->end[to - 1] : 0;
	const size_t folder = path->len;
	struct det_newfile f = { .fd = -1 };
	enum det_err e;

	if ((e = det_buf_printf(path, "/%s.txt", name)) ||
	    (e = det_file_create(&f, path->text)))
		goto out;
	if (end > begin)
		e = det_write_all(f.fd, s->names.text + begin, end - begin, path->text);
	if (!e)
		e = det_file_commit(&f);
	det_file_abandon(&f);
out:
	path->len = folder;
	return e;
}

enum det_err
det_splits_write(const struct det_splits *s, const char *dir, const double share[3])
{
	const double all = share[0] + share[1] + share[2];
	const size_t train = (size_t)floor((double)s->n * (share[0] / all) + .5);
	const size_t val =
	    (size_t)floor((double)s->n * ((share[0] + share[1]) / all) + .5);
	struct det_buf path = { 0 };
	enum det_err e;

	if ((e = det_buf_printf(&path, "%s", dir)) ||
	    (e = make_folder(&path, "ImageSets")) || (e = make_folder(&path, "Main")) ||
	    (e = write_list(s, &path, "train", 0, train)) ||
	    (e = write_list(s, &path, "val", train, val)) ||
	    (e = write_list(s, &path, "trainval", 0, val)))
		goto out;
	e = write_list(s, &path, "test", val, s->n);
out:
	det_buf_free(&path);
	return e;
}
