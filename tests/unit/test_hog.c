/* SPDX-License-Identifier: MIT
 *
 * HOG against a transcription of its rules in double precision that knows no shared cells and
 * no order of sums: each number of each window is a sum over the pixels of its block, each
 * pixel a sum over the whole picture.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "roi/hog_impl.h"
#include "roi/rows.h"
#include "tests/unit/rnd.h"
#include "tests/unit/tap.h"

enum { W = 57, H = 43, STRIDE = 61, C = 3, MOST = 200 };

static float image[C * (H + 2) * STRIDE];
static const struct det_norm norm = { 0, 1.0 / 255, { .4, .5, .6 }, { .25, .5, 2 } };

static struct det_warp_picture
picture(void)
{
	return (struct det_warp_picture){ image, C, H, W, STRIDE,
		(size_t)(H + 2) * STRIDE, 3, 2 };
}

/* How much picture pixel k counts in a pixel with this centre, not yet normalised. */
static double
tent(double k, double centre, double step)
{
	double reach = step > 1 ? step : 1, d = fabs(k + .5 - centre);

	return d < reach ? 1 - d / reach : 0;
}

static double
nearest(double centre, double pixels)
{
	return fmin(fmax(floor(centre), 0), pixels - 1);
}

/* A channel of the picture, as bytes, at a place. */
static double
value(size_t c, double cx, double cy, double sx, double sy)
{
	double sum = 0, wx[W], wy[H], tx = 0, ty = 0;

	for (int x = 0; x < W; x++)
		tx += wx[x] = tent(x, cx, sx);
	for (int y = 0; y < H; y++)
		ty += wy[y] = tent(y, cy, sy);
	for (int x = 0; x < W && tx <= 0; x++)
		wx[x] = x == nearest(cx, W);
	for (int y = 0; y < H && ty <= 0; y++)
		wy[y] = y == nearest(cy, H);
	for (int y = 0; y < H; y++)
		for (int x = 0; x < W && wy[y] > 0; x++)
			sum +=
			    wy[y] * wx[x] *
			    (double)
				image[(c * (H + 2) + (size_t)y) * STRIDE + (size_t)x];
	return sum / (tx > 0 ? tx : 1) / (ty > 0 ? ty : 1) * norm.std[c] / norm.scale;
}

struct pixel {
	double length, angle; /* degrees, [0,180) */
};

/* The window of a box, pixel by pixel. */
static void
gradients(struct pixel *g, const struct det_box *b, const struct det_hog_params *p)
{
	const double sx = (b->x2 - b->x1) / (double)(p->w - 2 * p->context);
	const double sy = (b->y2 - b->y1) / (double)(p->h - 2 * p->context);
	const double left = b->x1 - 3 - (double)p->context * sx;
	const double top = b->y1 - 2 - (double)p->context * sy;
	const size_t w = (size_t)p->w + 2, h = (size_t)p->h + 2;
	double *v = malloc(C * w * h * sizeof *v);

	for (size_t c = 0; c < C; c++)
		for (size_t y = 0; y < h; y++)
			for (size_t x = 0; x < w; x++)
				v[(c * h + y) * w + x] =
				    value(c, left + ((double)x - .5) * sx,
					top + ((double)y - .5) * sy, sx, sy);
	for (size_t y = 1; y + 1 < h; y++)
		for (size_t x = 1; x + 1 < w; x++) {
			struct pixel best = { -1, 0 };

			for (size_t c = 0; c < C; c++) {
				const double *at = v + (c * h + y) * w + x;
				double dx = at[1] - at[-1], dy = at[w] - at[-(long)w];
				double angle = atan2(dy, dx) * 180 / acos(-1);

				if (hypot(dx, dy) > best.length)
					best = (struct pixel){ hypot(dx, dy),
						fmod(angle + 360, 180) };
			}
			*g++ = best;
		}
	free(v);
}

/* How far apart two orientations are, in bins. */
static double
apart(double a, double b)
{
	double d = fmod(fabs(a - b), 180);

	return fmin(d, 180 - d) / 20;
}

