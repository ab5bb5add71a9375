/* SPDX-License-Identifier: MIT
 *
 * Whole files: mapped, read, or written beside and renamed.
 */
#ifndef DET_FILE_H
#define DET_FILE_H

#include <stddef.h>

#include "base/err.h"

/* A regular file mapped read-only and shared (so that processes share the pages). An empty
 * file has data == NULL, size == 0. */
struct det_map {
	const unsigned char *data;
	size_t size;
};

enum det_err det_map_open(struct det_map *out, const char *path) DET_MUST_USE;
enum det_err det_map_fd(struct det_map *out, int fd, const char *name) DET_MUST_USE;
void det_map_close(struct det_map *m);
/* The whole pages of data[0..n) need not stay in this process's memory: whoever reads them
 * again finds what was there before. Nothing where the range is not inside the map. */
void det_map_leave(const struct det_map *m, const void *data, size_t n);

/* Reads all of path (any kind of file, but not a directory) into malloc'd *data with a NUL
 * after it; DET_LIMIT above `limit` bytes. */
enum det_err det_file_read(
    char **data, size_t *size, const char *path, size_t limit) DET_MUST_USE;

/* Opens a new file beside `path`, to be renamed to it by det_file_commit: a half-written
 * file never bears the final name. The directory must exist. If `path` exists and is not a
 * regular file (/dev/full, a fifo), it is opened itself and commit only closes it. */
struct det_newfile {
	int fd;
	char *path, *temp;
	int slot; /* private: of temp in the list that det_file_drop_all goes through */
};

enum det_err det_file_create(struct det_newfile *f, const char *path) DET_MUST_USE;
enum det_err det_file_commit(struct det_newfile *f) DET_MUST_USE;
/* The same, and when it returns the file is on the disk under its name: what was there
 * before survives a crash at any moment, or this does. */
enum det_err det_file_commit_safe(struct det_newfile *f) DET_MUST_USE;
void det_file_abandon(
    struct det_newfile *f); /* harmless after commit; for fail paths */

/* Unlinks the temporaries of all files that are not committed. For handlers of signals that
 * end the program, and async-signal-safe: nothing of base/file.h may be called after it. */
void det_file_drop_all(void);

/* After a read(2) or write(2) that failed: whether it is worth doing again, at once (a
 * signal came) or after a wait that this makes (`fd` was left non-blocking by whoever
 * shares it). */
int det_fd_again(int fd, int writing);

/* Writes all n bytes; restarts after signals. */
enum det_err det_write_all(
    int fd, const void *data, size_t n, const char *name) DET_MUST_USE;

#endif
