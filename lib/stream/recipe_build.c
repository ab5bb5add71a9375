/* SPDX-License-Identifier: MIT
 *
 * Builds a stream from text. A line that begins at the margin opens a record, indented
 * lines are its payload, lines that begin with '!' damage what was built so far: tests of
 * bad input are then text that a reviewer can read.
 *
 *   STRM history="det-image 0.1.0 dog.jpg"
 *     | person
 *   ITEM id=0 path=dog.jpg width=768 height=576
 *   TENS f32 1x3x2x2 name=image
 *     0 .5 1 ...          numbers, or one of: fill V, ramp START STEP, random SEED,
 *     hex 00 00 c0 7f     or the bytes of whole elements
 *   BOXS name=boxes space=image
 *     x1 y1 x2 y2 score label [flags [source [area]]]
 *   TEXT name=net/backbone
 *     | a line
 *   abcd key=value
 *     hex 00 ff 10
 *   END.
 *   !head FIELD VALUE     a field of the last record, its head's check made anew
 *   !flip OFFSET MASK     bytes of the whole stream, after which nothing is made anew
 *   !truncate LENGTH
 *   !append hex 00 01
 */
#define _POSIX_C_SOURCE 200809L
#include "stream/recipe.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "stream/boxes.h"
#include "stream/element.h"
#include "stream/record_head.h"
#include "stream/recipe_parts.h"

#define MAX_BUILT ((size_t)1 << 32)

struct build {
	struct det_buf *out;
	struct det_record_head head;
	struct det_attrs attrs;
	struct det_tensor tensor;
	struct det_buf payload;
	size_t elements, filled; /* of a tensor */
	int open;                /* a record waits for its payload */
	size_t last;             /* where the last record begins in out */
	long records, items;
};

static enum det_err
number(double *v, const char *s)
{
	if (!strcmp(s, "nan") || !strcmp(s, "-nan")) {
		*v = (double)NAN;
		return DET_OK;
	}
	if (!strcmp(s, "inf") || !strcmp(s, "-inf")) {
		*v = *s == '-' ? (double)-INFINITY : (double)INFINITY;
		return DET_OK;
	}
	return det_parse_double(v, s, -DBL_MAX, DBL_MAX);
}

static enum det_err
close_record(struct build *b)
{
	size_t at = b->out->len, n;
	enum det_err e;

	if (!b->open)
		return DET_OK;
	b->open = 0;
	if (b->filled != b->elements)
		return det_fail(DET_INVALID, "a tensor of %zu elements was given %zu",
		    b->elements, b->filled);
	b->head.attr_len = (uint32_t)b->attrs.len;
	b->head.size = b->payload.len;
	if (b->payload.len) {
		b->head.flags |= DET_HAS_CRC;
		b->head.crc = det_crc32(0, b->payload.text, b->payload.len);
	}
	n = DET_HEAD_SIZE + det_pad(b->attrs.len) + det_pad(b->payload.len);
	if (n > MAX_BUILT - at)
		return det_fail(DET_LIMIT, "the stream grows over 4 GiB");
	if ((e = det_grow(&b->out->text, &b->out->cap, at + n, 1)))
		return e;
	memset(b->out->text + at, 0, n);
	det_head_store((unsigned char *)b->out->text + at, &b->head, b->attrs.text);
	if (b->payload.len)
		memcpy(b->out->text + at + DET_HEAD_SIZE + det_pad(b->attrs.len),
		    b->payload.text, b->payload.len);
	b->out->len = at + n;
	b->last = at;
	b->records = b->head.kind == DET_STREAM ? 1 : b->records + 1;
	b->items =
	    b->head.kind == DET_STREAM ? 0 : b->items + (b->head.kind == DET_ITEM);
	return DET_OK;
}

static enum det_err
shape(struct det_tensor *t, char *s)
{
	char *save = NULL;
	long d;
	enum det_err e;

	if (!strcmp(s, "scalar"))
		return DET_OK;
	for (char *w = strtok_r(s, "x", &save); w; w = strtok_r(NULL, "x", &save)) {
		if (t->rank == DET_MAX_RANK)
			return det_fail(
			    DET_INVALID, "a shape of more than %d dims", DET_MAX_RANK);
		if ((e = det_parse_long(&d, w, 0, 1L << 40)))
			return e;
		t->dims[t->rank++] = (size_t)d;
	}
	return DET_OK;
}

