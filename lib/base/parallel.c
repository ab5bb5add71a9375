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
 *   - nobody waits for a thread that has not begun: indices are taken one at a time, a
 *     loop is closed when none is left, and a thread that the system wakes too late finds
 *     it closed and goes back to sleep.
 *
 * The state of a loop is one word: open bit, how many helpers it wants, how many came, how
 * many are in. All that decides who may come in is in that word, or a helper might take the
 * number it wants from one loop and enter the next, which wants fewer.
 */
#define _GNU_SOURCE
#include "base/parallel.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_HELPERS 255
#define SPINS       2000

#define OPEN      0x1000000u /* helpers may come in */
#define WANTED(s) ((s) >> 16 & 0xff)
#define CAME(s)   ((s) >> 8 & 0xff)
#define ONE_CAME  0x100u
#define INSIDE(s) ((s)&0xff)

static struct {
	pthread_mutex_t lock; /* held for the length of a loop */
	int helpers;          /* threads made so far */
	/* the loop, valid while open */
	void (*fn)(const void *ctx, size_t i, int worker);
	const void *ctx;
	size_t n;
	atomic_size_t next;
	_Atomic uint32_t state;
	_Atomic uint32_t call;   /* counts loops; helpers sleep on it */
	_Atomic uint32_t asleep; /* helpers that do */
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

static void
take_indices(int worker)
{
	size_t i;

	while ((i = atomic_fetch_add(&pool.next, 1)) < pool.n)
		pool.fn(pool.ctx, i, worker);
}

/* Enters the open loop, if it still is one and wants more hands. Returns the worker's
 * number, 0 if there is nothing to do. */
static int
come_in(void)
{
	uint32_t s = atomic_load(&pool.state);

	while ((s & OPEN) && CAME(s) < WANTED(s))
		if (atomic_compare_exchange_weak(&pool.state, &s, s + ONE_CAME + 1))
			return (int)CAME(s) + 1;
	return 0;
}

static void *
helper(void *unused)
{
	uint32_t seen = 0, left;
	int worker;

	(void)unused;
	inside = 1;
	for (;;) {
		for (int k = 0; k < SPINS && atomic_load(&pool.call) == seen; k++)
			relax();
		atomic_fetch_add(&pool.asleep, 1);
		while (atomic_load(&pool.call) == seen)
			sleep_while(&pool.call, seen);
		atomic_fetch_sub(&pool.asleep, 1);
		seen = atomic_load(&pool.call);
		if (!(worker = come_in()))
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
	while (pool.helpers < wanted && pthread_create(&id, &attr, helper, NULL) == 0)
		pool.helpers++;
	(void)pthread_attr_destroy(&attr);
}

/* Nobody may come in any more; waits for those who are in. */
static void
close_loop(void)
{
	uint32_t s = atomic_fetch_and(&pool.state, ~OPEN) & ~OPEN;

	for (int k = 0; k < SPINS && INSIDE(s); k++) {
		relax();
		s = atomic_load(&pool.state);
	}
	while (INSIDE(s)) {
		sleep_while(&pool.state, s);
		s = atomic_load(&pool.state);
	}
}

void
det_parallel(int threads, size_t n, void (*fn)(const void *ctx, size_t i, int worker),
    const void *ctx)
{
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
	pool.n = n;
	atomic_store(&pool.next, 0);
	atomic_store(&pool.state, OPEN | ((uint32_t)threads - 1) << 16);
	atomic_fetch_add(&pool.call, 1);
	if (atomic_load(&pool.asleep))
		wake(&pool.call, INT_MAX);
	take_indices(0);
	close_loop();
	inside = 0;
	(void)pthread_mutex_unlock(&pool.lock);
}
