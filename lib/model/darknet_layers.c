/* SPDX-License-Identifier: MIT
 *
 * Darknet's layers as lines of a network text (formats/net.md). The rules are those of
 * Darknet's parser.c and *_layer.c, for inference:
 *
 * - A convolution's `pad=1` means size/2 on each side; `padding` counts only without it. A
 *   missing activation is the logistic one.
 * - [maxpool] pads size-1 in all unless told otherwise: the net's round=darknet.
 * - [dropout] computes nothing but is a layer: it counts in the indices of [route] and
 *   [shortcut]. So do [yolo], [region], [detection] and [cost].
 * - [connected] and [local] flatten in the order c,y,x.
 *
 * The number in a layer's name is Darknet's own, as its table of layers prints it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/darknet_net.h"

#define MAX_SIDE 65536
#define MAX_CHAN 1048576

/* A layer in the making: where it stands, what it takes. */
struct making {
	struct det_darknet *d;
	const struct dk_section *s;
	struct dk_layer *l;
	const char *in; /* name of the input */
	size_t index, c, h, w;
};

static enum det_err DET_PRINTF(3, 4)
    bad(const struct making *m, enum det_err e, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return det_fail(e, "%s:%zu: [%s] (layer %zu): %s", m->d->cfg.file, m->s->line,
	    m->s->name, m->index, text);
}

/* Names the layer "conv12" and opens its line. */
static enum det_err
begin(struct making *m, const char *prefix, const char *op)
{
	(void)snprintf(m->l->name, sizeof m->l->name, "%s%zu", prefix, m->index);
	return det_buf_printf(&m->d->net, "%s = %s(%s)", m->l->name, op, m->in);
}

static enum det_err
key(struct making *m, const char *name, long v, long def)
{
	return v == def ? DET_OK : det_buf_printf(&m->d->net, " %s=%ld", name, v);
}

static enum det_err
real_key(struct making *m, const char *name, double v)
{
	char text[32];

	return det_buf_printf(&m->d->net, " %s=%s", name, det_double_text(text, v));
}

static enum det_err
end(struct making *m)
{
	return det_buf_add(&m->d->net, "\n", 1);
}

static enum det_err
get(long *v, const struct making *m, const char *name, long def, long lo, long hi)
{
	return dk_long(v, &m->d->cfg, m->s, name, def, lo, hi);
}

/* " act=leaky"; nothing for linear. */
static enum det_err
activation(struct making *m, const char *def)
{
	static const char *const names[][2] = {
		{ "linear", "" },
		{ "leaky", " act=leaky" },
		{ "relu", " act=relu" },
		{ "relu6", " act=relu6" },
		{ "logistic", " act=sigmoid" },
		{ "mish", " act=mish" },
		{ "swish", " act=silu" },
		{ "relie", " act=leaky alpha=0.01" },
	};
	const struct dk_option *o = dk_find(m->s, "activation");
	const char *v = o ? o->value : def;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(v, names[i][0]) == 0)
			return det_buf_printf(&m->d->net, "%s", names[i][1]);
	return det_fail(DET_UNSUPPORTED,
	    "%s:%zu: activation '%.40s': linear, leaky, relu, relu6, logistic, mish, "
	    "swish or relie expected",
	    m->d->cfg.file, o ? o->line : m->s->line, v);
}

static enum det_err
need_map(const struct making *m)
{
	if (m->h && m->w)
		return DET_OK;
	return bad(m, DET_INVALID, "a map expected, its input is a vector");
}

/* Out size of a window over a side; 0 is an error the caller reports. */
static size_t
steps(size_t side, size_t pads, size_t size, size_t stride)
{
	return side + pads < size ? 0 : (side + pads - size) / stride + 1;
}

static enum det_err
set_shape(struct making *m, size_t c, size_t h, size_t w)
{
	if (!c || !h || !w)
		return bad(m, DET_INVALID, "nothing is left of an input of %zux%zux%zu",
		    m->c, m->h, m->w);
	if (c > MAX_CHAN || h > MAX_SIDE || w > MAX_SIDE)
		return bad(m, DET_LIMIT, "an output of %zux%zux%zu", c, h, w);
	m->l->c = c;
	m->l->h = h;
	m->l->w = w;
	return DET_OK;
}

