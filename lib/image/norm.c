/* SPDX-License-Identifier: MIT */
#include "image/norm.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "image/simd.h"

enum det_err
det_norm_check(const struct det_norm *n)
{
	int c;

	if (!isfinite(n->scale) || n->scale == 0)
		return det_fail(DET_INVALID, "scale: a number other than 0 expected");
	for (c = 0; c < 3; c++) {
		if (!isfinite(n->mean[c]) || fabs(n->mean[c]) > FLT_MAX)
			return det_fail(DET_INVALID, "mean: finite numbers expected");
		if (!isfinite((float)n->std[c]) || (float)n->std[c] == 0)
			return det_fail(
			    DET_INVALID, "std: finite numbers other than 0 expected");
	}
	return DET_OK;
}

enum det_err
det_scale_parse(double *out, const char *s)
{
	char text[64];
	char *slash;
	double a, b = 1;

	if (strlen(s) >= sizeof text)
		return det_fail(DET_INVALID, "a number or quotient as 1/255 expected");
	memcpy(text, s, strlen(s) + 1);
	slash = strchr(text, '/');
	if (slash)
		*slash = 0;
	if (det_parse_double(&a, text, -1e30, 1e30) ||
	    (slash && det_parse_double(&b, slash + 1, -1e30, 1e30)) || a == 0 || b == 0)
		return det_fail(DET_INVALID,
		    "a number other than 0 or a quotient as 1/255 expected, found '%s'",
		    s);
	*out = a / b;
	return DET_OK;
}

char *
det_norm_text(char buf[DET_NORM_TEXT], const struct det_norm *n)
{
	char v[7][32];
	int c;

	(void)det_float_text(v[6], (float)n->scale);
	for (c = 0; c < 3; c++) {
		(void)det_float_text(v[c], (float)n->mean[c]);
		(void)det_float_text(v[3 + c], (float)n->std[c]);
	}
	(void)snprintf(buf, DET_NORM_TEXT, "%s scale=%s mean=%s,%s,%s std=%s,%s,%s",
	    n->bgr ? "bgr" : "rgb", v[6], v[0], v[1], v[2], v[3], v[4], v[5]);
	return buf;
}

/* "a,b,c", or one number for all three. */
static enum det_err
parse_three(double out[3], const char *s)
{
	char text[128], *p = text, *comma;
	int n = 0;

	if (strlen(s) < sizeof text) {
		memcpy(text, s, strlen(s) + 1);
		while (n < 3) {
			comma = strchr(p, ',');
			if (comma)
				*comma = 0;
			if (det_parse_double(&out[n], p, -1e30, 1e30))
				break;
			n++;
			if (!comma)
				break;
			p = comma + 1;
			if (n == 3)
				n = 4; /* a fourth follows */
		}
	}
	if (n == 1)
		out[1] = out[2] = out[0];
	if (n != 1 && n != 3)
		return det_fail(DET_INVALID,
		    "three numbers as 104,117,123 expected, found '%s'", s);
	return DET_OK;
}

/* `where` is what the text is, for messages. */
static enum det_err
parse_lines(struct det_norm *out, const char *text, size_t len, const char *where)
{
	const char *line;
	char value[160];
	const char *const names[] = { "channels=", "scale=", "mean=", "std=" };
	size_t at = 0, n, k, i;
	enum det_err e = DET_OK;

	*out = (struct det_norm)DET_NORM_DEFAULTS;
	while (det_line_next(&line, &n, text, len, &at)) {
		for (i = 0; i < 4; i++) {
			k = strlen(names[i]);
			if (n >= k && n - k < sizeof value &&
			    memcmp(line, names[i], k) == 0)
				break;
		}
		if (i == 4)
			continue;
		memcpy(value, line + k, n - k);
		value[n - k] = 0;
		if (i == 0 && strcmp(value, "rgb") != 0 && strcmp(value, "bgr") != 0)
			e = det_fail(
			    DET_INVALID, "rgb or bgr expected, found '%s'", value);
		else if (i == 0)
			out->bgr = value[0] == 'b';
		else if (i == 1)
			e = det_scale_parse(&out->scale, value);
		else
			e = parse_three(i == 2 ? out->mean : out->std, value);
		if (e)
			return det_fail_in(e, "%s: %.*s", where, (int)k - 1, names[i]);
	}
	return det_norm_check(out);
}

enum det_err
det_norm_options(struct det_norm *out, const char *text, size_t len)
{
	return parse_lines(out, text, len, "options/det-image");
}

/* The line as options: words are lines, and the first is the order of the channels. */
enum det_err
det_norm_parse(struct det_norm *out, const char *text)
{
	char lines[DET_NORM_TEXT + 16];
	const int n = snprintf(lines, sizeof lines, "channels=%s", text);

	if (n < 0 || (size_t)n >= sizeof lines)
		return det_fail(DET_INVALID,
		    "norm: a line of at most %d bytes expected", DET_NORM_TEXT);
	for (char *c = lines; *c; c++)
		if (*c == ' ')
			*c = '\n';
	return parse_lines(out, lines, (size_t)n, "norm");
}

void
det_norm_scale_table(float table[256], const struct det_norm *n)
{
	int i;

	for (i = 0; i < 256; i++)
		table[i] = (float)(i * n->scale);
}

void
det_norm_table(float table[256], const struct det_norm *n, int channel)
{
	det_norm_scale_table(table, n);
	det_norm_finish(table, 256, n, channel);
}

void
det_norm_finish(float *x, size_t count, const struct det_norm *n, int channel)
{
	const float mean = (float)n->mean[channel], std = (float)n->std[channel];
	size_t i;

	if (mean == 0 && std == 1)
		return;
	DET_SIMD
	for (i = 0; i < count; i++)
		x[i] = (x[i] - mean) / std;
}

double
det_norm_undo(double x, const struct det_norm *n, int channel)
{
	return (x * n->std[channel] + n->mean[channel]) / n->scale;
}
