/* SPDX-License-Identifier: MIT
 *
 * safetensors: what a file says is read, and each rule of the format is held.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tests/unit/tap.h"
#include "weights/source.h"

#define PATH "t.safetensors"

/* A file of a header, whose length is said to be `header` (-1: what it is), and data. */
static void
put_data(const char *json, const void *data, size_t n, long header)
{
	size_t len = strlen(json);
	unsigned char head[8];
	FILE *f = fopen(PATH, "wb");

	det_put64(head, header < 0 ? len : (uint64_t)header);
	if (!f || fwrite(head, 1, 8, f) != 8 || fwrite(json, 1, len, f) != len)
		abort();
	if (fwrite(data, 1, n, f) != n || fclose(f))
		abort();
}

/* n bytes of data 0, 1, 2, ... */
static void
put(const char *json, size_t n, long header)
{
	static const unsigned char data[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13 };

	if (n > sizeof data)
		abort();
	put_data(json, data, n, header);
}

static void
good(void)
{
	struct det_source s;
	const struct det_source_tensor *t;
	float v[8];

	put("{\"__metadata__\":{\"a\":\"b\\n\",\"c\":\"\"},"
	    "\"late\":{\"dtype\":\"U8\",\"shape\":[2,3],\"data_offsets\":[8,14]},"
	    "\"x/y.weight\":{\"shape\":[],\"data_offsets\":[0,8],\"dtype\":\"I64\","
	    "\"more\":[1.5]},"
	    "\"none\":{\"dtype\":\"F64\",\"shape\":[4,0],\"data_offsets\":[14,14]}}  ",
	    14, -1);
	if (det_source_open(&s, PATH)) {
		ok(0, "a good file: %s", det_errmsg());
		return;
	}
	ok(s.n == 3 && !strcmp(s.t[0].name, "x/y.weight") &&
		!strcmp(s.t[1].name, "late") && !strcmp(s.t[2].name, "none"),
	    "tensors in the order of the file");
	t = det_source_find(&s, "late");
	ok(t && t->rank == 2 && t->dims[0] == 2 && t->dims[1] == 3 &&
		t->stride[0] == 3 && t->stride[1] == 1 && t->type == DET_SOURCE_U8,
	    "type and shape");
	ok(t && !det_source_read(v, t) && v[0] == 8 && v[5] == 13, "values");
	t = det_source_find(&s, "x/y.weight");
	ok(t && t->rank == 0 && !det_source_read(v, t) &&
		v[0] == (float)0x0706050403020100,
	    "a scalar of 64 bits");
	t = det_source_find(&s, "none");
	ok(t && det_source_count(t) == 0 && !det_source_read(v, t), "nothing to read");
	ok(!det_source_find(&s, "other"), "no other tensor");
	ok(det_source_fact(&s, "a") && !strcmp(det_source_fact(&s, "a"), "b\n") &&
		det_source_fact(&s, "c") && !det_source_fact(&s, "d"),
	    "metadata");
	det_source_close(&s);
	put("{}", 0, -1);
	ok(!det_source_open(&s, PATH) && s.n == 0, "no tensor at all");
	det_source_close(&s);
	/* 2^53 + 1 and its neighbour are told apart: no number passes through a double */
	put("{\"a\":{\"dtype\":\"U8\",\"shape\":[0,9007199254740993],"
	    "\"data_offsets\":[0,0]}}",
	    0, -1);
	ok(!det_source_open(&s, PATH) && s.t[0].dims[1] == 9007199254740993u,
	    "whole numbers above 2^53 are exact");
	det_source_close(&s);
}

static void
kinds(void)
{
	static const struct {
		const char *dtype;
		unsigned char bytes[8];
		size_t n;
		float want;
	} cases[] = {
		{ "F32", { 0, 0, 0xc0, 0x3f }, 4, 1.5f },
		{ "F64", { 0, 0, 0, 0, 0, 0, 0xf8, 0xbf }, 8, -1.5f },
		{ "F16", { 0, 0x3e }, 2, 1.5f },
		{ "BF16", { 0xc0, 0x3f }, 2, 1.5f },
		{ "I8", { 0x80 }, 1, -128 },
		{ "U8", { 0x80 }, 1, 128 },
		{ "I16", { 0xfe, 0xff }, 2, -2 },
		{ "I32", { 0xfe, 0xff, 0xff, 0xff }, 4, -2 },
		{ "I64", { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, 8, -2 },
		{ "BOOL", { 1 }, 1, 1 },
	};
	char json[128];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_source s = { 0 };
		float v = 0;

		(void)snprintf(json, sizeof json,
		    "{\"t\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,%zu]}}",
		    cases[i].dtype, cases[i].n);
		put_data(json, cases[i].bytes, cases[i].n, -1);
		ok(!det_source_open(&s, PATH) && !det_source_read(&v, s.t) &&
			v == cases[i].want &&
			det_source_type_size(s.t->type) == cases[i].n,
		    "%s", cases[i].dtype);
		det_source_close(&s);
	}
}

#define T(shape, range)                                    \
	"{\"a\":{\"dtype\":\"F32\",\"shape\":[" shape "]," \
	"\"data_offsets\":[" range "]}}"

