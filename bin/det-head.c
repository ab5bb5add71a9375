/* SPDX-License-Identifier: MIT
 *
 * det-head: tensors through the model's network "head", if it has one, then decoded to
 * scored boxes as its decode text says.
 */
#include "bin/hold.h"
#include "bin/tool.h"

#include <stdlib.h>

#include "base/mem.h"
#include "box/map.h"
#include "model/head.h"

struct job {
	struct det_head *head;
	struct det_decode_params p;
	struct hold want;
	struct det_boxes
	    *list; /* of each record wanted: its boxes, where it is a list */
	struct det_boxes boxes;
	int any;
};

static void
start(struct tool *t, struct job *j)
{
	struct hold *h = &j->want;
	enum det_head_kind kind;

	tool_check(
	    t, det_head_open(&j->head, t->model, "head", "decode", tool_threads(t)));
	hold_start(t, h, DET_TENSOR, det_head_wants(j->head), "det-backbone");
	tool_check(t, det_calloc(&j->list, h->n, sizeof *j->list));
	for (size_t i = 0; i < h->n; i++) {
		h->name[i] = det_head_want(j->head, i, &kind);
		h->kind[i] = kind == DET_HEAD_LIST ? DET_BOXES : DET_TENSOR;
		h->optional[i] = kind == DET_HEAD_GRID;
	}
}

static void
run(struct tool *t, struct job *j)
{
	struct hold *h = &j->want;

	if (!j->any)
		hold_agrees(t, h, j->head);
	for (size_t i = 0; i < h->n; i++)
		if (h->kind[i] == DET_BOXES) {
			tool_check(t, det_boxes_read(&j->list[i], &h->held[i]));
			tool_check(
			    t, det_boxes_map(&j->list[i], &t->cur, DET_SPACE_INPUT));
		}
	tool_check(t, det_decode_place(&j->p, &t->cur));
	tool_check(t, det_head_run(&j->boxes, j->head,
			  &(struct det_head_in){ h->tensor, j->list }, &j->p));
	tool_check(t, det_boxes_write(t->out, "boxes", &j->boxes, NULL));
}

static void
finish(struct job *j)
{
	for (size_t i = 0; i < j->want.n; i++)
		det_boxes_release(&j->list[i]);
	free(j->list);
	hold_finish(&j->want);
	det_boxes_release(&j->boxes);
	det_head_close(j->head);
}

int
main(int argc, char *argv[])
{
	struct job j = { .p = DET_DECODE_DEFAULTS };
	const struct opt opts[] = {
		OPT_DOUBLE('t', "thresh", &j.p.thresh, -1e30, 1e30, "S",
		    "boxes are those scored above S"),
		OPT_LONG(0, "top", &j.p.top, 0, 1e9, "N",
		    "only the N best of a map; 0: all (default: as the model says)"),
		OPT_FLAG(0, "any", &j.any,
		    "take what was made under other values than the model's"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-head",
		"Decode a network's output maps to scored boxes.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_NEEDS_MODEL | TOOL_PROFILE |
		    TOOL_THREADS | TOOL_KEEP,
		opts };
	struct tool t;
	struct det_record r = { 0 };

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	start(&t, &j);

	/* work */
	while (tool_read(&t, &r))
		if (hold_record(&t, &j.want, &r))
			run(&t, &j);

	/* finish */
	finish(&j);
	det_record_release(&r);
	return tool_finish(&t);
}
