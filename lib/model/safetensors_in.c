/* SPDX-License-Identifier: MIT
 *
 * A model back from the safetensors file that safetensors_out.c wrote.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/convert.h"
#include "model/safetensors_keys.h"

static const enum det_dtype dtypes[] = {
	[DET_SOURCE_F32] = DET_F32,
	[DET_SOURCE_F16] = DET_F16,
	[DET_SOURCE_BF16] = DET_BF16,
	[DET_SOURCE_U8] = DET_U8,
	[DET_SOURCE_I32] = DET_I32,
	[DET_SOURCE_I64] = DET_I64,
	[DET_SOURCE_BOOL] = DET_NONE, /* the last: makes room for all */
};

int
det_source_is_model(const struct det_source *s)
{
	return det_source_fact(s, SAFETENSORS_VERSION) != NULL;
}

enum det_err
det_source_classes(struct det_classes *c, const struct det_source *s)
{
	const char *table = det_source_fact(s, SAFETENSORS_CLASSES);

	*c = (struct det_classes){ 0 };
	if (!table)
		return det_fail(DET_CORRUPT, "no class table in the metadata");
	return det_classes_parse(c, table, strlen(table));
}

static enum det_err
write_hex(struct det_writer *w, const char *name, const char *hex)
{
	struct det_buf b = { 0 };
	enum det_err e = det_buf_add(&b, "", 0);

	for (; !e && *hex; hex += 2) {
		int hi = det_digit(hex[0], 16),
		    lo = hi < 0 ? -1 : det_digit(hex[1], 16);
		char byte = (char)(hi * 16 + lo);

		e = lo < 0
			? det_fail(DET_CORRUPT, "%s: hexadecimal digits expected", name)
			: det_buf_add(&b, &byte, 1);
		if (e)
			break;
	}
	if (!e)
		e = det_writer_text(w, name, b.text, b.len);
	det_buf_free(&b);
	return e;
}

static const char *
after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static enum det_err
write_tensor(struct det_writer *w, const struct det_source_tensor *x)
{
	struct det_tensor t = { .dtype = dtypes[x->type], .rank = x->rank };
	float *v = NULL;
	size_t n = det_source_count(x);
	enum det_err e;

	if (t.dtype == DET_NONE)
		return det_fail(DET_UNSUPPORTED,
		    "tensor '%s': numbers of type %s, which models have not", x->name,
		    det_source_type_name(x->type));
	memcpy(t.dims, x->dims, (size_t)x->rank * sizeof *x->dims);
	t.data = (void *)(uintptr_t)x->data;
	/* floats are checked on the way, others are not weights */
	if (x->type == DET_SOURCE_F32) {
		if ((e = det_alloc(&v, n, sizeof *v)) || (e = det_source_read(v, x))) {
			free(v);
			return e;
		}
	}
	e = det_writer_tensor(w, x->name, &t, NULL);
	free(v);
	return e;
}

enum det_err
det_model_from_source(struct det_writer *w, const struct det_source *s)
{
	const char *version = det_source_fact(s, SAFETENSORS_VERSION), *name;
	enum det_err e;

	if (!version || strcmp(version, "1") != 0)
		return det_fail(DET_UNSUPPORTED, "%s=1 expected, found '%s'",
		    SAFETENSORS_VERSION, version ? version : "");
	for (size_t i = 0; i < s->n_facts; i++) {
		const struct det_source_fact *f = &s->fact[i];

		e = DET_OK;
		if ((name = after(f->key, SAFETENSORS_TEXT)))
			e = det_writer_text(w, name, f->value, strlen(f->value));
		else if ((name = after(f->key, SAFETENSORS_HEX)))
			e = write_hex(w, name, f->value);
		if (e)
			return e;
	}
	for (size_t i = 0; i < s->n; i++)
		if ((e = write_tensor(w, &s->t[i])))
			return e;
	return DET_OK;
}
