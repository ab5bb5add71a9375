/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static _Thread_local char message[512];

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
	det_text_clean(text, strlen(text), 0);
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
	det_text_clean(text, strlen(text), 0);
	memcpy(message, text, sizeof message);
	return code;
}

const char *
det_errmsg(void)
{
	return message;
}
