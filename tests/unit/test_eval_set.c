/* SPDX-License-Identifier: MIT
 *
 * The set that an evaluation compares: what it finds, what it refuses, and its reading of
 * COCO's JSON and of a stream's lists.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "eval/load.h"
#include "tests/unit/eval_make.h"
#include "tests/unit/tap.h"

static void
test_idmap(void)
{
	struct det_idmap m = { 0 };
	int is_new, good = det_idmap_find(&m, 0) == DET_IDMAP_NONE;

	for (int64_t i = -500; i < 500 && good; i++)
		good = !det_idmap_add(&is_new, &m, i * 1000003, (uint32_t)(i + 500)) &&
		       is_new;
	for (int64_t i = -500; i < 500 && good; i++)
		good = det_idmap_find(&m, i * 1000003) == (uint32_t)(i + 500);
	ok(good && m.n == 1000 && det_idmap_find(&m, 1) == DET_IDMAP_NONE,
	    "a thousand ids, negative ones too");
	ok(!det_idmap_add(&is_new, &m, 0, 7) && !is_new && det_idmap_find(&m, 0) == 500,
	    "the first index of an id stays");
	ok(!det_idmap_add(&is_new, &m, INT64_MIN, 1) &&
		!det_idmap_add(&is_new, &m, INT64_MAX, 2) &&
		det_idmap_find(&m, INT64_MIN) == 1 &&
		det_idmap_find(&m, INT64_MAX) == 2,
	    "the largest and the smallest");
	ok(det_idmap_add(&is_new, &m, 5, DET_IDMAP_NONE) == DET_LIMIT, "too many: %s",
	    det_errmsg());
	det_idmap_release(&m);
}

static void
test_names(void)
{
	char *names[3] = { "cat", "dog", "cat" };
	long sources[3] = { 17, 0, -1 };
	struct det_classes c = { .name = names, .source = sources, .n = 3 };
	struct det_eval_set s = { 0 };
	uint32_t a = 9, b = 9;

	ok(!det_eval_set_classes(&s, &c) && det_eval_find_class(&s, 17) == 0 &&
		det_eval_find_class(&s, 0) == 1 && det_eval_find_class(&s, -1) == -1 &&
		det_eval_find_class_name(&s, "dog") == 1 &&
		det_eval_find_class_name(&s, "cat") == 0 &&
		det_eval_find_class_name(&s, "cow") == -1,
	    "classes by id (0 is one) and by name");
	ok(det_eval_set_classes(&s, &c) == DET_INVALID, "twice: %s", det_errmsg());
	ok(!det_eval_set_image(&a, &s, 0, "x/y.z/000012.jpg") &&
		!det_eval_set_image(&b, &s, -7, NULL) && a == 0 && b == 1 &&
		det_eval_find_image(&s, 0) == 0 && det_eval_find_image(&s, -7) == 1 &&
		det_eval_find_image(&s, 1) == -1,
	    "images by id");
	ok(det_eval_find_image_name(&s, "x/y.z/000012.jpg") == 0 &&
		det_eval_find_image_name(&s, "000012.jpg") == -1 &&
		det_eval_find_image_stem(&s, "000012") == 0 &&
		det_eval_find_image_stem(&s, "000012.jpg") == -1 &&
		det_eval_find_image_stem(&s, "") == -1,
	    "by path and by stem");
	ok(det_eval_set_image(&a, &s, -7, "q") == DET_INVALID, "an id twice: %s",
	    det_errmsg());
	det_eval_set_release(&s);
	sources[2] = 17;
	ok(det_eval_set_classes(&s, &c) == DET_INVALID, "a class id twice: %s",
	    det_errmsg());
	det_eval_set_release(&s);
}

static void
bad_rect(const char *what, int corners, double a, double b, double c, double d)
{
	const double v[4] = { a, b, c, d };
	struct det_eval_rect r;

	ok((corners ? det_eval_rect_corners(&r, v) : det_eval_rect_xywh(&r, v)) ==
		DET_INVALID,
	    "%s: %s", what, det_errmsg());
}

static void
test_rect(void)
{
	const double v[4] = { .1, .2, .3, .4 };
	struct det_eval_rect r;

	ok(!det_eval_rect_xywh(&r, v) && r.x2 == .1 + .3 && r.size == .3 * .4,
	    "x y w h: the corner is x + w, the product w h");
	ok(!det_eval_rect_corners(&r, v) && r.size == (.3 - .1) * (.4 - .2), "corners");
	bad_rect("NaN", 0, 0, 0, NAN, 1);
	bad_rect("NaN", 1, 0, NAN, 1, 1);
	bad_rect("infinity", 0, 0, 0, 1, INFINITY);
	bad_rect("a negative side", 0, 1e9, 0, -1e-30, 1);
	bad_rect("inverted corners", 1, 0, 5, 10, 4);
	bad_rect("far away", 0, 1e101, 0, 1, 1);
}

static void
test_add(void)
{
	struct det_eval_set s;
	struct det_box box[2] = {
		{ .x1 = 1,
		    .y1 = 2,
		    .x2 = 3,
		    .y2 = 4,
		    .score = .5,
		    .label = 1,
		    .area = 3 },
		{ .x1 = 1,
		    .y1 = 2,
		    .x2 = 3,
		    .y2 = 5,
		    .score = .5,
		    .label = -1,
		    .flags = 2 },
	};
	struct det_boxes b = { .box = box, .n = 2, .space = DET_SPACE_IMAGE };
	const int32_t label[2] = { 1, 0 };

	ok(!make_set(&s, 2, 1) && GT(&s, 1, 0, 0, 0, 1, 1, -1, 0) == DET_INVALID,
	    "an image too far: %s", det_errmsg());
	ok(DET(&s, 0, 2, 0, 0, 1, 1, .5) == DET_INVALID, "a label too high: %s",
	    det_errmsg());
	ok(DET(&s, 0, 1, 0, 0, 1, 1, NAN) == DET_INVALID, "a score that is none: %s",
	    det_errmsg());
	ok(GT(&s, 0, 1, 0, 0, 1, 1, INFINITY, 0) == DET_INVALID,
	    "an area too large: %s", det_errmsg());
	ok(!GT(&s, 0, 1, 0, 0, 2, 3, -1, 0) && s.gt[0].area == 6 &&
		!GT(&s, 0, 1, 0, 0, 2, 3, 0, 0) && s.gt[1].area == 0,
	    "an area not annotated is that of the box; 0 is 0");
	ok(!det_eval_add_gt_list(&s, 0, &b, label, 2) && s.n_gt == 4 &&
		s.gt[2].label == 0 && s.gt[2].area == 3 && s.gt[3].label == -1 &&
		s.gt[3].area == 6 && s.gt[3].flags == DET_BOX_CROWD,
	    "a stream's objects");
	ok(!det_eval_add_det_list(&s, 0, &b, NULL, 2) && s.n_det == 2 &&
		s.det[0].label == 1 && s.det[1].label == -1,
	    "a stream's detections");
	box[1].label = 7;
	ok(det_eval_add_gt_list(&s, 0, &b, label, 2) == DET_INVALID &&
		det_eval_add_det_list(&s, 0, &b, NULL, 2) == DET_INVALID,
	    "a label that the stream has not: %s", det_errmsg());
	b.space = DET_SPACE_INPUT;
	ok(det_eval_add_det_list(&s, 0, &b, NULL, 2) == DET_INVALID,
	    "in input pixels: %s", det_errmsg());
	b.space = DET_SPACE_IMAGE;
	box[1].y2 = 0;
	ok(det_eval_add_det_list(&s, 0, &b, NULL, 2) == DET_INVALID &&
		strstr(det_errmsg(), "box 1"),
	    "the box is named: %s", det_errmsg());
	det_eval_set_release(&s);
}

/* Writes the text to a file of the scratch directory that tests run in. */
static const char *
file(const char *text)
{
	static const char path[] = "eval.json";
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		ok(0, "a scratch file");
	return path;
}

