/* SPDX-License-Identifier: MIT
 *
 * A Darknet cfg as sections and options, and what is known of their keys. Private to the
 * Darknet importer (lib/model/darknet*).
 */
#ifndef DET_DARKNET_CFG_H
#define DET_DARKNET_CFG_H

#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

struct dk_option {
	char *key, *value;
	size_t line;
};

struct dk_section {
	char *name; /* canonical: "convolutional" for [conv] */
	size_t line;
	struct dk_option *option;
	size_t n, cap;
};

struct dk_cfg {
	char *file; /* for messages */
	struct dk_section *section;
	size_t n, cap;
	int fork;             /* uses what only AlexeyAB's fork has */
	struct det_buf notes; /* what a user should hear, a line each */
};

/* Splits the text; knows names of sections, not yet of keys. */
enum det_err dk_cfg_parse(
    struct dk_cfg *cfg, const char *text, size_t len, const char *file) DET_MUST_USE;
void dk_cfg_release(struct dk_cfg *cfg);

/* Holds every key against the table of darknet_keys.c and sets cfg->fork. A key that is
 * not there is an error, or a note where `ignore`; one that would change the network in a
 * way that is not supported is DET_UNSUPPORTED. */
enum det_err dk_cfg_check(struct dk_cfg *cfg, int ignore) DET_MUST_USE;

/* The canonical name of a section, or NULL; *fork is set if only the fork has it. */
const char *dk_section_name(const char *name, int *fork);

/* The first option of that name (Darknet's rule), or NULL. */
const struct dk_option *dk_find(const struct dk_section *s, const char *key);

/* Values inside [lo, hi], `def` where the key is absent. */
enum det_err dk_long(long *out, const struct dk_cfg *cfg, const struct dk_section *s,
    const char *key, long def, long lo, long hi) DET_MUST_USE;
enum det_err dk_double(double *out, const struct dk_cfg *cfg,
    const struct dk_section *s, const char *key, double def, double lo,
    double hi) DET_MUST_USE;
/* A list "10,13, 16,30": *out is malloc'd, *n its length; absent: NULL and 0. */
enum det_err dk_list(double **out, size_t *n, const struct dk_cfg *cfg,
    const struct dk_section *s, const char *key, double lo, double hi) DET_MUST_USE;

#endif
