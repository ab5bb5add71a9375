/* SPDX-License-Identifier: MIT
 *
 * The base library: sizes, numbers, text, halves, files, messages.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/file.h"
#include "base/half.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/tensor.h"
#include "base/text.h"
#include "tests/unit/tap.h"

/* splitmix64: the same numbers everywhere */
static uint64_t
next(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void
test_sizes(void)
{
	size_t n;
	void *p = NULL;
	int *a = NULL, *before;
	size_t cap = 0;
	char *s;

	ok(!det_mul(&n, 3, 5) && n == 15, "3 x 5");
	ok(det_mul(&n, SIZE_MAX, 2) == DET_LIMIT, "a product that does not fit");
	ok(det_mul(&n, SIZE_MAX / 2 + 1, 2) == DET_LIMIT, "a product that wraps to 0");
	ok(det_add(&n, SIZE_MAX, 1) == DET_LIMIT, "a sum that does not fit");
	ok(det_pad(0) == 0 && det_pad(1) == 64 && det_pad(64) == 64 &&
		det_pad(65) == 128,
	    "padding to 64");
	ok(!det_alloc(&p, 3, 5) && p && (uintptr_t)p % DET_ALIGN == 0,
	    "memory is aligned");
	free(p);
	ok(!det_alloc(&p, 0, 8) && p, "no elements give a pointer");
	free(p);
	ok(det_alloc(&p, SIZE_MAX / 2, 4) == DET_LIMIT, "too many elements");
	ok(det_alloc(&p, SIZE_MAX - 10, 1) == DET_LIMIT, "no room for alignment");
	ok(!det_calloc(&a, 100, sizeof *a) && a[0] == 0 && a[99] == 0, "zeroed");
	free(a);
	a = NULL;
	ok(!det_grow(&a, &cap, 1, sizeof *a) && cap >= 1, "an array grows");
	a[0] = 7;
	ok(!det_grow(&a, &cap, 1000, sizeof *a) && cap >= 1000 && a[0] == 7,
	    "and keeps what it held");
	before = a;
	ok(det_grow(&a, &cap, SIZE_MAX, sizeof *a) == DET_LIMIT && a == before &&
		a[0] == 7,
	    "growth that can't be leaves it as it was");
	ok(!det_room(&a, &cap, 3, sizeof *a) && a == before,
	    "room that is there already");
	ok(!det_room(&a, &cap, 5000, sizeof *a) && cap == 5000 &&
		(uintptr_t)a % DET_ALIGN == 0,
	    "and that is made");
	ok(det_room(&a, &cap, SIZE_MAX, sizeof *a) == DET_LIMIT && !a && cap == 0,
	    "or can't be");
	free(a);
	ok(!det_strndup(&s, "hello", 2) && !strcmp(s, "he"), "a part of a string");
	free(s);
	ok(!det_strndup(&s, NULL, 0) && !*s, "nothing of nothing");
	free(s);
}

static int
refuses_double(const char *s)
{
	double d = 42;

	return det_parse_double(&d, s, -10, 10) == DET_INVALID && d == 42;
}

static int
refuses_long(const char *s)
{
	long v = 42;

	return det_parse_long(&v, s, -10, 10) == DET_INVALID && v == 42;
}

static void
test_numbers(void)
{
	static const char *const bad[] = { "", " 3", "3 ", "3abc", "nan", "inf", "0x1",
		"--3", "+", "1,5", "1e999" };
	static const char *const bad_long[] = { "", " 3", "3 ", "3abc", "1e1", "0x1",
		"3.0", "-", "99999999999999999999", "11", "-11" };
	double d;
	long v;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(refuses_double(bad[i]), "'%s' is no double", bad[i]);
	for (size_t i = 0; i < sizeof bad_long / sizeof *bad_long; i++)
		ok(refuses_long(bad_long[i]), "'%s' is no long from -10 to 10",
		    bad_long[i]);
	ok(!det_parse_double(&d, "-1.5e-3", -1, 1) && d == -1.5e-3, "-1.5e-3");
	ok(!det_parse_double(&d, "10", -10, 10) && d == 10, "the limit is inside");
	ok(det_parse_double(&d, "10.01", -10, 10) == DET_INVALID &&
		strstr(det_errmsg(), "-10 to 10"),
	    "outside, and the message says of what");
	ok(!det_parse_long(&v, "-10", -10, 10) && v == -10, "-10");
}

static int
double_survives(double v)
{
	char buf[32];
	double back;

	return !det_parse_double(&back, det_double_text(buf, v), -INFINITY, INFINITY) &&
	       !memcmp(&back, &v, sizeof v);
}

static int
float_survives(float v)
{
	char buf[32];
	double back;
	float f;

	if (det_parse_double(&back, det_float_text(buf, v), -INFINITY, INFINITY))
		return 0;
	f = (float)back;
	return !memcmp(&f, &v, sizeof v);
}

static void
test_decimal(void)
{
	uint64_t s = 1, u;
	uint32_t w;
	char buf[32];
	int doubles = 1, floats = 1;

	for (int i = 0; i < 100000; i++) {
		double d;
		float f;

		u = next(&s);
		w = (uint32_t)next(&s);
		memcpy(&d, &u, sizeof d);
		memcpy(&f, &w, sizeof f);
		doubles &= !isfinite(d) || double_survives(d);
		floats &= !isfinite(f) || float_survives(f);
	}
	ok(doubles, "100000 doubles of random bits survive text");
	ok(floats, "100000 floats of random bits survive text");
	ok(!strcmp(det_double_text(buf, 0.1), "0.1") &&
		!strcmp(det_float_text(buf, 0.1f), "0.1"),
	    "and .1 is short");
	ok(double_survives(-0.0) && float_survives(-0.0f), "minus zero keeps its sign");
	ok(double_survives(5e-324) && float_survives(1e-45f), "so do subnormals");
	if (setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
		double d;

		ok(!strcmp(det_double_text(buf, 1.5), "1.5"), "the locale's comma");
		ok(!det_parse_double(&d, "1.5", 0, 2) && d == 1.5, "is not ours");
		(void)setlocale(LC_NUMERIC, "C");
	}
}

/* The slow way: nearest of the neighbours, ties to the even one. */
static uint16_t
nearest_half(float f)
{
	uint16_t best = 0;
	double err = INFINITY;

	for (unsigned h = 0; h < 0x7c00; h++) {
		double e = fabs((double)fabsf(f) - (double)det_f16_to_f32((uint16_t)h));

		if (e < err || (e == err && h % 2 == 0)) {
			err = e;
			best = (uint16_t)h;
		}
	}
	return (uint16_t)(best | (signbit(f) ? 0x8000 : 0));
}

static void
test_halves(void)
{
	int f16 = 1, bf16 = 1, close = 1;
	uint64_t s = 2;

	for (unsigned h = 0; h < 0x10000; h++) {
		float f = det_f16_to_f32((uint16_t)h);
		float b = det_bf16_to_f32((uint16_t)h);

		f16 &= isnan(f) ? isnan(det_f16_to_f32(det_f32_to_f16(f)))
				: det_f32_to_f16(f) == h;
		bf16 &= isnan(b) ? isnan(det_bf16_to_f32(det_f32_to_bf16(b)))
				 : det_f32_to_bf16(b) == h;
	}
	ok(f16, "every f16 comes back");
	ok(bf16, "every bf16 comes back");
	for (int i = 0; i < 300; i++) {
		/* exponents from below the subnormals to the top */
		float f = ldexpf(
		    (float)(next(&s) % 8192) - 4096.0f, (int)(next(&s) % 36) - 33);

		close &= det_f32_to_f16(f) == nearest_half(f);
	}
	ok(close, "f32 becomes the nearest f16, ties to even");
	ok(det_f32_to_f16(65519.0f) == 0x7bff && det_f32_to_f16(65520.0f) == 0x7c00,
	    "the last before infinity");
	ok(det_f32_to_bf16(1.00390625f) == 0x3f80 &&
		det_f32_to_bf16(1.01171875f) == 0x3f82,
	    "bf16 ties to even");
}

static void
test_tensors(void)
{
	struct det_tensor t = { DET_F32, 2, { (size_t)1 << 33, (size_t)1 << 33 },
		NULL };
	size_t n;
	char buf[32];
	enum det_dtype d;

	ok(det_tensor_count(&n, &t) == DET_LIMIT, "a shape that overflows");
	t.dims[1] = 1;
	t.dims[0] = SIZE_MAX / 2;
	ok(!det_tensor_count(&n, &t) && det_tensor_bytes(&n, &t) == DET_LIMIT,
	    "bytes that overflow");
	t.rank = 9;
	ok(det_tensor_count(&n, &t) == DET_INVALID, "nine dims");
	t.rank = 0;
	ok(!det_tensor_bytes(&n, &t) && n == 4, "a scalar has one element");
	ok(!strcmp(det_shape_text(buf, sizeof buf, &t), "scalar"), "and is called so");
	t.dtype = (enum det_dtype)77;
	ok(det_tensor_bytes(&n, &t) == DET_INVALID && !det_dtype_name(t.dtype),
	    "an unknown dtype");
	t = (struct det_tensor){ DET_U8, 3, { 1, 23, 456 }, NULL };
	ok(!strcmp(det_shape_text(buf, sizeof buf, &t), "1x23x456"), "a shape in text");
	ok(!strcmp(det_shape_text(buf, 5, &t), "1x23"), "cut where there is no room");
	ok(!det_dtype_parse(&d, "bf16") && d == DET_BF16, "bf16 by name");
	ok(det_dtype_parse(&d, "none") == DET_INVALID, "none is no dtype of a tensor");
}

static void
test_text(void)
{
	struct det_buf b = { 0 };
	const char *line, text[] = "one\r\n\ntwo";
	size_t n, at = 0;

	ok(det_line_next(&line, &n, text, 8, &at) && n == 3 && !memcmp(line, "one", 3),
	    "a line without its CR LF");
	ok(det_line_next(&line, &n, text, 8, &at) && n == 0, "an empty line");
	ok(det_line_next(&line, &n, text, 8, &at) && n == 2, "a last line without LF");
	ok(!det_line_next(&line, &n, text, 8, &at), "and no more");
	ok(!det_buf_printf(&b, "%d-", 1) && !det_buf_add(&b, "a\0b", 3) && b.len == 5 &&
		!b.text[5],
	    "a buffer of bytes");
	det_buf_free(&b);
	ok(!b.text && !b.len && !b.cap, "is empty after free");
}

static void
test_messages(void)
{
	char big[2000];

	ok(det_fail(DET_CORRUPT, "a %s", "b\x1b[31m\n") == DET_CORRUPT &&
		!strcmp(det_errmsg(), "a b?[31m?"),
	    "control characters do not pass");
	ok(det_fail_in(DET_CORRUPT, "here") && !strcmp(det_errmsg(), "here: a b?[31m?"),
	    "a place in front of a message");
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = 0;
	ok(det_fail(DET_IO, "%s", big) == DET_IO && strlen(det_errmsg()) < 600,
	    "a message of any length is cut");
	ok(det_fail_in(DET_IO, "%s", big) == DET_IO && strlen(det_errmsg()) < 600,
	    "with a place of any length");
}

static int
absent(const char *path)
{
	return access(path, F_OK) != 0;
}

/* How many of the map's pages are in this process's memory: those that mincore(2) can't
 * tell from the page cache are told by the size of the resident set. */
static long
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all = 0, pages = 0;

	if (!f)
		return -1;
	if (fscanf(f, "%ld %ld", &all, &pages) != 2)
		pages = -1;
	(void)fclose(f);
	return pages;
}

