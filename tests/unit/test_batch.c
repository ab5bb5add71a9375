/* SPDX-License-Identifier: MIT
 *
 * Batches from streams: their images and objects, where they end, what is left out, and how
 * waiting ends. Pictures have one number, 10 * item.
 */
#define _GNU_SOURCE
#include "train/batch.h"

#include <time.h>

#include "tests/unit/stream_feed.h"

static const struct det_classes none;

/* A stream of n items of w x 2 pixels; `more`: attributes of each. */
static void
stream(struct det_buf *b, int from, int n, int w, const char *more, const char *boxes)
{
	if (det_buf_printf(b, "STRM\n"))
		exit(1);
	for (int i = from; i < from + n; i++) {
		if (det_buf_printf(b,
			"ITEM id=%d path=%d.png %s\nBOXS name=gt space=image\n%s"
			"TENS f32 1x1x2x%d name=image\n ",
			i, i, more, boxes, w))
			exit(1);
		for (int k = 0; k < 2 * w; k++)
			if (det_buf_printf(b, " %d", 10 * i))
				exit(1);
		if (det_buf_printf(b, "\n"))
			exit(1);
	}
	if (det_buf_printf(b, "END.\n"))
		exit(1);
}

/* What is read from. */
static struct rig {
	struct feed feed;
	struct bytes bytes;
	struct det_reader *rd;
	struct det_batches *b;
} rig;

static enum det_err
begin(struct det_buf *text, struct det_batches_params p)
{
	int fd;

	rig.bytes = build(text->text);
	fd = source(&rig.feed, rig.bytes, p.fd >= 0);
	det_buf_free(text);
	if (det_reader_open_fd(&rig.rd, fd, "stream"))
		exit(1);
	if (p.fd >= 0)
		p.fd = fd;
	p.in = rig.rd;
	if (!p.classes)
		p.classes = &none;
	if (!p.ahead)
		p.ahead = 2;
	return det_batches_new(&rig.b, &p);
}

static void
end(void)
{
	det_batches_free(rig.b);
	det_reader_close(rig.rd);
	free(rig.bytes.p);
}

/* The next batch as "0 10 | 2": its pictures' numbers, and its items. */
static const char *
next(void)
{
	static char text[256];
	const struct det_labelled *l;
	int at = 0;

	if (det_batches_next(&l, rig.b))
		return det_errmsg();
	if (!l)
		return "end";
	for (size_t i = 0; i < l->n; i++) {
		const size_t one =
		    l->image.dims[1] * l->image.dims[2] * l->image.dims[3];

		at += snprintf(text + at, sizeof text - (size_t)at, "%g ",
		    (double)((const float *)l->image.data)[i * one]);
	}
	(void)snprintf(text + at, sizeof text - (size_t)at, "| %llu%s",
	    (unsigned long long)l->items, l->cut ? " cut" : "");
	return text;
}

static void
expect(const char *want)
{
	const char *got = next();

	ok(!strcmp(got, want), "'%s'", want);
	if (strcmp(got, want) != 0)
		(void)printf("# got '%s'\n", got);
}

#define BOX   "  1 0 3 2 1 0\n"
#define PLACE "width=4 height=2 input=4x2"

static void
sizes(void)
{
	struct det_buf t = { 0 };

	stream(&t, 0, 5, 4, PLACE, BOX);
	ok(!begin(&t, (struct det_batches_params){ .fd = -1, .size = 2 }), "5 by 2");
	expect("0 10 | 2");
	expect("20 30 | 4");
	expect("40 | 5");
	expect("end");
	expect("end");
	end();
	stream(&t, 0, 3, 4, PLACE, BOX);
	stream(&t, 3, 3, 6, "width=6 height=2", BOX);
	ok(!begin(&t, (struct det_batches_params){ .fd = -1, .size = 2 }),
	    "two streams of two sizes");
	expect("0 10 | 2");
	expect("20 | 3 cut");
	expect("30 40 | 5");
	expect("50 | 6");
	expect("end");
	end();
	stream(&t, 0, 7, 4, PLACE, BOX);
	ok(!begin(&t, (struct det_batches_params){ .fd = 0, .size = 3, .skip = 2 }),
	    "items passed over, from a pipe");
	expect("20 30 40 | 5");
	expect("50 60 | 7");
	end();
	stream(&t, 4, 3, 4, PLACE, BOX);
	ok(!begin(&t,
	       (struct det_batches_params){
		   .fd = -1, .size = 2, .skip = 5, .first = 4 }),
	    "a stream from item 4, wanted from 5");
	expect("50 60 | 7");
	end();
	stream(&t, 4, 3, 4, PLACE, BOX);
	ok(begin(&t,
	       (struct det_batches_params){
		   .fd = -1, .size = 2, .skip = 3, .first = 4 }) == DET_INVALID,
	    "wanted from 3: %s", det_errmsg());
	rig.b = NULL;
	end();
}

