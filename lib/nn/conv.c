/* SPDX-License-Identifier: MIT
 *
 * The choice among the ways to compute a convolution.
 *
 * Each way has a modelled cost, in microseconds: what it multiplies and what it moves, by
 * the constants of conv_cost.c. It takes certain layouts and its weights packed in a certain
 * form; where a caller has others, det_conv_run converts in scratch memory, and the choice
 * counts that. Nothing is timed, so that the same problem is always computed in the same way.
 */
#include "nn/conv.h"

#include <string.h>

#include "base/mem.h"
#include "base/size.h"
#include "nn/conv_algo.h"
#include "nn/gemm.h"

/* Each output channel sees one input channel, and few outputs share it. */
static int
is_depthwise(const struct det_conv *c)
{
	return c->c == c->groups && c->k / c->groups <= 4 && c->c > 1;
}

/* The kernel covers all of the image: each output is one product of a row of weights with
 * all inputs, as they lie. */
static int
is_connected(const struct det_conv *c)
{
	return c->oh == 1 && c->ow == 1 && c->kh == c->h && c->kw == c->w &&
	       c->groups == 1 && !c->pad_top && !c->pad_left &&
	       (c->dilate_y == 1 || c->kh == 1) && (c->dilate_x == 1 || c->kw == 1);
}

static int
is_plain(const struct det_conv *c)
{
	return c->in_layout == DET_PLAIN && c->out_layout == DET_PLAIN;
}

/* --- the ways ----------------------------------------------------------------------- */

/* One way to compute it: conv_algo.h says what the functions do. packed and pack are NULL
 * where weights are read as they lie. */
struct way {
	const char *name;
	int (*can)(const struct det_conv *c);
	double (*cost)(const struct det_conv *c, int threads);
	size_t (*packed)(const struct det_conv *c, int threads);
	void (*pack)(
	    const struct det_conv *c, float *packed, const float *weight, int threads);
	size_t (*scratch)(const struct det_conv *c, int threads);
	void (*run)(const struct det_conv *c, float *out, const float *in,
	    const float *weight, const struct det_epilogue *e, void *scratch,
	    int threads);
	int raw; /* runs on weights as they lie too, though it would have them packed */
};

static double
gemm_cost(const struct det_conv *c, int threads)
{
	const struct det_costs *k = det_costs();
	size_t cols = c->oh * c->ow, rows = c->k / c->groups;
	double depth = (double)(c->c / c->groups * c->kh * c->kw);
	double jobs = (double)(c->n * c->groups);
	double wide = (double)(det_round_up(cols, DET_BLOCK) / DET_BLOCK);
	/* two dozen sums are kept at once; rows that fill no tile leave waits */
	double sums = jobs * (double)det_round_up(rows, 4) * wide;
	double weights = depth * (double)c->k / DET_BLOCK;
	double t = sums * depth * k->fma * 1.15 + sums * k->line / 2;

	/* columns are packed, of 1x1 just copied */
	t += jobs * depth * wide * k->line * (c->kh * c->kw > 1 ? .5 : .25);
	t += jobs * 60 * k->fma;
	return (t > weights * k->memory ? t : weights * k->memory) / threads + k->loop;
}

static int
fc_can(const struct det_conv *c)
{
	return is_plain(c) && is_connected(c);
}

static double
fc_cost(const struct det_conv *c, int threads)
{
	const struct det_costs *k = det_costs();
	double lines =
	    (double)(c->k * c->c * c->kh * c->kw) / DET_BLOCK + (double)c->k / 4;
	double sums = lines * (double)c->n * k->fma * 1.2;

	return (sums > lines * k->memory ? sums : lines * k->memory) / threads +
	       k->loop;
}

static size_t
fc_scratch(const struct det_conv *c, int threads)
{
	size_t fc = det_fc_scratch(c->n, c->k, c->c * c->kh * c->kw, threads);
	size_t gemm = det_conv_gemm_scratch(c, threads);

	return fc > gemm ? fc : gemm;
}

static void
fc_run(const struct det_conv *c, float *out, const float *in, const float *weight,
    const struct det_epilogue *e, void *scratch, int threads)
{
	if (e->residual) /* it is a plain product after all */
		det_conv_gemm_run(c, out, in, weight, e, scratch, threads);
	else
		det_fc_run(out, in, weight, e->scale, e->shift, c->n, c->k,
		    c->c * c->kh * c->kw, e->act, e->alpha, scratch, threads);
}

