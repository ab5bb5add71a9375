/* SPDX-License-Identifier: MIT
 *
 * A parsed network from the inside: what the parser builds and the engine reads. Private
 * to lib/nn.
 */
#ifndef DET_GRAPH_H
#define DET_GRAPH_H

#include "nn/net.h"
#include "nn/op.h"

/* Limits of formats/net.md, section 7. */
#define DET_NET_MAX_TEXT  ((size_t)1 << 20)
#define DET_NET_MAX_LINE  1000
#define DET_NET_MAX_NODES 10000
#define DET_NET_MAX_STEPS 50000
#define DET_NET_MAX_DEPTH 16
#define DET_NET_MAX_NAME  200
#define DET_NET_MAX_WORD  DET_NET_MAX_NAME

struct det_net_out {
	char *name; /* of the tensor */
	size_t node;
};

struct det_net_weight {
	char *name; /* NET/LAYER.suffix */
	struct det_tensor shape;
};

/* A table from names to numbers; open addressing, size a power of two. */
struct det_names {
	struct det_name {
		char *name; /* NULL: free */
		size_t at;
	} * slot;
	size_t n, cap;
};

struct det_net {
	char *name; /* of the net */
	char *file; /* for messages */
	struct det_node *node;
	size_t n_nodes, cap_nodes;
	size_t *input;
	size_t n_inputs, cap_inputs;
	struct det_net_out *output;
	size_t n_outputs, cap_outputs;
	struct det_net_weight *weight;
	size_t n_weights, cap_weights;
	size_t *use; /* numbers of weights: what each layer takes, in its op's order */
	size_t n_uses, cap_uses;
	struct det_names names; /* of layers and of block instances, full */
};

/* *at of a name; 0 where there is none. */
int det_names_find(const struct det_names *t, size_t *at, const char *name);
/* DET_INVALID where the name is taken. */
enum det_err det_names_add(
    struct det_names *t, const char *name, size_t at) DET_MUST_USE;
void det_names_free(struct det_names *t);

/* *node of a full name; 0 where there is none. */
int det_net_find(const struct det_net *net, size_t *node, const char *name);

/* Shapes of all nodes, from those of the inputs (set by the caller in dims[input]), by
 * the operators' rules. `dims` has a row a node; live, where given, says which to do. */
enum det_err det_net_shapes(const struct det_net *net, size_t (*dims)[4],
    const unsigned char *live) DET_MUST_USE;

/* A caller's input number i against what the net declares: shape, dtype, alignment, no NaN
 * or infinity. */
enum det_err det_net_check_input(const struct det_net *net, size_t i,
    const struct det_tensor *in, int threads) DET_MUST_USE;
/* The same for what was found as weight number w. */
enum det_err det_net_check_weight(const struct det_net *net, size_t w,
    const struct det_tensor *have, int threads) DET_MUST_USE;
/* The sizes of a run: shapes of all live layers from those of the inputs; batches that are
 * joined agree; so do the weights (a row for each of the net's, those of live layers set) in
 * what the text left open. */
enum det_err det_net_set_sizes(const struct det_net *net, size_t (*dims)[4],
    const unsigned char *live, const struct det_tensor *in,
    const struct det_tensor *weight) DET_MUST_USE;

/* After parsing: shapes as far as the declared inputs settle them, and the weights. */
enum det_err det_net_settle(struct det_net *net) DET_MUST_USE;
/* Its second half: what the layers need, whose shapes are settled. */
enum det_err det_net_list_weights(struct det_net *net) DET_MUST_USE;

/* Gathers the rows of a node's inputs. */
void det_net_in_dims(
    size_t (*in)[4], const struct det_node *n, const size_t (*dims)[4]);

#endif
