/* SPDX-License-Identifier: MIT
 *
 * From a network's output maps to scored boxes, as a model's text "decode" says
 * (formats/decode.md): one line a map, `yolo3(y82) anchors=... classes=80` and so on.
 */
#ifndef DET_DECODE_H
#define DET_DECODE_H

#include "base/tensor.h"
#include "box/anchors.h"
#include "stream/boxes.h"
#include "stream/item.h"

struct det_decode;

/* Parses the text; every error is DET_INVALID "NAME:LINE: what was expected, what was
 * found". At least one line that is not blank. */
enum det_err det_decode_parse(struct det_decode **out, const char *text, size_t len,
    const char *name) DET_MUST_USE;
void det_decode_free(struct det_decode *d);

/* The maps wanted, in the order of the text, by tensor name; no name occurs twice. */
size_t det_decode_maps(const struct det_decode *d);
const char *det_decode_map(const struct det_decode *d, size_t i);

/* The box lists wanted (the proposals that a second stage refines); usually none or one. */
size_t det_decode_lists(const struct det_decode *d);
const char *det_decode_list(const struct det_decode *d, size_t i);

/* The maps whose anchors are wanted (map= of the lines `anchors`), in the order of the
 * text. They may come as tensors "MAP.anchors"; what does not come is made from the text of
 * the model, which det_decode_bind hands over (NULL: there is none; DET_INVALID where a
 * line's map is not in it). `a` must outlive d. */
size_t det_decode_grids(const struct det_decode *d);
const char *det_decode_grid(const struct det_decode *d, size_t i);
enum det_err det_decode_bind(
    struct det_decode *d, const struct det_anchors *a) DET_MUST_USE;

struct det_decode_params {
	/* boxes are those whose score is above: 0..1, -1: all; of lines with score=linear
	 * any number */
	double thresh;
	long in_w, in_h; /* size of the input's picture; 0: what the text says */
	long top;        /* at most so many a map; -1: what the text says, 0: all */
	/* where the picture lies in the input, without its padding: what lines with `clip`
	 * cut boxes to; x2 <= x1: the whole input */
	double x1, y1, x2, y2;
	/* input pixels a pixel of the original, for min_scaled; 0: 1 */
	double scale;
	int by_line; /* labels are the numbers of the text's lines, not classes */
};

/* Sets the sizes and places from the item: the picture is where det_item_picture says. */
enum det_err det_decode_place(
    struct det_decode_params *p, const struct det_item *it) DET_MUST_USE;

#define DET_DECODE_DEFAULTS              \
	{                                \
		.thresh = .25, .top = -1 \
	}

/* What a run takes; each in the order of the functions above. */
struct det_decode_in {
	const struct det_tensor *maps;
	const struct det_boxes *lists; /* space input */
	const struct det_tensor
	    *grids; /* NULL: none came; .data NULL: this one did not */
};

/* Decodes maps[0 .. det_decode_maps), each f32 with N = 1 (batches are DET_INVALID; those of
 * `rcnn` have a row a proposal), shapes as formats/decode.md says. The list is emptied
 * first; it becomes boxes in input pixels, one for each (box, class) whose score is above
 * the threshold, in the order map, row, column, anchor, class; `source` numbers the
 * candidates (map, row, column, anchor) from 0. Where a line keeps only its `top` best, they
 * come best first, equal ones in that order. NaN and infinity anywhere in a map are
 * DET_INVALID and say where. */
enum det_err det_decode_run(struct det_boxes *out, const struct det_decode *d,
    const struct det_decode_in *in, const struct det_decode_params *p) DET_MUST_USE;

#endif