/* Depthwise there is for both layouts. */
static int
depthwise_can(const struct det_conv *c)
{
	return is_plain(c) ? is_depthwise(c) : det_depthwise_can(c);
}

static double
depthwise_cost(const struct det_conv *c, int threads)
{
	const struct det_costs *k = det_costs();
	double lines = (double)(c->n * c->k * c->oh) *
		       (double)(det_round_up(c->ow, DET_BLOCK) / DET_BLOCK);

	if (!is_plain(c))
		return det_depthwise_cost(c, threads);
	return lines * ((double)(c->kh * c->kw) * 2 * k->fma + 3 * k->line) / threads +
	       k->loop;
}

static size_t
depthwise_packed(const struct det_conv *c, int threads)
{
	(void)threads;
	return is_plain(c) ? 0 : det_depthwise_packed(c);
}

static size_t
depthwise_scratch(const struct det_conv *c, int threads)
{
	return is_plain(c) ? det_conv_depthwise_scratch(c, threads)
			   : det_depthwise_scratch(c, threads);
}

static void
depthwise_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	if (is_plain(c))
		det_conv_depthwise_run(c, out, in, weight, e, scratch, threads);
	else
		det_depthwise_run(c, out, in, weight, e, scratch, threads);
}

static size_t
direct_packed(const struct det_conv *c, int threads)
{
	(void)threads;
	return det_direct_packed(c);
}

#define WINOGRAD(m)                                                                    \
	static int wino##m##_can(const struct det_conv *c)                             \
	{                                                                              \
		return det_wino_can(c, m);                                             \
	}                                                                              \
	static double wino##m##_cost(const struct det_conv *c, int threads)            \
	{                                                                              \
		return det_wino_cost(c, m, threads);                                   \
	}                                                                              \
	static size_t wino##m##_packed(const struct det_conv *c, int threads)          \
	{                                                                              \
		return det_wino_packed(c, m, threads);                                 \
	}                                                                              \
	static void wino##m##_pack(                                                    \
	    const struct det_conv *c, float *packed, const float *weight, int threads) \
	{                                                                              \
		det_wino_pack(c, m, packed, weight, threads);                          \
	}                                                                              \
	static size_t wino##m##_scratch(const struct det_conv *c, int threads)         \
	{                                                                              \
		return det_wino_scratch(c, m, threads);                                \
	}                                                                              \
	static void wino##m##_run(const struct det_conv *c, float *out,                \
	    const float *in, const float *weight, const struct det_epilogue *e,        \
	    void *scratch, int threads)                                                \
	{                                                                              \
		det_wino_run(c, m, out, in, weight, e, scratch, threads);              \
	}
WINOGRAD(2)
WINOGRAD(4)
WINOGRAD(6)

static const struct way ways[DET_CONV_ALGOS] = {
	[DET_CONV_AUTO] = { .name = "auto" },
	[DET_CONV_GEMM] = { "gemm", is_plain, gemm_cost, NULL, NULL,
	    det_conv_gemm_scratch, det_conv_gemm_run, 0 },
	[DET_CONV_DIRECT] = { "direct", det_direct_can, det_direct_cost, direct_packed,
	    det_direct_pack, det_direct_scratch, det_direct_run, 0 },
	[DET_CONV_WINO2] = { "winograd2", wino2_can, wino2_cost, wino2_packed,
	    wino2_pack, wino2_scratch, wino2_run, 1 },
	[DET_CONV_WINO4] = { "winograd4", wino4_can, wino4_cost, wino4_packed,
	    wino4_pack, wino4_scratch, wino4_run, 1 },
	[DET_CONV_WINO6] = { "winograd6", wino6_can, wino6_cost, wino6_packed,
	    wino6_pack, wino6_scratch, wino6_run, 1 },
	[DET_CONV_DEPTHWISE] = { "depthwise", depthwise_can, depthwise_cost,
	    depthwise_packed, det_depthwise_pack, depthwise_scratch, depthwise_run, 0 },
	[DET_CONV_FC] = { "fc", fc_can, fc_cost, NULL, NULL, fc_scratch, fc_run, 0 },
};

