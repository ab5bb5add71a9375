/* SPDX-License-Identifier: MIT
 *
 * What the readers of ground truth share. Private to lib/data.
 */
#ifndef DET_TRUTH_IMPL_H
#define DET_TRUTH_IMPL_H

#include "base/hash.h"
#include "base/idmap.h"
#include "data/truth.h"

/* Names to indices, for those who have the names in an array. */
struct det_strings {
	char **name;
	size_t n, cap;
	struct det_idmap map; /* by hash */
};

/* *index is n where it is not there: det_strings_add then adds it. */
size_t det_strings_find(const struct det_strings *s, const char *name);
enum det_err det_strings_add(struct det_strings *s, const char *name) DET_MUST_USE;
void det_strings_release(struct det_strings *s);

/* The files of a directory whose names end with one of the `endings` (NULL-terminated,
 * compared without case), sorted by name. DET_IO where there is no such directory. */
struct det_listing {
	char *dir;
	struct det_strings file;
	struct det_strings
	    stem;        /* names without their endings; only the first of equal ones */
	size_t *of_stem; /* index into file */
};
extern const char *const det_picture_endings[];
enum det_err det_listing_read(
    struct det_listing *l, const char *dir, const char *const *endings) DET_MUST_USE;
void det_listing_release(struct det_listing *l);
/* "DIR/NAME", malloc'd */
enum det_err det_path_join(char **out, const char *dir, const char *name) DET_MUST_USE;
int det_is_dir(const char *path);
int det_is_file(const char *path);
/* The first of dir/choices[i] that is a directory, or dir itself: malloc'd. */
enum det_err det_first_dir(
    char **out, const char *dir, const char *const *choices) DET_MUST_USE;

struct det_truth_reader {
	struct det_truth *t;
	const struct det_truth_params *p;
	struct det_strings
	    classes;  /* as they were met, or as the data set lists them */
	long *source; /* of each: the data set's id, or -1 */
	size_t cap_source;
	int sorted; /* the table is to be sorted by name: the data set has no order of its own */
};

/* Something is wrong: told to p->finding, or det_fail. */
enum det_err det_truth_wrong(struct det_truth_reader *r, const char *kind,
    uint32_t file, uint64_t line, const char *image, const char *fmt, ...)
    DET_PRINTF(6, 7) DET_MUST_USE;

enum det_err det_truth_file(
    uint32_t *index, struct det_truth_reader *r, const char *path) DET_MUST_USE;
/* Takes *path, which is malloc'd, also on failure. */
enum det_err det_truth_image(uint32_t *index, struct det_truth_reader *r, char *path,
    int64_t id, uint32_t file, uint64_t line) DET_MUST_USE;
/* Number of a class in r->classes, added where it is new. */
enum det_err det_truth_class(int32_t *label, struct det_truth_reader *r,
    const char *name, long source) DET_MUST_USE;
/* Adds an object; its box is complete but for label (a number in r->classes) and source. */
enum det_err det_truth_object(
    struct det_truth_reader *r, const struct det_truth_object *o) DET_MUST_USE;
/* Corners of a file to continuous ones, as `corners` says, where that is DET_CORNERS_USUAL
 * as `usual` does. */
void det_corners(double c[4], int corners, int usual);
/* The same by p->corners. */
void det_truth_corners(double c[4], const struct det_truth_reader *r, int usual);
/* A picture's size from its head, where there is none yet. */
enum det_err det_truth_size(struct det_truth_reader *r, uint32_t image) DET_MUST_USE;

enum det_err det_truth_voc(struct det_truth_reader *r) DET_MUST_USE;
enum det_err det_truth_coco(struct det_truth_reader *r) DET_MUST_USE;
enum det_err det_truth_yolo(struct det_truth_reader *r) DET_MUST_USE;
enum det_err det_truth_csv(struct det_truth_reader *r) DET_MUST_USE;

/* The same, where it may stay unknown. */
void det_truth_try_size(struct det_truth_reader *r, uint32_t image);

/* One VOC file, from memory: the picture's name, its size and its objects. */
struct det_voc_object {
	char name[256];
	double corner[4];
	int difficult;
	uint64_t line;
};
struct det_voc {
	char filename[1024];
	double width, height;
	struct det_voc_object *object;
	size_t n, cap;
};
enum det_err det_voc_parse(
    struct det_voc *out, const char *text, size_t n, const char *name) DET_MUST_USE;
void det_voc_release(struct det_voc *v);

#endif
