/* SPDX-License-Identifier: MIT
 *
 * The resize kernels against numbers of the libraries that they follow, sizes and
 * transforms of every fit, normalisation.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "image/prep.h"
#include "tests/unit/resize_golden.h"
#include "tests/unit/tap.h"

static struct det_image
pattern(size_t w, size_t h)
{
	struct det_image im = { 0 };
	size_t x, y, c;

	if (det_image_new(&im, w, h))
		exit(2);
	for (y = 0; y < h; y++)
		for (x = 0; x < w; x++)
			for (c = 0; c < 3; c++)
				im.rgb[(y * w + x) * 3 + c] =
				    (unsigned char)((x * 37 + y * 61 + c * 89) % 256);
	return im;
}

static void
check_bytes(
    const char *name, enum det_kernel k, size_t w, size_t h, const unsigned char *want)
{
	struct det_image im = pattern(7, 5), out = { 0 };

	ok(det_resize_bytes(&out, w, h, &im, k, 0, 0) == DET_OK &&
		memcmp(out.rgb, want, w * h * 3) == 0,
	    "%s 7x5 to %zux%zu, every byte", name, w, h);
	det_image_release(&im);
	det_image_release(&out);
}

static void
check_floats(const char *name, enum det_kernel k, size_t w, size_t h, const float *want,
    float bound)
{
	struct det_image im = pattern(7, 5);
	const struct det_norm norm = DET_NORM_DEFAULTS;
	struct det_table table;
	struct det_planes planes = { .stride = w };
	float *out = calloc(w * h * 3, sizeof *out), worst = 0;
	size_t i, c;

	for (c = 0; c < 3; c++) {
		planes.plane[c] = out + c * w * h;
		det_norm_scale_table(table.v[c], &norm);
	}
	if (det_resize_floats(&planes, w, h, &im, &table, k, 0, 0))
		worst = 1;
	for (i = 0; i < w * h; i++)
		for (c = 0; c < 3; c++)
			worst =
			    fmaxf(worst, fabsf(planes.plane[c][i] - want[i * 3 + c]));
	ok(worst <= bound, "%s 7x5 to %zux%zu, floats within %g: %g", name, w, h,
	    (double)bound, (double)worst);
	free(out);
	det_image_release(&im);
}

static void
test_golden(void)
{
	check_bytes("opencv", DET_KERNEL_OPENCV, 4, 3, opencv_4x3);
	check_bytes("opencv", DET_KERNEL_OPENCV, 9, 6, opencv_9x6);
	check_bytes("pil", DET_KERNEL_PIL, 4, 3, pil_4x3);
	check_bytes("pil", DET_KERNEL_PIL, 9, 6, pil_9x6);
	check_floats("darknet", DET_KERNEL_DARKNET, 4, 3, darknet_4x3, 0);
	check_floats("darknet", DET_KERNEL_DARKNET, 9, 6, darknet_9x6, 0);
	check_floats("torch", DET_KERNEL_TORCH, 4, 3, torch_4x3, 2e-7f);
	check_floats("torch", DET_KERNEL_TORCH, 9, 6, torch_9x6, 2e-7f);
	check_floats("opencv", DET_KERNEL_OPENCV, 4, 3, opencvf_4x3, 0);
	check_floats("opencv", DET_KERNEL_OPENCV, 9, 6, opencvf_9x6, 0);
}

/* One byte as OpenCV's fixed point gives it, from the pixels that both axes' positions name. */
static int
fixed_byte(const struct det_image *im, size_t w, size_t h, size_t x, size_t y, size_t c)
{
	const size_t at[2] = { x, y }, n_out[2] = { w, h }, n_in[2] = { im->w, im->h };
	size_t i[2][2];
	int weight[2][2], axis, row[2], k;

	for (axis = 0; axis < 2; axis++) {
		float f = (float)(((double)at[axis] + .5) *
				      (1 / ((double)n_out[axis] / (double)n_in[axis])) -
				  .5);
		const float last = (float)(n_in[axis] - 1);
		const float whole = floorf(f);

		f -= whole;
		if (axis == 0 && (whole < 0 || whole >= last))
			f = 0;
		i[axis][0] = (size_t)fminf(fmaxf(whole, 0), last);
		i[axis][1] = (size_t)fminf(fmaxf(whole + 1, 0), last);
		weight[axis][0] = (int)lrintf((1 - f) * 2048);
		weight[axis][1] = (int)lrintf(f * 2048);
	}
	for (k = 0; k < 2; k++) {
		const unsigned char *p = im->rgb + i[1][k] * im->w * 3 + c;

		row[k] =
		    (p[i[0][0] * 3] * weight[0][0] + p[i[0][1] * 3] * weight[0][1]) >>
		    4;
	}
	return (((row[0] * weight[1][0]) >> 16) + ((row[1] * weight[1][1]) >> 16) +
		   2) >>
	       2;
}

