/* SPDX-License-Identifier: MIT */
#include "eval/matches.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "eval/byimage.h"

enum det_err
det_matches_head(struct det_buf *out)
{
	return det_buf_printf(out,
	    "image\tclass\tverdict\tscore\tiou\tx1\ty1\tx2\ty2\tobject\timage_id\n");
}

/* A text of the data set's, in one column of one line. */
static enum det_err
put_text(struct det_buf *out, const char *text)
{
	const size_t at = out->len;
	enum det_err e = det_buf_printf(out, "%s", *text ? text : "-");

	if (!e)
		det_text_clean(out->text + at, out->len - at, 0);
	return e ? e : det_buf_add(out, "\t", 1);
}

struct line {
	uint32_t image;
	int32_t label;
	const char *verdict;
	const struct det_eval_rect *r;
	double score, iou; /* below 0: none */
	int has_score;
	const struct det_eval_gt *object;
};

static enum det_err
put_line(struct det_buf *out, const struct det_eval_set *s, const struct line *l)
{
	char a[32] = "-", b[32] = "-", c[4][32], id[32] = "-";
	enum det_err e;

	if (l->has_score)
		(void)det_double_text(a, l->score);
	if (l->iou >= 0)
		(void)snprintf(b, sizeof b, "%.6f", l->iou);
	if (l->object)
		(void)snprintf(id, sizeof id, "%lld", (long long)l->object->id);
	if ((e = put_text(out, s->image[l->image].name)) ||
	    (e = put_text(out, det_class_name(&s->classes, l->label))))
		return e;
	return det_buf_printf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%lld\n", l->verdict,
	    a, b, det_double_text(c[0], l->r->x1), det_double_text(c[1], l->r->y1),
	    det_double_text(c[2], l->r->x2), det_double_text(c[3], l->r->y2), id,
	    (long long)s->image[l->image].id);
}

static enum det_err
put_missed(struct det_buf *out, const struct det_eval *e, size_t class,
    const unsigned char *met)
{
	enum det_err err = DET_OK;

	for (size_t g = 0; !err && g < e->set->n_gt; g++) {
		const struct det_eval_gt *o = &e->set->gt[g];
		const struct line l = { o->image, o->label, "fn", &o->r, 0, -1, 0, o };

		if (o->label < 0 || met[g] || e->gt_ignored[g] ||
		    (e->rule.classes && (size_t)o->label != class))
			continue;
		err = put_line(out, e->set, &l);
	}
	return err;
}

enum det_err
det_matches_class(
    struct det_buf *out, const struct det_eval *e, size_t iou, size_t class)
{
	const size_t last = e->rule.max_dets[e->rule.n_max - 1];
	unsigned char *met;
	enum det_err err;

	if (!e->gt)
		return det_fail(
		    DET_INVALID, "which object each detection met was not kept");
	if ((err = det_calloc(&met, e->set->n_gt, 1)))
		return err;
	for (size_t i = e->start[class]; !err && i < e->start[class + 1]; i++) {
		const struct det_eval_det *d = &e->set->det[e->order[i]];
		const int32_t g = e->gt[iou * e->n + i];
		const int hit = e->hit[i] >> iou & 1, out_of = e->ignored[i] >> iou & 1;
		struct line l = { d->image, d->label,
			out_of ? "ignored"
			: hit  ? "tp"
			       : "fp",
			&d->r, d->score, -1, 1, NULL };

		if (e->rank[i] >= last)
			continue;
		if (g >= 0) {
			l.object = &e->set->gt[g];
			l.iou = det_eval_iou(&d->r, &l.object->r);
			met[g] |= (unsigned char)(hit && !out_of);
		}
		err = put_line(out, e->set, &l);
	}
	if (!err)
		err = put_missed(out, e, class, met);
	free(met);
	return err;
}
