/* SPDX-License-Identifier: MIT
 *
 * From values to texts. The outputs are settled first; what they do not depend on is left
 * out (a softmax that the decode text does itself, labels). Each value goes to the network
 * that it belongs to; what a network takes from another is an input here and an output
 * there.
 */
#include <stdio.h>
#include <string.h>

#include "caffe/caffe_net.h"

static const char *const parts[CF_PARTS] = { "backbone", "rpn", "head" };

/* --- outputs --------------------------------------------------------------------------- */

/* A net that ends in one vector after a softmax is a classifier; what else ends, features. */
static void
find_outputs(struct det_caffe *c)
{
	size_t ends = 0, last = CF_NONE;

	for (size_t i = 0; i < c->n_views; i++)
		if (c->view[i].kind == CF_MAP && cf_is_end(c, i)) {
			last = c->view[i].part[0];
			if (!c->value[last].op)
				continue;
			c->value[last].output = 1;
			ends++;
		}
	if (ends != 1)
		return;
	for (size_t i = 0; i < c->n_values; i++)
		if (c->value[i].output)
			last = i;
	if (strcmp(c->value[last].op, "softmax") != 0 || !c->value[last].vector ||
	    c->value[last].c < 2)
		return;
	c->kind = CF_CLASSIFIER;
	c->classes = c->value[last].c;
}

static enum det_err
classifier_lines(struct det_caffe *c)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < c->n_values; i++)
		if (c->value[i].output)
			e = det_buf_printf(&c->decode,
			    "classes(%s) classes=%zu top=5\n", c->value[i].name,
			    c->classes);
	if (!e)
		e = det_buf_printf(&c->head_options, "thresh=0\n");
	return e ? e : det_buf_printf(&c->nms_options, "iou=1\n");
}

/* Values come after what they are made of. */
static void
mark_live(struct det_caffe *c)
{
	for (size_t i = c->n_values; i-- > 0;) {
		struct cf_value *v = &c->value[i];

		v->live |= v->output;
		for (size_t k = 0; v->live && k < v->n_in; k++)
			c->value[v->in[k]].live = 1;
	}
}

/* What the windows depend on is the backbone, what depends on them the head, and what is
 * left between the RPN. */
void
cf_parts(struct det_caffe *c)
{
	size_t last = c->roi_map;

	for (size_t i = 0; i < c->n_values; i++)
		c->value[i].part = c->value[i].after_roi              ? CF_HEAD
				   : last == CF_NONE || i == c->image ? CF_BACKBONE
								      : CF_RPN;
	if (last == CF_NONE)
		return;
	c->value[last].part = CF_BACKBONE;
	for (size_t i = last + 1; i-- > 0;)
		for (size_t k = 0;
		     c->value[i].part == CF_BACKBONE && k < c->value[i].n_in; k++)
			c->value[c->value[i].in[k]].part = CF_BACKBONE;
}

const char *
cf_out_name(const struct det_caffe *c, size_t value)
{
	const struct cf_value *v = &c->value[value];

	return v->alias ? v->alias : v->name;
}

/* --- networks -------------------------------------------------------------------------- */

static enum det_err
input_lines(struct det_caffe *c, enum cf_part part)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < c->n_values; i++) {
		struct cf_value *v = &c->value[i];
		int taken = v->live && !v->op && v->part == part, any;

		for (size_t k = i + 1; !taken && v->part != part && k < c->n_values;
		     k++)
			for (size_t m = 0; m < c->value[k].n_in; m++)
				taken |= c->value[k].live && c->value[k].part == part &&
					 c->value[k].in[m] == i;
		if (!taken)
			continue;
		if (v->part != part)
			v->output = 1;
		if (v->c == 0)
			return det_fail(DET_UNSUPPORTED,
			    "%s: how many channels '%s' has is not known", c->file,
			    v->name);
		/* two stages take pictures of any size, whatever the text's own is */
		any = i == c->image && c->kind == CF_RCNN;
		e = det_buf_printf(&c->net[part], "input %s %zu %zu %zu\n",
		    cf_out_name(c, i), v->c, any ? 0 : v->h, any ? 0 : v->w);
	}
	return e;
}

