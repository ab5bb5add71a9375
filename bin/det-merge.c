/* SPDX-License-Identifier: MIT
 *
 * det-merge: box lists of several streams of the same pictures, item by item: ensembles,
 * scales, flips; one detector's boxes confirmed by another's.
 */
#include <stdlib.h>

#include "bin/sides.h"
#include "bin/tool.h"

#include "base/mem.h"
#include "box/map.h"
#include "box/merge.h"

struct merge {
	struct sides s;
	struct det_merge_params p;
	struct opt_list weights;
	double *weight;       /* of each side that has the item */
	struct det_boxes *in; /* and its list, which the side owns */
	struct det_boxes out;
};

static void
prepare(struct tool *t, struct merge *m)
{
	struct sides *s = &m->s;

	if (m->weights.n && m->weights.n != s->n)
		tool_usage(t, "%zu weights for %zu streams", m->weights.n, s->n);
	tool_check(t, det_calloc(&m->weight, s->n, sizeof *m->weight));
	tool_check(t, det_calloc(&m->in, s->n, sizeof *m->in));
	m->p.threads = tool_threads(t);
}

static void
merge_item(struct tool *t, struct merge *m)
{
	struct sides *s = &m->s;
	struct det_record *r = &s->lead->r;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct side *x = &s->side[i];

		if (!x->used)
			continue;
		sides_list(t, s, x);
		tool_check(t, det_boxes_map(&x->list, &x->item, DET_SPACE_IMAGE));
		m->weight[n] = m->weights.n ? m->weights.v[i] : 1;
		m->in[n++] = x->list;
	}
	/* without the first stream's list there is nothing to confirm */
	if (m->p.method == DET_MERGE_RESCORE && !s->side[0].used)
		n = 0;
	tool_check(t, det_merge(&m->out, m->in, m->weight, n, &m->p));
	m->out.space = DET_SPACE_IMAGE;
	tool_check(t, det_attr_set(&r->attrs, "space", "image"));
	tool_check(t, det_boxes_write(t->out, s->boxes, &m->out, &r->attrs));
}

int
main(int argc, char *argv[])
{
	static const char *const methods[] = { "concat", "wbf", "rescore", NULL };
	static const char *const means[] = { "avg", "max", NULL };
	static const char *const combine[] = { "or", "add", NULL };
	struct merge m = { .p = DET_MERGE_DEFAULTS, .s.boxes = "boxes" };
	const struct opt opts[] = {
		OPT_CHOICE(0, "method", &m.p.method, methods, "METHOD",
		    "join lists, fuse boxes, or rescore the first stream's"),
		OPT_LIST(0, "weights", &m.weights, 1e-9, 1e9, "W,W...",
		    "of the streams, for scores (default: all 1)"),
		OPT_DOUBLE(0, "iou", &m.p.iou, 0, 1, "T",
		    "boxes that overlap by more are of one object"),
		OPT_DOUBLE(0, "min-score", &m.p.min_score, -1e300, 1e300, "S",
		    "leave out boxes scored below S (default: none)"),
		OPT_FLAG(
		    0, "agnostic", &m.p.agnostic, "across classes, not within each"),
		OPT_FLAG(0, "plus-one", &m.p.plus_one, "sides are x2 - x1 + 1"),
		OPT_CHOICE(0, "fuse-score", &m.p.fuse, means, "KIND",
		    "wbf: the score of a fused box"),
		OPT_DOUBLE(0, "boost", &m.p.boost, 0, 1e6, "B",
		    "rescore: how much a like box counts"),
		OPT_CHOICE(0, "combine", &m.p.combine, combine, "HOW",
		    "rescore: as probabilities, or a sum"),
		OPT_FLAG(
		    0, "by-name", &m.s.by_name, "classes with equal names are equal"),
		OPT_FLAG(0, "allow-missing", &m.s.allow_missing,
		    "items need not be in every stream"),
		OPT_STR(0, "boxes", &m.s.boxes, "NAME", "the box list to merge"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-merge",
		"Merge the box lists of several streams of the same pictures.",
		"FILE FILE ...", TOOL_WRITES | TOOL_THREADS | TOOL_SIDES, opts };
	struct tool t;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	sides_start(&t, &m.s);
	prepare(&t, &m);

	/* work */
	while (sides_begin(&t, &m.s))
		while (sides_item(&t, &m.s))
			if (!m.s.bad)
				merge_item(&t, &m);

	/* finish */
	sides_finish(&m.s);
	free(m.weight);
	free(m.in);
	det_boxes_release(&m.out);
	return tool_finish(&t);
}
