/* SPDX-License-Identifier: MIT
 *
 * Weights of a .caffemodel as a source (weights/source.h): tensors in the order of the
 * file, named LAYER.weight, LAYER.bias and so on (formats/caffe.md), floats where they lie
 * in the map.
 */
#ifndef DET_CAFFEMODEL_H
#define DET_CAFFEMODEL_H

#include "weights/source.h"

/* Maps and indexes a file. DET_CORRUPT where it is no protobuf message of that kind or a
 * blob's shape and numbers disagree, DET_UNSUPPORTED for V0 layers and for numbers other
 * than float and double, DET_INVALID where it holds no layer. Close with
 * det_source_close. */
enum det_err det_caffemodel_open(struct det_source *out, const char *path) DET_MUST_USE;

/* A file of weights with Caffe's names, by its first bytes: a caffemodel, or what
 * det_source_open takes. */
enum det_err det_caffe_weights_open(
    struct det_source *out, const char *path) DET_MUST_USE;

/* What the index-th blob of a layer of that type (a name as V2 layers have it; NULL:
 * unknown) is called: "weight", "bias", "mean"; NULL where only its number names it. */
const char *det_caffe_role(const char *type, size_t index);

/* The V2 name of a V1 layer type: "Convolution" for 4 or "CONVOLUTION"; NULL where there is
 * none. */
const char *det_caffe_type(long number);
const char *det_caffe_type_of(const char *word);

#endif
