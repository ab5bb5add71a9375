/* SPDX-License-Identifier: MIT
 *
 * A pipe of processes, as a shell would make it, without a shell.
 */
#ifndef DET_SPAWN_H
#define DET_SPAWN_H

#include "model/pipeline.h"

/* The folder this executable lies in, with a slash at the end, or "" where that can't be
 * known (then tools are looked for along PATH). */
const char *spawn_home(void);

/* Runs the stages, each one's output piped into the next; the last writes to this
 * process's standard output, the first reads its standard input. Waits for all. *status is
 * 0 if every stage succeeded; 2 if any failed, except for stages that a later one left
 * standing by closing its input (SIGPIPE) while it succeeded itself. */
enum det_err spawn_pipeline(int *status, const struct det_pipeline *p) DET_MUST_USE;

#endif
