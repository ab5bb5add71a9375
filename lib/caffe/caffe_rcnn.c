/* SPDX-License-Identifier: MIT
 *
 * Fast and Faster R-CNN (py-faster-rcnn's prototxts). A network that cuts windows from a map
 * (ROIPooling) falls into parts, each a network of the model:
 *
 *   backbone   what the map is computed from
 *   rpn        what scores and moves anchors, up to the proposal layer
 *   head       what follows the windows; its input is `rois`
 *
 * The proposal layer, a Python program (or Proposal, a fork's), is the text "propose" and
 * options of det-propose: decoding with sizes x2 - x1 + 1, no limit on exp, boxes cut to
 * [0, W-1], those with a side below 16 pixels of the original picture dropped, then 6000
 * boxes before and 300 after a suppression at .7 (>=). Scores of its softmax over pairs
 * (2, A*H, W) are those of channels a and A + a: order=class.
 *
 * The second stage's deltas have their standard deviations folded into the weights when a
 * snapshot is written: weights=1,1,1,1. They move proposals that were divided by the
 * picture's scale: their +1 is a pixel of the original (unscaled).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "caffe/caffe_net.h"

#define MAX_SCALES 16

/* Numbers of the anchors, in py-faster-rcnn's terms. */
struct anchors {
	double stride, base, scale[MAX_SCALES], ratio[MAX_SCALES];
	size_t scales, ratios;
};

static const struct anchors defaults = { 16, 16, { 8, 16, 32 }, { .5, 1, 2 }, 3, 3 };

static enum det_err
put_anchors(struct det_caffe *c, const struct anchors *a, const char *map)
{
	char text[32];
	enum det_err e = det_buf_printf(&c->anchors, "grid(%s)", map);

	for (size_t i = 0; !e && i < a->scales; i++)
		e = det_buf_printf(&c->anchors, "%s%s",
		    i ? "," : " sizes=", det_double_text(text, a->scale[i] * a->base));
	for (size_t i = 0; !e && i < a->ratios; i++)
		e = det_buf_printf(&c->anchors, "%s%s",
		    i ? "," : " ratios=", det_double_text(text, a->ratio[i]));
	if (!e)
		e = det_buf_printf(
		    &c->anchors, " round=base base=%s", det_double_text(text, a->base));
	return e ? e
		 : det_buf_printf(
		       &c->anchors, " stride=%s\n", det_double_text(text, a->stride));
}

/* The map that windows will be cut from is not known yet: "%" stands for it till then. */
static enum det_err
propose(struct cf_work *w, const struct anchors *a)
{
	struct det_caffe *c = w->c;
	struct cf_view *scores, *info, *top;
	size_t cls, box, count = a->scales * a->ratios;
	enum det_err e;

	if (c->has_rpn)
		return cf_bad(w, DET_UNSUPPORTED, "a second one");
	if ((e = cf_ends(w, 2, 3, 1, 2)) || (e = cf_bottom(&scores, w, 0)))
		return e;
	if (scores->kind != CF_SCORES)
		return cf_bad(w, DET_UNSUPPORTED,
		    "bottom '%s': scores after a softmax of pairs expected",
		    scores->blob);
	cls = scores->part[0];
	if ((e = cf_bottom_map(&box, w, 1)) ||
	    (w->l->n_bottoms > 2 && (e = cf_bottom(&info, w, 2))))
		return e;
	if (c->value[cls].c != 2 * count || c->value[box].c != 4 * count)
		return cf_bad(w, DET_INVALID,
		    "%zu anchors: %zu and %zu channels expected, found %zu and %zu",
		    count, 2 * count, 4 * count, c->value[cls].c, c->value[box].c);
	c->has_rpn = 1;
	cf_output(c, cls);
	cf_output(c, box);
	if ((e = put_anchors(c, a, "%")) ||
	    (e = det_buf_printf(&c->propose,
		 "anchors(%s, %s) map=%% classes=1 background=first score=softmax "
		 "order=class clamp=none plus_one clip=inclusive min_size=16 "
		 "min_scaled min_first\n",
		 c->value[cls].name, c->value[box].name)) ||
	    (e = cf_view_add(&top, c, w->l->top[0], CF_ROIS)))
		return e;
	return w->l->n_tops > 1 ? cf_view_add(&top, c, w->l->top[1], CF_LABEL) : DET_OK;
}

/* What stands after 'KEY': in a Python dictionary, or KEY: in YAML; NULL where nothing. */
static const char *
param_of(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	if (!at)
		return NULL;
	at += strlen(key);
	while (*at == '\'' || *at == '"' || *at == ' ' || *at == ':')
		at++;
	/* a tag of YAML: !!python/tuple [4, 8, 16, 32] */
	while (*at == '!' && strchr(at, ' '))
		at = strchr(at, ' ') + 1;
	return at;
}

