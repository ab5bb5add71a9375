/* SPDX-License-Identifier: MIT
 *
 * Direct convolution of blocked maps (nn/layout.h): for each image and group
 *
 *   out (P,K) = sum over taps t of in_t (P,C) . weight_t (C,K),
 *
 * P = OH * OW pixels, in_t the input's pixels that the outputs see through tap t. These are
 * rows of the product of nn/product.h as they lie, sixteen channels a line, so nothing is
 * copied: a table tells where each output's pixel lies for each tap, and a line of zeros
 * stands for all that is outside the image ("The indirect convolution algorithm", Dukhan,
 * 2019). A 1x1 convolution of stride 1 needs no table.
 *
 * First layers have fewer channels than a block (three) and a plain input. Of it a few rows
 * at a time are copied to scratch memory, padded, with the channels of a pixel side by side:
 * then all that an output sees of one row of the kernel, KW * C floats, lies side by side,
 * and a product of that depth, KH times, is the sum.
 *
 * Work is cut into items, each a chunk of an image's pixels by some panels of weights. A
 * chunk's input should stay in the second cache while the panels pass, and a panel (or, where
 * it is too deep, a part of its depth, with the sums so far in scratch memory) while the
 * chunk's pixels do. Where there are few chunks, the panels are shared out too. How the work
 * is cut changes no sum: each is taken over the depth in one order.
 *
 * Weights are packed (K,C,KH,KW) -> for each group, panels of (tap, channel) rows.
 */
#include "nn/conv_algo.h"

#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/size.h"
#include "nn/block.h"
#include "nn/product.h"

enum {
	INPUT = 384 * 1024, /* bytes of a chunk's input, about */
	PANEL = 448 * 1024, /* bytes of a part of a panel at most */
	TABLE = 64 * 1024,  /* bytes of a chunk's table, about */
	ROWS = 48,          /* pixels of a chunk at least, where there are enough */
	ITEMS = 4,          /* to a thread, or one that is held up holds up all */
	RUN = 64,           /* input channels packed at a time */
	TURNED = 256,       /* weights of an output channel turned at a time */
};

struct plan {
	const struct det_conv *c;
	const struct det_kernels *ker;
	int plain;             /* a first layer */
	int table;             /* rows are told by a table */
	size_t kg, kb, panels; /* output channels of a group, blocks, panels */
	size_t cb;             /* blocks of input channels of a group */
	size_t taps, depth;    /* depth of a panel, in floats */
	size_t part_taps, part_blocks, parts; /* the depth of a part, and how many */
	size_t jobs;                          /* images times groups */
	size_t rows, chunk, chunks;           /* pixels (first layers: lines) */
	size_t share, shares;                 /* panels of an item, items of a chunk */
	size_t line;                          /* floats of a copied line */
	size_t table_bytes, sum_bytes, line_bytes;
};

static int
is_first(const struct det_conv *c)
{
	return c->in_layout == DET_PLAIN;
}

int
det_direct_can(const struct det_conv *c)
{
	if (c->out_layout != DET_BLOCKED)
		return 0;
	if (is_first(c))
		return c->c < DET_BLOCK && c->groups == 1 && c->dilate_x == 1;
	return c->groups == 1 ||
	       (c->c / c->groups % DET_BLOCK == 0 && c->k / c->groups % DET_BLOCK == 0);
}

/* Channels of a tap in the packed weights. Few are packed alike for either layout, so that
 * the same weights serve both. */
static size_t
floats_in(const struct det_conv *c)
{
	return c->c < DET_BLOCK ? c->c : det_blocked_channels(c->c / c->groups);
}

/* What does not depend on the threads. */
static struct plan
shape_of(const struct det_conv *c)
{
	struct plan p = { .c = c, .ker = det_kernels(), .plain = is_first(c) };

	p.kg = c->k / c->groups;
	p.kb = det_blocks(p.kg);
	p.panels = det_ceil_div(p.kb, p.ker->wide);
	p.cb = c->c < DET_BLOCK ? 0 : det_blocks(c->c / c->groups);
	p.taps = c->kh * c->kw;
	p.depth = p.taps * floats_in(c);
	p.jobs = c->n * c->groups;
	p.table = !p.plain &&
		  !(p.taps == 1 && c->stride_y == 1 && c->stride_x == 1 &&
		      !c->pad_top && !c->pad_left && !c->pad_bottom && !c->pad_right);
	p.rows = p.plain ? c->oh : c->oh * c->ow;
	return p;
}

