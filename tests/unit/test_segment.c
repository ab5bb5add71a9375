/* SPDX-License-Identifier: MIT
 *
 * Colour spaces against numbers of OpenCV 4.6; the edges of pixels against a plain
 * computation in double; segmentation against one that relabels the picture at each step;
 * texture codes against sums over a window.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "region/texture.h"
#include "region/segment.h"
#include "tests/unit/tap.h"

#define MOST 1024 /* pixels of a test picture */

static struct det_random chance;
/* of all, so that they are used again */
static struct det_cutter *cutter;
static struct det_patches patches;

static void
must(enum det_err e)
{
	if (e) {
		(void)printf("Bail out! %s\n", det_errmsg());
		exit(1);
	}
}

/* Of `levels` levels a channel: few make many ties. */
static void
picture(struct det_image *im, size_t w, size_t h, uint64_t levels)
{
	must(det_image_new(im, w, h));
	for (size_t i = 0; i < 3 * w * h; i++)
		im->rgb[i] =
		    (unsigned char)(det_random_below(&chance, levels) * (255 / levels));
}

static void
test_colours(void)
{
	/* clang-format off */
	static const unsigned char gold[][4][3] = {
		{ { 0, 0, 0 }, { 0, 0, 0 }, { 0, 128, 128 }, { 0 } },
		{ { 255, 255, 255 }, { 0, 0, 255 }, { 255, 128, 128 }, { 255 } },
		{ { 255, 0, 0 }, { 0, 255, 255 }, { 136, 208, 195 }, { 76 } },
		{ { 0, 255, 0 }, { 60, 255, 255 }, { 224, 42, 211 }, { 150 } },
		{ { 0, 0, 255 }, { 120, 255, 255 }, { 82, 207, 20 }, { 29 } },
		{ { 128, 128, 128 }, { 0, 0, 128 }, { 137, 128, 128 }, { 128 } },
		{ { 12, 200, 77 }, { 70, 240, 200 }, { 181, 61, 177 }, { 130 } },
		{ { 200, 13, 90 }, { 168, 238, 200 }, { 110, 197, 137 }, { 78 } },
		{ { 90, 30, 222 }, { 129, 221, 222 }, { 89, 195, 43 }, { 70 } },
		{ { 255, 254, 253 }, { 15, 2, 255 }, { 254, 128, 129 }, { 254 } },
		{ { 10, 11, 9 }, { 45, 46, 11 }, { 8, 126, 129 }, { 10 } },
		{ { 140, 200, 30 }, { 41, 217, 200 }, { 189, 86, 198 }, { 163 } },
	};
	/* clang-format on */
	struct det_colours hsv = { 0 }, hue = { 0 }, lab = { 0 }, grey = { 0 },
			   rgg = { 0 };
	const size_t n = sizeof gold / sizeof *gold;
	int as_hsv = 0, as_lab = 0, as_grey = 0, as_rest = 0;
	struct det_image im;

	must(det_image_new(&im, n, 1));
	for (size_t i = 0; i < n; i++)
		memcpy(im.rgb + 3 * i, gold[i][0], 3);
	must(det_colours_make(&hsv, &im, DET_COLOUR_HSV180));
	must(det_colours_make(&hue, &im, DET_COLOUR_HUE180));
	must(det_colours_make(&lab, &im, DET_COLOUR_LAB));
	must(det_colours_make(&grey, &im, DET_COLOUR_GREY));
	must(det_colours_make(&rgg, &im, DET_COLOUR_RED_GREEN_GREY));
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < 3; c++) {
			as_hsv += hsv.plane[c][i] != gold[i][1][c];
			as_lab += abs(lab.plane[c][i] - gold[i][2][c]) > 1;
		}
		as_grey += grey.plane[0][i] != gold[i][3][0];
		as_rest += hue.plane[0][i] != hsv.plane[0][i] ||
			   rgg.plane[0][i] != gold[i][0][0] ||
			   rgg.plane[1][i] != gold[i][0][1] ||
			   rgg.plane[2][i] != grey.plane[0][i];
	}
	ok(hsv.n == 3 && hue.n == 1 && lab.n == 3 && grey.n == 1 && rgg.n == 3,
	    "channels");
	ok(as_hsv == 0, "HSV is OpenCV's to the bit: %d others", as_hsv);
	ok(as_lab == 0, "Lab is within one step of OpenCV's: %d others", as_lab);
	ok(as_grey == 0, "grey is OpenCV's to the bit: %d others", as_grey);
	ok(as_rest == 0, "hue, and red-green-grey, are made of them: %d others",
	    as_rest);
	must(det_colours_make(&hsv, &im, DET_COLOUR_HSV));
	must(det_colours_make(&rgg, &im, DET_COLOUR_RGI));
	/* pure green is at a third of the turn, pure blue at two */
	ok(hsv.plane[0][2] == 0 && hsv.plane[0][3] == 85 && hsv.plane[0][4] == 170,
	    "hue of 255 steps");
	ok(rgg.plane[0][0] == 85 && rgg.plane[0][2] == 255 && rgg.plane[1][2] == 0 &&
		rgg.plane[0][5] == 85,
	    "shares of the sum: a third for black and grey");
	det_colours_release(&hsv);
	det_colours_release(&hue);
	det_colours_release(&lab);
	det_colours_release(&grey);
	det_colours_release(&rgg);
	det_image_release(&im);
}

