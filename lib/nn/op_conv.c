/* SPDX-License-Identifier: MIT
 *
 * conv: convolution with batch normalisation, bias and activation.
 *
 *   y = act(bn(conv(x) + bias))
 *
 * The kernels (nn/conv.h) compute act(scale * conv + shift + residual). Bias and batch
 * normalisation are one affine map a channel, composed in double and rounded once:
 *   standard  scale = gamma / sqrt(var + eps)
 *   darknet   scale = gamma / (sqrt(var) + eps)      (Darknet's CPU code, eps 1e-6)
 *   shift     = beta + scale * (bias - mean)
 * Departure from Darknet: it normalises, scales and adds the bias in three float passes;
 * the results agree to a few units in the last place.
 */
#include <math.h>

#include "nn/bn_end.h"
#include "nn/conv_back.h"

struct conv_args {
	struct det_act_args act; /* first: DET_OP_ACT */
	long out, groups;
	long k[2], stride[2], dilate[2], pad[4];
	struct det_bn_args norm;
};

static const struct det_key conv_keys[] = {
	DET_KEY_I("out", conv_args, out, 1, 1L << 24, NAN),
	DET_KEY_2("k", conv_args, k, 1, 64, 1),
	DET_KEY_2("stride", conv_args, stride, 1, 64, 1),
	DET_KEY_2("dilate", conv_args, dilate, 1, 64, 1),
	DET_KEY_4("pad", conv_args, pad, 0, 512, 0),
	DET_KEY_I("groups", conv_args, groups, 1, 1L << 24, 1),
	DET_KEYS_BN(conv_args),
	DET_KEYS_ACT(conv_args),
	DET_KEY_LAST,
};

static enum det_err
conv_shape(size_t out[4], const struct det_node *n, const size_t (*in)[4])
{
	const struct conv_args *a = n->args;
	size_t c = in[0][1], g = (size_t)a->groups, k = (size_t)a->out;
	enum det_err e;

	if (c % g || k % g)
		return det_fail(DET_INVALID,
		    "%zu groups do not divide %zu input and %zu output channels", g, c,
		    k);
	out[0] = in[0][0];
	out[1] = k;
	if ((e = det_op_window(&out[2], "height", in[0][2], (size_t)a->pad[0],
		 (size_t)a->pad[2], (size_t)a->k[0], (size_t)a->stride[0],
		 (size_t)a->dilate[0])))
		return e;
	return det_op_window(&out[3], "width", in[0][3], (size_t)a->pad[1],
	    (size_t)a->pad[3], (size_t)a->k[1], (size_t)a->stride[1],
	    (size_t)a->dilate[1]);
}

static const char *
conv_weight(struct det_tensor *t, const struct det_node *n, size_t i,
    const size_t (*in)[4], const size_t out[4])
{
	const struct conv_args *a = n->args;

	if (i > 0)
		return det_op_bn_weight(t, &a->norm, i - 1, out[1]);
	t->rank = 4;
	t->dims[0] = out[1];
	t->dims[1] = in[0][1] / (size_t)a->groups;
	t->dims[2] = (size_t)a->k[0];
	t->dims[3] = (size_t)a->k[1];
	return "weight";
}

static enum det_err
conv_affine(double *s, double *t, const struct det_node *n, const float *const *weight,
    size_t c)
{
	const struct conv_args *a = n->args;

	return det_op_bn_affine(s, t, &a->norm, weight + 1, c);
}

static struct det_conv
problem(const struct det_node *n, const size_t in[4], const size_t out[4])
{
	const struct conv_args *a = n->args;

	return (struct det_conv){
		.n = in[0],
		.c = in[1],
		.h = in[2],
		.w = in[3],
		.k = out[1],
		.kh = (size_t)a->k[0],
		.kw = (size_t)a->k[1],
		.oh = out[2],
		.ow = out[3],
		.stride_y = (size_t)a->stride[0],
		.stride_x = (size_t)a->stride[1],
		.dilate_y = (size_t)a->dilate[0],
		.dilate_x = (size_t)a->dilate[1],
		.pad_top = (size_t)a->pad[0],
		.pad_left = (size_t)a->pad[1],
		.pad_bottom = (size_t)a->pad[2],
		.pad_right = (size_t)a->pad[3],
		.groups = (size_t)a->groups,
		.act = (enum det_act)a->act.act,
		.alpha = (float)a->act.alpha,
	};
}

/* The same, in a way. */
static struct det_conv
problem_way(const struct det_node *n, const size_t in[4], const size_t out[4],
    const struct det_op_way *way, int threads)
{
	struct det_conv c = problem(n, in, out);

	c.in_layout = way->in;
	c.out_layout = way->out;
	c.algo = way->algo;
	c.packed = det_conv_packed_bytes(&c, threads) > 0;
	return c;
}

/* The cheapest algorithm between two layouts; 0: none can. */
static int
find_way(struct det_op_way *way, struct det_conv *c, enum det_conv_algo algo)
{
	int a, found = 0;

	c->in_layout = way->in;
	c->out_layout = way->out;
	for (a = DET_CONV_AUTO + 1; a < DET_CONV_ALGOS; a++) {
		double cost;

		if ((algo != DET_CONV_AUTO && a != (int)algo) ||
		    (c->direct && a >= DET_CONV_WINO2 && a <= DET_CONV_WINO6) ||
		    !det_conv_can(c, (enum det_conv_algo)a))
			continue;
		cost = det_conv_cost(c, (enum det_conv_algo)a, 1); /* as conv.c does */
		if (found && !(cost < way->cost))
			continue;
		way->algo = (enum det_conv_algo)a;
		way->cost = cost;
		found = 1;
	}
	return found;
}

