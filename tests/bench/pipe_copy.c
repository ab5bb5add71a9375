/* SPDX-License-Identifier: MIT
 *
 * What the stream itself costs, without any tool's work. Prints, as medians of several runs,
 * GB/s, microseconds an item, and the processor time that all processes take for an item.
 *
 * First a tensor that goes from one process to another, directly, through a third that
 * passes it on, that loads and writes it, or that does both at once; beside bare write(2)
 * and read(2) of the same bytes through a pipe of the same size.
 *
 * Then what a two-stage detector does with the feature pyramid of a picture of 800x1088
 * (74 MB): backbone -> anchors, which pass it on -> proposals, which use it and pass it on ->
 * regions, which use it and make 50 MB of fixed-size maps -> head, which uses those. Once as
 * the tools do it, once with reading and writing at every hop. The processor time of each
 * process is named.
 *
 *   pipe_copy [KIB [ITEMS]]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "stream/item.h"
#include "stream/reader.h"
#include "stream/writer.h"

#define RUNS       5
#define MAX_STAGES 5

/* One process of a pipe; in or out is -1 at its ends. */
struct stage {
	const char *name;
	void (*work)(int in, int out);
};

struct cost {
	double wall, cpu[MAX_STAGES], all;
};

static size_t size, items;
static int plain; /* read and write at every hop */

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

/* --- a tensor alone --- */
static void
produce(int in, int out)
{
	struct det_writer *w;
	struct det_tensor t = { DET_U8, 1, { size }, NULL };
	struct det_item it = { .path = (char[]){ "a.jpg" } };

	(void)in;
	must(det_calloc(&t.data, size, 1));
	must(det_writer_open_fd(&w, out, "pipe"));
	must(det_writer_make(w, DET_STREAM, NULL, NULL, 0));
	for (size_t i = 0; i < items; i++) {
		it.id = (long)i;
		must(det_item_write(w, &it));
		must(det_writer_tensor(w, "image", &t, NULL));
	}
	must(det_writer_end(w));
}

/* Writes what it reads; how: 0 passed on, 1 loaded first, 2 both at once. */
static void
relay(int in, int out, int how)
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
		if (how == 1)
			must(det_record_load(&r));
		must(how == 2 ? det_writer_put_load(w, &r) : det_writer_put(w, &r));
	}
}

static void
pass(int in, int out)
{
	relay(in, out, plain ? 1 : 0);
}

static void
load(int in, int out)
{
	relay(in, out, 1);
}

static void
both(int in, int out)
{
	relay(in, out, plain ? 1 : 2);
}

static void
consume(int in, int out)
{
	struct det_reader *rd;
	struct det_record r = { 0 };
	int more;

	(void)out;
	must(det_reader_open_fd(&rd, in, "pipe"));
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
bare_write(int in, int out)
{
	char *p;

	(void)in;
	must(det_calloc(&p, size, 1));
	(void)fcntl(out, F_SETPIPE_SZ, 1 << 20);
	for (size_t i = 0; i < items; i++)
		must(det_write_all(out, p, size, "pipe"));
}

static void
bare_read(int in, int out)
{
	char *p;

	(void)out;
	must(det_alloc(&p, size, 1));
	while (read(in, p, size) > 0)
		;
	free(p);
}

/* --- the pyramid --- */
#define LEVELS 5
static const size_t grid[LEVELS][2] = { { 200, 272 }, { 100, 136 }, { 50, 68 },
	{ 25, 34 }, { 13, 17 } };
#define ROIS ((size_t)1000 * 256 * 7 * 7)

static void
backbone(int in, int out)
{
	struct det_writer *w;
	struct det_tensor t[LEVELS];
	struct det_item it = { .path = (char[]){ "a.jpg" } };
	char name[3] = "p2";

	(void)in;
	for (size_t k = 0; k < LEVELS; k++) {
		t[k] = (struct det_tensor){ DET_F32, 4,
			{ 1, 256, grid[k][0], grid[k][1] }, NULL };
		must(det_calloc(&t[k].data, 256 * grid[k][0] * grid[k][1], 4));
	}
	must(det_writer_open_fd(&w, out, "pipe"));
	must(det_writer_make(w, DET_STREAM, NULL, NULL, 0));
	for (size_t i = 0; i < items; i++) {
		it.id = (long)i;
		must(det_item_write(w, &it));
		for (size_t k = 0; k < LEVELS; k++) {
			name[1] = (char)('2' + k);
			must(det_writer_tensor(w, name, &t[k], NULL));
		}
	}
	must(det_writer_end(w));
}

/* The regions' maps, computed by a memset. */
static void
write_rois(struct det_writer *w, float *kept)
{
	struct det_tensor t = { DET_F32, 2, { 1000, ROIS / 1000 }, kept };

	memset(kept, 1, 4 * ROIS);
	must(det_writer_tensor(w, "rois", &t, NULL));
}

static void
regions(int in, int out)
{
	struct det_reader *rd;
	struct det_writer *w;
	struct det_record r = { 0 }, held[LEVELS] = { 0 };
	float *kept = NULL;
	size_t k = 0;
	int more;

	must(det_calloc(&kept, ROIS, 4));
	must(det_reader_open_fd(&rd, in, "pipe"));
	must(det_writer_open_fd(&w, out, "pipe"));
	for (;;) {
		must(det_reader_next(rd, &r, &more));
		if (!more)
			return;
		if (r.kind != DET_TENSOR) {
			must(det_writer_put(w, &r));
			continue;
		}
		r.own = held[k].own; /* each level its own memory, as bin/hold.c does */
		r.own_cap = held[k].own_cap;
		must(det_record_load(&r));
		held[k].own = r.own;
		held[k].own_cap = r.own_cap;
		r.own = NULL;
		r.own_cap = 0;
		k = (k + 1) % LEVELS;
		if (k == 0)
			write_rois(w, kept);
	}
}

/* What regions' own work takes, which is not the stream's. */
static double
memset_time(void)
{
	float *p;
	double t;

	must(det_calloc(&p, ROIS, 4));
	t = now();
	for (int i = 0; i < 5; i++) {
		memset(p, i, 4 * ROIS);
		__asm__ volatile("" ::"r"(p) : "memory");
	}
	t = (now() - t) / 5;
	free(p);
	return t;
}

/* --- pipes of them --- */
static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

/* Starts a stage between two descriptors, which only it is to have. */
static pid_t
spawn(const struct stage *s, int in, int out, int other)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(2);
	if (pid == 0) {
		if (other >= 0)
			(void)close(other);
		s->work(in, out);
		_exit(0);
	}
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	return pid;
}

