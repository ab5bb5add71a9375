/* SPDX-License-Identifier: MIT
 *
 * A .caffemodel is a NetParameter message (caffe.proto). What is read of it:
 *
 *   NetParameter       2 layers (V1LayerParameter)   100 layer (LayerParameter)
 *   LayerParameter     1 name   2 type (string)      7 blobs
 *   V1LayerParameter   4 name   5 type (enum)        6 blobs     1 layer (V0: refused)
 *   BlobProto          7 shape, or 1 num 2 channels 3 height 4 width; 5 data (float)
 *                      8 double_data; 6 and 9, gradients, are passed over; 10 and above are
 *                      forks' raw data: refused
 *   BlobShape          1 dim
 *
 * Numbers are one packed run of floats, which becomes a view into the map, or, as the format
 * allows, single ones or several runs: those are gathered in a copy.
 *
 * The old four dims (num, channels, height, width) put 1s before the shape of whatever has
 * fewer: they are taken off where the layer's type says how many a blob should have.
 */
#include "caffe/caffemodel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "caffe/wire.h"

#define MAX_NAME   200
#define MAX_BLOBS  ((size_t)1 << 20)
#define MAX_LAYERS ((size_t)1 << 20)

enum { NET_V1 = 2, NET_V2 = 100 };
enum { V1_V0 = 1, V1_NAME = 4, V1_TYPE = 5, V1_BLOBS = 6 };
enum { V2_NAME = 1, V2_TYPE = 2, V2_BLOBS = 7 };
enum {
	BLOB_NUM = 1,
	BLOB_WIDTH = 4,
	BLOB_DATA = 5,
	BLOB_DIFF = 6,
	BLOB_SHAPE = 7,
	BLOB_DOUBLE = 8,
	BLOB_DOUBLE_DIFF = 9,
	BLOB_RAW = 10
};

struct file {
	struct det_map map;
	unsigned char **copy; /* numbers that did not lie in one run */
	size_t n, cap;
};

struct layer {
	char name[MAX_NAME + 1], type[MAX_NAME + 1];
	const char *known_type; /* NULL: only as `type` says */
	struct cf_wire wire;
	size_t blobs;
};

/* Where a blob's numbers are. */
struct numbers {
	const unsigned char *data;
	size_t bytes, runs, size; /* size of one */
};

static void
close_file(void *p)
{
	struct file *f = p;

	for (size_t i = 0; i < f->n; i++)
		free(f->copy[i]);
	free(f->copy);
	det_map_close(&f->map);
	free(f);
}

static enum det_err
copy_name(
    char out[MAX_NAME + 1], const struct cf_item *f, const char *file, const char *what)
{
	enum det_err e;

	if ((e = cf_wire_want(f, CF_BYTES, file, what)))
		return e;
	if (f->bytes.n > MAX_NAME || memchr(f->bytes.p, 0, f->bytes.n))
		return det_fail(DET_CORRUPT,
		    "%s: at byte %zu: %s: text of at most %d bytes expected, found %zu",
		    file, f->offset, what, MAX_NAME, f->bytes.n);
	memcpy(out, f->bytes.p, f->bytes.n);
	out[f->bytes.n] = 0;
	return DET_OK;
}

static enum det_err
add_dim(struct det_source_tensor *t, uint64_t dim, const struct cf_item *at,
    const char *file)
{
	if (t->rank == DET_MAX_RANK)
		return det_fail(DET_UNSUPPORTED,
		    "%s: at byte %zu: a blob of more than %d dims", file, at->offset,
		    DET_MAX_RANK);
	if (dim == 0 || dim > INT32_MAX)
		return det_fail(DET_CORRUPT,
		    "%s: at byte %zu: a blob's dim of 1 to 2^31 - 1 expected", file,
		    at->offset);
	t->dims[t->rank++] = (size_t)dim;
	return DET_OK;
}

static enum det_err
read_shape(struct det_source_tensor *t, struct cf_wire w)
{
	struct cf_item f;
	uint64_t dim;
	int more;
	enum det_err e;

	while (!(e = cf_wire_next(&f, &more, &w)) && more) {
		if (f.number != 1)
			continue;
		if (f.type == CF_BYTES)
			while (!e && f.bytes.at < f.bytes.n)
				if (!(e = cf_wire_varint(&dim, &f.bytes)))
					e = add_dim(t, dim, &f, w.file);
		if (!e && f.type != CF_BYTES &&
		    !(e = cf_wire_want(&f, CF_VARINT, w.file, "dim")))
			e = add_dim(t, f.value, &f, w.file);
		if (e)
			return e;
	}
	return e;
}

