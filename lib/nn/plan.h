/* SPDX-License-Identifier: MIT
 *
 * The engine from the inside: which layers become one step, where values lie. Private to
 * lib/nn.
 */
#ifndef DET_PLAN_H
#define DET_PLAN_H

#include "nn/engine.h"
#include "nn/graph.h"

#define DET_NO_NODE ((size_t)-1)
#define DET_PLANS   4 /* shapes remembered */

/* What is known of a layer whatever the shapes. */
struct det_layer {
	unsigned char live; /* reaches an output or a tap */
	unsigned char keep; /* is one: has memory of its own, is not fused away */
	size_t readers;     /* uses by live layers */
	size_t head; /* the layer whose step computes it: itself, or a conv before */
	size_t tail; /* of a head: the last layer fused into it */
	size_t next; /* the layer fused after this one; DET_NO_NODE */
	enum det_act act; /* of a head: the activation of its step */
	float alpha;
	float *affine;   /* of a head that folds: shift, then scale; or NULL */
	size_t channels; /* of each, with the lanes of no channel (nn/layout.h) */
	int has_scale, has_shift;
};

/* One call of an operator, or a map turned into its other layout. Values are numbered as
 * in planner.h. */
struct det_step {
	size_t head;     /* the layer that runs; DET_NO_NODE: `from` is turned */
	size_t out;      /* the value that is written */
	size_t from;     /* the value that is turned */
	size_t residual; /* a value, or DET_NO_NODE */
	struct det_op_way way;
	const float *packed; /* one of the engine's, or NULL */
	size_t packed_bytes;
	enum det_act act;
	float alpha;
	size_t scratch, scratch_bytes; /* offset in the arena */
	double flop;
};

enum { DET_TIMES = 64 };

/* Where a value lies: at an offset of the arena or of input number `input`. */
struct det_spot {
	size_t input; /* DET_NO_NODE: the arena */
	size_t at;    /* bytes */
};

struct det_plan {
	size_t n;                /* layers */
	size_t (*dims)[4];       /* of each layer */
	enum det_layout *layout; /* of each layer's value i */
	struct det_spot *place;  /* of each value that has memory */
	struct det_step *step;
	size_t n_steps;
	float *ms;    /* of the last DET_TIMES runs that were timed, a row a step */
	size_t timed; /* runs that were timed, ever */
	size_t arena, activations;
	double flop;
	unsigned long used; /* for the choice of the plan to drop */
};

/* The value of a layer in a layout. */
static inline size_t
det_plan_value(const struct det_plan *p, size_t layer, enum det_layout layout)
{
	return p->layout[layer] == layout ? layer : p->n + layer;
}

static inline size_t
det_plan_layer(const struct det_plan *p, size_t value)
{
	return value < p->n ? value : value - p->n;
}

static inline enum det_layout
det_plan_layout(const struct det_plan *p, size_t value)
{
	return value < p->n                           ? p->layout[value]
	       : p->layout[value - p->n] == DET_PLAIN ? DET_BLOCKED
						      : DET_PLAIN;
}

/* A choice that was measured: for one layer, in one shape, on this processor with this
 * many threads. */
struct det_tuned {
	size_t node, in[4];
	enum det_conv_algo algo;
};

/* Weights prepared for a way of a layer, and for all like it. */
struct det_packed {
	size_t weight; /* number among the net's weights */
	const struct det_node *node;
	struct det_op_way way;
	float *data;
	size_t bytes;
};

struct det_engine {
	const struct det_net *net;
	int threads, profile;
	struct det_layer *layer;
	struct det_net_out *out; /* the net's outputs, then taps; names not owned */
	size_t n_out;
	struct det_tensor *weight; /* bound, as the net lists them */
	const float **data;        /* the floats of each use */
	struct det_weights from;
	struct det_packed *packed;
	size_t n_packed, cap_packed;
	int exact;
	/* forced, a row a layer, and which of them by the layer's name */
	enum det_conv_algo *algo;
	unsigned char *named;
	struct det_tuned *tuned;
	size_t n_tuned, cap_tuned;
	size_t weight_bytes, prepared;
	struct det_plan plan[DET_PLANS];
	struct det_plan *cur;
	unsigned long runs;
	char *arena;
	size_t arena_size;
	const float *in[DET_OP_MAX_IN]; /* of the last run */
};

/* engine_fuse.c: liveness, and the chains that do not depend on shapes. Fills e->layer
 * but for `affine`. */
void det_engine_fuse(struct det_engine *e);
/* engine_algo.c: an algorithm by its name; an error that lists them. */
enum det_err det_engine_algo(enum det_conv_algo *algo, const char *name) DET_MUST_USE;
/* Fills e->algo, named and tuned, after det_engine_fuse. */
enum det_err det_engine_force(
    struct det_engine *e, const struct det_engine_params *p) DET_MUST_USE;
/* What the step of `head` that writes `out` has to take, or DET_CONV_AUTO; in: the dims of its
 * first input. */
enum det_conv_algo det_engine_wish(
    const struct det_engine *e, size_t head, size_t out, const size_t in[4]);
/* engine_bind.c: finds and checks the weights; composes what folds. */
enum det_err det_engine_bind(
    struct det_engine *e, const struct det_weights *w) DET_MUST_USE;
/* engine_plan.c: `p` empty; in: the inputs of the run, checked against the net. */
enum det_err det_plan_make(struct det_plan *p, const struct det_engine *e,
    const struct det_tensor *in) DET_MUST_USE;
void det_plan_release(struct det_plan *p);
/* engine_report.c: milliseconds of a step, the median of the runs that were timed. */
double det_plan_ms(const struct det_plan *p, size_t step);
/* engine_pack.c: the weights that the steps of p want packed, made where they are not there
 * yet; those that no plan of the engine wants any more are freed. */
enum det_err det_engine_pack(struct det_engine *e, struct det_plan *p) DET_MUST_USE;
void det_engine_unpack(struct det_engine *e);

/* engine.c: milliseconds of a clock that only goes on. */
double det_engine_clock(void);

#endif