static enum det_err
add_weight(struct making *m, const char *suffix, enum dk_role role, int rank,
    const size_t *dims, struct dk_weight **out)
{
	struct det_darknet *d = m->d;
	struct dk_weight *x;
	enum det_err e;

	if ((e = det_grow(
		 &d->weight, &d->cap_weights, d->n_weights + 1, sizeof *d->weight)))
		return e;
	x = &d->weight[d->n_weights];
	*x = (struct dk_weight){ .layer = m->index, .role = role, .rank = rank };
	(void)snprintf(x->name, sizeof x->name, "backbone/%s.%s", m->l->name, suffix);
	x->count = 1;
	for (int i = 0; i < rank; i++) {
		x->dims[i] = dims[i];
		if ((e = det_mul(&x->count, x->count, dims[i])))
			return e;
	}
	x->gain = 1;
	if (x->count > ((size_t)1 << 32))
		return bad(m, DET_LIMIT, "%zu weights", x->count);
	if ((e = det_add(&d->floats, d->floats, x->count)))
		return e;
	if (role == DK_BIAS || role == DK_BN_BIAS)
		m->l->bias = d->n_weights;
	d->n_weights++;
	if (out)
		*out = x;
	return DET_OK;
}

/* scales, mean and variance, as they follow each other in the file. */
static enum det_err
add_norm(struct making *m, const char *prefix, size_t n)
{
	static const struct {
		const char *suffix;
		enum dk_role role;
	} parts[] = {
		{ "weight", DK_BN_WEIGHT },
		{ "mean", DK_BN_MEAN },
		{ "var", DK_BN_VAR },
	};
	char name[32];
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < 3; i++) {
		(void)snprintf(name, sizeof name, "%s%s", prefix, parts[i].suffix);
		e = add_weight(m, name, parts[i].role, 1, &n, NULL);
	}
	return e;
}

/* Stride of a window: `stride`, or the fork's stride_x and stride_y. */
static enum det_err
get_stride(long *y, long *x, const struct making *m, long hi)
{
	long both;
	enum det_err e;

	if ((e = get(&both, m, "stride", 1, 1, hi)) ||
	    (e = get(y, m, "stride_y", both, 1, hi)))
		return e;
	return get(x, m, "stride_x", both, 1, hi);
}

static enum det_err
stride_key(struct making *m, long y, long x)
{
	if (y == x)
		return key(m, "stride", y, 1);
	return det_buf_printf(&m->d->net, " stride=%ld,%ld", y, x);
}

static enum det_err
conv_weights(struct making *m, size_t out, size_t in, size_t size, int bn)
{
	size_t dims[] = { out, in, size, size };
	struct dk_weight *x;
	long flipped;
	enum det_err e;

	if ((e = get(&flipped, m, "flipped", 0, 0, 1)))
		return e;
	e = bn ? add_weight(m, "bn.bias", DK_BN_BIAS, 1, &out, NULL)
	       : add_weight(m, "bias", DK_BIAS, 1, &out, NULL);
	if (!e && bn)
		e = add_norm(m, "bn.", out);
	if (!e)
		e = add_weight(m, "weight", DK_WEIGHT, 4, dims, &x);
	if (e)
		return e;
	x->fan = in * size * size;
	x->flipped = (int)flipped;
	return DET_OK;
}

/* The fork's dilation keeps the output size of the undilated layer, which is a plain
 * dilated convolution only where size - 1 pixels are padded. */
static enum det_err
add_conv(struct making *m)
{
	long out, size, sy, sx, pad, padding, groups, bn, dil;
	size_t k, p;
	enum det_err e;

	if ((e = need_map(m)) || (e = get(&out, m, "filters", 1, 1, MAX_CHAN)) ||
	    (e = get(&size, m, "size", 1, 1, 64)) ||
	    (e = get_stride(&sy, &sx, m, 64)) || (e = get(&pad, m, "pad", 0, 0, 64)) ||
	    (e = get(&padding, m, "padding", 0, 0, 512)) ||
	    (e = get(&groups, m, "groups", 1, 1, MAX_CHAN)) ||
	    (e = get(&bn, m, "batch_normalize", 0, 0, 1)) ||
	    (e = get(&dil, m, "dilation", 1, 1, 64)))
		return e;
	if (pad)
		padding = size / 2;
	if (size == 1)
		dil = 1;
	if (dil > 1 && 2 * padding != size - 1)
		return bad(m, DET_UNSUPPORTED,
		    "dilation=%ld with size=%ld and %ld pixels "
		    "of padding",
		    dil, size, padding);
	if (m->c % (size_t)groups || (size_t)out % (size_t)groups)
		return bad(m, DET_INVALID,
		    "groups=%ld does not divide %zu input and %ld output channels",
		    groups, m->c, out);
	k = (size_t)size;
	p = 2 * (size_t)padding;
	if ((e = set_shape(m, (size_t)out, steps(m->h, p, k, (size_t)sy),
		 steps(m->w, p, k, (size_t)sx))) ||
	    (e = begin(m, "conv", "conv")) || (e = key(m, "out", out, 0)) ||
	    (e = key(m, "k", size, 1)) || (e = stride_key(m, sy, sx)) ||
	    (e = key(m, "pad", padding * dil, 0)) || (e = key(m, "dilate", dil, 1)) ||
	    (e = key(m, "groups", groups, 1)) ||
	    (e = bn ? det_buf_printf(&m->d->net, " %s", m->d->bn) : DET_OK) ||
	    (e = activation(m, "logistic")) || (e = end(m)))
		return e;
	return conv_weights(m, (size_t)out, m->c / (size_t)groups, k, bn != 0);
}

