/* SPDX-License-Identifier: MIT
 *
 * Profiles: the options that make the tools compute as another program does, all in one
 * table. Where programs disagree (rounding, order, epsilon, the +1 of inclusive corners)
 * none is right; a model was trained under one of them.
 */
#ifndef DET_PROFILE_H
#define DET_PROFILE_H

#include <stddef.h>

/* Lines "option=value" of a profile for a tool ("det-nms"); NULL where the profile says
 * nothing about that tool, or there is none of that name. */
const char *det_profile_options(const char *profile, const char *tool);

/* The i-th name and what it is; 0 past the end. */
int det_profile_list(size_t i, const char **name, const char **about);

#endif
