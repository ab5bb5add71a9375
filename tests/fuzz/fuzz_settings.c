/* SPDX-License-Identifier: MIT
 *
 * Recipes from hostile bytes: what is found lies inside the text.
 */
#include <stdint.h>
#include <stdlib.h>

#include "model/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tool[] = { "det-image", "det-train" };
	const char *text = (const char *)data;
	struct det_settings s;

	for (int i = 0; i < 2; i++) {
		if (det_settings_find(&s, text, size, "fuzz", tool[i]))
			continue;
		if (s.len && (s.text < text || s.text + s.len > text + size))
			abort();
		if (s.line < 0)
			abort();
	}
	return 0;
}