/* [local] computes its output size from the side less one where pad=1, but pads by one
 * pixel: the two agree for size 3 only. */
static enum det_err
add_local(struct making *m)
{
	long out, size, stride, pad;
	size_t oh, ow, dims[6];
	struct dk_weight *x;
	enum det_err e;

	if ((e = need_map(m)) || (e = get(&out, m, "filters", 1, 1, MAX_CHAN)) ||
	    (e = get(&size, m, "size", 1, 1, 64)) ||
	    (e = get(&stride, m, "stride", 1, 1, 64)) ||
	    (e = get(&pad, m, "pad", 0, 0, 1)))
		return e;
	if (pad && size != 3)
		return bad(
		    m, DET_UNSUPPORTED, "pad=1 with size=%ld: only size=3", size);
	oh = steps(m->h, 2 * (size_t)pad, (size_t)size, (size_t)stride);
	ow = steps(m->w, 2 * (size_t)pad, (size_t)size, (size_t)stride);
	if ((e = set_shape(m, (size_t)out, oh, ow)) ||
	    (e = begin(m, "local", "local")) || (e = key(m, "out", out, 0)) ||
	    (e = key(m, "k", size, 1)) || (e = key(m, "stride", stride, 1)) ||
	    (e = key(m, "pad", pad, 0)) || (e = activation(m, "logistic")) ||
	    (e = end(m)))
		return e;
	dims[0] = (size_t)out;
	dims[1] = oh;
	dims[2] = ow;
	if ((e = add_weight(m, "bias", DK_BIAS, 3, dims, NULL)))
		return e;
	dims[0] = oh;
	dims[1] = ow;
	dims[2] = (size_t)out;
	dims[3] = m->c;
	dims[4] = dims[5] = (size_t)size;
	if ((e = add_weight(m, "weight", DK_WEIGHT, 6, dims, &x)))
		return e;
	x->fan = m->c * (size_t)size * (size_t)size;
	return DET_OK;
}

static enum det_err
add_connected(struct making *m)
{
	long out, bn;
	size_t dims[2];
	struct dk_weight *x;
	enum det_err e;

	if ((e = get(&out, m, "output", 1, 1, MAX_CHAN)) ||
	    (e = get(&bn, m, "batch_normalize", 0, 0, 1)))
		return e;
	dims[0] = (size_t)out;
	dims[1] = m->c * m->h * m->w;
	if ((e = set_shape(m, dims[0], 1, 1)) || (e = begin(m, "fc", "fc")) ||
	    (e = key(m, "out", out, 0)) ||
	    (e = bn ? det_buf_printf(&m->d->net, " %s", m->d->bn) : DET_OK) ||
	    (e = activation(m, "logistic")) || (e = end(m)))
		return e;
	e = bn ? add_weight(m, "bn.bias", DK_BN_BIAS, 1, dims, NULL)
	       : add_weight(m, "bias", DK_BIAS, 1, dims, NULL);
	if (e || (e = add_weight(m, "weight", DK_WEIGHT, 2, dims, &x)))
		return e;
	x->fan = dims[1];
	x->fc = 1;
	return bn ? add_norm(m, "bn.", dims[0]) : DET_OK;
}