/* The depth in parts, of whole taps or of some blocks of a tap. */
static void
cut_depth(struct plan *p)
{
	size_t tap = p->cb * DET_BLOCK * p->ker->wide * DET_BLOCK * sizeof(float);

	p->part_taps = p->taps;
	p->part_blocks = p->cb;
	p->parts = 1;
	if (tap * p->taps <= PANEL)
		return;
	if (tap <= PANEL) {
		p->parts = det_ceil_div(p->taps, PANEL / tap);
		p->part_taps = det_ceil_div(p->taps, p->parts);
		p->parts = det_ceil_div(p->taps, p->part_taps);
	} else {
		size_t cuts = det_ceil_div(tap, PANEL);

		p->part_taps = 1;
		p->part_blocks = det_ceil_div(p->cb, cuts);
		p->parts = p->taps * det_ceil_div(p->cb, p->part_blocks);
	}
}

static void
cut_rows(struct plan *p, size_t threads)
{
	const struct det_conv *c = p->c;
	size_t row, want, few;

	if (p->plain) {
		row = p->line * c->stride_y * sizeof(float);
		want = det_most(1, INPUT / 4 / row);
		few = 1;
	} else {
		row = det_most(1, p->cb) * DET_BLOCK * sizeof(float) * c->stride_y *
		      c->stride_x;
		want = det_most(2 * ROWS, INPUT / row);
		if (p->table)
			want = det_most(
			    ROWS, det_least(want, TABLE / (p->taps * sizeof(void *))));
		few = ROWS;
	}
	p->chunks = det_ceil_div(p->rows, want);
	p->shares = 1;
	if (threads > 1 && p->jobs * p->chunks < ITEMS * threads) {
		/* more chunks, while they are not too small, then fewer panels to each */
		size_t need = det_ceil_div(ITEMS * threads, p->jobs);

		p->chunks = det_most(
		    p->chunks, det_least(need, det_most(1, p->rows / (4 * few))));
		p->shares = det_least(p->panels, det_ceil_div(need, p->chunks));
		if (p->shares * p->chunks < need)
			p->chunks = det_most(
			    p->chunks, det_least(det_ceil_div(need, p->shares),
					   det_most(1, p->rows / (few / 2 + 1))));
	}
	p->chunk = det_ceil_div(p->rows, p->chunks);
	p->chunks = det_ceil_div(p->rows, p->chunk);
	p->share = det_ceil_div(p->panels, p->shares);
	p->shares = det_ceil_div(p->panels, p->share);
}

static size_t
lines_of(const struct det_conv *c, size_t rows)
{
	return (rows - 1) * c->stride_y + (c->kh - 1) * c->dilate_y + 1;
}

static struct plan
make_plan(const struct det_conv *c, int threads)
{
	struct plan p = shape_of(c);

	if (p.plain)
		p.line = ((c->ow - 1) * c->stride_x + c->kw) * c->c;
	cut_depth(&p);
	cut_rows(&p, (size_t)threads);
	if (p.plain)
		p.line_bytes = det_pad(lines_of(c, p.chunk) * p.line * sizeof(float));
	if (p.table)
		p.table_bytes = det_pad(p.taps * p.chunk * sizeof(void *));
	if (p.parts > 1)
		p.sum_bytes =
		    det_pad(p.chunk * p.ker->wide * DET_BLOCK * sizeof(float));
	return p;
}

static size_t
worker_bytes(const struct plan *p)
{
	return p->table_bytes + p->sum_bytes + p->line_bytes;
}

const char *
det_direct_name(const struct det_conv *c)
{
	return is_first(c)          ? "direct, from plain"
	       : c->kh * c->kw == 1 ? "direct 1x1"
				    : "direct";
}

