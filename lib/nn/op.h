/* SPDX-License-Identifier: MIT
 *
 * What an operator is: its keys, its shape rule, its weights, its forward pass. Private to
 * lib/nn; formats/net.md says what each computes.
 *
 * Dims are (N,C,H,W). Where a network is checked before its input is known, a dim of 0
 * means "not known yet", and a shape rule passes it on.
 */
#ifndef DET_OP_H
#define DET_OP_H

#include <stddef.h>

#include "base/tensor.h"
#include "nn/conv.h"

#define DET_OP_MAX_IN 64
#define DET_MAX_DIM   ((size_t)1 << 31)
/* Floats between the rows that threads write, so that no two share a cache line. */
#define DET_OP_ROW_PAD 32

enum det_key_kind {
	DET_KEY_END,
	DET_KEY_INT,    /* long */
	DET_KEY_PAIR,   /* long[2]: vertical, horizontal; one number sets both */
	DET_KEY_SIDES,  /* long[4]: top, left, bottom, right; or one, or two numbers */
	DET_KEY_TRIPLE, /* long[3] */
	DET_KEY_NUM,    /* double */
	DET_KEY_CHOICE, /* int, the index of a word */
	DET_KEY_FLAG,   /* int, 0 or 1; may be given without a value */
};

struct det_key {
	const char *name;
	enum det_key_kind kind;
	size_t at;           /* offset in the operator's arguments */
	double lo, hi, dflt; /* NAN as default: required */
	const char *const *choices;
	int bare; /* choice that the key without a value means; -1: it needs a value */
};

/* clang-format off */
#define DET_KEY_I(n, s, f, lo, hi, d) { n, DET_KEY_INT, offsetof(struct s, f), lo, hi, d, NULL, -1 }
#define DET_KEY_2(n, s, f, lo, hi, d) { n, DET_KEY_PAIR, offsetof(struct s, f), lo, hi, d, NULL, -1 }
#define DET_KEY_3(n, s, f, lo, hi, d) { n, DET_KEY_TRIPLE, offsetof(struct s, f), lo, hi, d, NULL, -1 }
#define DET_KEY_4(n, s, f, lo, hi, d) { n, DET_KEY_SIDES, offsetof(struct s, f), lo, hi, d, NULL, -1 }
#define DET_KEY_D(n, s, f, lo, hi, d) { n, DET_KEY_NUM, offsetof(struct s, f), lo, hi, d, NULL, -1 }
#define DET_KEY_C(n, s, f, c, d, b)   { n, DET_KEY_CHOICE, offsetof(struct s, f), 0, 0, d, c, b }
#define DET_KEY_F(n, s, f)            { n, DET_KEY_FLAG, offsetof(struct s, f), 0, 1, 0, NULL, 1 }
#define DET_KEY_LAST                  { NULL, DET_KEY_END, 0, 0, 0, 0, NULL, -1 }
/* The two keys of every operator with an activation; its arguments begin with act_args. */
#define DET_KEYS_ACT(s) \
	DET_KEY_C("act", s, act.act, det_act_names, 0, -1), \
	DET_KEY_D("alpha", s, act.alpha, 0, 10, .1)
/* Those of a layer that adds a bias and normalises; a struct det_bn_args called norm. */
#define DET_KEYS_BN(s) \
	DET_KEY_I("bias", s, norm.bias, 0, 1, -1), \
	DET_KEY_C("bn", s, norm.bn, det_bn_forms, DET_BN_NONE, DET_BN_STANDARD), \
	DET_KEY_D("eps", s, norm.eps, 0, 1, -1)
/* clang-format on */

extern const char *const det_act_names[];
extern const char *const det_bn_forms[]; /* none, standard, darknet */

enum { DET_BN_NONE, DET_BN_STANDARD, DET_BN_DARKNET };

struct det_act_args {
	int act; /* enum det_act */
	double alpha;
};

/* Of a layer with a bias and batch normalisation behind its sum. */
struct det_bn_args {
	long bias;  /* -1: where there is no batch normalisation */
	int bn;     /* DET_BN_... */
	double eps; /* -1: what the form has by default */
};

/* Arguments of an operator that has no others. */
struct det_op_act_args {
	struct det_act_args act;
};

struct det_op;

/* A layer, or (op == NULL) an input of the network. */
struct det_node {
	char *name; /* full, blocks expanded */
	const struct det_op *op;
	int line; /* in the text, for messages */
	size_t n_in;
	size_t *in; /* indices of nodes, each less than this one's */
	void *args;
	size_t dims[4]; /* as far as the text alone settles them */
	char *
	    weights; /* the layer, or stored name, whose weights it takes; NULL: its own */
	size_t weight, n_weights; /* its weights among the net's uses */
};

