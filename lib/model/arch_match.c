/* SPDX-License-Identifier: MIT
 *
 * Marks are tried from the left, each way in turn, until the rest of the pattern matches what
 * is left of the name. Whether it does depends on how much of either is left and on nothing
 * else, so what failed once is noted and not tried again: a pattern with many marks takes the
 * product of the lengths and not their power.
 */
#include "model/arch_match.h"

#include <string.h>

/* of a name; where it is longer all ways are tried there */
#define NOTED 1024

struct matching {
	struct arch_marks *m;
	const char *name;
	/* a bit for what follows each mark, and each place in the name */
	unsigned char failed[ARCH_MARKS][NOTED / 8];
};

/* Does all of s match? Shortest first for '*', longest first for '%'. */
static int
match(struct matching *t, const char *p, const char *s)
{
	struct arch_marks *m = t->m;
	size_t n = m->n, most, at;

	for (; *p && *p != '*' && *p != '%'; p++, s++)
		if (*p != *s)
			return 0;
	if (!*p)
		return !*s;
	if (n == ARCH_MARKS)
		return 0;
	at = (size_t)(s - t->name);
	if (at < NOTED && t->failed[n][at / 8] >> at % 8 & 1)
		return 0;
	most = *p == '*' ? strlen(s) : strspn(s, "0123456789");
	m->at[n] = s;
	for (size_t i = 0; i <= most; i++) {
		m->len[n] = *p == '*' ? i : most - i;
		m->n = n + 1;
		if ((*p == '*' || m->len[n]) && match(t, p + 1, s + m->len[n]))
			return 1;
	}
	m->n = n;
	if (at < NOTED)
		t->failed[n][at / 8] |= (unsigned char)(1u << at % 8);
	return 0;
}

int
arch_match(const char *pattern, const char *name, struct arch_marks *m)
{
	struct arch_marks none;
	struct matching t = { .m = m ? m : &none, .name = name };

	t.m->n = 0;
	return match(&t, pattern, name);
}

enum det_err
arch_fill(struct det_buf *out, const char *form, size_t n, const struct arch_marks *m)
{
	size_t mark = 0;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < n; i++)
		if (form[i] != '*' && form[i] != '%')
			e = det_buf_add(out, form + i, 1);
		else if (mark == m->n)
			e = det_fail(DET_INVALID,
			    "names: '%.*s' has more marks than its pattern", (int)n,
			    form);
		else {
			e = det_buf_add(out, m->at[mark], m->len[mark]);
			mark++;
		}
	return e;
}
