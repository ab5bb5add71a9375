/* SPDX-License-Identifier: MIT
 *
 * A prototxt to a model's texts: parsed without a schema (prototext.c), its layers taken
 * (caffe_layers.c) and made one by one (caffe_plain.c, caffe_shape.c, caffe_ssd.c,
 * caffe_rcnn.c) into values and views (caffe_net.h), of which the texts are written
 * (caffe_text.c). A layer type or a parameter that is not known is an error that names it:
 * a network that is not understood must not run.
 */
#include "caffe/caffe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "caffe/caffe_net.h"

/* --- inputs ---------------------------------------------------------------------------- */

enum det_err
cf_input(struct det_caffe *c, const char *blob, const size_t *dims, size_t rank,
    const struct cf_field *at)
{
	int rois = strcmp(blob, "rois") == 0 && rank >= 2 && dims[1] == 5;
	struct cf_view *v;
	size_t value;
	enum det_err e;

	if (rois || (rank > 0 && rank < 4))
		return cf_view_add(&v, c, blob, rois ? CF_ROIS : CF_INFO);
	if (c->image != CF_NONE)
		return det_fail(DET_UNSUPPORTED, "%s:%zu: '%s': a second input",
		    at->file, at->line, blob);
	if (rank == 4 && (dims[2] > CF_MAX_SIDE || dims[3] > CF_MAX_SIDE))
		return det_fail(DET_INVALID,
		    "%s:%zu: '%s': sides of at most %d expected", at->file, at->line,
		    blob, CF_MAX_SIDE);
	if ((e = cf_value_add(&value, c, "image", NULL, NULL)))
		return e;
	c->image = value;
	c->value[value].c = rank == 4 ? dims[1] : 3;
	c->value[value].h = rank == 4 ? dims[2] : 0;
	c->value[value].w = rank == 4 ? dims[3] : 0;
	if ((e = cf_view_add(&v, c, blob, CF_MAP)))
		return e;
	return cf_view_part(v, value);
}

/* transform_param: what was done to pixels. */
static enum det_err
read_transform(long *crop, struct cf_work *w)
{
	static const char *const passed[] = { "mirror", "force_color", "force_gray",
		"resize_param", "emit_constraint", "distort_param", "expand_param",
		"noise_param", NULL };
	struct det_caffe *c = w->c;
	const char *mean = NULL;
	enum det_err e;

	if ((e = cf_params(w, "transform_param")) ||
	    (e = cf_double(&c->scale, w->p, "scale", 1e-9, 1e9)) ||
	    (e = cf_long(crop, w->p, "crop_size", 1, CF_MAX_SIDE)) ||
	    (e = cf_string(&mean, w->p, "mean_file")))
		return e;
	cf_ignore(w->p, passed);
	c->n_mean = cf_count(w->p, "mean_value");
	if (c->n_mean > 3 || c->n_mean == 2)
		return cf_bad(
		    w, DET_INVALID, "mean_value: one number or three expected");
	for (size_t i = 0; i < c->n_mean; i++)
		if ((e = cf_double_at(&c->mean[i], w->p, "mean_value", i, -1e6, 1e6)))
			return e;
	return mean ? det_buf_printf(&c->notes,
			  "%s: mean_file '%s' is not read: 104,117,123 unless given\n",
			  c->file, mean)
		    : DET_OK;
}

static enum det_err
add_input(struct cf_work *w)
{
	struct cf_field *shape;
	long crop = 0, n;
	size_t dims[4] = { 0 }, rank;
	enum det_err e;

	if ((e = cf_ends(w, 0, 0, 1, 16)) || (e = read_transform(&crop, w)) ||
	    (e = cf_params(w, "input_param")))
		return e;
	for (size_t i = 0; i < w->l->n_tops; i++) {
		size_t shapes = cf_count(w->p, "shape");

		shape = cf_find(w->p, "shape", shapes == 1 ? 0 : i);
		rank = cf_count(shape, "dim");
		for (size_t k = 0; k < rank && k < 4; k++) {
			n = 0;
			if ((e = cf_long_at(&n, shape, "dim", k, 1, 1L << 30)))
				return e;
			dims[k] = (size_t)n;
		}
		if (rank > 4)
			return cf_bad(w, DET_UNSUPPORTED, "more than four dims");
		if ((e = cf_input(w->c, w->l->top[i], dims, rank, w->l->f)))
			return e;
	}
	return DET_OK;
}

/* Layers that read pictures and labels: the first top is the picture. */
static enum det_err
add_data(struct cf_work *w)
{
	static const char *const passed[] = { "data_param", "image_data_param",
		"memory_data_param", "hdf5_data_param", "annotated_data_param",
		"window_data_param", "dummy_data_param", NULL };
	struct cf_view *label;
	long crop = 0;
	size_t dims[4] = { 1, 3, 0, 0 };
	enum det_err e;

	if ((e = cf_ends(w, 0, 0, 1, 16)) || (e = read_transform(&crop, w)))
		return e;
	cf_ignore(w->l->f, passed);
	dims[2] = dims[3] = (size_t)crop;
	e = cf_input(w->c, w->l->top[0], dims, 4, w->l->f);
	for (size_t i = 1; !e && i < w->l->n_tops; i++)
		e = cf_view_add(&label, w->c, w->l->top[i], CF_LABEL);
	return e;
}

/* Losses and measures: nothing at inference. */
static enum det_err
add_nothing(struct cf_work *w)
{
	struct cf_view *v;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < w->l->n_tops; i++)
		e = cf_view_add(&v, w->c, w->l->top[i], CF_LABEL);
	for (size_t i = 0; i < w->l->f->n; i++)
		cf_ignore(
		    w->l->f, (const char *const[]){ w->l->f->field[i].name, NULL });
	return e;
}