const char *
det_conv_algo_name(enum det_conv_algo algo)
{
	return ways[algo].name;
}

int
det_conv_algo_find(const char *name)
{
	int i;

	for (i = 0; i < DET_CONV_ALGOS; i++)
		if (strcmp(ways[i].name, name) == 0)
			return i;
	return -1;
}

int
det_conv_can(const struct det_conv *c, enum det_conv_algo algo)
{
	return algo == DET_CONV_AUTO || ways[algo].can(c);
}

double
det_conv_cost(const struct det_conv *c, enum det_conv_algo algo, int threads)
{
	return ways[algo].cost(c, threads);
}

/* --- the choice --------------------------------------------------------------------- */

/* A problem as one way takes it: with its algorithm, and layouts that may have to be
 * converted from and to the caller's. */
struct choice {
	struct det_conv c;
	double cost;
};

/* Floats of the input or the output in a layout. */
static size_t
floats_in(const struct det_conv *c, enum det_layout layout)
{
	return det_layout_floats(layout, (const size_t[4]){ c->n, c->c, c->h, c->w });
}

static size_t
floats_out(const struct det_conv *c, enum det_layout layout)
{
	return det_layout_floats(layout, (const size_t[4]){ c->n, c->k, c->oh, c->ow });
}

/* Of the conversions and of the packing that such a call has to do itself. */
static double
extra_cost(const struct det_conv *asked, const struct det_conv *taken)
{
	const struct det_costs *k = det_costs();
	const struct way *w = &ways[taken->algo];
	double t = 0;

	if (asked->in_layout != taken->in_layout)
		t += 2. * (double)(floats_in(taken, DET_BLOCKED) / DET_BLOCK) * k->line;
	if (asked->out_layout != taken->out_layout)
		t +=
		    3. * (double)(floats_out(taken, DET_BLOCKED) / DET_BLOCK) * k->line;
	if (!asked->packed && w->packed)
		t += 3. * (double)(w->packed(taken, 1) / 64) * k->memory;
	return t;
}

/* The least cost of one algorithm in whatever layouts; 0 where it can't. Costs are those of
 * one thread, however many there are: another choice would be another rounding, and results
 * would depend on -j. */
static int
cheapest_layouts(struct choice *best, const struct det_conv *asked, int algo)
{
	struct choice t = { .c = *asked };
	int in, out, found = 0;

	t.c.algo = (enum det_conv_algo)algo;
	for (in = DET_PLAIN; in <= DET_BLOCKED; in++)
		for (out = DET_PLAIN; out <= DET_BLOCKED; out++) {
			t.c.in_layout = (enum det_layout)in;
			t.c.out_layout = (enum det_layout)out;
			if (!ways[algo].can(&t.c))
				continue;
			t.cost = ways[algo].cost(&t.c, 1) + extra_cost(asked, &t.c);
			if (!found || t.cost < best->cost)
				*best = t;
			found = 1;
		}
	return found;
}

static struct choice
choose(const struct det_conv *c)
{
	struct choice best = { .c = *c }, t;
	int algo, found = 0;

	if (c->algo != DET_CONV_AUTO && cheapest_layouts(&best, c, (int)c->algo))
		return best;
	for (algo = DET_CONV_AUTO + 1; algo < DET_CONV_ALGOS; algo++) {
		if (c->direct && algo >= DET_CONV_WINO2 && algo <= DET_CONV_WINO6)
			continue;
		if (cheapest_layouts(&t, c, algo) && (!found || t.cost < best.cost))
			best = t, found = 1;
	}
	return best; /* DET_CONV_GEMM can always */
}

enum det_conv_algo
det_conv_choose(const struct det_conv *c)
{
	return choose(c).c.algo;
}

const char *
det_conv_algorithm(const struct det_conv *c, int threads)
{
	struct choice t = choose(c);

	if (t.c.algo == DET_CONV_GEMM)
		return det_conv_gemm_name(&t.c, threads);
	if (t.c.algo == DET_CONV_DIRECT)
		return det_direct_name(&t.c);
	return det_conv_algo_name(t.c.algo);
}

