/* SPDX-License-Identifier: MIT */
#include "train/second.h"

enum det_err
det_second_open(struct det_second **out, struct det_system *s,
    const struct det_grad_params *p, struct det_system_lines *lines)
{
	(void)s, (void)p, (void)lines;
	*out = NULL;
	return det_fail(
	    DET_UNSUPPORTED, "a detector of two stages can't be trained yet");
}

void
det_second_free(struct det_second *d)
{
	(void)d;
}

enum det_err
det_second_step(struct det_second *d, struct det_system *s, const struct det_batch *b,
    double share, double *value)
{
	(void)d, (void)s, (void)b, (void)share, (void)value;
	return DET_UNSUPPORTED;
}
