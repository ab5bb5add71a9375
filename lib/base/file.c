/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* madvise: POSIX's does nothing under glibc */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/* The temporaries there are, as far as they fit. A name belongs to whoever takes it out of
 * its slot: the thread that made it, or a signal's handler, which may interrupt any other. */
#define SLOTS 1024
static _Atomic(char *) temps[SLOTS];

static int
track(char *temp)
{
	for (int i = 0; i < SLOTS; i++) {
		char *none = NULL;

		if (atomic_compare_exchange_strong(&temps[i], &none, temp))
			return i;
	}
	return -1;
}

/* Whether the name is still ours to free. */
static int
untrack(const struct det_newfile *f)
{
	return f->slot < 0 || atomic_exchange(&temps[f->slot], NULL) == f->temp;
}

void
det_file_drop_all(void)
{
	for (int i = 0; i < SLOTS; i++) {
		char *temp = atomic_exchange(&temps[i], NULL);

		if (temp)
			(void)unlink(temp);
	}
}

enum det_err
det_map_fd(struct det_map *out, int fd, const char *name)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return det_fail(DET_IO, "%s:", name);
	if (!S_ISREG(st.st_mode))
		return det_fail(DET_INVALID, "%s: a regular file expected, found %s",
		    name, S_ISDIR(st.st_mode) ? "a directory" : "something else");
	*out = (struct det_map){ NULL, (size_t)st.st_size };
	if (st.st_size == 0)
		return DET_OK;
	p = mmap(NULL, out->size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return det_fail(DET_IO, "%s:", name);
	out->data = p;
	return DET_OK;
}

enum det_err
det_map_open(struct det_map *out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum det_err e;

	if (fd < 0)
		return det_fail(DET_IO, "%s:", path);
	e = det_map_fd(out, fd, path);
	(void)close(fd);
	return e;
}

void
det_map_close(struct det_map *m)
{
	if (m->data)
		(void)munmap((void *)(uintptr_t)m->data, m->size);
	*m = (struct det_map){ 0 };
}

void
det_map_leave(const struct det_map *m, const void *data, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)data, end;

	if (!m->data || at < (uintptr_t)m->data || at - (uintptr_t)m->data > m->size ||
	    n > m->size - (at - (uintptr_t)m->data))
		return;
	end = (at + n) / page * page;
	at = (at + page - 1) / page * page;
	/* advice: where it is not taken nothing is lost */
	if (at < end)
		(void)madvise((void *)at, end - at, MADV_DONTNEED);
}

enum det_err
det_file_read(char **data, size_t *size, const char *path, size_t limit)
{
	char *buf = NULL;
	size_t cap = 0, len = 0;
	ssize_t n;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum det_err e;

	if (fd < 0)
		return det_fail(DET_IO, "%s:", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		e = det_fail(
		    DET_INVALID, "%s: a file expected, found a directory", path);
		goto fail;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
	    (size_t)st.st_size < limit)
		if ((e = det_grow(&buf, &cap, (size_t)st.st_size + 2, 1)))
			goto fail;
	for (;;) {
		if ((e = det_grow(&buf, &cap, len + 4096, 1)))
			goto fail;
		n = read(fd, buf + len, cap - len - 1);
		if (n < 0 && det_fd_again(fd, 0))
			continue;
		if (n < 0) {
			e = det_fail(DET_IO, "%s:", path);
			goto fail;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > limit) {
			e = det_fail(DET_LIMIT,
			    "%s: larger than the limit of %zu bytes", path, limit);
			goto fail;
		}
	}
	buf[len] = 0;
	(void)close(fd);
	*data = buf;
	*size = len;
	return DET_OK;
fail:
	free(buf);
	(void)close(fd);
	return e;
}

enum det_err
det_file_create(struct det_newfile *f, const char *path)
{
	struct stat st;
	size_t n;
	enum det_err e;

	*f = (struct det_newfile){ .fd = -1 };
	if (!*path)
		return det_fail(DET_INVALID, "the name of a file expected, found ''");
	if ((e = det_strdup(&f->path, path)))
		return e;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		f->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (f->fd >= 0)
			return DET_OK;
		e = det_fail(DET_IO, "%s:", path);
		det_file_abandon(f);
		return e;
	}
	n = strlen(path) + sizeof ".tmp.XXXXXX";
	f->temp = malloc(n);
	if (!f->temp) {
		det_file_abandon(f);
		return det_fail(DET_NOMEM, "no memory for a file name");
	}
	(void)snprintf(f->temp, n, "%s.tmp.XXXXXX", path);
	f->fd = mkstemp(f->temp);
	if (f->fd < 0) {
		e = det_fail(DET_IO, "%s:", path);
		free(f->temp);
		f->temp = NULL;
		det_file_abandon(f);
		return e;
	}
	f->slot = track(f->temp);
	{
		mode_t mask = umask(0);

		(void)umask(mask);
		(void)fchmod(f->fd, 0666 & ~mask);
	}
	return DET_OK;
}

enum det_err
det_file_commit(struct det_newfile *f)
{
	enum det_err e = DET_OK;

	if (close(f->fd) < 0)
		e = det_fail(DET_IO, "%s:", f->path);
	f->fd = -1;
	if (!e && f->temp && rename(f->temp, f->path) < 0)
		e = det_fail(DET_IO, "%s:", f->path);
	if (!e && f->temp && untrack(f))
		free(f->temp);
	if (!e)
		f->temp = NULL;
	det_file_abandon(f);
	return e;
}

/* The entry of a file in its folder is on the disk. */
static enum det_err
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int fd;
	enum det_err e;

	if ((e = slash ? det_strndup(&folder, path, (size_t)(slash - path) + 1)
		       : det_strdup(&folder, ".")))
		return e;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* a file system that can't sync folders says EINVAL: there is no more to be done */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		e = det_fail(DET_IO, "%s:", folder);
	if (fd >= 0)
		(void)close(fd);
	free(folder);
	return e;
}

enum det_err
det_file_commit_safe(struct det_newfile *f)
{
	char *path;
	enum det_err e;

	if ((e = det_strdup(&path, f->path))) {
		det_file_abandon(f);
		return e;
	}
	if (f->temp && fsync(f->fd) < 0) {
		e = det_fail(DET_IO, "%s:", f->path);
		det_file_abandon(f);
	} else {
		e = det_file_commit(f);
	}
	if (!e)
		e = sync_folder(path);
	free(path);
	return e;
}

void
det_file_abandon(struct det_newfile *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	if (f->temp)
		(void)unlink(f->temp);
	if (f->temp && untrack(f))
		free(f->temp);
	free(f->path);
	*f = (struct det_newfile){ .fd = -1 };
}

int
det_fd_again(int fd, int writing)
{
	struct pollfd p = { fd, writing ? POLLOUT : POLLIN, 0 };

	if (errno == EAGAIN)
		return poll(&p, 1, -1) >= 0 || errno == EINTR;
	return errno == EINTR;
}

enum det_err
det_write_all(int fd, const void *data, size_t n, const char *name)
{
	const char *p = data;
	ssize_t w;

	while (n > 0) {
		w = write(fd, p, n);
		if (w < 0 && det_fd_again(fd, 1))
			continue;
		if (w < 0)
			return det_fail(DET_IO, "%s:", name);
		p += w;
		n -= (size_t)w;
	}
	return DET_OK;
}
