/* SPDX-License-Identifier: MIT
 *
 * What the writer asks of the reader to pass a payload on. Private to lib/stream.
 */
#ifndef DET_PASS_H
#define DET_PASS_H

#include "stream/reader.h"

/* Moves the current payload from a pipe to fd, inside the kernel where both ends allow it;
 * takes its padding too (which the writer makes anew). */
enum det_err det_reader_pass(
    struct det_reader *rd, int fd, const char *name) DET_MUST_USE;
int det_reader_mapped(const struct det_reader *rd);

#endif
