/* SPDX-License-Identifier: MIT
 *
 * det-propose --selective-search: boxes of a picture's own regions.
 */
#include "bin/hold.h"
#include "bin/propose_job.h"

#include <stdlib.h>

#include "box/map.h"
#include "image/shown.h"
#include "image/view.h"

const char *const propose_selective_modes[] = { "off", "fast", "quality", NULL };

/* The picture in the tensor, without its padding; *rect is where it lies. */
static void
read_picture(
    struct tool *t, struct det_image *im, double rect[4], const struct det_record *r)
{
	struct det_window part;
	struct det_norm norm;
	char *text;

	tool_check(t, det_attr_get(&text, &r->attrs, "norm"));
	if (!text)
		tool_die(t, "the tensor 'image' does not tell its normalisation");
	tool_check(t, det_norm_parse(&norm, text));
	free(text);
	tool_check(t, det_image_of_input(im, &r->tensor, &norm));
	tool_check(t, det_item_picture(rect, &t->cur));
	if (rect[2] > (double)im->w || rect[3] > (double)im->h)
		tool_die(t,
		    "the tensor 'image' is %zux%zu, but the item's picture ends at "
		    "%gx%g of it",
		    im->w, im->h, rect[2], rect[3]);
	part = (struct det_window){ (long)rect[0], (long)rect[1],
		(long)(rect[2] - rect[0]), (long)(rect[3] - rect[1]) };
	tool_check(t, det_view_cut(im, &part, 0, 0, im->w, im->h));
}

void
propose_selective(struct tool *t, const struct propose_job *j)
{
	struct det_selective_params p = j->selective;
	struct det_record r = { 0 };
	struct det_boxes list = { 0 };
	struct det_image im = { 0 };
	struct hold h;
	double rect[4];

	p.mode = j->mode - 1;
	if (j->max >= 0)
		p.max = j->max;
	hold_start(t, &h, DET_TENSOR, 1, "det-image");
	h.name[0] = "image";
	while (propose_read(t, j, &r)) {
		if (!hold_record(t, &h, &r))
			continue;
		read_picture(t, &im, rect, &h.held[0]);
		tool_check(t, det_selective_search(&list, &im, &p, tool_threads(t)));
		det_image_release(&im);
		for (size_t i = 0; i < list.n; i++) {
			list.box[i].x1 += rect[0], list.box[i].x2 += rect[0];
			list.box[i].y1 += rect[1], list.box[i].y2 += rect[1];
		}
		/* the list outlives this input: whoever reads the picture again may make
		 * another of it */
		tool_check(t, det_boxes_map(&list, &t->cur, DET_SPACE_IMAGE));
		tool_check(t, det_boxes_write(t->out, j->boxes, &list, NULL));
	}
	hold_finish(&h);
	det_boxes_release(&list);
	det_record_release(&r);
}
