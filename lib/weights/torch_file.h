/* SPDX-License-Identifier: MIT
 *
 * The two containers of torch.save: where the pickle of the object is, and where the numbers
 * of its storages lie. Private to lib/weights.
 */
#ifndef DET_TORCH_FILE_H
#define DET_TORCH_FILE_H

#include "weights/pickle.h"

struct torch_storage {
	const char *key; /* in the file */
	size_t n_key;
	enum det_source_type type;
	size_t count;              /* of numbers */
	const unsigned char *data; /* checked to hold them */
};

struct torch_file {
	struct pickle *pickle;
	struct torch_storage *storage; /* by key */
	size_t n, cap;
};

/* Whichever container it is; p must outlive f. */
enum det_err torch_file_open(
    struct torch_file *f, const unsigned char *p, size_t size) DET_MUST_USE;
void torch_file_close(struct torch_file *f);

/* NULL where there is none of that key. */
struct torch_storage *torch_file_find(
    const struct torch_file *f, const char *key, size_t n_key);

#endif
