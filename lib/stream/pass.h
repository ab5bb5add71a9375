/* SPDX-License-Identifier: MIT
 *
 * What record.h and the writer ask of the reader to move a payload. Private to lib/stream.
 */
#ifndef DET_PASS_H
#define DET_PASS_H

#include "stream/reader.h"

/* Moves the current payload from a pipe to fd, inside the kernel where both ends allow it;
 * takes its padding too (which the writer makes anew). `name` is fd's, for messages. */
enum det_err det_reader_pass(
    struct det_reader *rd, int fd, const char *name) DET_MUST_USE;

/* Brings the current payload of r into memory; where fd is not negative, which is for input
 * that is not mapped, the same bytes go to fd as well, from pipe to pipe without another
 * copy. Padding is not taken, nothing is checked: det_reader_check comes next. */
enum det_err det_reader_load(
    struct det_reader *rd, struct det_record *r, int fd, const char *name) DET_MUST_USE;
enum det_err det_reader_check(struct det_reader *rd, struct det_record *r) DET_MUST_USE;

int det_reader_mapped(const struct det_reader *rd);

#endif
