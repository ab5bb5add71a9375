/* SPDX-License-Identifier: MIT
 *
 * Signals that end a tool, and what must happen before they do. Private to bin/.
 */
#ifndef DET_SIGNALS_H
#define DET_SIGNALS_H

#include <signal.h>

/* Temporaries go when the program is ended; a file cut short while it is mapped gives a line
 * with the tool's name, and exit status 2. */
void signals_catch(const char *name);

/* After signals_catch, for tools that have something to save: the first SIGINT, SIGTERM or
 * SIGHUP only sets what is returned to the signal's number; the next ends the program. SIGPIPE is
 * only a write that fails, here but not in programs that are started. */
const volatile sig_atomic_t *signals_hold(void);

#endif
