/* SPDX-License-Identifier: MIT
 *
 * region [FILE [fast|quality [LARGEST [SMALLEST]]]]: processor seconds of selective search on a
 * photograph (without FILE a drawn one) laid out in mirrored tiles, so that it has any size
 * and is as detailed everywhere, and on the photograph made larger, of SMALLEST (0) to
 * LARGEST (12) million pixels; one thread. One TSV line a case: how, width, height, seconds,
 * ns a pixel, boxes, a digest of them.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "image/resize.h"
#include "image/scene.h"
#include "region/selective.h"

static const size_t sizes[][2] = { { 500, 375 }, { 1000, 750 }, { 2000, 1500 },
	{ 4000, 3000 } };

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "region: %s\n", det_errmsg());
	exit(2);
}

/* Every other tile is turned over, so that there are no seams. */
static size_t
mirrored(size_t i, size_t n)
{
	return i / n % 2 ? n - 1 - i % n : i % n;
}

static void
tile(struct det_image *out, const struct det_image *im, size_t w, size_t h)
{
	check(det_image_new(out, w, h));
	for (size_t y = 0; y < h; y++)
		for (size_t x = 0; x < w; x++)
			memcpy(out->rgb + 3 * (y * w + x),
			    im->rgb +
				3 * (mirrored(y, im->h) * im->w + mirrored(x, im->w)),
			    3);
}

/* *first is the time a pixel of the smallest size, or 0. */
static void
time_one(const char *how, double *first, const struct det_image *im, int mode)
{
	struct det_selective_params p = DET_SELECTIVE_DEFAULTS;
	const double begin = now();
	struct det_boxes b = { 0 };
	uint64_t digest = 0;
	double seconds, pixel;

	p.mode = mode;
	p.max = 0;
	check(det_selective_search(&b, im, &p, 1));
	seconds = now() - begin;
	pixel = seconds * 1e9 / (double)(im->w * im->h);
	*first = *first > 0 ? *first : pixel;
	for (size_t i = 0; i < b.n; i++)
		digest = digest * 1000003 +
			 (uint64_t)(b.box[i].x1 + 3 * b.box[i].y1 + 5 * b.box[i].x2 +
				    7 * b.box[i].y2 + 11 * b.box[i].source);
	printf("%s\t%zu\t%zu\t%.3f\t%.0f\t%.2f\t%zu\t%016llx\n", how, im->w, im->h,
	    seconds, pixel, pixel / *first, b.n, (unsigned long long)digest);
	(void)fflush(stdout);
	det_boxes_release(&b);
}

/* The picture in a file, or a drawn one. */
static void
get(struct det_image *im, const char *path)
{
	const struct det_image_params usual = DET_IMAGE_DEFAULTS;
	struct det_scene_params p = DET_SCENE_DEFAULTS;
	struct det_scene *scene;
	struct det_boxes b = { 0 };
	char *file;
	size_t size;

	if (path) {
		check(det_file_read(&file, &size, path, (size_t)1 << 30));
		check(det_image_decode(
		    im, NULL, (const unsigned char *)file, size, &usual));
		free(file);
		return;
	}
	p.w = 768;
	p.h = 576;
	check(det_scene_new(&scene, &p));
	check(det_scene_draw(im, &b, scene, 0));
	det_scene_free(scene);
	det_boxes_release(&b);
}

int
main(int argc, char *argv[])
{
	const int mode = argc > 2 && strcmp(argv[2], "quality") == 0;
	const double most = argc > 3 ? atof(argv[3]) * 1e6 : 12e6;
	const double least = argc > 4 ? atof(argv[4]) * 1e6 : 0;
	struct det_image im, big;
	double first[2] = { 0, 0 };

	get(&im, argc > 1 ? argv[1] : NULL);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const size_t w = sizes[i][0], h = sizes[i][1];

		if ((double)(w * h) > most || (double)(w * h) < least)
			continue;
		tile(&big, &im, w, h);
		time_one("tiled", &first[0], &big, mode);
		det_image_release(&big);
		check(det_resize_bytes(&big, w, h, &im, DET_KERNEL_OPENCV, 0, 0));
		time_one("scaled", &first[1], &big, mode);
		det_image_release(&big);
	}
	det_image_release(&im);
	return 0;
}
