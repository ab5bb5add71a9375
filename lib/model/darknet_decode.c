/* SPDX-License-Identifier: MIT
 *
 * Darknet's detection layers as lines of a decode text (formats/decode.md) and outputs of
 * the network. The map that such a layer takes is the output "yN", N being the layer's
 * number, and the layer's own arithmetic (sigmoids, softmax, anchors) is det-head's.
 *
 * A [yolo] layer names all anchors and by `mask` its own; only those are written, in input
 * pixels. [region] has its anchors in cells of the map. A net without such layers is a
 * classifier if it ends in [softmax] or [logistic], else a feature extractor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/darknet_net.h"

static enum det_err
get(long *v, const struct det_darknet *d, const struct dk_section *s, const char *name,
    long def, long lo, long hi)
{
	return dk_long(v, &d->cfg, s, name, def, lo, hi);
}

/* "in one cfg there is one kind of decoding and one class list" */
static enum det_err
set_kind(struct det_darknet *d, const struct dk_section *s, enum dk_kind kind,
    size_t classes)
{
	if (d->kind != DK_FEATURES && (d->kind != kind || d->classes != classes))
		return det_fail(DET_UNSUPPORTED,
		    "%s:%zu: [%s] with %zu classes after a detection layer of another "
		    "kind or with %zu classes",
		    d->cfg.file, s->line, s->name, classes, d->classes);
	d->kind = kind;
	d->classes = classes;
	return DET_OK;
}

static enum det_err
check_channels(const struct det_darknet *d, const struct dk_section *s,
    const struct dk_layer *in, size_t want, const char *why)
{
	if (in->c == want)
		return DET_OK;
	return det_fail(DET_INVALID,
	    "%s:%zu: [%s] (layer %zu) takes %zu channels, %s; layer %zu gives %zu",
	    d->cfg.file, s->line, s->name, d->n, want, why, d->n - 1, in->c);
}

/* The anchors at the places in `mask` (all of them where n_mask is 0). */
static enum det_err
put_anchors(struct det_darknet *d, const double *a, const double *mask, size_t n)
{
	char text[32];
	enum det_err e = det_buf_printf(&d->decode, " anchors=");

	for (size_t i = 0; !e && i < 2 * n; i++) {
		size_t k = mask ? 2 * (size_t)mask[i / 2] + i % 2 : i;

		e = det_buf_printf(
		    &d->decode, "%s%s", i ? "," : "", det_double_text(text, a[k]));
	}
	return e;
}

static enum det_err
check_mask(const struct det_darknet *d, const struct dk_section *s, const double *mask,
    size_t n, size_t anchors)
{
	for (size_t i = 0; i < n; i++)
		if (mask[i] != (double)(size_t)mask[i] || (size_t)mask[i] >= anchors)
			return det_fail(DET_INVALID,
			    "%s:%zu: mask %g: one of the %zu anchors expected (0 .. "
			    "%zu)",
			    d->cfg.file, dk_find(s, "mask")->line, mask[i], anchors,
			    anchors - 1);
	return DET_OK;
}

static enum det_err
yolo_line(struct det_darknet *d, const struct dk_layer *in, const struct dk_section *s,
    const double *a, const double *mask, size_t n)
{
	long classes, fresh;
	double scale;
	char why[96], text[32];
	enum det_err e;

	if ((e = get(&classes, d, s, "classes", 20, 1, 1000000)) ||
	    (e = get(&fresh, d, s, "new_coords", 0, 0, 1)) ||
	    (e = dk_double(&scale, &d->cfg, s, "scale_x_y", 1, 1e-3, 1e3)))
		return e;
	(void)snprintf(why, sizeof why, "%zu anchors x (5 + %ld classes)", n, classes);
	if ((e = check_channels(d, s, in, n * (size_t)(5 + classes), why)) ||
	    (e = set_kind(d, s, DK_V3, (size_t)classes)) ||
	    (e = det_buf_printf(&d->decode, "yolo3(y%zu)", d->n)) ||
	    (e = put_anchors(d, a, mask, n)))
		return e;
	return det_buf_printf(&d->decode, " classes=%ld net=%zux%zu scale_xy=%s%s\n",
	    classes, d->in_w, d->in_h, det_double_text(text, scale),
	    fresh ? " new_coords=1" : "");
}

/* Anchors are pairs, `num` of them; more than that may be listed, not fewer. */
static enum det_err
get_anchors(
    double **a, size_t *n, const struct det_darknet *d, const struct dk_section *s)
{
	long num;
	enum det_err e;

	if ((e = dk_list(a, n, &d->cfg, s, "anchors", 1e-6, 1e6)) ||
	    (e = get(&num, d, s, "num", 1, 1, 1024)))
		return e;
	if (*n < 2 * (size_t)num)
		return det_fail(DET_INVALID,
		    "%s:%zu: [%s] with num=%ld: %ld numbers in anchors= expected, "
		    "found %zu",
		    d->cfg.file, s->line, s->name, num, 2 * num, *n);
	*n = (size_t)num;
	return DET_OK;
}

