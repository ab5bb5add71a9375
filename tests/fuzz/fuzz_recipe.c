/* SPDX-License-Identifier: MIT
 *
 * Recipes from hostile text. What is built and is a stream must come back from its own
 * text as the same bytes; a failure must have a message.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "stream/reader.h"
#include "stream/recipe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) ((x) ? (void)0 : abort())

/* Whether a shape in the text has more than a million elements: allowed, but slow. */
static int
is_huge(const uint8_t *p, size_t n)
{
	double product = 1, v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] >= '0' && p[i] <= '9') {
			v = v * 10 + (p[i] - '0');
		} else if (p[i] == 'x') {
			product *= v > 1 ? v : 1;
			v = 0;
		} else {
			product = 1;
			v = 0;
		}
		if (product * v > 1e6)
			return 1;
	}
	return 0;
}

/* The text of a stream; 0 where it is none. */
static int
print(struct det_buf *text, const struct det_buf *stream)
{
	struct det_reader *rd;
	struct det_record r = { 0 };
	int more = 0, fd = memfd_create("fuzz", MFD_CLOEXEC);
	enum det_err e;

	MUST(fd >= 0 && !det_write_all(fd, stream->text, stream->len, "fuzz"));
	MUST(lseek(fd, 0, SEEK_SET) == 0 && !det_reader_open_fd(&rd, fd, "fuzz"));
	while (
	    !(e = det_reader_next(rd, &r, &more)) && more && !(e = det_record_load(&r)))
		MUST(!det_recipe_print(text, &r));
	det_record_release(&r);
	det_reader_close(rd);
	return !e;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct det_buf built = { 0 }, text = { 0 }, again = { 0 };

	if (is_huge(data, size))
		return 0;
	if (det_recipe_build(&built, (const char *)data, size, "fuzz")) {
		MUST(*det_errmsg());
	} else if (print(&text, &built)) {
		MUST(!det_recipe_build(&again, text.text, text.len, "again"));
		MUST(again.len == built.len);
		MUST(!memcmp(again.text, built.text, built.len));
	}
	det_buf_free(&built);
	det_buf_free(&text);
	det_buf_free(&again);
	return 0;
}
