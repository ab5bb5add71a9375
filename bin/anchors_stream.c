/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bin/anchors_modes.h"

struct stage {
	const struct det_anchors *text;
	const char *wanted; /* of each map of the text */
	char *have;         /* likewise: came in this item */
	float *box;
	size_t cap;
};

/* Writes the anchors of the map whose record comes. */
static void
write_anchors(struct tool *t, struct stage *s, size_t i, const struct det_record *r)
{
	const struct det_tensor *map = &r->tensor;
	struct det_tensor out = { DET_F32, 4, { 0 }, NULL };
	struct det_anchors_at at;
	struct det_attrs a = { 0 };
	char name[300], shape[96];
	size_t n;

	/* of a map without numbers the record can claim any height and width */
	if (map->rank != 4 || !r->size)
		tool_die(t, "map '%s': 1xCxHxW expected, found %s", det_record_name(r),
		    det_shape_text(shape, sizeof shape, map));
	if (s->have[i])
		tool_die(t, "a second tensor '%s'", det_record_name(r));
	s->have[i] = 1;
	at = (struct det_anchors_at){ map->dims[2], map->dims[3], t->cur.in_h,
		t->cur.in_w };
	out.dims[0] = at.h;
	out.dims[1] = at.w;
	out.dims[2] = det_anchors_in_cell(s->text, i);
	out.dims[3] = 4;
	tool_check(t, det_tensor_count(&n, &out));
	tool_check(t, det_grow(&s->box, &s->cap, n, sizeof *s->box));
	tool_check(t, det_anchors_make(s->box, s->text, i, &at));
	out.data = s->box;
	(void)snprintf(name, sizeof name, "%s.anchors", det_record_name(r));
	tool_check(t, det_attr_add(&a, "anchors", det_anchors_text(s->text, i)));
	tool_check(t, det_writer_tensor(t->out, name, &out, &a));
	free(a.text);
}

/* Called at the record after the item: the place to speak of is `at`. */
static void
item_ends(struct tool *t, struct stage *s, const struct tool_place *at)
{
	for (size_t i = 0; i < det_anchors_maps(s->text); i++)
		if (s->wanted[i] && !s->have[i]) {
			t->at = *at;
			tool_die(t, "no tensor '%s': does det-backbone come before?",
			    det_anchors_map(s->text, i));
		}
}

void
anchors_stream(struct tool *t, const struct det_anchors *text, const char *wanted)
{
	struct stage stage = { .text = text, .wanted = wanted }, *s = &stage;
	struct det_record r = { 0 };
	struct tool_place at = t->at;
	int open = 0;
	size_t i;

	tool_check(t, det_calloc(&s->have, det_anchors_maps(text), 1));
	while (tool_read(t, &r)) {
		if (open && (r.kind == DET_ITEM || r.kind == DET_END)) {
			item_ends(t, s, &at);
			open = 0;
		}
		if (r.kind == DET_ITEM) {
			open = t->cur.error == NULL;
			at = t->at;
			memset(s->have, 0, det_anchors_maps(s->text));
		}
		if (open && r.kind == DET_TENSOR &&
		    det_anchors_find(&i, s->text, det_record_name(&r)) && s->wanted[i])
			write_anchors(t, s, i, &r);
		tool_write(t, &r);
	}
	det_record_release(&r);
	free(s->have);
	free(s->box);
}
