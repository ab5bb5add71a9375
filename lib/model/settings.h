/* SPDX-License-Identifier: MIT
 *
 * A recipe (formats/recipe.md): the settings of a training run as one text, a section for
 * each tool, in it the tool's long options:
 *
 *   [det-image]
 *   augment=ssd
 *   [det-train]
 *   lr=0.001
 */
#ifndef DET_SETTINGS_H
#define DET_SETTINGS_H

#include <stddef.h>

#include "base/err.h"

/* The lines of a section, where they lie in the text: blank ones and comments too. */
struct det_settings {
	const char *text; /* "" where the tool has no section */
	size_t len;
	long line; /* number in the file of the first of them */
};

/* Checks all of the recipe and finds the section of `tool`. DET_INVALID "NAME:LINE: ..." for
 * a line that is neither section, setting, comment nor blank, for a section of no tool
 * that takes recipes, and for one that is there twice. */
enum det_err det_settings_find(struct det_settings *out, const char *text, size_t len,
    const char *name, const char *tool) DET_MUST_USE;

#endif