/* Number `at` of the block whose first pixel is (x0, y0). */
static double
vote(const struct pixel *g, size_t x0, size_t y0, size_t at,
    const struct det_hog_params *p)
{
	const double c = (double)p->cell, bin = 10 + 20 * (double)(at % 9);
	const double mx = (double)(at / 9 % 2) + .5, my = (double)(at / 18) + .5;
	double sum = 0;

	for (long y = 0; y < 2 * p->cell; y++)
		for (long x = 0; x < 2 * p->cell; x++) {
			const struct pixel *q =
			    &g[(y0 + (size_t)y) * (size_t)p->w + x0 + (size_t)x];
			double fx = ((double)x + .5) / c, fy = ((double)y + .5) / c;
			double r = hypot(fx - 1, fy - 1);

			sum += q->length * fmax(0, 1 - apart(q->angle, bin)) *
			       fmax(0, 1 - fabs(fx - mx)) * fmax(0, 1 - fabs(fy - my)) *
			       exp(-r * r / 2);
		}
	return sum;
}

static void
expected(double *out, const struct det_box *b, const struct det_hog_params *p)
{
	struct pixel *g = malloc((size_t)(p->w * p->h) * sizeof *g);
	const size_t cell = (size_t)p->cell;

	gradients(g, b, p);
	for (size_t y = 0; y + 1 < (size_t)(p->h / p->cell); y++)
		for (size_t x = 0; x + 1 < (size_t)(p->w / p->cell); x++, out += 36) {
			double n = 0, m = 0;

			for (size_t k = 0; k < 36; k++) {
				out[k] = vote(g, x * cell, y * cell, k, p);
				n += out[k] * out[k];
			}
			for (size_t k = 0; k < 36; k++) {
				out[k] = fmin(.2, out[k] / (sqrt(n) + 3.6));
				m += out[k] * out[k];
			}
			for (size_t k = 0; k < 36; k++)
				out[k] /= sqrt(m) + 1e-3;
		}
	free(g);
}

static enum det_err
run(float *out, const struct det_box *box, size_t n, const struct det_hog_params *p,
    size_t kernel, int alone, int threads)
{
	struct det_boxes b = { 0 };
	const struct det_warp_picture im = picture();
	const struct det_hog_kernel *k;
	enum det_err e = DET_OK;
	int more;

	if (!(k = det_hog_kernel_number(kernel, &more)))
		return DET_UNSUPPORTED;
	for (size_t i = 0; i < n && !e; i++)
		e = det_boxes_add(&b, &box[i]);
	if (!e)
		e = det_hog_boxes_by(out, k, alone, &im, &norm, &b, p, threads);
	det_boxes_release(&b);
	return e;
}

static void
test_naive(const char *what, const struct det_box *box, size_t n, size_t step,
    const struct det_hog_params *p)
{
	size_t size, some = 0;
	double worst = 0, *want;
	float *got, *other;
	enum det_err e = det_hog_size(&size, p);

	want = malloc(size * sizeof *want);
	got = malloc(n * size * sizeof *got);
	other = malloc(n * size * sizeof *got);
	memset(got, 0xff, n * size * sizeof *got);
	if (!e)
		e = run(got, box, n, p, 0, 0, 1);
	for (size_t i = 0; i < n && !e; i += step) {
		expected(want, &box[i], p);
		for (size_t k = 0; k < size; k++) {
			worst = worse(worst, fabs((double)got[i * size + k] - want[k]));
			some += want[k] > .05;
		}
	}
	ok(!e && worst < 1e-4 && some > 20, "%s: within %.1g of the rules", what,
	    worst);
	for (size_t k = 0, more = 1; more; k++) {
		int next;

		if (det_hog_kernel_number(k, &next))
			ok(!run(other, box, n, p, k, 0, 3) &&
				!memcmp(got, other, n * size * sizeof *got),
			    "%s: kernel %zu, three threads: the same bits", what, k);
		more = (size_t)next;
	}
	worst = 0;
	e = run(other, box, n, p, 0, 1, 1);
	for (size_t k = 0; k < n * size; k++)
		worst = worse(worst, fabs((double)got[k] - (double)other[k]));
	ok(!e && worst < 2e-4, "%s: each window alone gives the same within %.1g", what,
	    worst);
	free(want);
	free(got);
	free(other);
}

