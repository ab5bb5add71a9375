/* SPDX-License-Identifier: MIT
 *
 * Augmentation by itself: light against the formulas in double, places of windows, crops,
 * what is left of objects, the line that says it all.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/augment.h"
#include "image/epochs.h"
#include "tests/unit/tap.h"

static struct det_image
noise(size_t w, size_t h, uint64_t seed)
{
	struct det_image im;
	struct det_random r;

	if (det_image_new(&im, w, h))
		exit(2);
	det_random_seed(&r, seed, 0);
	for (size_t i = 0; i < w * h * 3; i++)
		im.rgb[i] = (unsigned char)det_random_below(&r, 256);
	/* greys, and pixels of two equal channels, are where hues meet */
	for (size_t i = 0; i < w * h; i += 7)
		im.rgb[3 * i + 1] = im.rgb[3 * i];
	for (size_t i = 0; i < w * h; i += 11)
		im.rgb[3 * i] = im.rgb[3 * i + 1] = im.rgb[3 * i + 2];
	return im;
}

static double
cut(double v)
{
	return fmin(fmax(v, 0), 255);
}

/* A pixel through hue, saturation and value, as textbooks have it. */
static void
slow_colour(double c[3], const struct det_light *l)
{
	const double v = fmax(fmax(c[0], c[1]), c[2]);
	const double low = fmin(fmin(c[0], c[1]), c[2]), d = v - low;
	const double s = v > 0 ? d / v * l->saturation : 0;
	double h = 0, p, q, t, f, x = v * l->exposure;

	if (d > 0 && v <= c[0])
		h = (c[1] - c[2]) / d;
	else if (d > 0 && v <= c[1])
		h = (c[2] - c[0]) / d + 2;
	else if (d > 0)
		h = (c[0] - c[1]) / d + 4;
	h = fmod(h + l->hue / 60 + 12, 6);
	f = h - floor(h);
	p = x * (1 - s);
	q = x * (1 - f * s);
	t = x * (1 - (1 - f) * s);
	switch ((int)h) {
	case 0: c[0] = x, c[1] = t, c[2] = p; break;
	case 1: c[0] = q, c[1] = x, c[2] = p; break;
	case 2: c[0] = p, c[1] = x, c[2] = t; break;
	case 3: c[0] = p, c[1] = q, c[2] = x; break;
	case 4: c[0] = t, c[1] = p, c[2] = x; break;
	default: c[0] = x, c[1] = p, c[2] = q;
	}
	for (int i = 0; i < 3; i++)
		c[i] = cut(c[i]);
}

/* The largest difference in grey levels. */
static double
light_error(const struct det_light *l, size_t w, size_t h)
{
	struct det_image im = noise(w, h, 5), was = noise(w, h, 5);
	double worst = 0;

	det_light_apply(&im, l);
	for (size_t i = 0; i < w * h; i++) {
		double c[3];

		for (size_t k = 0; k < 3; k++)
			c[k] = cut(cut(was.rgb[3 * i + k] + l->add) *
				   (l->contrast_last ? 1 : l->contrast));
		slow_colour(c, l);
		for (size_t k = 0; k < 3; k++)
			worst = fmax(worst,
			    fabs(im.rgb[3 * i + k] -
				 cut(c[k] * (l->contrast_last ? l->contrast : 1))));
	}
	det_image_release(&im);
	det_image_release(&was);
	return worst;
}