static void
test_leave(void)
{
	const size_t size = (size_t)4 << 20;
	struct det_newfile f;
	struct det_map m;
	unsigned char *data = malloc(size);
	long full, left;
	size_t i;

	for (i = 0; data && i < size; i++)
		data[i] = (unsigned char)(i * 7 + i / 4096);
	if (!data || det_file_create(&f, "pages.bin") ||
	    det_write_all(f.fd, data, size, "pages.bin") || det_file_commit(&f) ||
	    det_map_open(&m, "pages.bin")) {
		ok(0, "%s", det_errmsg());
		return;
	}
	ok(!memcmp(m.data, data, size), "a file of many pages is mapped");
	full = resident();
	det_map_leave(&m, m.data + 100, size - 200);
	left = resident();
	ok(full < 0 || full - left > 900, "left pages go (%ld of %ld)", full - left,
	    full);
	det_map_leave(&m, m.data + size, 1);
	det_map_leave(&m, data, size);
	det_map_leave(&m, m.data + 1, size);
	ok(!memcmp(m.data, data, size), "and come back; what is not the map's stays");
	det_map_close(&m);
	free(data);
	(void)unlink("pages.bin");
}

static void
test_files(void)
{
	struct det_newfile f;
	struct det_map m;
	struct stat st;
	char *data, temp[256];
	size_t n;
	mode_t mask = umask(027);

	ok(!det_file_create(&f, "new.bin") && absent("new.bin"), "a file begins");
	(void)snprintf(temp, sizeof temp, "%s", f.temp);
	ok(!det_write_all(f.fd, "hello", 5, "new.bin") && absent("new.bin") &&
		!absent(temp),
	    "beside its name");
	ok(!det_file_commit(&f) && !absent("new.bin") && absent(temp),
	    "gets it when complete");
	ok(stat("new.bin", &st) == 0 && (st.st_mode & 0777) == 0640,
	    "with the mode that umask gives");
	(void)umask(mask);
	det_file_abandon(&f);
	ok(!det_file_read(&data, &n, "new.bin", 5) && n == 5 && !strcmp(data, "hello"),
	    "is read whole");
	free(data);
	ok(det_file_read(&data, &n, "new.bin", 4) == DET_LIMIT, "not above a limit");
	ok(!det_map_open(&m, "new.bin") && m.size == 5 && !memcmp(m.data, "hello", 5),
	    "is mapped");
	det_map_close(&m);
	test_leave();
	ok(!det_file_create(&f, "new.bin"), "an old file is replaced");
	(void)snprintf(temp, sizeof temp, "%s", f.temp);
	det_file_abandon(&f);
	ok(absent(temp) && stat("new.bin", &st) == 0 && st.st_size == 5,
	    "but not by one that was abandoned");
	(void)unlink("new.bin");
	ok(det_file_read(&data, &n, ".", 100) == DET_INVALID &&
		strstr(det_errmsg(), "directory"),
	    "a directory is no file");
	ok(det_map_open(&m, "absent") == DET_IO && strstr(det_errmsg(), "No such file"),
	    "nor is nothing");
	ok(det_file_create(&f, "no/such/place") == DET_IO, "a folder must exist");
	ok(!det_file_create(&f, "/dev/full") &&
		det_write_all(f.fd, "x", 1, "full") == DET_IO &&
		strstr(det_errmsg(), "No space"),
	    "a full disk is noticed");
	det_file_abandon(&f);
	ok(stat("/dev/full", &st) == 0 && S_ISCHR(st.st_mode),
	    "a device is not removed");
}