/* What one execution gets. All pointers are to floats in (N,C,H,W). */
struct det_op_run {
	const struct det_node *node;
	size_t n_in;
	const float *const *in;
	const size_t (*in_dims)[4];
	float *out;
	const size_t *out_dims;
	const float *const *weight; /* in the order of det_op.weight */
	/* What was folded into the step: out = act(scale[c] * x + shift[c] + residual).
	 * scale, shift and residual may be NULL. */
	const float *scale, *shift, *residual;
	enum det_act act;
	float alpha;
	void *scratch;
	int threads;
	int blocked; /* maps are (N, ceil(C/16), H, W, 16); dims stay (N,C,H,W) */
	/* Of an operator with `ways`: the one to go, and what its pack made of weight[0]
	 * (NULL: nothing; the weights are as they lie). */
	const struct det_op_way *way;
	const float *packed;
};

/* A way to run a layer. */
struct det_op_way {
	enum det_layout in,
	    out; /* of the maps that it reads; of the output, residual */
	enum det_conv_algo algo; /* of an operator with `ways` */
	double cost;             /* modelled microseconds */
};

enum { DET_OP_WAYS = 4 };

/* Of an operator that chooses among algorithms. */
struct det_op_ways {
	/* Those that are possible, at most one for each pair of layouts; how many. Only
	 * `algo`, if it is not AUTO, wherever that is possible at all; exact: no
	 * Winograd. */
	size_t (*list)(struct det_op_way way[DET_OP_WAYS], const struct det_node *n,
	    const size_t (*in)[4], const size_t out[4], enum det_conv_algo algo,
	    int exact);
	/* Bytes that this way wants weight[0] packed in; 0: it takes it as it lies. */
	size_t (*packed)(const struct det_node *n, const size_t (*in)[4],
	    const size_t out[4], const struct det_op_way *way, int threads);
	void (*pack)(float *packed, const float *weight, const struct det_node *n,
	    const size_t (*in)[4], const size_t out[4], const struct det_op_way *way,
	    int threads);
	/* As det_op's, for a way; with its weights packed where it wants that. */
	size_t (*scratch)(const struct det_node *n, const size_t (*in)[4],
	    const size_t out[4], const struct det_op_way *way, int threads);
	const char *(*algorithm)(const struct det_node *n, const size_t (*in)[4],
	    const size_t out[4], const struct det_op_way *way, int threads);
};

enum {
	DET_OP_ACT = 1,       /* ends with run->act; its args begin with det_act_args */
	DET_OP_ACTIVATES = 2, /* is an activation and nothing else */
	DET_OP_AFFINE = 4,    /* is scale[c] * x + shift[c] and an activation */
	DET_OP_FOLDS = 8,     /* applies run->scale and run->shift */
	DET_OP_RESIDUAL = 16, /* applies run->residual */
	DET_OP_INPLACE = 32,  /* out may be any input of the same shape */
	DET_OP_ADDS = 64,     /* is the plain sum of its inputs and an activation */
	DET_OP_JOINS = 128,   /* concatenates channels; skips inputs already in place */
	DET_OP_LIKE = 256,    /* reads its first input; of others only the shape */
	DET_OP_SETS = 512,    /* backward heeds `fresh` */
};

/* What a backward call gets, for one layer that ran on its own (nothing folded into it).
 * Maps are plain. Everything is added to (+=), except where noted. */
struct det_op_back {
	const struct det_node *node;
	size_t n_in;
	const float *const *in; /* values, as forward saw them */
	const size_t (*in_dims)[4];
	const float *out; /* after the activation */
	const size_t *out_dims;
	/* Gradient of the loss by out. For DET_OP_ACT layers the caller has turned it into
	 * that before the activation already. May be overwritten. */
	float *out_grad;
	float *const *in_grad; /* NULL where not wanted */
	/* Of DET_OP_SETS alone: in_grad[k] holds nothing yet and is to be set. Inputs that
	 * are the same are fresh at the first only. */
	unsigned char fresh[DET_OP_MAX_IN];
	const float *const *weight;
	float *const *weight_grad; /* NULL where frozen */
	const float *saved;        /* what train_forward kept, or NULL */
	void *scratch;
	int threads;
	/* Batch norm: by running statistics (also after a run as inference); Darknet's form,
	 * as det_op_train has it. */
	int frozen, darknet;
};

/* A forward run in training: det_op_run with what only training needs. */
struct det_op_train {
	struct det_op_run run; /* scale, shift, residual NULL; act the layer's own */
	float *const *moved;   /* weights that may be moved (running statistics) */
	float *saved;          /* train_saved floats */
	int train, frozen;
	double momentum;         /* of batch norm */
	int darknet;             /* its form */
	unsigned long long seed; /* of this layer in this run */
};

struct det_op {
	const char *name;
	unsigned traits;
	size_t in_lo, in_hi;
	size_t args_size;
	const struct det_key *keys;
	int fixed_act; /* of relu and its like; -1 */

