/* SPDX-License-Identifier: MIT
 *
 * A model of our own as a source of weights: its tensors under their names, where they lie in
 * the map, and its texts as facts.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "caffe/caffemodel.h"
#include "model/convert.h"
#include "weights/source_impl.h"

static void
close_model(void *m)
{
	det_model_close(m);
}

static const struct {
	enum det_dtype ours;
	enum det_source_type theirs;
} types[] = {
	{ DET_F32, DET_SOURCE_F32 },
	{ DET_F16, DET_SOURCE_F16 },
	{ DET_BF16, DET_SOURCE_BF16 },
};

/* What is no number of a weight is passed over. */
static enum det_err
add_tensor(struct det_source *s, const struct det_record *r)
{
	const char *name = det_record_name(r);
	struct det_source_tensor *t;
	size_t i, step = 1;
	enum det_err e;

	for (i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].ours == r->tensor.dtype)
			break;
	if (i == sizeof types / sizeof *types)
		return DET_OK;
	if ((e = source_check_name(name, strlen(name))) ||
	    (e = source_add(&t, s, name, strlen(name))))
		return e;
	t->type = types[i].theirs;
	t->rank = r->tensor.rank;
	t->data = r->tensor.data;
	for (int d = t->rank; d-- > 0;) {
		t->dims[d] = r->tensor.dims[d];
		t->stride[d] = step;
		step *= t->dims[d];
	}
	return DET_OK;
}

static enum det_err
add_text(struct det_source *s, const struct det_record *r)
{
	char *copy;
	enum det_err e;

	/* a fact is a string: a text that holds a NUL is cut there */
	if ((e = det_strndup(&copy, r->size ? r->tensor.data : "", r->size)))
		return e;
	e = source_add_fact(s, det_record_name(r), copy);
	free(copy);
	return e;
}

enum det_err
det_model_source(struct det_source *out, struct det_model *m)
{
	struct det_record r;
	enum det_err e;

	*out = (struct det_source){ .file = m, .close = close_model };
	if ((e = det_model_verify(m)))
		goto fail;
	for (size_t i = 0; det_model_record(m, i, &r); i++)
		if ((r.kind == DET_TENSOR && (e = add_tensor(out, &r))) ||
		    (r.kind == DET_TEXT && (e = add_text(out, &r)))) {
			e = det_fail_in(e, "%s", det_model_path(m));
			goto fail;
		}
	return DET_OK;
fail:
	det_source_close(out);
	return e;
}

enum det_err
det_trained_open(struct det_source *out, const char *path)
{
	static const unsigned char ours[] = { 0x89, 'D', 'E', 'T' };
	struct det_model *model;
	struct det_map m;
	int is_ours, is_known;
	enum det_err e;

	*out = (struct det_source){ 0 };
	if ((e = det_map_open(&m, path)))
		return e;
	is_ours = m.size >= sizeof ours && memcmp(m.data, ours, sizeof ours) == 0;
	is_known = det_source_is(m.data, m.size);
	det_map_close(&m);
	if (!is_ours) {
		e = det_caffe_weights_open(out, path);
		return !e || is_known
			   ? e
			   : det_fail_in(e, "expected a model, Darknet's .weights, a "
					    ".safetensors, "
					    "PyTorch's .pth or .pt, a .caffemodel");
	}
	if ((e = det_model_open(&model, path)))
		return e;
	return det_model_source(out, model);
}
