/* SPDX-License-Identifier: MIT
 *
 * Runs a network: weights are bound and prepared once, shapes, fusion and the memory arena
 * are planned once for each input shape, then run many times.
 */
#ifndef DET_ENGINE_H
#define DET_ENGINE_H

#include "nn/net.h"

struct det_engine;

/* Where weights come from: finds a tensor by its full name in the net. */
struct det_weights {
	enum det_err (*find)(void *ctx, const char *name, struct det_tensor *out);
	void *ctx;
	/* Told of a tensor's data that was prepared into other memory and will hardly be
	 * read again, for now: its pages may go. Or NULL. */
	void (*done)(void *ctx, const void *data, size_t bytes);
};

struct det_engine_params {
	int threads; /* 0: the cores this process may use */
	const char *const
	    *taps; /* layers to give as outputs too, after the net's own, each
		    * once; the strings must outlive the engine */
	size_t n_taps;
	int exact; /* no algorithm that rounds otherwise than a sum of products does */
	/* "ALGO" for all convolutions, or "LAYER=ALGO" for one, wherever that is possible;
	 * the last that names a layer counts. Read by det_engine_new alone. */
	const char *const *algos;
	size_t n_algos;
	/* A text of measured choices (nn/tune.h), for what the above leaves open; it is
	 * read by det_engine_new alone. */
	const char *tuned;
	size_t tuned_len;
};

#define DET_ENGINE_DEFAULTS  \
	{                    \
		.threads = 0 \
	}

/* Binds weights: every one that the net needs is there, has the right shape and dtype f32
 * and is finite, or the error names it. Weights are used where they lie, or prepared from there
 * when a plan wants it; they must outlive the engine, as must the net. */
enum det_err det_engine_new(struct det_engine **out, const struct det_net *net,
    const struct det_weights *w, const struct det_engine_params *p) DET_MUST_USE;
void det_engine_free(struct det_engine *e);

/* Runs on in[0 .. inputs), f32, shapes as the net declares, any batch N; of a batch of 0,
 * whose data may be NULL, all outputs are empty. Plans first where the shapes are new. Output i (the net's outputs, then taps) is then had from
 * det_engine_output; its data lives until the next run (an output that is an input, or a
 * view of one, is the caller's own memory). A NaN or infinity in an output is
 * DET_INVALID and names the output. */
enum det_err det_engine_run(
    struct det_engine *e, const struct det_tensor *in) DET_MUST_USE;
size_t det_engine_outputs(const struct det_engine *e);
const char *det_engine_output(
    const struct det_engine *e, size_t i, struct det_tensor *out);

/* Facts of the current plan, for reports. */
struct det_engine_stats {
	size_t arena;         /* bytes of activations after reuse */
	size_t activations;   /* bytes that they would take without reuse */
	size_t weights;       /* bytes of weights, where they lie */
	size_t prepared;      /* bytes of weights copied or transformed */
	double flop;          /* multiply and add counted as two, per run */
	size_t layers, steps; /* layers of the net, steps after fusion */
};
void det_engine_stats(const struct det_engine *e, struct det_engine_stats *s);

/* A table of the runs of the current plan, one step a line, into a malloc'd text
 * (det-backbone --profile): layer, op, input and output shape, algorithm, ms (medians),
 * GFLOP/s, share, MiB of output, scratch and prepared weights. Timing is off until asked
 * for. */
void det_engine_profile(struct det_engine *e, int on);
enum det_err det_engine_report(const struct det_engine *e, char **text) DET_MUST_USE;

/* "SkylakeX 0.3.21", the kernels of the BLAS in use, and whether they suit this processor
 * (0: a slow fallback). Loads the BLAS. */
enum det_err det_blas_info(const char **text, int *suits) DET_MUST_USE;

#endif
