/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT */
#include "base/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t level_once = PTHREAD_ONCE_INIT;
static enum det_cpu_level level;

const char *
det_cpu_name(enum det_cpu_level l)
{
	return l == DET_CPU_AVX512 ? "avx512" : l == DET_CPU_AVX2 ? "avx2" : "c";
}

#if defined(__x86_64__)
enum det_cpu_level
det_cpu_supported(void)
{
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
		return DET_CPU_C;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
	    !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl"))
		return DET_CPU_AVX2;
	return DET_CPU_AVX512;
}

int
det_cpu_wide512(void)
{
	__builtin_cpu_init();
	return det_cpu_supported() == DET_CPU_AVX512 && __builtin_cpu_is("intel");
}
#else
enum det_cpu_level
det_cpu_supported(void)
{
	return DET_CPU_C;
}

int
det_cpu_wide512(void)
{
	return 0;
}
#endif

static void
level_choose(void)
{
	const char *want = getenv("DET_CPU");
	enum det_cpu_level l;

	level = det_cpu_supported();
	for (l = DET_CPU_C; want && l < level; l++)
		if (strcmp(want, det_cpu_name(l)) == 0)
			level = l;
}

enum det_cpu_level
det_cpu_level(void)
{
	pthread_once(&level_once, level_choose);
	return level;
}

const char *
det_cpu_kind(void)
{
	if (det_cpu_level() == DET_CPU_AVX512 && det_cpu_wide512())
		return "avx512-wide";
	return det_cpu_name(det_cpu_level());
}

int
det_cpu_cores(void)
{
	/* glibc's cpu_set_t ends at 1024 processors; a machine with more fails the call
	 * unless the set is larger, so the set grows until it fits. */
	size_t most = 1024;
	long n = 0;

	for (; n == 0 && most <= 1 << 20; most *= 2) {
		cpu_set_t *set = CPU_ALLOC(most);
		size_t size = CPU_ALLOC_SIZE(most);

		if (set && sched_getaffinity(0, size, set) == 0)
			n = CPU_COUNT_S(size, set);
		CPU_FREE(set);
	}
	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (int)n : 1;
}
