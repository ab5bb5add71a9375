/* SPDX-License-Identifier: MIT
 *
 * Texture codes. Of each channel the derivatives gx and gy are taken, and by steering those
 * along the diagonals, gx + gy and gy - gx (a derivative in any direction is a sum of two;
 * the factor 1/sqrt 2 does not matter, see below). Each of the four is split into its
 * positive and its negative part: eight directions. A part is scaled so that its largest
 * value in the picture is 255, and rounded; its bin is byte / 25.6, rounded down.
 *
 * Derivatives: sums of bytes with weights of whole numbers, so that nothing depends on the
 * processor. Scharr's are 3, 10, 3 across and -1, 0, 1 along; the Gaussian's are
 * exp(-i^2 / 2) across and i exp(-i^2 / 2) along, i to 3, in 64ths and 128ths, the result in
 * 8ths of what the weights say. Beyond its edge the picture is mirrored.
 *
 * OpenCV turns the picture by 45 degrees, filters that, and turns the result back, which
 * smooths it; and it scales the negative part so that 0 becomes 255, which mirrors the order
 * of its bins and, but for rounding, changes no histogram intersection.
 */
#include "region/texture.h"

#include <stdlib.h>

#include "base/mem.h"

#define RADIUS 3
#define RANGE  16383 /* twice 162 * 117 * 255 / 1024, and some */

struct kernel {
	int across[2 * RADIUS + 1], along[2 * RADIUS + 1];
	int radius, shift;
};

static const struct kernel kernels[] = {
	[DET_GRADIENT_GAUSS] = { { 1, 9, 39, 64, 39, 9, 1 },
	    { -4, -35, -78, 0, 78, 35, 4 }, 3, 10 },
	[DET_GRADIENT_SCHARR] = { { 0, 0, 3, 10, 3, 0, 0 }, { 0, 0, -1, 0, 1, 0, 0 }, 1,
	    0 },
};

/* Until it is a code, a pixel's is its gx and, 16 bits further, its gy, both plus HALF. */
#define HALF 32768

static int
gx_of(uint32_t slopes)
{
	return (int)(slopes & 0xffff) - HALF;
}

static int
gy_of(uint32_t slopes)
{
	return (int)(slopes >> 16) - HALF;
}

void
det_texture_release(struct det_texture *t)
{
	free(t->code);
	*t = (struct det_texture){ 0 };
}

static size_t
mirrored(long i, size_t n)
{
	const long last = (long)n - 1, turn = 2 * last;

	if (last == 0)
		return 0;
	i = (i < 0 ? -i : i) % turn;
	return (size_t)(i > last ? turn - i : i);
}

/* A row: sums down with both sets of weights, then along. `down` holds two rows of ints with
 * RADIUS more on either side. */
static void
slope_row(uint32_t *out, const struct det_colours *c, size_t k, size_t y, int *down,
    const struct kernel *f)
{
	const size_t w = c->w, wide = w + 2 * RADIUS;
	int *smooth = down + RADIUS, *change = smooth + wide;

	for (size_t x = 0; x < w; x++)
		smooth[x] = change[x] = 0;
	for (int i = -f->radius; i <= f->radius; i++) {
		const unsigned char *in = c->plane[k] + mirrored((long)y + i, c->h) * w;
		const int a = f->across[i + RADIUS], d = f->along[i + RADIUS];

#pragma omp simd
		for (size_t x = 0; x < w; x++) {
			smooth[x] += a * in[x];
			change[x] += d * in[x];
		}
	}
	for (long i = 1; i <= RADIUS; i++)
		for (int r = 0; r < 2; r++) {
			int *row = r ? change : smooth;

			row[-i] = row[mirrored(-i, w)];
			row[(long)w - 1 + i] = row[mirrored((long)w - 1 + i, w)];
		}
	for (size_t x = 0; x < w; x++) {
		int sx = 0, sy = 0;

		for (int i = 0; i <= 2 * RADIUS; i++) {
			const size_t at = x + (size_t)i;

			sx += f->along[i] * down[at];
			sy += f->across[i] * down[wide + at];
		}
		out[x] = (uint32_t)(sx / (1 << f->shift) + HALF) |
			 (uint32_t)(sy / (1 << f->shift) + HALF) << 16;
	}
}

/* The largest of each part of x, y, x + y, y - x: positive, negative. */
static void
find_tops(int top[4][2], const uint32_t *slopes, size_t area)
{
	int lo[4] = { 0 }, hi[4] = { 0 };

	for (size_t i = 0; i < area; i++) {
		const int x = gx_of(slopes[i]), y = gy_of(slopes[i]);
		const int v[4] = { x, y, x + y, y - x };

		for (int k = 0; k < 4; k++) {
			lo[k] = v[k] < lo[k] ? v[k] : lo[k];
			hi[k] = v[k] > hi[k] ? v[k] : hi[k];
		}
	}
	for (int k = 0; k < 4; k++) {
		top[k][0] = hi[k];
		top[k][1] = -lo[k];
	}
}

/* table[v], |v| <= RANGE: the code of a derivative with these largest values. */
static void
fill_table(unsigned char *table, const int top[2])
{
	for (int sign = 0; sign < 2; sign++)
		for (int v = 0; v <= top[sign]; v++) {
			const int byte =
			    top[sign] ? (510 * v + top[sign]) / (2 * top[sign]) : 0;
			const int bin = byte * 10 / 256;

			table[sign ? -v : v] =
			    (unsigned char)(bin ? bin + (sign ? DET_TEXTURE_BINS : 0)
						: 0);
		}
}

/* Slopes become codes. */
static void
encode(uint32_t *code, size_t area, int top[4][2], unsigned char *table)
{
	const size_t wide = 2 * RANGE + 1;
	unsigned char *zero[4];

	for (size_t i = 0; i < 4; i++) {
		zero[i] = table + i * wide + RANGE;
		fill_table(zero[i], top[i]);
	}
	for (size_t i = 0; i < area; i++) {
		const int x = gx_of(code[i]), y = gy_of(code[i]);

		code[i] = zero[0][x] | (uint32_t)zero[1][y] << 8 |
			  (uint32_t)zero[2][x + y] << 16 |
			  (uint32_t)zero[3][y - x] << 24;
	}
}

enum det_err
det_texture_make(
    struct det_texture *out, const struct det_colours *c, enum det_gradient gradient)
{
	const size_t area = c->w * c->h;
	unsigned char *table = NULL;
	int *down = NULL;
	enum det_err e;

	det_texture_release(out);
	out->w = c->w;
	out->h = c->h;
	out->n = c->n;
	if ((e = det_alloc(&out->code, area, c->n * sizeof *out->code)) ||
	    (e = det_alloc(&table, 2 * RANGE + 1, 4)) ||
	    (e = det_alloc(&down, c->w + 2 * RADIUS, 2 * sizeof *down)))
		goto out;
	for (size_t k = 0; k < c->n; k++) {
		uint32_t *plane = out->code + k * area;
		int top[4][2];

		for (size_t y = 0; y < c->h; y++)
			slope_row(plane + y * c->w, c, k, y, down, &kernels[gradient]);
		find_tops(top, plane, area);
		encode(plane, area, top, table);
	}
out:
	free(table);
	free(down);
	if (e)
		det_texture_release(out);
	return e;
}
