/* SPDX-License-Identifier: MIT
 *
 * How near two words are: for messages that guess what was meant.
 */
#ifndef DET_WORDS_H
#define DET_WORDS_H

#include <stddef.h>

/* Letters to change, leave out or put in to turn a[0..n) into b (Levenshtein); n + strlen(b)
 * where b is longer than 63. */
size_t det_word_distance(const char *a, size_t n, const char *b);

#endif