/* One field of numbers: a packed run, or a single one. */
static enum det_err
see_numbers(struct numbers *x, const struct cf_item *f, size_t size, const char *file)
{
	int single = size == 4 ? CF_FIXED32 : CF_FIXED64;
	enum det_err e;

	if (x->runs && x->size != size)
		return det_fail(DET_CORRUPT,
		    "%s: at byte %zu: a blob of both floats and doubles", file,
		    f->offset);
	if (f->type != single && (e = cf_wire_want(f, CF_BYTES, file, "numbers")))
		return e;
	if (f->type == CF_BYTES && f->bytes.n % size)
		return det_fail(DET_CORRUPT,
		    "%s: at byte %zu: %zu bytes are no whole numbers of %zu", file,
		    f->offset, f->bytes.n, size);
	x->runs += f->type == single ? 2 : 1; /* a single one lies in no run */
	x->size = size;
	x->data = f->bytes.p;
	x->bytes += f->type == single ? size : f->bytes.n;
	return DET_OK;
}

static enum det_err
gather(struct numbers *x, struct file *file, struct cf_wire w)
{
	struct cf_item f;
	unsigned char *to;
	int more;
	enum det_err e;

	if ((e = det_grow(&file->copy, &file->cap, file->n + 1, sizeof *file->copy)) ||
	    (e = det_alloc(&file->copy[file->n], x->bytes, 1)))
		return e;
	x->data = to = file->copy[file->n++];
	w.at = 0;
	while (!(e = cf_wire_next(&f, &more, &w)) && more) {
		if (f.number != BLOB_DATA && f.number != BLOB_DOUBLE)
			continue;
		if (f.type == CF_BYTES) {
			if (f.bytes.n)
				memcpy(to, f.bytes.p, f.bytes.n);
			to += f.bytes.n;
			continue;
		}
		if (x->size == 4)
			det_put32(to, (uint32_t)f.value);
		else
			det_put64(to, f.value);
		to += x->size;
	}
	return e;
}

static enum det_err
read_blob(struct det_source_tensor *t, struct file *file, struct cf_wire w)
{
	struct numbers x = { 0 };
	uint64_t old[4] = { 1, 1, 1, 1 };
	struct cf_item f;
	int more, shaped = 0, n_old = 0;
	enum det_err e;

	while (!(e = cf_wire_next(&f, &more, &w)) && more) {
		if (f.number >= BLOB_NUM && f.number <= BLOB_WIDTH) {
			e = cf_wire_want(&f, CF_VARINT, w.file, "an old dim");
			old[f.number - 1] = f.value;
			n_old++;
		} else if (f.number == BLOB_SHAPE) {
			shaped = 1;
			if (!(e = cf_wire_want(&f, CF_BYTES, w.file, "shape")))
				e = read_shape(t, f.bytes);
		} else if (f.number == BLOB_DATA || f.number == BLOB_DOUBLE) {
			e = see_numbers(&x, &f, f.number == BLOB_DATA ? 4 : 8, w.file);
		} else if (f.number >= BLOB_RAW) {
			e = det_fail(DET_UNSUPPORTED,
			    "%s: at byte %zu: a blob with a fork's raw data (field %u; "
			    "float or double numbers expected)",
			    w.file, f.offset, (unsigned)f.number);
		}
		if (e)
			return e;
	}
	for (int i = 0; !e && !shaped && n_old && i < 4; i++)
		e = add_dim(t, old[i], &f, w.file);
	if (!e && x.runs > 1)
		e = gather(&x, file, w);
	t->data = x.data ? x.data : w.p;
	t->type = x.size == 8 ? DET_SOURCE_F64 : DET_SOURCE_F32;
	t->used = 0;
	if (e)
		return e;
	/* the count, held against the shape by the caller */
	t->stride[0] = x.size ? x.bytes / x.size : 0;
	return DET_OK;
}

/* Takes the 1s off that old files put before a shape. */
static void
trim_shape(struct det_source_tensor *t, const char *type, const char *role)
{
	int want = 0, off;

	if (t->rank == 0)
		t->dims[t->rank++] = 1;
	if (!role || !type)
		return;
	want = t->rank;
	if (strcmp(role, "weight") != 0 || strcmp(type, "Scale") == 0 ||
	    strcmp(type, "Normalize") == 0 || strcmp(type, "PReLU") == 0)
		want = 1;
	else if (strcmp(type, "InnerProduct") == 0)
		want = 2;
	for (off = 0; t->rank - off > want && t->dims[off] == 1;)
		off++;
	memmove(t->dims, t->dims + off, (size_t)(t->rank - off) * sizeof *t->dims);
	t->rank -= off;
}

static enum det_err
settle_shape(struct det_source_tensor *t, const struct layer *l, const char *role,
    const char *file)
{
	size_t count = 1, have = t->stride[0];
	enum det_err e;

	trim_shape(t, l->known_type, role);
	for (int i = t->rank; i-- > 0;) {
		t->stride[i] = count;
		if ((e = det_mul(&count, count, t->dims[i])))
			return e;
	}
	if (count != have)
		return det_fail(DET_CORRUPT,
		    "%s: layer '%s': a blob with %zu numbers, of which its shape wants "
		    "%zu",
		    file, l->name, have, count);
	return DET_OK;
}

