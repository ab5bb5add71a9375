/* SPDX-License-Identifier: MIT
 *
 * Models to other programs' files, and back: nobody is locked in.
 */
#ifndef DET_CONVERT_H
#define DET_CONVERT_H

#include "base/text.h"
#include "model/model.h"
#include "stream/writer.h"
#include "weights/source.h"

/* Writes the model as a safetensors file to fd: tensors under their own names, texts and
 * class table among the metadata (formats/weights.md, section 4). det_model_from_source
 * makes of it the same model, apart from its history. DET_UNSUPPORTED where a record has
 * what safetensors can't hold. `name` is for messages. */
enum det_err det_model_to_safetensors(
    int fd, const struct det_model *m, const char *name) DET_MUST_USE;

/* Whether a source is a model that was so written. */
int det_source_is_model(const struct det_source *s);
/* Its class table, to be released; texts and tensors in their order (no STRM, no END).
 * A weight that is not finite is DET_CORRUPT. */
enum det_err det_source_classes(
    struct det_classes *c, const struct det_source *s) DET_MUST_USE;
enum det_err det_model_from_source(
    struct det_writer *w, const struct det_source *s) DET_MUST_USE;

/* A model as a source of weights: tensors of floats under their names, texts as facts. All
 * payloads are verified. The model is the source's from here on, and closed where this
 * fails. Close with det_source_close. */
enum det_err det_model_source(struct det_source *out, struct det_model *m) DET_MUST_USE;
/* Trained weights of any kind that is known, by the first bytes: a model, a caffemodel, a
 * safetensors file, a state dict of PyTorch. */
enum det_err det_trained_open(struct det_source *out, const char *path) DET_MUST_USE;

/* Writes the weights of a model that came from a Darknet cfg (it has the TEXT "cfg") as a
 * .weights file: where they came from such a file too, the same bytes. DET_INVALID for
 * other models. */
enum det_err det_model_to_darknet(
    int fd, const struct det_model *m, const char *name) DET_MUST_USE;

#endif
