/* SPDX-License-Identifier: MIT
 *
 * Where pictures come from: paths given as operands, paths listed in a file, and bytes of
 * pictures on standard input, items of a stream; as one numbered sequence, of which a share may be taken.
 */
#ifndef DET_INPUTS_H
#define DET_INPUTS_H

#include <stddef.h>

#include "base/err.h"
#include "image/items.h"

struct det_inputs_params {
	char *const *paths; /* "-": pictures on standard input, one after another */
	size_t n_paths;
	const char *list; /* after the paths: a file of paths ("-": stdin), or NULL */
	int nul;          /* paths of the list end with NUL, not with a line */
	/* Take the pictures shard, shard + shards, ... counted from 0; 0, 1: all. */
	long shard, shards;
	size_t max_bytes;        /* of an encoded picture */
	struct det_items *items; /* where set: the items of this stream, and no paths */
};

struct det_input {
	long id;    /* place in the whole sequence, from 0, shares not taken included */
	char *path; /* "-" for standard input */
	unsigned char
	    *data; /* its bytes, where they came with it; NULL: read the path */
	size_t size;
	struct det_items_one *one; /* the item it came as; NULL: from no stream */
	int broken; /* the stream itself can't be read: not this picture's fault */
};

/* Frees all but the struct, which is {0} then. */
void det_input_release(struct det_input *in);

struct det_inputs;

enum det_err det_inputs_new(
    struct det_inputs **out, const struct det_inputs_params *p) DET_MUST_USE;
void det_inputs_free(struct det_inputs *in);

/* The next one, the caller's until det_input_release. path is NULL at the end. After an
 * error, which ends the sequence, path is set too where the place is known. */
enum det_err det_inputs_next(struct det_inputs *in, struct det_input *out) DET_MUST_USE;

#endif
