/* SPDX-License-Identifier: MIT
 *
 * Weights of another program's file: tensors by name, where they lie in the mapped file.
 * Readers (safetensors, torch, ...) make a source; whoever imports takes what it knows and
 * names what is left.
 */
#ifndef DET_SOURCE_H
#define DET_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tensor.h"
#include "base/text.h"

/* Numbers as files have them; more kinds than a stream knows. */
enum det_source_type {
	DET_SOURCE_F32,
	DET_SOURCE_F64,
	DET_SOURCE_F16,
	DET_SOURCE_BF16,
	DET_SOURCE_I8,
	DET_SOURCE_U8,
	DET_SOURCE_I16,
	DET_SOURCE_I32,
	DET_SOURCE_I64,
	DET_SOURCE_BOOL,
};

struct det_source_tensor {
	char *name;
	enum det_source_type type;
	int rank;
	size_t dims[DET_MAX_RANK];
	size_t stride[DET_MAX_RANK]; /* in elements */
	const unsigned char *data;   /* little-endian, any alignment; inside the file */
	int used;                    /* for the importer: somebody took it */
};

/* What a file says about itself: safetensors' __metadata__. */
struct det_source_fact {
	char *key, *value;
};

struct det_source {
	struct det_source_tensor *t; /* in the order of the file */
	size_t n, cap;
	struct det_source_fact *fact;
	size_t n_facts, cap_facts;
	struct det_buf notes; /* what a user should hear, a line each; or nothing */
	/* private: what the views lie in */
	void (*close)(void *file);
	void *file;
};

/* The tensor of that name, NULL where there is none. */
struct det_source_tensor *det_source_find(const struct det_source *s, const char *name);

/* A fact's value, NULL where the file has none of that key. */
const char *det_source_fact(const struct det_source *s, const char *key);

/* "f32" and so on; bytes of an element. */
const char *det_source_type_name(enum det_source_type type);
size_t det_source_type_size(enum det_source_type type);

/* Number of elements; the readers below have checked that it fits. */
size_t det_source_count(const struct det_source_tensor *t);

/* Values as float, in C order, into out[0 .. product of dims). NaN and infinity are
 * DET_CORRUPT naming tensor and index. */
enum det_err det_source_read(
    float *out, const struct det_source_tensor *t) DET_MUST_USE;

/* Harmless on a zeroed struct, which it leaves. */
void det_source_close(struct det_source *s);

/* Maps and indexes a file. Every rule of the format is checked before anything is believed:
 * DET_CORRUPT / DET_UNSUPPORTED / DET_LIMIT with one line that names the file. */
enum det_err det_safetensors_open(
    struct det_source *out, const char *path) DET_MUST_USE;
enum det_err det_torch_open(struct det_source *out, const char *path) DET_MUST_USE;
/* Whether the first bytes are those of one of them. */
int det_source_is(const unsigned char *p, size_t n);
/* Whichever of those it is, by its first bytes. */
enum det_err det_source_open(struct det_source *out, const char *path) DET_MUST_USE;

#endif
