/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/parallel.h"
#include "tests/unit/tap.h"

#define N 10000

struct loop {
	atomic_int *count; /* calls per index */
	atomic_int *busy;  /* calls at work per worker */
	atomic_int *bad;
	int threads;
};

static void
visit(const void *ctx, size_t i, int worker)
{
	const struct loop *l = ctx;

	if (worker < 0 || worker >= l->threads ||
	    atomic_fetch_add(&l->busy[worker], 1) != 0)
		atomic_fetch_add(l->bad, 1);
	atomic_fetch_add(&l->count[i], 1);
	atomic_fetch_sub(&l->busy[worker], 1);
}

/* How often it was called, and with what. */
struct sum {
	atomic_size_t calls, sum;
};

static void
add(const void *ctx, size_t i, int worker)
{
	struct sum *const *s = ctx;

	(void)worker;
	atomic_fetch_add(&(*s)->calls, 1);
	atomic_fetch_add(&(*s)->sum, i);
}

static int
sums(size_t n)
{
	static struct sum sum;
	struct sum *s = &sum;

	atomic_store(&sum.calls, 0);
	atomic_store(&sum.sum, 0);
	det_parallel(2, n, add, &s);
	return atomic_load(&sum.calls) == n && atomic_load(&sum.sum) == n * (n - 1) / 2;
}

/* The first index takes until the others of its thread's share have been done: by other
 * threads, or never. */
struct slow {
	atomic_int *left;
};

static void
wait_for_others(const void *ctx, size_t i, int worker)
{
	const struct slow *s = ctx;

	(void)worker;
	if (i > 0)
		atomic_fetch_sub(s->left, 1);
	for (int k = 0; i == 0 && k < 100000 && atomic_load(s->left) > 0; k++)
		(void)usleep(100);
}

static int
helped(int threads)
{
	atomic_int left = 99;
	struct slow s = { &left };

	det_parallel(threads, 100, wait_for_others, &s);
	return atomic_load(&left) == 0;
}

/* Every index once, each worker one call at a time. */
static int
right(int threads, size_t n)
{
	static atomic_int count[N], busy[256], bad;
	struct loop l = { count, busy, &bad, threads };

	memset(count, 0, sizeof count);
	memset(busy, 0, sizeof busy);
	atomic_store(&bad, 0);
	det_parallel(threads, n, visit, &l);
	for (size_t i = 0; i < N; i++)
		if (atomic_load(&count[i]) != (i < n))
			return 0;
	return atomic_load(&bad) == 0;
}

static void
nested(const void *ctx, size_t i, int worker)
{
	atomic_int *const *out = ctx;

	(void)worker;
	(void)i;
	atomic_fetch_add(*out, 1);
}

static void
outer(const void *ctx, size_t i, int worker)
{
	(void)i;
	(void)worker;
	det_parallel(4, 10, nested, ctx);
}

int
main(void)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 7, 100, N };
	static atomic_int total;
	atomic_int *out = &total;
	int good = 1, status = 1;
	pid_t pid;

	for (int threads = 1; threads <= 9; threads += 2)
		for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
			good &= right(threads, sizes[k]);
	ok(good, "every index once, whatever the threads and the length");
	for (int i = 0; i < 3000; i++)
		good &= right(3, 5);
	ok(good, "three thousand short loops in a row");
	for (int i = 0; i < 3000; i++)
		good &= right(i % 2 ? 9 : 2, 5);
	ok(good, "no worker beyond the threads of its own loop");
	for (int i = 0; i < 5; i++) {
		(void)usleep(20000); /* helpers have gone to sleep */
		good &= right(3, 1000);
	}
	ok(good, "and after the helpers slept");
	det_parallel_begin();
	for (int i = 0; i < 3000; i++)
		good &= right(2 + i % 3, (size_t)(i % 40));
	det_parallel_begin();
	for (int i = 0; i < 5; i++) {
		(void)usleep(i % 2 ? 300 : 5000);
		good &= right(3, 1000);
	}
	det_parallel_end();
	det_parallel_end();
	ok(good, "in a run of loops, with gaps short and long");
	ok(sums(3), "a loop's indices themselves");
	ok(sums((size_t)5 << 19), "and of one that is shared out in parts");
	det_parallel(3, 10, outer, &out);
	ok(atomic_load(&total) == 100, "a loop inside a loop runs");
	ok(right(300, N), "more threads than there can be");
	(void)fflush(stdout);
	if (getenv("DET_EMULATED")) {
		ok(1, "threads that wait, and a child of fork # SKIP qemu has no "
		      "threads there");
		return done();
	}
	ok(helped(2) && helped(5), "a thread held up is helped with its share");
	pid = fork();
	if (pid == 0)
		_exit(right(3, N) ? 0 : 1);
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "a child of fork makes threads of its own");
	ok(right(3, N), "and the parent keeps its");
	return done();
}
