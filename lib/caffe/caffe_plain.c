/* SPDX-License-Identifier: MIT
 *
 * Layers of one input that become one line of a network text. Defaults are caffe.proto's.
 *
 * - Pooling rounds output sizes up; a last window that begins beyond the picture is left
 *   out (pooling_layer.cpp): round=ceil. Averages divide by the window's part inside the
 *   padded picture: count=pad, the default.
 * - LRN's alpha is divided by the window's size, in both regions: the net's forms across
 *   and within.
 * - Dropout is the identity at test, but for scale_train: false, which leaves the scaling
 *   by 1 - ratio to the test.
 */
#include <string.h>

#include "caffe/caffe_net.h"

/* KEY or KEY_h and KEY_w; at most two of a repeated KEY (vertical, horizontal). */
static enum det_err
read_pair(long v[2], const struct cf_work *w, const char *key, const char *key_h,
    const char *key_w, long def, long lo, long hi)
{
	size_t n = cf_count(w->p, key);
	enum det_err e;

	v[0] = v[1] = def;
	if (n > 2)
		return cf_bad(
		    w, DET_UNSUPPORTED, "%s: one number or two expected", key);
	if ((e = cf_long_at(&v[0], w->p, key, 0, lo, hi)))
		return e;
	v[1] = v[0];
	if ((e = cf_long_at(&v[1], w->p, key, 1, lo, hi)))
		return e;
	if (n && (cf_count(w->p, key_h) || cf_count(w->p, key_w)))
		return cf_bad(
		    w, DET_INVALID, "%s: not beside %s and %s", key, key_h, key_w);
	if ((e = cf_long(&v[0], w->p, key_h, lo, hi)))
		return e;
	return cf_long(&v[1], w->p, key_w, lo, hi);
}

static enum det_err
put_pair(struct cf_value *v, const char *key, const long p[2], long def)
{
	if (p[0] == p[1])
		return cf_key_long(v, key, p[0], def);
	return det_buf_printf(&v->keys, " %s=%ld,%ld", key, p[0], p[1]);
}

/* Kernel, stride and pad; a kernel of 0 where none is given. */
static enum det_err
read_window(long k[2], long stride[2], long pad[2], const struct cf_work *w)
{
	enum det_err e;

	if ((e = read_pair(k, w, "kernel_size", "kernel_h", "kernel_w", 0, 1, 64)) ||
	    (e = read_pair(stride, w, "stride", "stride_h", "stride_w", 1, 1, 64)))
		return e;
	return read_pair(pad, w, "pad", "pad_h", "pad_w", 0, 0, 512);
}

enum det_err
cf_add_conv(struct cf_work *w)
{
	static const char *const passed[] = { "weight_filler", "bias_filler", "engine",
		"force_nd_im2col", NULL };
	long out = 0, group = 1, axis = 1, k[2], stride[2], pad[2], dilation[2];
	int bias = 1;
	size_t value;
	struct cf_value *v;
	enum det_err e;

	if ((e = cf_params(w, "convolution_param")) ||
	    (e = cf_unary(&value, w, "conv")) ||
	    (e = cf_long(&out, w->p, "num_output", 1, 1L << 24)) ||
	    (e = cf_long(&group, w->p, "group", 1, 1L << 24)) ||
	    (e = cf_long(&axis, w->p, "axis", 1, 1)) ||
	    (e = cf_bool(&bias, w->p, "bias_term")) ||
	    (e = read_window(k, stride, pad, w)) ||
	    (e = read_pair(dilation, w, "dilation", "", "", 1, 1, 64)))
		return e;
	cf_ignore(w->p, passed);
	if (!out || !k[0] || !k[1])
		return cf_bad(w, DET_INVALID, "num_output and kernel_size expected");
	if (strcmp(w->l->type, "Convolution") != 0)
		group = out; /* forks' depthwise layers */
	v = &w->c->value[value];
	v->c = (size_t)out;
	v->vector = 0;
	if ((e = det_buf_printf(&v->keys, " out=%ld", out)) ||
	    (e = put_pair(v, "k", k, 0)) || (e = put_pair(v, "stride", stride, 1)) ||
	    (e = put_pair(v, "pad", pad, 0)) ||
	    (e = put_pair(v, "dilate", dilation, 1)) ||
	    (e = cf_key_long(v, "groups", group, 1)))
		return e;
	return cf_key_long(v, "bias", bias, 1);
}

