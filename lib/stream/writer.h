/* SPDX-License-Identifier: MIT
 *
 * Writes records. Small ones are gathered and written together; payloads above 32 KiB go
 * to the kernel from where they lie. An output pipe is enlarged to 1 MiB.
 */
#ifndef DET_WRITER_H
#define DET_WRITER_H

#include "stream/record.h"

struct det_writer;

/* `name` is for messages. Does not own fd. */
enum det_err det_writer_open_fd(
    struct det_writer **out, int fd, const char *name) DET_MUST_USE;
void det_writer_free(struct det_writer *w); /* does not flush */
enum det_err det_writer_flush(struct det_writer *w) DET_MUST_USE;

/* Writes a record as it is; one that was read and not loaded is passed on from its reader
 * (pipe to pipe: without a copy through this process). A DET_END among them is not passed
 * but made anew, with the counts of what was written. */
enum det_err det_writer_put(struct det_writer *w, struct det_record *r) DET_MUST_USE;

/* Writes a record as it is and loads it: for who uses a payload and passes it on. From pipe
 * to pipe the bytes are duplicated inside the kernel. A payload that does not match its check
 * is DET_CORRUPT as with det_record_load, but then it may have been written already, as a
 * complete record: the caller must break the stream off and not end it. */
enum det_err det_writer_put_load(
    struct det_writer *w, struct det_record *r) DET_MUST_USE;

/* A record from parts: attributes may be NULL; payload may be NULL where size is 0. For
 * DET_TENSOR use det_writer_tensor. */
enum det_err det_writer_make(struct det_writer *w, uint32_t kind,
    const struct det_attrs *a, const void *payload, size_t size) DET_MUST_USE;
/* name is put before the other attributes. */
enum det_err det_writer_tensor(struct det_writer *w, const char *name,
    const struct det_tensor *t, const struct det_attrs *a) DET_MUST_USE;
enum det_err det_writer_text(
    struct det_writer *w, const char *name, const char *text, size_t len) DET_MUST_USE;
/* Breaks the stream off: a FAIL record with the reason, so that the programs downstream
 * know that it was reported. Outside a stream an empty one is begun for it; inside a
 * record that is half written there is no room, and nothing is done. */
enum det_err det_writer_fail(struct det_writer *w, const char *why) DET_MUST_USE;
enum det_err det_writer_end(struct det_writer *w) DET_MUST_USE;

#endif
