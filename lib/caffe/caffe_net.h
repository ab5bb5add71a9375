/* SPDX-License-Identifier: MIT
 *
 * A Caffe network between prototxt and model. Private to lib/caffe.
 *
 * Layers are taken in the order of the file. A layer's tops are *blobs*; most are the value
 * of one line of a network text, some are other *views* of values: the permuted, flattened
 * and joined maps of an SSD's tail, its priors, a proposal layer's boxes. Those are not
 * computed by a network; they are followed as symbols until a layer that makes boxes of
 * them tells what they were for.
 */
#ifndef DET_CAFFE_NET_H
#define DET_CAFFE_NET_H

#include "caffe/caffe.h"
#include "caffe/prototext.h"

#define CF_NONE       ((size_t)-1)
#define CF_MAX_LAYERS 10000
#define CF_MAX_ENDS   1024 /* bottoms or tops of a layer */
#define CF_MAX_SIDE   65535

struct cf_layer {
	const char *name, *type; /* type as V2 has it */
	struct cf_field *f;
	const char **bottom, **top;
	size_t n_bottoms, n_tops;
};

/* Which network a value belongs to. */
enum cf_part { CF_BACKBONE, CF_RPN, CF_HEAD, CF_PARTS };

/* A line of a network text, or an input. */
struct cf_value {
	char *name;     /* in the network text */
	const char *op; /* NULL: an input */
	struct det_buf keys;
	size_t *in, n_in;
	const struct cf_layer *layer, *scale; /* whose weights; scale: of a bn */
	size_t c, h, w;                       /* 0: not known */
	int vector;                           /* 1x1, whatever c */
	int shared_scale; /* of an l2norm: one number for all channels */
	int scale_bias;   /* of a bn: its scale layer has one */
	int transposed;
	enum cf_part part;
	int after_roi;
	int live, output; /* some output depends on it; it is one, of its net */
	char *alias;      /* its name as an output; NULL: its own */
};

enum cf_kind_of_view {
	CF_MAP,      /* the value itself */
	CF_PERMUTED, /* a map as (N,H,W,C) */
	CF_ROWS,     /* maps permuted and joined: (N, all numbers) or (N, rows, cols) */
	CF_PRIORS,   /* prior boxes */
	CF_PAIRS,    /* an RPN's scores as (N, 2, A*H, W) */
	CF_SCORES,   /* the same after softmax, back as a map */
	CF_INFO,     /* im_info */
	CF_LABEL,    /* of training; nothing */
	CF_ROIS,     /* proposals */
	CF_BOXES,    /* what a detector ends in */
};

enum cf_score { CF_RAW, CF_SOFTMAX, CF_SIGMOID };

struct cf_view {
	const char *blob;
	enum cf_kind_of_view kind;
	size_t *part, n; /* values; of CF_PRIORS: numbers of priors */
	size_t cols;     /* of CF_ROWS: 0 where it is flat */
	enum cf_score score;
	int read; /* some layer took it */
};

/* A PriorBox layer. */
struct cf_prior {
	struct det_buf keys; /* of its line in the text anchors */
	double variance[4];
	size_t count; /* boxes in a cell */
};

struct cf_weight {
	char *name; /* the record's */
	const struct cf_value *v;
	const char *suffix;
	struct det_tensor shape;
	const struct det_source_tensor *from, *factor;
};

enum cf_net_kind { CF_FEATURES, CF_CLASSIFIER, CF_SSD, CF_RCNN };

struct det_caffe {
	char *file, *weights_file, *net_name;
	struct det_caffe_params p; /* its strings are options' only while parsing */
	struct cf_field root;
	struct cf_layer *layer;
	size_t n_layers, cap_layers;
	struct cf_value *value;
	size_t n_values, cap_values;
	struct cf_view *view;
	size_t n_views, cap_views;
	struct cf_prior *prior;
	size_t n_priors, cap_priors;
	struct cf_weight *weight;
	size_t n_weights, cap_weights;
	size_t image; /* value of the input, CF_NONE */
	/* two stages */
	size_t roi_map; /* the map that windows are cut from, CF_NONE */
	size_t roi_h, roi_w;
	double roi_scale;
	const char *roi_blob;
	int has_rpn;
	/* what is written */
	enum cf_net_kind kind;
	size_t classes;
	struct det_buf notes, net[CF_PARTS], anchors, propose, decode, image_options,
	    propose_options, roipool_options, head_options, nms_options, meta, pipeline;
	double mean[3], scale; /* of a transform_param; scale 0: there is none */
	size_t n_mean;
};

/* One layer at work. */
struct cf_work {
	struct det_caffe *c;
	const struct cf_layer *l;
	size_t at;          /* number of l */
	struct cf_field *p; /* its parameters, once cf_params was asked */
};

