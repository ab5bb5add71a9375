/* SPDX-License-Identifier: MIT
 *
 * A model is a stream that holds no items. Opening one reads every head and hands out
 * pointers into the map; no payload is read but the small class table, so a model of
 * hundreds of megabytes opens in the time of a few hundred page faults and the pages of
 * its weights are shared by all processes that map it. A model that comes from a pipe
 * works too: its payloads then lie in this process's memory.
 *
 * The digest is 64 bits of FNV-1a over each record's kind, flags, CRC, size, dtype, shape
 * and attributes, in order, END left out. It names a model in the history of a stream; it
 * is no defence against someone who wants two models to collide.
 */
#include "model/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/mem.h"
#include "stream/record_head.h"
#include "stream/reader.h"

struct entry {
	struct det_record r;
	char *name;
};

struct det_model {
	char *path;
	struct det_reader *rd;
	struct entry *e;
	size_t n, cap;
	size_t
	    *by_name; /* indices of entries that bear a name, sorted by kind and name */
	size_t n_named;
	struct det_classes classes;
	char digest[17];
};

static uint64_t
hash_number(uint64_t h, uint64_t v)
{
	unsigned char b[8];

	det_put64(b, v);
	return det_hash(h, b, sizeof b);
}

static void
digest(struct det_model *m)
{
	uint64_t h = DET_HASH_START;

	for (size_t i = 0; i < m->n; i++) {
		const struct det_record *r = &m->e[i].r;

		h = hash_number(h, r->kind);
		h = hash_number(h, r->flags);
		h = hash_number(h, r->flags & DET_HAS_CRC ? r->crc : 0);
		h = hash_number(h, r->size);
		h = hash_number(
		    h, (uint64_t)r->tensor.dtype << 8 | (uint64_t)r->tensor.rank);
		for (int d = 0; d < r->tensor.rank; d++)
			h = hash_number(h, r->tensor.dims[d]);
		h = hash_number(h, r->attrs.len);
		h = det_hash(h, r->attrs.text, r->attrs.len);
	}
	(void)snprintf(m->digest, sizeof m->digest, "%016" PRIx64, h);
}

static int
key_cmp(uint32_t kind_a, const char *a, uint32_t kind_b, const char *b)
{
	if (kind_a != kind_b)
		return kind_a < kind_b ? -1 : 1;
	return strcmp(a, b);
}

static int
entry_cmp(const struct entry *a, const struct entry *b)
{
	return key_cmp(a->r.kind, a->name, b->r.kind, b->name);
}

/* Heap sort of the indices: the library's qsort has no argument for the entries. */
static void
sift(const struct det_model *m, size_t *v, size_t i, size_t n)
{
	size_t top = v[i], child;

	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n &&
		    entry_cmp(&m->e[v[child]], &m->e[v[child + 1]]) < 0)
			child++;
		if (entry_cmp(&m->e[top], &m->e[v[child]]) >= 0)
			break;
		v[i] = v[child];
		i = child;
	}
	v[i] = top;
}

static enum det_err
index_names(struct det_model *m)
{
	size_t *v;
	enum det_err e;

	if ((e = det_alloc(&m->by_name, m->n, sizeof *m->by_name)))
		return e;
	v = m->by_name;
	for (size_t i = 0; i < m->n; i++)
		if (m->e[i].name[0])
			v[m->n_named++] = i;
	for (size_t i = m->n_named / 2; i-- > 0;)
		sift(m, v, i, m->n_named);
	for (size_t n = m->n_named; n > 1; n--) {
		size_t t = v[0];

		v[0] = v[n - 1];
		v[n - 1] = t;
		sift(m, v, 0, n - 1);
	}
	for (size_t i = 1; i < m->n_named; i++)
		if (entry_cmp(&m->e[v[i - 1]], &m->e[v[i]]) == 0)
			return det_fail(DET_INVALID, "%s: two %s records named '%s'",
			    m->path, det_kind_name(m->e[v[i]].r.kind), m->e[v[i]].name);
	return DET_OK;
}

