/* SPDX-License-Identifier: MIT
 *
 * A .weights file is a header and then floats, little-endian, without names or lengths:
 *
 *   int32 major, minor, revision; then `seen`, the number of pictures trained on: 8 bytes
 *   if major*10 + minor >= 2 (and both below 1000), else 4. So 20 or 16 bytes; a few files
 *   in circulation (vgg-16) have no header at all.
 *
 * for each layer with weights, in the order of the cfg (parser.c, load_weights_upto):
 *
 *   [convolutional]  bias(n), with batch norm scale(n) mean(n) variance(n), then the
 *                    kernels (n, c/groups, size, size)
 *   [connected]      bias(n), weights (n, inputs), with batch norm scale mean variance;
 *                    weights are transposed where major or minor is above 1000
 *   [local]          bias(n, oh, ow), weights (oh, ow, n, c, size, size)
 *   [batchnorm]      in the fork bias(c); scale(c) mean(c) variance(c)
 *
 * The only check a file offers is its length. What the version says about the header is
 * tried first, then 20, 16 and 0 bytes; what fits to the last byte is right, and if none
 * does the message counts from the first.
 *
 * The floats go from the mapped file to the model as they lie. Only transposed weights are
 * copied, a layer at a time.
 *
 * Random weights (det_darknet_seed): kernels normal with variance 2 / fan-in as Darknet
 * starts them; normalisation drawn close to the identity, its scale damped to .2 where the
 * layer's output is added to another, so that sums do not grow with depth; objectness
 * biased to -3, so that few boxes pass a threshold, as after training.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/random.h"
#include "model/darknet_net.h"

/* Header length that the version asks for; reads version, seen, transposed. */
static size_t
read_header(struct det_darknet *d, size_t header)
{
	const unsigned char *p = d->map.data;
	long v[3];
	int wide;

	for (int i = 0; i < 3; i++) {
		v[i] = (int32_t)det_le32(p + 4 * i);
		d->version[i] = (int)v[i];
	}
	wide = v[0] * 10 + v[1] >= 2 && v[0] < 1000 && v[1] < 1000;
	if (!header)
		header = wide ? 20 : 16;
	if (header == 20 && d->map.size >= 20)
		d->seen = det_le64(p + 12);
	else
		d->seen = det_le32(p + 12);
	d->transposed = v[0] > 1000 || v[1] > 1000;
	return header;
}

/* "ends in layer 12 ([convolutional], mean)" or "after layer 105". */
static enum det_err
wrong_size(const struct det_darknet *d, size_t header)
{
	static const char *const roles[] = { "weights", "biases", "batch norm's scales",
		"biases", "batch norm's means", "batch norm's variances" };
	size_t want = header + 4 * d->floats, at = header;
	const char *file = d->weights_path;

	if (d->map.size > want)
		return det_fail(DET_INVALID,
		    "%s does not fit %s: %zu bytes left after the last layer (%zu "
		    "read, a "
		    "header of %zu among them)",
		    file, d->cfg.file, d->map.size - want, want, header);
	for (size_t i = 0; i < d->n_weights; i++) {
		const struct dk_weight *x = &d->weight[i];

		if (x->absent)
			continue;
		at += 4 * x->count;
		if (at > d->map.size)
			return det_fail(DET_INVALID,
			    "%s does not fit %s: %zu bytes missing; it ends in the %s "
			    "of "
			    "layer %zu ([%s], %s:%zu)",
			    file, d->cfg.file, want - d->map.size, roles[x->role],
			    x->layer, d->layer[x->layer].s->name, d->cfg.file,
			    d->layer[x->layer].s->line);
	}
	return det_fail(
	    DET_INVALID, "%s: of %zu bytes, expected %zu", file, d->map.size, want);
}

