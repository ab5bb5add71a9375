/* SPDX-License-Identifier: MIT
 *
 * Regions, their similarities and their grouping against plain computations in double over
 * the pixels themselves; the order of equal pairs; selective search as a whole.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "region/grouping.h"
#include "region/selective.h"
#include "tests/unit/tap.h"

#define MOST 64 /* regions of a test, joined ones too */

static struct det_random chance;

static void
must(enum det_err e)
{
	if (e) {
		(void)printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
}

/* A picture of patches with some noise, cut along the patches' borders: labels[y][x] is the
 * number of a cell of a grid with uneven lines. */
struct scene {
	struct det_image im;
	struct det_colours colours;
	struct det_texture texture;
	struct det_labels labels;
	struct det_regions regions;
};

static void
scene(struct scene *s, size_t w, size_t h, size_t cell, int flat)
{
	const size_t across = (w + cell - 1) / cell;

	*s = (struct scene){ 0 };
	must(det_image_new(&s->im, w, h));
	s->labels = (struct det_labels){ w, h, 0, malloc(w * h * sizeof(uint32_t)), 0 };
	for (size_t i = 0; i < w * h; i++) {
		const size_t x = i % w, y = i / w;
		const uint32_t n = (uint32_t)(y / cell * across + x / cell);

		s->labels.label[i] = n;
		s->labels.n = n >= s->labels.n ? n + 1 : s->labels.n;
		for (size_t c = 0; c < 3; c++)
			s->im.rgb[3 * i + c] =
			    flat ? 9
				 : (unsigned char)(n * 37 * (c + 1) % 180 +
						   det_random_below(&chance, 70));
	}
	must(det_colours_make(&s->colours, &s->im, DET_COLOUR_RGB));
	must(det_texture_make(&s->texture, &s->colours, DET_GRADIENT_SCHARR));
	must(det_regions_make(&s->regions, &s->labels, &s->colours, &s->texture));
}

static void
scene_end(struct scene *s)
{
	det_regions_release(&s->regions);
	det_labels_release(&s->labels);
	det_texture_release(&s->texture);
	det_colours_release(&s->colours);
	det_image_release(&s->im);
}

/* The histograms of all pixels whose region is part of group g, each of sum 1; its size and
 * its box. */
struct figure {
	double colour[3 * DET_COLOUR_BINS], texture[3 * DET_TEXTURE_SIZE], size;
	double x1, y1, x2, y2;
};

static void
figure(struct figure *f, const struct scene *s, const uint32_t *part_of, uint32_t g)
{
	*f = (struct figure){ .x1 = 1e9, .y1 = 1e9 };
	for (size_t i = 0; i < s->im.w * s->im.h; i++) {
		const double x = (double)(i % s->im.w), y = (double)(i / s->im.w);

		if (part_of[s->labels.label[i]] != g)
			continue;
		f->size++;
		f->x1 = fmin(f->x1, x), f->x2 = fmax(f->x2, x + 1);
		f->y1 = fmin(f->y1, y), f->y2 = fmax(f->y2, y + 1);
		for (size_t c = 0; c < 3; c++) {
			const int v = s->im.rgb[3 * i + c];

			f->colour[c * DET_COLOUR_BINS + (size_t)(v / 10.24)]++;
			for (size_t k = 0; k < 4; k++) {
				const size_t code =
				    s->texture.code[c * s->im.w * s->im.h + i] >>
					8 * k &
				    0xff;
				double *at = f->texture + c * DET_TEXTURE_SIZE + 20 * k;

				at[code < 10 ? code : 0]++;
				at[10 + (code >= 10 ? code - 10 : 0)]++;
			}
		}
	}
	for (size_t i = 0; i < sizeof f->colour / sizeof *f->colour; i++)
		f->colour[i] /= 3 * f->size;
	for (size_t i = 0; i < sizeof f->texture / sizeof *f->texture; i++)
		f->texture[i] /= 24 * f->size;
}

static double
alike(const struct scene *s, const uint32_t *part_of, uint32_t a, uint32_t b,
    unsigned like)
{
	const double area = (double)(s->im.w * s->im.h);
	struct figure x, y;
	double sum = 0;

	figure(&x, s, part_of, a);
	figure(&y, s, part_of, b);
	for (size_t i = 0; like & DET_LIKE_COLOUR && i < 3 * DET_COLOUR_BINS; i++)
		sum += fmin(x.colour[i], y.colour[i]);
	for (size_t i = 0; like & DET_LIKE_TEXTURE && i < 3 * DET_TEXTURE_SIZE; i++)
		sum += fmin(x.texture[i], y.texture[i]);
	if (like & DET_LIKE_SIZE)
		sum += 1 - (x.size + y.size) / area;
	if (like & DET_LIKE_FILL)
		sum += 1 - ((fmax(x.x2, y.x2) - fmin(x.x1, y.x1)) *
				   (fmax(x.y2, y.y2) - fmin(x.y1, y.y1)) -
			       x.size - y.size) /
			       area;
	return sum;
}

/* Whether pixels of the two groups touch, at a side or a corner. */
static int
touch(const struct scene *s, const uint32_t *part_of, uint32_t a, uint32_t b)
{
	const long w = (long)s->im.w, h = (long)s->im.h;

	for (long i = 0; i < w * h; i++)
		for (long k = 0; k < 9; k++) {
			const long x = i % w + k % 3 - 1, y = i / w + k / 3 - 1;

			if (x >= 0 && x < w && y >= 0 && y < h &&
			    part_of[s->labels.label[i]] == a &&
			    part_of[s->labels.label[y * w + x]] == b)
				return 1;
		}
	return 0;
}

static void
test_similarity(void)
{
	uint32_t own[MOST];
	struct scene s;
	double off = 0;
	int pairs = 0;

	scene(&s, 23, 17, 6, 0);
	for (uint32_t i = 0; i < MOST; i++)
		own[i] = i;
	for (uint32_t a = 0; a < s.regions.n; a++)
		for (uint32_t b = 0; b < s.regions.n; b++) {
			int listed = 0;

			for (unsigned like = 1; like < 16; like++)
				off = worse(off, fabs(alike(&s, own, a, b, like) -
						      (double)det_regions_alike(
							  &s.regions, a, b, like)));
			for (size_t i = 0; i < s.regions.pairs; i++)
				listed += s.regions.pair[i][0] == a &&
					  s.regions.pair[i][1] == b;
			pairs += listed != (a < b && touch(&s, own, a, b));
		}
	ok(off < 2e-6, "similarities of %zu regions, by all sums: off by %.2g",
	    s.regions.n, off);
	ok(pairs == 0, "neighbours: %d pairs wrong", pairs);
	scene_end(&s);
}

/* At each step the pair that was joined must be the best of all, and of equal ones the
 * first, by what the pixels say. `exact`: similarities have no rounding to forgive. */
static void
test_grouping(size_t w, size_t h, size_t cell, int flat, unsigned like, int exact)
{
	struct det_group group[MOST];
	uint32_t part_of[MOST];
	struct scene s;
	double short_of = 0;
	int wrong = 0;
	size_t n, cut;

	scene(&s, w, h, cell, flat);
	cut = s.regions.n;
	must(det_regions_group(group, &n, &s.regions, like));
	for (uint32_t i = 0; i < cut; i++) {
		part_of[i] = i;
		wrong += group[i].level != 1 || group[i].part[0] != i;
	}
	for (uint32_t g = (uint32_t)cut; g < n; g++) {
		const uint32_t *of = group[g].part;
		const double got = alike(&s, part_of, of[0], of[1], like);
		double best = -1;
		uint32_t first[2] = { 0, 0 };
		struct figure f;

		wrong += of[0] >= of[1] || !touch(&s, part_of, of[0], of[1]);
		for (uint32_t a = 0; a < g; a++)
			for (uint32_t b = a + 1; b < g; b++) {
				double v;

				if (!touch(&s, part_of, a, b))
					continue;
				v = alike(&s, part_of, a, b, like);
				if (v > best + 1e-9)
					first[0] = a, first[1] = b, best = v;
			}
		short_of = worse(short_of, best - got);
		wrong += exact && (first[0] != of[0] || first[1] != of[1]);
		for (uint32_t i = 0; i < cut; i++)
			if (part_of[i] == of[0] || part_of[i] == of[1])
				part_of[i] = g;
		figure(&f, &s, part_of, g);
		wrong += f.x1 != group[g].box.x1 || f.y1 != group[g].box.y1 ||
			 f.x2 != group[g].box.x2 || f.y2 != group[g].box.y2;
		wrong += group[g].level != 1 + (group[of[0]].level > group[of[1]].level
						       ? group[of[0]].level
						       : group[of[1]].level);
	}
	ok(n == 2 * cut - 1 && wrong == 0 && short_of < 4e-6,
	    "%zux%zu, %zu regions by %u: %d wrong, at most %.2g short of the best", w,
	    h, cut, like, wrong, short_of);
	scene_end(&s);
}

static void
paint(struct det_image *im, size_t w, size_t h)
{
	must(det_image_new(im, w, h));
	for (size_t i = 0; i < w * h; i++) {
		const size_t x = i % w, y = i / w;
		const int in = (int)((x / 23 + y / 19) % 3);

		for (size_t c = 0; c < 3; c++)
			im->rgb[3 * i + c] =
			    (unsigned char)(40 + 60 * in + (int)(c * x / 4) % 60 +
					    (int)det_random_below(&chance, 12));
	}
}

static int
same(const struct det_boxes *a, const struct det_boxes *b, size_t n)
{
	if (a->n < n || b->n < n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (a->box[i].x1 != b->box[i].x1 || a->box[i].y1 != b->box[i].y1 ||
		    a->box[i].x2 != b->box[i].x2 || a->box[i].y2 != b->box[i].y2)
			return 0;
	return 1;
}

static int
by_place(const void *a, const void *b)
{
	const struct det_box *x = a, *y = b;
	const double d[4] = { x->x1 - y->x1, x->y1 - y->y1, x->x2 - y->x2,
		x->y2 - y->y2 };

	for (int i = 0; i < 4; i++)
		if (d[i] != 0)
			return d[i] < 0 ? -1 : 1;
	return 0;
}

static void
sort(struct det_boxes *b)
{
	qsort(b->box, b->n, sizeof *b->box, by_place);
}

static int
odd_boxes(const struct det_boxes *b, const struct det_image *im, double least)
{
	int odd = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct det_box *x = &b->box[i];

		odd += !(x->x1 >= 0 && x->y1 >= 0 && x->x2 <= (double)im->w &&
			 x->y2 <= (double)im->h && x->x2 - x->x1 >= least &&
			 x->y2 - x->y1 >= least && x->label == -1 &&
			 x->score == (double)(b->n - i) / (double)b->n);
	}
	return odd;
}

static void
test_search(int mode, int rules)
{
	struct det_selective_params p = DET_SELECTIVE_DEFAULTS;
	struct det_boxes a = { 0 }, b = { 0 };
	const char *what = det_selective_rules_names[rules],
		   *how = det_selective_mode_names[mode];
	struct det_image im;
	size_t twice = 0;

	paint(&im, 160, 120);
	p.mode = mode;
	p.rules = rules;
	p.max = 0;
	must(det_selective_search(&a, &im, &p, 1));
	ok(a.n > 30 && odd_boxes(&a, &im, rules == DET_SELECTIVE_PAPER ? 20 : 1) == 0,
	    "%s %s: %zu boxes in the picture, scores fall", what, how, a.n);
	must(det_selective_search(&b, &im, &p, 3));
	ok(a.n == b.n && same(&a, &b, a.n), "the same in three threads");
	p.max = 17;
	must(det_selective_search(&b, &im, &p, 1));
	ok(b.n == 17 && same(&a, &b, 17), "the first 17");
	p.max = 0;
	p.seed = 2;
	must(det_selective_search(&b, &im, &p, 1));
	ok(a.n == b.n && !same(&a, &b, a.n), "another seed, another order");
	sort(&a);
	sort(&b);
	for (size_t i = 1; i < a.n; i++)
		twice += by_place(&a.box[i - 1], &a.box[i]) == 0;
	ok(same(&a, &b, a.n) && twice == 0, "of the same boxes, each once");
	p.min_side = 40;
	must(det_selective_search(&b, &im, &p, 1));
	ok(b.n > 0 && b.n < a.n && odd_boxes(&b, &im, 40) == 0,
	    "sides of 40 and more: %zu", b.n);
	det_boxes_release(&a);
	det_boxes_release(&b);
	det_image_release(&im);
}

static void
test_small(size_t w, size_t h, int flat)
{
	struct det_boxes b = { 0 };
	struct det_image im;
	int bad = 0;

	must(det_image_new(&im, w, h));
	for (size_t i = 0; i < 3 * w * h; i++)
		im.rgb[i] = flat ? 200 : (unsigned char)det_random_below(&chance, 256);
	for (int i = 0; i < 4; i++) {
		struct det_selective_params p = DET_SELECTIVE_DEFAULTS;
		int whole = 0;

		p.mode = i / 2;
		p.rules = i % 2;
		p.min_side = 0;
		must(det_selective_search(&b, &im, &p, 2));
		for (size_t k = 0; k < b.n; k++)
			whole += b.box[k].x1 == 0 && b.box[k].y1 == 0 &&
				 b.box[k].x2 == (double)w && b.box[k].y2 == (double)h;
		bad += whole != 1 || (flat && b.n != 1) || odd_boxes(&b, &im, 1);
	}
	ok(bad == 0, "%s %zux%zu: the whole picture, once: %d of 4 have it not",
	    flat ? "flat" : "random", w, h, bad);
	det_boxes_release(&b);
	det_image_release(&im);
}

static void
test_refused(void)
{
	struct det_selective_params p = DET_SELECTIVE_DEFAULTS;
	struct det_image none = { 0 }, wide = { 65536, 1, NULL };
	struct det_boxes b = { 0 };

	ok(det_selective_search(&b, &none, &p, 1) == DET_LIMIT, "no pixel");
	ok(det_selective_search(&b, &wide, &p, 1) == DET_LIMIT, "a side of 65536");
	p.mode = 2;
	ok(det_selective_search(&b, &none, &p, 1) == DET_INVALID, "no such mode");
}

int
main(void)
{
	det_random_seed(&chance, 1, 0);
	test_similarity();
	for (unsigned like = 1; like < 16; like++)
		test_grouping(24, 18, 6, 0, like, 0);
	/* equal cells, equal pixels: nearly all similarities are equal */
	test_grouping(24, 18, 6, 1, DET_LIKE_SIZE, 1);
	test_grouping(20, 20, 5, 1, DET_LIKE_SIZE, 1);
	test_grouping(24, 18, 6, 1, DET_LIKE_COLOUR, 1);
	test_grouping(9, 1, 1, 1, DET_LIKE_COLOUR, 1);
	test_grouping(25, 19, 6, 1, DET_LIKE_SIZE | DET_LIKE_FILL, 1);
	test_grouping(5, 4, 9, 0, 15, 1);
	for (int i = 0; i < 4; i++)
		test_search(i / 2, i % 2);
	test_small(1, 1, 0);
	test_small(97, 1, 0);
	test_small(1, 50, 0);
	test_small(2, 2, 0);
	test_small(64, 48, 1);
	test_refused();
	return done();
}
