/* SPDX-License-Identifier: MIT
 *
 * An architecture as the options of a command ask for it.
 */
#include "bin/commands.h"

#include <stdlib.h>

struct det_arch *
model_arch_open(
    struct tool *t, const char *name, const struct opt_many *set, const char *classes)
{
	struct det_arch *a;
	char *text;
	size_t len;

	if (det_arch_open(&a, name, set->v, set->n))
		tool_usage(t, "%s", det_errmsg());
	if (!classes)
		return a;
	tool_slurp(t, &text, &len, classes, MODEL_MAX_TEXT);
	tool_check(t, det_arch_names(a, text, len, classes));
	free(text);
	return a;
}