static enum det_err
add_maxpool(struct making *m)
{
	long size, sy, sx, pad;
	enum det_err e;

	if ((e = need_map(m)) || (e = get_stride(&sy, &sx, m, 64)) ||
	    (e = get(&size, m, "size", sy, 1, 64)) ||
	    (e = get(&pad, m, "padding", size - 1, 0, 512)) ||
	    (e = set_shape(m, m->c, steps(m->h, (size_t)pad, (size_t)size, (size_t)sy),
		 steps(m->w, (size_t)pad, (size_t)size, (size_t)sx))) ||
	    (e = begin(m, "pool", "maxpool")) || (e = key(m, "k", size, 0)) ||
	    (e = stride_key(m, sy, sx)) || (e = key(m, "pad", pad, 0)) ||
	    (e = det_buf_printf(&m->d->net, " round=darknet")))
		return e;
	return end(m);
}

static enum det_err
add_avgpool(struct making *m)
{
	enum det_err e;

	if ((e = need_map(m)) || (e = set_shape(m, m->c, 1, 1)) ||
	    (e = begin(m, "avg", "avgpool")) ||
	    (e = det_buf_printf(&m->d->net, " global")))
		return e;
	return end(m);
}

static enum det_err
add_upsample(struct making *m)
{
	long stride;
	double gain;
	enum det_err e;

	if ((e = need_map(m)) || (e = get(&stride, m, "stride", 2, 1, 64)) ||
	    (e = dk_double(&gain, &m->d->cfg, m->s, "scale", 1, -1e6, 1e6)) ||
	    (e = set_shape(m, m->c, m->h * (size_t)stride, m->w * (size_t)stride)) ||
	    (e = begin(m, "up", "upsample")) || (e = key(m, "scale", stride, 2)))
		return e;
	if ((gain < 1 || gain > 1) && (e = real_key(m, "gain", gain)))
		return e;
	return end(m);
}

static enum det_err
add_reorg(struct making *m)
{
	long stride, reverse;
	size_t s;
	enum det_err e;

	if ((e = need_map(m)) || (e = get(&stride, m, "stride", 1, 1, 64)) ||
	    (e = get(&reverse, m, "reverse", 0, 0, 1)))
		return e;
	s = (size_t)stride;
	if (reverse ? m->c % (s * s) : (m->h % s || m->w % s || m->c % (s * s)))
		return bad(m, DET_INVALID,
		    "stride=%ld does not divide an input of "
		    "%zux%zux%zu",
		    stride, m->c, m->h, m->w);
	e = reverse ? set_shape(m, m->c / (s * s), m->h * s, m->w * s)
		    : set_shape(m, m->c * s * s, m->h / s, m->w / s);
	if (e || (e = begin(m, "reorg", "reorg")) ||
	    (e = det_buf_printf(&m->d->net, " stride=%ld order=darknet%s", stride,
		 reverse ? " reverse" : "")))
		return e;
	return end(m);
}

static enum det_err
add_crop(struct making *m)
{
	long h, w, noadjust;
	enum det_err e;

	if ((e = need_map(m)) || (e = get(&h, m, "crop_height", 1, 1, MAX_SIDE)) ||
	    (e = get(&w, m, "crop_width", 1, 1, MAX_SIDE)) ||
	    (e = get(&noadjust, m, "noadjust", 0, 0, 1)))
		return e;
	if ((size_t)h > m->h || (size_t)w > m->w)
		return bad(m, DET_INVALID, "%ldx%ld does not fit into %zux%zu", w, h,
		    m->w, m->h);
	if ((e = set_shape(m, m->c, (size_t)h, (size_t)w)) ||
	    (e = begin(m, "crop", "crop")) ||
	    (e = det_buf_printf(&m->d->net, " h=%ld w=%ld%s", h, w,
		 noadjust ? "" : " gain=2 shift=-1")))
		return e;
	return end(m);
}

static enum det_err
add_lrn(struct making *m)
{
	const struct dk_cfg *cfg = &m->d->cfg;
	long size;
	double alpha, beta, kappa;
	enum det_err e;

	if ((e = need_map(m)) || (e = get(&size, m, "size", 5, 1, 1024)) ||
	    (e = dk_double(&alpha, cfg, m->s, "alpha", .0001, 0, 1e6)) ||
	    (e = dk_double(&beta, cfg, m->s, "beta", .75, 0, 100)) ||
	    (e = dk_double(&kappa, cfg, m->s, "kappa", 1, 0, 1e6)) ||
	    (e = set_shape(m, m->c, m->h, m->w)) || (e = begin(m, "lrn", "lrn")) ||
	    (e = det_buf_printf(&m->d->net, " size=%ld", size)) ||
	    (e = real_key(m, "alpha", alpha)) || (e = real_key(m, "beta", beta)) ||
	    (e = real_key(m, "k", kappa)) ||
	    (e = det_buf_printf(&m->d->net, " form=darknet")))
		return e;
	return end(m);
}

