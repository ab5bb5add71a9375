/* SPDX-License-Identifier: MIT
 *
 * Choices among algorithms by measurement, kept as a text (formats/model.md, "plan/NAME"): a
 * line for each convolution of a network,
 *
 *   LAYER = ALGORITHM in=NxCxHxW threads=N cpu=KIND
 *
 * that holds for that shape, that many threads and that kind of processor, no others.
 */
#ifndef DET_TUNE_H
#define DET_TUNE_H

#include "base/line.h"
#include "base/text.h"
#include "nn/engine.h"

/* A line; strings are l's. */
struct det_tuned_line {
	const char *layer, *algo, *cpu;
	size_t in[4];
	long threads;
};

enum det_err det_tuned_parse(
    struct det_tuned_line *out, struct det_line *l) DET_MUST_USE;

/* What was found out of one layer. */
struct det_tune_layer {
	const char *layer; /* the net's */
	size_t in[4];
	const char *modelled, *chosen; /* names of algorithms */
	double modelled_ms, chosen_ms;
};

struct det_tune {
	struct det_tune_layer *layer;
	size_t n;
	double modelled_ms, chosen_ms; /* of whole runs */
	int threads;
	const char *cpu;
};

/* Times each way of each convolution: every algorithm, where it is possible, in `rounds`
 * rounds of a few runs on in[0 .. inputs), an engine each; medians. At the end the
 * choice is run against the modelled one in turn: where it is not faster, it is not
 * taken. params' algos and tuned are not used. */
enum det_err det_tune_run(struct det_tune *out, const struct det_net *net,
    const struct det_weights *w, const struct det_engine_params *p,
    const struct det_tensor *in, int rounds) DET_MUST_USE;
void det_tune_release(struct det_tune *t);

/* The text: lines of `old` (may be NULL) for other shapes, thread counts or processors, then
 * those of t. */
enum det_err det_tune_text(struct det_buf *out, const struct det_tune *t,
    const char *old, size_t old_len) DET_MUST_USE;

#endif