/* "FILE:LINE: layer 'conv1' (Convolution): text". */
enum det_err cf_bad(const struct cf_work *w, enum det_err code, const char *fmt, ...)
    DET_PRINTF(3, 4);
/* w->p = the message `name`, NULL where the layer has none. */
enum det_err cf_params(struct cf_work *w, const char *name) DET_MUST_USE;
/* Bottom or top counts as expected, lo .. hi each. */
enum det_err cf_ends(const struct cf_work *w, size_t lo_in, size_t hi_in, size_t lo_out,
    size_t hi_out) DET_MUST_USE;

/* caffe_layers.c: layers and inputs of the text. */
enum det_err cf_layers_read(struct det_caffe *c) DET_MUST_USE;

/* caffe_graph.c */
struct cf_view *cf_view_of(struct det_caffe *c, const char *blob); /* latest; NULL */
/* The view of the i-th bottom, marked as read. */
enum det_err cf_bottom(
    struct cf_view **out, const struct cf_work *w, size_t i) DET_MUST_USE;
/* The same, which must be a map: its value. */
enum det_err cf_bottom_map(
    size_t *value, const struct cf_work *w, size_t i) DET_MUST_USE;
/* A new view; *out is valid until the next. */
enum det_err cf_view_add(struct cf_view **out, struct det_caffe *c, const char *blob,
    enum cf_kind_of_view kind) DET_MUST_USE;
enum det_err cf_view_part(struct cf_view *v, size_t part) DET_MUST_USE;
/* A second blob of the same meaning. */
enum det_err cf_view_alias(
    struct det_caffe *c, const char *blob, const struct cf_view *of) DET_MUST_USE;
/* A new value named after a layer (or, where op is NULL, as `name` says); inherits
 * nothing. */
enum det_err cf_value_add(size_t *out, struct det_caffe *c, const char *name,
    const char *op, const struct cf_layer *l) DET_MUST_USE;
/* A text as a name that a network text may hold: '/' becomes '.', what else may not stand
 * there '_'. */
void cf_clean_name(char out[200], const char *from);
enum det_err cf_value_in(struct det_caffe *c, size_t value, size_t in) DET_MUST_USE;
/* A layer of one input and one output, a map each: value made, top bound, channels those of
 * the input. */
enum det_err cf_unary(size_t *out, struct cf_work *w, const char *op) DET_MUST_USE;
enum det_err cf_key_long(
    struct cf_value *v, const char *key, long n, long def) DET_MUST_USE;
enum det_err cf_key_double(
    struct cf_value *v, const char *key, double x, double def) DET_MUST_USE;
/* Whether a layer after `at` reads the blob before it is made anew. */
int cf_read_later(const struct det_caffe *c, size_t at, const char *blob);

/* The makers: caffe_plain.c, caffe_shape.c, caffe_ssd.c, caffe_rcnn.c. */
enum det_err cf_input(struct det_caffe *c, const char *blob, const size_t *dims,
    size_t rank, const struct cf_field *at) DET_MUST_USE;
enum det_err cf_transform(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_conv(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_fc(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_pool(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_lrn(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_relu(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_dropout(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_batchnorm(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_scale(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_eltwise(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_power(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_normalize(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_split(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_slice(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_concat(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_flatten(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_reshape(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_permute(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_softmax(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_sigmoid(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_priorbox(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_detection(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_python(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_proposal(struct cf_work *w) DET_MUST_USE;
enum det_err cf_add_roipool(struct cf_work *w) DET_MUST_USE;

/* Ends of a network without DetectionOutput: pairs of maps with given anchors (caffe_ssd.c),
 * the second stage's scores and deltas (caffe_rcnn.c). *done where they fit. */
enum det_err cf_ssd_end(int *done, struct det_caffe *c) DET_MUST_USE;
enum det_err cf_rcnn_end(struct det_caffe *c) DET_MUST_USE;

/* A value that a text speaks of: its network puts it out. */
void cf_output(struct det_caffe *c, size_t value);
/* Whether a view is one of the network's ends: the last of its name, read by nobody. */
int cf_is_end(const struct det_caffe *c, size_t view);

/* caffe_text.c: outputs, networks, options. */
enum det_err cf_texts(struct det_caffe *c) DET_MUST_USE;
/* Settles the part of each value, from roi_map and after_roi. */
void cf_parts(struct det_caffe *c);
/* The name of a value outside its network. */
const char *cf_out_name(const struct det_caffe *c, size_t value);
/* Writes the texts (no STRM, no END). */
enum det_err cf_texts_write(
    struct det_writer *w, const struct det_caffe *c) DET_MUST_USE;

/* caffe_weights.c: what the texts' networks want, with the values they belong to. */
enum det_err cf_weights_list(struct det_caffe *c) DET_MUST_USE;

#endif