static void
test_light(void)
{
	const struct det_light none = DET_LIGHT_NONE;
	const struct det_light_params yolo = { 1, 1, 0, 1, 1.5, 1.5, 36 },
				      ssd = { .5, 0, 32, 1.5, 1.5, 1, 36 },
				      off = { 0, 0, 32, 1.5, 1.5, 1.5, 36 };
	struct det_light l = DET_LIGHT_NONE;
	struct det_random r;
	struct det_image a = noise(31, 9, 1), b = noise(31, 9, 1);
	double worst = 0, low = 9, high = 0;
	int bent = 0, as_is = 0;

	det_light_apply(&a, &none);
	ok(!memcmp(a.rgb, b.rgb, 31 * 9 * 3), "light: nothing asked, nothing changed");
	l.hue = 120;
	memcpy(a.rgb, "\377\0\0\310\144\144\100\100\100", 9);
	det_light_apply(&a, &l);
	ok(!memcmp(a.rgb, "\0\377\0\144\310\144\100\100\100", 9),
	    "light: red turned by 120 degrees is green, grey is grey");
	det_random_seed(&r, 3, 0);
	for (int i = 0; i < 60; i++) {
		det_light_draw(&l, i % 2 ? &yolo : &ssd, &r);
		worst = fmax(worst, light_error(&l, 40, 7));
	}
	ok(worst < .51, "light: as through HSV and back, within %.3f levels", worst);
	l = (struct det_light){ 20, 1.4, .6, 1.3, 300, 1 };
	for (size_t n = 1, i = 0; i < 6; n = n * 4 - 1, i++)
		worst = fmax(worst, light_error(&l, n, 1));
	ok(worst < .51, "light: pictures of 1 to 683 pixels");
	for (int i = 0; i < 4000; i++) {
		det_light_draw(&l, &yolo, &r);
		low = fmin(low, l.saturation);
		high = fmax(high, l.saturation);
		bent += l.hue > 36 && l.hue < 324;
		det_light_draw(&l, &ssd, &r);
		as_is += l.add == 0;
	}
	ok(low >= 1 / 1.5 && low < .67 && high <= 1.5 && high > 1.49 && bent == 0,
	    "light: factors from 1/1.5 to 1.5, hues within 36 degrees");
	ok(as_is > 1850 && as_is < 2150, "light: half of the time, %d of 4000", as_is);
	det_light_draw(&l, &off, &r);
	ok(l.add == 0 && l.contrast == 1 && l.saturation == 1 && l.exposure == 1 &&
		l.hue == 0,
	    "light: never, where its probability is 0");
	det_image_release(&a);
	det_image_release(&b);
}

static long
between(struct det_random *r, long lo, long hi)
{
	return lo + (long)det_random_below(r, (uint64_t)(hi - lo) + 1);
}

/* The transform takes the part's corners to the place that its pixels have. */
static int
place_agrees(const struct det_place *p, const struct det_window *part, long w, long h,
    const struct det_view *v)
{
	const double left = (double)(v->flip ? w - part->x - part->w : part->x);
	const double top = (double)(v->vflip ? h - part->y - part->h : part->y);
	const double x1 = p->map.sx * left + p->map.tx;
	const double x2 = p->map.sx * (left + (double)part->w) + p->map.tx;
	const double y1 = p->map.sy * top + p->map.ty;
	const double y2 = p->map.sy * (top + (double)part->h) + p->map.ty;
	const double worst =
	    fmax(fmax(fabs(x1 - (double)p->x), fabs(x2 - (double)(p->x + p->new_w))),
		fmax(fabs(y1 - (double)p->y), fabs(y2 - (double)(p->y + p->new_h))));

	return worst < 1e-6 && p->map.flip == v->flip && p->map.vflip == v->vflip &&
	       p->x + p->new_w <= p->in_w && p->y + p->new_h <= p->in_h &&
	       p->new_w > 0 && p->new_h > 0;
}

