/* SPDX-License-Identifier: MIT
 *
 * Patterns of names: '*' stands for any characters, '%' for digits. Private to the library.
 */
#ifndef DET_ARCH_MATCH_H
#define DET_ARCH_MATCH_H

#include "base/text.h"

#define ARCH_MARKS 8

/* What the marks of a pattern stood for. */
struct arch_marks {
	const char *at[ARCH_MARKS];
	size_t len[ARCH_MARKS], n;
};

/* Whether all of the name matches; m may be NULL. */
int arch_match(const char *pattern, const char *name, struct arch_marks *m);

/* Adds form[0..n) with what the marks stood for, in order, where it has marks. */
enum det_err arch_fill(struct det_buf *out, const char *form, size_t n,
    const struct arch_marks *m) DET_MUST_USE;

#endif
