/* SPDX-License-Identifier: MIT
 *
 * A network over many rows in parts, in bounded memory: two thousand crops of a picture would
 * need as many times the activations of one.
 */
#ifndef DET_PARTS_H
#define DET_PARTS_H

#include "nn/engine.h"

/* Start from {0}; its memory is used again from run to run. */
struct det_parts {
	struct det_tensor *out; /* as det_engine_output gives them, of all rows */
	size_t n;
	float **own; /* private: what outputs of several parts are put together in */
	size_t *cap;
};

/* How many rows at a time: `rows`, or where that is 0 all of them, unless they are pictures (a
 * first input of 32 or more pixels each way): of these 16 MiB at a time, at least one row. */
size_t det_parts_rows(const struct det_tensor *in, long rows);

/* det_engine_run, `rows` rows of its inputs at a time (all have as many). DET_INVALID where
 * an output of several parts has not as many rows as the inputs. Outputs live until the next
 * run, of parts or of the engine. */
enum det_err det_parts_run(struct det_parts *p, struct det_engine *e,
    const struct det_tensor *in, size_t inputs, size_t rows) DET_MUST_USE;
void det_parts_release(struct det_parts *p);

#endif