static void
test_place(void)
{
	static const struct det_fit fits[] = {
		{ .kind = DET_FIT_STRETCH, .w = 300, .h = 200 },
		{ .kind = DET_FIT_LETTERBOX, .w = 97, .h = 130 },
		{ .kind = DET_FIT_SHORT,
		    .short_side = 80,
		    .long_side = 150,
		    .multiple = 32 },
		{ .kind = DET_FIT_NONE },
	};
	struct det_random r;
	struct det_view v;
	struct det_place p, whole;
	struct det_window part;
	int good = 1, inside = 1, n = 0;

	det_random_seed(&r, 1, 0);
	for (int i = 0; i < 4000; i++) {
		const struct det_fit *f = &fits[i % 4];
		const long w = between(&r, 1, 300), h = between(&r, 1, 300);

		v = (struct det_view){ .window = { between(&r, -300, w - 1),
					   between(&r, -300, h - 1), 0, 0 },
			.flip = i % 3 == 0,
			.vflip = i % 5 == 0 };
		v.window.w = between(&r, 1, 700);
		v.window.h = between(&r, 1, 700);
		if (v.window.x + v.window.w <= 0 || v.window.y + v.window.h <= 0)
			continue;
		if (f->kind == DET_FIT_LETTERBOX && i % 8 == 1) {
			v.aspect = .3 + 3 * det_random_uniform(&r);
			v.across = det_random_uniform(&r);
			v.down = det_random_uniform(&r);
		}
		if (det_view_place(
			&p, &part, &v, f, DET_KERNEL_TORCH, (size_t)w, (size_t)h)) {
			good = 0;
			continue;
		}
		n++;
		inside &= part.x >= 0 && part.y >= 0 && part.x + part.w <= w &&
			  part.y + part.h <= h && part.w > 0 && part.h > 0;
		/* a letterbox's usual transform is half a pixel off, as Darknet's is */
		if (v.aspect > 0 || f->kind != DET_FIT_LETTERBOX || part.w < v.window.w)
			good &= place_agrees(&p, &part, w, h, &v);
	}
	ok(inside && n > 2500, "view: the part lies in the picture, of %d windows", n);
	ok(good, "view: and its transform takes it to its pixels");
	good = 1;
	for (int i = 0; i < 4; i++) {
		det_view_whole(&v, 123, 57);
		good &= !det_view_place(
			    &p, &part, &v, &fits[i], DET_KERNEL_OPENCV, 123, 57) &&
			!det_fit_place(&whole, &fits[i], DET_KERNEL_OPENCV, 123, 57) &&
			!memcmp(&p, &whole, sizeof p);
	}
	ok(good, "view: the whole is placed as without a view");
	v.window = (struct det_window){ 123, 0, 10, 10 };
	ok(det_view_place(&p, &part, &v, &fits[0], DET_KERNEL_TORCH, 123, 57) ==
		DET_INVALID,
	    "view: a window beside the picture is refused");
}

/* Cut out upside down: row 0 is the part's last. */
static int
turned(const struct det_window *part, int flip)
{
	struct det_image im = noise(20, 10, 2), was = noise(20, 10, 2);
	const size_t w = (size_t)part->w, h = (size_t)part->h;
	int good = !det_view_cut(&im, part, flip, 1, 20, 10) && im.w == w && im.h == h;

	for (size_t y = 0; good && y < h; y++)
		for (size_t x = 0; x < w; x++)
			good &= !memcmp(
			    im.rgb + ((h - 1 - y) * w + (flip ? w - 1 - x : x)) * 3,
			    was.rgb +
				(((size_t)part->y + y) * 20 + (size_t)part->x + x) * 3,
			    3);
	det_image_release(&im);
	det_image_release(&was);
	return good;
}

static void
test_cut(void)
{
	struct det_image im = noise(20, 10, 2), was = noise(20, 10, 2);
	const struct det_window part = { 3, 2, 6, 5 }, beyond = { 15, 2, 6, 5 };
	int good;

	good = !det_view_cut(&im, &part, 1, 0, 20, 10) && im.w == 6 && im.h == 5;
	for (size_t y = 0; good && y < 5; y++)
		for (size_t x = 0; x < 6; x++)
			good &= !memcmp(im.rgb + (y * 6 + 5 - x) * 3,
			    was.rgb + ((y + 2) * 20 + x + 3) * 3, 3);
	ok(good, "view: cut out and mirrored");
	good = turned(&part, 0) && turned(&part, 1);
	ok(good, "view: cut out and stood on its head, mirrored too");
	good = !det_view_cut(
		   &im, &(struct det_window){ 96, 64, 96, 96 }, 0, 0, 192, 160) &&
	       im.w == 3 && im.h == 3;
	ok(good, "view: of a picture decoded at a fraction");
	ok(det_view_cut(&was, &beyond, 0, 0, 20, 10) == DET_INVALID,
	    "view: a part beyond the picture is refused");
	det_image_release(&im);
	det_image_release(&was);
}

static struct det_box
box(double x1, double y1, double x2, double y2)
{
	return (struct det_box){ x1, y1, x2, y2, 1, 0, 0, 0, -1 };
}

