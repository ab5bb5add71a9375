/* SPDX-License-Identifier: MIT
 *
 * Zip archives from hostile bytes: each entry of one that is taken lies in it, and is found
 * by its name.
 */
#include <stdlib.h>

#include "weights/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zip z;

	if (zip_open(&z, data, size))
		return 0;
	for (size_t i = 0; i < z.n; i++) {
		const struct zip_entry *e = &z.e[i];

		if (e->data < data || (size_t)(e->data - data) > size ||
		    e->size > size - (size_t)(e->data - data) ||
		    zip_find(&z, e->name, e->n_name) != e)
			abort();
		(void)!zip_verify(e);
	}
	zip_close(&z);
	return 0;
}
