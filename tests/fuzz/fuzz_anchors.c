/* SPDX-License-Identifier: MIT
 *
 * Anchor texts from hostile bytes: the text up to the first NUL, then four bytes for the
 * size of the maps and of the input. What parses is made, and some of it picked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/anchors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
make(const struct det_anchors *a, size_t i, const struct det_anchors_at *at)
{
	size_t n = at->h * at->w * det_anchors_in_cell(a, i);
	size_t number[2] = { 0, n - 1 };
	float *all, some[8];

	if (det_alloc(&all, n, 4 * sizeof *all))
		abort();
	if (!det_anchors_make(all, a, i, at)) {
		if (det_anchors_pick(some, a, i, at, number, 2) ||
		    memcmp(all, some, 4 * sizeof *some) != 0 ||
		    memcmp(all + 4 * (n - 1), some + 4, 4 * sizeof *some) != 0)
			abort();
	}
	free(all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size, at;
	struct det_anchors_at place = { 3, 5, 24, 40 };
	struct det_anchors *a;

	if (det_anchors_parse(&a, (const char *)data, len, "fuzz"))
		return 0;
	if (size >= len + 5) {
		data += len + 1;
		place = (struct det_anchors_at){ 1 + data[0] % 16u, 1 + data[1] % 16u,
			data[2] * 4, data[3] * 4 };
	}
	for (size_t i = 0; i < det_anchors_maps(a); i++) {
		if (!det_anchors_find(&at, a, det_anchors_map(a, i)) || at != i)
			abort();
		make(a, i, &place);
	}
	det_anchors_free(a);
	return 0;
}
