/* SPDX-License-Identifier: MIT
 *
 * Reads records from a pipe or a mapped file behind one interface.
 */
#ifndef DET_READER_H
#define DET_READER_H

#include "stream/record.h"

struct det_reader;

/* Reads from a descriptor: a regular file is mapped and its payloads used in place, else
 * bytes are read as they come. `name` is for messages; the descriptor is closed by
 * det_reader_close unless it is 0. */
enum det_err det_reader_open_fd(
    struct det_reader **out, int fd, const char *name) DET_MUST_USE;
enum det_err det_reader_open(struct det_reader **out, const char *path) DET_MUST_USE;
/* Reads what lies in memory as if it were a mapped file; it must stay there until
 * det_reader_close, and begin at a multiple of 64. */
enum det_err det_reader_open_bytes(struct det_reader **out, const void *data,
    size_t size, const char *name) DET_MUST_USE;
void det_reader_close(struct det_reader *rd);

/* Reads the next head and attributes into *r (whose memory is reused); the payload stays
 * where it is until det_record_load, det_writer_put or the next call, which skips it.
 * *more = 0 at the end of the input after an END. Checks the stream's grammar: STRM first,
 * END last with true counts, nothing between END and the next STRM. Input that ends
 * elsewhere is DET_TRUNCATED, also where it is empty. */
enum det_err det_reader_next(
    struct det_reader *rd, struct det_record *r, int *more) DET_MUST_USE;

/* Whether the next det_reader_next would wait for bytes (then is the time to flush). */
int det_reader_would_block(const struct det_reader *rd);

/* Mapped input only: payload CRCs are then left to whoever wants them checked (models are
 * not read through at every start). */
void det_reader_trust(struct det_reader *rd);

/* Whether the last error was a FAIL record that came down a pipe: whoever wrote it has
 * reported it already. */
int det_reader_failed(const struct det_reader *rd);

/* Mapped input: what was loaded at data is not needed in memory any more (base/file.h). */
void det_reader_leave(const struct det_reader *rd, const void *data, size_t bytes);

/* Bytes taken from the input so far. */
uint64_t det_reader_offset(const struct det_reader *rd);

#endif
