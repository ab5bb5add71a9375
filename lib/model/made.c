/* SPDX-License-Identifier: MIT */
#include "model/made.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
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

enum det_err
det_made_norm(char out[DET_NORM_TEXT], const struct det_model *m)
{
	struct det_norm norm = DET_NORM_DEFAULTS;
	const char *text;
	size_t len;
	enum det_err e;

	*out = 0;
	det_model_text(m, "options/det-image", &text, &len);
	if (!text)
		return DET_OK;
	if ((e = det_norm_options(&norm, text, len)))
		return det_fail_in(e, "%s: options/det-image", det_model_path(m));
	(void)det_norm_text(out, &norm);
	return DET_OK;
}

/* Pixels prepared in another way than the model's give wrong results, not an error. */
enum det_err
det_made_norm_agrees(const struct det_attrs *a, const char *want, const char *model)
{
	char *norm;
	enum det_err e;

	if (!*want)
		return DET_OK;
	if ((e = det_attr_get(&norm, a, "norm")))
		return e;
	if (norm && strcmp(norm, want) != 0)
		e = det_fail(DET_INVALID,
		    "tensor 'image' is %.250s; %.200s wants %.250s", norm, model, want);
	free(norm);
	return e;
}
