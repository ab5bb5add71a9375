/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/bytes.h"
#include "base/line.h"
#include "base/text.h"
#include "box/decode.h"
#include "model/list.h"
#include "model/pipeline.h"
#include "nn/net.h"

static enum det_err
check_finite(const struct det_model *m, const struct det_record *r)
{
	const unsigned char *p = r->tensor.data;

	if (r->tensor.dtype != DET_F32)
		return DET_OK;
	for (size_t i = 0; i < r->size / 4; i++)
		if ((det_le32(p + 4 * i) & 0x7f800000u) == 0x7f800000u)
			return det_fail(DET_CORRUPT,
			    "%s: tensor '%s': number %zu is not finite",
			    det_model_path(m), det_record_name(r), i);
	return DET_OK;
}

static int
same_shape(const struct det_tensor *a, const struct det_tensor *b)
{
	return a->rank == b->rank &&
	       memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims) == 0;
}

/* Every weight of the net: there, f32, of the shape it wants. *seen counts them. */
static enum det_err
check_net(const struct det_model *m, const char *text_name, const char *text,
    size_t len, size_t *seen)
{
	const char *name;
	struct det_tensor want, have;
	struct det_net *net;
	char a[96], b[96];
	enum det_err e;

	if ((e = det_net_parse(&net, text, len, text_name)))
		return det_fail_in(e, "%s", det_model_path(m));
	for (size_t i = 0; !e && (name = det_net_weight(net, i, &want)); i++) {
		if ((e = det_model_tensor(m, name, &have)))
			break;
		++*seen;
		if (have.dtype != DET_F32)
			e = det_fail(DET_INVALID, "%s: tensor '%s' is %s: f32 expected",
			    det_model_path(m), name, det_dtype_name(have.dtype));
		else if (!same_shape(&want, &have))
			e = det_fail(DET_INVALID,
			    "%s: tensor '%s' is %s, but net %s wants %s",
			    det_model_path(m), name, det_shape_text(a, sizeof a, &have),
			    text_name + 4, det_shape_text(b, sizeof b, &want));
	}
	det_net_free(net);
	return e;
}

/* What every line of the decode text says of classes, against the class table. */
static enum det_err
check_classes(const struct det_model *m, const char *text, size_t len)
{
	const char *line;
	struct det_line l;
	size_t at = 0, n, have = det_model_classes(m)->n;
	long classes;
	enum det_err e = DET_OK;

	while (!e && det_line_next(&line, &n, text, len, &at)) {
		classes = (long)have;
		if ((e = det_line_parse(&l, line, n)))
			return e;
		e = det_line_long(&classes, &l, "classes", 1, 1L << 30);
		det_line_release(&l);
		if (!e && classes != (long)have)
			e = det_fail(DET_INVALID,
			    "%s: decode speaks of %ld classes, the class table has %zu",
			    det_model_path(m), classes, have);
	}
	return e;
}

/* The maps of the decode text are outputs of some net. */
static enum det_err
check_decode(const struct det_model *m, const char *text, size_t len)
{
	struct det_decode *d;
	struct det_record r;
	enum det_err e;

	if ((e = det_decode_parse(&d, text, len, "decode")))
		return det_fail_in(e, "%s", det_model_path(m));
	for (size_t k = 0; !e && k < det_decode_maps(d); k++) {
		const char *map = det_decode_map(d, k);
		int found = 0;

		for (size_t i = 0; !e && !found && det_model_record(m, i, &r); i++) {
			struct det_net *net;
			const char *name = det_record_name(&r);

			if (r.kind != DET_TEXT || strncmp(name, "net/", 4) != 0)
				continue;
			if ((e = det_net_parse(&net, r.tensor.data, r.size, name)))
				break;
			for (size_t o = 0; o < det_net_outputs(net); o++)
				found |= strcmp(det_net_output(net, o), map) == 0;
			det_net_free(net);
		}
		if (!e && !found)
			e = det_fail(DET_INVALID,
			    "%s: decode wants the map '%s', which no net puts out",
			    det_model_path(m), map);
	}
	det_decode_free(d);
	return e ? e : check_classes(m, text, len);
}

static enum det_err
check_text(const struct det_model *m, const struct det_record *r, size_t *seen)
{
	const char *name = det_record_name(r), *text = r->size ? r->tensor.data : "";
	struct det_pipeline p = { 0 };
	enum det_err e = DET_OK;

	if (memchr(text, 0, r->size))
		return det_fail(DET_INVALID, "%s: text '%s' holds a NUL byte",
		    det_model_path(m), name);
	if (strncmp(name, "net/", 4) == 0)
		return check_net(m, name, text, r->size, seen);
	if (strcmp(name, "decode") == 0)
		return check_decode(m, text, r->size);
	if (strcmp(name, "pipeline") == 0) {
		if ((e = det_pipeline_parse(&p, text, r->size)))
			e = det_fail_in(e, "%s", det_model_path(m));
		det_pipeline_release(&p);
	}
	return e;
}

enum det_err
det_model_check(const struct det_model *m)
{
	struct det_record r;
	size_t seen = 0, tensors = 0;
	enum det_err e;

	if ((e = det_model_verify(m)))
		return e;
	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		if (r.kind == DET_TENSOR) {
			tensors++;
			if ((e = check_finite(m, &r)))
				return e;
		}
		if (r.kind == DET_TEXT && (e = check_text(m, &r, &seen)))
			return e;
	}
	if (seen < tensors)
		return det_fail(DET_INVALID,
		    "%s: %zu tensors, of which its nets use %zu", det_model_path(m),
		    tensors, seen);
	return DET_OK;
}
