/* SPDX-License-Identifier: MIT
 *
 * The stream under abuse: every cut and every flipped bit of a small stream of all kinds,
 * read from a pipe and from a mapped file, passed on with and without loading. tests/
 * stream.t does the rest through the executables.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libdeflate.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "stream/boxes.h"
#include "stream/item.h"
#include "stream/reader.h"
#include "stream/record_head.h"
#include "stream/recipe.h"
#include "stream/show.h"
#include "stream/writer.h"
#include "tests/unit/stream_feed.h"

static const char all_kinds[] =
    "STRM history=\"det-image 0.1.0 a.jpg\"\n  | person\n  | dog\n"
    "TEXT name=net/x\n  | net x\n"
    "ITEM id=0 path=\"a \\\"b\\\\\\n.jpg\" width=4 height=3 input=2x2 map=\"0.5 0.5 0 "
    "1\"\n"
    "TENS f32 1x3x2x2 name=image\n  ramp 0 1\n"
    "TENS u8 65 name=bytes\n  ramp 0 1\n"
    "note key=value\n  hex 01 02 03\n"
    "BOXS name=boxes space=input\n  0 0 1 1 0.5 0\n  1 2 3 4 0.25 1 2 3 4\n"
    "ITEM id=1 path=b.jpg error=\"cut short\"\n"
    "END.\n";

/* Reads b to its end, decoding everything. */
static enum det_err
consume(struct bytes b, int piped)
{
	struct feed f;
	struct det_reader *rd;
	struct det_record r = { 0 };
	int more = 1;
	enum det_err e = det_reader_open_fd(&rd, source(&f, b, piped), "in");

	while (!e && !(e = det_reader_next(rd, &r, &more)) && more)
		e = det_show_check(&r);
	det_record_release(&r);
	det_reader_close(rd);
	source_end(&f, piped);
	return e;
}

/* Reads b and writes it again, into *out (freed by the caller), as a tool does: what was
 * gathered at a failure is not written. */
static enum det_err
rewrite(struct bytes *out, struct bytes b, int piped, enum way way)
{
	struct feed f;
	struct det_reader *rd;
	struct det_writer *w;
	struct det_record r = { 0 };
	int more = 1, fd = memory_file((struct bytes){ NULL, 0 });
	enum det_err e = det_reader_open_fd(&rd, source(&f, b, piped), "in");

	if (!e)
		e = det_writer_open_fd(&w, fd, "out");
	while (!e && !(e = det_reader_next(rd, &r, &more)) && more)
		e = write_again(w, &r, way);
	if (!e)
		e = det_writer_flush(w);
	out->n = (size_t)lseek(fd, 0, SEEK_END);
	out->p = malloc(out->n + 1);
	if (pread(fd, out->p, out->n, 0) != (ssize_t)out->n)
		exit(1);
	det_record_release(&r);
	det_reader_close(rd);
	det_writer_free(w);
	(void)close(fd);
	source_end(&f, piped);
	return e;
}

static int
same_again(struct bytes b, int piped, enum way way)
{
	struct bytes out;
	int same =
	    !rewrite(&out, b, piped, way) && out.n == b.n && !memcmp(out.p, b.p, b.n);

	free(out.p);
	return same;
}

static void
test_rewrite(const char *name, const char *recipe)
{
	struct bytes b = build(recipe);

	for (int piped = 0; piped < 2; piped++)
		for (enum way way = 0; way < WAYS; way++)
			ok(same_again(b, piped, way),
			    "%s: %s, %s: read and written to the same bytes", name,
			    piped ? "pipe" : "mapped file", way_names[way]);
	free(b.p);
}

static void
test_truncation(void)
{
	struct bytes b = build(all_kinds), out;
	char why[300] = "";

	for (int piped = 0; piped < 2; piped++) {
		size_t accepted = 0, other = 0, laundered = 0;

		for (size_t n = 0; n < b.n; n++) {
			struct bytes cut = { b.p, n };
			enum det_err e = consume(cut, piped);

			accepted += !e;
			if (e != DET_TRUNCATED ||
			    !strstr(det_errmsg(), "input ended early")) {
				other++;
				(void)snprintf(why, sizeof why, ": at %zu: %s", n,
				    e ? det_errmsg() : "accepted");
			}
			for (enum way way = 0; way < WAYS; way++) {
				e = rewrite(&out, cut, piped, way);
				laundered += !e || !consume(out, 0);
				free(out.p);
			}
		}
		ok(!accepted, "%s: no cut of %zu is taken for a stream",
		    piped ? "pipe" : "mapped file", b.n);
		ok(!other, "each is named 'input ended early'%s", why);
		ok(!laundered, "nor does one leave a whole stream downstream");
	}
	free(b.p);
}