static double
overlap(const struct det_window *c, const struct det_box *b)
{
	const double x = (double)c->x, y = (double)c->y, w = (double)c->w,
		     h = (double)c->h;
	const double iw = fmin(x + w, b->x2) - fmax(x, b->x1),
		     ih = fmin(y + h, b->y2) - fmax(y, b->y1);
	const double both = fmax(iw, 0) * fmax(ih, 0);

	return both / (w * h + (b->x2 - b->x1) * (b->y2 - b->y1) - both);
}

static void
test_draw(void)
{
	struct det_box one[] = { { 100, 100, 300, 250, 1, 0, 0, 0, -1 } };
	struct det_boxes gt = { one, 1, 1, DET_SPACE_IMAGE }, none = { 0 };
	struct det_augment crop = { .expand_max = 1, .crop = 1 }, wide, shift, plain;
	struct det_view v, whole;
	struct det_random r;
	int inside = 1, sides = 1, n_whole = 0, over5 = 0, flips = 0, n_wide = 0;
	double largest = 0;
	const int n = 4000;

	if (det_augment_parse(&wide, "ssd crop=0") ||
	    det_augment_parse(&shift, "none jitter=.2") ||
	    det_augment_parse(&plain, "none"))
		exit(2);
	det_view_whole(&whole, 500, 375);
	det_random_seed(&r, 1, 0);
	for (int i = 0; i < n; i++) {
		const struct det_window *c = &v.window;

		det_augment_draw(&v, &crop, &gt, DET_FIT_STRETCH, 500, 375, &r);
		inside &= c->x >= 0 && c->y >= 0 && c->x + c->w <= 500 &&
			  c->y + c->h <= 375 && !v.flip;
		if (c->w == 500 && c->h == 375) {
			n_whole++;
			continue;
		}
		/* .3 / sqrt(2) of a side at least */
		sides &= c->w >= 106 && c->h >= 79;
		over5 += overlap(c, one) >= .5;
	}
	ok(inside && sides, "crop: inside, no side below .3 / sqrt(2)");
	/* one of 7 that are always found but for .7 and .9 */
	ok(n_whole > n / 7 * 9 / 10 && n_whole < n / 3, "crop: the whole, %d of %d",
	    n_whole, n);
	ok(over5 > n / 6, "crop: an overlap of .5, %d of %d", over5, n);
	det_augment_draw(&v, &crop, &none, DET_FIT_STRETCH, 500, 375, &r);
	ok(!memcmp(&v, &whole, sizeof v), "crop: without objects, the whole");
	for (int i = 0; i < n; i++) {
		const struct det_window *c = &v.window;

		det_augment_draw(&v, &wide, &gt, DET_FIT_STRETCH, 500, 375, &r);
		flips += v.flip;
		n_wide += c->w > 500;
		largest = fmax(largest, (double)c->w / 500);
		inside &=
		    c->x <= 0 && c->y <= 0 && c->x + c->w >= 500 && c->y + c->h >= 375;
		det_augment_draw(&v, &shift, &gt, DET_FIT_STRETCH, 500, 375, &r);
		sides &= labs(c->x) <= 100 && labs(c->x + c->w - 500) <= 100 &&
			 labs(c->y) <= 75 && labs(c->y + c->h - 375) <= 75;
	}
	ok(inside && largest > 3.9 && largest <= 4, "expand: around, to %.2f", largest);
	ok(flips > 1850 && flips < 2150 && n_wide > 1850 && n_wide < 2150,
	    "mirrored and expanded half of the time, %d, %d", flips, n_wide);
	ok(sides, "jitter: edges within .2 of the sides");
	det_augment_draw(&v, &plain, &gt, DET_FIT_LETTERBOX, 500, 375, &r);
	ok(!memcmp(&v, &whole, sizeof v), "none: the whole");
}