static enum det_err
layer_line(struct det_buf *b, const struct det_caffe *c, const struct cf_value *v)
{
	enum det_err e = det_buf_printf(b, "%s = %s(", v->name, v->op);

	for (size_t k = 0; !e && k < v->n_in; k++)
		e = det_buf_printf(b, "%s%s", k ? ", " : "",
		    c->value[v->in[k]].part == v->part ? c->value[v->in[k]].name
						       : cf_out_name(c, v->in[k]));
	return e ? e : det_buf_printf(b, ")%s\n", v->keys.text ? v->keys.text : "");
}

static enum det_err
net_text(struct det_caffe *c, enum cf_part part)
{
	struct det_buf *b = &c->net[part];
	int any = 0;
	enum det_err e;

	for (size_t i = 0; i < c->n_values; i++)
		any |= c->value[i].live && c->value[i].op && c->value[i].part == part;
	if (!any)
		return DET_OK;
	if ((e = det_buf_printf(b, "net %s\n", parts[part])) ||
	    (e = input_lines(c, part)))
		return e;
	for (size_t i = 0; !e && i < c->n_values; i++)
		if (c->value[i].live && c->value[i].op && c->value[i].part == part)
			e = layer_line(b, c, &c->value[i]);
	return e;
}

/* After all of them: an input of one is an output of another. */
static enum det_err
output_lines(struct det_caffe *c)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < c->n_values; i++) {
		const struct cf_value *v = &c->value[i];

		if (v->output)
			e = det_buf_printf(&c->net[v->part], "output %s%s%s\n",
			    v->alias ? v->alias : "", v->alias ? "=" : "", v->name);
	}
	return e;
}

/* --- options --------------------------------------------------------------------------- */

static enum det_err
put(struct det_buf *b, const char *name, const char *given, const char *value)
{
	if (!given && !value)
		return DET_OK;
	return det_buf_printf(b, "%s=%s\n", name, given ? given : value);
}

/* What a transform_param says: (byte - mean) * scale, as det-image's division. */
static enum det_err
put_pixels(struct det_caffe *c, const char *mean, const char *std)
{
	char means[100] = "", text[32], stds[32];
	enum det_err e;

	for (size_t i = 0; i < c->n_mean; i++)
		(void)snprintf(means + strlen(means), sizeof means - strlen(means),
		    "%s%s", i ? "," : "", det_double_text(text, c->mean[i]));
	if (c->n_mean)
		mean = means;
	if (c->scale > 0)
		std = det_double_text(stds, 1 / c->scale);
	if ((e = put(&c->image_options, "scale", c->p.scale, "1")) ||
	    (e = put(&c->image_options, "mean", c->p.mean, mean)))
		return e;
	return put(&c->image_options, "std", c->p.std, std);
}

static enum det_err
image_options(struct det_caffe *c)
{
	static const char rcnn[] =
	    "rule=caffe\nshort=600\nlong=1000\nnormalize=before\n";
	const struct cf_value *in = &c->value[c->image];
	struct det_buf *b = &c->image_options;
	int two = c->kind == CF_RCNN;
	const char *fit = two ? "short" : in->h ? "stretch" : "none";
	char size[64];
	enum det_err e;

	(void)snprintf(size, sizeof size, "%zux%zu", in->w, in->h);
	if ((e = put(b, "fit", c->p.fit, fit)) ||
	    (e = put(b, "kernel", c->p.kernel, "opencv")))
		return e;
	if (two && !c->p.fit && (e = det_buf_add(b, rcnn, sizeof rcnn - 1)))
		return e;
	if ((!two || c->p.size) && (e = put(b, "size", c->p.size, in->h ? size : NULL)))
		return e;
	if ((e = put(b, "channels", c->p.channels, "bgr")))
		return e;
	return put_pixels(c, two ? "102.9801,115.9465,122.7717" : "104,117,123", NULL);
}

