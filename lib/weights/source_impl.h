/* SPDX-License-Identifier: MIT
 *
 * What the readers of weight files share. Private to lib/weights.
 */
#ifndef DET_SOURCE_IMPL_H
#define DET_SOURCE_IMPL_H

#include "base/file.h"
#include "weights/source.h"

/* Names of tensors in files of strangers: longer ones are refused. */
#define SOURCE_MAX_NAME ((size_t)1024)
/* Elements of one tensor: what a stream's largest payload holds of f32. */
#define SOURCE_MAX_COUNT   ((size_t)1 << 32)
#define SOURCE_MAX_TENSORS ((size_t)1 << 20)

/* The map that the views lie in: kept until det_source_close. */
enum det_err source_map(
    struct det_source *s, const struct det_map **map, const char *path) DET_MUST_USE;

/* A name of 1 .. SOURCE_MAX_NAME bytes without control characters, or DET_CORRUPT /
 * DET_LIMIT. */
enum det_err source_check_name(const char *name, size_t n) DET_MUST_USE;

/* Appends an empty tensor of that name (a copy); *t is valid until the next one. */
enum det_err source_add(struct det_source_tensor **t, struct det_source *s,
    const char *name, size_t n) DET_MUST_USE;
enum det_err source_add_fact(
    struct det_source *s, const char *key, const char *value) DET_MUST_USE;

/* *n = product of dims, or DET_LIMIT. */
enum det_err source_count_dims(size_t *n, const size_t *dims, int rank) DET_MUST_USE;

/* The readers proper, on bytes that outlive s: for the fuzz targets as well. `path` is not
 * put into messages; det_*_open does. */
enum det_err safetensors_parse(
    struct det_source *s, const unsigned char *p, size_t size) DET_MUST_USE;
enum det_err torch_parse(
    struct det_source *s, const unsigned char *p, size_t size) DET_MUST_USE;

#endif
