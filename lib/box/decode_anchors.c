/* SPDX-License-Identifier: MIT */
#include "box/decode_impl.h"

#include "base/mem.h"

static enum det_err
parse(struct det_decode_line *m, struct det_line *l)
{
	(void)m, (void)l;
	return det_fail(DET_UNSUPPORTED, "not yet");
}
static enum det_err
run(struct det_decode_job *j, const struct det_tensor *t, const float *x, size_t count)
{
	(void)j, (void)t, (void)x, (void)count;
	return det_fail(DET_UNSUPPORTED, "not yet");
}

const struct det_decode_kind det_decode_anchors = {
	.name = "anchors", .parse = parse, .run = run, .maps = 2, .scans = 1
};
