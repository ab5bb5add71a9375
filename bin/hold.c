/* SPDX-License-Identifier: MIT */
#include "bin/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
hold_start(struct tool *t, struct hold *h, uint32_t kind, size_t n, const char *maker)
{
	*h = (struct hold){ .n = n, .maker = maker };
	tool_check(t, det_calloc(&h->name, n, sizeof *h->name));
	tool_check(t, det_calloc(&h->held, n, sizeof *h->held));
	tool_check(t, det_calloc(&h->tensor, n, sizeof *h->tensor));
	tool_check(t, det_calloc(&h->kind, n, sizeof *h->kind));
	tool_check(t, det_calloc(&h->optional, n, 1));
	tool_check(t, det_calloc(&h->pass, n, 1));
	tool_check(t, det_calloc(&h->have, n, 1));
	for (size_t i = 0; i < n; i++)
		h->kind[i] = kind;
}

void
hold_finish(struct hold *h)
{
	for (size_t i = 0; i < h->n; i++)
		det_record_release(&h->held[i]);
	free(h->name);
	free(h->held);
	free(h->tensor);
	free(h->kind);
	free(h->optional);
	free(h->pass);
	free(h->have);
	det_buf_free(&h->seen);
}

static const char *
noun(const struct hold *h, size_t i)
{
	return h->kind[i] == DET_BOXES ? "box list" : "tensor";
}

static void
item_ends(struct tool *t, struct hold *h)
{
	size_t i = 0;

	if (!h->open || h->missing == 0)
		return;
	while (h->have[i] || h->optional[i])
		i++;
	t->at = h->at; /* the tool stands at the next item already */
	if (h->seen.len)
		tool_die(t, "no %s '%s': this item has %s", noun(h, i), h->name[i],
		    h->seen.text + 1);
	tool_die(
	    t, "no %s '%s': does %s come before?", noun(h, i), h->name[i], h->maker);
}

static void
item_begins(struct tool *t, struct hold *h)
{
	h->open = t->cur.error == NULL;
	h->at = t->at;
	memset(h->have, 0, h->n);
	memset(h->tensor, 0, h->n * sizeof *h->tensor);
	h->missing = 0;
	for (size_t i = 0; i < h->n; i++)
		h->missing += !h->optional[i];
	h->seen.len = 0;
}

/* Gives r the memory for payloads that the other record owns: of the size that this name had
 * in the item before, and warm. */
static void
lend_memory(struct det_record *r, struct det_record *other)
{
	void *own = r->own;
	size_t cap = r->own_cap;

	r->own = other->own;
	r->own_cap = other->own_cap;
	other->own = own;
	other->own_cap = cap;
}

/* The record goes into h's keeping, and h's old one to the reader. */
static void
take(struct tool *t, struct hold *h, struct det_record *r, size_t i)
{
	struct det_record swap;

	if (h->have[i])
		tool_die(t, "a second %s '%s'", noun(h, i), h->name[i]);
	if (h->missing == 0) /* else the same records in another order would mean
				another thing, and nobody would notice */
		tool_die(t,
		    "%s '%s' comes too late: before what it belongs to expected",
		    noun(h, i), h->name[i]);
	lend_memory(r, &h->held[i]);
	if (t->keep || h->pass[i])
		tool_write_load(t, r);
	else
		tool_load(t, r);
	swap = h->held[i];
	h->held[i] = *r;
	*r = swap;
	h->tensor[i] = h->held[i].tensor;
	h->have[i] = 1;
	h->missing -= !h->optional[i];
}

static int
pass_on(struct tool *t, struct det_record *r)
{
	if (t->out)
		tool_write(t, r);
	return 0;
}

int
hold_record(struct tool *t, struct hold *h, struct det_record *r)
{
	const char *name = det_record_name(r);
	int complete;
	size_t i = 0;

	if (r->kind == DET_ITEM || r->kind == DET_END) {
		item_ends(t, h);
		h->open = 0;
	}
	if (r->kind == DET_ITEM)
		item_begins(t, h);
	if ((r->kind != DET_TENSOR && r->kind != DET_BOXES) || !h->open)
		return pass_on(t, r);
	tool_check(t, det_buf_printf(&h->seen, " '%s'", name));
	while (i < h->n && (h->kind[i] != r->kind || strcmp(name, h->name[i]) != 0))
		i++;
	if (i == h->n)
		return pass_on(t, r);
	complete = h->missing == 0;
	take(t, h, r, i);
	return !complete && h->missing == 0;
}

void
hold_agrees(struct tool *t, const struct hold *h, const struct det_head *head)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->have[i])
			tool_check(t, det_head_agrees(head, i, &h->held[i].attrs));
}
