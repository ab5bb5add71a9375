/* SPDX-License-Identifier: MIT
 *
 * The least that a unit test needs: ok() prints a TAP line, done() the plan.
 */
#ifndef DET_TAP_H
#define DET_TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3))) static inline void
ok(int cond, const char *fmt, ...)
{
	va_list ap;

	tap_count++;
	tap_failed += !cond;
	(void)printf("%sok %d - ", cond ? "" : "not ", tap_count);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

static inline int
done(void)
{
	(void)printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

/* The larger of two errors; NaN is larger than all. */
static inline double
worse(double a, double b)
{
	return a > b || a != a ? a : b;
}

#endif
