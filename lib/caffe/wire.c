/* SPDX-License-Identifier: MIT
 *
 * Protobuf's wire format (protobuf.dev, "Encoding"): a message is fields one after another,
 * each a varint `number << 3 | type` and then, by type,
 *
 *   0  a varint          little-endian groups of 7 bits, the top bit says that more follow
 *   1  8 bytes           little-endian
 *   2  a varint length, and so many bytes: a string, a message, packed numbers
 *   5  4 bytes           little-endian
 *
 * 3 and 4, groups, went out of use before Caffe was written.
 *
 * Why no generated parser: of Caffe's 200 message fields an importer of weights wants
 * fifteen; a generated one copies every float (a VGG16 has 138 million) where here they are
 * used where the file is mapped, knows only one fork's schema, and is one more library. The
 * whole format is this file.
 */
#include "caffe/wire.h"

#include "base/bytes.h"

static enum det_err
broken(const struct cf_wire *w, size_t at, const char *what)
{
	return det_fail(
	    DET_CORRUPT, "%s: at byte %zu: %s", w->file, w->base + at, what);
}

enum det_err
cf_wire_varint(uint64_t *out, struct cf_wire *w)
{
	size_t start = w->at;
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		unsigned char b;

		if (w->at == w->n)
			return broken(w, start, "a number expected, found the end");
		b = w->p[w->at++];
		if (shift == 63 && b > 1)
			return broken(w, start, "a number above 64 bits");
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*out = v;
			return DET_OK;
		}
	}
	return broken(w, start, "a number above 64 bits");
}

static enum det_err
read_fixed(struct cf_item *f, struct cf_wire *w, size_t size)
{
	if (w->n - w->at < size)
		return broken(w, w->at, "a number expected, found the end");
	f->value = size == 4 ? det_le32(w->p + w->at) : det_le64(w->p + w->at);
	w->at += size;
	return DET_OK;
}

static enum det_err
read_bytes(struct cf_item *f, struct cf_wire *w)
{
	uint64_t len;
	enum det_err e;

	if ((e = cf_wire_varint(&len, w)))
		return e;
	if (len > w->n - w->at)
		return broken(w, w->at, "a length that passes the end");
	f->bytes =
	    (struct cf_wire){ w->p + w->at, (size_t)len, 0, w->base + w->at, w->file };
	w->at += (size_t)len;
	return DET_OK;
}

enum det_err
cf_wire_next(struct cf_item *out, int *more, struct cf_wire *w)
{
	size_t start = w->at;
	uint64_t tag;
	enum det_err e;

	*out = (struct cf_item){ .offset = w->base + start };
	*more = w->at < w->n;
	if (!*more)
		return DET_OK;
	if ((e = cf_wire_varint(&tag, w)))
		return e;
	out->type = (int)(tag & 7);
	if (tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return broken(w, start, "a field's number expected");
	out->number = (uint32_t)(tag >> 3);
	switch (out->type) {
	case CF_VARINT: return cf_wire_varint(&out->value, w);
	case CF_FIXED64: return read_fixed(out, w, 8);
	case CF_BYTES: return read_bytes(out, w);
	case CF_FIXED32: return read_fixed(out, w, 4);
	}
	return broken(w, start, "a field of an unknown wire type");
}

enum det_err
cf_wire_want(const struct cf_item *f, int type, const char *file, const char *what)
{
	static const char *const names[] = { "a varint", "8 bytes", "bytes", "a group",
		"a group", "4 bytes" };

	if (f->type == type)
		return DET_OK;
	return det_fail(DET_CORRUPT, "%s: at byte %zu: %s: %s expected, found %s", file,
	    f->offset, what, names[type], names[f->type]);
}
