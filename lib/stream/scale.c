/* SPDX-License-Identifier: MIT */
#include "stream/scale.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

size_t
det_scale_index(const char *name, const char *base)
{
	const size_t n = strlen(base);
	size_t k = 0;

	if (strncmp(name, base, n) != 0 || name[n] != '.' || name[n + 1] == '0')
		return 0;
	for (name += n + 1; *name >= '0' && *name <= '9' && k < DET_SCALES; name++)
		k = 10 * k + (size_t)(*name - '0');
	return *name == 0 && k < DET_SCALES ? k : 0;
}

char *
det_scale_name(char buf[DET_SCALE_NAME], const char *base, size_t k)
{
	if (k == 0)
		(void)snprintf(buf, DET_SCALE_NAME, "%.250s", base);
	else
		(void)snprintf(buf, DET_SCALE_NAME, "%.250s.%u", base, (unsigned)k);
	return buf;
}

enum det_err
det_scale_add(struct det_attrs *a, const double f[2])
{
	char x[32], y[32], both[72];

	(void)snprintf(both, sizeof both, "%s,%s", det_double_text(x, f[0]),
	    det_double_text(y, f[1]));
	return det_attr_add(a, "scale", both);
}

enum det_err
det_scale_read(double f[2], const struct det_attrs *a, const char *name)
{
	char *text;
	size_t n = 0;
	enum det_err e = det_attr_get(&text, a, "scale");

	if (e)
		return e;
	if (!text)
		return det_fail(
		    DET_INVALID, "tensor '%s' does not tell its scale", name);
	if (det_parse_doubles(f, &n, 2, text, 1e-6, 1e6) || n != 2)
		e = det_fail(DET_INVALID,
		    "tensor '%s' has scale '%.40s': two numbers above 0 expected", name,
		    text);
	free(text);
	return e;
}
