/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "box/map.h"
#include "tests/unit/tap.h"

static struct det_boxes list;

static struct det_box *
one(double x1, double y1, double x2, double y2, enum det_space space)
{
	struct det_box b = { x1, y1, x2, y2, 1, 12, 0, 0, -1 };

	list.n = 0;
	list.space = space;
	if (det_boxes_add(&list, &b))
		abort();
	return list.box;
}

static int
is(const struct det_box *b, double x1, double y1, double x2, double y2)
{
	return fabs(b->x1 - x1) < 1e-9 && fabs(b->y1 - y1) < 1e-9 &&
	       fabs(b->x2 - x2) < 1e-9 && fabs(b->y2 - y2) < 1e-9;
}

int
main(void)
{
	/* a 200x100 picture, letterboxed into 416x416: scale 2.08, 104 rows above */
	struct det_item it = { .width = 200,
		.height = 100,
		.in_w = 416,
		.in_h = 416,
		.map = { 2.08, 2.08, 0, 104, 0, 0 } };
	struct det_box *b;
	int bad = 0;

	b = one(0, 104, 416, 312, DET_SPACE_INPUT);
	ok(!det_boxes_map(&list, &it, DET_SPACE_IMAGE) && is(b, 0, 0, 200, 100) &&
		list.space == DET_SPACE_IMAGE &&
		fabs(b->area - 12 / (2.08 * 2.08)) < 1e-9,
	    "input to image, area scaled");
	ok(!det_boxes_map(&list, &it, DET_SPACE_IMAGE) && is(b, 0, 0, 200, 100),
	    "a list that is there already stays");
	it.map.flip = 1;
	b = one(10, 20, 30, 40, DET_SPACE_IMAGE);
	ok(!det_boxes_map(&list, &it, DET_SPACE_INPUT) &&
		is(b, 170 * 2.08, 20 * 2.08 + 104, 190 * 2.08, 40 * 2.08 + 104),
	    "flipped: left and right change places");
	ok(!det_boxes_map(&list, &it, DET_SPACE_IMAGE) && is(b, 10, 20, 30, 40),
	    "and back");
	it.map.vflip = 1;
	ok(!det_boxes_map(&list, &it, DET_SPACE_INPUT) &&
		is(b, 170 * 2.08, 60 * 2.08 + 104, 190 * 2.08, 80 * 2.08 + 104) &&
		!det_boxes_map(&list, &it, DET_SPACE_IMAGE) && is(b, 10, 20, 30, 40),
	    "and on its head");
	srand(3);
	for (int i = 0; i < 1000; i++) {
		double v[4];

		for (int j = 0; j < 4; j++)
			v[j] = rand() % 20000 / 7.;
		it.map = (struct det_transform){ .1 + rand() % 100, .3 + rand() % 9,
			rand() % 50 / 3., rand() % 50 / 3., rand() % 2, rand() % 2 };
		b = one(v[0], v[1], v[0] + v[2], v[1] + v[3], DET_SPACE_IMAGE);
		bad += det_boxes_map(&list, &it, DET_SPACE_INPUT) != 0 ||
		       b->x1 > b->x2 || det_boxes_map(&list, &it, DET_SPACE_IMAGE) ||
		       !is(b, v[0], v[1], v[0] + v[2], v[1] + v[3]);
	}
	ok(!bad, "there and back, 1000 random transforms");

	it.map = (struct det_transform){ 0, 1, 0, 0, 0, 0 };
	b = one(1, 2, 3, 4, DET_SPACE_INPUT);
	ok(det_boxes_map(&list, &it, DET_SPACE_IMAGE) == DET_INVALID &&
		is(b, 1, 2, 3, 4),
	    "a scale of 0 is refused: %s", det_errmsg());
	it.map = (struct det_transform){ 1e-300, 1, 0, 0, 0, 0 };
	b = one(1e300, 2, 3, 4, DET_SPACE_INPUT);
	ok(det_boxes_map(&list, &it, DET_SPACE_IMAGE) == DET_INVALID &&
		list.space == DET_SPACE_INPUT,
	    "overflow is refused: %s", det_errmsg());
	it.map = (struct det_transform){ 1, 1, 0, 0, 1, 0 };
	it.width = 0;
	ok(det_boxes_map(&list, &it, DET_SPACE_IMAGE) == DET_INVALID,
	    "flip without a width: %s", det_errmsg());
	it.width = 200;
	it.map = (struct det_transform){ 1, 1, 0, 0, 0, 1 };
	it.height = 0;
	ok(det_boxes_map(&list, &it, DET_SPACE_IMAGE) == DET_INVALID,
	    "vflip without a height: %s", det_errmsg());
	it.height = 100;

	it.width = 200;
	b = one(-5, -5, 300, 50, DET_SPACE_IMAGE);
	ok(!det_boxes_clip(&list, &it) && is(b, 0, 0, 200, 50),
	    "clipped to the picture");
	(void)one(-5, -5, 0, 50, DET_SPACE_IMAGE);
	ok(!det_boxes_clip(&list, &it) && list.n == 0, "nothing left: dropped");
	b = one(-5, -5, 1000, 5000, DET_SPACE_INPUT);
	ok(!det_boxes_clip(&list, &it) && is(b, 0, 0, 416, 416), "in input space");
	it.height = 0;
	(void)one(1, 1, 2, 2, DET_SPACE_IMAGE);
	ok(det_boxes_clip(&list, &it) == DET_INVALID, "no size: %s", det_errmsg());
	det_boxes_release(&list);
	return done();
}
