/* SPDX-License-Identifier: MIT
 *
 * Streams read side by side, item by item, for tools whose operands are several streams of
 * the same items (TOOL_SIDES). One of them, the leader, gives each item all that is not
 * merged: its ITEM and its other records go to the output as they come; those of the others
 * are dropped. No more than a record of each stream is held.
 */
#ifndef DET_SIDES_H
#define DET_SIDES_H

#include "bin/tool.h"

struct side {
	const char *name; /* of the stream, for messages */
	struct det_item item;
	struct det_classes classes;
	long *label;         /* of each of its classes: the label in the output */
	int used;            /* has the item that is being merged, not marked as bad */
	struct det_record r; /* its last record */
	struct det_boxes list; /* of the item, once sides_list was called */
	/* private */
	struct det_reader *rd;
	int here;  /* stands inside the item */
	int have;  /* its list came */
	int begun; /* an item of this stream came */
};

struct sides {
	struct side *side;
	size_t n;
	const char *boxes; /* the list that is merged; set by the caller */
	int allow_missing; /* items need not be in every stream; set by the caller */
	int by_name;       /* class tables may differ; set by the caller */
	struct side *lead; /* of the item */
	int bad;           /* the item is marked as bad: it has no list to merge */
};

/* Opens the operands, two at least; "-" is standard input. */
void sides_start(struct tool *t, struct sides *s);
void sides_finish(struct sides *s);

/* The next stream of each input: writes STRM, with the joined class table and the history
 * of all; 0 where no input has more. */
int sides_begin(struct tool *t, struct sides *s);

/* The next item: finds its leader and who has it, and writes its ITEM; 0 at the end of the
 * streams, which must be that of all, after writing END. */
int sides_item(struct tool *t, struct sides *s);

/* Reads on to the list of a side that is used, as far as it must; labels are the output's. */
void sides_list(struct tool *t, struct sides *s, struct side *x);

#endif
