/* SPDX-License-Identifier: MIT
 *
 * Seeded random weights: to try out, time and test networks that nobody has trained yet.
 *
 * Unless rules say otherwise, weights of convolutions and fully connected layers are normal
 * with variance 2 / fan-in (He et al. 2015), scales and variances 1, biases and means 0.
 * Each tensor has a stream of numbers of its own, so that a change to one layer leaves the
 * others' weights alone. The same seed gives the same bytes on every machine.
 */
#ifndef DET_SEEDED_H
#define DET_SEEDED_H

#include "stream/writer.h"

/* Writes TEXT "net/NAME" under the name that the text gives itself, and its weights (no
 * STRM, no END). `file` is for messages. */
enum det_err det_seeded_write(struct det_writer *w, const char *text, size_t len,
    const char *file, uint64_t seed) DET_MUST_USE;

/* Writes one weight. The last of the rules whose pattern its name matches is how it is made;
 * a line each, "PATTERN HOW", where HOW is
 *   const=V    all V
 *   normal=S   normal, mean 0, standard deviation S
 *   fan=G      normal, mean 0, variance G / fan-in
 *   uniform=A  uniform in [-A, A)
 *   he         fan=2 (He et al. 2015)
 *   xavier     uniform, variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010)
 *   prior=P    all -log((1 - P) / P): the bias of a sigmoid that begins at P
 * and after it may stand
 *   at=I/E     but for elements I, I + E, I + 2E, ... all are 0; E may be a sum, "5+20"
 * rules may be NULL. A dim of 0, which the net left open, is DET_INVALID. */
enum det_err det_seeded_weight(struct det_writer *w, const char *name,
    struct det_tensor *shape, const char *rules, size_t len,
    uint64_t seed) DET_MUST_USE;

#endif