static enum det_err
add_yolo(struct det_darknet *d, const struct dk_layer *in, const struct dk_section *s)
{
	double *a = NULL, *mask = NULL;
	size_t n, n_mask;
	enum det_err e;

	if ((e = get_anchors(&a, &n, d, s)) ||
	    (e = dk_list(&mask, &n_mask, &d->cfg, s, "mask", 0, 1e6)) ||
	    (e = check_mask(d, s, mask, n_mask, n)))
		goto fail;
	e = yolo_line(d, in, s, a, mask, mask ? n_mask : n);
fail:
	free(a);
	free(mask);
	return e;
}

static enum det_err
add_region(struct det_darknet *d, const struct dk_layer *in, const struct dk_section *s)
{
	long classes, coords, softmax, background;
	char why[96];
	double *a = NULL;
	size_t n;
	enum det_err e;

	if ((e = get(&classes, d, s, "classes", 20, 1, 1000000)) ||
	    (e = get(&coords, d, s, "coords", 4, 4, 4)) ||
	    (e = get(&softmax, d, s, "softmax", 0, 0, 1)) ||
	    (e = get(&background, d, s, "background", 0, 0, 1)) ||
	    (e = get_anchors(&a, &n, d, s)))
		goto fail;
	(void)snprintf(why, sizeof why, "%zu anchors x (%ld + 1 + %ld classes)", n,
	    coords, classes);
	if ((e = check_channels(d, s, in, n * (size_t)(coords + 1 + classes), why)) ||
	    (e = set_kind(d, s, DK_V2, (size_t)classes)) ||
	    (e = det_buf_printf(&d->decode, "region(y%zu)", d->n)) ||
	    (e = put_anchors(d, a, NULL, n)))
		goto fail;
	e = det_buf_printf(&d->decode,
	    " classes=%ld coords=%ld softmax=%ld background=%ld net=%zux%zu\n", classes,
	    coords, softmax, background, d->in_w, d->in_h);
fail:
	free(a);
	return e;
}

static enum det_err
add_v1(struct det_darknet *d, const struct dk_layer *in, const struct dk_section *s)
{
	long classes, coords, num, side, softmax, root;
	size_t want, have = in->c * in->h * in->w;
	enum det_err e;

	if ((e = get(&classes, d, s, "classes", 1, 1, 100000)) ||
	    (e = get(&coords, d, s, "coords", 1, 4, 4)) ||
	    (e = get(&num, d, s, "num", 1, 1, 1024)) ||
	    (e = get(&side, d, s, "side", 7, 1, 1024)) ||
	    (e = get(&softmax, d, s, "softmax", 0, 0, 1)) ||
	    (e = get(&root, d, s, "sqrt", 0, 0, 1)))
		return e;
	want = (size_t)(side * side) * (size_t)(classes + num * (1 + coords));
	if (want != have)
		return det_fail(DET_INVALID,
		    "%s:%zu: [detection] (layer %zu) takes %zu numbers, %ldx%ld cells "
		    "of "
		    "%ld classes and %ld boxes; layer %zu gives %zu",
		    d->cfg.file, s->line, d->n, want, side, side, classes, num,
		    d->n - 1, have);
	if ((e = set_kind(d, s, DK_V1, (size_t)classes)))
		return e;
	return det_buf_printf(&d->decode,
	    "detection(y%zu) side=%ld num=%ld classes=%ld coords=%ld sqrt=%ld "
	    "softmax=%ld "
	    "net=%zux%zu\n",
	    d->n, side, num, classes, coords, root, softmax, d->in_w, d->in_h);
}

enum det_err
dk_decode_add(struct det_darknet *d, struct dk_layer *l)
{
	const struct dk_layer *in;
	enum det_err e;

	if (d->n == 0)
		return det_fail(DET_INVALID, "%s:%zu: [%s] as the first layer",
		    d->cfg.file, l->s->line, l->s->name);
	in = l - 1;
	e = strcmp(l->s->name, "yolo") == 0     ? add_yolo(d, in, l->s)
	    : strcmp(l->s->name, "region") == 0 ? add_region(d, in, l->s)
						: add_v1(d, in, l->s);
	if (e)
		return e;
	l->c = in->c;
	l->h = in->h;
	l->w = in->w;
	return det_buf_printf(&d->outputs, "output y%zu=%s\n", d->n, in->name);
}

enum det_err
dk_decode_last(struct det_darknet *d)
{
	const struct dk_layer *l;
	enum det_err e;

	if (d->kind != DK_FEATURES)
		return DET_OK;
	if (d->n == 0)
		return det_fail(DET_INVALID, "%s: no layer after [net]", d->cfg.file);
	l = &d->layer[d->n - 1];
	while (l > d->layer && strcmp(l->s->name, "cost") == 0)
		l--;
	if (strcmp(l->s->name, "softmax") != 0 && strcmp(l->s->name, "logistic") != 0)
		return det_buf_printf(&d->outputs, "output features=%s\n", l->name);
	d->kind = DK_CLASSIFIER;
	d->classes = l->c * l->h * l->w;
	if ((e = det_buf_printf(&d->outputs, "output prob=%s\n", l->name)))
		return e;
	return det_buf_printf(&d->decode,
	    "classes(prob) classes=%zu top=5 net=%zux%zu\n", d->classes, d->in_w,
	    d->in_h);
}
