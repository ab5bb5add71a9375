/* SPDX-License-Identifier: MIT
 *
 * What torch.save writes around the pickle of the object.
 *
 * Since torch 1.6 a zip archive (zip.c) of stored entries under one folder, whatever its
 * name: FOLDER/data.pkl, FOLDER/data/KEY with the numbers of storage KEY, FOLDER/byteorder
 * ("little") from newer writers, and some that are of no use here.
 *
 * Before that, and today still where the new format is switched off, five pickles and the
 * numbers, one after the other:
 *
 *   1  the integer 0x1950a86a20f9469cfc6c
 *   2  the integer 1001, the version
 *   3  {"protocol_version": 1001, "little_endian": True, "type_sizes": {...}}
 *   4  the object
 *   5  ["KEY", ...], the storages in the order in which they follow
 *   then for each a count, 8 bytes, and so many numbers
 *
 * Sizes of numbers are known only from the classes of the storages that the object uses,
 * so that a key which it does not use can't be stepped over. The oldest format, a tar
 * archive, is refused, and so are TorchScript archives, whose data.pkl is code's.
 *
 * Source: torch/serialization.py.
 */
#include "weights/torch_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "weights/source_impl.h"
#include "weights/zip.h"

#define MAX_STORAGE ((uint64_t)1 << 40) /* numbers */

static const unsigned char magic[10] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8,
	0x50, 0x19 };

static int
by_key(const void *a, const void *b)
{
	const struct torch_storage *x = a, *y = b;
	int c = memcmp(x->key, y->key, x->n_key < y->n_key ? x->n_key : y->n_key);

	return c ? c : (x->n_key > y->n_key) - (x->n_key < y->n_key);
}

struct torch_storage *
torch_file_find(const struct torch_file *f, const char *key, size_t n_key)
{
	const struct torch_storage want = { .key = key, .n_key = n_key };

	if (f->n == 0)
		return NULL;
	return bsearch(&want, f->storage, f->n, sizeof *f->storage, by_key);
}

/* "storage '12': text" */
static enum det_err
bad_storage(enum det_err e, const struct torch_storage *s)
{
	return det_fail_in(
	    e, "storage '%.*s'", s->n_key > 100 ? 100 : (int)s->n_key, s->key);
}

/* Each storage that the object uses, once. */
static enum det_err
collect(struct torch_file *f)
{
	const struct pickle_obj *o;
	struct torch_storage *s;
	size_t n = 0;
	enum det_err e;

	for (size_t i = 0; (o = pickle_object(f->pickle, i)); i++) {
		if (o->type != PICKLE_STORAGE)
			continue;
		if ((e = det_grow(&f->storage, &f->cap, f->n + 1, sizeof *f->storage)))
			return e;
		s = &f->storage[f->n++];
		*s = (struct torch_storage){ .key = o->u.item[1]->u.s,
			.n_key = o->u.item[1]->n,
			.type = (enum det_source_type)(
			    o->u.item[0]->i - PICKLE_STORAGE_CLASS),
			.count = (size_t)o->u.item[2]->i };
		if (s->count > MAX_STORAGE)
			return bad_storage(
			    det_fail(DET_LIMIT, "%zu numbers, the limit is %llu",
				s->count, (unsigned long long)MAX_STORAGE),
			    s);
	}
	if (f->n)
		qsort(f->storage, f->n, sizeof *f->storage, by_key);
	for (size_t i = 0; i < f->n; i++) {
		s = &f->storage[i];
		if (n == 0 || by_key(&f->storage[n - 1], s) != 0)
			f->storage[n++] = *s;
		else if (f->storage[n - 1].type != s->type ||
			 f->storage[n - 1].count != s->count)
			return bad_storage(
			    det_fail(DET_CORRUPT, "of two types or sizes"), s);
	}
	f->n = n;
	return DET_OK;
}

/* --- zip -------------------------------------------------------------------------------- */

/* The one entry FOLDER/data.pkl. */
static enum det_err
find_pickle(const struct zip_entry **out, const struct zip *z)
{
	static const char end[] = "/data.pkl";
	const size_t n = sizeof end - 1;

	*out = NULL;
	for (size_t i = 0; i < z->n; i++) {
		const struct zip_entry *e = &z->e[i];

		if (e->n_name <= n || memcmp(e->name + e->n_name - n, end, n) != 0 ||
		    memchr(e->name, '/', e->n_name - n))
			continue;
		if (*out)
			return det_fail(
			    DET_CORRUPT, "two entries data.pkl in the zip archive");
		*out = e;
	}
	if (!*out)
		return det_fail(DET_INVALID,
		    "a file of torch.save expected, found a zip archive without "
		    "data.pkl");
	return DET_OK;
}

