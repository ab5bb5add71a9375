/* SPDX-License-Identifier: MIT
 *
 * det-nms: non-maximum suppression, cuts by score and number, boxes back in the original
 * picture's pixels.
 */
#include "bin/hold.h"
#include "bin/tool.h"

#include "box/map.h"
#include "box/nms.h"

enum { CLIP_AFTER, CLIP_BEFORE, CLIP_NONE };
enum { MAP_BEFORE, MAP_AFTER, MAP_NONE };

struct nms {
	struct det_nms_params p;
	const char *boxes;
	int map, clip;
	struct det_boxes list;
};

static void
suppress(struct tool *t, struct nms *s, struct det_record *r)
{
	struct det_boxes *b = &s->list;

	tool_check(t, det_boxes_read(b, r));
	if (s->map == MAP_BEFORE)
		tool_check(t, det_boxes_map(b, &t->cur, DET_SPACE_IMAGE));
	if (s->clip == CLIP_BEFORE)
		tool_check(t, det_boxes_clip(b, &t->cur));
	tool_check(t, det_nms(b, &s->p));
	if (s->map == MAP_AFTER)
		tool_check(t, det_boxes_map(b, &t->cur, DET_SPACE_IMAGE));
	if (s->clip == CLIP_AFTER)
		tool_check(t, det_boxes_clip(b, &t->cur));
	tool_check(t, det_attr_set(&r->attrs, "space",
			  b->space == DET_SPACE_IMAGE ? "image" : "input"));
	tool_check(t, det_boxes_write(t->out, s->boxes, b, &r->attrs));
}

int
main(int argc, char *argv[])
{
	static const char *const methods[] = { "greedy", "soft-linear", "soft-gauss",
		"matrix-linear", "matrix-gauss", "fuse", NULL };
	static const char *const overlaps[] = { "iou", "diou", NULL };
	static const char *const clips[] = { "after", "before", "none", NULL };
	static const char *const maps[] = { "before", "after", "none", NULL };
	static const char *const means[] = { "avg", "max", NULL };
	struct nms s = { .p = DET_NMS_DEFAULTS, .boxes = "boxes" };
	const struct opt opts[] = {
		OPT_DOUBLE(0, "iou", &s.p.iou, 0, 1, "T",
		    "drop a box that overlaps a better one by more"),
		OPT_FLAG(0, "ge", &s.p.ge, "drop it at exactly T as well"),
		OPT_FLAG(0, "wide", &s.p.wide, "compare with T in double precision"),
		OPT_FLAG(
		    0, "agnostic", &s.p.agnostic, "across classes, not within each"),
		OPT_DOUBLE(0, "min-score", &s.p.min_score, -1e300, 1e300, "S",
		    "drop boxes scored below S (default: none)"),
		OPT_LONG(0, "pre-max-per-class", &s.p.pre_max_per_class, 0, 1e9, "N",
		    "only the N best of a class compete (default: all)"),
		OPT_LONG(0, "pre-max", &s.p.pre_max, 0, 1e9, "N",
		    "only the N best compete (default: all)"),
		OPT_LONG(0, "max-per-class", &s.p.max_per_class, 0, 1e9, "N",
		    "keep at most N of a class (default: all)"),
		OPT_LONG(
		    0, "max", &s.p.max, 0, 1e9, "N", "keep at most N (default: all)"),
		OPT_FLAG(0, "max-ties", &s.p.max_ties,
		    "and all that score as the last of them"),
		OPT_CHOICE(0, "method", &s.p.method, methods, "METHOD",
		    "drop boxes, lower their scores, or make one of them"),
		OPT_DOUBLE(
		    0, "sigma", &s.p.sigma, 1e-6, 1e6, "S", "of the gauss methods"),
		OPT_CHOICE(0, "fuse-score", &s.p.fuse, means, "KIND",
		    "the score of a fused box"),
		OPT_CHOICE(0, "overlap", &s.p.overlap, overlaps, "KIND",
		    "how overlap is measured"),
		OPT_FLAG(0, "plus-one", &s.p.plus_one, "sides are x2 - x1 + 1"),
		OPT_DOUBLE(0, "eta", &s.p.eta, 1e-6, 1, "E",
		    "T shrinks by this with each box kept, down to .5"),
		OPT_LONG(0, "trick", &s.p.trick, -1, 1e6, "FIRST",
		    "torchvision's coordinate trick; class 0 is FIRST"),
		OPT_CHOICE(0, "map", &s.map, maps, "WHEN",
		    "map boxes to the picture's pixels, before or after"),
		OPT_CHOICE(0, "clip", &s.clip, clips, "WHEN",
		    "cut boxes at the picture's edges"),
		OPT_STR(0, "boxes", &s.boxes, "NAME", "the box list to work on"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-nms",
		"Drop boxes that repeat better ones; map boxes to the original "
		"picture.",
		"[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_MODEL | TOOL_PROFILE | TOOL_THREADS,
		opts };
	struct tool t;
	struct hold list;
	struct det_record r = { 0 };

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	s.p.threads = tool_threads(&t);
	hold_start(&t, &list, DET_BOXES, 1, "det-head");
	list.name[0] = s.boxes;

	/* work */
	while (tool_read(&t, &r))
		if (hold_record(&t, &list, &r))
			suppress(&t, &s, list.held);

	/* finish */
	hold_finish(&list);
	det_boxes_release(&s.list);
	det_record_release(&r);
	return tool_finish(&t);
}