/* dtype and shape of a TENS line; reserves the payload. */
static enum det_err
open_tensor(struct build *b, char **line)
{
	char *dtype, *dims;
	size_t bytes;
	enum det_err e;

	if ((e = det_recipe_word(&dtype, line)) || (e = det_recipe_word(&dims, line)))
		return e;
	if (!dtype || !dims)
		return det_fail(
		    DET_INVALID, "TENS wants a dtype and a shape, as 'f32 1x3x2x2'");
	if ((e = det_dtype_parse(&b->tensor.dtype, dtype)) ||
	    (e = shape(&b->tensor, dims)) ||
	    (e = det_tensor_count(&b->elements, &b->tensor)) ||
	    (e = det_tensor_bytes(&bytes, &b->tensor)))
		return e;
	if (bytes > MAX_BUILT)
		return det_fail(DET_LIMIT,
		    "a tensor of %zu bytes: at most 4 GiB in a recipe", bytes);
	if ((e = det_grow(&b->payload.text, &b->payload.cap, bytes + 1, 1)))
		return e;
	b->payload.len = bytes;
	b->head.dtype = (uint8_t)b->tensor.dtype;
	b->head.rank = (uint8_t)b->tensor.rank;
	for (int i = 0; i < b->tensor.rank; i++)
		b->head.dims[i] = b->tensor.dims[i];
	return DET_OK;
}

static enum det_err
open_record(struct build *b, char *line)
{
	char *kind, *w, count[32];
	enum det_err e;

	if ((e = det_recipe_word(&kind, &line)))
		return e;
	if (strlen(kind) != 4)
		return det_fail(
		    DET_INVALID, "a kind of four letters expected, found '%s'", kind);
	b->head = (struct det_record_head){ .major = DET_STREAM_MAJOR,
		.minor = DET_STREAM_MINOR };
	b->head.kind = det_le32(kind);
	b->attrs.len = 0;
	b->payload.len = 0;
	b->elements = b->filled = 0;
	b->tensor = (struct det_tensor){ .dtype = DET_NONE };
	b->open = 1;
	if (b->head.kind == DET_TENSOR && (e = open_tensor(b, &line)))
		return e;
	while (!(e = det_recipe_word(&w, &line)) && w) {
		char *eq = strchr(w, '=');

		if (!eq)
			return det_fail(
			    DET_INVALID, "key=value expected, found '%s'", w);
		*eq = 0;
		if ((e = det_attr_add(&b->attrs, w, eq + 1)))
			return e;
	}
	if (e || b->head.kind != DET_END || b->attrs.len)
		return e;
	(void)snprintf(count, sizeof count, "%ld", b->records);
	if ((e = det_attr_add(&b->attrs, "records", count)))
		return e;
	(void)snprintf(count, sizeof count, "%ld", b->items);
	return det_attr_add(&b->attrs, "items", count);
}

/* splitmix64, so that a recipe's random numbers never change. */
static double
random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* random SEED: [0,1), or a whole number 0 to 255 where the dtype has only such. */
static double
random_element(uint64_t *state, enum det_dtype dtype)
{
	double u = random_next(state);

	return dtype == DET_U8 || dtype == DET_I32 || dtype == DET_I64 ? floor(256 * u)
								       : u;
}

static enum det_err
generate(struct build *b, const char *how, char **line)
{
	double v[2] = { 0, 0 };
	int n = !strcmp(how, "ramp") ? 2 : 1, random = !strcmp(how, "random");
	uint64_t state = 0;
	enum det_err e;

	for (int i = 0; i < n; i++) {
		char *w;

		if ((e = det_recipe_word(&w, line)))
			return e;
		if (!w)
			return det_fail(DET_INVALID, "%s wants %d number%s", how, n,
			    n > 1 ? "s" : "");
		if ((e = number(&v[i], w)))
			return e;
	}
	if (random && (!(v[0] >= 0 && v[0] <= 0x1p53) || v[0] != floor(v[0])))
		return det_fail(
		    DET_INVALID, "random wants a whole number from 0 to 2^53");
	if (random)
		state = (uint64_t)v[0];
	for (size_t i = 0; b->filled < b->elements; b->filled++, i++) {
		double x = random ? random_element(&state, b->tensor.dtype)
				  : v[0] + (double)i * v[1];

		if ((e = det_element_put(
			 b->payload.text, b->tensor.dtype, b->filled, x)))
			return e;
	}
	return DET_OK;
}

/* A line of bytes: NaN has more forms than the one that "nan" stands for. */
static enum det_err
tensor_hex(struct build *b, char *line)
{
	size_t size = det_dtype_size(b->tensor.dtype), n;
	struct det_buf bytes = { 0 };
	enum det_err e = det_recipe_hex(&bytes, line);

	n = bytes.len / size;
	if (!e && bytes.len % size != 0)
		e = det_fail(DET_INVALID,
		    "%zu bytes of hex: whole elements of %zu expected", bytes.len,
		    size);
	if (!e && n > b->elements - b->filled)
		e = det_fail(
		    DET_INVALID, "more than the tensor's %zu elements", b->elements);
	if (!e && n) {
		memcpy(b->payload.text + b->filled * size, bytes.text, bytes.len);
		b->filled += n;
	}
	det_buf_free(&bytes);
	return e;
}

