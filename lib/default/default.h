/* SPDX-License-Identifier: MIT
 *
 * The model that comes with det: a small SSD that knows what det-scene draws, its file's bytes
 * in the library. How it was made: lib/default/README.md. What calls det_default_open is 4.8
 * MB larger; nothing else is.
 */
#ifndef DET_DEFAULT_H
#define DET_DEFAULT_H

#include <stddef.h>

#include "model/model.h"

/* What stands for it where the path of a model is expected. */
#define DET_DEFAULT_NAME "default"

/* The bytes of the file, in memory that nothing writes. */
extern const unsigned char det_default_bytes[];
extern const size_t det_default_size;

/* Opens it as det_model_open opens a file; nothing is copied. Its path is DET_DEFAULT_NAME. */
enum det_err det_default_open(struct det_model **out) DET_MUST_USE;

#endif