/* "16" or "[8, 16, 32]". */
static enum det_err
param_numbers(double *v, size_t *n, const struct cf_work *w, const char *text)
{
	int list = *text == '[' || *text == '(';
	char *end;

	*n = 0;
	do {
		text += list || *n;
		while (*text == ' ')
			text++;
		if (!isdigit((unsigned char)*text) || *n == MAX_SCALES)
			return cf_bad(w, DET_INVALID,
			    "param_str: at most %d numbers expected, found '%.20s'",
			    MAX_SCALES, text);
		v[*n] = (double)strtol(text, &end, 10);
		if (v[*n] < 1 || v[*n] > 65536)
			return cf_bad(w, DET_INVALID,
			    "param_str: numbers of 1 to 65536 expected");
		++*n;
		text = end;
		while (*text == ' ')
			text++;
	} while (list && *text == ',');
	return DET_OK;
}

enum det_err
cf_add_python(struct cf_work *w)
{
	const char *module = "", *layer = "", *str = "", *at;
	struct anchors a = defaults;
	size_t one = 1;
	enum det_err e;

	if ((e = cf_params(w, "python_param")) ||
	    (e = cf_string(&module, w->p, "module")) ||
	    (e = cf_string(&layer, w->p, "layer")) ||
	    (e = cf_string(&str, w->p, "param_str")))
		return e;
	if (strcmp(layer, "ProposalLayer") != 0)
		return cf_bad(w, DET_UNSUPPORTED,
		    "Python layer '%s.%s': only rpn.proposal_layer.ProposalLayer is "
		    "known",
		    module, layer);
	if ((at = param_of(str, "feat_stride")) &&
	    (e = param_numbers(&a.stride, &one, w, at)))
		return e;
	if ((at = param_of(str, "scales")) &&
	    (e = param_numbers(a.scale, &a.scales, w, at)))
		return e;
	return propose(w, &a);
}

static enum det_err
read_numbers(double *v, size_t *n, const struct cf_work *w, const char *key)
{
	size_t count = cf_count(w->p, key);
	enum det_err e;

	if (count > MAX_SCALES)
		return cf_bad(
		    w, DET_LIMIT, "%s: more than %d numbers", key, MAX_SCALES);
	*n = count ? count : *n;
	for (size_t i = 0; i < count; i++)
		if ((e = cf_double_at(&v[i], w->p, key, i, 1e-3, 1e5)))
			return e;
	return DET_OK;
}

enum det_err
cf_add_proposal(struct cf_work *w)
{
	struct det_caffe *c = w->c;
	struct anchors a = defaults;
	long before = 6000, after = 300, min_size = 16;
	double iou = .7;
	char text[32];
	enum det_err e;

	if ((e = cf_params(w, "proposal_param")) ||
	    (e = cf_double(&a.stride, w->p, "feat_stride", 1, 65536)) ||
	    (e = cf_double(&a.base, w->p, "base_size", 1, 65536)) ||
	    (e = cf_long(&min_size, w->p, "min_size", 16, 16)) ||
	    (e = read_numbers(a.scale, &a.scales, w, "scale")) ||
	    (e = read_numbers(a.ratio, &a.ratios, w, "ratio")) ||
	    (e = cf_long(&before, w->p, "pre_nms_topn", 0, 1000000)) ||
	    (e = cf_long(&after, w->p, "post_nms_topn", 0, 1000000)) ||
	    (e = cf_double(&iou, w->p, "nms_thresh", 0, 1)) ||
	    (e = det_buf_printf(&c->propose_options,
		 "pre-nms=%ld\npost-nms=%ld\niou=%s\n", before, after,
		 det_double_text(text, iou))))
		return e;
	return propose(w, &a);
}

