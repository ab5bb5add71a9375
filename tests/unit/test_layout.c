/* SPDX-License-Identifier: MIT
 *
 * The two layouts of a map: there, and back, against the formula of an index.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "nn/layout.h"
#include "tests/unit/levels.h"

static const float guard = -7.5f;

/* Memory of exactly n floats and one more on each side that nobody may write. */
static float *
guarded(size_t n)
{
	float *p = malloc((n + 2) * sizeof *p);
	size_t i;

	if (!p)
		exit(2);
	for (i = 0; i < n + 2; i++)
		p[i] = guard;
	return p + 1;
}

static int
unhurt(const float *p, size_t n)
{
	return p[-1] == guard && p[n] == guard;
}

/* Wrong places of the blocked map, and of the plain one made from it. */
static int
one(size_t n, size_t c, size_t hw, int threads)
{
	const size_t d[4] = { n, c, hw, 1 };
	size_t plain = n * c * hw, all = det_layout_floats(DET_BLOCKED, d), i,
	       wrong = 0;
	int bad;
	float *in = guarded(plain), *blocked = guarded(all), *back = guarded(plain);

	for (i = 0; i < plain; i++)
		in[i] = (float)(i % 65521 + 1);
	det_layout_block(blocked, in, n, c, hw, threads);
	for (i = 0; i < all; i++) {
		size_t lane = i % 16, p = i / 16 % hw, b = i / 16 / hw % det_blocks(c);
		size_t image = i / 16 / hw / det_blocks(c), k = b * 16 + lane;
		float want = k < c ? in[(image * c + k) * hw + p] : 0;

		wrong += blocked[i] != want;
	}
	/* lanes of no channel may hold anything and go nowhere */
	for (i = 0; i < all; i++)
		if (i / 16 / hw % det_blocks(c) * 16 + i % 16 >= c)
			blocked[i] = 99;
	det_layout_plain(back, blocked, n, c, hw, threads);
	bad = wrong || memcmp(in, back, plain * sizeof *in) != 0 ||
	      !unhurt(blocked, all) || !unhurt(back, plain);
	if (bad)
		printf(
		    "# %zu maps of %zu channels of %zu pixels, %d threads: %zu wrong\n",
		    n, c, hw, threads, wrong);
	free(in - 1), free(blocked - 1), free(back - 1);
	return bad;
}

static int
every_size(void)
{
	static const size_t channels[] = { 1, 3, 8, 9, 16, 17, 31, 48, 255 };
	static const size_t pixels[] = { 1, 2, 7, 8, 15, 16, 17, 49, 361, 2048, 4099 };
	size_t i, j;
	int bad = 0;

	for (i = 0; i < sizeof channels / sizeof *channels; i++)
		for (j = 0; j < sizeof pixels / sizeof *pixels; j++)
			bad += one(1 + j % 2, channels[i], pixels[j], 1 + (int)(i % 3));
	return bad;
}

int
main(void)
{
	on_each_level("blocked and back", every_size);
	ok(det_blocks(1) == 1 && det_blocks(16) == 1 && det_blocks(17) == 2 &&
		det_blocked_channels(17) == 32,
	    "blocks of channels");
	return done();
}
