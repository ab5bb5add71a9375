/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[512];

/* Bytes below space and DEL would let a file name drive the terminal; UTF-8 passes. */
static void
clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

enum det_err
det_fail(enum det_err code, const char *fmt, ...)
{
	char text[sizeof message];
	int err = errno;
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (n > 0 && fmt[strlen(fmt) - 1] == ':')
		(void)snprintf(text + n, sizeof text - n, " %s", strerror(err));
	clean(text);
	memcpy(message, text, sizeof message);
	return code;
}

enum det_err
det_fail_in(enum det_err code, const char *fmt, ...)
{
	char text[sizeof message];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (snprintf(text + n, sizeof text - n, ": %s", message) < 0)
		text[n] = 0;
	clean(text);
	memcpy(message, text, sizeof message);
	return code;
}

const char *
det_errmsg(void)
{
	return message;
}
