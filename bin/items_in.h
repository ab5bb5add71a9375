/* SPDX-License-Identifier: MIT
 *
 * For tools that make streams from pictures: items of a stream on standard input in their
 * place, with what came with them.
 */
#ifndef DET_ITEMS_IN_H
#define DET_ITEMS_IN_H

#include "bin/tool.h"
#include "image/items.h"

struct items_in {
	struct det_items *items;
	/* private */
	struct det_reader *rd;
	long *map; /* labels of the stream to those written */
	size_t n_map;
	int same; /* they are equal */
	struct det_boxes boxes;
};

/* Reads the stream's head and writes that of the output: its history with this tool's line,
 * its classes joined with the model's. Labels of the model stay as they are. */
void items_in_open(struct tool *t, struct items_in *s);
/* Writes the item, changed to *it, and what came with it. */
void items_in_write(struct tool *t, struct items_in *s, struct det_items_one *one,
    const struct det_item *it);
/* Writes a list of boxes of the item, their labels as those of the output. */
void items_in_boxes(
    struct tool *t, struct items_in *s, const char *name, struct det_boxes *boxes);
/* Ends the program: the stream can't be read on; `why` is the reader's message. */
_Noreturn void items_in_broken(struct tool *t, struct items_in *s, const char *why);
void items_in_close(struct items_in *s);

#endif
