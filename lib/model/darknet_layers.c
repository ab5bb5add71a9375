/* SPDX-License-Identifier: MIT
 *
 * Darknet's layers as lines of a network text (formats/net.md). The rules are those of
 * Darknet's parser.c and *_layer.c, for inference:
 *
 * - [maxpool] pads size-1 in all unless told otherwise: the net's round=darknet.
 * - [dropout] computes nothing but is a layer: it counts in the indices of [route] and
 *   [shortcut]. So do [yolo], [region], [detection] and [cost].
 * - [softmax] is over all values of its input, in `groups` equal parts.
 *
 * The number in a layer's name is Darknet's own, as its table of layers prints it. Layers
 * with weights are in darknet_conv.c, those that join others in darknet_join.c.
 */
#include "model/darknet_line.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static enum det_err
add_maxpool(struct dk_making *m)
{
	long size, sy, sx, pad;
	enum det_err e;

	if ((e = dk_get_stride(&sy, &sx, m, 64)) ||
	    (e = dk_get(&size, m, "size", sy, 1, 64)) ||
	    (e = dk_get(&pad, m, "padding", size - 1, 0, 512)) ||
	    (e = dk_set_shape(m, m->c,
		 dk_steps(m->h, (size_t)pad, (size_t)size, (size_t)sy),
		 dk_steps(m->w, (size_t)pad, (size_t)size, (size_t)sx))) ||
	    (e = dk_begin(m, "pool", "maxpool")) || (e = dk_key(m, "k", size, 0)) ||
	    (e = dk_stride_key(m, sy, sx)) || (e = dk_key(m, "pad", pad, 0)) ||
	    (e = det_buf_printf(&m->d->net, " round=darknet")))
		return e;
	return dk_end(m);
}

static enum det_err
add_avgpool(struct dk_making *m)
{
	enum det_err e;

	if ((e = dk_set_shape(m, m->c, 1, 1)) || (e = dk_begin(m, "avg", "avgpool")) ||
	    (e = det_buf_printf(&m->d->net, " global")))
		return e;
	return dk_end(m);
}

static enum det_err
add_upsample(struct dk_making *m)
{
	long stride;
	double gain;
	enum det_err e;

	if ((e = dk_get(&stride, m, "stride", 2, 1, 64)) ||
	    (e = dk_double(&gain, &m->d->cfg, m->s, "scale", 1, -1e6, 1e6)) ||
	    (e = dk_set_shape(m, m->c, m->h * (size_t)stride, m->w * (size_t)stride)) ||
	    (e = dk_begin(m, "up", "upsample")) || (e = dk_key(m, "scale", stride, 2)))
		return e;
	if ((gain < 1 || gain > 1) && (e = dk_real_key(m, "gain", gain)))
		return e;
	return dk_end(m);
}

static enum det_err
add_reorg(struct dk_making *m)
{
	long stride, reverse;
	size_t s;
	enum det_err e;

	if ((e = dk_get(&stride, m, "stride", 1, 1, 64)) ||
	    (e = dk_get(&reverse, m, "reverse", 0, 0, 1)))
		return e;
	s = (size_t)stride;
	if (reverse ? m->c % (s * s) : (m->h % s || m->w % s || m->c % (s * s)))
		return dk_bad(m, DET_INVALID,
		    "stride=%ld does not divide an input of "
		    "%zux%zux%zu",
		    stride, m->c, m->h, m->w);
	e = reverse ? dk_set_shape(m, m->c / (s * s), m->h * s, m->w * s)
		    : dk_set_shape(m, m->c * s * s, m->h / s, m->w / s);
	if (e || (e = dk_begin(m, "reorg", "reorg")) ||
	    (e = det_buf_printf(&m->d->net, " stride=%ld order=darknet%s", stride,
		 reverse ? " reverse" : "")))
		return e;
	return dk_end(m);
}

static enum det_err
add_crop(struct dk_making *m)
{
	long h, w, noadjust;
	enum det_err e;

	if ((e = dk_get(&h, m, "crop_height", 1, 1, DK_MAX_SIDE)) ||
	    (e = dk_get(&w, m, "crop_width", 1, 1, DK_MAX_SIDE)) ||
	    (e = dk_get(&noadjust, m, "noadjust", 0, 0, 1)))
		return e;
	if ((size_t)h > m->h || (size_t)w > m->w)
		return dk_bad(m, DET_INVALID, "%ldx%ld does not fit into %zux%zu", w, h,
		    m->w, m->h);
	if ((e = dk_set_shape(m, m->c, (size_t)h, (size_t)w)) ||
	    (e = dk_begin(m, "crop", "crop")) ||
	    (e = det_buf_printf(&m->d->net, " h=%ld w=%ld%s", h, w,
		 noadjust ? "" : " gain=2 shift=-1")))
		return e;
	return dk_end(m);
}

