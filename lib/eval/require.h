/* SPDX-License-Identifier: MIT
 *
 * Questions asked of numbers: "AP50>=.40,AR100>=.5".
 *
 *   questions  question {"," question}
 *   question   NAME OP NUMBER
 *   OP         >= > <= < =
 *
 * A NAME is that of a number as it is printed: "AP50", "voc07:AP50", "AP[dog]".
 */
#ifndef DET_REQUIRE_H
#define DET_REQUIRE_H

#include <stddef.h>

#include "base/err.h"

enum det_require_op {
	DET_REQUIRE_GE,
	DET_REQUIRE_GT,
	DET_REQUIRE_LE,
	DET_REQUIRE_LT,
	DET_REQUIRE_EQ,
};

struct det_require_term {
	char *name;
	enum det_require_op op;
	double value;
};

struct det_require {
	struct det_require_term *term;
	size_t n;
};

/* DET_INVALID naming the question that is none. Start from {0}; release after failure too. */
enum det_err det_require_parse(struct det_require *r, const char *text) DET_MUST_USE;
void det_require_release(struct det_require *r);

/* Whether `value` meets the term. A number that is not defined (NaN) meets none. */
int det_require_holds(const struct det_require_term *t, double value);

/* ">=" and so on. */
const char *det_require_op_text(enum det_require_op op);

#endif
