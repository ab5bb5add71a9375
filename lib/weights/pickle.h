/* SPDX-License-Identifier: MIT
 *
 * A pickle as a tree of plain values. Nothing that a pickle names is ever looked up or run:
 * the few globals that weights need are known by name and mean what pickle_call.c says, any
 * other is refused. Private to lib/weights.
 */
#ifndef DET_PICKLE_H
#define DET_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "weights/source.h"

enum pickle_type {
	PICKLE_NONE,
	PICKLE_BOOL,  /* i */
	PICKLE_INT,   /* i */
	PICKLE_LONG,  /* more than 64 bits: s[0..n), little-endian, two's complement */
	PICKLE_FLOAT, /* a value nobody asked for yet, and so not kept */
	PICKLE_STR,   /* s[0..n) */
	PICKLE_BYTES, /* s[0..n) */
	PICKLE_TUPLE, /* item[0..n) */
	PICKLE_LIST,  /* item[0..n) */
	PICKLE_DICT,  /* item[0..n): key, value, key, value ... in order of insertion */
	PICKLE_SET,   /* item[0..n) */
	PICKLE_GLOBAL, /* i: enum pickle_global; a storage class has its numbers' type */
	PICKLE_STORAGE, /* item: class, key, count and, where not NULL, view */
	PICKLE_TENSOR,  /* item: storage, offset, sizes, strides */
	PICKLE_OPAQUE,  /* something known and of no use here: a device, a Namespace */
};

enum pickle_global {
	PICKLE_ORDERED_DICT,
	PICKLE_REBUILD_TENSOR,    /* (storage, offset, size, stride) */
	PICKLE_REBUILD_TENSOR_V2, /* the same, requires_grad, hooks [, metadata] */
	PICKLE_REBUILD_PARAMETER, /* (tensor, requires_grad, hooks [, state]) */
	PICKLE_SIZE,
	PICKLE_MAKE_SET,
	PICKLE_INERT,         /* called or not, its result is PICKLE_OPAQUE */
	PICKLE_STORAGE_CLASS, /* + enum det_source_type */
};

struct pickle_obj {
	enum pickle_type type;
	int64_t i;
	size_t n, cap;
	union {
		const char *s;            /* in the file */
		struct pickle_obj **item; /* owned */
	} u;
};

struct pickle;

/* Reads one pickle from p[0..size), which must outlive it; *used is its length. */
enum det_err pickle_read(struct pickle **out, size_t *used, const unsigned char *p,
    size_t size) DET_MUST_USE;
void pickle_free(struct pickle *pk);
const struct pickle_obj *pickle_root(const struct pickle *pk);

/* Every object that was made, i from 0; NULL past the end. */
const struct pickle_obj *pickle_object(const struct pickle *pk, size_t i);

/* Whether it is that string. */
int pickle_is(const struct pickle_obj *o, const char *s);
/* The value of a string key, NULL where there is none or o is no dict. */
const struct pickle_obj *pickle_get(const struct pickle_obj *o, const char *key);

#endif