/* The weight of each edge in steps, by its number; -1: there is none. The result is how many
 * are wrong in the lists of the tiles: twice or not in order. */
static int
weights(int *out, const struct det_colours *c, const struct det_edges_params *p)
{
	struct det_edges e = { 0 };
	size_t tiles = 0;
	int wrong = 0;

	must(det_edges_start(&e, c, p));
	for (size_t k = 0; k < e.w * e.h * e.ways; k++)
		out[k] = -1;
	for (; det_edges_next(&e); tiles++)
		for (size_t i = 0; i < e.n; i++) {
			const size_t at = DET_EDGE_PIXEL(e.edge[i]);
			const size_t x = tiles % e.across * DET_TILE + at % DET_TILE;
			const size_t y = tiles / e.across * DET_TILE + at / DET_TILE;
			const size_t n =
			    (y * e.w + x) * e.ways + DET_EDGE_WAY(e.edge[i]);

			wrong += i > 0 && (e.weight[i] < e.weight[i - 1] ||
					      (e.weight[i] == e.weight[i - 1] &&
						  !(e.edge[i - 1] & DET_EDGE_FOREIGN) &&
						  e.edge[i] <= e.edge[i - 1]));
			if (e.edge[i] & DET_EDGE_FOREIGN)
				continue;
			wrong += out[n] != -1;
			out[n] = e.weight[i];
		}
	wrong += tiles != e.across * e.down;
	det_edges_release(&e);
	return wrong;
}