/* Maps the file and reads what its first bytes say. */
static enum det_err
open_weights(struct det_darknet *d, const char *path)
{
	size_t bytes;
	enum det_err e;

	if ((e = det_mul(&bytes, d->floats, 4)) || (e = det_add(&bytes, bytes, 20)) ||
	    (e = det_strdup(&d->weights_path, path)) ||
	    (e = det_map_open(&d->map, path)))
		return e;
	if (d->map.size < 16)
		return det_fail(DET_INVALID,
		    "%s: Darknet weights expected, found %zu bytes", path, d->map.size);
	d->header = read_header(d, 0);
	return DET_OK;
}

enum det_err
det_darknet_load(struct det_darknet *d, const char *path)
{
	static const size_t others[] = { 20, 16, 0 };
	size_t first;
	enum det_err e;

	if ((e = open_weights(d, path)))
		return e;
	first = d->header;
	if (d->map.size == first + 4 * d->floats)
		return DET_OK;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (d->map.size != others[i] + 4 * d->floats)
			continue;
		d->header = others[i];
		d->odd_header = 1;
		if (others[i])
			(void)read_header(d, others[i]);
		else
			d->transposed = 0;
		return det_buf_printf(&d->cfg.notes,
		    "%s: a header of %zu bytes, its version asks for %zu: taken as it "
		    "fits\n",
		    path, others[i], first);
	}
	return wrong_size(d, first);
}

/* How many weights, of whole layers, fill the file; 0 where it ends within one. */
static size_t
whole_layers(const struct det_darknet *d)
{
	size_t at = d->header;

	for (size_t i = 0; i < d->n_weights; i++) {
		at += d->weight[i].absent ? 0 : 4 * d->weight[i].count;
		if (at == d->map.size &&
		    (i + 1 == d->n_weights ||
			d->weight[i + 1].layer != d->weight[i].layer))
			return i + 1;
	}
	return 0;
}

enum det_err
det_darknet_begin(struct det_darknet *d, const char *path, uint64_t seed)
{
	size_t n, layers = 0, all = 0;
	enum det_err e;

	if ((e = open_weights(d, path)))
		return e;
	if (!(n = whole_layers(d)))
		return wrong_size(d, d->header);
	for (size_t i = 0; i < d->n_weights; i++) {
		const int first = !i || d->weight[i].layer != d->weight[i - 1].layer;

		all += (size_t)first;
		layers += first && i < n;
	}
	det_darknet_seed(d, seed);
	d->begun = n;
	return det_buf_printf(&d->cfg.notes,
	    "%s: the first %zu of %zu layers with weights, to layer %zu ([%s]); the "
	    "others "
	    "are random\n",
	    path, layers, all, d->weight[n - 1].layer,
	    d->layer[d->weight[n - 1].layer].s->name);
}

void
det_darknet_seed(struct det_darknet *d, uint64_t seed)
{
	d->seeded = 1;
	d->seed = seed;
	d->version[1] = 2;
	d->version[2] = 5;
}

static enum det_err
check_finite(
    const struct det_darknet *d, const struct dk_weight *x, const unsigned char *p)
{
	for (size_t i = 0; i < x->count; i++)
		if ((det_le32(p + 4 * i) & 0x7f800000u) == 0x7f800000u)
			return det_fail(DET_CORRUPT,
			    "%s: layer %zu ([%s], '%s'): number %zu is not finite",
			    d->weights_path, x->layer, d->layer[x->layer].s->name,
			    x->name, i);
	return DET_OK;
}

/* own (rows, cols) = file's (cols, rows); bytes are moved as they are. */
static enum det_err
transpose(float **own, const struct dk_weight *x, const unsigned char *p)
{
	size_t rows = x->dims[0], cols = x->count / rows;
	unsigned char *out;
	enum det_err e;

	if ((e = det_alloc(own, x->count, sizeof **own)))
		return e;
	out = (unsigned char *)*own;
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < cols; c++)
			memcpy(out + 4 * (r * cols + c), p + 4 * (c * rows + r), 4);
	return DET_OK;
}