/* Whole numbers of 64 bits are more than a double holds. */
static enum det_err
put_i64(struct build *b, const char *w)
{
	long v;
	enum det_err e = det_parse_long(&v, w, LONG_MIN, LONG_MAX);

	if (!e)
		det_put64(b->payload.text + 8 * b->filled, (uint64_t)v);
	return e;
}

static enum det_err
put_element(struct build *b, const char *w)
{
	double v;
	enum det_err e;

	if (b->filled == b->elements)
		return det_fail(
		    DET_INVALID, "more than the tensor's %zu elements", b->elements);
	if (b->tensor.dtype == DET_I64)
		e = put_i64(b, w);
	else if (!(e = number(&v, w)))
		e = det_element_put(b->payload.text, b->tensor.dtype, b->filled, v);
	b->filled += !e;
	return e;
}

static enum det_err
tensor_line(struct build *b, char *line)
{
	char *w;
	enum det_err e;

	if (!strncmp(line, "hex", 3) && (line[3] == ' ' || !line[3]))
		return tensor_hex(b, line + 3);
	while (!(e = det_recipe_word(&w, &line)) && w) {
		if (!strcmp(w, "fill") || !strcmp(w, "ramp") || !strcmp(w, "random")) {
			if ((e = generate(b, w, &line)))
				return e;
			continue;
		}
		if ((e = put_element(b, w)))
			return e;
	}
	return e;
}

static enum det_err
box_line(struct build *b, char *line)
{
	/* x1 y1 x2 y2 score, then label flags source area by place */
	double v[9] = { 0, 0, 0, 0, 0, 0, 0, -1, 0 };
	unsigned char p[DET_BOX_SIZE] = { 0 };
	int n = 0;
	char *w;
	enum det_err e;

	for (; !(e = det_recipe_word(&w, &line)) && w; n++) {
		if (n == 9)
			return det_fail(DET_INVALID, "a box of more than nine numbers");
		if ((e = number(&v[n], w)))
			return e;
	}
	if (e)
		return e;
	if (n < 6)
		return det_fail(DET_INVALID,
		    "x1 y1 x2 y2 score label expected, found %d numbers", n);
	for (int i = 5; i < 8; i++)
		if (!(v[i] >= -1 && v[i] <= 0x7fffffff) || v[i] != floor(v[i]))
			return det_fail(
			    DET_INVALID, "%g is no label, flag or index", v[i]);
	for (int i = 0; i < 5; i++)
		det_putf64(p + 8 * i, v[i]);
	det_putf64(p + 40, v[8]);
	det_put32(p + 48, (uint32_t)(int32_t)v[5]);
	det_put32(p + 52, (uint32_t)(int32_t)v[6]);
	det_put32(p + 56, (uint32_t)(int32_t)v[7]);
	return det_buf_add(&b->payload, p, sizeof p);
}

static enum det_err
payload_line(struct build *b, char *line)
{
	enum det_err e;

	if (!b->open)
		return det_fail(DET_INVALID, "a payload before any record");
	line += strspn(line, " \t");
	if (b->head.kind == DET_TENSOR)
		return tensor_line(b, line);
	if (*line == '|') {
		line += line[1] == ' ' ? 2 : 1;
		if ((e = det_buf_add(&b->payload, line, strlen(line))))
			return e;
		return det_buf_add(&b->payload, "\n", 1);
	}
	if (!strncmp(line, "hex", 3) && (line[3] == ' ' || !line[3]))
		return det_recipe_hex(&b->payload, line + 3);
	if (b->head.kind == DET_BOXES)
		return box_line(b, line);
	return det_fail(DET_INVALID, "payload lines here begin with '|' or 'hex'");
}

enum det_err
det_recipe_build(struct det_buf *out, const char *text, size_t len, const char *name)
{
	struct build b = { .out = out };
	size_t at = 0, n, number_of_line = 0;
	const char *line;
	char *copy = NULL;
	enum det_err e = DET_OK;

	while (!e && det_line_next(&line, &n, text, len, &at)) {
		number_of_line++;
		if (memchr(line, 0, n)) {
			e = det_fail(DET_INVALID, "text expected, found a zero byte");
			break;
		}
		free(copy);
		copy = NULL;
		if ((e = det_strndup(&copy, line, n)))
			break;
		if (copy[strspn(copy, " \t")] == 0 || *copy == '#')
			continue;
		if (*copy == ' ' || *copy == '\t')
			e = payload_line(&b, copy);
		else if (*copy == '!')
			e = (e = close_record(&b))
				? e
				: det_recipe_damage(out, b.last, copy + 1);
		else if (!(e = close_record(&b)))
			e = open_record(&b, copy);
	}
	if (!e)
		e = close_record(&b);
	if (e)
		(void)det_fail_in(e, "%s:%zu", name, number_of_line);
	free(copy);
	free(b.attrs.text);
	det_buf_free(&b.payload);
	return e;
}
