/* SPDX-License-Identifier: MIT
 *
 * Stands in for the compiler's fuzzer: runs a fuzz target over the files named, each as it
 * is, cut at many places, and with bytes changed. No chance in it: equal files give equal
 * runs.
 *
 *   fuzz_stream [-n CHANGES] FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = 1;

static size_t
below(size_t n)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return n ? (size_t)((z ^ z >> 31) % n) : 0;
}

/* On memory of exactly that size, so that the sanitizer sees a step beyond it. */
static void
run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	if (n)
		memcpy(copy, p, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void
change(uint8_t *p, size_t n)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff, '\n', ' ', '"', '-', '9',
		'=', ',' };
	size_t at = below(n), from = below(n), room = n - (at > from ? at : from);

	switch (below(3)) {
	case 0: p[at] ^= (uint8_t)(1u << below(8)); break;
	case 1: p[at] = odd[below(sizeof odd)]; break;
	default: /* a piece of the file over another */
		memmove(p + at, p + from, below(room) / 8);
	}
}

static void
replay(const uint8_t *p, size_t n, long changes)
{
	uint8_t *copy = malloc(n + 1);

	if (!copy)
		abort();
	run(p, n);
	for (long i = 0; i < changes / 4; i++)
		run(p, below(n + 1));
	for (long i = 0; n && i < changes; i++) {
		memcpy(copy, p, n);
		for (size_t k = below(4) + 1; k--;)
			change(copy, n);
		run(copy, n);
	}
	free(copy);
}

int
main(int argc, char *argv[])
{
	long changes = 100;
	int first = 1;

	if (argc > 2 && !strcmp(argv[1], "-n")) {
		changes = strtol(argv[2], NULL, 10);
		first = 3;
	}
	for (int i = first; i < argc; i++) {
		char *data;
		size_t n;

		if (det_file_read(&data, &n, argv[i], (size_t)1 << 30)) {
			(void)fprintf(stderr, "%s: %s\n", argv[0], det_errmsg());
			return 2;
		}
		replay((uint8_t *)data, n, changes);
		free(data);
	}
	(void)printf("%d files, %ld changes each\n", argc - first, changes);
	return 0;
}
