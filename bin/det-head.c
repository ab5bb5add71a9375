/* SPDX-License-Identifier: MIT
 *
 * det-head: tensors through the model's network "head", if it has one, then decoded to
 * scored boxes as its decode text says.
 */
#include "bin/tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/head.h"

struct head {
	struct det_decode_params p;
	struct det_head *head;
	struct det_boxes boxes;
	size_t n;                /* tensors wanted */
	struct det_record *held; /* each, once it came */
	struct det_tensor *in;   /* the held records' tensors */
	char *have;
	size_t missing;
	struct det_buf seen; /* names of the item's tensors, for a message */
	/* the item at hand */
	int in_item, bad;
	long item;
	char path[256];
};

static void
head_open(struct tool *t, struct head *h)
{
	tool_check(t, det_head_open(&h->head, t->model, tool_threads(t)));
	h->n = det_head_wants(h->head);
	tool_check(t, det_calloc(&h->held, h->n, sizeof *h->held));
	tool_check(t, det_calloc(&h->in, h->n, sizeof *h->in));
	tool_check(t, det_calloc(&h->have, h->n, 1));
}

static void
head_close(struct head *h)
{
	for (size_t i = 0; i < h->n; i++)
		det_record_release(&h->held[i]);
	free(h->held);
	free(h->in);
	free(h->have);
	det_boxes_release(&h->boxes);
	det_buf_free(&h->seen);
	det_head_close(h->head);
}

/* An item that ends without all of its maps: says which, and what came instead. */
static void
item_ends(struct tool *t, struct head *h)
{
	size_t i = 0;

	if (!h->in_item || h->bad || h->missing == 0)
		return;
	while (h->have[i])
		i++;
	t->item = h->item;
	(void)snprintf(t->item_path, sizeof t->item_path, "%s", h->path);
	tool_die(t, "no tensor '%s': this stream has %s", det_head_want(h->head, i),
	    h->seen.len ? h->seen.text + 1 : "none (does det-backbone come before?)");
}

static void
item_begins(struct tool *t, struct head *h)
{
	h->in_item = 1;
	h->bad = t->cur.error != NULL;
	h->item = t->item;
	(void)snprintf(h->path, sizeof h->path, "%s", t->item_path);
	memset(h->have, 0, h->n);
	h->missing = h->n;
	h->seen.len = 0;
}

static void
decode(struct tool *t, struct head *h)
{
	h->p.in_w = t->cur.in_w;
	h->p.in_h = t->cur.in_h;
	for (size_t i = 0; i < h->n; i++)
		h->in[i] = h->held[i].tensor;
	tool_check(t, det_head_run(&h->boxes, h->head, h->in, &h->p));
	tool_check(t, det_boxes_write(t->out, "boxes", &h->boxes, NULL));
}

/* A tensor: held if it is one of the maps, else passed on. Returns whether it was taken. */
static int
take(struct tool *t, struct head *h, struct det_record *r)
{
	const char *name = det_record_name(r);
	struct det_record swap;
	size_t i = 0;

	tool_check(t, det_buf_printf(&h->seen, " '%s'", name));
	while (i < h->n && strcmp(name, det_head_want(h->head, i)) != 0)
		i++;
	if (i == h->n)
		return 0;
	if (h->have[i])
		tool_die(t, "a second tensor '%s'", name);
	tool_load(t, r);
	if (t->keep)
		tool_write(t, r);
	swap = h->held[i];
	h->held[i] = *r;
	*r = swap;
	h->have[i] = 1;
	if (--h->missing == 0)
		decode(t, h);
	return 1;
}

static void
record(struct tool *t, struct head *h, struct det_record *r)
{
	if (r->kind == DET_ITEM || r->kind == DET_END) {
		item_ends(t, h);
		h->in_item = 0;
	}
	if (r->kind == DET_ITEM)
		item_begins(t, h);
	if (r->kind == DET_TENSOR && h->in_item && !h->bad && take(t, h, r))
		return;
	tool_write(t, r);
}

int
main(int argc, char *argv[])
{
	struct head h = { .p = DET_DECODE_DEFAULTS };
	const struct opt opts[] = {
		OPT_DOUBLE(0, "thresh", &h.p.thresh, 0, 1, "S",
		    "boxes are those scored above S"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-head",
		"Decode a network's output maps to scored boxes.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_NEEDS_MODEL | TOOL_THREADS | TOOL_KEEP,
		opts };
	struct tool t;
	struct det_record r = { 0 };

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	head_open(&t, &h);

	/* work */
	while (tool_read(&t, &r))
		record(&t, &h, &r);

	/* finish */
	head_close(&h);
	det_record_release(&r);
	return tool_finish(&t);
}