static void
test_boxes(void)
{
	struct det_box all[] = { box(0, 0, 10, 10), box(95, 0, 106, 10),
		box(90, 0, 110, 10), box(99.5, 20, 130, 40), box(20, 20, 60, 60),
		box(200, 200, 210, 210) };
	struct det_boxes b = { all, 6, 6, DET_SPACE_IMAGE };
	const struct det_window part = { 5, 0, 95, 100 };
	const struct det_transform half = { .5, .5, 0, 0, 0, 0 };
	struct det_augment a = DET_AUGMENT_DEFAULTS;
	size_t dropped, first = 99;
	const char *why = NULL;

	all[2].area = 100;
	det_augment_boxes(&b, &a, &part, &half);
	ok(b.n == 4 && all[0].x1 == 5 && all[1].x2 == 100 && all[2].x2 == 100 &&
		all[2].area == 50 && all[3].x1 == 20,
	    "objects: cut; a strip under a pixel of the input is left out");
	b.n = 4;
	all[0] = box(0, 0, 10.1, 10);
	all[1] = box(95, 0, 106, 10);
	all[2] = box(90, 0, 110, 10);
	a.by_centre = 1;
	det_augment_boxes(&b, &a, &part, &half);
	ok(b.n == 2 && all[0].x2 == 10.1 && all[1].x1 == 20,
	    "objects: whose centre shows; one on the edge does not");
	b.n = 2;
	all[0] = box(0, 0, 10, 10);
	all[1] = box(4, 0, 9, 10);
	a = (struct det_augment){ .visible = .8 };
	det_augment_boxes(&b, &a, &part, &half);
	ok(b.n == 1 && all[0].x1 == 5 && all[0].x2 == 9, "objects: of which .8 shows");
	all[0] = box(5, 5, 5, 9);
	all[1] = box(1, 1, 4, 4);
	all[2] = box(-5, 8, 3, 12);
	all[3] = box(9, 9, 3, 3);
	all[4] = box(10, 0, 12, 5);
	b.n = 5;
	det_augment_clean(&b, 10, 10, &dropped, &first, &why);
	ok(b.n == 2 && dropped == 3 && first == 0 && why && strstr(why, "no area") &&
		all[0].x1 == 1 && all[1].x1 == 0 && all[1].y2 == 10,
	    "bad objects are dropped and counted, others cut at the picture");
}

static void
test_lines(void)
{
	static const char *const bad[] = { "", "voc", "ssd mirror=2", "ssd expand=.5",
		"ssd expand=.5,.5", "yolo jitter=.6", "yolo hue", "ssd (x)", "a = ssd",
		"ssd factors=both", "ssd contrast=3", "ssd colour=1",
		"none mirror=nan" };
	size_t size[4], n;
	struct det_augment a;
	int good = 1;

	ok(!det_augment_parse(&a, "ssd expand=.5,2 crop=0 hue=0") &&
		a.expand_max == 2 && !a.crop && a.light.hue == 0 && a.by_centre &&
		a.mirror == .5,
	    "line: a profile, and values in place of its own");
	ok(!det_augment_parse(&a, "ssd expand=0") && a.expand == 0, "line: expand=0");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		good &= det_augment_parse(&a, bad[i]) == DET_INVALID;
	ok(good, "line: bad ones are refused");
	ok(!det_epochs_sizes(size, &n, 4, "320-416/32") && n == 4 && size[0] == 320 &&
		size[3] == 416,
	    "sizes: a range");
	ok(!det_epochs_sizes(size, &n, 4, "64,32") && n == 2 && size[0] == 64 &&
		size[1] == 32,
	    "sizes: a list");
	ok(det_epochs_sizes(size, &n, 4, "32-320/32") && /* too many */
		det_epochs_sizes(size, &n, 4, "1,2,3,4,5") &&
		det_epochs_sizes(size, &n, 4, "") &&
		det_epochs_sizes(size, &n, 4, "0") &&
		det_epochs_sizes(size, &n, 4, "32-16/8") &&
		det_epochs_sizes(size, &n, 4, "8-16") &&
		det_epochs_sizes(size, &n, 4, "8-16/0") &&
		det_epochs_sizes(size, &n, 4, "8,,9"),
	    "sizes: bad ones are refused");
}

int
main(void)
{
	test_light();
	test_place();
	test_cut();
	test_draw();
	test_boxes();
	test_lines();
	return done();
}
