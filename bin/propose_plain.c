/* SPDX-License-Identifier: MIT
 *
 * det-propose --windows and --from: boxes that no picture was looked at for.
 */
#include "bin/hold.h"
#include "bin/propose_job.h"

#include <string.h>

#include "box/map.h"
#include "box/near.h"
#include "box/windows.h"

int
propose_read(struct tool *t, const struct propose_job *j, struct det_record *r)
{
	if (!tool_read(t, r))
		return 0;
	if (r->kind == DET_BOXES && !t->cur.error &&
	    !(j->from && strcmp(j->from, j->boxes) == 0) &&
	    strcmp(det_record_name(r), j->boxes) == 0)
		tool_die(t,
		    "the item has a box list '%s' already: give --boxes another name",
		    j->boxes);
	return 1;
}

void
propose_windows(struct tool *t, const struct propose_job *j)
{
	const struct propose_windows *w = &j->windows;
	const struct det_windows_params p = { w->sizes.v, w->sizes.n, w->aspects.v,
		w->aspects.n, w->step, w->stride, w->levels };
	struct det_boxes list = { 0 };
	struct det_record r = { 0 };

	while (propose_read(t, j, &r)) {
		const struct det_item *it = &t->cur;
		long wide = it->width, high = it->height;

		tool_write(t, &r);
		if (r.kind != DET_ITEM || it->error)
			continue;
		list.space = DET_SPACE_IMAGE;
		if (wide == 0 || high == 0) {
			list.space = DET_SPACE_INPUT;
			wide = it->in_w, high = it->in_h;
		}
		if (wide == 0 || high == 0)
			tool_die(t, "the item does not tell the picture's size: does "
				    "det-image come before?");
		tool_check(t, det_windows_make(&list, (double)wide, (double)high, &p));
		tool_check(t, det_boxes_write(t->out, j->boxes, &list, NULL));
	}
	det_boxes_release(&list);
	det_record_release(&r);
}

/* What a proposal has: the place and the score. */
static void
bare(struct det_boxes *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct det_box *b = &list->box[i];

		b->area = 0;
		b->label = -1;
		b->flags = 0;
		b->source = (int32_t)i;
	}
}

void
propose_from(struct tool *t, const struct propose_job *j)
{
	struct det_nms_params best = DET_NMS_DEFAULTS;
	struct det_boxes list = { 0 }, gt = { 0 };
	struct det_record r = { 0 };
	struct hold h;

	/* no box overlaps another by more than all */
	best.iou = 1;
	best.pre_max = j->max;
	hold_start(t, &h, DET_BOXES, j->near >= 0 ? 2 : 1, "det-gt, or a detector,");
	h.name[0] = j->from;
	h.pass[0] = strcmp(j->from, j->boxes) != 0;
	if (j->near >= 0) {
		h.name[1] = j->gt;
		h.pass[1] = 1;
	}
	while (propose_read(t, j, &r)) {
		if (!hold_record(t, &h, &r))
			continue;
		tool_check(t, det_boxes_read(&list, &h.held[0]));
		bare(&list);
		if (j->near >= 0) {
			tool_check(t, det_boxes_read(&gt, &h.held[1]));
			tool_check(t, det_boxes_map(&gt, &t->cur, list.space));
			det_boxes_near(&list, &gt, j->near);
		}
		if (j->max > 0)
			tool_check(t, det_nms(&list, &best));
		tool_check(t, det_boxes_write(t->out, j->boxes, &list, NULL));
	}
	hold_finish(&h);
	det_boxes_release(&list);
	det_boxes_release(&gt);
	det_record_release(&r);
}
