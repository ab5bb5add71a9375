/* SPDX-License-Identifier: MIT
 *
 * det-propose with a model: its network "rpn" over the feature maps, its outputs decoded,
 * suppressed within each map, and the best of all kept.
 */
#include "bin/hold.h"
#include "bin/propose_job.h"

#include "model/head.h"

struct propose {
	struct det_decode_params decode;
	struct det_nms_params nms;
	struct det_boxes list;
};

/* Suppression is within a class: the class is the map, until it is done. */
static void
propose(struct tool *t, struct propose *s, const struct propose_job *j,
    struct det_head *rpn, struct hold *h)
{
	const struct det_head_in in = { h->tensor, NULL };

	if (!j->maps.any)
		hold_agrees(t, h, rpn);
	tool_check(t, det_decode_place(&s->decode, &t->cur));
	tool_check(t, det_head_run(&s->list, rpn, &in, &s->decode));
	tool_check(t, det_nms(&s->list, &s->nms));
	for (size_t i = 0; i < s->list.n; i++)
		s->list.box[i].label = -1;
	tool_check(t, det_boxes_write(t->out, j->boxes, &s->list, NULL));
}

static void
hold_inputs(struct tool *t, struct hold *h, const struct det_head *rpn)
{
	enum det_head_kind kind;

	hold_start(t, h, DET_TENSOR, det_head_wants(rpn), "det-backbone");
	for (size_t i = 0; i < h->n; i++) {
		h->name[i] = det_head_want(rpn, i, &kind);
		h->optional[i] = kind == DET_HEAD_GRID;
		h->pass[i] = kind == DET_HEAD_INPUT;
		if (kind == DET_HEAD_LIST)
			tool_die(t,
			    "%s: propose: box list '%s' wanted: proposals are made of "
			    "maps alone",
			    t->model_path, h->name[i]);
	}
}

void
propose_maps(struct tool *t, const struct propose_job *j)
{
	struct propose s = { .decode = { .thresh = -1, .by_line = 1 },
		.nms = DET_NMS_DEFAULTS };
	struct det_record r = { 0 };
	struct det_head *rpn;
	struct hold maps;

	s.nms.iou = j->maps.iou;
	s.nms.ge = j->maps.ge;
	s.nms.plus_one = j->maps.plus_one;
	s.decode.top = j->maps.train ? j->maps.train_pre : j->maps.pre;
	s.nms.max = j->maps.train ? j->maps.train_post : j->maps.post;
	tool_check(t, det_head_open(&rpn, t->model, "rpn", "propose", tool_threads(t)));
	hold_inputs(t, &maps, rpn);
	while (propose_read(t, j, &r))
		if (hold_record(t, &maps, &r))
			propose(t, &s, j, rpn, &maps);
	hold_finish(&maps);
	det_boxes_release(&s.list);
	det_head_close(rpn);
	det_record_release(&r);
}
