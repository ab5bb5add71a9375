/* SPDX-License-Identifier: MIT
 *
 * COCO's JSON (cocodataset.org, "Data format"): instances, which are ground truth, and
 * results. Read front to back in bounded memory; what is read is given to the caller entry
 * by entry, in the order of the file.
 *
 * The members of an object may come in any order, and so may the lists: annotations can be
 * given before the images and categories that they name, so ids are resolved by the caller
 * when the file is through. Members that nobody asked for (segmentation first of all) are
 * checked as JSON and passed over.
 */
#ifndef DET_COCO_H
#define DET_COCO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct det_coco_place {
	uint64_t at, line; /* byte offset and line (from 1) of an entry's { */
};

struct det_coco_image {
	struct det_coco_place place;
	int64_t id;
	const char *file_name; /* "" where not given */
	double width, height;  /* 0 where not given */
};

struct det_coco_category {
	struct det_coco_place place;
	int64_t id;
	const char *name;
};

enum {
	DET_COCO_ID = 1, /* what an annotation has */
	DET_COCO_AREA = 2,
	DET_COCO_CROWD = 4,
	DET_COCO_IGNORE = 8,
	DET_COCO_DIFFICULT = 16, /* a member of some converters' own */
};

struct det_coco_annotation {
	struct det_coco_place place;
	unsigned given; /* which of the following the file has; the others are 0 */
	int64_t id;
	double area;
	int crowd, ignore, difficult;
	int64_t image_id, category_id;
	double bbox[4]; /* x y w h as they stand: finite, not otherwise checked */
};

struct det_coco_result {
	struct det_coco_place place;
	int64_t image_id;
	const char *image_name; /* where image_id is a string, else NULL */
	int64_t category_id;
	double bbox[4]; /* as above */
	double score;   /* finite */
};

/* Functions that are NULL are not called. What they return other than DET_OK ends the
 * reading and is returned; strings are valid during the call. */
struct det_coco_sink {
	void *ctx;
	enum det_err (*image)(void *ctx, const struct det_coco_image *v);
	enum det_err (*category)(void *ctx, const struct det_coco_category *v);
	enum det_err (*annotation)(void *ctx, const struct det_coco_annotation *v);
	enum det_err (*result)(void *ctx, const struct det_coco_result *v);
	/* An id of an image, category ("image" ...) or annotation that an earlier one has;
	 * where NULL it is DET_INVALID, else that is reported here and the entry given. */
	enum det_err (*duplicate)(
	    void *ctx, const char *what, int64_t id, struct det_coco_place place);
};

/* path "-" is standard input. Instances: DET_INVALID without a list of images; the other
 * lists may be missing. An annotation's id, area, iscrowd and ignore may be missing, nothing
 * else of an entry but a picture's name and size. Members that are null count as missing. */
enum det_err det_coco_read_instances(
    const char *path, const struct det_coco_sink *sink) DET_MUST_USE;
enum det_err det_coco_read_results(
    const char *path, const struct det_coco_sink *sink) DET_MUST_USE;

/* Either, by its first byte ({ or [). */
enum det_err det_coco_read(
    const char *path, const struct det_coco_sink *sink) DET_MUST_USE;

/* The same from memory, for tests; `name` is for messages. */
enum det_err det_coco_read_memory(const void *data, size_t n, const char *name,
    const struct det_coco_sink *sink) DET_MUST_USE;

#endif
