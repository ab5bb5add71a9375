/* SPDX-License-Identifier: MIT
 *
 * Values of the network text: integer expressions with $parameters, lists, words; and the
 * keys of an operator set from them. Private to lib/nn.
 */
#ifndef DET_VALUE_H
#define DET_VALUE_H

#include "nn/op.h"

/* Parameters of the block being expanded; their values hold no '$'. */
struct det_param {
	const char *name;
	char *value;
};

struct det_params {
	const struct det_param *p;
	size_t n;
};

/* The value of s[0..n), an expression without spaces. */
enum det_err det_value_long(
    long *out, const char *s, size_t n, const struct det_params *ps) DET_MUST_USE;

/* What a parameter given as `s` is worth: "$x" is x's text, an expression with a '$', '*',
 * '/' or '(' its number, all else itself. Malloc'd. */
enum det_err det_value_resolve(
    char **out, const char *s, const struct det_params *ps) DET_MUST_USE;

/* Sets the defaults of all keys; required ones are set by det_key_set only. */
void det_key_defaults(void *args, const struct det_key *keys);
/* Sets one key from its text; value is NULL for a bare key. */
enum det_err det_key_set(void *args, const struct det_key *key, const char *value,
    const struct det_params *ps) DET_MUST_USE;

#endif