/* Entry PREFIX + name; *e is NULL where there is none. */
static enum det_err
find_entry(const struct zip_entry **e, const struct zip *z,
    const struct det_buf *prefix, const char *name, size_t n)
{
	struct det_buf b = { 0 };
	enum det_err err;

	if ((err = det_buf_add(&b, prefix->text, prefix->len)) ||
	    (err = det_buf_add(&b, name, n)))
		*e = NULL;
	else
		*e = zip_find(z, b.text, b.len);
	det_buf_free(&b);
	return err;
}

static enum det_err
check_extras(const struct zip *z, const struct det_buf *prefix)
{
	const struct zip_entry *e;
	enum det_err err;

	if ((err = find_entry(&e, z, prefix, "constants.pkl", 13)))
		return err;
	if (e)
		return det_fail(DET_UNSUPPORTED,
		    "a TorchScript archive: save the module's state_dict instead");
	if ((err = find_entry(&e, z, prefix, "byteorder", 9)))
		return err;
	if (e && (e->size != 6 || memcmp(e->data, "little", 6) != 0))
		return det_fail(DET_UNSUPPORTED, "numbers are not little-endian");
	return DET_OK;
}

static enum det_err
place_zipped(struct torch_storage *s, const struct zip *z, const struct det_buf *folder)
{
	const struct zip_entry *e;
	size_t bytes = s->count * det_source_type_size(s->type);
	enum det_err err;

	if ((err = find_entry(&e, z, folder, s->key, s->n_key)))
		return err;
	if (!e)
		return det_fail(DET_CORRUPT, "it is not in the zip archive");
	if (e->size != bytes)
		return det_fail(DET_CORRUPT, "%zu bytes expected, the archive has %zu",
		    bytes, e->size);
	s->data = e->data;
	return zip_verify(e);
}

static enum det_err
read_zip(struct torch_file *f, const struct zip *z, struct det_buf *prefix)
{
	const struct zip_entry *e;
	size_t used = 0;
	enum det_err err;

	if ((err = find_pickle(&e, z)) ||
	    (err = det_buf_add(prefix, e->name, e->n_name - 8)) ||
	    (err = check_extras(z, prefix)) || (err = zip_verify(e)))
		return err;
	if ((err = pickle_read(&f->pickle, &used, e->data, e->size)))
		return det_fail_in(err, "data.pkl");
	if (used != e->size)
		return det_fail(
		    DET_CORRUPT, "data.pkl: %zu bytes after its end", e->size - used);
	if ((err = collect(f)) || (err = det_buf_add(prefix, "data/", 5)))
		return err;
	for (size_t i = 0; i < f->n; i++)
		if ((err = place_zipped(&f->storage[i], z, prefix)))
			return bad_storage(err, &f->storage[i]);
	return DET_OK;
}

static enum det_err
open_zip(struct torch_file *f, const unsigned char *p, size_t size)
{
	struct det_buf prefix = { 0 };
	struct zip z;
	enum det_err e;

	if ((e = zip_open(&z, p, size)))
		return e;
	e = read_zip(f, &z, &prefix);
	det_buf_free(&prefix);
	zip_close(&z);
	return e;
}

/* --- legacy ----------------------------------------------------------------------------- */

/* The next pickle of the file, named for messages. */
static enum det_err
next_pickle(struct pickle **pk, const unsigned char *p, size_t size, size_t *at,
    const char *what)
{
	size_t used = 0;
	enum det_err e = pickle_read(pk, &used, p + *at, size - *at);

	if (e)
		return det_fail_in(e, "the pickle of the %s, at byte %zu", what, *at);
	*at += used;
	return DET_OK;
}

