/* SPDX-License-Identifier: MIT
 *
 * A model by the word that the user gave for it. Private to bin/.
 */
#ifndef DET_NAMED_H
#define DET_NAMED_H

#include "default/default.h"

/* Whether a word names the model inside the program, not a file (./default is a file). */
int named_is_default(const char *name);

/* det_model_open, or det_default_open where the name is that one's. */
enum det_err named_open(struct det_model **out, const char *name) DET_MUST_USE;

#endif