	/* Relations between keys that ranges can't say; NULL: none. */
	enum det_err (*check)(const struct det_node *n);
	enum det_err (*shape)(
	    size_t out[4], const struct det_node *n, const size_t (*in)[4]);
	/* The i-th weight's suffix and shape (0 = not known yet), NULL past the last. */
	const char *(*weight)(struct det_tensor *shape, const struct det_node *n,
	    size_t i, const size_t (*in)[4], const size_t out[4]);
	/* Composes the layer's own affine map after (s, t): s, t of c channels become
	 * those of layer(s * x + t). DET_INVALID where a scale is not finite. */
	enum det_err (*affine)(double *s, double *t, const struct det_node *n,
	    const float *const *weight, size_t c);
	/* Whether the output is memory of the first input, from *at (in floats) on. */
	int (*view)(size_t *at, const struct det_node *n, const size_t in[4],
	    const size_t out[4]);
	/* Whether it runs with all inputs and the output blocked (nn/layout.h); NULL: never.
	 * Such a run is told by det_op_run.blocked. */
	int (*blocked)(
	    const struct det_node *n, const size_t (*in)[4], const size_t out[4]);
	/* Of an operator with several algorithms; then `blocked`, `scratch` and `algorithm`
	 * are not asked. */
	const struct det_op_ways *ways;
	size_t (*scratch)(const struct det_node *n, const size_t (*in)[4],
	    const size_t out[4], int threads);
	const char *(*algorithm)(const struct det_node *n, const size_t (*in)[4],
	    const size_t out[4], int threads);
	double (*flop)(
	    const struct det_node *n, const size_t (*in)[4], const size_t out[4]);
	/* Nothing to fail: shapes and weights were checked when the run was planned. */
	void (*run)(const struct det_op_run *r);

	/* Training (nn/grad.h). NULL backward: the layer has none and its net can't be
	 * trained through it. train_forward NULL: `run` is the same in training. */
	void (*backward)(const struct det_op_back *b);
	size_t (*back_scratch)(const struct det_node *n, const size_t (*in)[4],
	    const size_t out[4], int threads); /* bytes; for train_forward too */
	size_t (*train_saved)(
	    const struct det_node *n, const size_t (*in)[4], const size_t out[4]);
	void (*train_forward)(const struct det_op_train *t);
};

/* How many of a layer's inputs are read. */
static inline size_t
det_op_reads(const struct det_node *n)
{
	return n->op->traits & DET_OP_LIKE ? 1 : n->n_in;
}

/* NULL where there is none. */
const struct det_op *det_op_find(const char *name, size_t len);

/* The operators, each in the file of its family. */
extern const struct det_op det_op_conv, det_op_local, det_op_fc, det_op_maxpool,
    det_op_avgpool, det_op_upsample, det_op_concat, det_op_slice, det_op_add,
    det_op_reorg, det_op_softmax, det_op_act, det_op_relu, det_op_relu6, det_op_leaky,
    det_op_sigmoid, det_op_mish, det_op_silu, det_op_bn, det_op_scale, det_op_l2norm,
    det_op_groupnorm, det_op_lrn, det_op_dropout, det_op_flatten, det_op_reshape,
    det_op_permute, det_op_crop;

/* floor((in + before + after - dilate*(k-1) - 1) / stride) + 1; 0 stays 0. */
enum det_err det_op_window(size_t *out, const char *side, size_t in, size_t before,
    size_t after, size_t k, size_t stride, size_t dilate) DET_MUST_USE;

/* out = in, for operators that keep the shape. */
enum det_err det_op_same(
    size_t out[4], const struct det_node *n, const size_t (*in)[4]);

/* Yes: for operators that do the same to each value, or to each channel. */
int det_op_blocked_always(
    const struct det_node *n, const size_t (*in)[4], const size_t out[4]);

/* Floats of the output in its layout. */
size_t det_op_floats(const struct det_op_run *r);

/* to = from, n floats, in threads; nothing where they are the same. */
void det_op_copy(float *to, const float *from, size_t n, int threads);

/* to += from, n floats, in threads. */
void det_op_add_to(float *to, const float *from, size_t n, int threads);

/* Backward of operators that hand their first input's values on: in_grad[0] += out_grad. */
void det_op_back_same(const struct det_op_back *b);

/* C*H*W, 0 where not known. Overflow was excluded when the input's shape was set. */
size_t det_op_chw(const size_t d[4]);

/* Composes batch normalisation after (s, t), each of c channels: w is gamma, beta, mean and
 * variance; eps -1 is the form's default, 1e-5 or Darknet's 1e-6. */
enum det_err det_op_bn_compose(double *s, double *t, const float *const *w, size_t c,
    int form, double eps) DET_MUST_USE;

int det_op_has_bias(const struct det_bn_args *a);

/* The i-th of the vectors that det_bn_args ask for, of c channels: its suffix and shape,
 * NULL past the last. */
const char *det_op_bn_weight(
    struct det_tensor *shape, const struct det_bn_args *a, size_t i, size_t c);
/* Composes them, w in that order, after (s, t). */
enum det_err det_op_bn_affine(double *s, double *t, const struct det_bn_args *a,
    const float *const *w, size_t c) DET_MUST_USE;

/* y = act(x) over n floats, in threads; y may be x. */
void det_op_activate(
    float *y, const float *x, size_t n, enum det_act act, float alpha, int threads);

#endif