static void
test_flips(void)
{
	struct bytes b = build(all_kinds), out;

	for (int piped = 0; piped < 2; piped++) {
		size_t accepted = 0, laundered = 0;

		for (size_t i = 0; i < 8 * b.n; i++) {
			b.p[i / 8] ^= (unsigned char)(1u << i % 8);
			accepted += !consume(b, piped);
			if (!rewrite(&out, b, piped, 0))
				laundered += !consume(out, 0);
			free(out.p);
			b.p[i / 8] ^= (unsigned char)(1u << i % 8);
		}
		ok(!accepted, "%s: each of %zu flipped bits is noticed",
		    piped ? "pipe" : "mapped file", 8 * b.n);
		ok(!laundered, "and none is covered up by passing it on");
	}
	free(b.p);
}

/* A payload that is damaged where it is only passed from pipe to pipe arrives with the
 * check that it no longer meets. */
static void
test_flip_in_passing(void)
{
	struct bytes b = build(large), out;

	b.p[1000] ^= 1;
	ok(consume(b, 1) == DET_CORRUPT, "damage in a large payload is noticed");
	ok(!rewrite(&out, b, 1, 0) && consume(out, 0) == DET_CORRUPT,
	    "also by who gets it at second hand");
	free(out.p);
	free(b.p);
}

static void
test_skipping(void)
{
	struct bytes b = build(large);

	for (int piped = 0; piped < 2; piped++) {
		struct feed f;
		struct det_reader *rd;
		struct det_record r = { 0 };
		int more, n = 0;
		enum det_err e = det_reader_open_fd(&rd, source(&f, b, piped), "in");

		while (!e && !(e = det_reader_next(rd, &r, &more)) && more)
			n++;
		ok(!e && n == 7, "%s: records are skipped unread",
		    piped ? "pipe" : "mapped file");
		ok(det_reader_offset(rd) == b.n, "to the last byte");
		det_record_release(&r);
		det_reader_close(rd);
		source_end(&f, piped);
	}
	free(b.p);
}

/* END is made anew by who writes: what else one carried is not kept. */
static void
test_end(void)
{
	struct bytes b = build("STRM\nITEM id=0\nEND. also=this records=2 items=1\n"),
		     c = build("STRM\nITEM id=0\nEND.\n"), out;

	ok(!consume(b, 1), "END may carry more than its counts");
	ok(!rewrite(&out, b, 1, 0) && out.n == c.n && !memcmp(out.p, c.p, c.n),
	    "and is written with its counts alone");
	free(out.p);
	free(b.p);
	free(c.p);
}

static void
test_aligned(void)
{
	struct bytes b = build(all_kinds);

	for (int piped = 0; piped < 2; piped++) {
		struct feed f;
		struct det_reader *rd;
		struct det_record r = { 0 };
		int more, aligned = 1;
		enum det_err e = det_reader_open_fd(&rd, source(&f, b, piped), "in");

		while (!e && !(e = det_reader_next(rd, &r, &more)) && more) {
			e = det_record_load(&r);
			aligned &= (uintptr_t)r.tensor.data % 64 == 0;
		}
		ok(!e && aligned, "%s: payloads lie at multiples of 64",
		    piped ? "pipe" : "mapped file");
		det_record_release(&r);
		det_reader_close(rd);
	}
	free(b.p);
}

/* Large payloads are summed another way where the processor can. */
static void
test_crc(void)
{
	size_t n = 3 << 20, wrong = 0;
	unsigned char *p = malloc(n);
	uint32_t seed = 1;

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
	for (size_t i = 0; i < 600; i++) {
		size_t len = i < 300 ? 3900 + i : (i * i * 29 + i) % (n - 64);
		const unsigned char *at = p + i % 64;
		uint32_t from = i % 3 ? seed * (uint32_t)i : 0;

		wrong += det_crc32(from, at, len) != libdeflate_crc32(from, at, len);
	}
	ok(!wrong, "the CRC of 600 sizes is libdeflate's");
	ok(det_crc32(0, "123456789", 9) == 0xcbf43926, "and that of the standard");
	free(p);
}