/* The three small pickles at the beginning: magic, version, system. */
static enum det_err
read_preamble(const unsigned char *p, size_t size, size_t *at)
{
	static const char *const what[] = { "magic number", "version", "system" };
	const struct pickle_obj *o, *little;
	struct pickle *pk;
	enum det_err e;
	int good[3];

	for (int i = 0; i < 3; i++) {
		if ((e = next_pickle(&pk, p, size, at, what[i])))
			return e;
		o = pickle_root(pk);
		little = pickle_get(o, "little_endian");
		good[0] = o->type == PICKLE_LONG && o->n == sizeof magic &&
			  memcmp(o->u.s, magic, sizeof magic) == 0;
		good[1] = o->type == PICKLE_INT && o->i == 1001;
		good[2] = little && little->type == PICKLE_BOOL && little->i;
		pickle_free(pk);
		if (good[i])
			continue;
		return i == 0
			   ? det_fail(DET_INVALID,
				 "a file of torch.save expected, found another pickle")
		       : i == 1
			   ? det_fail(DET_UNSUPPORTED,
				 "version 1001 of torch.save's format expected")
			   : det_fail(DET_UNSUPPORTED, "numbers are not little-endian");
	}
	return DET_OK;
}

/* A count and the numbers of the storage named, at *at. */
static enum det_err
place_next(struct torch_storage *s, const unsigned char *p, size_t size, size_t *at)
{
	size_t bytes = s->count * det_source_type_size(s->type);

	if (s->data)
		return det_fail(DET_CORRUPT, "it follows twice");
	if (size - *at < 8 || size - *at - 8 < bytes)
		return det_fail(
		    DET_TRUNCATED, "the file ends before its %zu numbers do", s->count);
	if (det_le64(p + *at) != s->count)
		return det_fail(DET_CORRUPT, "%zu numbers expected, found %llu",
		    s->count, (unsigned long long)det_le64(p + *at));
	s->data = p + *at + 8;
	*at += 8 + bytes;
	return DET_OK;
}

static enum det_err
place_all(struct torch_file *f, const struct pickle_obj *keys, const unsigned char *p,
    size_t size, size_t at)
{
	struct torch_storage *s;
	enum det_err e;

	if (keys->type != PICKLE_LIST)
		return det_fail(DET_CORRUPT, "a list of storages expected");
	for (size_t i = 0; i < keys->n; i++) {
		const struct pickle_obj *k = keys->u.item[i];

		s = k->type == PICKLE_STR ? torch_file_find(f, k->u.s, k->n) : NULL;
		if (!s)
			return det_fail(DET_CORRUPT,
			    "a storage follows that no tensor uses, of unknown size");
		if ((e = place_next(s, p, size, &at)))
			return bad_storage(e, s);
	}
	for (size_t i = 0; i < f->n; i++)
		if (!f->storage[i].data)
			return bad_storage(det_fail(DET_CORRUPT, "it does not follow"),
			    &f->storage[i]);
	if (at != size)
		return det_fail(
		    DET_CORRUPT, "%zu bytes after the last storage", size - at);
	return DET_OK;
}

static enum det_err
open_legacy(struct torch_file *f, const unsigned char *p, size_t size)
{
	struct pickle *keys = NULL;
	size_t at = 0;
	enum det_err e;

	if ((e = read_preamble(p, size, &at)) ||
	    (e = next_pickle(&f->pickle, p, size, &at, "object")) ||
	    (e = next_pickle(&keys, p, size, &at, "list of storages")))
		return e;
	if (!(e = collect(f)))
		e = place_all(f, pickle_root(keys), p, size, at);
	pickle_free(keys);
	return e;
}

enum det_err
torch_file_open(struct torch_file *f, const unsigned char *p, size_t size)
{
	enum det_err e;

	*f = (struct torch_file){ 0 };
	if (size >= 4 && memcmp(p, "PK\3\4", 4) == 0)
		e = open_zip(f, p, size);
	else if (size >= 2 && p[0] == 0x80)
		e = open_legacy(f, p, size);
	else if (size >= 262 && memcmp(p + 257, "ustar", 5) == 0)
		e = det_fail(DET_UNSUPPORTED,
		    "a tar archive, as torch wrote before 0.1.10: load it with an old "
		    "torch and save it anew");
	else if (size >= 9 && p[8] == '{')
		e = det_fail(DET_INVALID,
		    "a file that torch.save wrote expected, found safetensors");
	else
		e = det_fail(DET_INVALID, "a file that torch.save wrote (.pth, .pt) "
					  "expected, found something "
					  "else");
	if (e)
		torch_file_close(f);
	return e;
}

void
torch_file_close(struct torch_file *f)
{
	pickle_free(f->pickle);
	free(f->storage);
	*f = (struct torch_file){ 0 };
}