/* What py-faster-rcnn's test.py and proposal_layer.py do after and between the networks. */
static enum det_err
rcnn_options(struct det_caffe *c)
{
	char text[32];
	enum det_err e;

	if (c->has_rpn && !c->propose_options.len &&
	    (e = det_buf_printf(
		 &c->propose_options, "pre-nms=6000\npost-nms=300\niou=0.7\n")))
		return e;
	if (c->has_rpn &&
	    (e = det_buf_printf(&c->propose_options, "ge=1\nplus-one=1\n")))
		return e;
	if ((e = det_buf_printf(&c->roipool_options,
		 "op=max\nsize=%zux%zu\nmaps=%s\nstrides=%s\n", c->roi_w, c->roi_h,
		 cf_out_name(c, c->roi_map),
		 det_double_text(text, 1 / c->roi_scale))) ||
	    (e = det_buf_printf(&c->head_options, "thresh=0.05\n")))
		return e;
	return det_buf_printf(&c->nms_options,
	    "iou=0.3\nge=1\nplus-one=1\nmax=100\nmax-ties=1\nmap=before\nclip=none\n");
}

static enum det_err
pipeline(struct det_caffe *c)
{
	int two = c->kind == CF_RCNN;

	return det_buf_printf(&c->pipeline, "det-image\ndet-backbone\n%s%s%s%s",
	    c->anchors.len ? "det-anchors\n" : "", c->has_rpn ? "det-propose\n" : "",
	    two ? "det-roipool\n" : "", c->decode.len ? "det-head\ndet-nms\n" : "");
}

static enum det_err
meta(struct det_caffe *c)
{
	static const char *const kinds[] = { "features", "classifier", "ssd", "rcnn" };
	const char *slash = strrchr(c->file, '/');
	const char *profile = c->kind == CF_SSD ? "ssd-caffe" : "caffe";

	return det_buf_printf(&c->meta,
	    "format=caffe\nprofile=%s\nkind=%s\nprototxt=%s\n", profile, kinds[c->kind],
	    slash ? slash + 1 : c->file);
}

enum det_err
cf_texts(struct det_caffe *c)
{
	enum det_err e;

	if (c->kind == CF_FEATURES)
		find_outputs(c);
	if (c->kind == CF_CLASSIFIER && (e = classifier_lines(c)))
		return e;
	mark_live(c);
	cf_parts(c);
	for (int part = 0; part < CF_PARTS; part++)
		if ((e = net_text(c, (enum cf_part)part)))
			return e;
	if (!c->net[CF_BACKBONE].len)
		return det_fail(
		    DET_UNSUPPORTED, "%s: a network with an output expected", c->file);
	if ((e = output_lines(c)) || (c->kind == CF_RCNN && (e = rcnn_options(c))) ||
	    (e = image_options(c)) || (e = meta(c)))
		return e;
	/* whose proposals come from elsewhere has no pipe of its own */
	return c->kind == CF_RCNN && !c->has_rpn ? DET_OK : pipeline(c);
}

/* --- records --------------------------------------------------------------------------- */

/* The texts by the names of their records, in the order in which they are written. */
static const struct det_buf *
text_at(const struct det_caffe *c, size_t i, const char **name)
{
	const struct {
		const char *name;
		const struct det_buf *text;
	} texts[] = {
		{ "meta", &c->meta },
		{ "pipeline", &c->pipeline },
		{ "options/det-image", &c->image_options },
		{ "options/det-propose", &c->propose_options },
		{ "options/det-roipool", &c->roipool_options },
		{ "options/det-head", &c->head_options },
		{ "options/det-nms", &c->nms_options },
		{ "anchors", &c->anchors },
		{ "propose", &c->propose },
		{ "decode", &c->decode },
		{ "net/backbone", &c->net[CF_BACKBONE] },
		{ "net/rpn", &c->net[CF_RPN] },
		{ "net/head", &c->net[CF_HEAD] },
	};

	if (i >= sizeof texts / sizeof *texts)
		return NULL;
	*name = texts[i].name;
	return texts[i].text;
}

const char *
det_caffe_text(const struct det_caffe *c, const char *name)
{
	const struct det_buf *b;
	const char *is;

	for (size_t i = 0; (b = text_at(c, i, &is)); i++)
		if (strcmp(is, name) == 0)
			return b->len ? b->text : NULL;
	return NULL;
}

enum det_err
cf_texts_write(struct det_writer *w, const struct det_caffe *c)
{
	const struct det_buf *b;
	const char *name;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && (b = text_at(c, i, &name)); i++)
		if (b->len)
			e = det_writer_text(w, name, b->text, b->len);
	return e;
}
