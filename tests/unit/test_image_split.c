/* SPDX-License-Identifier: MIT
 *
 * A stream of pictures is cut where they end, however it arrives.
 */
#include "image/split.h"
#include "tests/unit/image_make.h"
#include "tests/unit/tap.h"

/* Gives `all` in pieces. */
struct pipe {
	struct bytes all;
	size_t at, piece;
};

static enum det_err
pour(void *ctx, void *buf, size_t n, size_t *got)
{
	struct pipe *p = ctx;

	*got = p->all.n - p->at < p->piece ? p->all.n - p->at : p->piece;
	*got = *got < n ? *got : n;
	memcpy(buf, p->all.p + p->at, *got);
	p->at += *got;
	return DET_OK;
}

static void
append(struct bytes *to, const void *p, size_t n)
{
	to->p = realloc(to->p, to->n + n);
	memcpy(to->p + to->n, p, n);
	to->n += n;
}

static const char ppm[] = "P6\n2 1\n255\nabcdef";

/* Number of pictures; the size of each is checked against sizes[]. prompt: each is given
 * when not a byte beyond its last was poured (pieces of one byte). */
static int
cut(struct bytes all, size_t piece, const size_t *sizes, size_t n, int prompt)
{
	struct pipe p = { all, 0, piece };
	const struct det_bytes src = { pour, &p };
	struct det_split *s;
	const unsigned char *data;
	size_t size, i = 0, end = 0;
	int good = 1;

	if (det_split_new(&s, &src, (size_t)1 << 20))
		return 0;
	for (;; i++) {
		if (det_split_next(s, &data, &size)) {
			good = 0;
			break;
		}
		if (size == 0)
			break;
		end += size;
		good &= i < n && size == sizes[i] &&
			memcmp(data, all.p + end - size, size) == 0;
		good &= !prompt || p.at == end;
	}
	det_split_free(s);
	return good && i == n;
}

static struct bytes
with_thumbnail(void)
{
	struct bytes small = make_jpeg(8, 8, (struct jpeg_kind){ 3, 0, NULL, 0 });
	struct bytes app = { NULL, 0 }, big;

	append(&app, "Exif\0\0thumb", 11);
	append(&app, small.p, small.n);
	big = make_jpeg(37, 29, (struct jpeg_kind){ 3, 1, app.p, app.n });
	free(small.p);
	free(app.p);
	return big;
}

static void
test_cut(void)
{
	static const size_t pieces[] = { 1, 2, 7, 64, 4096, 1 << 20 };
	struct bytes a = make_jpeg(37, 29, (struct jpeg_kind){ 3, 0, NULL, 0 });
	struct bytes b = with_thumbnail();
	struct bytes c = make_png(37, 29, PNG_COLOR_TYPE_RGB, 8, 0, 0);
	struct bytes all = { NULL, 0 };
	size_t i, sizes[] = { a.n, b.n, c.n, sizeof ppm - 1, a.n, sizeof ppm - 1 };

	append(&all, a.p, a.n);
	append(&all, b.p, b.n);
	append(&all, c.p, c.n);
	append(&all, ppm, sizeof ppm - 1);
	append(&all, a.p, a.n);
	append(&all, ppm, sizeof ppm - 1);
	for (i = 0; i < sizeof pieces / sizeof *pieces; i++)
		ok(cut(all, pieces[i], sizes, 6, 0), "six pictures in pieces of %zu",
		    pieces[i]);
	ok(cut(all, 1, sizes, 6, 1), "each is given at its last byte");
	free(a.p);
	free(b.p);
	free(c.p);
	free(all.p);
}

static enum det_err
first_error(const char *text, size_t n, size_t limit)
{
	struct pipe p = { { (unsigned char *)(size_t)text, n }, 0, 100 };
	const struct det_bytes src = { pour, &p };
	struct det_split *s;
	const unsigned char *data;
	size_t size;
	enum det_err e;

	if (det_split_new(&s, &src, limit))
		return DET_NOMEM;
	do
		e = det_split_next(s, &data, &size);
	while (!e && size > 0);
	det_split_free(s);
	return e;
}

static void
test_damage(void)
{
	struct bytes a = make_jpeg(37, 29, (struct jpeg_kind){ 3, 0, NULL, 0 });
	struct bytes c = make_png(37, 29, PNG_COLOR_TYPE_RGB, 8, 0, 0);
	struct bytes all = { NULL, 0 };
	size_t sizes[] = { a.n - 50, a.n, c.n - 30 };
	const unsigned char zeros[5] = { 0 };
	size_t n;
	int bad = 0;

	append(&all, a.p, a.n - 50); /* lost its end */
	append(&all, a.p, a.n);
	append(&all, c.p, c.n - 30); /* the input ends */
	ok(cut(all, 7, sizes, 3, 0),
	    "a JPEG without its end does not swallow the next");
	all.n = 0;
	append(&all, a.p, a.n);
	append(&all, zeros, 5);
	n = all.n;
	append(&all, a.p, a.n);
	{
		struct pipe p = { all, 0, 64 };
		const struct det_bytes src = { pour, &p };
		struct det_split *s;
		const unsigned char *data;
		size_t size;

		ok(!det_split_new(&s, &src, (size_t)1 << 20) &&
			!det_split_next(s, &data, &size) && size == a.n &&
			!det_split_next(s, &data, &size) && size == a.n &&
			memcmp(data, all.p + n, a.n) == 0,
		    "padding between pictures is skipped");
		det_split_free(s);
	}
	ok(first_error("hello, world", 12, 99) == DET_CORRUPT, "text is no picture");
	ok(first_error("\xff\xd8\xff\xe0\0\1xxxxxx", 12, 99) == DET_CORRUPT,
	    "a segment shorter than its own length");
	ok(first_error("P6\n1 1\nx\n      ", 14, 99) == DET_CORRUPT,
	    "a broken PPM head");
	ok(first_error("\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR", 16, 99) == DET_CORRUPT,
	    "a PNG chunk of 4 GiB");
	ok(first_error("", 0, 99) == DET_OK, "nothing is no error here");
	all.n = 0;
	append(&all, "P6\n1000 1000\n255\n", 17);
	for (n = 0; n < 300; n++)
		append(&all, c.p, c.n);
	ok(first_error((char *)all.p, all.n, 1000) == DET_LIMIT,
	    "a picture beyond the limit is refused before it is read");
	for (n = 0; n < a.n + c.n; n++) {
		all.n = 0;
		append(&all, a.p, a.n);
		append(&all, c.p, c.n);
		all.p[n] ^= 0xff;
		(void)first_error((char *)all.p, all.n, 1 << 20);
		bad += all.n != a.n + c.n;
	}
	ok(bad == 0, "any byte changed: no crash, no endless loop");
	free(a.p);
	free(c.p);
	free(all.p);
}

int
main(void)
{
	test_cut();
	test_damage();
	return done();
}
