/* SPDX-License-Identifier: MIT
 *
 * What the stream itself costs, without any tool's work: tensors go from one process to
 * another through a pipe, directly, or through a third process that passes them on, or that
 * loads and writes them. For comparison bare write(2) and read(2) of the same bytes through
 * a pipe of the same size. Prints GB/s and microseconds an item, the median of several runs.
 *
 *   pipe_copy [KIB [ITEMS]]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/item.h"
#include "stream/reader.h"
#include "stream/writer.h"

#define RUNS 5

static size_t size, items;

static void
must(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "pipe_copy: %s\n", det_errmsg());
	_exit(2);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void
produce(int fd)
{
	struct det_writer *w;
	struct det_tensor t = { DET_U8, 1, { size }, NULL };
	struct det_item it = { .path = (char[]){ "a.jpg" } };

	must(det_calloc(&t.data, size, 1));
	must(det_writer_open_fd(&w, fd, "pipe"));
	must(det_writer_make(w, DET_STREAM, NULL, NULL, 0));
	for (size_t i = 0; i < items; i++) {
		it.id = (long)i;
		must(det_item_write(w, &it));
		must(det_writer_tensor(w, "image", &t, NULL));
	}
	must(det_writer_end(w));
}

static void
pass(int in, int out, int load)
{
	struct det_reader *rd;
	struct det_writer *w;
	struct det_record r = { 0 };
	int more;

	must(det_reader_open_fd(&rd, in, "pipe"));
	must(det_writer_open_fd(&w, out, "pipe"));
	for (;;) {
		must(det_reader_next(rd, &r, &more));
		if (!more)
			return;
		if (load)
			must(det_record_load(&r));
		must(det_writer_put(w, &r));
	}
}

static void
consume(int fd)
{
	struct det_reader *rd;
	struct det_record r = { 0 };
	int more;

	must(det_reader_open_fd(&rd, fd, "pipe"));
	for (;;) {
		must(det_reader_next(rd, &r, &more));
		if (!more)
			break;
		must(det_record_load(&r));
	}
	det_record_release(&r);
	det_reader_close(rd);
}

static void
bare_write(int fd)
{
	char *p;

	must(det_calloc(&p, size, 1));
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	for (size_t i = 0; i < items; i++)
		must(det_write_all(fd, p, size, "pipe"));
}

static void
bare_read(int fd)
{
	char *p;

	must(det_alloc(&p, size, 1));
	while (read(fd, p, size) > 0)
		;
	free(p);
	(void)close(fd);
}

/* how: 0 bare, 1 direct, 2 passed on, 3 loaded and written */
static double
run(int how)
{
	int a[2], b[2], status;
	double begin = now();

	if (pipe2(a, O_CLOEXEC) || pipe2(b, O_CLOEXEC))
		exit(2);
	if (fork() == 0) {
		if (how)
			produce(a[1]);
		else
			bare_write(a[1]);
		_exit(0);
	}
	(void)close(a[1]);
	if (how >= 2 && fork() == 0) {
		pass(a[0], b[1], how == 3);
		_exit(0);
	}
	(void)close(b[1]);
	if (how >= 2)
		(void)close(a[0]);
	if (how)
		consume(how >= 2 ? b[0] : a[0]);
	else
		bare_read(a[0]);
	if (how < 2)
		(void)close(b[0]);
	while (wait(&status) > 0)
		if (status)
			exit(2);
	return now() - begin;
}

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char *argv[])
{
	static const char *const names[] = { "write(2) and read(2)",
		"stream, writer to reader", "stream, passed on between",
		"stream, loaded between" };

	size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 2028) << 10;
	items = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	if (!size || !items)
		return 2;
	(void)printf("pipe_copy: %zu items of %zu KiB\n", items, size >> 10);
	for (int how = 0; how < 4; how++) {
		double t[RUNS];

		for (int i = 0; i < RUNS; i++)
			t[i] = run(how);
		qsort(t, RUNS, sizeof *t, ascending);
		(void)printf("  %-26s %6.2f GB/s %8.0f us/item\n", names[how],
		    (double)(size * items) / t[RUNS / 2] * 1e-9,
		    t[RUNS / 2] / (double)items * 1e6);
	}
	return 0;
}