static void
test_bytes(void)
{
	unsigned char b[9];

	det_put64(b + 1, 0x8877665544332211u);
	ok(b[1] == 0x11 && b[8] == 0x88 && det_le64(b + 1) == 0x8877665544332211u &&
		det_le32(b + 1) == 0x44332211u && det_le16(b + 7) == 0x8877,
	    "little-endian at odd addresses");
	det_putf64(b + 1, -0.1);
	ok(det_lef64(b + 1) == -0.1, "a double in bytes");
}

static void
test_quotes(void)
{
	struct det_buf b = { 0 };

	ok(!det_buf_quoted(&b, "a/B-1.jpg") && !strcmp(b.text, "a/B-1.jpg"),
	    "a plain word needs no quotes");
	b.len = 0;
	ok(!det_buf_quoted(&b, "it's $x") && !strcmp(b.text, "'it'\\''s $x'"),
	    "what a shell would read is quoted");
	b.len = 0;
	ok(!det_buf_quoted(&b, "") && !strcmp(b.text, "''"), "and no word at all");
	det_buf_free(&b);
}

static void
test_hashes(void)
{
	struct det_nameset set = { 0 };
	char name[16];
	int is_new, good = 1;

	/* published values of FNV-1a */
	ok(det_hash_text("") == UINT64_C(0xcbf29ce484222325), "hash of nothing");
	ok(det_hash_text("foobar") == UINT64_C(0x85944171f73967e8), "hash of a word");
	ok(det_hash(det_hash_text("foo"), "bar", 3) == det_hash_text("foobar"),
	    "a hash goes on where it ended");
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++) {
			(void)snprintf(name, sizeof name, "%d", i);
			good = good && !det_nameset_add(&is_new, &set, name) &&
			       is_new == (round == 0);
		}
	ok(good && set.n == 1000, "a name is new to a set once");
	det_nameset_release(&set);
}

int
main(void)
{
	test_sizes();
	test_numbers();
	test_decimal();
	test_halves();
	test_tensors();
	test_text();
	test_messages();
	test_files();
	test_bytes();
	test_quotes();
	test_hashes();
	return done();
}
