/* SPDX-License-Identifier: MIT */
#include "model/arch_match.h"

#include <string.h>

/* Does all of s match? Shortest first for '*', longest first for '%'. */
static int
match(const char *p, const char *s, struct arch_marks *m)
{
	size_t n = m->n, most;

	for (; *p && *p != '*' && *p != '%'; p++, s++)
		if (*p != *s)
			return 0;
	if (!*p)
		return !*s;
	if (n == ARCH_MARKS)
		return 0;
	most = *p == '*' ? strlen(s) : strspn(s, "0123456789");
	m->at[n] = s;
	for (size_t i = 0; i <= most; i++) {
		m->len[n] = *p == '*' ? i : most - i;
		m->n = n + 1;
		if ((*p == '*' || m->len[n]) && match(p + 1, s + m->len[n], m))
			return 1;
	}
	m->n = n;
	return 0;
}

int
arch_match(const char *pattern, const char *name, struct arch_marks *m)
{
	struct arch_marks none;

	if (!m)
		m = &none;
	m->n = 0;
	return match(pattern, name, m);
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