/* Vectors take several columns at a time and stop short of the end of a row. */
static void
test_opencv_columns(void)
{
	static const size_t in[] = { 1, 2, 3, 5, 16, 31 };
	struct det_image im, out;
	size_t k, w, h, x, y, c, bad = 0;

	for (k = 0; k < 6; k++) {
		im = pattern(in[k], in[5 - k]);
		for (w = 1; w < 40; w++) {
			h = 41 - w;
			if (det_resize_bytes(&out, w, h, &im, DET_KERNEL_OPENCV, 0, 0))
				exit(2);
			if (w == im.w && h == im.h)
				bad += memcmp(out.rgb, im.rgb, w * h * 3) != 0;
			else
				for (y = 0; y < h; y++)
					for (x = 0; x < w; x++)
						for (c = 0; c < 3; c++)
							bad += out.rgb[(y * w + x) * 3 +
								       c] !=
							       fixed_byte(
								   &im, w, h, x, y, c);
			det_image_release(&out);
		}
		det_image_release(&im);
	}
	ok(bad == 0, "OpenCV's fixed point at every width to 39, every byte");
}

/* A constant picture stays constant, whatever the sizes: weights sum to one and no tap
 * lies outside. */
static void
test_constant(void)
{
	static const size_t sizes[] = { 1, 2, 3, 5, 17, 64 };
	struct det_prep p = DET_PREP_DEFAULTS;
	struct det_place at;
	struct det_image im;
	float out[64 * 64 * 3];
	size_t a, b, i;
	int k, bad = 0;

	p.fit.kind = DET_FIT_STRETCH;
	for (k = 0; k < 4; k++)
		for (a = 0; a < 36; a++)
			for (b = 0; b < 36; b++) {
				im = pattern(sizes[a % 6], sizes[a / 6]);
				memset(im.rgb, 200, im.w * im.h * 3);
				p.kernel = (enum det_kernel)k;
				p.fit.w = sizes[b % 6];
				p.fit.h = sizes[b / 6];
				bad +=
				    det_fit_place(&at, &p.fit, p.kernel, im.w, im.h) ||
				    det_prep_run(out, &p, &at, &im);
				/* Darknet's last row is as dark as its rounding has it */
				for (i = 0; i < 3 * at.in_w * at.in_h; i++)
					if (k != DET_KERNEL_DARKNET ||
					    i / at.in_w % at.in_h != at.in_h - 1)
						bad +=
						    fabsf(out[i] - 200 / 255.f) > 1e-6f;
				det_image_release(&im);
			}
	ok(bad == 0, "a constant picture stays constant for all kernels and sizes");
}

static struct det_place
place(
    enum det_fit_kind kind, enum det_fit_rule rule, long s, long l, size_t w, size_t h)
{
	struct det_fit f = { kind, 0, 0, s, l, rule, 0, DET_MAP_FRAMEWORK };
	struct det_place at = { 0 };

	if (det_fit_place(&at, &f, DET_KERNEL_TORCH, w, h))
		memset(&at, 0, sizeof at);
	return at;
}

