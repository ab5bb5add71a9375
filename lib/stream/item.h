/* SPDX-License-Identifier: MIT
 *
 * The ITEM record, typed; and the class table that a STRM record carries.
 */
#ifndef DET_ITEM_H
#define DET_ITEM_H

#include "base/text.h"
#include "stream/record.h"
#include "stream/writer.h"

/* How a pixel position of the upright original becomes one of the input tensor, both as
 * continuous coordinates: x_in = sx * x + tx, y_in = sy * y + ty; with flip, x is replaced
 * by width - x first, with vflip y by height - y. */
struct det_transform {
	double sx, sy, tx, ty;
	int flip, vflip;
};

struct det_item {
	char *path;  /* as the user named it; "-" for standard input */
	char *error; /* why this item is bad, or NULL */
	long id;     /* number of the item in its stream, from 0; or a data set's id */
	long width, height; /* of the upright original, pixels; 0: unknown */
	long orientation;   /* EXIF 1..8 that was undone; 1 where there is none */
	long in_w, in_h; /* of the input tensor's picture (with its padding); 0: none */
	struct det_transform map;
};

/* Reads all fields; absent ones are 0, NULL, orientation 1 and the identity map. */
enum det_err det_item_read(
    struct det_item *it, const struct det_record *r) DET_MUST_USE;
void det_item_release(struct det_item *it);

/* Sets the item's fields among r's attributes (others stay), r->kind = DET_ITEM. */
enum det_err det_item_store(
    struct det_record *r, const struct det_item *it) DET_MUST_USE;
enum det_err det_item_write(
    struct det_writer *w, const struct det_item *it) DET_MUST_USE;

/* Class table: the payload of STRM, lines "name\tsource_id\n" in label order; source_id
 * (a data set's own number, as COCO's 1..90) may be empty. */
struct det_classes {
	char **name;
	long *source; /* -1: none */
	size_t n;
	size_t cap; /* private: of both arrays */
};

/* DET_INVALID where two classes have one name: a data set's could not be told apart. (Trained
 * classifiers come with such tables: ImageNet's has two cranes.) */
enum det_err det_classes_unique(
    const struct det_classes *c, const char *file) DET_MUST_USE;
/* Adds a class: a copy of name[0..n). */
enum det_err det_classes_add(
    struct det_classes *c, const char *name, size_t n, long source) DET_MUST_USE;

enum det_err det_classes_parse(
    struct det_classes *c, const char *text, size_t len) DET_MUST_USE;
/* Whether they have the same names in the same order. */
int det_classes_same(const struct det_classes *a, const struct det_classes *b);
/* Adds the payload's text, which parse makes the same table of. */
enum det_err det_classes_text(
    struct det_buf *b, const struct det_classes *c) DET_MUST_USE;
void det_classes_release(struct det_classes *c);
/* Adds the names from number `first` on, a few of them: "'a', 'b' and 3 more". */
enum det_err det_classes_quote(
    struct det_buf *b, const struct det_classes *c, size_t first) DET_MUST_USE;
/* The name of a label; "?" outside the table. */
const char *det_class_name(const struct det_classes *c, long label);

#endif
