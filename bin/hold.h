/* SPDX-License-Identifier: MIT
 *
 * Waits until an item has brought all the tensors that a tool computes on.
 */
#ifndef BIN_HOLD_H
#define BIN_HOLD_H

#include "base/text.h"
#include "bin/tool.h"

struct hold {
	size_t n;
	const char **name;       /* the tensors wanted */
	struct det_record *held; /* each, once it came; loaded */
	struct det_tensor *tensor;
	/* private */
	char *have;
	size_t missing;
	struct det_buf seen; /* names of the item's tensors, for the message */
	int open;            /* inside an item that is not marked as bad */
	long item;
	char path[256];
};

/* Of n names; the caller sets h->name[0 .. n), which must outlive h. */
void hold_start(struct tool *t, struct hold *h, size_t n);
void hold_finish(struct hold *h);

/* Every record that was read goes through here. A tensor wanted is loaded and kept (under
 * --keep written too); 1 says that it was the last of its item's: h->tensor has all. Any
 * other record is written. An item that ends without a tensor, or brings one twice, ends
 * the program and is named. */
int hold_record(struct tool *t, struct hold *h, struct det_record *r);

#endif