static void
test_full_disk(void)
{
	struct det_writer *w;
	struct det_tensor t = { DET_U8, 1, { 100000 }, NULL };
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	t.data = calloc(1, 100000);
	ok(!det_writer_open_fd(&w, fd, "full") &&
		det_writer_tensor(w, "x", &t, NULL) == DET_IO &&
		strstr(det_errmsg(), "No space"),
	    "a full disk is noticed at a large payload");
	det_writer_free(w);
	t.dims[0] = 10;
	ok(!det_writer_open_fd(&w, fd, "full") &&
		!det_writer_tensor(w, "x", &t, NULL) && det_writer_end(w) == DET_IO,
	    "or at the end");
	det_writer_free(w);
	free(t.data);
	(void)close(fd);
}

/* What no reader would take is refused where it is made. */
static void
test_writer_refuses(void)
{
	struct det_writer *w;
	struct det_attrs a = { 0 };
	struct det_box box = { .x1 = (double)NAN };
	struct det_boxes boxes = { &box, 1, 1, DET_SPACE_INPUT };
	float one = 1;
	struct det_tensor t = { DET_F32, 0, { 0 }, &one };
	struct det_record r = {
		.kind = DET_TENSOR, .tensor = { DET_F32, 1, { 3 }, &one }, .size = 4
	};
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (det_writer_open_fd(&w, fd, "null"))
		exit(1);
	ok(det_writer_tensor(w, "a b", &t, NULL) != DET_OK, "a name with a space");
	ok(det_writer_tensor(w, "", &t, NULL) != DET_OK, "an empty name");
	ok(det_writer_text(w, "x\ny", "", 0) != DET_OK, "a name with a line feed");
	ok(det_writer_make(w, DET_ITEM, NULL, "x", 1) != DET_OK, "a loaded item");
	ok(det_writer_make(w, DET_FOURCC('N', 'E', 'W', '!'), NULL, NULL, 0) ==
		DET_UNSUPPORTED,
	    "an unknown critical kind");
	ok(!det_attr_add(&a, "Key", "value") &&
		det_writer_make(w, DET_ITEM, &a, NULL, 0) != DET_OK,
	    "a key in capitals");
	ok(det_boxes_write(w, "boxes", &boxes, NULL) == DET_INVALID &&
		strstr(det_errmsg(), "box 0 of 'boxes'"),
	    "a box that is NaN");
	ok(!det_attr_add(&r.attrs, "name", "x") && det_writer_put(w, &r) != DET_OK,
	    "a shape that does not fit its payload");
	r.tensor.rank = 9;
	ok(det_writer_put(w, &r) == DET_INVALID, "nine dims");
	r.tensor.data = NULL;
	det_record_release(&r);
	free(a.text);
	det_writer_free(w);
	(void)close(fd);
}

static void
test_attributes(void)
{
	struct det_attrs a = { 0 };
	char *v, *big;
	long n = 7;

	ok(!det_attr_add(&a, "path", "a\\b\nc\rd=e") &&
		!strcmp(a.text, "path=a\\\\b\\nc\\rd=e\n"),
	    "values are escaped");
	ok(!det_attr_get(&v, &a, "path") && v && !strcmp(v, "a\\b\nc\rd=e"),
	    "and read back");
	free(v);
	ok(!det_attr_get(&v, &a, "pat") && !v, "a key is not its beginning");
	ok(!det_attr_set(&a, "path", "x") && !det_attr_add(&a, "n", "12") &&
		!det_attr_set(&a, "path", "longer") &&
		!strcmp(a.text, "path=longer\nn=12\n"),
	    "set keeps the place");
	ok(!det_attr_long(&n, &a, "m", 0, 100) && n == 7, "an absent number");
	ok(!det_attr_long(&n, &a, "n", 0, 100) && n == 12, "a number");
	ok(det_attr_long(&n, &a, "n", 0, 10) == DET_CORRUPT, "out of range");
	big = calloc(1, DET_MAX_ATTRS + 1);
	memset(big, 'x', DET_MAX_ATTRS);
	ok(det_attr_add(&a, "big", big) == DET_LIMIT && a.len == strlen(a.text),
	    "attributes have a limit");
	free(big);
	free(a.text);
}

