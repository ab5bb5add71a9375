/* SPDX-License-Identifier: MIT
 *
 * Sliding windows over the pyramid of a picture.
 */
#ifndef DET_WINDOWS_H
#define DET_WINDOWS_H

#include "stream/boxes.h"

/* A picture may have this many. */
#define DET_WINDOWS_MOST ((size_t)1 << 22)

struct det_windows_params {
	/* of the windows of the first level: square root of the area, pixels of the picture,
	 * at least 1 */
	const double *size;
	size_t sizes;
	const double *aspect; /* height / width, above 0 */
	size_t aspects;
	double step;   /* each level's windows are so many times larger; above 1 */
	double stride; /* from one window to the next, as a share of its side; (0, 1] */
	long levels;   /* at most so many; 0: as long as a window fits */
};

/* *out becomes the windows that lie in a picture of w x h pixels: level by level, by size,
 * by aspect, by row, by column. Score is 1, label -1, and source the number of the kind:
 * (level * sizes + size) * aspects + aspect. None, where none fits. DET_LIMIT where there
 * would be more than DET_WINDOWS_MOST, DET_INVALID where a parameter is out of its range. */
enum det_err det_windows_make(struct det_boxes *out, double w, double h,
    const struct det_windows_params *p) DET_MUST_USE;

#endif