enum det_err
cf_add_roipool(struct cf_work *w)
{
	struct det_caffe *c = w->c;
	struct cf_view *rois, *top;
	struct cf_value *v;
	long h = 0, wide = 0;
	double scale = 1;
	size_t map, value;
	enum det_err e;

	if (c->roi_map != CF_NONE)
		return cf_bad(w, DET_UNSUPPORTED, "a second one");
	if ((e = cf_ends(w, 2, 2, 1, 1)) || (e = cf_params(w, "roi_pooling_param")) ||
	    (e = cf_long(&h, w->p, "pooled_h", 1, 256)) ||
	    (e = cf_long(&wide, w->p, "pooled_w", 1, 256)) ||
	    (e = cf_double(&scale, w->p, "spatial_scale", 1e-6, 1)) ||
	    (e = cf_bottom_map(&map, w, 0)) || (e = cf_bottom(&rois, w, 1)))
		return e;
	if (!h || !wide || rois->kind != CF_ROIS)
		return cf_bad(w, DET_INVALID,
		    "pooled_h, pooled_w, and proposals as bottom '%s' expected",
		    rois->blob);
	if ((e = cf_value_add(&value, c, "rois", NULL, NULL)) ||
	    (e = cf_view_add(&top, c, w->l->top[0], CF_MAP)) ||
	    (e = cf_view_part(top, value)))
		return e;
	v = &c->value[value];
	v->c = c->value[map].c;
	v->h = c->roi_h = (size_t)h;
	v->w = c->roi_w = (size_t)wide;
	v->after_roi = 1;
	c->roi_map = map;
	c->roi_scale = scale;
	c->roi_blob = w->l->bottom[0];
	c->kind = CF_RCNN;
	cf_output(c, map);
	return DET_OK;
}

/* The one end of the second stage that is a softmax, or that is not. */
static size_t
find_end(const struct det_caffe *c, int softmax)
{
	size_t found = CF_NONE;

	for (size_t i = 0; i < c->n_views; i++) {
		const struct cf_value *v;

		if (c->view[i].kind != CF_MAP || !cf_is_end(c, i))
			continue;
		v = &c->value[c->view[i].part[0]];
		if (v->after_roi && v->op &&
		    (strcmp(v->op, "softmax") == 0) == softmax) {
			if (found != CF_NONE)
				return CF_NONE;
			found = c->view[i].part[0];
		}
	}
	return found;
}

/* Puts the map's name where "%" stands. */
static enum det_err
name_map(struct det_buf *b, const char *name)
{
	struct det_buf out = { 0 };
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < b->len; i++)
		e = b->text[i] == '%' ? det_buf_printf(&out, "%s", name)
				      : det_buf_add(&out, b->text + i, 1);
	det_buf_free(b);
	*b = out;
	return e;
}

/* The map is called as its blob is, "conv5_3", which in the network may be the name of the
 * layer before the activation. Not where another network has a line of that name. */
static enum det_err
name_blob(struct det_caffe *c)
{
	char name[200];

	cf_parts(c);
	cf_clean_name(name, c->roi_blob);
	for (size_t i = 0; i < c->n_values; i++)
		if (strcmp(c->value[i].name, name) == 0 &&
		    c->value[i].part != CF_BACKBONE)
			return DET_OK;
	return strcmp(c->value[c->roi_map].name, name) == 0
		   ? DET_OK
		   : det_strdup(&c->value[c->roi_map].alias, name);
}

enum det_err
cf_rcnn_end(struct det_caffe *c)
{
	size_t prob, cls, box = find_end(c, 0), k;
	const char *map, *agnostic = "";
	enum det_err e;

	if (c->kind != CF_RCNN)
		return c->has_rpn
			   ? det_fail(DET_UNSUPPORTED,
				 "%s: a ROIPooling layer after the proposals expected",
				 c->file)
			   : DET_OK;
	prob = find_end(c, 1);
	if (prob == CF_NONE || box == CF_NONE)
		return det_fail(DET_UNSUPPORTED,
		    "%s: a softmax of scores and a layer of deltas expected as the "
		    "ends of "
		    "what follows ROIPooling",
		    c->file);
	cls = c->value[prob].in[0];
	k = c->value[cls].c;
	if (c->value[box].c == 4 || c->value[box].c == 8)
		agnostic = k == 1 || k == 2 ? "" : " agnostic";
	else if (c->value[box].c != 4 * k)
		k = 0;
	if (k < 2)
		return det_fail(DET_INVALID,
		    "%s: four deltas for each of the %zu classes expected, '%s' has "
		    "%zu",
		    c->file, c->value[cls].c, c->value[box].name, c->value[box].c);
	c->classes = k - 1;
	cf_output(c, cls);
	cf_output(c, box);
	if ((e = name_blob(c)))
		return e;
	map = cf_out_name(c, c->roi_map);
	if ((e = name_map(&c->anchors, map)) || (e = name_map(&c->propose, map)))
		return e;
	return det_buf_printf(&c->decode,
	    "rcnn(%s, %s) boxes=proposals classes=%zu background=first score=softmax%s "
	    "weights=1,1,1,1 clamp=none plus_one unscaled clip=inclusive\n",
	    c->value[cls].name, c->value[box].name, c->classes, agnostic);
}