static void
objects(void)
{
	struct det_buf t = { 0 };
	const struct det_labelled *l;
	struct det_classes c = { 0 };
	const struct det_example *u;

	if (det_classes_add(&c, "a", 1, -1) || det_classes_add(&c, "b", 1, -1))
		exit(1);
	/* the original is 8 x 8, twice as large; the upper half of the input is padding */
	if (det_buf_printf(&t,
		"STRM\n  | b\n  | x\n  | a\n"
		"ITEM path=o width=8 height=8 input=8x8 map=\".5 .5 1 4 flip\"\n"
		"TENS f32 1x1x8x8 name=image\n  fill 1\n"
		"BOXS name=gt space=image\n"
		"  0 0 4 8 1 0\n  4 4 12 6 1 2\n  4 4 4 6 1 0\n  20 0 30 4 1 0\n"
		"  0 0 4 4 1 1\n"
		"ITEM path=bad error=\"no such file\"\n"
		"END.\n"))
		exit(1);
	ok(!begin(
	       &t, (struct det_batches_params){ .fd = -1, .size = 2, .classes = &c }),
	    "a picture with everything");
	ok(!det_batches_next(&l, rig.b) && l && l->n == 1, "is one batch");
	u = &l->truth[0];
	ok(u->n == 2, "of two objects");
	/* x becomes 1 + (8 - x) / 2, y becomes 4 + y / 2 */
	ok(u->box[0].x1 == 3 && u->box[0].x2 == 5 && u->box[0].y1 == 4 &&
		u->box[0].y2 == 8,
	    "mapped to the input, under flip");
	ok(u->box[1].x1 == 1 && u->box[1].x2 == 3 && u->box[1].y1 == 6 &&
		u->box[1].y2 == 7,
	    "cut at the picture");
	ok(u->box[0].label == 1 && u->box[1].label == 0,
	    "in the model's classes, by name");
	ok(u->x1 == 1 && u->y1 == 4 && u->x2 == 5 && u->y2 == 8,
	    "where the picture lies");
	ok(l->faults[DET_BATCH_NO_AREA] == 1 && l->faults[DET_BATCH_OUTSIDE] == 1 &&
		l->faults[DET_BATCH_CLASS] == 1 && l->faults[DET_BATCH_BAD] == 1,
	    "what is left out is counted");
	ok(!strcmp(l->fault[DET_BATCH_BAD], "item 1 'bad': no such file"),
	    "and named: %s", l->fault[DET_BATCH_BAD]);
	ok(!strncmp(l->fault[DET_BATCH_OUTSIDE], "item 0 'o': box 3:", 18),
	    "with its place: %s", l->fault[DET_BATCH_OUTSIDE]);
	ok(l->items == 1, "items up to the last good one");
	end();
	det_classes_release(&c);
}

/* Of a picture that an augmentation has mirrored, halved and cut at 4 of its 8 columns. */
#define MIRRORED                                                           \
	"ITEM path=%s width=8 height=8 input=4x4 map=\".5 .5 0 0 flip\"\n" \
	"TENS f32 1x1x4x4 name=image\n  fill 1\nBOXS name=gt space=image\n"

