/* SPDX-License-Identifier: MIT
 *
 * det-roipool's parts. Private to bin/.
 */
#ifndef DET_ROIPOOL_JOB_H
#define DET_ROIPOOL_JOB_H

#include "bin/hold.h"
#include "bin/tool.h"

#include "roi/rows.h"

struct roipool {
	struct det_rows_params p;
	long context; /* -1: as the op has it */
	long scales;
	char scaled[DET_SCALES][DET_SCALE_NAME]; /* the one map at each */
	const char *size, *boxes, *out;
	struct opt_names maps;
	struct opt_list strides, levels, offsets;
	struct det_buf made;
	struct det_boxes list;
	struct det_rows rows;
	int warned;
};

/* The parameters of what the options say, and how the model's pictures are normalised; usage
 * errors end the program. */
void roipool_set(struct tool *t, struct roipool *s);
/* What of an item is waited for: the box list first, which passes on; then what rows are made
 * from. */
void roipool_hold(struct tool *t, struct roipool *s, struct hold *h);

#endif
