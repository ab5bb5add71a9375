/* SPDX-License-Identifier: MIT
 *
 * safetensors from hostile bytes. A file that is taken holds what it says: every tensor lies
 * in it, one after the other to the last byte, and can be read.
 */
#include <stdlib.h>

#include "tests/fuzz/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct det_source s = { 0 };
	size_t sum = 0;

	if (!safetensors_parse(&s, data, size)) {
		check_tensors(&s, data, size);
		for (size_t i = 0; i < s.n; i++)
			sum += det_source_count(&s.t[i]) *
			       det_source_type_size(s.t[i].type);
		if (sum + 8 > size)
			abort();
	}
	det_source_close(&s);
	return 0;
}
