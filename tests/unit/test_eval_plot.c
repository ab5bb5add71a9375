/* SPDX-License-Identifier: MIT
 *
 * Charts: what is drawn is there in both forms; hostile names do no harm. Questions asked
 * of numbers. With an argument, writes the charts to that directory, to be looked at.
 */
#include "tests/unit/tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "eval/plot.h"
#include "eval/require.h"
#include "image/image.h"

#define POINTS 101

static const char *save_to;

static void
save(const struct det_plot_sheet *s, const char *name)
{
	char path[512];
	struct det_newfile f;

	for (int png = 0; save_to && png < 2; png++) {
		const struct det_buf *b = png ? &s->png : &s->svg;

		(void)snprintf(
		    path, sizeof path, "%s/%s.%s", save_to, name, png ? "png" : "svg");
		if (det_file_create(&f, path) ||
		    det_write_all(f.fd, b->text, b->len, path) || det_file_commit(&f))
			exit(2);
	}
}

static size_t
count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static size_t
dark_pixels(const struct det_buf *png, size_t *w, size_t *h)
{
	struct det_image im = { 0 };
	struct det_image_params p = DET_IMAGE_DEFAULTS;
	size_t n = 0;

	*w = *h = 0;
	if (det_image_decode(&im, NULL, (const unsigned char *)png->text, png->len, &p))
		return 0;
	for (size_t i = 0; i < im.w * im.h * 3; i++)
		n += im.rgb[i] < 64;
	*w = im.w;
	*h = im.h;
	det_image_release(&im);
	return n;
}

static void
test_curves(size_t n, const char *name)
{
	static double x[128][POINTS], y[128][POINTS];
	struct det_plot_curve curve[128], mean = { "mean 0.512", x[0], y[0], POINTS };
	struct det_plot p = { "Precision and recall", "rule: test", "recall",
		"precision", 0, 1, curve, n, &mean, 0 };
	struct det_plot_sheet s = { 0 };
	char label[128][32], file[64];
	size_t w, h;

	for (size_t k = 0; k < n; k++) {
		for (size_t i = 0; i < POINTS; i++) {
			x[k][i] = (double)i / (POINTS - 1);
			y[k][i] = 1 - pow(x[k][i], 1 + (double)k * .7);
		}
		(void)snprintf(label[k], sizeof label[k], "class<%zu> & 0.%03zu", k, k);
		curve[k] = (struct det_plot_curve){ label[k], x[k], y[k], POINTS };
	}
	ok(!det_plot_draw(&s, &p), "%zu curves are drawn", n);
	(void)snprintf(file, sizeof file, "%s", name);
	save(&s, file);
	ok(count_of(s.svg.text, "<polyline") >= n + 1 &&
		!strcmp(s.svg.text + s.svg.len - 7, "</svg>\n"),
	    "the SVG is complete and has a line for each");
	ok(!strstr(s.svg.text, "class<"), "names are escaped");
	ok(dark_pixels(&s.png, &w, &h) > 500 && w > 800 && h > 600,
	    "the PNG has them too");
	det_plot_sheet_release(&s);
	ok(!det_plot_panels(&s, &p), "%zu panels are drawn", n);
	(void)snprintf(file, sizeof file, "%s-panels", name);
	save(&s, file);
	ok(dark_pixels(&s.png, &w, &h) > 200, "and there");
	det_plot_sheet_release(&s);
}