double
det_direct_cost(const struct det_conv *c, int threads)
{
	const struct det_costs *k = det_costs();
	struct plan p = make_plan(c, threads);
	size_t items = p.jobs * p.chunks * p.shares, t = (size_t)threads;
	double pixels = (double)(p.jobs * c->oh * c->ow);
	double out = pixels * (double)p.kb, weights = (double)(p.kb * p.depth);
	double sums = out * (double)p.depth * k->fma * 1.02 + out * k->line / 2;

	if (p.plain) /* lines copied; sums short */
		sums += (double)(c->n * c->c * c->h * c->w) * 2 * k->fma +
			out * (double)p.depth * k->fma * .08;
	if (p.table)
		sums += pixels * (double)(p.taps * p.shares) * 2 * k->fma;
	sums += (double)p.parts * out * k->line / 8;
	/* what is left over where items don't go evenly into threads */
	sums *= (double)(det_ceil_div(items, t) * t) / (double)items;
	weights *= (double)c->groups * k->memory;
	return (sums > weights ? sums : weights) / threads + k->loop;
}

size_t
det_direct_scratch(const struct det_conv *c, int threads)
{
	struct plan p = make_plan(c, threads);

	return worker_bytes(&p) * (size_t)threads;
}

size_t
det_direct_packed(const struct det_conv *c)
{
	struct plan p = shape_of(c);

	return c->groups * p.kb * DET_BLOCK * p.depth * sizeof(float);
}

/* Packing, for the threads. */
struct packing {
	const struct plan *p;
	float *packed;
	const float *weight;
};

/* Input channels c .. c+n of sixteen output channels from k on: rows of a panel, `wide`
 * floats apart, for each tap `ch` rows. */
static void
pack_square(float *b, const struct plan *p, const float *weight, size_t k, size_t c,
    size_t n, size_t wide, size_t ch)
{
	size_t taps = p->taps, row = p->c->c / p->c->groups * taps;
	size_t at = c * taps, end = at + n * taps, m, i;
	float turned[TURNED * DET_BLOCK];

	for (; at < end; at += m) {
		m = det_least(end - at, TURNED);
		det_block_kernels()->turn_in(turned, weight + k * row + at, row,
		    det_least(DET_BLOCK, p->kg - k), m);
		for (i = 0; i < m; i++)
			memcpy(b + ((at + i) % taps * ch + (at + i) / taps) * wide,
			    turned + i * DET_BLOCK, DET_BLOCK * sizeof *b);
	}
}

/* Rows of some input channels of a panel, all taps. */
static void
pack_some(const void *ctx, size_t it, int worker)
{
	const struct packing *w = ctx;
	const struct plan *p = w->p;
	size_t cg = p->c->c / p->c->groups, ch = floats_in(p->c);
	size_t runs = det_ceil_div(ch, RUN), c = it % runs * RUN,
	       end = det_least(ch, c + RUN);
	size_t panel = it / runs % p->panels, group = it / runs / p->panels;
	size_t first = panel * p->ker->wide, i, tap;
	size_t wide = det_least(p->kb - first, p->ker->wide) * DET_BLOCK;
	float *b = w->packed + (group * p->kb + first) * DET_BLOCK * p->depth;

	(void)worker;
	for (i = 0; i < wide; i += DET_BLOCK)
		pack_square(b + i, p, w->weight + group * p->kg * cg * p->taps,
		    first * DET_BLOCK + i, c, det_least(cg, end) - c, wide, ch);
	for (c = cg; c < end; c++) /* lanes of no channel */
		for (tap = 0; tap < p->taps; tap++)
			memset(b + (tap * ch + c) * wide, 0, wide * sizeof *b);
}

void
det_direct_pack(
    const struct det_conv *c, float *packed, const float *weight, int threads)
{
	struct plan p = shape_of(c);
	struct packing w = { &p, packed, weight };

	det_parallel(threads, c->groups * p.panels * det_ceil_div(floats_in(c), RUN),
	    pack_some, &w);
}

/* One convolution, for the threads. */
struct work {
	const struct plan *p;
	float *out;
	const float *in, *weight;
	const struct det_epilogue *e;
	char *scratch;
};

/* What an item works on. */
struct item {
	size_t image, group;
	size_t row, rows; /* pixels, or lines */
	size_t panel, panels;
	const float **table;
	float *sum, *lines;
};

static const float outside[DET_BLOCK];

