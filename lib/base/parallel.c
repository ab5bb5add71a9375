/* SPDX-License-Identifier: MIT
 *
 * A pool made for a pipe of processes that share few cores. A network is a row of some
 * hundred short loops; between them a runtime's idle threads usually spin for a
 * millisecond or more, which is right for a machine of one's own and ruinous where the
 * core they spin on is wanted by the next stage of the pipe, or by somebody else: on two
 * cores with other work, ResNet-50 took 200 ms in place of 1280. So here
 *
 *   - a thread without work spins some 50 us, which covers the gap between two loops, and
 *     then sleeps in the kernel until it is called;
 *   - where more loops are known to follow (det_parallel_begin), it goes on for some 300 us,
 *     since to be woken costs 10 to 50; but it offers its core to others meanwhile, again
 *     and again, and sleeps at once when one took it;
 *   - nobody waits for a thread that has not begun: a loop is closed when no index is left,
 *     and a thread that the system wakes too late finds it closed and goes back to sleep.
 *
 * The indices of a loop are shared out in ranges, one for each thread, in order: what a
 * thread wrote in one loop it mostly reads in the next, while it is in that core's cache,
 * and neighbours don't write to one another's cache lines. A thread takes the indices of its
 * range from the front, one at a time, and, when none is left, of the range that has most
 * left, from the back. So a late or a slow thread costs no more than one index at the end,
 * and no result depends on who took what.
 *
 * The state of a loop is one word: open bit, how many threads it wants, how many helpers are
 * in. All that decides who may come in is in that word, or a helper might find itself wanted
 * by one loop and enter the next, which wants fewer. A helper is the same worker always.
 */
#define _GNU_SOURCE
#include "base/parallel.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_HELPERS 255
#define MAX_LOOP    (1u << 20) /* indices shared out at a time */
#define SPINS       2000       /* of a pause each, some 50 us */
#define SOME_SPINS  100        /* between two offers of the core */
#define HELD_US     300
#define TAKEN_US    20 /* an offer that takes longer was accepted */

#define OPEN      0x1000000u /* helpers may come in */
#define WANTED(s) ((s) >> 8 & 0xff)
#define INSIDE(s) ((s)&0xff)

/* A thread's indices that nobody took yet: the first, and << 32 the one after the last.
 * Two cache lines, since processors fetch them in pairs. */
struct share {
	_Alignas(128) _Atomic uint64_t range;
};

#define RANGE(first, end) ((uint64_t)(end) << 32 | (first))
#define FIRST(r)          ((uint32_t)(r))
#define END(r)            ((uint32_t)((r) >> 32))