static const struct entry *
find(const struct det_model *m, uint32_t kind, const char *name)
{
	size_t lo = 0, hi = m->n_named;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct entry *x = &m->e[m->by_name[mid]];
		int c = key_cmp(kind, name, x->r.kind, x->name);

		if (c == 0)
			return x;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* Keeps the record just read; refuses what a model can't hold. */
static enum det_err
keep(struct det_model *m, struct det_record *r)
{
	struct entry *x;
	enum det_err e;

	if (r->kind == DET_ITEM || r->kind == DET_BOXES)
		return det_fail(DET_INVALID,
		    "%s: a model expected, found a stream of items (%s record)",
		    m->path, det_kind_name(r->kind));
	if (r->kind == DET_STREAM && m->n > 0)
		return det_fail(DET_INVALID,
		    "%s: a model expected, found two streams joined", m->path);
	if ((e = det_record_load(r)))
		return det_fail_in(e, "%s", m->path);
	if (r->kind == DET_STREAM &&
	    (e = det_classes_parse(&m->classes, r->tensor.data, r->size)))
		return det_fail_in(e, "%s", m->path);
	if ((e = det_grow(&m->e, &m->cap, m->n + 1, sizeof *m->e)))
		return e;
	x = &m->e[m->n];
	*x = (struct entry){ 0 };
	if ((e = det_strdup(&x->name, det_record_name(r))))
		return e;
	x->r = *r;
	*r = (struct det_record){ 0 };
	m->n++;
	return DET_OK;
}

/* Takes the reader, also where it fails. */
static enum det_err
open_from(struct det_model **out, struct det_reader *rd, const char *path)
{
	struct det_model *m = calloc(1, sizeof *m);
	struct det_record r = { 0 };
	int more;
	enum det_err e;

	if (!m) {
		det_reader_close(rd);
		return det_fail(DET_NOMEM, "no memory for a model");
	}
	m->rd = rd;
	if ((e = det_strdup(&m->path, path)))
		goto fail;
	det_reader_trust(m->rd);
	for (;;) {
		if ((e = det_reader_next(m->rd, &r, &more))) {
			e = det_fail_in(e, "%s", path);
			goto fail;
		}
		if (!more)
			break;
		if (r.kind != DET_END && (e = keep(m, &r)))
			goto fail;
	}
	if ((e = index_names(m)))
		goto fail;
	digest(m);
	det_record_release(&r);
	*out = m;
	return DET_OK;
fail:
	det_record_release(&r);
	det_model_close(m);
	return e;
}

enum det_err
det_model_open(struct det_model **out, const char *path)
{
	struct det_reader *rd;
	enum det_err e;

	*out = NULL;
	if ((e = det_reader_open(&rd, path)))
		return e;
	return open_from(out, rd, path);
}

enum det_err
det_model_open_bytes(
    struct det_model **out, const void *data, size_t size, const char *name)
{
	struct det_reader *rd;
	enum det_err e;

	*out = NULL;
	if ((e = det_reader_open_bytes(&rd, data, size, name)))
		return e;
	return open_from(out, rd, name);
}

void
det_model_close(struct det_model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		det_record_release(&m->e[i].r);
		free(m->e[i].name);
	}
	free(m->e);
	free(m->by_name);
	det_classes_release(&m->classes);
	det_reader_close(m->rd);
	free(m->path);
	free(m);
}

const char *
det_model_path(const struct det_model *m)
{
	return m->path;
}

const struct det_classes *
det_model_classes(const struct det_model *m)
{
	return &m->classes;
}

const char *
det_model_digest(const struct det_model *m)
{
	return m->digest;
}

enum det_err
det_model_verify(const struct det_model *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct det_record *r = &m->e[i].r;

		if ((r->flags & DET_HAS_CRC) &&
		    det_crc32(0, r->tensor.data, r->size) != r->crc)
			return det_fail(DET_CORRUPT,
			    "%s: %s '%s': the check over its payload does not match",
			    m->path, det_kind_name(r->kind), m->e[i].name);
	}
	return DET_OK;
}

void
det_model_text(
    const struct det_model *m, const char *name, const char **text, size_t *len)
{
	const struct entry *x = find(m, DET_TEXT, name);

	*text = NULL;
	*len = 0;
	if (!x)
		return;
	*text = x->r.size ? x->r.tensor.data : "";
	*len = x->r.size;
}

enum det_err
det_model_tensor(const struct det_model *m, const char *name, struct det_tensor *out)
{
	const struct entry *x = find(m, DET_TENSOR, name);

	if (!x)
		return det_fail(DET_INVALID, "no tensor '%s'", name);
	*out = x->r.tensor;
	return DET_OK;
}

void
det_model_leave(const struct det_model *m, const void *data, size_t bytes)
{
	det_reader_leave(m->rd, data, bytes);
}

int
det_model_record(const struct det_model *m, size_t i, struct det_record *r)
{
	if (i >= m->n)
		return 0;
	*r = m->e[i].r;
	r->own = NULL;
	r->own_cap = 0;
	return 1;
}
