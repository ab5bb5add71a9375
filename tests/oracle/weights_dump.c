/* SPDX-License-Identifier: MIT
 *
 * Prints what the library reads from a file of weights, for tests/oracle/torch_files.py:
 * a line for each tensor, NAME TAB TYPE TAB SHAPE TAB VALUES, values as the hex digits of
 * their 32-bit floats.
 *
 *   weights_dump FILE
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "weights/source.h"

static int
dump(const struct det_source_tensor *t)
{
	size_t n = det_source_count(t);
	float *v;
	uint32_t u;

	if (det_alloc(&v, n, sizeof *v) || det_source_read(v, t))
		return 1;
	(void)printf("%s\t%s\t", t->name, det_source_type_name(t->type));
	for (int d = 0; d < t->rank; d++)
		(void)printf("%s%zu", d ? "x" : "", t->dims[d]);
	(void)putchar('\t');
	for (size_t i = 0; i < n; i++) {
		memcpy(&u, &v[i], sizeof u);
		(void)printf("%08" PRIx32, u);
	}
	(void)putchar('\n');
	free(v);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct det_source s;
	int bad = argc != 2;

	if (bad || det_source_open(&s, argv[1])) {
		(void)fprintf(stderr, "weights_dump: %s\n",
		    bad ? "one file expected" : det_errmsg());
		return 2;
	}
	for (size_t i = 0; !bad && i < s.n; i++)
		bad = dump(&s.t[i]);
	if (bad)
		(void)fprintf(stderr, "weights_dump: %s\n", det_errmsg());
	if (s.notes.len)
		(void)fprintf(stderr, "%s", s.notes.text);
	det_source_close(&s);
	return bad ? 2 : 0;
}