/* Where a row of outputs y, x0 .. x1 sees tap (i,j). */
static void
table_line(const float **at, const struct plan *p, const float *in, size_t y, size_t x0,
    size_t x1, size_t i, size_t j)
{
	const struct det_conv *c = p->c;
	size_t iy = y * c->stride_y + i * c->dilate_y - c->pad_top, x;
	size_t ix = x0 * c->stride_x + j * c->dilate_x - c->pad_left;
	const float *line = in + iy * c->w * DET_BLOCK;

	for (x = x0; x < x1; x++, ix += c->stride_x)
		*at++ = iy < c->h && ix < c->w ? line + ix * DET_BLOCK : outside;
}

static void
make_table(const struct plan *p, const struct item *t, const float *in)
{
	const struct det_conv *c = p->c;
	size_t tap, r, x, n;

	for (tap = 0; tap < p->taps; tap++)
		for (r = 0; r < t->rows; r += n) {
			x = (t->row + r) % c->ow;
			n = det_least(c->ow - x, t->rows - r);
			table_line(t->table + tap * t->rows + r, p, in,
			    (t->row + r) / c->ow, x, x + n, tap / c->kw, tap % c->kw);
		}
}

/* Copies the input's lines that a chunk sees, padded. */
static void
copy_lines(const struct plan *p, const struct item *t, const float *in)
{
	const struct det_conv *c = p->c;
	size_t n = lines_of(c, t->rows), l, ch, x;
	size_t width = p->line / c->c, x1 = det_least(width, c->pad_left + c->w);

	for (l = 0; l < n; l++) {
		float *to = t->lines + l * p->line;
		size_t y = t->row * c->stride_y + l - c->pad_top;

		if (y >= c->h) {
			for (x = 0; x < p->line; x++)
				to[x] = 0;
			continue;
		}
		for (x = 0; x < det_least(c->pad_left, width) * c->c; x++)
			to[x] = 0;
		for (x = x1 * c->c; x < p->line; x++)
			to[x] = 0;
		for (ch = 0; ch < c->c; ch++) {
			const float *from = in + (ch * c->h + y) * c->w;
			float *o = to + c->pad_left * c->c + ch;

			for (x = c->pad_left; x < x1; x++, o += c->c)
				*o = *from++;
		}
	}
}

/* The weights that this thread will probably want after this panel. */
static void
look_ahead(
    struct det_panel *q, const struct work *w, const struct item *t, size_t panel)
{
	const struct plan *p = w->p;
	size_t next = panel + 1, first = next * p->ker->wide;

	if (next >= p->panels)
		return;
	q->ahead = w->weight + (t->group * p->kb + first) * DET_BLOCK * p->depth;
	q->ahead_lines = p->depth * det_least(p->kb - first, p->ker->wide);
}

/* A panel in parts of its depth. q: all but what differs from part to part. */
static void
run_parts(const struct det_panel *whole, const struct plan *p, const struct item *t)
{
	size_t part, per_tap = det_ceil_div(p->cb, p->part_blocks);
	struct det_panel q = *whole;

	for (part = 0; part < p->parts; part++) {
		size_t tap = part / per_tap * p->part_taps;
		size_t block = part % per_tap * p->part_blocks;
		int last = part + 1 == p->parts;

		q.taps = det_least(p->part_taps, p->taps - tap);
		q.blocks = det_least(p->part_blocks, p->cb - block);
		if (p->table)
			q.at = whole->at + tap * whole->at_tap;
		q.b = whole->b +
		      (tap * p->cb + block) * DET_BLOCK * whole->wide * DET_BLOCK;
		q.from = block;
		q.sum = part ? t->sum : NULL;
		q.sum_block = t->rows * DET_BLOCK;
		q.c = last ? whole->c : t->sum;
		q.c_block = last ? whole->c_block : q.sum_block;
		q.far = last;
		q.end = last ? whole->end : NULL;
		if (whole->ahead) {
			q.ahead_lines = whole->ahead_lines / p->parts;
			q.ahead = whole->ahead + part * q.ahead_lines * DET_BLOCK;
		}
		p->ker->panel(&q);
	}
}