static void
test_short(void)
{
	/* torchvision 0.20 in double, 0.14.1 in float; height first */
	static const size_t tv[][4] = { { 334, 500, 799, 1197 },
		{ 335, 500, 799, 1194 }, { 385, 500, 799, 1038 },
		{ 333, 500, 800, 1201 }, { 375, 500, 800, 1066 },
		{ 427, 640, 800, 1199 }, { 480, 640, 800, 1066 },
		{ 360, 640, 749, 1333 } };
	static const size_t tv32[][4] = { { 334, 500, 800, 1197 },
		{ 335, 500, 799, 1194 }, { 375, 500, 799, 1066 },
		{ 427, 640, 799, 1199 }, { 333, 500, 799, 1201 },
		{ 289, 600, 642, 1333 } };
	struct det_place at;
	size_t i;
	int bad = 0;

	for (i = 0; i < 8; i++) {
		at = place(DET_FIT_SHORT, DET_RULE_TV, 800, 1333, tv[i][1], tv[i][0]);
		bad += at.new_h != tv[i][2] || at.new_w != tv[i][3];
	}
	ok(bad == 0, "sizes of torchvision 0.20");
	for (bad = 0, i = 0; i < 6; i++) {
		at = place(
		    DET_FIT_SHORT, DET_RULE_TV32, 800, 1333, tv32[i][1], tv32[i][0]);
		bad += at.new_h != tv32[i][2] || at.new_w != tv32[i][3];
	}
	ok(bad == 0, "sizes of torchvision 0.14");
	at = place(DET_FIT_SHORT, DET_RULE_CAFFE, 600, 1000, 500, 375);
	ok(at.new_w == 800 && at.new_h == 600 && at.step_x == 1 / 1.6 &&
		fabs(at.map.sx - 1.6) < 1e-15 && at.map.sx == at.map.sy,
	    "py-faster-rcnn: 500x375 to 800x600, one scale");
	at = place(DET_FIT_SHORT, DET_RULE_CAFFE, 600, 1000, 1000, 400);
	ok(at.new_w == 1000 && at.new_h == 400, "the longer side bounds");
	at = place(DET_FIT_SHORT, DET_RULE_D2, 800, 1333, 640, 427);
	ok(at.new_w == 1199 && at.new_h == 800,
	    "Detectron2: the shorter side is exact");
	at = place(DET_FIT_SHORT, DET_RULE_TV, 800, 1333, 1, 5000);
	ok(at.new_w == 1 && at.new_h == 1333, "a side never becomes 0");
	at = place(DET_FIT_SHORT, DET_RULE_TV, 800, 0, 1, 65535);
	ok(at.new_w == 0, "a canvas beyond the limit is refused");
}

static void
test_letterbox(void)
{
	struct det_fit f = { DET_FIT_LETTERBOX, 416, 416, 0, 0, DET_RULE_TV, 0,
		DET_MAP_FRAMEWORK };
	struct det_place at;

	ok(det_fit_place(&at, &f, DET_KERNEL_DARKNET, 768, 576) == DET_OK &&
		at.new_w == 416 && at.new_h == 312 && at.x == 0 && at.y == 52 &&
		at.map.ty == 52 && at.map.sx == 416. / 768,
	    "768x576 in 416x416: 416x312 at 0,52");
	ok(det_fit_place(&at, &f, DET_KERNEL_DARKNET, 773, 512) == DET_OK &&
		at.new_h == 275 && at.y == 70 && at.map.ty == 70.5,
	    "773x512: the quotient is cut; pixels move by 70, boxes by Darknet's 70.5");
	f.map = DET_MAP_EXACT;
	ok(det_fit_place(&at, &f, DET_KERNEL_DARKNET, 773, 512) == DET_OK &&
		at.map.sy == 274. / 511 &&
		fabs(at.map.ty - (70.5 - 137. / 511)) < 1e-12,
	    "the exact map knows whole offsets and aligned corners");
	ok(det_fit_place(&at, &f, DET_KERNEL_TORCH, 773, 512) == DET_OK &&
		at.map.sy == 275. / 512 && at.map.ty == 70,
	    "and that other kernels don't align corners");
	ok(det_fit_place(&at, &f, DET_KERNEL_DARKNET, 2000, 1) == DET_OK &&
		at.new_h == 1,
	    "a picture of one row keeps one");
}

/* A soft blob of the original is found where the transform says. */
static void
test_exact_map(void)
{
	static const size_t sizes[][2] = { { 101, 73 }, { 60, 90 }, { 33, 32 } };
	struct det_prep p = DET_PREP_DEFAULTS;
	struct det_place at;
	struct det_image im;
	static float out[64 * 48 * 3];
	double sx, sy, sum, v, worst = 0, mx, my, r;
	size_t i, x, y;
	int k;

	p.fit = (struct det_fit){ DET_FIT_LETTERBOX, 64, 48, 0, 0, DET_RULE_TV, 0,
		DET_MAP_EXACT };
	p.fill = 0;
	for (k = 0; k < 4; k++)
		for (i = 0; i < 3; i++) {
			im = pattern(sizes[i][0], sizes[i][1]);
			mx = (double)im.w * .4;
			my = (double)im.h * .45;
			for (y = 0; y < im.h; y++)
				for (x = 0; x < im.w; x++) {
					r = hypot(
					    (double)x + .5 - mx, (double)y + .5 - my);
					v = 255 *
					    exp(-r * r * 50 / (double)(im.w * im.h));
					memset(im.rgb + (y * im.w + x) * 3,
					    (int)(v + .5), 3);
				}
			p.kernel = (enum det_kernel)k;
			if (det_fit_place(&at, &p.fit, p.kernel, im.w, im.h) ||
			    det_prep_run(out, &p, &at, &im))
				worst = 99;
			sx = sy = sum = 0;
			for (y = 0; y < 48; y++)
				for (x = 0; x < 64; x++) {
					v = (double)out[y * 64 + x];
					sum += v;
					sx += v * ((double)x + .5);
					sy += v * ((double)y + .5);
				}
			worst =
			    fmax(worst, fabs(sx / sum - (at.map.sx * mx + at.map.tx)));
			worst =
			    fmax(worst, fabs(sy / sum - (at.map.sy * my + at.map.ty)));
			det_image_release(&im);
		}
	ok(worst < .05, "the exact map tells where pixels went: off by %.3f pixels",
	    worst);
}

