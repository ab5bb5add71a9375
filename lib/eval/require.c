/* SPDX-License-Identifier: MIT */
#include "eval/require.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const char *const ops[] = { ">=", ">", "<=", "<", "=" };

const char *
det_require_op_text(enum det_require_op op)
{
	return ops[op];
}

/* One question, text[0..n). */
static enum det_err
parse_term(struct det_require_term *t, const char *text, size_t n)
{
	const size_t name = strcspn(text, "<>=");
	char number[64];
	size_t len, at, i;

	if (name == 0 || name >= n)
		return det_fail(DET_INVALID,
		    "'%.*s': expected NAME>=NUMBER, as AP50>=.40", (int)n, text);
	/* the longer ones come first among those that begin alike */
	for (i = 0; i < sizeof ops / sizeof ops[0]; i++)
		if (!strncmp(text + name, ops[i], strlen(ops[i])))
			break;
	t->op = (enum det_require_op)i;
	at = name + strlen(ops[i]);
	len = n - at;
	if (len == 0 || len >= sizeof number)
		return det_fail(DET_INVALID, "'%.*s': expected a number after %s",
		    (int)n, text, ops[i]);
	memcpy(number, text + at, len);
	number[len] = 0;
	if (det_parse_double(&t->value, number, -1e300, 1e300))
		return det_fail_in(DET_INVALID, "'%.*s'", (int)n, text);
	return det_strndup(&t->name, text, name);
}

enum det_err
det_require_parse(struct det_require *r, const char *text)
{
	size_t cap = r->n, n;
	enum det_err e;

	for (;; text += n + 1) {
		n = strcspn(text, ",");
		/* a class's name may hold commas */
		if (memchr(text, '[', n) && !memchr(text, ']', n) &&
		    strchr(text, ']')) {
			n = (size_t)(strchr(text, ']') - text);
			n += strcspn(text + n, ",");
		}
		if ((e = det_grow(&r->term, &cap, r->n + 1, sizeof *r->term)))
			return e;
		r->term[r->n] = (struct det_require_term){ 0 };
		r->n++;
		if ((e = parse_term(&r->term[r->n - 1], text, n)))
			return e;
		if (!text[n])
			return DET_OK;
	}
}

void
det_require_release(struct det_require *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->term[i].name);
	free(r->term);
	*r = (struct det_require){ 0 };
}

int
det_require_holds(const struct det_require_term *t, double value)
{
	switch (t->op) {
	case DET_REQUIRE_GE: return value >= t->value;
	case DET_REQUIRE_GT: return value > t->value;
	case DET_REQUIRE_LE: return value <= t->value;
	case DET_REQUIRE_LT: return value < t->value;
	default: return value == t->value;
	}
}