/* The panels of an item of a blocked input. */
static void
run_panels(const struct work *w, const struct item *t, const float *in)
{
	const struct plan *p = w->p;
	const struct det_conv *c = p->c;
	size_t pixels = c->oh * c->ow, panel;

	if (p->table)
		make_table(p, t, in);
	for (panel = t->panel; panel < t->panel + t->panels; panel++) {
		size_t first = panel * p->ker->wide;
		size_t block = t->group * p->kb + first;
		size_t here =
		    ((t->image * det_blocks(c->k) + block) * pixels + t->row) *
		    DET_BLOCK;
		struct det_epilogue e = *w->e;
		struct det_panel q = { .at = p->table ? t->table : NULL,
			.at_tap = t->rows,
			.a = in + t->row * DET_BLOCK,
			.a_row = DET_BLOCK,
			.outside = outside,
			.taps = p->taps,
			.blocks = p->cb,
			.steps = p->cb ? 0 : c->c,
			.a_block = c->h * c->w * DET_BLOCK,
			.b = w->weight + block * DET_BLOCK * p->depth,
			.wide = det_least(p->kb - first, p->ker->wide),
			.far = 1,
			.rows = t->rows,
			.c = w->out + here,
			.c_block = pixels * DET_BLOCK,
			.end = &e };

		if (e.scale)
			e.scale += block * DET_BLOCK;
		if (e.shift)
			e.shift += block * DET_BLOCK;
		if (e.residual)
			e.residual += here;
		look_ahead(&q, w, t, panel);
		if (p->parts > 1)
			run_parts(&q, p, t);
		else
			p->ker->panel(&q);
	}
}

/* The same of a plain input, a line of outputs at a time. */
static void
run_lines(const struct work *w, const struct item *t, const float *in)
{
	const struct plan *p = w->p;
	const struct det_conv *c = p->c;
	size_t pixels = c->oh * c->ow, panel, y;

	copy_lines(p, t, in);
	for (y = 0; y < t->rows; y++)
		for (panel = t->panel; panel < t->panel + t->panels; panel++) {
			size_t first = panel * p->ker->wide;
			size_t here =
			    ((t->image * p->kb + first) * c->oh + t->row + y) * c->ow *
			    DET_BLOCK;
			struct det_epilogue e = *w->e;
			struct det_panel q = { .a =
						   t->lines + y * c->stride_y * p->line,
				.a_tap = c->dilate_y * p->line,
				.a_row = c->stride_x * c->c,
				.taps = c->kh,
				.steps = c->kw * c->c,
				.b = w->weight + first * DET_BLOCK * p->depth,
				.wide = det_least(p->kb - first, p->ker->wide),
				.far = 1,
				.rows = c->ow,
				.c = w->out + here,
				.c_block = pixels * DET_BLOCK,
				.end = &e };

			if (e.scale)
				e.scale += first * DET_BLOCK;
			if (e.shift)
				e.shift += first * DET_BLOCK;
			if (e.residual)
				e.residual += here;
			p->ker->panel(&q);
		}
}

static void
run_item(const void *ctx, size_t it, int worker)
{
	const struct work *w = ctx;
	const struct plan *p = w->p;
	const struct det_conv *c = p->c;
	char *mine = w->scratch + (size_t)worker * worker_bytes(p);
	/* neighbours, which a thread takes in turn, have the same weights */
	size_t chunk = it % p->chunks, share = it / p->chunks % p->shares;
	size_t job = it / p->shares / p->chunks;
	struct item t = { .image = job / c->groups,
		.group = job % c->groups,
		.row = chunk * p->chunk,
		.panel = share * p->share };

	t.rows = det_least(p->chunk, p->rows - t.row);
	t.panels = det_least(p->share, p->panels - t.panel);
	t.table = (const float **)(void *)mine;
	t.sum = (float *)(void *)(mine + p->table_bytes);
	t.lines = (float *)(void *)(mine + p->table_bytes + p->sum_bytes);
	if (p->plain)
		run_lines(w, &t, w->in + t.image * c->c * c->h * c->w);
	else
		run_panels(w, &t,
		    w->in + (t.image * det_blocks(c->c) + t.group * p->cb) * c->h *
				c->w * DET_BLOCK);
}

void
det_direct_run(const struct det_conv *c, float *out, const float *in,
    const float *weight, const struct det_epilogue *e, void *scratch, int threads)
{
	struct plan p = make_plan(c, threads);
	struct work w = { &p, out, in, weight, e, scratch };

	det_parallel(threads, p.jobs * p.chunks * p.shares, run_item, &w);
}