static size_t
conv_list(struct det_op_way way[DET_OP_WAYS], const struct det_node *n,
    const size_t (*in)[4], const size_t out[4], enum det_conv_algo algo, int exact)
{
	static const enum det_layout from[] = { DET_PLAIN, DET_PLAIN, DET_BLOCKED,
		DET_BLOCKED };
	static const enum det_layout to[] = { DET_PLAIN, DET_BLOCKED, DET_PLAIN,
		DET_BLOCKED };
	struct det_conv c = problem(n, in[0], out);
	size_t i, count = 0;

	c.direct = exact;
	for (i = 0; i < DET_OP_WAYS; i++) {
		way[count] = (struct det_op_way){ .in = from[i], .out = to[i] };
		if (find_way(&way[count], &c, algo))
			count++;
	}
	if (!count && algo != DET_CONV_AUTO)
		return conv_list(way, n, in, out, DET_CONV_AUTO, exact);
	return count;
}

static size_t
conv_packed(const struct det_node *n, const size_t (*in)[4], const size_t out[4],
    const struct det_op_way *way, int threads)
{
	struct det_conv c = problem_way(n, in[0], out, way, threads);

	return det_conv_packed_bytes(&c, threads);
}

static void
conv_pack(float *packed, const float *weight, const struct det_node *n,
    const size_t (*in)[4], const size_t out[4], const struct det_op_way *way,
    int threads)
{
	struct det_conv c = problem_way(n, in[0], out, way, threads);

	det_conv_pack(&c, packed, weight, threads);
}

static size_t
conv_scratch(const struct det_node *n, const size_t (*in)[4], const size_t out[4],
    const struct det_op_way *way, int threads)
{
	struct det_conv c = problem_way(n, in[0], out, way, threads);

	return det_conv_scratch(&c, threads);
}

static const char *
conv_algorithm(const struct det_node *n, const size_t (*in)[4], const size_t out[4],
    const struct det_op_way *way, int threads)
{
	struct det_conv c = problem_way(n, in[0], out, way, threads);

	return det_conv_algorithm(&c, threads);
}

static double
conv_flop(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	const struct conv_args *a = n->args;

	return 2.0 * (double)out[0] * (double)out[1] * (double)out[2] * (double)out[3] *
	       (double)(in[0][1] / (size_t)a->groups) * (double)a->k[0] *
	       (double)a->k[1];
}

static void
conv_run(const struct det_op_run *r)
{
	struct det_conv c =
	    problem_way(r->node, r->in_dims[0], r->out_dims, r->way, r->threads);

	c.act = r->act;
	c.alpha = r->alpha;
	c.packed = r->packed != NULL;
	det_conv_run(&c, r->out, r->in[0], c.packed ? r->packed : r->weight[0],
	    r->scale, r->shift, r->residual, r->scratch, r->threads);
}

static const struct det_op_ways conv_ways = {
	.list = conv_list,
	.packed = conv_packed,
	.pack = conv_pack,
	.scratch = conv_scratch,
	.algorithm = conv_algorithm,
};

/* --- training: nn/conv_back.h, nn/bn_end.h --- */

static size_t
conv_saved(const struct det_node *n, const size_t (*in)[4], const size_t out[4])
{
	const struct conv_args *a = n->args;

	(void)in;
	return det_bn_end_saved(&a->norm, out);
}

static size_t
conv_back_scratch(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4], int threads)
{
	struct det_conv c = problem(n, in[0], out);
	size_t run = det_conv_scratch(&c, threads);
	size_t back = det_conv_back_scratch(&c, threads);

	return run > back ? run : back;
}

static void
conv_train(const struct det_op_train *t)
{
	const struct det_op_run *r = &t->run;
	const struct conv_args *a = r->node->args;
	struct det_conv c = problem(r->node, r->in_dims[0], r->out_dims);
	struct det_bn_end end = det_bn_end_product(&a->norm, t);

	c.act = end.act;
	c.alpha = r->alpha;
	det_conv_run(&c, end.to, r->in[0], r->weight[0], NULL, end.shift, NULL,
	    r->scratch, r->threads);
	det_bn_end_forward(&a->norm, t);
}

static void
conv_backward(const struct det_op_back *b)
{
	const struct conv_args *a = b->node->args;
	struct det_conv c = problem(b->node, b->in_dims[0], b->out_dims);

	det_bn_end_backward(&a->norm, b);
	det_conv_back_run(&c, b->in_grad[0], b->fresh[0], b->weight_grad[0],
	    b->out_grad, b->in[0], b->weight[0], b->scratch, b->threads);
}

const struct det_op det_op_conv = {
	.name = "conv",
	.traits = DET_OP_ACT | DET_OP_FOLDS | DET_OP_RESIDUAL | DET_OP_SETS,
	.in_lo = 1,
	.in_hi = 1,
	.args_size = sizeof(struct conv_args),
	.keys = conv_keys,
	.fixed_act = -1,
	.shape = conv_shape,
	.weight = conv_weight,
	.affine = conv_affine,
	.ways = &conv_ways,
	.flop = conv_flop,
	.run = conv_run,
	.backward = conv_backward,
	.back_scratch = conv_back_scratch,
	.train_saved = conv_saved,
	.train_forward = conv_train,
};
