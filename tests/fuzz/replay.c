/* SPDX-License-Identifier: MIT
 *
 * Linked with a fuzz target in place of the fuzzer: runs the target on each file named, and
 * on every prefix of it where the file is short. It crashes where the target does.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define SHORT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly that size, so that a sanitizer sees one byte too many. */
static int
run(const char *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return 2;
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return 0;
}

int
main(int argc, char *argv[])
{
	char *data;
	size_t size;

	for (int i = 1; i < argc; i++) {
		if (det_file_read(&data, &size, argv[i], (size_t)1 << 30)) {
			(void)fprintf(stderr, "replay: %s\n", det_errmsg());
			return 2;
		}
		for (size_t n = size < SHORT ? 0 : size; n <= size; n++)
			if (run(data, n))
				return 2;
		free(data);
	}
	return 0;
}
