/* SPDX-License-Identifier: MIT
 *
 * Exports in ways that the tool's test can't reach: strings that are not UTF-8, numbers of
 * every size read back, many classes, and files that were not finished.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/export_impl.h"
#include "tests/unit/tap.h"

static struct det_boxes list;
static char path[256] = "p/12.jpg";
static struct det_item it = { .path = path,
	.id = 1,
	.width = 640,
	.height = 480,
	.orientation = 1,
	.map = { 1, 1, 0, 0, 0, 0 } };

static void
add(double x1, double y1, double x2, double y2, double score, int label)
{
	struct det_box b = { x1, y1, x2, y2, score, 0, label, 0, -1 };

	if (det_boxes_add(&list, &b))
		abort();
	list.space = DET_SPACE_IMAGE;
}

static int
json_is(const char *s, const char *want)
{
	struct det_buf b = { 0 };
	int same = !det_json_string(&b, s) && !strcmp(b.text, want);

	if (!same)
		printf("# %s\n", b.text);
	det_buf_free(&b);
	return same;
}

static void
string_tests(void)
{
	ok(json_is("", "\"\""), "an empty string");
	ok(json_is("a\"b\\c\x01\x7f/", "\"a\\\"b\\\\c\\u0001\\u007f/\""), "escapes");
	ok(json_is("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x95", "\"\xc3\xa9 \xe2\x82\xac "
							     "\xf0\x9f\x90\x95\""),
	    "UTF-8 of two, three and four bytes stays");
	ok(json_is("\xff"
		   "a\x80\xc3",
	       "\"\\ufffda\\ufffd\\ufffd\""),
	    "bytes that are none");
	ok(json_is("\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80",
	       "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\""),
	    "nor are overlong forms, surrogates and what lies above U+10FFFF");
}

/* Every number of the JSON reads back to the same double. */
static void
number_tests(void)
{
	struct det_export_params p = DET_EXPORT_DEFAULTS;
	struct det_export *x;
	unsigned long seed = 1;
	int bad = 0;

	p.format = DET_EXPORT_COCO;
	for (int i = 0; i < 2000; i++) {
		double v[4], s;
		const char *at;
		char *end;

		for (int j = 0; j < 4; j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			v[j] = ldexp((double)(seed >> 11), (int)(seed % 120) - 110);
		}
		s = v[3];
		list.n = 0;
		/* the second corner is chosen so that width and height are exact */
		add(v[0], v[1], 2 * v[0], 2 * v[1], s, 0);
		if (det_export_new(&x, &p) || det_export_item(x, &it, &list) ||
		    det_export_end(x))
			abort();
		at = strstr(det_export_text(x)->text, "\"bbox\":[") + 8;
		for (int j = 0; j < 4; j++, at = end + 1)
			bad += strtod(at, &end) != v[j % 2];
		at = strstr(at, "score\":") + 7;
		bad += strtod(at, &end) != s || strcmp(end, "}\n]\n") != 0;
		det_export_free(x);
	}
	ok(!bad, "2000 boxes of all magnitudes read back exactly");
	p.format = DET_EXPORT_TSV;
	list.n = 0;
	add(-.001, -0., 1e300, 2.5, 1, -1);
	if (det_export_new(&x, &p) || det_export_item(x, &it, &list))
		abort();
	ok(strstr(det_export_text(x)->text, "\t1.0000\t0.00\t0.00\t1") &&
		strstr(det_export_text(x)->text, "p/12.jpg\t-1\t"),
	    "no minus before zero; a class outside the table is its number");
	det_export_free(x);
}

static int
files_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return n;
}

/* More classes than a process may have files open. */
static void
class_tests(void)
{
	struct det_export_params p = DET_EXPORT_DEFAULTS;
	struct det_classes c = { .name = calloc(3000, sizeof *c.name),
		.source = calloc(3000, sizeof(long)),
		.n = 3000 };
	struct det_export *x;

	for (size_t i = 0; i < c.n; i++) {
		c.name[i] = malloc(32);
		(void)snprintf(c.name[i], 32, "class%zu", i);
	}
	p.format = DET_EXPORT_VOC;
	p.dir = "voc";
	if (det_export_new(&x, &p))
		abort();
	ok(!det_export_classes(x, &c), "voc: 3000 classes");
	list.n = 0;
	for (int i = 0; i < 3000; i++)
		add(0, 0, 1, 1, .5, i);
	ok(!det_export_item(x, &it, &list) && !det_export_item(x, &it, &list) &&
		!det_export_end(x) && files_in("voc") == 3000,
	    "voc: 3000 files");
	det_export_free(x);
	p.dir = "half";
	if (det_export_new(&x, &p) || det_export_classes(x, &c))
		abort();
	det_export_free(x);
	ok(files_in("half") == 0, "voc: unfinished, none stays");
	list.box[0].label = 3000;
	p.dir = "label";
	if (det_export_new(&x, &p) || det_export_classes(x, &c))
		abort();
	ok(det_export_item(x, &it, &list) == DET_INVALID, "voc: %s", det_errmsg());
	det_export_free(x);
	det_classes_release(&c);
}

static void
yolo_tests(void)
{
	struct det_export_params p = DET_EXPORT_DEFAULTS;
	struct det_export *x;
	struct stat st;
	int bad = 0;

	p.format = DET_EXPORT_YOLO;
	ok(det_export_new(&x, &p) == DET_INVALID, "yolo: %s", det_errmsg());
	p.dir = "yolo";
	if (det_export_new(&x, &p))
		abort();
	list.n = 0;
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(path, sizeof path, "a/%d.jpg", i);
		bad += det_export_item(x, &it, &list) != DET_OK;
	}
	ok(!bad && files_in("yolo") == 3000, "yolo: 3000 pictures without boxes");
	ok(det_export_item(x, &it, &list) == DET_INVALID, "yolo: %s", det_errmsg());
	strcpy(path, "a/..");
	ok(!det_export_item(x, &it, &list) && !stat("yolo/..txt", &st), "yolo: a/..");
	strcpy(path, "-");
	ok(!det_export_item(x, &it, &list) && !stat("yolo/item-1.txt", &st),
	    "yolo: standard input");
	strcpy(path, "size.jpg");
	add(0, 0, 1, 1, 1, 0);
	it.width = 0;
	ok(det_export_item(x, &it, &list) == DET_INVALID, "yolo: %s", det_errmsg());
	det_export_free(x);
}

int
main(void)
{
	string_tests();
	number_tests();
	class_tests();
	yolo_tests();
	det_boxes_release(&list);
	return done();
}