enum det_err
cf_add_fc(struct cf_work *w)
{
	static const char *const passed[] = { "weight_filler", "bias_filler", NULL };
	long out = 0, axis = 1;
	int bias = 1, transpose = 0;
	size_t value;
	struct cf_value *v;
	enum det_err e;

	if ((e = cf_params(w, "inner_product_param")) ||
	    (e = cf_unary(&value, w, "fc")) ||
	    (e = cf_long(&out, w->p, "num_output", 1, 1L << 24)) ||
	    (e = cf_long(&axis, w->p, "axis", 1, 1)) ||
	    (e = cf_bool(&bias, w->p, "bias_term")) ||
	    (e = cf_bool(&transpose, w->p, "transpose")))
		return e;
	cf_ignore(w->p, passed);
	if (!out)
		return cf_bad(w, DET_INVALID, "num_output expected");
	v = &w->c->value[value];
	v->c = (size_t)out;
	v->vector = 1;
	v->transposed = transpose;
	if ((e = det_buf_printf(&v->keys, " out=%ld", out)))
		return e;
	return cf_key_long(v, "bias", bias, 1);
}

static enum det_err
pool_round(const char **round, const struct cf_work *w)
{
	const char *mode = "CEIL";
	int ceil = 1;
	enum det_err e;

	/* ceil_mode is a fork's */
	if ((e = cf_word(&mode, w->p, "round_mode")) ||
	    (e = cf_bool(&ceil, w->p, "ceil_mode")))
		return e;
	if (strcmp(mode, "CEIL") != 0 && strcmp(mode, "FLOOR") != 0)
		return cf_bad(w, DET_UNSUPPORTED, "round_mode '%s'", mode);
	*round = mode[0] == 'C' && ceil ? "ceil" : "floor";
	return DET_OK;
}

enum det_err
cf_add_pool(struct cf_work *w)
{
	static const char *const passed[] = { "engine", NULL };
	const char *pool = "MAX", *round = "ceil";
	long k[2], stride[2], pad[2];
	int global = 0, max;
	size_t value;
	struct cf_value *v;
	enum det_err e;

	if ((e = cf_params(w, "pooling_param")) || (e = cf_word(&pool, w->p, "pool")))
		return e;
	max = strcmp(pool, "MAX") == 0 || strcmp(pool, "0") == 0;
	if (!max && strcmp(pool, "AVE") != 0 && strcmp(pool, "1") != 0)
		return cf_bad(
		    w, DET_UNSUPPORTED, "pool: MAX or AVE expected, found '%s'", pool);
	if ((e = cf_unary(&value, w, max ? "maxpool" : "avgpool")) ||
	    (e = cf_bool(&global, w->p, "global_pooling")) ||
	    (e = pool_round(&round, w)) || (e = read_window(k, stride, pad, w)))
		return e;
	cf_ignore(w->p, passed);
	v = &w->c->value[value];
	if (global) {
		v->vector = 1;
		return det_buf_printf(&v->keys, " global");
	}
	if (!k[0] || !k[1])
		return cf_bad(w, DET_INVALID, "kernel_size expected");
	if ((e = put_pair(v, "k", k, 0)) || (e = put_pair(v, "stride", stride, 1)) ||
	    (e = put_pair(v, "pad", pad, 0)))
		return e;
	return det_buf_printf(&v->keys, " round=%s", round);
}

enum det_err
cf_add_lrn(struct cf_work *w)
{
	static const char *const passed[] = { "engine", NULL };
	const char *region = "ACROSS_CHANNELS";
	long size = 5;
	double alpha = 1, beta = .75, k = 1;
	int within;
	size_t value;
	struct cf_value *v;
	enum det_err e;

	if ((e = cf_params(w, "lrn_param")) || (e = cf_unary(&value, w, "lrn")) ||
	    (e = cf_long(&size, w->p, "local_size", 1, 1023)) ||
	    (e = cf_double(&alpha, w->p, "alpha", 0, 1e6)) ||
	    (e = cf_double(&beta, w->p, "beta", 0, 100)) ||
	    (e = cf_double(&k, w->p, "k", 0, 1e6)) ||
	    (e = cf_word(&region, w->p, "norm_region")))
		return e;
	cf_ignore(w->p, passed);
	within = strcmp(region, "WITHIN_CHANNEL") == 0 || strcmp(region, "1") == 0;
	if (!within && strcmp(region, "ACROSS_CHANNELS") != 0 &&
	    strcmp(region, "0") != 0)
		return cf_bad(w, DET_UNSUPPORTED, "norm_region '%s'", region);
	if (size % 2 == 0)
		return cf_bad(w, DET_INVALID, "local_size: an odd number expected");
	v = &w->c->value[value];
	if ((e = cf_key_long(v, "size", size, 5)) ||
	    (e = cf_key_double(v, "alpha", alpha, 1e-4)) ||
	    (e = cf_key_double(v, "beta", beta, .75)))
		return e;
	return within ? det_buf_printf(&v->keys, " form=within")
		      : cf_key_double(v, "k", k, 1);
}

enum det_err
cf_add_relu(struct cf_work *w)
{
	static const char *const passed[] = { "engine", NULL };
	double slope = 0;
	size_t value;
	enum det_err e;

	if ((e = cf_params(w, "relu_param")) ||
	    (e = cf_double(&slope, w->p, "negative_slope", 0, 10)))
		return e;
	cf_ignore(w->p, passed);
	if ((e = cf_unary(&value, w, slope > 0 ? "leaky" : "relu")))
		return e;
	return cf_key_double(&w->c->value[value], "alpha", slope, 0);
}

