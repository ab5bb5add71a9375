/* SPDX-License-Identifier: MIT
 *
 * The way back through a fully connected layer, out = in . weight^T:
 *
 *   dx (M,K) += dy (M,N) . weight (N,K),   dw (N,K) += dy^T (N,M) . x (M,K).
 *
 * Both are C (R,K) += A (R,D) . B (D,K) with B as it lies; A is dy or its transpose. A is
 * packed once, in tiles of some rows: of a tile's rows one element each side by side, step
 * by step of D. Threads share the columns of C; of some at a time a part of D of B is packed
 * likewise, and meets all of A in the second cache (conv_back_simd.h has the inner loop). Where
 * there are few inputs all this runs at the speed at which memory gives the weights.
 */
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/size.h"
#include "nn/conv_back.h"

enum {
	DEPTH = 256, /* steps of B packed at a time */
	COLS = 192,  /* columns, at most */
	ROWS = 8,    /* of a tile, at most; floats from step to step of A */
};

struct product {
	const struct det_back_kernels *ker;
	float *c;
	const float *a; /* element (r, d) at r * a_row + d * a_step */
	size_t a_row, a_step;
	const float *b;
	size_t rows, depth, cols;
	size_t tiles, wide, chunk, chunks; /* of rows; of columns */
	float *packed, *own;
};

static void
cut(struct product *p)
{
	p->ker = det_back_kernels();
	p->tiles = det_ceil_div(p->rows, p->ker->rows);
	p->wide = p->ker->blocks * DET_BLOCK;
	p->chunk = COLS / p->wide * p->wide;
	p->chunks = det_ceil_div(p->cols, p->chunk);
}

/* Floats of A packed, and of a thread's part of B and a tile of C. */
static size_t
packed_floats(const struct product *p)
{
	return p->tiles * ROWS * p->depth;
}

static size_t
own_floats(const struct product *p)
{
	return (DEPTH + ROWS) * p->chunk;
}

static void
pack_tile(const void *ctx, size_t t, int worker)
{
	const struct product *p = ctx;
	size_t first = t * p->rows / p->tiles, n = (t + 1) * p->rows / p->tiles - first;
	const float *a = p->a + first * p->a_row;
	float *to = p->packed + t * ROWS * p->depth;
	size_t d, r;

	(void)worker;
	for (d = 0; d < p->depth; d++, a += p->a_step, to += ROWS)
		for (r = 0; r < n; r++)
			to[r] = a[r * p->a_row];
}

/* Steps d .. d+n of columns at .. at+cols, in panels, their last block filled with 0. */
static void
pack_chunk(
    float *to, const struct product *p, size_t d, size_t n, size_t at, size_t cols)
{
	size_t i, j, w, full;

	for (j = 0; j < cols; j += p->wide) {
		w = det_least(p->wide, cols - j);
		full = det_blocked_channels(w);
		for (i = 0; i < n; i++, to += full) {
			memcpy(to, p->b + (d + i) * p->cols + at + j, w * sizeof *to);
			memset(to + w, 0, (full - w) * sizeof *to);
		}
	}
}

/* One panel by all rows. c: its first column. */
static void
run_panel(const struct product *p, float *c, const float *b, size_t d, size_t n,
    size_t cols, float *spare)
{
	struct det_outer_run all = { 0, 0, n };
	size_t blocks = det_blocks(cols), whole = cols % DET_BLOCK == 0, t, r, i;

	for (t = 0; t < p->tiles; t++) {
		size_t first = t * p->rows / p->tiles;
		struct det_outer o = { .run = &all,
			.runs = 1,
			.a = p->packed + (t * p->depth + d) * ROWS,
			.a_step = ROWS,
			.b = b,
			.b_step = blocks * DET_BLOCK,
			.b_block = DET_BLOCK,
			.c = whole ? c + first * p->cols : spare,
			.c_row = whole ? p->cols : p->wide,
			.c_block = DET_BLOCK,
			.rows = (t + 1) * p->rows / p->tiles - first,
			.blocks = blocks,
			.add = (int)whole };

		p->ker->outer(&o);
		for (r = 0; !whole && r < o.rows; r++)
			for (i = 0; i < cols; i++)
				c[(first + r) * p->cols + i] += spare[r * p->wide + i];
	}
}

static void
run_chunk(const void *ctx, size_t it, int worker)
{
	const struct product *p = ctx;
	float *b = p->own + (size_t)worker * own_floats(p), *from;
	size_t at = it * p->chunk, cols = det_least(p->chunk, p->cols - at), d, n, j, w;

	for (d = 0; d < p->depth; d += n) {
		n = det_least(DEPTH, p->depth - d);
		pack_chunk(b, p, d, n, at, cols);
		for (j = 0, from = b; j < cols; j += w) {
			w = det_least(p->wide, cols - j);
			run_panel(
			    p, p->c + at + j, from, d, n, w, b + DEPTH * p->chunk);
			from += n * det_blocked_channels(w);
		}
	}
}

static void
run(struct product *p, float *scratch, int threads)
{
	cut(p);
	p->packed = scratch;
	p->own = scratch + packed_floats(p);
	det_parallel(threads, p->tiles, pack_tile, p);
	det_parallel(threads, p->chunks, run_chunk, p);
}

size_t
det_fc_back_scratch(size_t m, size_t n, size_t k, int threads)
{
	struct product x = { .rows = m, .depth = n, .cols = k };
	struct product w = { .rows = n, .depth = m, .cols = k };
	size_t a, b;

	cut(&x);
	cut(&w);
	a = packed_floats(&x);
	b = packed_floats(&w);
	return ((a > b ? a : b) + (size_t)threads * own_floats(&x)) * sizeof(float);
}

void
det_fc_back_run(float *dx, float *dw, const float *dy, const float *x,
    const float *weight, size_t m, size_t n, size_t k, void *scratch, int threads)
{
	if (dx) {
		struct product p = { .c = dx,
			.a = dy,
			.a_row = n,
			.a_step = 1,
			.b = weight,
			.rows = m,
			.depth = n,
			.cols = k };

		run(&p, scratch, threads);
	}
	if (dw) {
		struct product p = { .c = dw,
			.a = dy,
			.a_row = 1,
			.a_step = n,
			.b = x,
			.rows = n,
			.depth = m,
			.cols = k };

		run(&p, scratch, threads);
	}
}
