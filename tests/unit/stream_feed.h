/* SPDX-License-Identifier: MIT
 *
 * Streams as bytes in memory, and descriptors to read them from: what the tests of the
 * stream share.
 */
#ifndef DET_STREAM_FEED_H
#define DET_STREAM_FEED_H

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "stream/record.h"
#include "stream/recipe.h"
#include "stream/writer.h"
#include "tests/unit/tap.h"

/* 96 KiB go past the writer's buffer, and from pipe to pipe inside the kernel. */
static const char large[] = "STRM\nITEM id=0\nTENS u8 98304 name=big\n  random 1\n"
			    "note\n  | small\nTENS u8 98305 name=odd\n  random 2\n"
			    "TENS u8 300000 name=more\n  random 3\nEND.\n";

struct bytes {
	unsigned char *p;
	size_t n;
};

static inline struct bytes
build(const char *recipe)
{
	struct det_buf b = { 0 };

	if (det_recipe_build(&b, recipe, strlen(recipe), "recipe")) {
		ok(0, "%s", det_errmsg());
		exit(1);
	}
	return (struct bytes){ (unsigned char *)b.text, b.len };
}

/* A thread that feeds a pipe, for as long as anybody reads. */
struct feed {
	pthread_t thread;
	struct bytes b;
	int fd;
};

static inline void *
feeder(void *arg)
{
	struct feed *f = arg;
	size_t at = 0;

	while (at < f->b.n) {
		ssize_t w = write(f->fd, f->b.p + at, f->b.n - at);

		if (w < 0)
			break;
		at += (size_t)w;
	}
	(void)close(f->fd);
	return NULL;
}

static inline int
memory_file(struct bytes b)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);

	if (fd < 0 || det_write_all(fd, b.p, b.n, "memory")) {
		ok(0, "no memory file");
		exit(1);
	}
	(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

/* A descriptor to read b from. A small one fits a pipe as it is. */
static inline int
source(struct feed *f, struct bytes b, int piped)
{
	int p[2];

	f->b = b;
	f->fd = -1;
	if (!piped)
		return memory_file(b);
	if (pipe2(p, O_CLOEXEC) < 0)
		exit(1);
	f->fd = p[1];
	if (b.n <= 60000)
		(void)feeder(f);
	else
		(void)pthread_create(&f->thread, NULL, feeder, f);
	return p[0];
}

static inline void
source_end(struct feed *f, int piped)
{
	if (piped && f->b.n > 60000)
		(void)pthread_join(f->thread, NULL);
}

/* How a tool treats a record that it writes again. */
enum way { PASSED, LOADED, BOTH, WAYS };

static const char *const way_names[] = { "passed on", "loaded",
	"loaded and passed on" };

static inline enum det_err
write_again(struct det_writer *w, struct det_record *r, enum way way)
{
	enum det_err e = way == LOADED ? det_record_load(r) : DET_OK;

	if (e)
		return e;
	return way == BOTH ? det_writer_put_load(w, r) : det_writer_put(w, r);
}

#endif