static void
bad(void)
{
	static const struct {
		enum det_err e;
		const char *json;
		size_t n;
		long header;
		const char *says;
	} cases[] = {
		{ DET_LIMIT, "{}", 0, 100000001, "the limit is 100000000" },
		{ DET_TRUNCATED, "{}", 0, 3, "header of 3 bytes in a file of 10" },
		{ DET_CORRUPT, " {}", 0, -1, "does not begin with '{'" },
		{ DET_CORRUPT, "", 0, -1, "does not begin with '{'" },
		{ DET_CORRUPT, "[]", 0, -1, "does not begin with '{'" },
		{ DET_CORRUPT, "{} x", 0, -1, "byte" },
		{ DET_CORRUPT, "{\"a\":}", 0, -1, "byte" },
		{ DET_CORRUPT, "{\"a\xff\":1}", 0, -1, "byte" },
		{ DET_CORRUPT, "{\"a\":1,\"a\":1}", 0, -1, "duplicate" },
		{ DET_CORRUPT, "{\"a\":1}", 0, -1, "'a': dtype, shape and" },
		{ DET_CORRUPT, "{\"a\":{}}", 0, -1, "dtype: a string" },
		{ DET_CORRUPT, "{\"a\":{\"dtype\":\"f32\"}}", 0, -1, "'f32'" },
		{ DET_UNSUPPORTED, "{\"a\":{\"dtype\":\"F8_E4M3\"}}", 0, -1,
		    "F8_E4M3" },
		{ DET_CORRUPT, "{\"a\":{\"dtype\":\"F32\",\"shape\":4}}", 0, -1,
		    "shape: a list" },
		{ DET_CORRUPT, T("1.0", "0,4"), 4, -1, "shape: whole" },
		{ DET_CORRUPT, T("1e0", "0,4"), 4, -1, "shape: whole" },
		{ DET_CORRUPT, T("-1", "0,4"), 4, -1, "shape: whole" },
		{ DET_CORRUPT, T("\\\"1\\\"", "0,4"), 4, -1, "byte" },
		{ DET_CORRUPT, T("9223372036854775808", "0,4"), 4, -1, "byte" },
		{ DET_LIMIT, T("1,1,1,1,1,1,1,1,1", "0,4"), 4, -1, "9 dimensions" },
		{ DET_LIMIT, T("4294967296,4294967296", "0,4"), 4, -1, "" },
		{ DET_LIMIT, T("4294967297", "0,4"), 4, -1, "limit" },
		{ DET_CORRUPT, T("1", "0"), 4, -1, "two numbers" },
		{ DET_CORRUPT, T("1", "0,4,8"), 4, -1, "two numbers" },
		{ DET_CORRUPT, T("1", "4,0"), 4, -1, "4 is beyond 0" },
		{ DET_TRUNCATED, T("1", "0,4"), 3, -1, "up to byte 4" },
		{ DET_CORRUPT, T("2", "0,4"), 4, -1, "its shape needs 8" },
		{ DET_CORRUPT, T("1", "0,4"), 5, -1, "1 bytes after the last" },
		{ DET_CORRUPT, T("1", "1,5"), 5, -1, "a hole" },
		{ DET_CORRUPT, "{}", 1, -1, "1 bytes after the last" },
		{ DET_CORRUPT,
		    "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
		    "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
		    12, -1, "'b' begins at byte 4 of the data, 8 expected: tensors" },
		{ DET_CORRUPT,
		    "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
		    "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}",
		    5, -1, "a hole" },
		{ DET_CORRUPT, "{\"__metadata__\":[]}", 0, -1, "an object" },
		{ DET_CORRUPT, "{\"__metadata__\":{\"a\":1}}", 0, -1, "a string" },
		{ DET_CORRUPT,
		    "{\"\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0,
		    -1, "without a name" },
		{ DET_CORRUPT,
		    "{\"\\u001b[m\":{\"dtype\":\"U8\",\"shape\":[0],"
		    "\"data_offsets\":[0,0]}}",
		    0, -1, "byte 0x1b" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_source s;
		enum det_err e;

		put(cases[i].json, cases[i].n, cases[i].header);
		e = det_safetensors_open(&s, PATH);
		ok(e == cases[i].e && strstr(det_errmsg(), cases[i].says) &&
			strstr(det_errmsg(), PATH),
		    "refused: %s", e ? det_errmsg() : "not at all");
		det_source_close(&s);
	}
}

static void
hostile(void)
{
	struct det_source s;
	char json[6000] = "{\"a\":", name[1100];
	float v[2];

	put_data(T("2", "0,8"), "\0\0\x80\x3f\0\0\xc0\x7f", 8, -1);
	if (det_source_open(&s, PATH))
		ok(0, "%s", det_errmsg());
	else
		ok(det_source_read(v, s.t) == DET_CORRUPT &&
			strstr(det_errmsg(), "'a': number 1 is not finite"),
		    "not a number: %s", det_errmsg());
	det_source_close(&s);
	memset(json + 5, '[', 5000);
	put(json, 0, -1);
	ok(det_source_open(&s, PATH) == DET_CORRUPT, "deep: %s", det_errmsg());
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	(void)snprintf(json, sizeof json,
	    "{\"%s\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", name);
	put(json, 0, -1);
	ok(det_source_open(&s, PATH) == DET_LIMIT, "a long name: %s", det_errmsg());
	ok(det_source_open(&s, "/nonexistent/x") == DET_IO, "no file: %s",
	    det_errmsg());
}

int
main(void)
{
	good();
	kinds();
	bad();
	hostile();
	(void)unlink(PATH);
	return done();
}
