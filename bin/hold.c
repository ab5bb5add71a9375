/* SPDX-License-Identifier: MIT */
#include "bin/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
hold_start(struct tool *t, struct hold *h, size_t n)
{
	*h = (struct hold){ .n = n };
	tool_check(t, det_calloc(&h->name, n, sizeof *h->name));
	tool_check(t, det_calloc(&h->held, n, sizeof *h->held));
	tool_check(t, det_calloc(&h->tensor, n, sizeof *h->tensor));
	tool_check(t, det_calloc(&h->have, n, 1));
}

void
hold_finish(struct hold *h)
{
	for (size_t i = 0; i < h->n; i++)
		det_record_release(&h->held[i]);
	free(h->name);
	free(h->held);
	free(h->tensor);
	free(h->have);
	det_buf_free(&h->seen);
}

static void
item_ends(struct tool *t, struct hold *h)
{
	size_t i = 0;

	if (!h->open || h->missing == 0)
		return;
	while (h->have[i])
		i++;
	/* the tool stands at the next item already */
	t->item = h->item;
	(void)snprintf(t->item_path, sizeof t->item_path, "%s", h->path);
	tool_die(t, "no tensor '%s': this item has %s", h->name[i],
	    h->seen.len ? h->seen.text + 1 : "none");
}

static void
item_begins(struct tool *t, struct hold *h)
{
	h->open = t->cur.error == NULL;
	h->item = t->item;
	(void)snprintf(h->path, sizeof h->path, "%s", t->item_path);
	memset(h->have, 0, h->n);
	h->missing = h->n;
	h->seen.len = 0;
}

/* The record goes into h's keeping, and h's old one, with its memory, to the reader. */
static void
take(struct tool *t, struct hold *h, struct det_record *r, size_t i)
{
	struct det_record swap;

	if (h->have[i])
		tool_die(t, "a second tensor '%s'", h->name[i]);
	tool_load(t, r);
	if (t->keep)
		tool_write(t, r);
	swap = h->held[i];
	h->held[i] = *r;
	*r = swap;
	h->tensor[i] = h->held[i].tensor;
	h->have[i] = 1;
	h->missing--;
}

int
hold_record(struct tool *t, struct hold *h, struct det_record *r)
{
	const char *name = det_record_name(r);
	size_t i = 0;

	if (r->kind == DET_ITEM || r->kind == DET_END) {
		item_ends(t, h);
		h->open = 0;
	}
	if (r->kind == DET_ITEM)
		item_begins(t, h);
	if (r->kind != DET_TENSOR || !h->open) {
		tool_write(t, r);
		return 0;
	}
	tool_check(t, det_buf_printf(&h->seen, " '%s'", name));
	while (i < h->n && strcmp(name, h->name[i]) != 0)
		i++;
	if (i == h->n) {
		tool_write(t, r);
		return 0;
	}
	take(t, h, r, i);
	return h->missing == 0;
}
