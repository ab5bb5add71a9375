/* SPDX-License-Identifier: MIT
 *
 * det-propose: what its options say, and its parts. Not used by other tools.
 */
#ifndef DET_PROPOSE_JOB_H
#define DET_PROPOSE_JOB_H

#include "bin/tool.h"
#include "box/nms.h"
#include "region/selective.h"

/* Of feature maps, by the model. */
struct propose_maps {
	double iou;
	int ge, plus_one;
	long pre, post, train_pre, train_post;
	int train, any;
};

struct propose_windows {
	struct opt_list sizes, aspects;
	double step, stride;
	long levels;
};

struct propose_job {
	const char *boxes; /* the list to make */
	long max;          /* boxes to keep; -1: not said */
	struct propose_maps maps;
	/* Instead of maps, one of: */
	int mode; /* of propose_selective_modes; 0: not asked for */
	int slide;
	const char *from; /* a list of the stream, NULL */
	const char *gt;   /* its objects, for near */
	double near;      /* of `from`: boxes that overlap an object by more; -1: all */
	struct det_selective_params selective; /* all but mode and max */
	struct propose_windows windows;
};

/* "off", then the library's. */
extern const char *const propose_selective_modes[];

/* The next record; false at the end. An item that has the list already is an error: it would
 * have two of that name, and whoever reads one of them might take either. */
int propose_read(struct tool *t, const struct propose_job *j, struct det_record *r);

/* Each makes the proposals of all items of the input. */
void propose_maps(struct tool *t, const struct propose_job *j);
/* Of the pictures themselves. */
void propose_selective(struct tool *t, const struct propose_job *j);
/* By the pictures' sizes alone. */
void propose_windows(struct tool *t, const struct propose_job *j);
/* The boxes of another list. */
void propose_from(struct tool *t, const struct propose_job *j);

#endif