/* Its additive part is in the fork's files only; pjreddie's keep it at zero. */
static enum det_err
add_batchnorm(struct making *m)
{
	struct dk_weight *x;
	enum det_err e;

	if ((e = need_map(m)) || (e = set_shape(m, m->c, m->h, m->w)) ||
	    (e = begin(m, "bn", "bn")) ||
	    (e = det_buf_printf(
		 &m->d->net, "%s", strcmp(m->d->bn, "bn") ? " form=darknet" : "")) ||
	    (e = end(m)) || (e = add_weight(m, "bias", DK_BN_BIAS, 1, &m->c, &x)))
		return e;
	x->absent = !m->d->cfg.fork;
	if (x->absent)
		m->d->floats -= x->count;
	return add_norm(m, "", m->c);
}

/* Layers of one line that keep the shape. */
static enum det_err
add_plain(struct making *m)
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
	if ((e = set_shape(m, m->c, m->h, m->w)) ||
	    (e = begin(m, plain[i].prefix, plain[i].line)))
		return e;
	if (i == 1)
		e = det_buf_printf(&m->d->net, " affine=0 eps=0");
	else if (i == 2)
		e = activation(m, "linear");
	else if (i == 3 &&
		 !(e = dk_double(&p, &m->d->cfg, m->s, "probability", .5, 0, 1)))
		e = real_key(m, "p", p);
	return e ? e : end(m);
}

static enum det_err
add_softmax(struct making *m)
{
	long groups;
	double temp;
	enum det_err e;

	if ((e = get(&groups, m, "groups", 1, 1, MAX_CHAN)) ||
	    (e = dk_double(&temp, &m->d->cfg, m->s, "temperature", 1, 1e-6, 1e6)))
		return e;
	if (m->c * m->h * m->w % (size_t)groups)
		return bad(m, DET_INVALID, "groups=%ld does not divide %zu inputs",
		    groups, m->c * m->h * m->w);
	if ((e = set_shape(m, m->c, m->h, m->w)) ||
	    (e = begin(m, "softmax", "softmax")) ||
	    (e = det_buf_printf(&m->d->net, " over=all")) ||
	    (e = key(m, "groups", groups, 1)))
		return e;
	if ((temp < 1 || temp > 1) && (e = real_key(m, "temp", temp)))
		return e;
	return end(m);
}

/* Layer number v of a [route] or [shortcut]: absolute, or counted back from here. */
static enum det_err
reference(size_t *out, const struct making *m, const char *name, double v)
{
	long i = (long)v;

	if ((double)i < v || (double)i > v)
		return bad(
		    m, DET_INVALID, "%s: a layer number expected, found %g", name, v);
	if (i < 0)
		i += (long)m->index;
	if (i < 0 || (size_t)i >= m->index)
		return bad(
		    m, DET_INVALID, "%s=%g: there is no such layer before it", name, v);
	if (!m->d->layer[i].name[0])
		return bad(m, DET_UNSUPPORTED,
		    "%s=%g is a [%s], whose output nothing else can take here", name, v,
		    m->d->layer[i].s->name);
	*out = (size_t)i;
	return DET_OK;
}

/* The fork's groups: of every input only the group_id-th part of its channels. */
static enum det_err
route_part(struct making *m, size_t from, long groups, long group)
{
	const struct dk_layer *x = &m->d->layer[from];

	if (x->c % (size_t)groups)
		return bad(m, DET_INVALID,
		    "groups=%ld does not divide the %zu channels of "
		    "layer %zu",
		    groups, x->c, from);
	return det_buf_printf(&m->d->net,
	    "part%zu.%zu = slice(%s) groups=%ld group=%ld\n", m->index, from, x->name,
	    groups, group);
}

static enum det_err
route_layers(struct making *m, const double *v, size_t n, long groups, long group)
{
	size_t from, c = 0;
	const struct dk_layer *first = NULL;
	struct det_buf list = { 0 };
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < n; i++) {
		const struct dk_layer *x;

		if ((e = reference(&from, m, "layers", v[i])))
			break;
		x = &m->d->layer[from];
		if (!first)
			first = x;
		if (x->h != first->h || x->w != first->w)
			e = bad(m, DET_INVALID,
			    "layers of %zux%zu and %zux%zu can't be joined", first->w,
			    first->h, x->w, x->h);
		else if (groups > 1 && !(e = route_part(m, from, groups, group)))
			e = det_buf_printf(
			    &list, "%spart%zu.%zu", i ? ", " : "", m->index, from);
		else if (!e)
			e = det_buf_printf(&list, "%s%s", i ? ", " : "", x->name);
		c += x->c / (size_t)groups;
	}
	if (!e) {
		m->in = list.text;
		if (!(e = set_shape(m, c, first->h, first->w)) &&
		    !(e = begin(m, "route", "concat")))
			e = end(m);
	}
	det_buf_free(&list);
	return e;
}

