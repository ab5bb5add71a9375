/* SPDX-License-Identifier: MIT */
#include "bin/anchors_modes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "bin/progress.h"
#include "box/kmeans.h"
#include "box/map.h"

/* Two floats a box is all that is kept. */
struct sides {
	float *wh;
	size_t n, cap; /* numbers */
	size_t empty;
	long size_w, size_h; /* pictures are stretched to; 0: are not */
};

static void
add_boxes(struct tool *t, struct sides *s, struct det_boxes *b, struct det_record *r)
{
	double sx = 1, sy = 1;

	tool_check(t, det_boxes_read(b, r));
	if (t->cur.in_w > 0) {
		tool_check(t, det_boxes_map(b, &t->cur, DET_SPACE_INPUT));
	} else if (s->size_w) {
		if (t->cur.width <= 0 || t->cur.height <= 0)
			tool_die(t, "the item does not tell the picture's size");
		sx = (double)s->size_w / (double)t->cur.width;
		sy = (double)s->size_h / (double)t->cur.height;
	}
	tool_check(t, det_grow(&s->wh, &s->cap, s->n + 2 * b->n, sizeof *s->wh));
	for (size_t i = 0; i < b->n; i++) {
		const struct det_box *x = &b->box[i];
		float w = (float)((x->x2 - x->x1) * sx);
		float h = (float)((x->y2 - x->y1) * sy);

		if (x->flags & (DET_BOX_CROWD | DET_BOX_IGNORE))
			continue;
		if (!(w > 0 && h > 0)) {
			s->empty++;
			continue;
		}
		s->wh[s->n++] = w;
		s->wh[s->n++] = h;
	}
}

static void
print_result(struct tool *t, const struct anchors_learn *l, const double *wh)
{
	double unit = l->stride > 0 ? l->stride : 1;

	for (size_t i = 0; i < 2 * (size_t)l->k; i++)
		(void)fprintf(tool_stdout(t), "%s%.6g", i ? "," : "", wh[i] / unit);
	(void)fputc('\n', tool_stdout(t));
}

void
anchors_learn(struct tool *t, const struct anchors_learn *l, const char *size)
{
	struct sides s = { 0 };
	struct det_boxes boxes = { 0 };
	struct det_record r = { 0 };
	double *wh, iou;

	if (size)
		anchors_size(t, &s.size_w, &s.size_h, &size, "--size");
	while (tool_read(t, &r))
		if (r.kind == DET_BOXES && !strcmp(det_record_name(&r), l->boxes) &&
		    !t->cur.error)
			add_boxes(t, &s, &boxes, &r);
	if (s.empty)
		tool_warn(t, "boxes without area, left out: %zu", s.empty);
	if (s.n == 0)
		tool_die(t, "no box in a list '%s'", l->boxes);
	tool_check(t, det_calloc(&wh, (size_t)l->k, 2 * sizeof *wh));
	tool_check(
	    t, det_kmeans(wh, &iou, (size_t)l->k, s.wh, s.n / 2, (uint64_t)l->seed));
	print_result(t, l, wh);
	if (!t->quiet) {
		progress_clear();
		(void)fprintf(stderr, "%s: %zu boxes, mean IoU %.4f\n", t->spec->name,
		    s.n / 2, iou);
	}
	free(wh);
	free(s.wh);
	det_boxes_release(&boxes);
	det_record_release(&r);
}