static struct cost
run(const struct stage *stages, int n)
{
	struct cost c = { .wall = now() };
	pid_t pid[MAX_STAGES];
	struct rusage ru;
	int in = -1, p[2], status;

	for (int i = 0; i < n; i++) {
		p[0] = p[1] = -1;
		if (i + 1 < n && pipe2(p, O_CLOEXEC))
			exit(2);
		pid[i] = spawn(&stages[i], in, p[1], p[0]);
		in = p[0];
	}
	for (int i = 0; i < n; i++) {
		if (wait4(pid[i], &status, 0, &ru) < 0 || status)
			exit(2);
		c.cpu[i] = seconds(ru.ru_utime) + seconds(ru.ru_stime);
		c.all += c.cpu[i];
	}
	c.wall = now() - c.wall;
	return c;
}

static int
cheaper(const void *a, const void *b)
{
	double x = ((const struct cost *)a)->all, y = ((const struct cost *)b)->all;

	return (x > y) - (x < y);
}

static struct cost
median(const struct stage *stages, int n)
{
	struct cost c[RUNS];

	for (int i = 0; i < RUNS; i++)
		c[i] = run(stages, n);
	qsort(c, RUNS, sizeof *c, cheaper);
	return c[RUNS / 2];
}

static void
tensor_alone(void)
{
	static const struct {
		const char *name;
		struct stage stage[3];
		int n;
	} pipes[] = {
		{ "write(2) and read(2)", { { "", bare_write }, { "", bare_read } },
		    2 },
		{ "stream, writer to reader", { { "", produce }, { "", consume } }, 2 },
		{ "stream, passed on between",
		    { { "", produce }, { "", pass }, { "", consume } }, 3 },
		{ "stream, loaded between",
		    { { "", produce }, { "", load }, { "", consume } }, 3 },
		{ "stream, both between",
		    { { "", produce }, { "", both }, { "", consume } }, 3 },
	};

	(void)printf("pipe_copy: %zu items of %zu KiB\n", items, size >> 10);
	for (size_t i = 0; i < sizeof pipes / sizeof *pipes; i++) {
		struct cost c = median(pipes[i].stage, pipes[i].n);

		(void)printf("  %-26s %6.2f GB/s %8.0f us/item %8.0f us CPU\n",
		    pipes[i].name, (double)(size * items) / c.wall * 1e-9,
		    c.wall / (double)items * 1e6, c.all / (double)items * 1e6);
	}
}

static void
pyramid(void)
{
	static const struct stage stages[] = { { "backbone", backbone },
		{ "anchors", pass }, { "propose", both }, { "roipool", regions },
		{ "head", consume } };
	double own = memset_time();

	(void)printf(
	    "pipe_copy: a pyramid of 74 MB, and 50 MB of regions; ms of CPU an "
	    "item, without the %.1f that it takes to fill the regions\n",
	    own * 1e3);
	items = 20;
	for (plain = 0; plain < 2; plain++) {
		struct cost c = median(stages, 5);

		c.cpu[3] -= own * (double)items;
		c.all -= own * (double)items;
		(void)printf("  %-18s", plain ? "read and written" : "as the tools do");
		for (int i = 0; i < 5; i++)
			(void)printf("  %s %5.1f", stages[i].name,
			    c.cpu[i] / (double)items * 1e3);
		(void)printf("  all %6.1f, wall %6.1f\n", c.all / (double)items * 1e3,
		    c.wall / (double)items * 1e3);
	}
}

int
main(int argc, char *argv[])
{
	size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 2028) << 10;
	items = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
	if (!size || !items)
		return 2;
	tensor_alone();
	if (argc == 1)
		pyramid();
	return 0;
}
