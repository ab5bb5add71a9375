/* SPDX-License-Identifier: MIT
 *
 * Files of torch.save, both containers, from hostile bytes: what is taken has its tensors in
 * the file, with unique names.
 */
#include "tests/fuzz/weights.h"

#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct det_source s = { 0 };
	struct det_nameset names = { 0 };
	int is_new;

	if (!torch_parse(&s, data, size)) {
		check_tensors(&s, data, size);
		for (size_t i = 0; i < s.n; i++)
			if (det_nameset_add(&is_new, &names, s.t[i].name) || !is_new)
				abort();
	}
	det_nameset_release(&names);
	det_source_close(&s);
	return 0;
}