/* The index that a filter reads for i. */
static long
reach(long i, long n, enum det_blur rule)
{
	while (n > 1 && rule == DET_BLUR_MIRROR && (i < 0 || i >= n))
		i = i < 0 ? -i : 2 * (n - 1) - i;
	return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static double
smooth(const unsigned char *p, long w, long h, long x, long y, double sigma,
    enum det_blur rule, long radius)
{
	double sum = 0, all = 0;

	for (long j = -radius; j <= radius; j++)
		for (long i = -radius; i <= radius; i++) {
			const double t =
			    exp(-.5 * (double)(i * i + j * j) / (sigma * sigma));

			sum += t * p[reach(y + j, h, rule) * w + reach(x + i, w, rule)];
			all += t;
		}
	return sum / all;
}

static void
test_edges(size_t w, size_t h, enum det_blur rule, double sigma, long radius)
{
	static int got[4 * MOST];
	const long dx[4] = { 1, 0, 1, 1 }, dy[4] = { 0, 1, 1, -1 };
	const struct det_edges_params p = { sigma, rule, 1, 1 };
	struct det_colours c = { 0 };
	struct det_image im;
	double off = 0;
	int wrong = 0, falls;

	picture(&im, w, h, 255);
	must(det_colours_make(&c, &im, DET_COLOUR_RGB));
	falls = weights(got, &c, &p);
	for (long k = 0; k < 4 * (long)(w * h); k++) {
		const long x = k / 4 % (long)w, y = k / 4 / (long)w;
		const long x2 = x + dx[k % 4], y2 = y + dy[k % 4];
		double d = 0;

		if (x2 >= (long)w || y2 < 0 || y2 >= (long)h) {
			wrong += got[k] != -1;
			continue;
		}
		for (size_t n = 0; n < 3; n++) {
			const double a = smooth(
			    c.plane[n], (long)w, (long)h, x, y, sigma, rule, radius);
			const double b = smooth(
			    c.plane[n], (long)w, (long)h, x2, y2, sigma, rule, radius);

			d += (a - b) * (a - b);
		}
		wrong += got[k] < 0;
		off = worse(off, fabs(got[k] - sqrt(d) * DET_SEGMENT_STEPS));
	}
	ok(wrong == 0 && off < .51, "weights %zux%zu: %d wrong, off by %.3f of a step",
	    w, h, wrong, off);
	ok(falls == 0, "each once, in order, ties by number: %d are not", falls);
	det_colours_release(&c);
	det_image_release(&im);
}

/* By the words of the paper: an array of regions, all of it rewritten at every step. */
static void
naive(uint32_t *region, const int *weight, size_t w, size_t h, unsigned ways, float k,
    size_t least)
{
	static float limit[MOST];
	static char joined[4 * MOST];
	const long step[4] = { 1, (long)w, (long)w + 1, 1 - (long)w };
	const size_t area = w * h;
	uint32_t n = 0;

	memset(joined, 0, sizeof joined);
	for (size_t i = 0; i < area; i++) {
		region[i] = (uint32_t)i;
		limit[i] = k;
	}
	for (int pass = 0; pass < 2; pass++)
		for (int v = 0; v < 65536; v++)
			for (size_t e = 0; e < area * ways; e++) {
				size_t na = 0, nb = 0;
				const float x = (float)v / DET_SEGMENT_STEPS;
				uint32_t a, b;

				if (weight[e] != v)
					continue;
				a = region[e / ways];
				b = region[(size_t)((long)(e / ways) + step[e % ways])];
				if (a == b ||
				    (pass == 0 && (x > limit[a] || x > limit[b])))
					continue;
				for (size_t i = 0; i < area; i++) {
					na += region[i] == a;
					nb += region[i] == b;
				}
				if (pass == 1 && na >= least && nb >= least)
					continue;
				for (size_t i = 0; i < area; i++)
					if (region[i] == b)
						region[i] = a;
				limit[a] = x + k / (float)(na + nb);
			}
	/* numbers in the order of first pixels, above all that are in use */
	for (size_t i = 0; i < area; i++) {
		const uint32_t a = region[i];

		if (a >= area)
			continue;
		for (size_t j = i; j < area; j++)
			if (region[j] == a)
				region[j] = (uint32_t)area + n;
		n++;
	}
	for (size_t i = 0; i < area; i++)
		region[i] -= (uint32_t)area;
}

static void
test_segment(size_t w, size_t h, int corners, uint64_t levels, double k, long least)
{
	static int weight[4 * MOST];
	static uint32_t want[MOST];
	const struct det_edges_params p = { 0, DET_BLUR_CLAMP, corners, 1 };
	struct det_labels got = { 0 };
	struct det_colours c = { 0 };
	struct det_image im;
	int wrong = 0;

	picture(&im, w, h, levels);
	must(det_colours_make(&c, &im, DET_COLOUR_RGB));
	must(det_patches_make(&patches, &c, &p, k / 3, 2 * k));
	must(det_segment(&got, &cutter, &patches, k, least));
	wrong += weights(weight, &c, &p);
	naive(want, weight, w, h, corners ? 4 : 2, (float)k, (size_t)least);
	for (size_t i = 0; i < w * h; i++)
		wrong += got.label[i] != want[i];
	ok(wrong == 0, "%zux%zu, %d neighbours, k %g, least %ld: %zu regions, %d wrong",
	    w, h, corners ? 8 : 4, k, least, got.n, wrong);
	det_labels_release(&got);
	det_colours_release(&c);
	det_image_release(&im);
}

/* The procedure without tiles: all edges in their order, and a tree of pixels. */
struct tree {
	uint32_t up, size;
	float limit;
};

static uint32_t
root(struct tree *t, uint32_t i)
{
	while (t[i].up != i)
		i = t[i].up = t[t[i].up].up;
	return i;
}

static int
by_weight(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
plain(struct tree *t, const int *weight, size_t w, size_t h, unsigned ways, float k,
    uint32_t least)
{
	const long step[4] = { 1, (long)w, (long)w + 1, 1 - (long)w };
	const size_t all = w * h * ways;
	uint64_t *order = malloc(all * sizeof *order);
	size_t n = 0;

	for (size_t i = 0; i < all; i++)
		if (weight[i] >= 0)
			order[n++] = (uint64_t)weight[i] << 32 | i;
	qsort(order, n, sizeof *order, by_weight);
	for (uint32_t i = 0; i < w * h; i++)
		t[i] = (struct tree){ i, 1, k };
	for (size_t i = 0; i < 2 * n; i++) {
		const size_t e = order[i % n] & UINT32_MAX;
		const float x = (float)(order[i % n] >> 32) / DET_SEGMENT_STEPS;
		const uint32_t a = root(t, (uint32_t)(e / ways));
		const uint32_t b =
		    root(t, (uint32_t)((long)(e / ways) + step[e % ways]));

		if (a == b || (i < n && (x > t[a].limit || x > t[b].limit)) ||
		    (i >= n && t[a].size >= least && t[b].size >= least))
			continue;
		t[b].up = a;
		t[a].size += t[b].size;
		t[a].limit = x + k / (float)t[a].size;
	}
	free(order);
}

/* Of the plain picture's edges those whose weight is another, or missing. */
static size_t
other_weights(const int *weight, const struct det_colours *c, unsigned ways)
{
	const long dx[4] = { 1, 0, 1, 1 }, dy[4] = { 0, 1, 1, -1 };
	size_t n = 0;

	for (size_t i = 0; i < c->w * c->h * ways; i++) {
		const long x = (long)(i / ways % c->w) + dx[i % ways];
		const long y = (long)(i / ways / c->w) + dy[i % ways];
		double d = 0;

		if (x >= (long)c->w || y < 0 || y >= (long)c->h) {
			n += weight[i] != -1;
			continue;
		}
		for (size_t k = 0; k < 3; k++)
			d += pow((double)c->plane[k][i / ways] -
				     c->plane[k][(size_t)y * c->w + (size_t)x],
			    2);
		n += fabs(sqrt(d) * DET_SEGMENT_STEPS - weight[i]) > .51;
	}
	return n;
}

/* Of one cutting: the pixels whose region is another than in the plain procedure. */
static size_t
other_labels(uint32_t *n, const struct det_labels *got, const int *weight, int corners,
    float k, uint32_t least)
{
	const size_t area = got->w * got->h;
	uint32_t *seen = malloc(area * sizeof *seen);
	struct tree *tree = malloc(area * sizeof *tree);
	size_t odd = 0;

	*n = 0;
	plain(tree, weight, got->w, got->h, corners ? 4 : 2, k, least);
	for (size_t i = 0; i < area; i++)
		seen[i] = UINT32_MAX;
	for (uint32_t i = 0; i < area; i++) {
		const uint32_t r = root(tree, i);

		seen[r] = seen[r] == UINT32_MAX ? (*n)++ : seen[r];
		odd += got->label[i] != seen[r];
	}
	free(seen);
	free(tree);
	return odd;
}

/* Pictures of several tiles: patches, which pass from tile to tile, and noise; cut at the
 * ends of a range of scales, and between. */
static void
test_tiles(size_t w, size_t h, int corners, uint64_t levels, double k, uint32_t least)
{
	const struct det_edges_params p = { 0, DET_BLUR_CLAMP, corners, 1 };
	int *weight = malloc(4 * w * h * sizeof *weight), wrong;
	struct det_labels got = { 0 };
	struct det_colours c = { 0 };
	struct det_image im;
	size_t others;

	must(det_image_new(&im, w, h));
	for (size_t i = 0; i < 3 * w * h; i++) {
		const size_t x = i / 3 % w, y = i / 3 / w;

		im.rgb[i] = (unsigned char)((x / 40 + y / 30) * 37 % 150 +
					    det_random_below(&chance, levels));
	}
	must(det_colours_make(&c, &im, DET_COLOUR_RGB));
	wrong = weights(weight, &c, &p);
	others = other_weights(weight, &c, corners ? 4 : 2);
	ok(wrong == 0 && others == 0, "%zux%zu, edges of tiles: %d wrong, %zu others",
	    w, h, wrong, others);
	must(det_patches_make(&patches, &c, &p, k / 2, 2 * k));
	for (int i = -1; i <= 1; i++) {
		const double scale = ldexp(k, i);
		size_t odd;
		uint32_t n;

		must(det_segment(&got, &cutter, &patches, scale, (long)least));
		odd = other_labels(&n, &got, weight, corners, (float)scale, least);
		ok(odd == 0 && got.n == n,
		    "k %g, least %u: %zu patches, %zu regions, %u wanted, %zu pixels "
		    "wrong",
		    scale, least, patches.n, got.n, n, odd);
	}
	free(weight);
	det_labels_release(&got);
	det_colours_release(&c);
	det_image_release(&im);
}

static void
test_texture(size_t w, size_t h)
{
	static const int across[3] = { 3, 10, 3 };
	static int way[4][MOST];
	int top[4][2] = { { 0 } }, wrong = 0;
	struct det_texture t = { 0 };
	struct det_colours c = { 0 };
	struct det_image im;

	picture(&im, w, h, 255);
	must(det_colours_make(&c, &im, DET_COLOUR_GREY));
	must(det_texture_make(&t, &c, DET_GRADIENT_SCHARR));
	for (size_t i = 0; i < w * h; i++) {
		int gx = 0, gy = 0;

		for (long k = 0; k < 9; k++) {
			const long dx = k % 3 - 1, dy = k / 3 - 1;
			const long x =
			    reach((long)(i % w) + dx, (long)w, DET_BLUR_MIRROR);
			const long y =
			    reach((long)(i / w) + dy, (long)h, DET_BLUR_MIRROR);
			const int v = c.plane[0][(size_t)y * w + (size_t)x];

			gx += v * (int)dx * across[dy + 1];
			gy += v * (int)dy * across[dx + 1];
		}
		way[0][i] = gx, way[1][i] = gy, way[2][i] = gx + gy,
		way[3][i] = gy - gx;
		for (int k = 0; k < 4; k++) {
			top[k][0] = way[k][i] > top[k][0] ? way[k][i] : top[k][0];
			top[k][1] = -way[k][i] > top[k][1] ? -way[k][i] : top[k][1];
		}
	}
	for (size_t i = 0; i < w * h; i++)
		for (int k = 0; k < 4; k++) {
			const int v = way[k][i], most = top[k][v < 0];
			const double byte =
			    most ? floor(abs(v) * 255.0 / most + .5) : 0;
			const unsigned bin = (unsigned)(byte / 25.6);
			const unsigned want =
			    bin ? bin + (v < 0 ? DET_TEXTURE_BINS : 0) : 0;

			wrong += (t.code[i] >> 8 * k & 0xff) != want;
		}
	ok(wrong == 0, "texture of %zux%zu: %d codes wrong", w, h, wrong);
	det_texture_release(&t);
	det_colours_release(&c);
	det_image_release(&im);
}

/* A plane that rises to the right and falls downwards by the same has no derivative along
 * one diagonal; those of a flat one are all 0. */
static void
test_gauss(void)
{
	struct det_texture t = { 0 };
	struct det_colours c = { 0 };
	struct det_image im;
	int odd = 0, rises = 0;

	must(det_image_new(&im, 24, 24));
	for (size_t i = 0; i < 24 * 24; i++)
		memset(im.rgb + 3 * i, (int)(120 + 5 * (i % 24) - 5 * (i / 24)), 3);
	must(det_colours_make(&c, &im, DET_COLOUR_GREY));
	must(det_texture_make(&t, &c, DET_GRADIENT_GAUSS));
	for (size_t y = 4; y < 20; y++)
		for (size_t x = 4; x < 20; x++) {
			const uint32_t code = t.code[y * 24 + x];

			odd += (code >> 16 & 0xff) != 0;
			rises += (code & 0xff) == 9 && (code >> 8 & 0xff) == 19 &&
				 code >> 24 == 19;
		}
	ok(odd == 0 && rises == 16 * 16,
	    "Gaussian derivatives of a slope: %d odd, %d of 256 right", odd, rises);
	memset(im.rgb, 77, (size_t)3 * 24 * 24);
	must(det_colours_make(&c, &im, DET_COLOUR_RGB));
	must(det_texture_make(&t, &c, DET_GRADIENT_GAUSS));
	odd = 0;
	for (size_t i = 0; i < (size_t)3 * 24 * 24; i++)
		odd += t.code[i] != 0;
	ok(odd == 0, "of a flat picture none: %d", odd);
	det_texture_release(&t);
	det_colours_release(&c);
	det_image_release(&im);
}

static void
test_refused(void)
{
	struct det_edges_params p = { .8, DET_BLUR_CLAMP, 0, 1 };
	unsigned char one = 0;
	struct det_colours c = { 1, 1, 1, { &one, NULL, NULL } },
			   wide = { DET_SEGMENT_PIXELS + 1, 1, 1,
				   { &one, NULL, NULL } };
	struct det_labels l = { 0 };
	struct det_patches *a = &patches;

	ok(det_patches_make(a, &wide, &p, 1, 2) == DET_LIMIT, "too many pixels");
	p.sigma = NAN;
	ok(det_patches_make(a, &c, &p, 1, 2) == DET_INVALID, "sigma");
	p.sigma = .8;
	p.gain = 0;
	ok(det_patches_make(a, &c, &p, 1, 2) == DET_INVALID, "gain");
	p.gain = 1;
	ok(det_patches_make(a, &c, &p, 2, 1) == DET_INVALID &&
		det_patches_make(a, &c, &p, -1, 1) == DET_INVALID &&
		det_patches_make(a, &c, &p, 0, NAN) == DET_INVALID,
	    "a range of scales");
	must(det_patches_make(a, &c, &p, 50, 100));
	ok(a->n == 1 && a->links == 0, "one pixel has no edges");
	ok(det_segment(&l, &cutter, a, 49, 0) == DET_INVALID &&
		det_segment(&l, &cutter, a, 101, 0) == DET_INVALID &&
		det_segment(&l, &cutter, a, NAN, 0) == DET_INVALID,
	    "a scale beyond it");
	ok(det_segment(&l, &cutter, a, 60, -1) == DET_INVALID, "size");
	must(det_segment(&l, &cutter, a, 100, 100));
	ok(l.n == 1 && l.label[0] == 0, "and is one region");
	det_labels_release(&l);
}

int
main(void)
{
	det_random_seed(&chance, 1, 0);
	test_colours();
	test_edges(13, 9, DET_BLUR_MIRROR, .8, 3);
	test_edges(13, 9, DET_BLUR_CLAMP, .8, 4);
	test_edges(3, 2, DET_BLUR_MIRROR, 1.5, 6);
	test_edges(17, 1, DET_BLUR_CLAMP, .5, 2);
	for (int corners = 0; corners < 2; corners++) {
		test_segment(17, 13, corners, 3, 300, 0);
		test_segment(17, 13, corners, 3, 300, 12);
		test_segment(16, 16, corners, 255, 900, 20);
		test_segment(29, 7, corners, 5, 100, 6);
		test_segment(31, 1, corners, 4, 200, 3);
		test_segment(1, 31, corners, 4, 200, 3);
		test_segment(11, 11, corners, 1, 1, 5);
	}
	for (int corners = 0; corners < 2; corners++) {
		test_tiles(600, 270, corners, 3, 300, 40);
		test_tiles(DET_TILE + 1, 2 * DET_TILE, corners, 40, 100, 50);
		test_tiles(2 * DET_TILE, DET_TILE, corners, 40, 1000, 0);
		test_tiles(3 * DET_TILE - 1, 1, corners, 20, 50, 5);
		test_tiles(1, DET_TILE + 9, corners, 20, 50, 5);
		test_tiles(700, 300, corners, 1, 1, 1);
	}
	test_texture(17, 11);
	test_texture(1, 9);
	test_texture(8, 1);
	test_gauss();
	test_refused();
	det_cutter_free(cutter);
	det_patches_release(&patches);
	return done();
}
