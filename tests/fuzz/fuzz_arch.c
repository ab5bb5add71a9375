/* SPDX-License-Identifier: MIT
 *
 * Architectures of a user from hostile bytes: the file, and behind form feeds what lies
 * beside it as a.part, b.part and c.part. What is read has its whole text, which read again
 * is the same; names are looked up in a small source, and models that are small are made.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/arch_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) ((x) ? (void)0 : abort())

static const char *const names[] = { "fuzz.arch", "a.part", "b.part", "c.part" };
#define NAMES (sizeof names / sizeof *names)

static char folder[64];

static const char *
path_of(size_t i)
{
	static char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
	return path;
}

/* A new file: one that is cut to nothing and written again may go to the disk at once. */
static void
put(size_t i, const void *data, size_t n)
{
	int fd;

	(void)unlink(path_of(i));
	fd = open(path_of(i), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	MUST(fd >= 0 && !det_write_all(fd, data, n, "fuzz"));
	(void)close(fd);
}

static void
clean(void)
{
	for (size_t i = 0; i < NAMES; i++)
		(void)unlink(path_of(i));
	(void)rmdir(folder);
}

static void
begin(void)
{
	if (*folder)
		return;
	(void)snprintf(folder, sizeof folder, "/tmp/fuzz_arch.XXXXXX");
	MUST(mkdtemp(folder) && !atexit(clean));
}

static enum det_err
add_weight(void *context, const char *name, struct det_tensor *shape)
{
	size_t *total = context, n;

	(void)name;
	if (det_tensor_count(&n, shape) || n > 1u << 18 || *total > 1u << 18)
		return DET_LIMIT;
	*total += n;
	return DET_OK;
}

/* What is made goes nowhere. */
static void
make(struct det_arch *a)
{
	static float one[64];
	struct det_source_tensor t[] = {
		{ .name = (char[]){ "a.weight" }, .rank = 2, .dims = { 4, 2 } },
		{ .name = (char[]){ "a.bias" }, .rank = 1, .dims = { 4 } },
	};
	struct det_source s = { .t = t, .n = 2 };
	struct det_writer *w;
	struct det_buf notes = { 0 };
	size_t total = 0;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	t[0].data = t[1].data = (const unsigned char *)one;
	MUST(!det_writer_open_fd(&w, fd, "null"));
	if (!arch_each_weight(a, add_weight, &total))
		(void)!det_arch_seed(w, a, 1);
	total = 0;
	if (!det_arch_fit(a, &s, "torch") && !arch_each_weight(a, add_weight, &total))
		(void)!det_arch_import(w, a, &s, "torch", 0, &notes);
	det_buf_free(&notes);
	det_writer_free(w);
	(void)close(fd);
}

/* Behind the variables, which a whole text has as comments. */
static const char *
sections(const struct det_buf *b)
{
	const char *p = b->text;

	while (*p == '#')
		p += strcspn(p, "\n") + 1;
	return p;
}

/* A text that holds what a variable's value made into a mark is not the same again. */
static int
is_plain(const char *text)
{
	return !strstr(text, "${") && !strstr(text, "\neach ");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct det_arch *a, *again;
	struct det_buf whole = { 0 }, second = { 0 };

	begin();
	for (size_t i = 0; i < NAMES; i++) {
		const uint8_t *end = size ? memchr(data, '\f', size) : NULL;
		size_t n = end && i + 1 < NAMES ? (size_t)(end - data) : size;

		put(i, data, n);
		data += n + (n < size);
		size -= n + (n < size);
	}
	if (det_arch_open(&a, path_of(0), NULL, 0)) {
		MUST(*det_errmsg() && !strchr(det_errmsg(), '\n'));
		return 0;
	}
	MUST(!det_arch_expanded(&whole, a));
	if (is_plain(whole.text) && whole.len <= ARCH_MAX_FILE) {
		put(0, whole.text, whole.len);
		MUST(!det_arch_open(&again, path_of(0), NULL, 0));
		MUST(!det_arch_expanded(&second, again));
		MUST(!strcmp(sections(&whole), sections(&second)));
		det_arch_close(again);
	}
	det_buf_free(&whole);
	det_buf_free(&second);
	make(a);
	det_arch_close(a);
	return 0;
}
