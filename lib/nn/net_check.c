/* SPDX-License-Identifier: MIT
 *
 * What a caller hands in, held against what the net declares: inputs, weights, and the sizes
 * of a run.
 */
#include <stdint.h>
#include <string.h>

#include "base/finite.h"
#include "nn/graph.h"

static const char *
dtype_text(enum det_dtype t)
{
	const char *name = det_dtype_name(t);

	return name ? name : "unknown";
}

enum det_err
det_net_check_input(
    const struct det_net *net, size_t i, const struct det_tensor *in, int threads)
{
	const struct det_node *n = &net->node[net->input[i]];
	struct det_tensor want = { .dtype = DET_F32, .rank = 4 };
	char a[128], b[128];
	int d, fits = in->rank == 4;
	size_t count, bad;
	enum det_err err;

	memcpy(want.dims, n->dims, sizeof n->dims);
	for (d = 0; fits && d < 4; d++)
		fits = (d == 0 || in->dims[d] > 0) &&
		       (!n->dims[d] || n->dims[d] == in->dims[d]);
	if (!fits)
		return det_fail(DET_INVALID,
		    "input '%s' is %s, network '%s' takes %s (0 = any)", n->name,
		    det_shape_text(a, sizeof a, in), net->name,
		    det_shape_text(b, sizeof b, &want));
	if (in->dtype != DET_F32)
		return det_fail(DET_UNSUPPORTED, "input '%s' is %s, expected f32",
		    n->name, dtype_text(in->dtype));
	if ((err = det_tensor_count(&count, in)))
		return det_fail_in(err, "input '%s'", n->name);
	if ((uintptr_t)in->data % sizeof(float))
		return det_fail(DET_INVALID, "input '%s' is not aligned", n->name);
	if ((bad = det_finite_first(in->data, count, threads)) < count)
		return det_fail(DET_INVALID,
		    "input '%s' holds NaN or infinity at index %zu", n->name, bad);
	return DET_OK;
}

/* Shapes agree where the declared dim is known. */
static int
fits_weight(const struct det_tensor *have, const struct det_tensor *want)
{
	int i;

	if (have->rank != want->rank)
		return 0;
	for (i = 0; i < want->rank; i++)
		if (want->dims[i] && have->dims[i] != want->dims[i])
			return 0;
	return 1;
}

enum det_err
det_net_check_weight(
    const struct det_net *net, size_t w, const struct det_tensor *have, int threads)
{
	const char *name = net->weight[w].name;
	const struct det_tensor *want = &net->weight[w].shape;
	char a[128], b[128];
	size_t n, bad;
	enum det_err err;

	if (have->dtype != DET_F32)
		return det_fail(DET_UNSUPPORTED, "weight '%s' is %s, expected f32",
		    name, dtype_text(have->dtype));
	if (!fits_weight(have, want))
		return det_fail(DET_INVALID, "weight '%s' is %s, the network wants %s",
		    name, det_shape_text(a, sizeof a, have),
		    det_shape_text(b, sizeof b, want));
	if ((err = det_tensor_count(&n, have)))
		return det_fail_in(err, "weight '%s'", name);
	if (!have->data || (uintptr_t)have->data % sizeof(float))
		return det_fail(DET_INVALID, "weight '%s' has no aligned data", name);
	if ((bad = det_finite_first(have->data, n, threads)) < n)
		return det_fail(DET_INVALID, "weight '%s' holds %s at index %zu", name,
		    ((const float *)have->data)[bad] != ((const float *)have->data)[bad]
			? "NaN"
			: "infinity",
		    bad);
	return DET_OK;
}

/* Layers that join maps need them of one batch. The shape rules take an N of 0 for one that
 * is not known yet; here it is what it says. */
static enum det_err
check_batches(
    const struct det_net *net, const struct det_node *n, const size_t (*dims)[4])
{
	size_t j;

	if (!n->op || !(n->op->traits & (DET_OP_ADDS | DET_OP_JOINS)))
		return DET_OK;
	for (j = 1; j < n->n_in; j++)
		if (dims[n->in[j]][0] != dims[n->in[0]][0])
			return det_fail(DET_INVALID,
			    "%s:%d: layer '%s': input %zu is a batch of %zu, "
			    "the first of %zu",
			    net->file, n->line, n->name, j + 1, dims[n->in[j]][0],
			    dims[n->in[0]][0]);
	return DET_OK;
}

static enum det_err
check_weights(const struct det_net *net, size_t i, const size_t (*dims)[4],
    const struct det_tensor *weight)
{
	const struct det_node *n = &net->node[i];
	size_t in[DET_OP_MAX_IN][4], j;
	char a[128], b[128];
	struct det_tensor want;

	det_net_in_dims(in, n, dims);
	for (j = 0; j < n->n_weights; j++) {
		size_t w = net->use[n->weight + j];

		want = (struct det_tensor){ .dtype = DET_F32 };
		(void)n->op->weight(&want, n, j, (const size_t(*)[4])in, dims[i]);
		if (!fits_weight(&weight[w], &want))
			return det_fail(DET_INVALID,
			    "weight '%s' is %s; for this input the network "
			    "wants %s",
			    net->weight[w].name,
			    det_shape_text(a, sizeof a, &weight[w]),
			    det_shape_text(b, sizeof b, &want));
	}
	return DET_OK;
}

enum det_err
det_net_set_sizes(const struct det_net *net, size_t (*dims)[4],
    const unsigned char *live, const struct det_tensor *in,
    const struct det_tensor *weight)
{
	const size_t(*d)[4] = (const size_t(*)[4])dims;
	size_t i;
	enum det_err e;

	for (i = 0; i < net->n_inputs; i++)
		memcpy(dims[net->input[i]], in[i].dims, sizeof *dims);
	if ((e = det_net_shapes(net, dims, live)))
		return e;
	for (i = 0; i < net->n_nodes; i++)
		if (live[i] && (e = check_batches(net, &net->node[i], d)))
			return e;
	for (i = 0; i < net->n_nodes; i++)
		if (live[i] && net->node[i].n_weights &&
		    (e = check_weights(net, i, d, weight)))
			return e;
	return DET_OK;
}
