/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "bin/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

const char *
spawn_home(void)
{
	static char home[4096];
	ssize_t n = readlink("/proc/self/exe", home, sizeof home - 1);
	char *slash;

	home[n > 0 ? n : 0] = 0;
	slash = strrchr(home, '/');
	if (slash)
		slash[1] = 0;
	else
		home[0] = 0;
	return home;
}

/* Starts one stage with `in` and `out` as its standard streams (-1: as they are). */
static enum det_err
start(int *pid, const struct det_stage *s, int in, int out)
{
	posix_spawn_file_actions_t fa;
	char path[8192];
	int err;

	if (posix_spawn_file_actions_init(&fa))
		return det_fail(DET_NOMEM, "no memory to start %s", s->word[0]);
	if (in >= 0)
		(void)posix_spawn_file_actions_adddup2(&fa, in, 0);
	if (out >= 0)
		(void)posix_spawn_file_actions_adddup2(&fa, out, 1);
	(void)snprintf(path, sizeof path, "%s%s", spawn_home(), s->word[0]);
	err = posix_spawnp(pid, path, &fa, NULL, s->word, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (err) {
		errno = err;
		return det_fail(DET_IO, "%s can't be started:", path);
	}
	return DET_OK;
}

static enum det_err
wait_all(int *status, const int *pid, size_t n)
{
	int downstream_ok = 1;

	*status = 0;
	for (size_t i = n; i-- > 0;) {
		int s;

		while (waitpid(pid[i], &s, 0) < 0)
			if (errno != EINTR)
				return det_fail(DET_IO, "a stage can't be waited for:");
		if (WIFEXITED(s) && WEXITSTATUS(s) == 0)
			continue;
		if (WIFSIGNALED(s) && WTERMSIG(s) == SIGPIPE && downstream_ok &&
		    i + 1 < n)
			continue;
		downstream_ok = 0;
		*status = 2;
		if (WIFSIGNALED(s) && WTERMSIG(s) != SIGPIPE)
			return det_fail(DET_IO,
			    "stage %zu of the pipe was ended by signal %d (%s)", i + 1,
			    WTERMSIG(s), strsignal(WTERMSIG(s)));
	}
	return DET_OK;
}

void
spawn_stop(const struct spawned *s)
{
	for (size_t i = 0; i < s->n; i++)
		(void)kill(s->pid[i], SIGTERM);
}

enum det_err
spawn_wait(int *status, struct spawned *s)
{
	enum det_err e = wait_all(status, s->pid, s->n);

	free(s->pid);
	*s = (struct spawned){ .out = -1 };
	return e;
}

enum det_err
spawn_start(struct spawned *s, const struct det_pipeline *p, int in, int read)
{
	int ends[2], given = in, status;
	enum det_err e;

	*s = (struct spawned){ .out = -1 };
	if ((e = det_calloc(&s->pid, p->n, sizeof *s->pid)))
		return e;
	for (; !e && s->n < p->n; s->n++) {
		int last = s->n + 1 == p->n;

		ends[0] = ends[1] = -1;
		if ((!last || read) && pipe2(ends, O_CLOEXEC) < 0) {
			e = det_fail(DET_IO, "no pipe:");
			break;
		}
		e = start(&s->pid[s->n], &p->stage[s->n], in, ends[1]);
		if (in >= 0 && in != given)
			(void)close(in);
		if (ends[1] >= 0)
			(void)close(ends[1]);
		in = ends[0];
		if (e)
			break;
	}
	if (!e) {
		s->out = read ? in : -1;
		return DET_OK;
	}
	if (in >= 0 && in != given)
		(void)close(in);
	if (spawn_wait(&status, s))
		return e;
	return e;
}

enum det_err
spawn_pipeline(int *status, const struct det_pipeline *p)
{
	struct spawned s;
	enum det_err e;

	*status = 2;
	if ((e = spawn_start(&s, p, -1, 0)))
		return e;
	return spawn_wait(status, &s);
}
