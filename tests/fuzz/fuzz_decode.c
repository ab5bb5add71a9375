/* SPDX-License-Identifier: MIT
 *
 * Decode texts and maps from hostile bytes: the text up to the first NUL, then three bytes
 * for the maps' shapes, then their numbers, repeated as often as are needed. Whatever
 * decodes goes on through mapping, clipping, NMS and every export that is one text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "box/decode.h"
#include "box/map.h"
#include "box/nms.h"
#include "data/export.h"

#define MAX_MAP 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fill(float *x, size_t n, const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < n; i++)
		x[i] = size >= 4 ? det_lef32(p + i % (size / 4) * 4) : 0;
}

static void export(struct det_boxes *b, const struct det_item *it, int format)
{
	struct det_export_params p = DET_EXPORT_DEFAULTS;
	struct det_export *x;

	p.format = format;
	p.image_id = DET_EXPORT_ID_STEM;
	if (det_export_new(&x, &p))
		return;
	if (!det_export_item(x, it, b) && det_export_end(x))
		abort();
	det_export_free(x);
}

static void
boxes(struct det_boxes *b, const uint8_t *p)
{
	struct det_nms_params np = DET_NMS_DEFAULTS;
	char path[] = "a/b.c";
	struct det_item it = { .path = path,
		.width = 100,
		.height = 50,
		.map = { 1 + p[0] / 8., 1 + p[1] / 8., p[2], p[0], p[1] & 1,
		    p[1] >> 1 & 1 } };
	size_t n = b->n;

	np.agnostic = p[0] & 1;
	np.method = p[1] % 6;
	np.ge = p[2] & 1;
	np.max = p[2] & 2;
	np.max_ties = p[2] >> 2 & 1;
	np.pre_max_per_class = p[2] & 8;
	if (np.method == DET_NMS_GREEDY) {
		np.wide = p[2] >> 4 & 1;
		np.eta = p[2] & 32 ? .9 : 1;
		np.trick = np.agnostic ? -1 : (p[2] >> 6) - 1;
	}
	if (n > 2000)
		b->n = 2000; /* soft NMS is quadratic */
	if (det_boxes_map(b, &it, DET_SPACE_IMAGE))
		return;
	for (size_t i = 0; i < b->n; i++)
		if (b->box[i].score < 0 && np.method == DET_NMS_FUSE)
			np.method = DET_NMS_MATRIX_LINEAR; /* fusion refuses them */
	if (det_nms(b, &np))
		abort();
	if (b->n > n)
		abort();
	for (int f = DET_EXPORT_TSV; f <= DET_EXPORT_COCO; f++)
		export(b, &it, f);
	if (det_boxes_clip(b, &it))
		abort();
	for (size_t i = 0; i < b->n; i++)
		if (!(b->box[i].x1 >= 0 && b->box[i].x2 <= 100 && b->box[i].y1 >= 0 &&
			b->box[i].y2 <= 50))
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size;
	struct det_decode_params p = {
		.thresh = .05, .in_w = 64, .in_h = 48, .top = -1
	};
	struct det_tensor map[4], grid[4];
	struct det_boxes out = { 0 };
	struct det_decode *d;
	float *x;

	if (det_decode_parse(&d, (const char *)data, len, "fuzz"))
		return 0;
	if (size < len + 4 || det_decode_maps(d) > 4 || det_decode_lists(d) ||
	    det_decode_grids(d) > 4) {
		det_decode_free(d);
		return 0;
	}
	data += len + 1;
	size -= len + 1;
	x = malloc(MAX_MAP * sizeof *x);
	if (!x)
		abort();
	fill(x, MAX_MAP, data + 3, size - 3);
	for (size_t i = 0; i < 4; i++) {
		size_t h = data[1] % 16u, w = data[2] % 16u, a = 1 + data[1] / 16u;

		/* the second of two maps has the deltas of a anchors */
		map[i] = (struct det_tensor){ DET_F32, 4,
			{ 1, i % 2 ? 4 * a : (size_t)data[0] + 1, h, w }, x };
		grid[i] = (struct det_tensor){ DET_F32, 4, { h, w, a, 4 }, x };
	}
	if (!det_decode_run(
		&out, d, &(struct det_decode_in){ .maps = map, .grids = grid }, &p))
		boxes(&out, data);
	free(x);
	det_boxes_release(&out);
	det_decode_free(d);
	return 0;
}
