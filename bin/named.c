/* SPDX-License-Identifier: MIT
 *
 * Each tool is linked with this, and few have a use for five megabytes of weights. So the
 * reference to them is weak, and the Makefile gives them to the tools that take -m; to the
 * others no name is special.
 */
#include "bin/named.h"

#include <string.h>

#pragma weak det_default_open

int
named_is_default(const char *name)
{
	return det_default_open && strcmp(name, DET_DEFAULT_NAME) == 0;
}

enum det_err
named_open(struct det_model **out, const char *name)
{
	return named_is_default(name) ? det_default_open(out)
				      : det_model_open(out, name);
}
