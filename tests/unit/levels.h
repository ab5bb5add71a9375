/* SPDX-License-Identifier: MIT
 *
 * A test on every instruction set that this processor has: DET_CPU is read once a process,
 * so each runs in a child of its own. The test returns the number of things that failed
 * and says on standard output, in lines that begin with #, which.
 */
#ifndef DET_TEST_LEVELS_H
#define DET_TEST_LEVELS_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "tests/unit/tap.h"

static inline void
on_each_level(const char *what, int (*test)(void))
{
	enum det_cpu_level l;
	int status;

	for (l = DET_CPU_C; l <= det_cpu_supported(); l++) {
		pid_t pid;

		(void)fflush(stdout);
		if ((pid = fork()) == 0) {
			int bad = setenv("DET_CPU", det_cpu_name(l), 1) != 0;

			bad = bad || det_cpu_level() != l || test() != 0;
			(void)fflush(stdout);
			_exit(bad);
		}
		ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "%s, %s",
		    what, det_cpu_name(l));
	}
}

#endif