static struct {
	pthread_mutex_t lock; /* held for the length of a loop */
	int helpers;          /* threads made so far */
	/* the loop, valid while open */
	void (*fn)(const void *ctx, size_t i, int worker);
	const void *ctx;
	size_t start; /* what range's 0 stands for */
	int shares;
	_Alignas(128) _Atomic uint32_t state;
	_Alignas(128) _Atomic uint32_t call; /* counts loops; helpers sleep on it */
	_Atomic uint32_t asleep;             /* helpers that do */
	_Atomic uint32_t held;               /* runs that will call again soon */
	struct share share[MAX_HELPERS];
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local int inside;

static void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void
sleep_while(_Atomic uint32_t *word, uint32_t value)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void
wake(_Atomic uint32_t *word, int n)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Spins while the word has this value; for longer where loops follow one another, unless
 * somebody else wants the core. 0: it still has. */
static int
spin_while(_Atomic uint32_t *word, uint32_t value)
{
	double begin, t, after;
	int k;

	for (k = 0; k < SPINS; k++) {
		if (atomic_load(word) != value)
			return 1;
		relax();
	}
	for (begin = t = now_us(); t - begin < HELD_US && atomic_load(&pool.held);
	     t = now_us()) {
		(void)sched_yield();
		after = now_us();
		for (k = 0; k < SOME_SPINS; k++) {
			if (atomic_load(word) != value)
				return 1;
			relax();
		}
		if (after - t > TAKEN_US)
			return 0;
	}
	return 0;
}

static int
take_first(uint32_t *i, struct share *s)
{
	uint64_t r = atomic_load(&s->range);

	while (FIRST(r) < END(r))
		if (atomic_compare_exchange_weak(&s->range, &r, r + 1)) {
			*i = FIRST(r);
			return 1;
		}
	return 0;
}

/* The share with most left, NULL when there is nothing in any. */
static struct share *
fullest(void)
{
	struct share *most = NULL;
	uint32_t left, least = 0;

	for (int k = 0; k < pool.shares; k++) {
		uint64_t r = atomic_load(&pool.share[k].range);

		left = FIRST(r) < END(r) ? END(r) - FIRST(r) : 0;
		if (left > least) {
			least = left;
			most = &pool.share[k];
		}
	}
	return most;
}

static int
take_last(uint32_t *i)
{
	struct share *s;

	while ((s = fullest())) {
		uint64_t r = atomic_load(&s->range);

		if (FIRST(r) < END(r) && atomic_compare_exchange_strong(&s->range, &r,
					     RANGE(FIRST(r), END(r) - 1))) {
			*i = END(r) - 1;
			return 1;
		}
	}
	return 0;
}

static void
take_indices(int worker)
{
	uint32_t i;

	while (take_first(&i, &pool.share[worker]) || take_last(&i))
		pool.fn(pool.ctx, pool.start + i, worker);
}

static void
share_out(uint32_t n, int shares)
{
	pool.shares = shares;
	for (int k = 0; k < shares; k++)
		atomic_store(&pool.share[k].range,
		    RANGE((uint64_t)n * (unsigned)k / (unsigned)shares,
			(uint64_t)n * (unsigned)(k + 1) / (unsigned)shares));
}

/* Enters the open loop, if it still is one and wants this worker. */
static int
come_in(int worker)
{
	uint32_t s = atomic_load(&pool.state);

	while ((s & OPEN) && worker < (int)WANTED(s))
		if (atomic_compare_exchange_weak(&pool.state, &s, s + 1))
			return 1;
	return 0;
}

static void *
helper(void *number)
{
	const int worker = (int)(intptr_t)number;
	uint32_t seen = 0, left;

	inside = 1;
	for (;;) {
		if (!spin_while(&pool.call, seen)) {
			atomic_fetch_add(&pool.asleep, 1);
			while (atomic_load(&pool.call) == seen)
				sleep_while(&pool.call, seen);
			atomic_fetch_sub(&pool.asleep, 1);
		}
		seen = atomic_load(&pool.call);
		if (!come_in(worker))
			continue;
		take_indices(worker);
		/* the last one out of a closed loop tells the caller, who may sleep */
		left = atomic_fetch_sub(&pool.state, 1) - 1;
		if (!(left & OPEN) && INSIDE(left) == 0)
			wake(&pool.state, 1);
	}
	return NULL;
}

/* A child of fork has the memory of the pool but none of its threads. */
static void
after_fork(void)
{
	pool.helpers = 0;
	atomic_store(&pool.state, 0);
	atomic_store(&pool.asleep, 0);
	(void)pthread_mutex_init(&pool.lock, NULL);
}

static void
make_helpers(int wanted)
{
	static int registered;
	pthread_attr_t attr;
	pthread_t id;

	if (pool.helpers >= wanted || pthread_attr_init(&attr) != 0)
		return;
	if (!registered)
		registered = pthread_atfork(NULL, NULL, after_fork) == 0;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* fewer threads than wanted are no error: the loop is done by those there are */
	while (pool.helpers < wanted && pthread_create(&id, &attr, helper,
					    (void *)(intptr_t)(pool.helpers + 1)) == 0)
		pool.helpers++;
	(void)pthread_attr_destroy(&attr);
}

/* Nobody may come in any more; waits for those who are in. */
static void
close_loop(void)
{
	uint32_t s = atomic_fetch_and(&pool.state, ~OPEN) & ~OPEN;

	while (INSIDE(s)) {
		if (!spin_while(&pool.state, s))
			sleep_while(&pool.state, s);
		s = atomic_load(&pool.state);
	}
}

/* One loop of at most MAX_LOOP indices, the pool being ours. */
static void
run_loop(int threads, size_t n)
{
	/* no more threads than indices */
	const int shares = (size_t)threads < n ? threads : (int)n;

	share_out((uint32_t)n, shares);
	atomic_store(&pool.state, OPEN | (uint32_t)shares << 8);
	atomic_fetch_add(&pool.call, 1);
	if (atomic_load(&pool.asleep))
		wake(&pool.call, INT_MAX);
	take_indices(0);
	close_loop();
}

void
det_parallel(int threads, size_t n, void (*fn)(const void *ctx, size_t i, int worker),
    const void *ctx)
{
	size_t most = MAX_LOOP;

	if (threads > MAX_HELPERS)
		threads = MAX_HELPERS;
	if (threads < 2 || n < 2 || inside || pthread_mutex_trylock(&pool.lock) != 0) {
		for (size_t i = 0; i < n; i++)
			fn(ctx, i, 0);
		return;
	}
	inside = 1;
	make_helpers(threads - 1);
	pool.fn = fn;
	pool.ctx = ctx;
	for (pool.start = 0; pool.start < n; pool.start += most) {
		if (n - pool.start < most)
			most = n - pool.start;
		run_loop(threads, most);
	}
	inside = 0;
	(void)pthread_mutex_unlock(&pool.lock);
}

void
det_parallel_begin(void)
{
	atomic_fetch_add(&pool.held, 1);
}

void
det_parallel_end(void)
{
	atomic_fetch_sub(&pool.held, 1);
}
