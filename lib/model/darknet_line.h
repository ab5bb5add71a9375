/* SPDX-License-Identifier: MIT
 *
 * What the makers of layers share: a section becomes a line of the network text, a shape
 * and the weights that the file holds for it. Private to lib/model/darknet*.
 */
#ifndef DET_DARKNET_LINE_H
#define DET_DARKNET_LINE_H

#include "model/darknet_net.h"

#define DK_MAX_SIDE 65536
#define DK_MAX_CHAN 1048576

/* A layer in the making: where it stands, what it takes. */
struct dk_making {
	struct det_darknet *d;
	const struct dk_section *s;
	struct dk_layer *l;
	const char *in; /* name of the input */
	size_t index, c, h, w;
};

/* "file:12: [route] (layer 3): text" */
enum det_err dk_bad(const struct dk_making *m, enum det_err e, const char *fmt, ...)
    DET_PRINTF(3, 4);

/* dk_begin names the layer "conv12" and opens its line, " key=value" follow (dk_key: only
 * where the value is not the default), dk_end closes it. */
enum det_err dk_begin(
    struct dk_making *m, const char *prefix, const char *op) DET_MUST_USE;
enum det_err dk_key(
    struct dk_making *m, const char *name, long v, long def) DET_MUST_USE;
enum det_err dk_real_key(struct dk_making *m, const char *name, double v) DET_MUST_USE;
enum det_err dk_stride_key(struct dk_making *m, long y, long x) DET_MUST_USE;
/* " act=leaky" from the section's `activation`, or from `def` where it has none. */
enum det_err dk_activation(struct dk_making *m, const char *def) DET_MUST_USE;
enum det_err dk_end(struct dk_making *m) DET_MUST_USE;

/* Options of the section. */
enum det_err dk_get(long *v, const struct dk_making *m, const char *name, long def,
    long lo, long hi) DET_MUST_USE;
enum det_err dk_get_stride(
    long *y, long *x, const struct dk_making *m, long hi) DET_MUST_USE;

/* Positions of a window over a side; 0 where it does not fit, which dk_set_shape refuses. */
size_t dk_steps(size_t side, size_t pads, size_t size, size_t stride);
enum det_err dk_set_shape(
    struct dk_making *m, size_t c, size_t h, size_t w) DET_MUST_USE;

/* The next run of floats of the file: "backbone/conv12.SUFFIX". *out may be NULL. */
enum det_err dk_add_weight(struct dk_making *m, const char *suffix, enum dk_role role,
    int rank, const size_t *dims, struct dk_weight **out) DET_MUST_USE;
/* Scale, mean and variance, as they follow each other in the file. */
enum det_err dk_add_norm(
    struct dk_making *m, const char *prefix, size_t n) DET_MUST_USE;

/* darknet_conv.c, darknet_join.c */
enum det_err dk_add_conv(struct dk_making *m) DET_MUST_USE;
enum det_err dk_add_local(struct dk_making *m) DET_MUST_USE;
enum det_err dk_add_connected(struct dk_making *m) DET_MUST_USE;
enum det_err dk_add_batchnorm(struct dk_making *m) DET_MUST_USE;
enum det_err dk_add_route(struct dk_making *m) DET_MUST_USE;
enum det_err dk_add_shortcut(struct dk_making *m) DET_MUST_USE;

#endif
