/* SPDX-License-Identifier: MIT
 *
 * image [FILE]: milliseconds of decoding, of each resize kernel into a letterbox of 416x416
 * and of encoding, on a 768x576 picture; without FILE a made-up one as JPEG. One TSV line a
 * case: what, best of 9 runs in ms, megapixels of input a second.
 *
 * image -s WxH FILE ...: milliseconds a picture, from the file's name to so much of the way
 * into a network of this size: "decode", then "bytes", resized as OpenCV does it, then
 * "tensor", what a network takes, of these; and the same for the other kernels. image_peer.py
 * sets this beside OpenCV.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/prep.h"

#define RUNS 9

static const struct det_image_params usual = DET_IMAGE_DEFAULTS;

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
report(const char *what, double ms, const struct det_image *im)
{
	printf("%s\t%.2f\t%.0f\n", what, ms, (double)(im->w * im->h) / 1e3 / ms);
}

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "image: %s\n", det_errmsg());
	exit(2);
}

/* Waves and noise: compresses about as a photograph does. */
static void
make_picture(struct det_image *im)
{
	unsigned seed = 1;
	size_t i;

	check(det_image_new(im, 768, 576));
	for (i = 0; i < im->w * im->h * 3; i++) {
		seed = seed * 1664525u + 1013904223u;
		im->rgb[i] = (unsigned char)(100 + i / 3 % im->w / 8 +
					     i / 3 / im->w / 16 + (seed >> 27));
	}
}

static void
time_kernels(const struct det_image *im)
{
	static const char *const names[] = { "darknet", "opencv", "torch", "pil" };
	struct det_prep p = DET_PREP_DEFAULTS;
	struct det_place at;
	float *out = malloc(416 * 416 * 3 * sizeof *out);
	double best, t;
	int k, i;

	p.fit.kind = DET_FIT_LETTERBOX;
	p.fit.w = p.fit.h = 416;
	for (k = 0; out && k < 4; k++) {
		p.kernel = (enum det_kernel)k;
		check(det_fit_place(&at, &p.fit, p.kernel, im->w, im->h));
		for (best = 1e30, i = 0; i < RUNS; i++) {
			t = now();
			check(det_prep_run(out, &p, &at, im));
			best = now() - t < best ? now() - t : best;
		}
		report(names[k], best, im);
	}
	free(out);
}

static void
time_encoders(const struct det_image *im)
{
	static const struct {
		const char *name;
		enum det_format format;
	} way[] = { { "write JPEG", DET_FORMAT_JPEG },
		{ "write PNG", DET_FORMAT_PNG } };
	struct det_buf b = { 0 };
	double best, t;
	int k, i;

	for (k = 0; k < 2; k++) {
		for (best = 1e30, i = 0; i < RUNS; i++) {
			b.len = 0;
			t = now();
			check(det_image_encode(&b, im, way[k].format, 92));
			best = now() - t < best ? now() - t : best;
		}
		report(way[k].name, best, im);
	}
	det_buf_free(&b);
}

static void
load(struct det_image *im, const char *path)
{
	char *bytes = NULL;
	size_t n = 0;

	check(det_file_read(&bytes, &n, path, (size_t)1 << 30));
	check(det_image_decode(im, NULL, (unsigned char *)bytes, n, &usual));
	free(bytes);
}

/* One pass over the files: ms a picture, how = -2 decode, -1 bytes, else a kernel's number */
static double
pass(float *out, size_t w, size_t h, char **file, int n, int how)
{
	struct det_prep p = DET_PREP_DEFAULTS;
	struct det_place at;
	struct det_image im, small;
	double t = now();

	p.fit.kind = DET_FIT_STRETCH;
	p.fit.w = w;
	p.fit.h = h;
	p.kernel = how < 0 ? DET_KERNEL_OPENCV : (enum det_kernel)how;
	for (int i = 0; i < n; i++) {
		load(&im, file[i]);
		if (how == -1) {
			check(det_resize_bytes(&small, w, h, &im, p.kernel, 0, 0));
			det_image_release(&small);
		} else if (how >= 0) {
			check(det_fit_place(&at, &p.fit, p.kernel, im.w, im.h));
			check(det_prep_run(out, &p, &at, &im));
		}
		det_image_release(&im);
	}
	return (now() - t) / n;
}

static int
time_files(const char *size, char **file, int n)
{
	static const struct {
		const char *name;
		int how;
	} way[] = { { "decode", -2 }, { "bytes", -1 }, { "tensor", DET_KERNEL_OPENCV },
		{ "darknet", DET_KERNEL_DARKNET }, { "torch", DET_KERNEL_TORCH },
		{ "pil", DET_KERNEL_PIL } };
	size_t w, h;
	float *out;

	if (sscanf(size, "%zux%zu", &w, &h) != 2 || w == 0 || h == 0 || w > 65535 ||
	    h > 65535 || n < 1)
		return 2;
	check(det_alloc(&out, w * h * 3, sizeof *out));
	(void)pass(out, w, h, file, n, DET_KERNEL_OPENCV);
	for (size_t i = 0; i < sizeof way / sizeof *way; i++)
		printf("%s\t%.3f\n", way[i].name, pass(out, w, h, file, n, way[i].how));
	free(out);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct det_image im;
	struct det_buf jpeg = { 0 };
	char *bytes = NULL;
	size_t n = 0;
	double best = 1e30, t;
	int i;

	if (argc > 2 && strcmp(argv[1], "-s") == 0)
		return time_files(argv[2], argv + 3, argc - 3);
	if (argc > 1) {
		check(det_file_read(&bytes, &n, argv[1], (size_t)1 << 30));
	} else {
		make_picture(&im);
		check(det_image_encode(&jpeg, &im, DET_FORMAT_JPEG, 92));
		det_image_release(&im);
		bytes = jpeg.text;
		n = jpeg.len;
	}
	for (i = 0; i < RUNS; i++) {
		t = now();
		check(det_image_decode(&im, NULL, (unsigned char *)bytes, n, &usual));
		best = now() - t < best ? now() - t : best;
		if (i + 1 < RUNS)
			det_image_release(&im);
	}
	report("decode", best, &im);
	time_kernels(&im);
	time_encoders(&im);
	det_image_release(&im);
	free(bytes);
	return 0;
}
