/* SPDX-License-Identifier: MIT
 *
 * Darknet's layers with weights. A convolution's `pad=1` means size/2 on each side, and
 * `padding` counts only without it; where `activation` is missing it is the logistic one.
 * [connected] flattens its input in the order c,y,x, as the network text does.
 */
#include "model/darknet_line.h"

#include <string.h>

static enum det_err
conv_weights(struct dk_making *m, size_t out, size_t in, size_t size, int bn)
{
	size_t dims[] = { out, in, size, size };
	struct dk_weight *x;
	long flipped;
	enum det_err e;

	if ((e = dk_get(&flipped, m, "flipped", 0, 0, 1)))
		return e;
	e = bn ? dk_add_weight(m, "bn.bias", DK_BN_BIAS, 1, &out, NULL)
	       : dk_add_weight(m, "bias", DK_BIAS, 1, &out, NULL);
	if (!e && bn)
		e = dk_add_norm(m, "bn.", out);
	if (!e)
		e = dk_add_weight(m, "weight", DK_WEIGHT, 4, dims, &x);
	if (e)
		return e;
	x->fan = in * size * size;
	x->flipped = (int)flipped;
	return DET_OK;
}

/* The fork's dilation keeps the output size of the undilated layer, which is a plain
 * dilated convolution only where size - 1 pixels are padded. */
enum det_err
dk_add_conv(struct dk_making *m)
{
	long out, size, sy, sx, pad, padding, groups, bn, dil;
	size_t k, p;
	enum det_err e;

	if ((e = dk_get(&out, m, "filters", 1, 1, DK_MAX_CHAN)) ||
	    (e = dk_get(&size, m, "size", 1, 1, 64)) ||
	    (e = dk_get_stride(&sy, &sx, m, 64)) ||
	    (e = dk_get(&pad, m, "pad", 0, 0, 64)) ||
	    (e = dk_get(&padding, m, "padding", 0, 0, 512)) ||
	    (e = dk_get(&groups, m, "groups", 1, 1, DK_MAX_CHAN)) ||
	    (e = dk_get(&bn, m, "batch_normalize", 0, 0, 1)) ||
	    (e = dk_get(&dil, m, "dilation", 1, 1, 64)))
		return e;
	if (pad)
		padding = size / 2;
	if (size == 1)
		dil = 1;
	if (dil > 1 && 2 * padding != size - 1)
		return dk_bad(m, DET_UNSUPPORTED,
		    "dilation=%ld with size=%ld and %ld pixels "
		    "of padding",
		    dil, size, padding);
	if (m->c % (size_t)groups || (size_t)out % (size_t)groups)
		return dk_bad(m, DET_INVALID,
		    "groups=%ld does not divide %zu input and %ld output channels",
		    groups, m->c, out);
	k = (size_t)size;
	p = 2 * (size_t)padding;
	if ((e = dk_set_shape(m, (size_t)out, dk_steps(m->h, p, k, (size_t)sy),
		 dk_steps(m->w, p, k, (size_t)sx))) ||
	    (e = dk_begin(m, "conv", "conv")) || (e = dk_key(m, "out", out, 0)) ||
	    (e = dk_key(m, "k", size, 1)) || (e = dk_stride_key(m, sy, sx)) ||
	    (e = dk_key(m, "pad", padding * dil, 0)) ||
	    (e = dk_key(m, "dilate", dil, 1)) || (e = dk_key(m, "groups", groups, 1)) ||
	    (e = bn ? det_buf_printf(&m->d->net, " %s", m->d->bn) : DET_OK) ||
	    (e = dk_activation(m, "logistic")) || (e = dk_end(m)))
		return e;
	return conv_weights(m, (size_t)out, m->c / (size_t)groups, k, bn != 0);
}

/* [local] computes its output size from the side less one where pad=1, but pads by one
 * pixel: the two agree for size 3 only. */
