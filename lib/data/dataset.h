/* SPDX-License-Identifier: MIT
 *
 * A data set written to a folder: pictures and their ground truth, as det-gt reads it.
 *
 *   coco   DIR/truth.json beside the pictures
 *   voc    DIR/NAME.xml beside each, and where it is split lists in DIR/ImageSets/Main
 *   yolo   DIR/NAME.txt beside each, and DIR/classes.txt
 */
#ifndef DET_DATASET_H
#define DET_DATASET_H

#include "data/export.h"
#include "image/image.h"

struct det_dataset_params {
	const char
	    *dir;  /* made where it is not there, else empty; must outlive the set */
	int truth; /* DET_EXPORT_COCO, _VOC or _YOLO */
	enum det_format picture; /* how pictures are encoded */
	int quality;             /* of JPEG, 1..100 */
	/* voc: of train, val, test, in the order of the pictures, as det_splits_write has
	 * them; all 0: no lists */
	double share[3];
};

struct det_dataset;

enum det_err det_dataset_new(struct det_dataset **out,
    const struct det_dataset_params *p, const struct det_classes *c) DET_MUST_USE;
void det_dataset_free(struct det_dataset *s);

/* One picture, written now. The item's path names its file but for the folder and the
 * ending; its id is its number in coco. */
enum det_err det_dataset_put(struct det_dataset *s, const struct det_image *im,
    const struct det_item *it, struct det_boxes *b) DET_MUST_USE;

/* After the last: the truth is complete. Until then coco's file is not there. */
enum det_err det_dataset_end(struct det_dataset *s) DET_MUST_USE;

/* What the format of the truth could not hold (det_export_lost). */
size_t det_dataset_lost(char *text, size_t cap, const struct det_dataset *s);

#endif