static void
test_confusion(size_t n, const char *file)
{
	const char **name = calloc(n ? n : 1, sizeof *name);
	char(*text)[40] = calloc(n ? n : 1, sizeof *text);
	size_t *count = calloc((n + 1) * (n + 1), sizeof *count);
	struct det_plot_matrix m = { "Confusion", "score at least 0.25, IoU .5", name,
		n, count };
	struct det_plot_sheet s = { 0 };
	size_t w, h;

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(text[i], sizeof text[i], "class %zu", i);
		name[i] = text[i];
	}
	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k <= n; k++)
			count[i * (n + 1) + k] = i == k                 ? 900 - i
						 : (i * 7 + k * 13) % 5 ? 0
									: i * k % 37;
	if (n > DET_PLOT_MATRIX_MAX) {
		ok(det_plot_confusion(&s, &m) == DET_LIMIT, "too many classes to draw");
	} else {
		ok(!det_plot_confusion(&s, &m), "a matrix of %zu classes", n);
		ok(dark_pixels(&s.png, &w, &h) > 100, "is there");
		save(&s, file);
	}
	det_plot_sheet_release(&s);
	free(name);
	free(text);
	free(count);
}

static void
test_hostile(void)
{
	const char bad[] = "a\x01\xff\xed\xa0\x80\xc3(\xc3\xa9\xef\xbf\xbf z";
	const double x[2] = { 0, 1 }, y[2] = { -1e300, 1e300 };
	const struct det_plot_curve c = { bad, x, y, 2 }, none = { "", NULL, NULL, 0 };
	struct det_plot p = { bad, bad, bad, bad, 0, 1, &c, 1, &none, 1 };
	struct det_plot_sheet s = { 0 };

	ok(!det_plot_draw(&s, &p), "names that are no text, points outside");
	ok(strstr(s.svg.text, "a?????\?(\xc3\xa9???") != NULL &&
		!strchr(s.svg.text, '\x01'),
	    "what is no UTF-8 or no XML becomes '?'");
	det_plot_sheet_release(&s);
	p.n = 0;
	p.mean = NULL;
	ok(!det_plot_draw(&s, &p) && !det_plot_panels(&s, &p), "nothing to draw");
	det_plot_sheet_release(&s);
}

static void
test_require(void)
{
	static const char *const wrong[] = { "", "AP", ">=3", "AP>=", "AP>=x", "AP>=1,",
		"AP>=1,,AR>2", "AP>=nan", "AP=>1", "AP>= 1" };
	struct det_require r = { 0 };

	ok(!det_require_parse(&r, "AP50>=.40,voc07:AP<1e-3,AP[a, b]=2,x>1,y<=-1"),
	    "questions are read");
	ok(r.n == 5 && !strcmp(r.term[0].name, "AP50") &&
		r.term[0].op == DET_REQUIRE_GE && r.term[0].value == .4 &&
		!strcmp(r.term[1].name, "voc07:AP") && r.term[1].op == DET_REQUIRE_LT &&
		r.term[1].value == 1e-3 && !strcmp(r.term[2].name, "AP[a, b]") &&
		r.term[2].op == DET_REQUIRE_EQ && r.term[3].op == DET_REQUIRE_GT &&
		r.term[4].op == DET_REQUIRE_LE && r.term[4].value == -1,
	    "as they are meant");
	ok(det_require_holds(&r.term[0], .4) && !det_require_holds(&r.term[0], .39) &&
		!det_require_holds(&r.term[0], NAN) &&
		!det_require_holds(&r.term[3], 1) && det_require_holds(&r.term[4], -1),
	    "and answered");
	det_require_release(&r);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ok(det_require_parse(&r, wrong[i]) == DET_INVALID, "'%s' is none: %s",
		    wrong[i], det_errmsg());
		det_require_release(&r);
	}
}

int
main(int argc, char *argv[])
{
	save_to = argc > 1 ? argv[1] : NULL;
	test_curves(3, "pr3");
	test_curves(8, "pr8");
	test_curves(80, "pr80");
	test_curves(127, "pr127");
	test_confusion(3, "confusion3");
	test_confusion(20, "confusion20");
	test_confusion(80, "confusion80");
	test_confusion(0, "confusion0");
	test_confusion(DET_PLOT_MATRIX_MAX + 1, "");
	test_hostile();
	test_require();
	return done();
}
