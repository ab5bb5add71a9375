/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* flock */
#include "train/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define NAMES     8
#define MAX_TABLE ((size_t)1 << 30)

struct det_run {
	char *path;
	int fd; /* of the folder, locked */
	char *name[NAMES];
	size_t next;
};

enum det_err
det_run_open(struct det_run **out, const char *path)
{
	struct det_run *r;
	enum det_err e;

	*out = NULL;
	if ((e = det_calloc(&r, 1, sizeof *r)))
		return e;
	r->fd = -1;
	if ((e = det_strdup(&r->path, path)))
		goto fail;
	if (mkdir(path, 0777) < 0 && errno != EEXIST) {
		e = det_fail(DET_IO, "%s:", path);
		goto fail;
	}
	r->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0) {
		e = det_fail(DET_IO, "%s:", path);
		goto fail;
	}
	if (flock(r->fd, LOCK_EX | LOCK_NB) < 0) {
		e = errno == EWOULDBLOCK
			? det_fail(DET_INVALID,
			      "%s: another det-train is at work in this folder", path)
			: det_fail(DET_IO, "%s:", path);
		goto fail;
	}
	*out = r;
	return DET_OK;
fail:
	det_run_close(r);
	return e;
}

void
det_run_close(struct det_run *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		(void)close(r->fd);
	for (size_t i = 0; i < NAMES; i++)
		free(r->name[i]);
	free(r->path);
	free(r);
}

const char *
det_run_path(struct det_run *r, const char *name)
{
	const size_t n = strlen(r->path) + strlen(name) + 2;
	char **to = &r->name[r->next++ % NAMES], *now = realloc(*to, n);

	if (!now)
		return name; /* which is not there: whoever opens it says so */
	*to = now;
	(void)snprintf(now, n, "%s/%s", r->path, name);
	return now;
}

int
det_run_has(struct det_run *r, const char *name)
{
	struct stat st;

	return fstatat(r->fd, name, &st, 0) == 0;
}

enum det_err
det_run_write(struct det_run *r, const char *name, const char *text, size_t len)
{
	const char *path = det_run_path(r, name);
	struct det_newfile f;
	enum det_err e;

	if ((e = det_file_create(&f, path)))
		return e;
	if ((e = det_write_all(f.fd, text, len, path))) {
		det_file_abandon(&f);
		return e;
	}
	return det_file_commit_safe(&f);
}

/* Bytes of a table up to the last whole row of iteration `upto` or before. */
static enum det_err
rows_upto(size_t *keep, const char *text, size_t len, const char *columns,
    uint64_t upto, const char *name)
{
	const size_t head = strlen(columns);
	size_t at;

	if (len <= head || memcmp(text, columns, head) != 0 || text[head] != '\n')
		return det_fail(DET_INVALID,
		    "%s: a table of other columns: expected '%.200s'", name, columns);
	for (*keep = at = head + 1; at < len; *keep = at) {
		const char *end = memchr(text + at, '\n', len - at);

		if (!end || strtoull(text + at, NULL, 10) > upto)
			break;
		at = (size_t)(end - text) + 1;
	}
	return DET_OK;
}

enum det_err
det_run_table(
    FILE **out, struct det_run *r, const char *name, const char *columns, uint64_t upto)
{
	const char *path = det_run_path(r, name);
	char *text = NULL;
	size_t len, keep = 0;
	struct stat st;
	enum det_err e;

	*out = NULL;
	/* an empty one is one whose head was never written */
	if (stat(path, &st) < 0 || st.st_size == 0) {
		if (!(*out = fopen(path, "a")))
			return det_fail(DET_IO, "%s:", path);
		if (fprintf(*out, "%s\n", columns) < 0 || fflush(*out))
			return det_fail(DET_IO, "%s:", path);
		return DET_OK;
	}
	if ((e = det_file_read(&text, &len, path, MAX_TABLE)))
		return e;
	e = rows_upto(&keep, text, len, columns, upto, path);
	free(text);
	if (e)
		return e;
	if (keep < len && truncate(path, (off_t)keep) < 0)
		return det_fail(DET_IO, "%s:", path);
	if (!(*out = fopen(path, "a")))
		return det_fail(DET_IO, "%s:", path);
	return DET_OK;
}

enum det_err
det_run_row(FILE *table, const char *row, size_t len)
{
	if (fwrite(row, 1, len, table) != len || fflush(table))
		return det_fail(DET_IO, "a row of the log can't be written:");
	return DET_OK;
}

enum det_err
det_run_sync(FILE *table)
{
	if (fflush(table) || fsync(fileno(table)) < 0)
		return det_fail(DET_IO, "the log can't be written:");
	return DET_OK;
}
