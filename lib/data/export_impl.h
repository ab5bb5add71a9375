/* SPDX-License-Identifier: MIT
 *
 * What the files of export share. Private to lib/data.
 */
#ifndef DET_EXPORT_IMPL_H
#define DET_EXPORT_IMPL_H

#include "base/file.h"
#include "base/hash.h"
#include "data/export.h"
#include "data/json.h"

/* One class's file of voc: lines are gathered, the file is open only while it is added to,
 * so that a thousand classes don't need a thousand descriptors. */
struct det_export_file {
	struct det_newfile file;
	struct det_buf lines;
};

struct det_export {
	struct det_export_params p;
	struct det_classes classes;
	int has_table; /* ground truth: of the whole, it can't change */
	struct det_buf text;
	size_t entries;       /* coco: written so far */
	size_t images;        /* coco, ground truth: the same of pictures */
	struct det_buf later; /* annotations, until all images are written */
	struct {
		size_t difficult, crowd, ignore, area;
	} lost; /* what the format can't hold */
	struct det_export_file *file;
	size_t files;
	struct det_nameset names; /* yolo: of files written */
};

/* Numbers with the decimals asked for. */
enum det_err det_export_coord(
    struct det_buf *b, const struct det_export *x, double v) DET_MUST_USE;
enum det_err det_export_score(
    struct det_buf *b, const struct det_export *x, double v) DET_MUST_USE;

/* A class's name, or its number where the table has none. */
enum det_err det_export_class(
    struct det_buf *b, const struct det_export *x, long label) DET_MUST_USE;

/* The name of a picture's file without folders and ending; "item-N" where the picture came
 * on standard input. */
enum det_err det_export_stem(struct det_buf *b, const struct det_item *it) DET_MUST_USE;

/* A field of a table parted by tabs: what would break the line is escaped. */
enum det_err det_tsv_text(struct det_buf *b, const char *s) DET_MUST_USE;

enum det_err det_export_tsv(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;
enum det_err det_export_jsonl(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;
enum det_err det_export_coco(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;

enum det_err det_export_voc_begin(struct det_export *x) DET_MUST_USE;
enum det_err det_export_voc(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;
enum det_err det_export_voc_end(struct det_export *x) DET_MUST_USE;
void det_export_voc_free(struct det_export *x);

/* image_id and category_id of COCO. */
enum det_err det_export_image_id(struct det_buf *b, const struct det_export *x,
    const struct det_item *it) DET_MUST_USE;
enum det_err det_export_category(
    long *id, const struct det_export *x, long label) DET_MUST_USE;
/* A picture's own file, DIR/STEM.ENDING; DET_INVALID where there is one of that stem. */
enum det_err det_export_picture_file(struct det_export *x, const struct det_item *it,
    const char *ending, const struct det_buf *text) DET_MUST_USE;

enum det_err det_export_gt_coco(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;
enum det_err det_export_gt_coco_end(struct det_export *x) DET_MUST_USE;
enum det_err det_export_gt_voc(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;
enum det_err det_export_gt_yolo(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;
enum det_err det_export_gt_yolo_end(struct det_export *x) DET_MUST_USE;

enum det_err det_export_yolo(struct det_export *x, const struct det_item *it,
    const struct det_boxes *b) DET_MUST_USE;

#endif