static void
test_prep(void)
{
	struct det_prep p = DET_PREP_DEFAULTS;
	struct det_image im = pattern(7, 5);
	struct det_place at;
	float out[3 * 8 * 8], want;
	double mean[3] = { 102.9801, 115.9465, 122.7717 };
	size_t i;
	int bad = 0;

	p.fit.multiple = 8;
	p.norm = (struct det_norm){ 1, 1, { mean[0], mean[1], mean[2] }, { 1, 1, 2 } };
	ok(det_fit_place(&at, &p.fit, p.kernel, 7, 5) == DET_OK && at.in_w == 8 &&
		at.in_h == 8 && at.new_w == 7 && at.map.sx == 1,
	    "7x5 padded to a multiple of 8");
	if (det_prep_run(out, &p, &at, &im))
		bad++;
	for (i = 0; i < 192; i++) {
		const size_t c = i / 64, y = i / 8 % 8, x = i % 8;

		want = 0;
		if (x < 7 && y < 5) {
			want = (float)((x * 37 + y * 61 + (2 - c) * 89) % 256);
			want = (want - (float)mean[c]) / (c == 2 ? 2.f : 1.f);
		}
		bad += out[i] != want;
	}
	ok(bad == 0, "BGR minus mean over std, zeros beyond the picture");

	p = (struct det_prep)DET_PREP_DEFAULTS;
	p.fit.kind = DET_FIT_LETTERBOX;
	p.fit.w = p.fit.h = 8;
	ok(det_fit_place(&at, &p.fit, p.kernel, 7, 5) == DET_OK &&
		det_prep_run(out, &p, &at, &im) == DET_OK && out[0] == .5f &&
		out[191] == .5f && out[7] == .5f && out[at.y * 8] == 0,
	    "a letterbox is filled with exactly .5");
	p.kernel = DET_KERNEL_PIL;
	p.norm_first = 1;
	ok(det_prep_check(&p) == DET_INVALID, "bytes can't be resized when normalised");
	det_image_release(&im);
}

static void
test_norm(void)
{
	static const char options[] =
	    "fit=stretch\nscale=1\nchannels=bgr\nmean=104,117,123\n";
	struct det_norm a = DET_NORM_DEFAULTS, b;
	char s[DET_NORM_TEXT], u[DET_NORM_TEXT];
	float table[256];
	int i, bad = 0;

	ok(strcmp(det_norm_text(s, &a), "rgb scale=0.003921569 mean=0,0,0 std=1,1,1") ==
		0,
	    "canonical text: %s", s);
	det_norm_table(table, &a, 0);
	for (i = 0; i < 256; i++)
		bad += table[i] != (float)((double)i / 255.);
	ok(bad == 0, "scale 1/255 gives the quotients that Darknet and torch compute");
	ok(det_norm_options(&b, options, sizeof options - 1) == DET_OK && b.bgr &&
		b.scale == 1 && b.mean[1] == 117 && b.std[2] == 1,
	    "a model's options are read");
	ok(det_norm_options(&b, "", 0) == DET_OK &&
		strcmp(det_norm_text(u, &b), s) == 0,
	    "and are the defaults where there are none");
	ok(det_norm_options(&b, "mean=1,2\n", 9) == DET_INVALID,
	    "two means are refused");
	ok(det_norm_options(&b, "mean=1,2,3,4\n", 13) == DET_INVALID, "and four");
	ok(det_norm_options(&b, "std=0\n", 6) == DET_INVALID, "and a std of 0");
	ok(det_scale_parse(&a.scale, "1/255") == DET_OK && a.scale == 1. / 255 &&
		det_scale_parse(&a.scale, "0.5") == DET_OK && a.scale == .5,
	    "scales as quotient and number");
	ok(det_scale_parse(&a.scale, "1/0") && det_scale_parse(&a.scale, "x") &&
		det_scale_parse(&a.scale, "1/2/3") && det_scale_parse(&a.scale, ""),
	    "no other scales");
}

int
main(void)
{
	test_golden();
	test_opencv_columns();
	test_constant();
	test_short();
	test_letterbox();
	test_exact_map();
	test_prep();
	test_norm();
	return done();
}