/* Windows of a few sizes, cells apart in each: shared views. */
static size_t
slide(struct det_box *box)
{
	size_t n = 0;

	for (double side = 14; side < 40; side *= 1.3)
		for (double y = 2; y + side <= 2 + H; y += side / 4)
			for (double x = 3; x + side <= 3 + W && n < MOST; x += side / 2)
				box[n++] = (struct det_box){
					.x1 = x, .y1 = y, .x2 = x + side, .y2 = y + side
				};
	return n;
}

static void
test_rules(void)
{
	static struct det_box box[MOST];
	size_t n = slide(box);

	test_naive("sliding", box, n, 7, &(struct det_hog_params){ 32, 32, 8, 0 });
	test_naive("cells of 4", box, n, 11, &(struct det_hog_params){ 16, 16, 4, 0 });
	n = 12;
	for (size_t i = 0; i < n; i++) {
		box[i] = (struct det_box){ .x1 = rnd(-15, 50), .y1 = rnd(-15, 35) };
		box[i].x2 = box[i].x1 + rnd(6, 60);
		box[i].y2 = box[i].y1 + rnd(6, 60);
	}
	test_naive("any boxes", box, n, 1, &(struct det_hog_params){ 24, 40, 8, 0 });
	test_naive("context", box, n, 2, &(struct det_hog_params){ 36, 24, 6, 5 });
}

static void
test_empty(void)
{
	const struct det_box box[] = { { .x1 = 100, .y1 = 5, .x2 = 120, .y2 = 20 },
		{ .x1 = 10, .y1 = 10, .x2 = 10, .y2 = 30 },
		{ .x1 = 1e300, .y1 = -1e300, .x2 = 1e300, .y2 = 1e300 },
		{ .x1 = 30, .y1 = 30, .x2 = 20, .y2 = 20 },
		{ .x1 = -1e300, .y1 = -1e300, .x2 = 1e300, .y2 = 1e300 },
		{ .x1 = 10, .y1 = 10, .x2 = 10.002, .y2 = 10.002 },
		{ .x1 = 40, .y1 = 30, .x2 = 40.002, .y2 = 30.002 } };
	const struct det_hog_params p = { 16, 16, 8, 0 };
	float out[7 * 36];
	double sum = 0, rest = 0;

	memset(out, 0xff, sizeof out);
	ok(!run(out, box, 7, &p, 0, 0, 2), "boxes outside, empty, giant and tiny");
	for (size_t i = 0; i < 4 * 36; i++)
		sum = worse(sum, fabs((double)out[i]));
	for (size_t i = 4 * 36; i < 7 * 36; i++)
		rest = worse(rest, fabs((double)out[i]));
	ok(sum == 0, "rows of zeros where nothing is seen");
	ok(rest <= 1, "numbers where something is");
	ok(!run(out, box, 0, &p, 0, 0, 1), "no box");
}

static void
test_refused(void)
{
	struct det_box box = { .x1 = 10, .y1 = 10, .x2 = 30, .y2 = 30 };
	static const struct det_hog_params wrong[] = { { 16, 16, 7, 0 },
		{ 16, 16, 0, 0 }, { 20, 16, 8, 0 }, { 16, 8, 8, 0 }, { 8192, 16, 8, 0 },
		{ 16, 16, 8, 8 }, { 16, 16, 8, -1 }, { 130, 130, 65, 0 } };
	const struct det_hog_params p = { 16, 16, 8, 0 };
	float out[36], keep = image[5 * STRIDE + 7];
	size_t size, refused = 0;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		refused += det_hog_size(&size, &wrong[i]) == DET_INVALID;
	ok(refused == sizeof wrong / sizeof wrong[0], "sizes out of range");
	ok(!det_hog_size(&size, &(struct det_hog_params)DET_HOG_DEFAULTS) &&
		size == 1764,
	    "64x64 has 7x7 blocks of 36");
	image[5 * STRIDE + 7] = NAN;
	ok(run(out, &box, 1, &p, 0, 0, 1) == DET_INVALID &&
		strstr(det_errmsg(), "row 5 of channel 0"),
	    "NaN: %s", det_errmsg());
	image[5 * STRIDE + 7] = 3e38f;
	ok(run(out, &box, 1, &p, 0, 0, 1) == DET_INVALID, "so is 3e38");
	image[5 * STRIDE + 7] = keep;
	box.y2 = INFINITY;
	ok(run(out, &box, 1, &p, 0, 0, 1) == DET_INVALID &&
		strstr(det_errmsg(), "box 0"),
	    "an infinite box");
}

