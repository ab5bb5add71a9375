/* SPDX-License-Identifier: MIT */
#ifndef DET_TEST_SAYS_H
#define DET_TEST_SAYS_H

#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* Whether the last error has these words; what it says instead is told. */
static inline int
says(const char *what)
{
	if (strstr(det_errmsg(), what))
		return 1;
	(void)printf("# said: %s\n", det_errmsg());
	return 0;
}

#endif
