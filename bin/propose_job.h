/* SPDX-License-Identifier: MIT
 *
 * det-propose: what its options say, and its parts. Not used by other tools.
 */
#ifndef DET_PROPOSE_JOB_H
#define DET_PROPOSE_JOB_H

#include "bin/tool.h"
#include "region/selective.h"

struct propose_selective {
	int mode; /* of propose_selective_modes; 0: not asked for */
	struct det_selective_params p;
};

/* "off", then the library's. */
extern const char *const propose_selective_modes[];

/* Proposals of the pictures themselves, for each item of the input, as the list `boxes`. */
void propose_selective(
    struct tool *t, const struct propose_selective *s, const char *boxes);

#endif
