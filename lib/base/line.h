/* SPDX-License-Identifier: MIT
 *
 * The line grammar that the text records of a model share:
 *
 *   [name =] word [(input, input ...)] key=value flag ...   # comment
 *
 * One line is one statement. Names, words, inputs, keys and values are made of letters,
 * digits and / . _ - : + ; values may hold anything but blanks and '#'. Blank lines and
 * comments give a line without a word.
 */
#ifndef DET_LINE_H
#define DET_LINE_H

#include <stddef.h>

#include "base/err.h"

#define DET_LINE_INPUTS 16
#define DET_LINE_ARGS   32

struct det_line_arg {
	char *key;
	char *value; /* NULL: a flag */
	int used;    /* some det_line_* call asked for it */
};

/* All strings lie in `store` and live until det_line_release. */
struct det_line {
	char *name; /* NULL where there is no "name =" */
	char *word; /* NULL on a blank line */
	char *input[DET_LINE_INPUTS];
	size_t n_inputs;
	struct det_line_arg arg[DET_LINE_ARGS];
	size_t n_args;
	char *store;
};

/* Splits text[0..n), one line without its newline; *l need not be initialised. On failure
 * nothing is left to release. A key that occurs twice is DET_INVALID. */
enum det_err det_line_parse(
    struct det_line *l, const char *text, size_t n) DET_MUST_USE;
void det_line_release(struct det_line *l);

/* Parses a text line by line and calls fn for each that is no blank one; text[0..n) is the
 * line as it stands. Ends at the first failure, which is told as "NAME:LINE: ..."; under the
 * name NULL it is told as it is. */
enum det_err det_lines_parse(const char *text, size_t len, const char *name,
    enum det_err (*fn)(void *ctx, struct det_line *l, const char *text, size_t n),
    void *ctx) DET_MUST_USE;

/* Arguments by key; where the key is absent *out is untouched. Each marks the key used.
 * A boolean is `key` or `key=1` for yes, `key=0` for no. */
enum det_err det_line_bool(int *out, struct det_line *l, const char *key) DET_MUST_USE;
enum det_err det_line_long(
    long *out, struct det_line *l, const char *key, long lo, long hi) DET_MUST_USE;
enum det_err det_line_double(double *out, struct det_line *l, const char *key,
    double lo, double hi) DET_MUST_USE;
/* "a,b,c": at most `max` numbers in v, their count in *n. */
enum det_err det_line_list(double *v, size_t *n, size_t max, struct det_line *l,
    const char *key, double lo, double hi) DET_MUST_USE;
/* "416x320": width and height, each 1 .. hi. */
enum det_err det_line_size(
    long *w, long *h, struct det_line *l, const char *key, long hi) DET_MUST_USE;

/* The value as it stands, in the line's store. */
enum det_err det_line_word(
    const char **out, struct det_line *l, const char *key) DET_MUST_USE;
/* The number of the value among `choices`, which end with NULL. */
enum det_err det_line_choice(int *out, struct det_line *l, const char *key,
    const char *const *choices) DET_MUST_USE;

/* DET_INVALID naming the first argument that nobody asked for. Call it last. */
enum det_err det_line_unused(const struct det_line *l) DET_MUST_USE;

#endif