static enum det_err
from_file(const float **data, float **own, const struct det_darknet *d, size_t at)
{
	const struct dk_weight *x = &d->weight[at];
	const unsigned char *p = d->map.data + d->header;
	enum det_err e;

	for (size_t i = 0; i < at; i++)
		if (!d->weight[i].absent)
			p += 4 * d->weight[i].count;
	if ((e = check_finite(d, x, p)))
		return e;
	if (x->flipped || (x->fc && d->transposed)) {
		e = transpose(own, x, p);
		*data = *own;
		return e;
	}
	/* a map begins on a page and all before are whole floats: p is aligned to 4 */
	*data = (const float *)(const void *)p;
	return DET_OK;
}

/* Whether the layer's output is the plain input of a [shortcut]. */
static int
damped(const struct det_darknet *d, size_t layer)
{
	for (layer++; layer < d->n; layer++)
		if (strcmp(d->layer[layer].s->name, "dropout") != 0)
			break;
	return layer < d->n && strcmp(d->layer[layer].s->name, "shortcut") == 0;
}

/* Biases of zero, but -3 for the objectness of the [yolo] or [region] that follows. */
static void
bias_values(float *v, const struct det_darknet *d, const struct dk_weight *x)
{
	size_t next = x->layer + 1, step = d->classes + 5;

	memset(v, 0, x->count * sizeof *v);
	if (next >= d->n || (strcmp(d->layer[next].s->name, "yolo") != 0 &&
				strcmp(d->layer[next].s->name, "region") != 0))
		return;
	for (size_t i = 4; i < x->count; i += step)
		v[i] = -3;
}

static void
random_values(
    float *v, const struct det_darknet *d, const struct dk_weight *x, size_t at)
{
	struct det_random r;
	double scale;

	det_random_seed(&r, d->seed, at);
	switch (x->role) {
	case DK_BIAS: bias_values(v, d, x); break;
	case DK_WEIGHT:
		scale = sqrt(2. / (double)x->fan);
		for (size_t i = 0; i < x->count; i++)
			v[i] = (float)(scale * det_random_normal(&r));
		break;
	case DK_BN_WEIGHT:
		scale = damped(d, x->layer) ? .2 : 1;
		for (size_t i = 0; i < x->count; i++)
			v[i] = (float)(scale * (.9 + .2 * det_random_uniform(&r)));
		break;
	case DK_BN_BIAS:
	case DK_BN_MEAN:
		for (size_t i = 0; i < x->count; i++)
			v[i] = (float)(.05 * det_random_normal(&r));
		break;
	case DK_BN_VAR:
		for (size_t i = 0; i < x->count; i++)
			v[i] = (float)(.8 + .4 * det_random_uniform(&r));
		break;
	}
}

enum det_err
dk_weight_seed(float **own, const struct det_darknet *d, size_t i)
{
	const struct dk_weight *x = &d->weight[i];
	enum det_err e;

	if ((e = det_calloc(own, x->count, sizeof **own)))
		return e;
	if (!x->absent)
		random_values(*own, d, x, i);
	return DET_OK;
}

enum det_err
dk_weight_get(const float **data, float **own, const struct det_darknet *d, size_t i)
{
	enum det_err e;

	*own = NULL;
	if (!d->weight[i].absent && (!d->seeded || i < d->begun))
		return from_file(data, own, d, i);
	e = dk_weight_seed(own, d, i);
	*data = *own;
	return e;
}

enum det_err
det_darknet_write_weights(int fd, const struct det_darknet *d, const char *name)
{
	unsigned char head[20] = { 0 };
	enum det_err e;

	det_put32(head + 4, 2);
	det_put32(head + 8, 5);
	det_put64(head + 12, d->seen);
	e = det_write_all(fd, head, sizeof head, name);
	for (size_t i = 0; !e && i < d->n_weights; i++) {
		const float *data;
		float *own = NULL;

		if (d->weight[i].absent)
			continue;
		e = dk_weight_get(&data, &own, d, i);
		if (!e)
			e = det_write_all(fd, data, 4 * d->weight[i].count, name);
		free(own);
	}
	return e;
}
