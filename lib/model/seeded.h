/* SPDX-License-Identifier: MIT
 *
 * A model of a network text alone, with seeded random weights: to try out, time and test
 * a network that nobody has trained yet.
 */
#ifndef DET_SEEDED_H
#define DET_SEEDED_H

#include "stream/writer.h"

/* Writes TEXT "net/NAME" under the name that the text gives itself, and its weights (no
 * STRM, no END). Weights of convolutions and fully connected layers are normal with
 * variance 2 / fan-in (He et al. 2015), scales 1, biases and means 0, variances 1, each
 * tensor from a stream of numbers of its own, so that a change to one layer leaves the
 * others' weights alone. `file` is for messages. */
enum det_err det_seeded_write(struct det_writer *w, const char *text, size_t len,
    const char *file, uint64_t seed) DET_MUST_USE;

#endif
