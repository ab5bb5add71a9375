/* SPDX-License-Identifier: MIT */
#include "model/made.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define MAX_NUMBERS 16

int
det_option_find(char out[DET_OPTION_MAX], const char *text, size_t len, const char *key,
    size_t key_len)
{
	const char *line;
	size_t n, at = 0;
	int found = 0;

	while (det_line_next(&line, &n, text, len, &at)) {
		if (n <= key_len || line[key_len] != '=' ||
		    memcmp(line, key, key_len) != 0 || n - key_len > DET_OPTION_MAX)
			continue;
		n -= key_len + 1;
		memcpy(out, line + key_len + 1, n);
		out[n] = 0;
		found = 1;
	}
	return found;
}

static int
same(const char *a, const char *b)
{
	double x[MAX_NUMBERS], y[MAX_NUMBERS];
	size_t n = 0, m = 0;

	if (strcmp(a, b) == 0)
		return 1;
	if (det_parse_doubles(x, &n, MAX_NUMBERS, a, -DBL_MAX, DBL_MAX) ||
	    det_parse_doubles(y, &m, MAX_NUMBERS, b, -DBL_MAX, DBL_MAX) || n != m)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (x[i] < y[i] || x[i] > y[i])
			return 0;
	return 1;
}

enum det_err
det_made_agrees(const struct det_model *m, const char *made)
{
	const size_t stage = strcspn(made, " ");
	char name[64], word[DET_OPTION_MAX], wanted[DET_OPTION_MAX];
	const char *text, *p = made + stage;
	size_t len, n;

	(void)snprintf(
	    name, sizeof name, "options/%.*s", (int)(stage < 40 ? stage : 40), made);
	det_model_text(m, name, &text, &len);
	for (; text && *p; p += n) {
		const char *value;

		p += *p == ' ';
		n = strcspn(p, " ");
		if (n >= sizeof word)
			continue;
		memcpy(word, p, n);
		word[n] = 0;
		value = strchr(word, '=');
		if (value &&
		    det_option_find(wanted, text, len, word, (size_t)(value - word)) &&
		    !same(value + 1, wanted))
			return det_fail(DET_INVALID, "made under %s: %s has %s %.*s=%s",
			    word, det_model_path(m), name, (int)(value - word), word,
			    wanted);
	}
	return DET_OK;
}
