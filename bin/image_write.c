/* SPDX-License-Identifier: MIT
 *
 * det-image: a picture into the stream.
 */
#include "bin/image_job.h"

#include <stdio.h>
#include <stdlib.h>

static void
write_item(struct tool *t, struct items_in *stream, struct det_picture *pic,
    const struct det_item *it)
{
	if (pic->input.one)
		items_in_write(t, stream, pic->input.one, it);
	else
		tool_check(t, det_item_write(t->out, it));
}

/* The picture at scales besides the input's. */
static void
write_more(struct tool *t, const struct det_picture *pic, size_t more, const char *norm)
{
	char name[DET_SCALE_NAME];

	for (size_t k = 0; k < more; k++) {
		const struct det_place *at = &pic->more_place[k];
		const struct det_tensor image = { DET_F32, 4,
			{ 1, 3, at->in_h, at->in_w }, pic->more_tensor[k] };
		const double f[2] = { at->map.sx / pic->place.map.sx,
			at->map.sy / pic->place.map.sy };
		struct det_attrs a = { 0 };

		tool_check(t, det_attr_add(&a, "norm", norm));
		tool_check(t, det_scale_add(&a, f));
		tool_check(t, det_writer_tensor(t->out,
				  det_scale_name(name, "image", k + 1), &image, &a));
		free(a.text);
	}
}

void
image_write(struct tool *t, struct items_in *stream, struct det_picture *pic,
    const struct det_feed_params *p, const char *boxes)
{
	struct det_item it = { .path = pic->input.path, .id = pic->input.id };
	struct det_tensor bytes = { DET_U8, 1, { pic->input.size }, pic->input.data };
	struct det_tensor image = { DET_F32, 4,
		{ 1, 3, pic->place.in_h, pic->place.in_w }, pic->tensor };
	struct det_attrs a = { 0 };
	char text[DET_NORM_TEXT];
	const long number = ++t->at.item;

	(void)snprintf(t->at.path, sizeof t->at.path, "%s", it.path ? it.path : "");
	/* a batch of which nothing can be taken: the message names the picture, and what has
	 * been written so far doesn't tell its place */
	if (p->epochs && !it.path && (pic->input.broken || pic->err))
		t->at.item = -1;
	if (pic->input.broken)
		items_in_broken(t, stream, pic->message ? pic->message : "no memory");
	if (p->epochs && pic->input.one)
		image_train_item(t, p, pic);
	if (pic->err) {
		(void)det_fail(
		    pic->err, "%s", pic->message ? pic->message : "no memory");
		tool_bad_item(t);
		t->at.item = number;
		it.error = pic->message;
		it.orientation = 1;
		it.map = (struct det_transform){ 1, 1, 0, 0, 0, 0 };
		write_item(t, stream, pic, &it);
		return;
	}
	it.width = (long)pic->info.w;
	it.height = (long)pic->info.h;
	it.orientation = pic->info.orientation;
	it.in_w = (long)pic->place.in_w;
	it.in_h = (long)pic->place.in_h;
	it.map = pic->place.map;
	write_item(t, stream, pic, &it);
	if (p->epochs)
		image_train_write(t, stream, pic, boxes);
	if (pic->input.data)
		tool_check(t, det_writer_tensor(t->out, "source", &bytes, NULL));
	tool_check(t, det_attr_add(&a, "norm", det_norm_text(text, &p->prep.norm)));
	tool_check(t, det_writer_tensor(t->out, "image", &image, &a));
	free(a.text);
	write_more(t, pic, p->more, text);
}
