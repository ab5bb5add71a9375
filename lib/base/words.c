/* SPDX-License-Identifier: MIT */
#include "base/words.h"

#include <string.h>

/* A row of the table at a time. */
size_t
det_word_distance(const char *a, size_t n, const char *b)
{
	size_t row[64], m = strlen(b);

	if (m >= sizeof row / sizeof *row)
		return n + m;
	for (size_t k = 0; k <= m; k++)
		row[k] = k;
	for (size_t i = 0; i < n; i++) {
		size_t corner = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < m; k++) {
			size_t d = corner + (a[i] != b[k]);

			corner = row[k + 1];
			if (d > row[k] + 1)
				d = row[k] + 1;
			if (d > corner + 1)
				d = corner + 1;
			row[k + 1] = d;
		}
	}
	return row[m];
}
