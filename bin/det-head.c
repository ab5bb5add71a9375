/* SPDX-License-Identifier: MIT
 *
 * det-head: tensors through the model's network "head", if it has one, then decoded to
 * scored boxes as its decode text says.
 */
#include "bin/hold.h"
#include "bin/tool.h"

#include "model/head.h"

static void
decode(struct tool *t, struct det_boxes *b, struct det_head *h,
    const struct det_tensor *in, struct det_decode_params *p)
{
	p->in_w = t->cur.in_w;
	p->in_h = t->cur.in_h;
	tool_check(t, det_head_run(b, h, in, p));
	tool_check(t, det_boxes_write(t->out, "boxes", b, NULL));
}

int
main(int argc, char *argv[])
{
	struct det_decode_params p = DET_DECODE_DEFAULTS;
	const struct opt opts[] = {
		OPT_DOUBLE('t', "thresh", &p.thresh, 0, 1, "S",
		    "boxes are those scored above S"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-head",
		"Decode a network's output maps to scored boxes.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_NEEDS_MODEL | TOOL_PROFILE |
		    TOOL_THREADS | TOOL_KEEP,
		opts };
	struct tool t;
	struct det_head *head;
	struct hold maps;
	struct det_boxes boxes = { 0 };
	struct det_record r = { 0 };

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	tool_check(&t, det_head_open(&head, t.model, tool_threads(&t)));
	hold_start(&t, &maps, DET_TENSOR, det_head_wants(head), "det-backbone");
	for (size_t i = 0; i < maps.n; i++)
		maps.name[i] = det_head_want(head, i);

	/* work */
	while (tool_read(&t, &r))
		if (hold_record(&t, &maps, &r))
			decode(&t, &boxes, head, maps.tensor, &p);

	/* finish */
	hold_finish(&maps);
	det_boxes_release(&boxes);
	det_head_close(head);
	det_record_release(&r);
	return tool_finish(&t);
}
