/* SPDX-License-Identifier: MIT
 *
 * A pipe of processes, as a shell would make it, without a shell.
 */
#ifndef DET_SPAWN_H
#define DET_SPAWN_H

#include <stddef.h>

#include "model/pipeline.h"

/* The folder this executable lies in, with a slash at the end, or "" where that can't be
 * known (then tools are looked for along PATH). */
const char *spawn_home(void);

/* A pipe that runs. */
struct spawned {
	int *pid;
	size_t n;
	int out; /* to read from, to be closed; -1: the last writes where this process does */
};

/* Starts the stages: the first reads `in` (-1: this process's standard input), each one's
 * output is piped into the next, and where `read` is set the last one's into s->out. Where it
 * fails, what was started has ended, and nothing is left to wait for. */
enum det_err spawn_start(
    struct spawned *s, const struct det_pipeline *p, int in, int read) DET_MUST_USE;
/* Tells all to end (SIGTERM); they are still to be waited for. */
void spawn_stop(const struct spawned *s);
/* Waits for all; *status as below. */
enum det_err spawn_wait(int *status, struct spawned *s) DET_MUST_USE;

/* Runs the stages, each one's output piped into the next; the last writes to this
 * process's standard output, the first reads its standard input. Waits for all. *status is
 * 0 if every stage succeeded; 2 if any failed, except for stages that a later one left
 * standing by closing its input (SIGPIPE) while it succeeded itself. */
enum det_err spawn_pipeline(int *status, const struct det_pipeline *p) DET_MUST_USE;

#endif