/* Views of many windows are cut before they grow large: windows of half a pixel, everywhere. */
static void
test_cut(void)
{
	enum { N = 2 * W * 2 * H };
	const struct det_hog_params p = DET_HOG_DEFAULTS;
	const size_t size = 1764;
	struct det_box *box = calloc(N, sizeof *box);
	float *a = malloc(N * size * sizeof *a), *b = malloc(N * size * sizeof *b);
	double worst = 0;

	for (size_t i = 0; box && i < N; i++) {
		box[i].x1 = (double)(i % (2 * W)) / 2;
		box[i].y1 = (double)(i / (2 * W)) / 2;
		box[i].x2 = box[i].x1 + .5;
		box[i].y2 = box[i].y1 + .5;
	}
	if (!box || !a || !b || run(a, box, N, &p, 0, 0, 2) ||
	    run(b, box, N, &p, 0, 1, 2))
		exit(2);
	for (size_t i = 0; i < N * size; i++)
		worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
	ok(worst < 1e-3, "%d windows in several views, off by %.1e", N, worst);
	free(box);
	free(a);
	free(b);
}

/* Millions of windows: told before any is looked at. */
static void
test_many(void)
{
	const struct det_hog_params p = DET_HOG_DEFAULTS;
	const struct det_warp_picture im = picture();
	const struct det_boxes b = { .n = 3000000 };
	float out[1];

	ok(det_hog_boxes(out, &im, &norm, &b, &p, 1) == DET_LIMIT &&
		strstr(det_errmsg(), "3000000 windows take"),
	    "too many: %s", det_errmsg());
	ok(!det_hog_fits(&p, 1000000) && det_hog_fits(&p, SIZE_MAX) == DET_LIMIT,
	    "a million is not");
}

/* Numbers that were normalised otherwise give the same features. */
static void
test_norm(void)
{
	struct det_box box = { .x1 = 10, .y1 = 10, .x2 = 30, .y2 = 30 };
	struct det_boxes b = { .box = &box, .n = 1 };
	const struct det_hog_params p = { 16, 16, 8, 0 };
	struct det_norm bytes = { 0, 1, { 0 }, { 1, 1, 1 } };
	const struct det_warp_picture im = picture();
	static float other[C * (H + 2) * STRIDE];
	struct det_warp_picture im2 = im;
	float a[36], c[36];
	double worst = 0;

	for (size_t i = 0; i < C * (H + 2) * STRIDE; i++) {
		size_t k = i / ((H + 2) * STRIDE);

		other[i] = (float)(((double)image[i] * norm.std[k] + norm.mean[k]) /
				   norm.scale);
	}
	im2.data = other;
	ok(!det_hog_boxes(a, &im, &norm, &b, &p, 1) &&
		!det_hog_boxes(c, &im2, &bytes, &b, &p, 1),
	    "two pictures");
	for (size_t i = 0; i < 36; i++)
		worst = worse(worst, fabs((double)a[i] - (double)c[i]));
	ok(worst < 1e-5, "normalisation is undone, within %.1g", worst);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof image / sizeof image[0]; i++)
		image[i] = (float)(rnd(-1, 1) * rnd(0, 1));
	/* and what is beyond the picture must not count */
	for (size_t c = 0; c < C; c++)
		for (size_t y = 0; y < H + 2; y++)
			for (size_t x = 0; x < STRIDE; x++)
				if (x >= W || y >= H)
					image[(c * (H + 2) + y) * STRIDE + x] = NAN;
	test_rules();
	test_empty();
	test_refused();
	test_norm();
	test_cut();
	test_many();
	return done();
}