/* What is chosen when weights are prepared: the same however `packed` is set. */
static struct det_conv
packed_choice(const struct det_conv *c)
{
	struct det_conv p = *c;

	p.packed = 1;
	return choose(&p).c;
}

size_t
det_conv_packed_bytes(const struct det_conv *c, int threads)
{
	struct det_conv p = packed_choice(c);
	const struct way *w = &ways[p.algo];

	return w->packed ? w->packed(&p, threads) : 0;
}

void
det_conv_pack(const struct det_conv *c, float *packed, const float *weight, int threads)
{
	struct det_conv p = packed_choice(c);
	const struct way *w = &ways[p.algo];

	if (w->packed && w->packed(&p, threads))
		w->pack(&p, packed, weight, threads);
}

/* --- the run ------------------------------------------------------------------------ */

/* Bytes of scratch memory: the input, the output (and the residual's place), the weights as
 * the way wants them, then its own. */
struct room {
	size_t in, out, weight, scale, way;
};

static struct room
room_of(const struct det_conv *asked, const struct det_conv *taken, int threads)
{
	const struct way *w = &ways[taken->algo];
	struct room r = { 0 };

	if (asked->in_layout != taken->in_layout)
		r.in = det_pad(floats_in(taken, taken->in_layout) * sizeof(float));
	if (asked->out_layout != taken->out_layout)
		r.out = det_pad(floats_out(taken, taken->out_layout) * sizeof(float));
	if (!asked->packed && w->packed && !w->raw)
		r.weight = det_pad(w->packed(taken, threads));
	if (asked->out_layout == DET_PLAIN && taken->out_layout == DET_BLOCKED)
		r.scale = det_blocked_channels(taken->k) * sizeof(float);
	r.way = w->scratch(taken, threads);
	return r;
}

size_t
det_conv_scratch(const struct det_conv *c, int threads)
{
	struct choice t = choose(c);
	struct room r = room_of(c, &t.c, threads);

	return r.in + r.out + r.weight + 2 * r.scale + r.way;
}

/* A map in the layout that it has not. */
static void
convert(float *to, const float *from, enum det_layout layout, size_t n, size_t c,
    size_t hw, int threads)
{
	if (layout == DET_BLOCKED)
		det_layout_block(to, from, n, c, hw, threads);
	else
		det_layout_plain(to, from, n, c, hw, threads);
}

/* A vector of channels with the lanes of no channel. */
static const float *
fill_up(float *to, const float *v, size_t k)
{
	size_t i;

	if (!v)
		return NULL;
	for (i = 0; i < k; i++)
		to[i] = v[i];
	for (; i < det_blocked_channels(k); i++)
		to[i] = 0;
	return to;
}

void
det_conv_run(const struct det_conv *c, float *out, const float *in, const float *weight,
    const float *scale, const float *shift, const float *residual, void *scratch,
    int threads)
{
	struct choice t = choose(c);
	const struct way *w = &ways[t.c.algo];
	struct room r = room_of(c, &t.c, threads);
	char *at = scratch;
	float *to = out;
	struct det_epilogue e = { .scale = scale,
		.shift = shift,
		.residual = residual,
		.act = c->act,
		.alpha = c->alpha };

	if (r.in) {
		convert((float *)(void *)at, in, t.c.in_layout, c->n, c->c, c->h * c->w,
		    threads);
		in = (const float *)(const void *)at;
	}
	at += r.in;
	if (r.out) {
		to = (float *)(void *)at;
		if (residual) { /* where the sums will lie */
			convert(to, residual, t.c.out_layout, c->n, c->k, c->oh * c->ow,
			    threads);
			e.residual = to;
		}
	}
	at += r.out;
	if (r.weight) {
		w->pack(&t.c, (float *)(void *)at, weight, threads);
		weight = (const float *)(const void *)at;
		t.c.packed = 1;
	}
	at += r.weight;
	if (r.scale) {
		e.scale = fill_up((float *)(void *)at, scale, c->k);
		e.shift = fill_up((float *)(void *)(at + r.scale), shift, c->k);
	}
	at += 2 * r.scale;
	w->run(&t.c, to, in, weight, &e, at, threads);
	if (r.out)
		convert(out, to, c->out_layout, c->n, c->k, c->oh * c->ow, threads);
}