static void
test_items(void)
{
	struct det_record r = { 0 };
	struct det_item it = { .path = (char[]){ "a\nb.jpg" },
		.id = 3,
		.width = 640,
		.height = 480,
		.orientation = 6,
		.in_w = 416,
		.in_h = 320,
		.map = { 0.65, 2.0 / 3, 0.1, -3, 1, 1 } },
			back = { 0 };

	ok(!det_item_store(&r, &it) && !det_item_read(&back, &r) && back.id == 3 &&
		!strcmp(back.path, "a\nb.jpg") && !back.error && back.width == 640 &&
		back.height == 480 && back.orientation == 6 && back.in_w == 416 &&
		back.in_h == 320 && !memcmp(&back.map, &it.map, sizeof it.map),
	    "an item survives to the last bit");
	det_record_release(&r);
	ok(!det_item_read(&back, &r) && back.map.sx == 1 && back.orientation == 1 &&
		!*back.path,
	    "absent fields have their defaults");
	det_item_release(&back);
}

static void
test_recipes(void)
{
	static const char *const bad[] = { "ST\n", "STRM x\n", "STRM a=\"b\n", "TENS\n",
		"TENS f33 1\n", "TENS f32 1x\n  1 2\n", "TENS f32 2\n  1\n",
		"TENS f32 1\n  1 2\n", "TENS u8 1\n  256\n", "TENS u8 1\n  .5\n",
		"TENS f32 1x1x1x1x1x1x1x1x1\n", "TENS f32 1099511627776x2\n",
		"TENS f32 1\n  hex 01\n", "  | lost\n", "BOXS\n  1 2 3\n",
		"BOXS\n  1 2 3 4 5 6 7 8 9 10\n", "BOXS\n  1 2 3 4 5 .5\n",
		"TEXT\n  lost\n", "TEXT\n  hex 1\n", "TEXT\n  hex 001\n", "!\n",
		"!flip 0 1\n", "!head size 1\n", "STRM\n!head what 1\n",
		"STRM\n!head size\n", "STRM\n!truncate 1000\n", "!append 00\n",
		"!explode 1\n", "STRM a=\"\\xg0\"\n", "STRM a=\"\\x00\"\n",
		"TENS f32 1\n  fill\n", "TENS f32 1\n  ramp 1\n",
		"TENS f32 1\n  random nan\n", "TENS f32 1\n  random -1\n" };
	struct det_buf b = { 0 };
	size_t n = sizeof bad / sizeof *bad;

	for (size_t i = 0; i < n; i++) {
		char label[100];

		(void)snprintf(label, sizeof label, "%s", bad[i]);
		for (char *c = label; *c; c++)
			*c = *c == '\n' ? '/' : *c;
		ok(det_recipe_build(&b, bad[i], strlen(bad[i]), "r") &&
			!strncmp(det_errmsg(), "r:", 2),
		    "no recipe: %s (%s)", label, det_errmsg());
		b.len = 0;
	}
	ok(det_recipe_build(&b, "STRM\0x", 6, "r") == DET_INVALID, "nor a zero byte");
	det_buf_free(&b);
}

/* The vectors are also read and rewritten here, where the repository is at hand. */
static void
test_vectors(void)
{
	static const char *const good[] = { "all", "ancillary", "concatenated", "large",
		"minimal", "minor", "nan", "nocheck" };
	const char *src = getenv("DET_SRC");
	char path[4096], *text;
	size_t len;

	for (size_t i = 0; src && i < sizeof good / sizeof *good; i++) {
		struct bytes b;

		(void)snprintf(
		    path, sizeof path, "%s/tests/stream/good-%s.recipe", src, good[i]);
		if (det_file_read(&text, &len, path, 1 << 20)) {
			ok(0, "%s", det_errmsg());
			continue;
		}
		b = build(text);
		ok(same_again(b, 0, 0) && same_again(b, 1, 0),
		    "good-%s: read and written to the same bytes", good[i]);
		free(b.p);
		free(text);
	}
}

int
main(void)
{
	test_rewrite("all kinds", all_kinds);
	test_rewrite("large", large);
	test_truncation();
	test_flips();
	test_flip_in_passing();
	test_skipping();
	test_end();
	test_aligned();
	test_crc();
	test_full_disk();
	test_writer_refuses();
	test_attributes();
	test_items();
	test_recipes();
	test_vectors();
	return done();
}
