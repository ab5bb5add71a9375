/* SPDX-License-Identifier: MIT
 *
 * rss FILE COMMAND ...: runs the command and appends its name, peak memory in KiB, the
 * seconds that it took of a processor, in itself and in the kernel, and how often it gave
 * up its core to wait and because somebody else was given it, to FILE; exits as it does.
 * So that every stage of a pipe can be measured inside the pipe.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int
main(int argc, char *argv[])
{
	struct rusage ru;
	FILE *f;
	pid_t pid;
	int status;

	if (argc < 3)
		return 2;
	pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0) {
		(void)execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &ru) < 0)
		return 2;
	f = fopen(argv[1], "a");
	if (!f ||
	    fprintf(f, "%s %ld %.6f %.6f %ld %ld\n", argv[2], ru.ru_maxrss,
		seconds(ru.ru_utime), seconds(ru.ru_stime), ru.ru_nvcsw,
		ru.ru_nivcsw) < 0 ||
	    fclose(f))
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