enum det_err
dk_add_local(struct dk_making *m)
{
	long out, size, stride, pad;
	size_t oh, ow, dims[6];
	struct dk_weight *x;
	enum det_err e;

	if ((e = dk_get(&out, m, "filters", 1, 1, DK_MAX_CHAN)) ||
	    (e = dk_get(&size, m, "size", 1, 1, 64)) ||
	    (e = dk_get(&stride, m, "stride", 1, 1, 64)) ||
	    (e = dk_get(&pad, m, "pad", 0, 0, 1)))
		return e;
	if (pad && size != 3)
		return dk_bad(
		    m, DET_UNSUPPORTED, "pad=1 with size=%ld: only size=3", size);
	oh = dk_steps(m->h, 2 * (size_t)pad, (size_t)size, (size_t)stride);
	ow = dk_steps(m->w, 2 * (size_t)pad, (size_t)size, (size_t)stride);
	if ((e = dk_set_shape(m, (size_t)out, oh, ow)) ||
	    (e = dk_begin(m, "local", "local")) || (e = dk_key(m, "out", out, 0)) ||
	    (e = dk_key(m, "k", size, 1)) || (e = dk_key(m, "stride", stride, 1)) ||
	    (e = dk_key(m, "pad", pad, 0)) || (e = dk_activation(m, "logistic")) ||
	    (e = dk_end(m)))
		return e;
	dims[0] = (size_t)out;
	dims[1] = oh;
	dims[2] = ow;
	if ((e = dk_add_weight(m, "bias", DK_BIAS, 3, dims, NULL)))
		return e;
	dims[0] = oh;
	dims[1] = ow;
	dims[2] = (size_t)out;
	dims[3] = m->c;
	dims[4] = dims[5] = (size_t)size;
	if ((e = dk_add_weight(m, "weight", DK_WEIGHT, 6, dims, &x)))
		return e;
	x->fan = m->c * (size_t)size * (size_t)size;
	return DET_OK;
}

enum det_err
dk_add_connected(struct dk_making *m)
{
	long out, bn;
	size_t dims[2];
	struct dk_weight *x;
	enum det_err e;

	if ((e = dk_get(&out, m, "output", 1, 1, DK_MAX_CHAN)) ||
	    (e = dk_get(&bn, m, "batch_normalize", 0, 0, 1)))
		return e;
	dims[0] = (size_t)out;
	dims[1] = m->c * m->h * m->w;
	if ((e = dk_set_shape(m, dims[0], 1, 1)) || (e = dk_begin(m, "fc", "fc")) ||
	    (e = dk_key(m, "out", out, 0)) ||
	    (e = bn ? det_buf_printf(&m->d->net, " %s", m->d->bn) : DET_OK) ||
	    (e = dk_activation(m, "logistic")) || (e = dk_end(m)))
		return e;
	e = bn ? dk_add_weight(m, "bn.bias", DK_BN_BIAS, 1, dims, NULL)
	       : dk_add_weight(m, "bias", DK_BIAS, 1, dims, NULL);
	if (e || (e = dk_add_weight(m, "weight", DK_WEIGHT, 2, dims, &x)))
		return e;
	x->fan = dims[1];
	x->fc = 1;
	return bn ? dk_add_norm(m, "bn.", dims[0]) : DET_OK;
}

/* Its additive part is in the fork's files only; pjreddie's keep it at zero. */
enum det_err
dk_add_batchnorm(struct dk_making *m)
{
	struct dk_weight *x;
	enum det_err e;

	if ((e = dk_set_shape(m, m->c, m->h, m->w)) || (e = dk_begin(m, "bn", "bn")) ||
	    (e = det_buf_printf(
		 &m->d->net, "%s", strcmp(m->d->bn, "bn") ? " form=darknet" : "")) ||
	    (e = dk_end(m)) || (e = dk_add_weight(m, "bias", DK_BN_BIAS, 1, &m->c, &x)))
		return e;
	x->absent = !m->d->cfg.fork;
	if (x->absent)
		m->d->floats -= x->count;
	return dk_add_norm(m, "", m->c);
}
