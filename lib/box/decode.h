/* SPDX-License-Identifier: MIT
 *
 * From a network's output maps to scored boxes, as a model's text "decode" says
 * (formats/decode.md): one line a map, `yolo3(y82) anchors=... classes=80` and so on.
 */
#ifndef DET_DECODE_H
#define DET_DECODE_H

#include "base/tensor.h"
#include "stream/boxes.h"

struct det_decode;

/* Parses the text; every error is DET_INVALID "NAME:LINE: what was expected, what was
 * found". At least one line that is not blank. */
enum det_err det_decode_parse(struct det_decode **out, const char *text, size_t len,
    const char *name) DET_MUST_USE;
void det_decode_free(struct det_decode *d);

/* The maps wanted, in the order of the text, by tensor name; no name occurs twice. */
size_t det_decode_maps(const struct det_decode *d);
const char *det_decode_map(const struct det_decode *d, size_t i);

struct det_decode_params {
	double thresh;   /* boxes are those whose score is above; 0..1 */
	long in_w, in_h; /* size of the input's picture; 0: what the text says */
};

#define DET_DECODE_DEFAULTS \
	{                   \
		.25, 0, 0   \
	}

/* Decodes maps[0 .. det_decode_maps), each f32 with N = 1 (batches are DET_INVALID), shapes
 * as formats/decode.md says. The list is emptied first; it becomes boxes in input pixels,
 * one for each (box, class) whose score is above the threshold, in the order map, row,
 * column, anchor, class; `source` numbers the candidates (map, row, column, anchor) from 0.
 * NaN and infinity anywhere in a map are DET_INVALID and say where. */
enum det_err det_decode_run(struct det_boxes *out, const struct det_decode *d,
    const struct det_tensor *maps, const struct det_decode_params *p) DET_MUST_USE;

#endif