enum det_err
cf_add_dropout(struct cf_work *w)
{
	double ratio = .5;
	int scale_train = 1;
	size_t value;
	enum det_err e;

	if ((e = cf_params(w, "dropout_param")) ||
	    (e = cf_double(&ratio, w->p, "dropout_ratio", 0, 1)) ||
	    (e = cf_bool(&scale_train, w->p, "scale_train")))
		return e;
	if (scale_train)
		return cf_add_split(w);
	if ((e = cf_unary(&value, w, "dropout")) ||
	    (e = cf_key_double(&w->c->value[value], "p", ratio, .5)))
		return e;
	return det_buf_printf(&w->c->value[value].keys, " scale");
}

enum det_err
cf_add_power(struct cf_work *w)
{
	double power = 1, scale = 1, shift = 0;
	enum det_err e;

	if ((e = cf_params(w, "power_param")) ||
	    (e = cf_double(&power, w->p, "power", -1e6, 1e6)) ||
	    (e = cf_double(&scale, w->p, "scale", -1e6, 1e6)) ||
	    (e = cf_double(&shift, w->p, "shift", -1e6, 1e6)))
		return e;
	if (power < 1 || power > 1 || scale < 1 || scale > 1 || shift < 0 || shift > 0)
		return cf_bad(w, DET_UNSUPPORTED,
		    "only the identity is: power 1, scale 1, shift 0");
	return cf_add_split(w);
}

/* SSD's layer: over the channels of each pixel, times a scale a channel. */
enum det_err
cf_add_normalize(struct cf_work *w)
{
	static const char *const passed[] = { "scale_filler", NULL };
	int across = 1, shared = 1;
	double eps = 1e-10;
	size_t value;
	enum det_err e;

	if ((e = cf_params(w, "norm_param")) || (e = cf_unary(&value, w, "l2norm")) ||
	    (e = cf_bool(&across, w->p, "across_spatial")) ||
	    (e = cf_bool(&shared, w->p, "channel_shared")) ||
	    (e = cf_double(&eps, w->p, "eps", 0, 1)))
		return e;
	cf_ignore(w->p, passed);
	if (across)
		return cf_bad(
		    w, DET_UNSUPPORTED, "across_spatial: only false is supported");
	w->c->value[value].shared_scale = shared;
	return cf_key_double(&w->c->value[value], "eps", eps, 1e-10);
}

enum det_err
cf_add_batchnorm(struct cf_work *w)
{
	double eps = 1e-5, fraction;
	int global = 1;
	size_t value;
	enum det_err e;

	if ((e = cf_params(w, "batch_norm_param")) || (e = cf_unary(&value, w, "bn")) ||
	    (e = cf_double(&eps, w->p, "eps", 0, 1)) ||
	    (e = cf_double(&fraction, w->p, "moving_average_fraction", 0, 1)) ||
	    (e = cf_bool(&global, w->p, "use_global_stats")))
		return e;
	if (!global)
		return cf_bad(w, DET_UNSUPPORTED,
		    "use_global_stats: statistics of the batch are for training");
	return cf_key_double(&w->c->value[value], "eps", eps, 1e-5);
}

/* After a BatchNorm whose output nobody else reads it becomes that layer's own scale. */
static int
joins_bn(const struct cf_work *w, const struct cf_value *in)
{
	const char *bottom = w->l->bottom[0];

	return in->op && strcmp(in->op, "bn") == 0 && !in->scale && w->at > 0 &&
	       in->layer == w->l - 1 &&
	       (strcmp(bottom, w->l->top[0]) == 0 ||
		   !cf_read_later(w->c, w->at, bottom));
}

enum det_err
cf_add_scale(struct cf_work *w)
{
	static const char *const passed[] = { "filler", "bias_filler", NULL };
	long axis = 1, axes = 1;
	int bias = 0;
	size_t value;
	struct cf_view *top;
	enum det_err e;

	if ((e = cf_params(w, "scale_param")) || (e = cf_ends(w, 1, 1, 1, 1)) ||
	    (e = cf_long(&axis, w->p, "axis", 1, 1)) ||
	    (e = cf_long(&axes, w->p, "num_axes", 1, 1)) ||
	    (e = cf_bool(&bias, w->p, "bias_term")))
		return e;
	cf_ignore(w->p, passed);
	if ((e = cf_bottom_map(&value, w, 0)))
		return e;
	if (joins_bn(w, &w->c->value[value])) {
		w->c->value[value].scale = w->l;
		w->c->value[value].scale_bias = bias;
		if ((e = cf_view_add(&top, w->c, w->l->top[0], CF_MAP)))
			return e;
		return cf_view_part(top, value);
	}
	if ((e = cf_unary(&value, w, "scale")))
		return e;
	return cf_key_long(&w->c->value[value], "bias", bias, 1);
}
