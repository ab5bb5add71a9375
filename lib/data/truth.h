/* SPDX-License-Identifier: MIT
 *
 * Ground truth of a data set, whatever its format: pictures with their boxes, a class table.
 *
 * Boxes are continuous pixel coordinates of the upright picture. What the formats say is
 * brought to that so:
 *
 *   VOC    corners are the first and the last pixel, counted from 1: x1 = xmin - 1, x2 = xmax
 *   COCO   x1 = x, x2 = x + w
 *   YOLO   x1 = (cx - w/2) * width, x2 = (cx + w/2) * width
 *   CSV    as they stand
 *
 * formats/data.md says which files and members are read.
 */
#ifndef DET_TRUTH_H
#define DET_TRUTH_H

#include <stdint.h>

#include "stream/boxes.h"
#include "stream/item.h"

enum det_truth_format {
	DET_TRUTH_VOC,
	DET_TRUTH_COCO,
	DET_TRUTH_YOLO,
	DET_TRUTH_CSV,
};

/* What corners in files of VOC and CSV mean. */
enum det_truth_corners {
	DET_CORNERS_USUAL,      /* the format's: VOC inclusive, CSV continuous */
	DET_CORNERS_INCLUSIVE,  /* first and last pixel, counted from 1 */
	DET_CORNERS_INCLUSIVE0, /* the same, counted from 0 */
	DET_CORNERS_CONTINUOUS, /* as ours */
};

struct det_truth_object {
	struct det_box box; /* source: its number among the picture's, as in the file */
	uint32_t image;
	uint32_t file; /* where it stands: index into file[], */
	uint64_t line; /* from 1 */
};

struct det_truth_image {
	char *path;         /* of the picture */
	int64_t id;         /* COCO's, else its number from 0 */
	long width, height; /* of the upright picture; 0: unknown */
	uint32_t file;
	uint64_t line;
	size_t first, n; /* its objects */
};

struct det_truth {
	struct det_classes classes;
	struct det_truth_image *image;
	struct det_truth_object *object; /* by image, in each as the file has them */
	char **file;                     /* files of annotations */
	size_t n_images, n_objects, n_files;
	/* private */
	size_t cap_images, cap_objects, cap_files;
};

/* Something wrong with a data set. */
struct det_finding {
	const char
	    *kind; /* "inverted", "unknown-class" ...: formats/data.md has them all */
	const char *file;  /* the file that says it */
	uint64_t line;     /* in it; 0: the file as a whole */
	const char *image; /* path of the picture, "" where there is none to name */
	const char *text;  /* one line: what was expected, what was found */
};

struct det_truth_params {
	enum det_truth_format format;
	const char *path; /* VOC, YOLO: a directory; COCO, CSV: a file, "-": stdin */
	const char
	    *split; /* VOC: ImageSets/Main/SPLIT.txt; YOLO: see formats/data.md */
	const char *images;  /* directory of the pictures; NULL: the usual places */
	const char *names;   /* YOLO: file of class names; NULL: the usual places */
	const char *classes; /* file "name[<tab>id]" a line: the class table; or NULL */
	int skip_unknown;    /* leave out objects of classes that are not in it */
	int corners;         /* enum det_truth_corners */
	int snap; /* YOLO: corners to whole pixels where the text's digits allow it */
	/* Where set, what is wrong is told here and reading goes on; else it is
	 * DET_INVALID, with a message that begins "FILE:LINE: ". */
	void (*finding)(void *ctx, const struct det_finding *f);
	void *ctx;
};

/* Reads all of a data set. Pictures are in the order of the file or the list, else by name.
 * Their heads are read only where the annotations don't give a size. */
enum det_err det_truth_read(
    struct det_truth *out, const struct det_truth_params *p) DET_MUST_USE;
void det_truth_release(struct det_truth *t);

/* The picture as an item, which borrows the path; its boxes as a list, which is reused. */
void det_truth_item(struct det_item *out, const struct det_truth *t, size_t i);
enum det_err det_truth_boxes(
    struct det_boxes *out, const struct det_truth *t, size_t i) DET_MUST_USE;

#endif
