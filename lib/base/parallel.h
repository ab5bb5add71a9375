/* SPDX-License-Identifier: MIT
 *
 * Loops over threads. One pool serves the whole process; its threads are made when first
 * needed and sleep when there is nothing to do.
 */
#ifndef DET_PARALLEL_H
#define DET_PARALLEL_H

#include <stddef.h>

/* Calls fn(ctx, i, worker) once for every i in [0, n), on at most `threads` threads, this
 * one among them. Each has a range of indices, the first of them the calling thread, and
 * helps with the others' when done with its own: order and worker are left to chance, so
 * fn's results must depend on i alone. worker is in [0, threads), no two calls at the same
 * time have the same one: it chooses scratch memory. Returns when all calls have. Inside fn,
 * or while another thread of the process is in here, the loop runs on the calling thread
 * alone. */
void det_parallel(int threads, size_t n,
    void (*fn)(const void *ctx, size_t i, int worker), const void *ctx);

/* Between these, loops follow one another soon: helpers wait awake for the next for some
 * 300 us, as long as nobody else wants their cores. Calls may be nested, and in several
 * threads. */
void det_parallel_begin(void);
void det_parallel_end(void);

#endif
