/* SPDX-License-Identifier: MIT
 *
 * What the parts of the planner share. Private to lib/nn.
 *
 * A layer may have two values: i is what its step writes, n + i (n layers) the same map in
 * the other layout, for readers that want that one.
 */
#ifndef DET_PLANNER_H
#define DET_PLANNER_H

#include "nn/arena.h"
#include "nn/plan.h"

#define DET_AT_END ((size_t)-2)

/* Scratch of the planner, a row a value. */
struct det_value {
	size_t rep, off;           /* the representative, and where in it (bytes) */
	size_t size;               /* bytes */
	size_t parent, parent_off; /* of a representative */
	size_t last;               /* time of the last read */
	size_t inner;              /* last read of anything inside it; 0: nothing is */
	size_t span;               /* of a root */
	unsigned char there;       /* has memory of its own or is seen in another's */
	unsigned char view, external;
};

struct det_planner {
	const struct det_engine *e;
	struct det_plan *p;
	size_t n; /* layers */
	/* a row a layer */
	size_t *final;          /* of a head: the layer at whose time its step runs */
	size_t *sum;            /* of a head: the layer that its step adds */
	unsigned char *gone;    /* its step was taken over */
	size_t *head;           /* the layer whose step writes this one's value */
	struct det_op_way *way; /* of that step, or of a view */
	unsigned char *twice;   /* is wanted in the other layout as well */
	struct det_value *v;    /* a row a value */
	struct det_span *span;
	size_t n_spans;
	size_t *scratch; /* span of each step's scratch */
};

/* Whether layer i, gone this way, is memory of its first input, and from where on (floats). */
int det_planner_view(
    size_t *at, const struct det_planner *s, size_t i, const struct det_op_way *way);
/* Whether a layer's value in the layout `to` is memory of its value in the other. */
int det_planner_same(const struct det_planner *s, size_t i, enum det_layout to);

/* engine_layout.c: fills way, twice and the plan's layouts. */
enum det_err det_planner_layouts(struct det_planner *s) DET_MUST_USE;
/* engine_place.c: the steps are listed; places their values and scratch. */
enum det_err det_planner_place(struct det_planner *s) DET_MUST_USE;

#endif
