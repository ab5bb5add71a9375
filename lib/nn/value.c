/* SPDX-License-Identifier: MIT
 *
 * Values of the network text (formats/net.md, section 5).
 *
 * Expressions are read by recursive descent:
 *     sum = product { (+|-) product }     product = unit { (*|/) unit }
 *     unit = number | $name | - unit | ( sum )
 * in long arithmetic with every overflow noticed. The depth of parentheses is bounded by
 * a counter, since the text may be hostile.
 */
#include "nn/value.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define MAX_DEPTH 32

struct expr {
	const char *s, *end; /* what is left to read */
	const char *all;     /* for messages */
	int all_len;
	const struct det_params *ps;
	int depth;
};

static enum det_err read_sum(struct expr *x, long *out);

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
is_name(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

static enum det_err
bad(const struct expr *x, const char *what)
{
	return det_fail(DET_INVALID, "'%.*s': %s", x->all_len, x->all, what);
}

static const char *
lookup(const struct det_params *ps, const char *name, size_t n)
{
	size_t i;

	for (i = 0; ps && i < ps->n; i++)
		if (strlen(ps->p[i].name) == n && !memcmp(ps->p[i].name, name, n))
			return ps->p[i].value;
	return NULL;
}

static enum det_err
read_param(struct expr *x, long *out)
{
	const char *name = ++x->s, *value;

	while (x->s < x->end && is_name(*x->s))
		x->s++;
	value = lookup(x->ps, name, (size_t)(x->s - name));
	if (!value)
		return det_fail(
		    DET_INVALID, "no parameter '$%.*s' here", (int)(x->s - name), name);
	return det_parse_long(out, value, -(1L << 40), 1L << 40);
}

static enum det_err
read_unit(struct expr *x, long *out)
{
	enum det_err e;

	if (++x->depth > MAX_DEPTH)
		return bad(x, "nested too deeply");
	if (x->s == x->end)
		return bad(x, "ends where a number should be");
	if (*x->s == '$') {
		if ((e = read_param(x, out)))
			return e;
	} else if (*x->s == '-') {
		x->s++;
		if ((e = read_unit(x, out)))
			return e;
		if (__builtin_sub_overflow(0, *out, out))
			return bad(x, "number too large");
	} else if (*x->s == '(') {
		x->s++;
		if ((e = read_sum(x, out)))
			return e;
		if (x->s == x->end || *x->s++ != ')')
			return bad(x, "a '(' without its ')'");
	} else if (is_digit(*x->s)) {
		for (*out = 0; x->s < x->end && is_digit(*x->s); x->s++)
			if ((*out = *out * 10 + (*x->s - '0')) > 1L << 40)
				return bad(x, "number too large");
	} else
		return bad(x, "not a whole number or an expression of such");
	x->depth--;
	return DET_OK;
}

static enum det_err
read_product(struct expr *x, long *out)
{
	long b;
	char op;
	enum det_err e;

	if ((e = read_unit(x, out)))
		return e;
	while (x->s < x->end && (*x->s == '*' || *x->s == '/')) {
		op = *x->s++;
		if ((e = read_unit(x, &b)))
			return e;
		if (op == '*') {
			if (__builtin_mul_overflow(*out, b, out))
				return bad(x, "product too large");
		} else if (b == 0 || (b == -1 && *out == LONG_MIN) || *out % b)
			return bad(x, "does not divide evenly");
		else
			*out /= b;
	}
	return DET_OK;
}

static enum det_err
read_sum(struct expr *x, long *out)
{
	long b;
	char op;
	enum det_err e;

	if ((e = read_product(x, out)))
		return e;
	while (x->s < x->end && (*x->s == '+' || *x->s == '-')) {
		op = *x->s++;
		if ((e = read_product(x, &b)))
			return e;
		if (op == '+' ? __builtin_add_overflow(*out, b, out)
			      : __builtin_sub_overflow(*out, b, out))
			return bad(x, "sum too large");
	}
	return DET_OK;
}

enum det_err
det_value_long(long *out, const char *s, size_t n, const struct det_params *ps)
{
	struct expr x = { s, s + n, s, (int)(n < 200 ? n : 200), ps, 0 };
	enum det_err e;

	if ((e = read_sum(&x, out)))
		return e;
	if (x.s != x.end)
		return bad(&x, "not a whole number or an expression of such");
	return DET_OK;
}

enum det_err
det_value_resolve(char **out, const char *s, const struct det_params *ps)
{
	const char *v;
	struct det_buf b = { 0 };
	long l;
	enum det_err e;

	if (*s == '$' && (v = lookup(ps, s + 1, strlen(s + 1))))
		return det_strdup(out, v);
	if (!strpbrk(s, "$*/("))
		return det_strdup(out, s);
	if ((e = det_value_long(&l, s, strlen(s), ps)) ||
	    (e = det_buf_printf(&b, "%ld", l)))
		return e;
	*out = b.text;
	return DET_OK;
}

static void *
at(void *args, const struct det_key *k)
{
	return (char *)args + k->at;
}

/* How many longs a key of this kind holds; 0: it holds no longs. */
static size_t
longs(enum det_key_kind kind)
{
	switch (kind) {
	case DET_KEY_INT: return 1;
	case DET_KEY_PAIR: return 2;
	case DET_KEY_TRIPLE: return 3;
	case DET_KEY_SIDES: return 4;
	default: return 0;
	}
}

void
det_key_defaults(void *args, const struct det_key *keys)
{
	const struct det_key *k;
	size_t i;

	for (k = keys; k->kind != DET_KEY_END; k++) {
		double d = isnan(k->dflt) ? 0 : k->dflt;

		for (i = 0; i < longs(k->kind); i++)
			((long *)at(args, k))[i] = (long)d;
		if (k->kind == DET_KEY_NUM)
			*(double *)at(args, k) = d;
		if (k->kind == DET_KEY_CHOICE || k->kind == DET_KEY_FLAG)
			*(int *)at(args, k) = (int)d;
	}
}

/* Splits at commas that stand outside parentheses; as many numbers as the kind allows. */
static enum det_err
set_longs(
    long *out, const struct det_key *k, const char *value, const struct det_params *ps)
{
	size_t n = 0, want = longs(k->kind), len;
	const char *s = value;
	long v[4];
	int depth;
	enum det_err e;

	for (;;) {
		for (len = 0, depth = 0; s[len] && (s[len] != ',' || depth); len++)
			depth += (s[len] == '(') - (s[len] == ')');
		if (n == want)
			return det_fail(DET_INVALID, "%s=%s: more than %zu number%s",
			    k->name, value, want, want > 1 ? "s" : "");
		if ((e = det_value_long(&v[n], s, len, ps)))
			return det_fail_in(e, "%s", k->name);
		if ((double)v[n] < k->lo || (double)v[n] > k->hi)
			return det_fail(DET_INVALID, "%s: %ld is outside %.0f to %.0f",
			    k->name, v[n], k->lo, k->hi);
		n++;
		if (!s[len])
			break;
		s += len + 1;
	}
	if (k->kind == DET_KEY_TRIPLE ? n != 3 : n == 3)
		return det_fail(DET_INVALID, "%s=%s: expected %s numbers, found %zu",
		    k->name, value, want == 3 ? "3" : "1, 2 or 4", n);
	out[0] = v[0];
	if (want == 2)
		out[1] = v[n - 1];
	if (want == 3)
		out[1] = v[1], out[2] = v[2];
	if (want == 4) {
		out[1] = v[n > 1];
		out[2] = n == 4 ? v[2] : out[0];
		out[3] = n == 4 ? v[3] : out[1];
	}
	return DET_OK;
}

static enum det_err
set_word(int *out, const struct det_key *k, const char *value)
{
	struct det_buf b = { 0 };
	int i;
	enum det_err e;

	for (i = 0; k->choices[i]; i++)
		if (!strcmp(k->choices[i], value)) {
			*out = i;
			return DET_OK;
		}
	for (i = 0; k->choices[i]; i++)
		if ((e = det_buf_printf(&b, "%s%s", i ? " " : "", k->choices[i]))) {
			det_buf_free(&b);
			return e;
		}
	e = det_fail(DET_INVALID, "%s=%s: expected one of %s", k->name, value, b.text);
	det_buf_free(&b);
	return e;
}

enum det_err
det_key_set(
    void *args, const struct det_key *k, const char *value, const struct det_params *ps)
{
	const char *v = value;
	long flag;
	enum det_err e;

	if (!v) {
		if (k->bare < 0)
			return det_fail(
			    DET_INVALID, "%s needs a value: %s=...", k->name, k->name);
		*(int *)at(args, k) = k->bare;
		return DET_OK;
	}
	if (longs(k->kind))
		return set_longs(at(args, k), k, v, ps);
	if (*v == '$' && !(v = lookup(ps, value + 1, strlen(value + 1))))
		return det_fail(
		    DET_INVALID, "%s: no parameter '%s' here", k->name, value);
	if (k->kind == DET_KEY_CHOICE)
		return set_word(at(args, k), k, v);
	if (k->kind == DET_KEY_NUM)
		e = det_parse_double(at(args, k), v, k->lo, k->hi);
	else if (!(e = det_parse_long(&flag, v, 0, 1)))
		*(int *)at(args, k) = (int)flag;
	return e ? det_fail_in(e, "%s", k->name) : DET_OK;
}