static void
proposals(void)
{
	const struct det_batches_params p = {
		.fd = -1, .size = 2, .proposals = "places"
	};
	struct det_batches_params q = p;
	struct det_buf t = { 0 };
	const struct det_labelled *l;
	const struct det_proposed *u;

	if (det_buf_printf(&t,
		"STRM\n" MIRRORED "BOXS name=places space=image\n"
		"  0 0 4 8 0 0\n  4 4 12 6 0 0\n  4 4 4 6 0 0\n  -5 0 0 4 0 0\n"
		"BOXS name=other space=image\n  1 1 2 2 0 0\n" MIRRORED
		"BOXS name=places space=input\n" MIRRORED
		"BOXS name=places space=input\n  1 1 3 2 0 0\nEND.\n",
		"a", "b", "c"))
		exit(1);
	ok(!begin(&t, p), "pictures with places");
	ok(!det_batches_next(&l, rig.b) && l && l->n == 2, "are a batch");
	u = l->proposed;
	ok(u && u[0].n == 2 && u[1].n == 0, "of two places and none");
	ok(u && u[0].box[0].x1 == 2 && u[0].box[0].x2 == 4 && u[0].box[0].y1 == 0 &&
		u[0].box[0].y2 == 4,
	    "mapped as the picture is");
	ok(u && u[0].box[1].x1 == 0 && u[0].box[1].x2 == 2 && u[0].box[1].y1 == 2 &&
		u[0].box[1].y2 == 3,
	    "cut at its edge");
	ok(l->faults[DET_BATCH_PROPOSED] == 1 && !l->faults[DET_BATCH_OUTSIDE] &&
		!strncmp(
		    l->fault[DET_BATCH_PROPOSED], "item 0 'a': 'places', box 2:", 28),
	    "those without an area count, those outside are no fault");
	ok(!det_batches_next(&l, rig.b) && l && l->n == 1 && l->proposed[0].n == 1 &&
		l->proposed[0].box[0].x2 == 3,
	    "the next batch has its own");
	end();
	q.proposals = "gt";
	if (det_buf_printf(&t, "STRM\n" MIRRORED "  0 0 4 8 1 0\nEND.\n", "a"))
		exit(1);
	ok(!begin(&t, q) && !det_batches_next(&l, rig.b) && l && l->truth[0].n == 1 &&
		l->proposed[0].n == 1 &&
		l->proposed[0].box[0].x1 == l->truth[0].box[0].x1,
	    "objects may be the proposals too");
	end();
	if (det_buf_printf(&t, "STRM\n" MIRRORED "END.\n", "a"))
		exit(1);
	ok(!begin(&t, p) && det_batches_next(&l, rig.b) == DET_INVALID &&
		strstr(det_errmsg(), "item 0 'a'") &&
		strstr(det_errmsg(), "det-propose"),
	    "refused: %s", det_errmsg());
	end();
	q.proposals = NULL;
	if (det_buf_printf(&t, "STRM\n" MIRRORED "END.\n", "a"))
		exit(1);
	ok(!begin(&t, q) && !det_batches_next(&l, rig.b) && l && !l->proposed,
	    "where none are wanted, none are needed");
	end();
}

static void
endings(void)
{
	const volatile sig_atomic_t stop = 1;
	struct det_buf t = { 0 };
	struct timespec a, b;
	int p[2];

	stream(&t, 0, 5, 4, PLACE, BOX);
	t.len = (size_t)(strstr(t.text, "END.") - t.text);
	t.text[t.len] = 0;
	ok(!begin(&t, (struct det_batches_params){ .fd = -1, .size = 2 }),
	    "a stream without its end");
	expect("0 10 | 2");
	expect("20 30 | 4");
	ok(strstr(next(), "input ended early") != NULL,
	    "an error after the last whole batch");
	end();
	stream(&t, 0, 2, 4, PLACE, "");
	ok(!begin(&t, (struct det_batches_params){ .fd = -1, .size = 2 }),
	    "pictures without objects");
	expect("0 10 | 2");
	end();
	/* nobody writes, and nobody closes */
	if (pipe2(p, O_CLOEXEC) < 0 || det_reader_open_fd(&rig.rd, p[0], "pipe"))
		exit(1);
	rig.bytes.p = NULL;
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	ok(!det_batches_new(&rig.b, &(struct det_batches_params){ .in = rig.rd,
					.fd = p[0],
					.classes = &none,
					.size = 1,
					.ahead = 1,
					.stop = &stop }),
	    "a silent pipe");
	expect("end");
	end();
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	ok(b.tv_sec - a.tv_sec < 5, "stop ends waiting");
	(void)close(p[1]);
}

int
main(void)
{
	sizes();
	objects();
	proposals();
	endings();
	return done();
}
