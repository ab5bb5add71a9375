/* SPDX-License-Identifier: MIT
 *
 * What the files of the pickle reader share: pickle.c has the values and their memory,
 * pickle_run.c the opcodes, pickle_call.c the globals. Private to lib/weights.
 */
#ifndef DET_PICKLE_IMPL_H
#define DET_PICKLE_IMPL_H

#include "weights/pickle.h"

struct pickle {
	const unsigned char *p;
	size_t size, at;
	size_t spent, budget; /* bytes */
	struct pickle_obj **chunk;
	size_t n_obj, cap_chunk;
	struct pickle_obj **stack;
	size_t n_stack, cap_stack;
	size_t *mark;
	size_t n_mark, cap_mark;
	struct pickle_obj **memo;
	size_t n_memo, cap_memo;
	struct pickle_obj *root;
};

/* det_grow of an array of pointers or sizes, its growth counted. */
enum det_err pickle_grow(
    void *array, size_t *cap, size_t need, struct pickle *pk) DET_MUST_USE;
/* An object that lives as long as the pickle; counted against its budget. */
enum det_err pickle_new(
    struct pickle_obj **o, struct pickle *pk, enum pickle_type type) DET_MUST_USE;
enum det_err pickle_append(struct pickle_obj *o, struct pickle *pk,
    struct pickle_obj *const *item, size_t n) DET_MUST_USE;

/* The object of "module name", or DET_UNSUPPORTED naming it. */
enum det_err pickle_global(struct pickle_obj **out, struct pickle *pk,
    const char *module, size_t n_module, const char *name, size_t n_name) DET_MUST_USE;
/* f(*args), and the object that a persistent id stands for. */
enum det_err pickle_call(struct pickle_obj **out, struct pickle *pk,
    const struct pickle_obj *f, const struct pickle_obj *args) DET_MUST_USE;
enum det_err pickle_persistent(struct pickle_obj **out, struct pickle *pk,
    const struct pickle_obj *id) DET_MUST_USE;

/* Runs the opcodes up to STOP; sets root. */
enum det_err pickle_run(struct pickle *pk) DET_MUST_USE;

#endif
