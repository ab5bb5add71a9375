/* SPDX-License-Identifier: MIT */
#include "box/anchors.h"
int
det_anchors_find(size_t *i, const struct det_anchors *a, const char *map)
{
	(void)i, (void)a, (void)map;
	return 0;
}