static enum det_err
add_route(struct making *m)
{
	long groups, group;
	double *v;
	size_t n;
	enum det_err e;

	if ((e = dk_list(&v, &n, &m->d->cfg, m->s, "layers", -1e6, 1e6)))
		return e;
	if (n == 0 || n > 64)
		e = bad(m, DET_INVALID, "layers= with 1 to 64 layers expected");
	else if (!(e = get(&groups, m, "groups", 1, 1, MAX_CHAN)) &&
		 !(e = get(&group, m, "group_id", 0, 0, groups - 1)))
		e = route_layers(m, v, n, groups, group);
	free(v);
	return e;
}

static enum det_err
add_shortcut(struct making *m)
{
	double *v;
	size_t n, from;
	int differ = 0;
	struct det_buf list = { 0 };
	enum det_err e;

	if ((e = dk_list(&v, &n, &m->d->cfg, m->s, "from", -1e6, 1e6)))
		return e;
	if (n == 0 || n > 63)
		e = bad(m, DET_INVALID, "from= with a layer expected");
	if (!e)
		e = det_buf_printf(&list, "%s", m->in);
	for (size_t i = 0; !e && i < n; i++) {
		if ((e = reference(&from, m, "from", v[i])))
			break;
		differ |= m->d->layer[from].c != m->c || m->d->layer[from].h != m->h ||
			  m->d->layer[from].w != m->w;
		e = det_buf_printf(&list, ", %s", m->d->layer[from].name);
	}
	if (!e && differ && n > 1)
		e = bad(m, DET_UNSUPPORTED, "several layers of different shapes");
	if (!e) {
		m->in = list.text;
		if (!(e = set_shape(m, m->c, m->h, m->w)) &&
		    !(e = begin(m, "add", "add")) &&
		    !(e = det_buf_printf(&m->d->net, "%s", differ ? " darknet" : "")) &&
		    !(e = activation(m, "linear")))
			e = end(m);
	}
	free(v);
	det_buf_free(&list);
	return e;
}

static enum det_err
add_detection(struct making *m)
{
	return dk_decode_add(m->d, m->l);
}

/* Computes a loss; what it passes on is its input. */
static enum det_err
add_cost(struct making *m)
{
	(void)snprintf(m->l->name, sizeof m->l->name, "%s", m->in);
	return set_shape(m, m->c, m->h, m->w);
}

static const struct {
	const char *section;
	enum det_err (*add)(struct making *m);
} makers[] = {
	{ "convolutional", add_conv },
	{ "maxpool", add_maxpool },
	{ "shortcut", add_shortcut },
	{ "route", add_route },
	{ "upsample", add_upsample },
	{ "yolo", add_detection },
	{ "region", add_detection },
	{ "detection", add_detection },
	{ "connected", add_connected },
	{ "local", add_local },
	{ "avgpool", add_avgpool },
	{ "reorg", add_reorg },
	{ "crop", add_crop },
	{ "normalization", add_lrn },
	{ "batchnorm", add_batchnorm },
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
	struct making m = { d, s, NULL, "image", d->n, d->in_c, d->in_h, d->in_w };
	const struct dk_layer *before;
	enum det_err e;

	if ((e = det_grow(&d->layer, &d->cap, d->n + 1, sizeof *d->layer)))
		return e;
	m.l = &d->layer[d->n];
	*m.l = (struct dk_layer){ .s = s, .bias = SIZE_MAX };
	if (d->n > 0) {
		before = m.l - 1;
		m.in = before->name;
		m.c = before->c;
		m.h = before->h;
		m.w = before->w;
	}
	if (!m.in[0] && strcmp(s->name, "route") != 0)
		return bad(&m, DET_UNSUPPORTED,
		    "a [route] expected after [%s], whose output nothing can take here",
		    (m.l - 1)->s->name);
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
		if (strcmp(s->name, makers[i].section) == 0) {
			if ((e = makers[i].add(&m)))
				return e;
			d->n++;
			return DET_OK;
		}
	return bad(&m, DET_INVALID, "only the first section can be [net]");
}