static enum det_err
add_blob(struct det_source *s, struct layer *l, const struct cf_item *f)
{
	const char *role = det_caffe_role(l->known_type, l->blobs),
		   *file = l->wire.file;
	struct det_source_tensor *t;
	char number[24], name[2 * MAX_NAME];
	enum det_err e;

	if (s->n == MAX_BLOBS)
		return det_fail(DET_LIMIT, "%s: more than %zu blobs", file, MAX_BLOBS);
	if ((e = cf_wire_want(f, CF_BYTES, file, "blobs")) ||
	    (e = det_grow(&s->t, &s->cap, s->n + 1, sizeof *s->t)))
		return e;
	t = &s->t[s->n];
	*t = (struct det_source_tensor){ 0 };
	if ((e = read_blob(t, s->file, f->bytes)) ||
	    (e = settle_shape(t, l, role, file)))
		return e;
	(void)snprintf(number, sizeof number, "%zu", l->blobs++);
	(void)snprintf(name, sizeof name, "%s.%s", l->name, role ? role : number);
	if ((e = det_strdup(&t->name, name)))
		return e;
	s->n++;
	return DET_OK;
}

/* The name and the type first: they may stand after the blobs. */
static enum det_err
read_head(struct layer *l, int v1)
{
	struct cf_wire w = l->wire;
	struct cf_item f;
	int more;
	enum det_err e;

	while (!(e = cf_wire_next(&f, &more, &w)) && more) {
		if (v1 && f.number == V1_V0)
			e = det_fail(DET_UNSUPPORTED,
			    "%s: at byte %zu: a layer of the oldest form (V0): "
			    "upgrade_net_proto_binary of Caffe makes a newer file",
			    w.file, f.offset);
		else if (f.number == (v1 ? V1_NAME : V2_NAME))
			e = copy_name(l->name, &f, w.file, "a layer's name");
		else if (!v1 && f.number == V2_TYPE) {
			e = copy_name(l->type, &f, w.file, "a layer's type");
			l->known_type = l->type;
		} else if (v1 && f.number == V1_TYPE) {
			e = cf_wire_want(&f, CF_VARINT, w.file, "a layer's type");
			l->known_type =
			    f.value <= 1000 ? det_caffe_type((long)f.value) : NULL;
		}
		if (e)
			return e;
	}
	return e;
}

static enum det_err
read_layer(struct det_source *s, const struct cf_item *at, const char *file)
{
	int v1 = at->number == NET_V1, more;
	struct layer l = { .wire = at->bytes };
	struct cf_item f;
	enum det_err e;

	if ((e = cf_wire_want(at, CF_BYTES, file, "a layer")) ||
	    (e = read_head(&l, v1)))
		return e;
	while (!(e = cf_wire_next(&f, &more, &l.wire)) && more)
		if (f.number == (v1 ? V1_BLOBS : V2_BLOBS) && (e = add_blob(s, &l, &f)))
			return e;
	return e;
}

static enum det_err
read_net(struct det_source *s, struct cf_wire w)
{
	struct cf_item f;
	size_t layers = 0;
	int more;
	enum det_err e;

	while (!(e = cf_wire_next(&f, &more, &w)) && more) {
		if (f.number != NET_V1 && f.number != NET_V2)
			continue;
		if (++layers > MAX_LAYERS)
			return det_fail(
			    DET_LIMIT, "%s: more than %zu layers", w.file, MAX_LAYERS);
		if ((e = read_layer(s, &f, w.file)))
			return e;
	}
	if (e == DET_CORRUPT && !layers)
		return det_fail_in(e, "no caffemodel");
	if (!e && !layers)
		return det_fail(DET_INVALID,
		    "%s: a caffemodel expected, found no layer in it", w.file);
	return e;
}

enum det_err
det_caffemodel_open(struct det_source *out, const char *path)
{
	struct det_source s = { .close = close_file };
	struct file *f;
	enum det_err e;

	if ((e = det_calloc(&f, 1, sizeof *f)))
		return e;
	if ((e = det_map_open(&f->map, path))) {
		free(f);
		return e;
	}
	s.file = f;
	e = read_net(&s, (struct cf_wire){ f->map.data, f->map.size, 0, 0, path });
	if (e)
		det_source_close(&s);
	else
		*out = s;
	return e;
}

enum det_err
det_caffe_weights_open(struct det_source *out, const char *path)
{
	struct det_map m;
	int other;
	enum det_err e;

	if ((e = det_map_open(&m, path)))
		return e;
	other = det_source_is(m.data, m.size);
	det_map_close(&m);
	return other ? det_source_open(out, path) : det_caffemodel_open(out, path);
}
