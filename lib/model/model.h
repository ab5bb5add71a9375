/* SPDX-License-Identifier: MIT
 *
 * A model file is a stream (formats/model.md): class table in its STRM, TEXT records with
 * networks, options and the pipeline, TENSOR records with weights. It is mapped, not read;
 * pointers given out are into the map and live until det_model_close.
 *
 *   TEXT   "net/NAME"       a network (formats/net.md): net/backbone, net/head
 *   TEXT   "options/TOOL"   lines name=value: the tool's long options, as its defaults
 *   TEXT   "decode"         how det-head turns maps into boxes (formats/decode.md)
 *   TEXT   "pipeline"       the pipe that det-run runs, one stage a line
 *   TEXT   "meta"           lines key=value: origin, profile, format it was imported from
 *   TENSOR "NAME/LAYER.weight" and so on: weights of net NAME
 */
#ifndef DET_MODEL_H
#define DET_MODEL_H

#include "base/tensor.h"
#include "stream/item.h"
#include "stream/record.h"

struct det_model;

/* Maps and indexes path: reads every head, no payload. DET_CORRUPT and friends as a stream;
 * DET_INVALID where a name occurs twice or the file is no model (a stream of items). */
enum det_err det_model_open(struct det_model **out, const char *path) DET_MUST_USE;
/* The same of a file's bytes in memory, which must stay there until det_model_close and
 * begin at a multiple of 64. `name` stands for the path. */
enum det_err det_model_open_bytes(struct det_model **out, const void *data, size_t size,
    const char *name) DET_MUST_USE;
void det_model_close(struct det_model *m);

const char *det_model_path(const struct det_model *m);
const struct det_classes *det_model_classes(const struct det_model *m);

/* Hex digest over the file's heads, which hold the CRC of every payload: 16 digits. */
const char *det_model_digest(const struct det_model *m);

/* The payload CRC of every record verified; names the first that is wrong. */
enum det_err det_model_verify(const struct det_model *m) DET_MUST_USE;

/* A text by name; *text is NULL where there is none. Not NUL-terminated. */
void det_model_text(
    const struct det_model *m, const char *name, const char **text, size_t *len);
/* A tensor by name, or DET_INVALID "no tensor 'x'"; data points into the map. */
enum det_err det_model_tensor(
    const struct det_model *m, const char *name, struct det_tensor *out) DET_MUST_USE;

/* The data of a tensor will not be read again for now: its pages may leave this process's
 * memory. They come back where they are read after all. */
void det_model_leave(const struct det_model *m, const void *data, size_t bytes);

/* Walks the records: i from 0; returns 0 past the end. *r is a view; don't release it. */
int det_model_record(const struct det_model *m, size_t i, struct det_record *r);

#endif
