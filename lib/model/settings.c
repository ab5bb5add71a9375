/* SPDX-License-Identifier: MIT */
#include "model/settings.h"

#include <string.h>

#include "base/text.h"

/* Tools that take recipes. */
static const char *const tools[] = { "det-image", "det-train" };
#define N_TOOLS (sizeof tools / sizeof tools[0])

static enum det_err
section(size_t *k, const char *line, size_t n)
{
	if (line[n - 1] != ']')
		return det_fail(DET_INVALID, "[TOOL] expected, found '%.*s'",
		    (int)(n < 40 ? n : 40), line);
	for (*k = 0; *k < N_TOOLS; ++*k)
		if (strlen(tools[*k]) == n - 2 && !memcmp(tools[*k], line + 1, n - 2))
			return DET_OK;
	return det_fail(DET_INVALID,
	    "'%.*s' is no section of a recipe: [det-image] and [det-train] are",
	    (int)(n < 40 ? n : 40), line);
}

/* One line; *at is the section it stands in, N_TOOLS before the first. */
static enum det_err
check(size_t *at, int seen[N_TOOLS], const char *line, size_t n)
{
	enum det_err e;

	if (memchr(line, 0, n))
		return det_fail(DET_INVALID, "text expected, found a NUL byte");
	if (n == 0 || *line == '#')
		return DET_OK;
	if (*line == '[') {
		if ((e = section(at, line, n)))
			return e;
		if (seen[*at]++)
			return det_fail(
			    DET_INVALID, "a second section [%s]", tools[*at]);
		return DET_OK;
	}
	if (*at == N_TOOLS)
		return det_fail(DET_INVALID,
		    "a section [det-image] or [det-train] expected first, found '%.*s'",
		    (int)(n < 40 ? n : 40), line);
	if (!memchr(line, '=', n))
		return det_fail(DET_INVALID, "option=value expected, found '%.*s'",
		    (int)(n < 40 ? n : 40), line);
	return DET_OK;
}

enum det_err
det_settings_find(struct det_settings *out, const char *text, size_t len,
    const char *name, const char *tool)
{
	size_t next = 0, n, at = N_TOOLS;
	int seen[N_TOOLS] = { 0 };
	const char *line;
	int inside = 0;

	*out = (struct det_settings){ .text = "" };
	for (long i = 1; det_line_next(&line, &n, text, len, &next); i++) {
		enum det_err e = check(&at, seen, line, n);

		if (e)
			return det_fail_in(e, "%s:%ld", name, i);
		if (n && *line == '[') {
			inside = !strcmp(tools[at], tool);
			if (inside)
				*out = (struct det_settings){ text + next, 0, i + 1 };
		} else if (inside) {
			out->len = (size_t)(text + next - out->text);
		}
	}
	return DET_OK;
}
