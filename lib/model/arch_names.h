/* SPDX-License-Identifier: MIT
 *
 * The name table of an architecture, held against a file. Private to lib/model/arch*.
 */
#ifndef DET_ARCH_NAMES_H
#define DET_ARCH_NAMES_H

#include "model/arch_impl.h"

struct arch_names {
	const struct det_source *source;
	const char *text; /* of the section; the architecture's */
	size_t len;
};

/* DET_UNSUPPORTED where the architecture has no names of that form. */
enum det_err arch_names_open(struct arch_names *t, const struct det_arch *a,
    const struct det_source *s, const char *form) DET_MUST_USE;

/* The tensor of the source that is our weight `name`; NULL where there is none. */
enum det_err arch_names_find(struct det_source_tensor **out, const struct arch_names *t,
    const char *name) DET_MUST_USE;

/* Whether our shape is the source's but for dims of 1; a 0 of ours is any. */
int arch_same_shape(
    const struct det_tensor *ours, const struct det_source_tensor *theirs);
/* Writes our weight with the numbers of x, which must be of its shape. Dims that the net
 * leaves open become those of x. */
enum det_err arch_copy_weight(struct det_writer *w, const char *name,
    struct det_tensor *shape, const struct det_source_tensor *x) DET_MUST_USE;

/* Whether the table says that a tensor of the source is of no use. */
int arch_names_ignored(const struct arch_names *t, const char *name);

#endif
