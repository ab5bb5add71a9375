/* SPDX-License-Identifier: MIT
 *
 * Errors. Every fallible function of the library returns enum det_err; the library never
 * prints, exits or asserts on input. A function that fails says why in one line with
 * det_fail(); the caller that can report it reads the line with det_errmsg(). The line is
 * kept per thread, like errno, and holds until that thread's next failure.
 */
#ifndef DET_ERR_H
#define DET_ERR_H

enum det_err {
	DET_OK = 0,
	DET_NOMEM,       /* memory ran out */
	DET_IO,          /* the system refused: open, read, write, close */
	DET_TRUNCATED,   /* input ended inside something, or without its END */
	DET_CORRUPT,     /* bytes that no writer of the format can have made */
	DET_UNSUPPORTED, /* well formed, but newer or other than what we read */
	DET_LIMIT,       /* well formed, but larger than a stated limit */
	DET_INVALID,     /* a caller's argument, option or model is wrong */
};

#define DET_MUST_USE           __attribute__((warn_unused_result))
#define DET_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Records the message and returns `code`, so that `return det_fail(...)` reads well. A
 * format that ends with a colon has strerror(errno) appended. Control characters in the
 * message become '?', so that a hostile file name can't drive a terminal. */
enum det_err det_fail(enum det_err code, const char *fmt, ...) DET_PRINTF(2, 3);

/* Puts "what: " before the message of a failure that is on its way up; returns `code`. */
enum det_err det_fail_in(enum det_err code, const char *fmt, ...) DET_PRINTF(2, 3);

/* The message of this thread's last failure; "" if none. Owned by the library. */
const char *det_errmsg(void);

#endif
