/* SPDX-License-Identifier: MIT
 *
 * Detections and ground truth in the formats of other programs.
 *
 *   tsv    lines "path class score x1 y1 x2 y2", parted by tabs
 *   jsonl  one JSON object a picture
 *   coco   COCO results: one JSON array of {image_id, category_id, bbox, score}
 *   voc    PASCAL VOC results: a file a class, lines "id score x1 y1 x2 y2"
 *   yolo   a file a picture, lines "label cx cy w h [score]", relative to its size
 *
 * Or, under `gt`, ground truth: tsv and jsonl as above; coco instances; voc a file of
 * annotations a picture; yolo labels and classes.txt.
 *
 * The first three are one text, given out piece by piece; the last two are files in a
 * directory, each complete under its name or not there.
 */
#ifndef DET_EXPORT_H
#define DET_EXPORT_H

#include "base/text.h"
#include "stream/boxes.h"
#include "stream/item.h"

enum det_export_format {
	DET_EXPORT_TSV,
	DET_EXPORT_JSONL,
	DET_EXPORT_COCO,
	DET_EXPORT_VOC,
	DET_EXPORT_YOLO,
};

enum det_export_id {
	DET_EXPORT_ID_DIGITS, /* the digits that end the file's name (COCO's rule) */
	DET_EXPORT_ID_ITEM,   /* the item's number in the stream */
	DET_EXPORT_ID_STEM,   /* the file's name without its ending, a string */
};

enum det_export_voc {
	DET_EXPORT_VOC_INCLUSIVE, /* x1 + 1, y1 + 1, x2, y2: first and last pixel, from 1 */
	DET_EXPORT_VOC_DARKNET, /* all four + 1, then into 1..width, 1..height */
};

#define DET_EXPORT_USUAL (-2) /* decimals: what the format has by default */
#define DET_EXPORT_EXACT (-1) /* decimals: as few as read back to the same double */

struct det_export_params {
	int format;          /* enum det_export_format */
	int gt;              /* the list is ground truth */
	const char *dir;     /* of voc and yolo; made where it is not there */
	long coord_decimals; /* >= 0, or one of the above */
	long score_decimals;
	int header;         /* tsv: a first line that names the columns */
	int no_empty;       /* tsv: no line for a picture without boxes */
	int image_id;       /* coco: enum det_export_id */
	int voc;            /* voc: enum det_export_voc */
	const char *prefix; /* voc: of file names */
	int score;          /* yolo: write the score too */
};

#define DET_EXPORT_DEFAULTS                                                      \
	{                                                                        \
		.coord_decimals = DET_EXPORT_USUAL,                              \
		.score_decimals = DET_EXPORT_USUAL, .prefix = "comp4_det_test_", \
	}

struct det_export;

/* *p is copied; the strings it names must outlive the export. */
enum det_err det_export_new(
    struct det_export **out, const struct det_export_params *p) DET_MUST_USE;
void det_export_free(struct det_export *x); /* unfinished files are removed */

/* Image ids by another rule, enum det_export_id, from the next item on. */
void det_export_image_rule(struct det_export *x, int rule);

/* The class table of the items that follow. voc makes its files here: DET_INVALID where
 * two classes would share a file, or a later table differs from the first. */
enum det_err det_export_classes(
    struct det_export *x, const struct det_classes *c) DET_MUST_USE;

/* One picture; its boxes are mapped to the original picture first (*b changes). An item
 * marked as bad is "!" in tsv, has "error" in jsonl, and is left out elsewhere. */
enum det_err det_export_item(
    struct det_export *x, const struct det_item *it, struct det_boxes *b) DET_MUST_USE;

/* After the last item: closes the text, gives files their names. */
enum det_err det_export_end(struct det_export *x) DET_MUST_USE;

/* How many properties of boxes the format could not hold, and which: "3 crowd flags, 1
 * annotated areas". */
size_t det_export_lost(char *text, size_t cap, const struct det_export *x);

/* Text made since the caller last set its len to 0. */
struct det_buf *det_export_text(struct det_export *x);

#endif
