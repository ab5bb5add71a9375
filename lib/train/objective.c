/* SPDX-License-Identifier: MIT
 *
 * The table of objectives.
 */
#include "train/objective.h"

#include <string.h>

/* In the order in which a decode text is held against them. */
static const struct det_objective_kind *const kinds[] = {
	&det_objective_ssd,
	&det_objective_retinanet,
	&det_objective_rpn,
	&det_objective_yolo1,
	&det_objective_yolo2,
	&det_objective_yolo3,
	&det_objective_classes,
};

#define N (sizeof kinds / sizeof kinds[0])

const struct det_objective_kind *
det_objective_find(const char *name)
{
	for (size_t i = 0; i < N; i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

const struct det_objective_kind *
det_objective_for(const struct det_decode *d)
{
	for (size_t i = 0; i < N; i++)
		if (kinds[i]->fits && kinds[i]->fits(d))
			return kinds[i];
	return NULL;
}