static const char truth[] =
    "{\"annotations\":[\n"
    "{\"id\":5,\"image_id\":0,\"category_id\":3,\"bbox\":[1,2,3,4],\"area\":7,"
    "\"iscrowd\":1,\"segmentation\":[[1,2]]},\n"
    "{\"id\":6,\"image_id\":8,\"category_id\":4,\"bbox\":[1,2,3,4],\"iscrowd\":0},\n"
    "{\"id\":7,\"image_id\":99,\"category_id\":3,\"bbox\":[1,2,3,4]}],\n"
    "\"categories\":[{\"id\":3,\"name\":\"cat\"}],\n"
    "\"images\":[{\"id\":8,\"file_name\":\"a/b.jpg\"},{\"id\":0}]}";

#define RESULT(image, class, w)                                              \
	"{\"image_id\":" image ",\"category_id\":" class ",\"bbox\":[0,0," w \
							 ",1],\"score\":0.5}"

static void
test_coco(void)
{
	struct det_eval_set s = { 0 };
	struct det_eval_misfits m = { 0 };

	ok(!det_eval_load_coco(&s, file(truth), &m) && s.n_image == 2 && s.n_gt == 1 &&
		s.classes.n == 1 && s.gt[0].image == 1 && s.gt[0].label == 0 &&
		s.gt[0].area == 7 && s.gt[0].flags == DET_BOX_CROWD && s.gt[0].id == 5,
	    "objects, before images and classes: %s", det_errmsg());
	ok(m.images == 1 && m.classes == 1 && strcmp(m.image_ids.text, "99") == 0 &&
		strcmp(m.class_ids.text, "4") == 0,
	    "and those that belong nowhere");
	det_eval_misfits_release(&m);
	m = (struct det_eval_misfits){ 0 };
	ok(!det_eval_load_results(&s,
	       file("[" RESULT("8", "3", "1") "," RESULT("0", "3", "1") "," RESULT(
		   "\"a/b.jpg\"", "3", "1") "," RESULT("1", "3", "1") "]"),
	       &m) &&
		s.n_det == 3 && s.det[0].image == 0 && s.det[1].image == 1 &&
		s.det[2].image == 0 && m.images == 1,
	    "results, by id (0 is one) and by name: %s", det_errmsg());
	ok(det_eval_load_results(&s, file("[\n" RESULT("8", "3", "-1") "]"), &m) ==
		    DET_INVALID &&
		strstr(det_errmsg(), "line 2"),
	    "a box that is none: %s", det_errmsg());
	ok(!det_eval_load_results(&s, file("[]"), &m) && s.n_det == 3, "no results");
	ok(det_eval_load_results(&s, file("[{\"image_id\":8,"), &m) == DET_TRUNCATED,
	    "cut off: %s", det_errmsg());
	det_eval_misfits_release(&m);
	det_eval_set_release(&s);
	(void)unlink("eval.json");
}

int
main(void)
{
	test_idmap();
	test_names();
	test_rect();
	test_add();
	test_coco();
	return done();
}
