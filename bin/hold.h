/* SPDX-License-Identifier: MIT
 *
 * Waits until an item has brought all the records that a tool works on.
 */
#ifndef DET_HOLD_H
#define DET_HOLD_H

#include "base/text.h"
#include "bin/tool.h"
#include "model/head.h"

struct hold {
	size_t n;
	const char **name; /* the records wanted */
	uint32_t *kind;    /* of each: DET_TENSOR or DET_BOXES */
	char *
	    optional; /* of each: may be missing, else comes before the last of the others */
	char *pass; /* of each: written as well, for those that come after */
	struct det_record *held;   /* each, once it came; loaded */
	struct det_tensor *tensor; /* the held records'; data is NULL until it came */
	char *have;                /* of each: it came */
	/* private */
	const char *maker; /* the tool that makes them, for messages */
	size_t missing;
	struct det_buf seen; /* names of the item's tensors and lists, for messages */
	int open;            /* inside an item that is not marked as bad */
	struct tool_place at;
};

/* Of n records of a kind, DET_TENSOR or DET_BOXES; the caller sets h->name[0 .. n), which
 * must outlive h, and may change kind, optional and pass of each. `maker` is the tool that
 * should have come before. */
void hold_start(
    struct tool *t, struct hold *h, uint32_t kind, size_t n, const char *maker);
void hold_finish(struct hold *h);

/* Every record that was read goes through here. One that is wanted is loaded and kept (under
 * --keep written too); 1 says that it was the last of its item's: h->held has all. Any
 * other is written, by tools that write streams. Items marked as bad owe nothing; any other
 * that ends without one that is wanted, or brings one twice or an optional one after all that
 * are not, ends the program and is named. */
int hold_record(struct tool *t, struct hold *h, struct det_record *r);

/* Ends the program where a record that is held, wanted by `head` in the same order, was made
 * under other values than the model's. */
void hold_agrees(struct tool *t, const struct hold *h, const struct det_head *head);

#endif
