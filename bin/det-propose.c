/* SPDX-License-Identifier: MIT
 *
 * det-propose: where something may be: the model's network "rpn" over the feature maps, its
 * outputs decoded, suppressed within each map, and the best of all kept; or the regions of
 * the picture itself (selective search).
 */
#include "bin/hold.h"
#include "bin/propose_job.h"

#include "box/nms.h"
#include "model/head.h"

struct propose {
	struct det_decode_params decode;
	struct det_nms_params nms;
	long pre, post, train_pre, train_post;
	int train, any;
	const char *boxes;
	struct det_boxes list;
	struct propose_selective search;
};

/* Suppression is within a class: the class is the map, until it is done. */
static void
propose(struct tool *t, struct propose *s, struct det_head *rpn, struct hold *h)
{
	const struct det_head_in in = { h->tensor, NULL };

	if (!s->any)
		hold_agrees(t, h, rpn);
	tool_check(t, det_decode_place(&s->decode, &t->cur));
	tool_check(t, det_head_run(&s->list, rpn, &in, &s->decode));
	tool_check(t, det_nms(&s->list, &s->nms));
	for (size_t i = 0; i < s->list.n; i++)
		s->list.box[i].label = -1;
	tool_check(t, det_boxes_write(t->out, s->boxes, &s->list, NULL));
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

/* Of feature maps, by the model. */
static void
propose_maps(struct tool *t, struct propose *s)
{
	struct det_head *rpn;
	struct hold maps;
	struct det_record r = { 0 };

	if (!t->model)
		tool_usage(t, "which model? give -m MODEL, or --selective-search");
	s->decode.top = s->train ? s->train_pre : s->pre;
	s->nms.max = s->train ? s->train_post : s->post;
	tool_check(t, det_head_open(&rpn, t->model, "rpn", "propose", tool_threads(t)));
	hold_inputs(t, &maps, rpn);
	while (tool_read(t, &r))
		if (hold_record(t, &maps, &r))
			propose(t, s, rpn, &maps);
	hold_finish(&maps);
	det_boxes_release(&s->list);
	det_head_close(rpn);
	det_record_release(&r);
}

int
main(int argc, char *argv[])
{
	struct propose s = { .decode = { .thresh = -1, .by_line = 1 },
		.nms = DET_NMS_DEFAULTS,
		.pre = 1000,
		.post = 1000,
		.train_pre = 2000,
		.train_post = 2000,
		.boxes = "proposals",
		.search = { 0, DET_SELECTIVE_DEFAULTS } };
	const struct opt opts[] = {
		OPT_LONG(0, "pre-nms", &s.pre, 0, 1e9, "N",
		    "the best of each map that compete; 0: all"),
		OPT_DOUBLE(0, "iou", &s.nms.iou, 0, 1, "T",
		    "drop a box that overlaps a better one of its map by more"),
		OPT_FLAG(0, "ge", &s.nms.ge, "drop it at exactly T as well"),
		OPT_FLAG(0, "plus-one", &s.nms.plus_one, "sides are x2 - x1 + 1"),
		OPT_LONG(0, "post-nms", &s.post, 0, 1e9, "N",
		    "the best of all maps that are kept; 0: all"),
		OPT_FLAG(0, "train", &s.train, "use the numbers for training instead"),
		OPT_LONG(0, "train-pre-nms", &s.train_pre, 0, 1e9, "N",
		    "--pre-nms under --train"),
		OPT_LONG(0, "train-post-nms", &s.train_post, 0, 1e9, "N",
		    "--post-nms under --train"),
		OPT_STR(0, "boxes", &s.boxes, "NAME", "the box list to make"),
		OPT_FLAG(0, "any", &s.any,
		    "take anchors made under other values than the model's"),
		OPT_CHOICE(0, "selective-search", &s.search.mode,
		    propose_selective_modes, "MODE",
		    "of the picture's regions, without a model"),
		OPT_CHOICE(0, "rules", &s.search.p.rules, det_selective_rules_names,
		    "WHOSE", "selective search: spaces, scales, order"),
		OPT_LONG(0, "seed", &s.search.p.seed, 0, 1L << 53, "N",
		    "selective search: of the order"),
		OPT_LONG(0, "min-side", &s.search.p.min_side, 0, 65535, "PIXELS",
		    "selective search: of a box (default: WHOSE)"),
		OPT_LONG(0, "max", &s.search.p.max, 0, 1e9, "N",
		    "selective search: boxes to keep; 0: all"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-propose",
		"Propose boxes where something may be.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_MODEL | TOOL_PROFILE | TOOL_THREADS |
		    TOOL_KEEP,
		opts };
	struct tool t;

	/* arguments */
	s.nms.iou = .7;
	tool_start(&t, &spec, argc, argv);

	/* work */
	if (s.search.mode)
		propose_selective(&t, &s.search, s.boxes);
	else
		propose_maps(&t, &s);

	/* finish */
	return tool_finish(&t);
}
