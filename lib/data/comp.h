/* SPDX-License-Identifier: MIT
 *
 * PASCAL VOC results (VOCdevkit, comp3 and comp4): a text file a class, its name ending with
 * the class, lines "id score xmin ymin xmax ymax".
 */
#ifndef DET_COMP_H
#define DET_COMP_H

#include "data/truth.h"

struct det_comp_result {
	const char *file;
	uint64_t line;
	const char *id; /* name of the picture without folder and ending */
	int32_t label;
	double score, box[4]; /* continuous corners x1 y1 x2 y2; all finite */
};

struct det_comp_sink {
	void *ctx;
	enum det_err (*result)(void *ctx, const struct det_comp_result *v);
};

/* Reads the results of all classes of the table from a directory: of each class the one file
 * PREFIXclass.txt. Where prefix is NULL, the files class.txt or ANYTHING_class.txt, all with
 * one ANYTHING. A class may have no file; DET_INVALID where none has. `corners` as in
 * truth.h, usually first and last pixel from 1. What the sink returns other than DET_OK ends
 * the reading. */
enum det_err det_comp_read(const char *dir, const char *prefix, int corners,
    const struct det_classes *classes, const struct det_comp_sink *sink) DET_MUST_USE;

/* One file, of one class. */
enum det_err det_comp_read_file(const char *path, int32_t label, int corners,
    const struct det_comp_sink *sink) DET_MUST_USE;

#endif