static const struct {
	const char *type;
	enum det_err (*add)(struct cf_work *w);
} makers[] = {
	{ "Convolution", cf_add_conv },
	{ "ReLU", cf_add_relu },
	{ "BatchNorm", cf_add_batchnorm },
	{ "Scale", cf_add_scale },
	{ "Pooling", cf_add_pool },
	{ "Concat", cf_add_concat },
	{ "Eltwise", cf_add_eltwise },
	{ "InnerProduct", cf_add_fc },
	{ "LRN", cf_add_lrn },
	{ "Dropout", cf_add_dropout },
	{ "Softmax", cf_add_softmax },
	{ "Sigmoid", cf_add_sigmoid },
	{ "Permute", cf_add_permute },
	{ "Flatten", cf_add_flatten },
	{ "Reshape", cf_add_reshape },
	{ "Normalize", cf_add_normalize },
	{ "PriorBox", cf_add_priorbox },
	{ "DetectionOutput", cf_add_detection },
	{ "DepthwiseConvolution", cf_add_conv },
	{ "ConvolutionDepthwise", cf_add_conv },
	{ "Split", cf_add_split },
	{ "Slice", cf_add_slice },
	{ "Power", cf_add_power },
	{ "Python", cf_add_python },
	{ "Proposal", cf_add_proposal },
	{ "ROIPooling", cf_add_roipool },
	{ "Input", add_input },
	{ "Data", add_data },
	{ "ImageData", add_data },
	{ "MemoryData", add_data },
	{ "HDF5Data", add_data },
	{ "AnnotatedData", add_data },
	{ "Accuracy", add_nothing },
	{ "DetectionEvaluate", add_nothing },
	{ "EuclideanLoss", add_nothing },
	{ "HingeLoss", add_nothing },
	{ "MultiBoxLoss", add_nothing },
	{ "MultinomialLogisticLoss", add_nothing },
	{ "SigmoidCrossEntropyLoss", add_nothing },
	{ "Silence", add_nothing },
	{ "SmoothL1Loss", add_nothing },
	{ "SoftmaxWithLoss", add_nothing },
};

static enum det_err
make_layer(struct cf_work *w)
{
	char what[300];
	enum det_err e;
	size_t i = 0;

	while (i < sizeof makers / sizeof *makers &&
	       strcmp(w->l->type, makers[i].type) != 0)
		i++;
	if (i == sizeof makers / sizeof *makers)
		return cf_bad(w, DET_UNSUPPORTED, "the type is not supported");
	if ((e = makers[i].add(w)))
		return e;
	(void)snprintf(
	    what, sizeof what, "layer '%.100s' (%.100s)", w->l->name, w->l->type);
	return cf_unused(w->l->f, what);
}

static enum det_err
build(struct det_caffe *c, const char *text, size_t len)
{
	int done;
	enum det_err e;

	if ((e = cf_text_parse(&c->root, text, len, c->file)) ||
	    (e = cf_layers_read(c)))
		return e;
	for (size_t i = 0; i < c->n_layers; i++) {
		struct cf_work w = { c, &c->layer[i], i, NULL };

		if ((e = make_layer(&w)))
			return e;
	}
	if (c->image == CF_NONE)
		return det_fail(
		    DET_INVALID, "%s: an input of four dims expected", c->file);
	if ((e = cf_ssd_end(&done, c)) || (e = cf_rcnn_end(c)) || (e = cf_texts(c)))
		return e;
	return cf_weights_list(c);
}

enum det_err
det_caffe_parse(struct det_caffe **out, const char *text, size_t len, const char *file,
    const struct det_caffe_params *p)
{
	struct det_caffe *c;
	enum det_err e;

	if ((e = det_calloc(&c, 1, sizeof *c)))
		return e;
	c->image = c->roi_map = CF_NONE;
	if (p)
		c->p = *p;
	if ((e = det_strdup(&c->file, file)) || (e = build(c, text, len))) {
		det_caffe_free(c);
		return e;
	}
	c->p = (struct det_caffe_params){ 0 };
	*out = c;
	return DET_OK;
}

void
det_caffe_free(struct det_caffe *c)
{
	struct det_buf *const texts[] = { &c->notes, &c->net[0], &c->net[1], &c->net[2],
		&c->anchors, &c->propose, &c->decode, &c->image_options,
		&c->propose_options, &c->roipool_options, &c->head_options,
		&c->nms_options, &c->meta, &c->pipeline };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		det_buf_free(texts[i]);
	for (size_t i = 0; i < c->n_layers; i++) {
		free(c->layer[i].bottom);
		free(c->layer[i].top);
	}
	for (size_t i = 0; i < c->n_values; i++) {
		free(c->value[i].name);
		free(c->value[i].alias);
		free(c->value[i].in);
		det_buf_free(&c->value[i].keys);
	}
	for (size_t i = 0; i < c->n_views; i++)
		free(c->view[i].part);
	for (size_t i = 0; i < c->n_priors; i++)
		det_buf_free(&c->prior[i].keys);
	for (size_t i = 0; i < c->n_weights; i++)
		free(c->weight[i].name);
	free(c->layer);
	free(c->value);
	free(c->view);
	free(c->prior);
	free(c->weight);
	cf_field_release(&c->root);
	free(c->file);
	free(c->net_name);
	free(c->weights_file);
	free(c);
}

const char *
det_caffe_notes(const struct det_caffe *c)
{
	return c->notes.text ? c->notes.text : "";
}

size_t
det_caffe_classes(const struct det_caffe *c)
{
	return c->classes;
}
