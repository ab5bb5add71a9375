/* SPDX-License-Identifier: MIT
 *
 * A thread that reaches the end of a parallel loop early waits for the others. GNU's OpenMP
 * has it spin for some milliseconds, on the guess that each thread has a core to itself. In
 * a pipe that is wrong: the stages before and after want the cores too, and a spinning
 * thread keeps off the one that it waits for. A pipe of four stages on a busy machine of
 * two cores took 2.0 s with the default, .5 s with a spin of some 20 microseconds.
 *
 * The library reads its settings from the environment when it is loaded, before main; so
 * the program sets them and executes itself: 1 ms. What the user has set stays.
 */
#define _POSIX_C_SOURCE 200809L
#include "bin/threads.h"

#include <stdlib.h>
#include <unistd.h>

void
threads_calm(char *argv[])
{
	char path[4096];
	ssize_t n;

	if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") ||
	    getenv("KMP_BLOCKTIME"))
		return;
	n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return;
	path[n] = 0;
	if (setenv("GOMP_SPINCOUNT", "1000", 1) || setenv("KMP_BLOCKTIME", "0", 1))
		return;
	(void)execv(path, argv);
	/* where it could not be executed, waiting costs more, that is all */
}