static enum det_err
add_lrn(struct dk_making *m)
{
	const struct dk_cfg *cfg = &m->d->cfg;
	long size;
	double alpha, beta, kappa;
	enum det_err e;

	if ((e = dk_get(&size, m, "size", 5, 1, 1024)) ||
	    (e = dk_double(&alpha, cfg, m->s, "alpha", .0001, 0, 1e6)) ||
	    (e = dk_double(&beta, cfg, m->s, "beta", .75, 0, 100)) ||
	    (e = dk_double(&kappa, cfg, m->s, "kappa", 1, 0, 1e6)) ||
	    (e = dk_set_shape(m, m->c, m->h, m->w)) ||
	    (e = dk_begin(m, "lrn", "lrn")) ||
	    (e = det_buf_printf(&m->d->net, " size=%ld", size)) ||
	    (e = dk_real_key(m, "alpha", alpha)) ||
	    (e = dk_real_key(m, "beta", beta)) || (e = dk_real_key(m, "k", kappa)) ||
	    (e = det_buf_printf(&m->d->net, " form=darknet")))
		return e;
	return dk_end(m);
}

/* Layers of one line that keep the shape. */
static enum det_err
add_plain(struct dk_making *m)
{
	static const struct {
		const char *section, *prefix, *line;
	} plain[] = {
		{ "logistic", "logistic", "sigmoid" },
		{ "l2norm", "l2norm", "l2norm" },
		{ "activation", "act", "act" },
		{ "dropout", "drop", "dropout" },
	};
	double p;
	size_t i = 0;
	enum det_err e;

	while (strcmp(m->s->name, plain[i].section) != 0)
		i++;
	if ((e = dk_set_shape(m, m->c, m->h, m->w)) ||
	    (e = dk_begin(m, plain[i].prefix, plain[i].line)))
		return e;
	if (i == 1)
		e = det_buf_printf(&m->d->net, " affine=0 eps=0");
	else if (i == 2)
		e = dk_activation(m, "linear");
	else if (i == 3 &&
		 !(e = dk_double(&p, &m->d->cfg, m->s, "probability", .5, 0, 1)))
		e = dk_real_key(m, "p", p);
	return e ? e : dk_end(m);
}

static enum det_err
add_softmax(struct dk_making *m)
{
	long groups;
	double temp;
	enum det_err e;

	if ((e = dk_get(&groups, m, "groups", 1, 1, DK_MAX_CHAN)) ||
	    (e = dk_double(&temp, &m->d->cfg, m->s, "temperature", 1, 1e-6, 1e6)))
		return e;
	if (m->c * m->h * m->w % (size_t)groups)
		return dk_bad(m, DET_INVALID, "groups=%ld does not divide %zu inputs",
		    groups, m->c * m->h * m->w);
	if ((e = dk_set_shape(m, m->c, m->h, m->w)) ||
	    (e = dk_begin(m, "softmax", "softmax")) ||
	    (e = det_buf_printf(&m->d->net, " over=all")) ||
	    (e = dk_key(m, "groups", groups, 1)))
		return e;
	if ((temp < 1 || temp > 1) && (e = dk_real_key(m, "temp", temp)))
		return e;
	return dk_end(m);
}

static enum det_err
add_detection(struct dk_making *m)
{
	return dk_decode_add(m->d, m->l);
}

/* Computes a loss; what it passes on is its input. */
static enum det_err
add_cost(struct dk_making *m)
{
	(void)snprintf(m->l->name, sizeof m->l->name, "%s", m->in);
	return dk_set_shape(m, m->c, m->h, m->w);
}

static const struct {
	const char *section;
	enum det_err (*add)(struct dk_making *m);
} makers[] = {
	{ "convolutional", dk_add_conv },
	{ "maxpool", add_maxpool },
	{ "shortcut", dk_add_shortcut },
	{ "route", dk_add_route },
	{ "upsample", add_upsample },
	{ "yolo", add_detection },
	{ "region", add_detection },
	{ "detection", add_detection },
	{ "connected", dk_add_connected },
	{ "local", dk_add_local },
	{ "avgpool", add_avgpool },
	{ "reorg", add_reorg },
	{ "crop", add_crop },
	{ "normalization", add_lrn },
	{ "batchnorm", dk_add_batchnorm },
	{ "softmax", add_softmax },
	{ "dropout", add_plain },
	{ "logistic", add_plain },
	{ "l2norm", add_plain },
	{ "activation", add_plain },
	{ "cost", add_cost },
};

enum det_err
dk_layer_add(struct det_darknet *d, const struct dk_section *s)
{
	struct dk_making m = { d, s, NULL, "image", d->n, d->in_c, d->in_h, d->in_w };
	const struct dk_layer *before;
	enum det_err e;

	if ((e = det_grow(&d->layer, &d->cap, d->n + 1, sizeof *d->layer)))
		return e;
	m.l = &d->layer[d->n];
	*m.l = (struct dk_layer){ .s = s };
	if (d->n > 0) {
		before = m.l - 1;
		m.in = before->name;
		m.c = before->c;
		m.h = before->h;
		m.w = before->w;
	}
	if (!m.in[0] && strcmp(s->name, "route") != 0)
		return dk_bad(&m, DET_UNSUPPORTED,
		    "a [route] expected after [%s], whose output nothing can take here",
		    (m.l - 1)->s->name);
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
		if (strcmp(s->name, makers[i].section) == 0) {
			if ((e = makers[i].add(&m)))
				return e;
			d->n++;
			return DET_OK;
		}
	return dk_bad(&m, DET_INVALID, "only the first section can be [net]");
}
