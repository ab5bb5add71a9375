/* SPDX-License-Identifier: MIT
 *
 * The JSON reader and COCO's two files from hostile bytes. What is accepted holds what the
 * headers promise: tokens in the order of the bytes, levels that open and close in turn,
 * strings of UTF-8, finite numbers.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "data/coco.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_token(const struct det_json_token *t, uint64_t last, long *depth)
{
	if (t->at < last)
		abort();
	*depth += t->kind == DET_JSON_OBJECT || t->kind == DET_JSON_ARRAY;
	*depth -= t->kind == DET_JSON_OBJECT_END || t->kind == DET_JSON_ARRAY_END;
	if (*depth < 0 || *depth > DET_JSON_DEPTH)
		abort();
	if (t->kind == DET_JSON_NUM && !isfinite(t->number))
		abort();
	if (t->kind != DET_JSON_KEY && t->kind != DET_JSON_TEXT)
		return;
	for (size_t i = 0; i < t->len;) {
		size_t n = det_utf8((const unsigned char *)t->text + i, t->len - i);

		if (!n)
			abort();
		i += n;
	}
}

static void
tokens(const uint8_t *data, size_t size)
{
	struct det_json_token t = { .kind = DET_JSON_NULL };
	struct det_json *j;
	uint64_t last = 0;
	long depth = 0;

	if (det_json_open_memory(&j, data, size, "fuzz"))
		return;
	while (t.kind != DET_JSON_END && !det_json_next(j, &t)) {
		check_token(&t, last, &depth);
		last = t.at;
	}
	if (t.kind == DET_JSON_END && depth)
		abort();
	det_json_close(j);
}

static enum det_err
on_annotation(void *ctx, const struct det_coco_annotation *v)
{
	(void)ctx;
	for (int i = 0; i < 4; i++)
		if (!isfinite(v->bbox[i]))
			abort();
	return isfinite(v->area) ? DET_OK : (abort(), DET_OK);
}

static enum det_err
on_result(void *ctx, const struct det_coco_result *v)
{
	(void)ctx;
	return isfinite(v->score) ? DET_OK : (abort(), DET_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct det_coco_sink sink = { .annotation = on_annotation,
		.result = on_result };

	tokens(data, size);
	if (det_coco_read_memory(data, size, "fuzz", &sink))
		return 0;
	return 0;
}
