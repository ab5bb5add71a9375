/* SPDX-License-Identifier: MIT */
#include "model/names.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* "name<TAB>number": takes the number off the line; -1 where there is none. */
static enum det_err
split_number(long *source, const char *line, size_t *n, const char *file, size_t number)
{
	const char *tab = memchr(line, '\t', *n);
	char text[24];
	size_t len;
	enum det_err e;

	*source = -1;
	if (!tab)
		return DET_OK;
	len = *n - (size_t)(tab + 1 - line);
	if (len >= sizeof text)
		return det_fail(DET_INVALID,
		    "%s:%zu: the class's number expected after the tab", file, number);
	memcpy(text, tab + 1, len);
	text[len] = 0;
	if ((e = det_parse_long(source, text, 0, 1000000000)))
		return det_fail_in(
		    e, "%s:%zu: the class's number after the tab", file, number);
	*n = (size_t)(tab - line);
	return DET_OK;
}

/* A line of the list without blanks around it; a control byte inside can't be kept in the
 * class table. */
static enum det_err
trim_line(const char **line, size_t *n, const char *file, size_t number, long *source)
{
	enum det_err e;

	while (*n > 0 && ((*line)[*n - 1] == ' ' || (*line)[*n - 1] == '\t'))
		--*n;
	while (*n > 0 && (**line == ' ' || **line == '\t')) {
		++*line;
		--*n;
	}
	if ((e = split_number(source, *line, n, file, number)))
		return e;
	for (size_t i = 0; i < *n; i++)
		if ((unsigned char)(*line)[i] < ' ' || (*line)[i] == 0x7f)
			return det_fail(DET_INVALID,
			    "%s:%zu: a class name expected, found byte %#x", file,
			    number, (unsigned)(unsigned char)(*line)[i]);
	return DET_OK;
}

enum det_err
det_names_parse(struct det_classes *c, const char *text, size_t len, const char *file)
{
	size_t at = 0, n, number = 0, blank = 0;
	const char *line;
	long source;
	enum det_err e = DET_OK;

	*c = (struct det_classes){ 0 };
	while (!e && det_line_next(&line, &n, text, len, &at)) {
		if ((e = trim_line(&line, &n, file, ++number, &source)))
			break;
		if (n == 0)
			blank = blank ? blank : number;
		else if (blank)
			e = det_fail(DET_INVALID,
			    "%s:%zu: an empty line among the names", file, blank);
		else
			e = det_classes_add(c, line, n, source);
	}
	if (e)
		det_classes_release(c);
	return e;
}

enum det_err
det_names_make(struct det_classes *c, size_t n)
{
	char name[32];
	enum det_err e = DET_OK;

	*c = (struct det_classes){ 0 };
	for (size_t i = 0; !e && i < n; i++) {
		(void)snprintf(name, sizeof name, "class%zu", i);
		e = det_classes_add(c, name, strlen(name), -1);
	}
	if (e)
		det_classes_release(c);
	return e;
}
