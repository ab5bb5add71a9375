/* SPDX-License-Identifier: MIT
 *
 * Activations as layers of their own; behind a convolution the engine fuses them into its
 * epilogue. The functions are the kernels' (nn/conv.h).
 */
#include "nn/op.h"

static const struct det_key act_keys[] = {
	DET_KEYS_ACT(det_op_act_args),
	DET_KEY_LAST,
};

static const struct det_key leaky_keys[] = {
	DET_KEY_D("alpha", det_op_act_args, act.alpha, 0, 10, .1),
	DET_KEY_LAST,
};

static const struct det_key no_keys[] = { DET_KEY_LAST };

static void
act_run(const struct det_op_run *r)
{
	det_op_activate(
	    r->out, r->in[0], det_op_floats(r), r->act, r->alpha, r->threads);
}

/* act=linear does nothing */
static int
act_view(size_t *at, const struct det_node *n, const size_t in[4], const size_t out[4])
{
	const struct det_act_args *a = n->args;

	(void)in;
	(void)out;
	*at = 0;
	return a->act == DET_ACT_LINEAR;
}

#define ACT_OP(text, table, fixed)                                                    \
	{                                                                             \
		.name = text,                                                         \
		.traits = DET_OP_ACT | DET_OP_ACTIVATES | DET_OP_INPLACE, .in_lo = 1, \
		.in_hi = 1, .args_size = sizeof(struct det_op_act_args),              \
		.keys = table, .fixed_act = fixed, .shape = det_op_same,              \
		.view = act_view, .blocked = det_op_blocked_always, .run = act_run,   \
		.backward = det_op_back_same                                          \
	}

const struct det_op det_op_act = ACT_OP("act", act_keys, -1);
const struct det_op det_op_relu = ACT_OP("relu", no_keys, DET_ACT_RELU);
const struct det_op det_op_relu6 = ACT_OP("relu6", no_keys, DET_ACT_RELU6);
const struct det_op det_op_leaky = ACT_OP("leaky", leaky_keys, DET_ACT_LEAKY);
const struct det_op det_op_sigmoid = ACT_OP("sigmoid", no_keys, DET_ACT_SIGMOID);
const struct det_op det_op_mish = ACT_OP("mish", no_keys, DET_ACT_MISH);
const struct det_op det_op_silu = ACT_OP("silu", no_keys, DET_ACT_SILU);
