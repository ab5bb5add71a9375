/* SPDX-License-Identifier: MIT
 *
 * Photometric distortion, on bytes of red, green and blue, in the order of Caffe-SSD
 * (Liu et al., SSD, ECCV 2016; image_transformer of its Caffe):
 *
 *   c + add;  c * contrast;  saturation, hue;  or contrast after these two
 *
 * with Darknet's exposure beside saturation (Redmon et al., You Only Look Once, CVPR 2016,
 * 2.2). Both programs go to hue, saturation and value for those three and back. Here, with
 * V = max(r,g,b) and C = V - min(r,g,b):
 *
 *   saturation s   every channel keeps its distance from V, times s
 *   exposure e     every channel times e
 *   hue            the channels are V - C * k, k by the hue's place in the hexagon
 *
 * which is the same, as S = C / V and the hue do not change by a common factor. After each
 * step values are cut at 0 and 255, and bytes are rounded once, at the end, where OpenCV
 * rounds at each step; a saturation above 1 is cut by channel, as in Darknet.
 *
 * Pixels are taken 64 at a time, channel by channel, so that compilers make vectors of the
 * loops; no operation is contracted or reordered, so all processors agree.
 */
#include "image/light.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "image/simd.h"

#define BLOCK 64 /* pixels at a time */

#if defined(__x86_64__) || defined(__i386__)
#define HAVE_AVX2 1
#endif

enum det_err
det_light_check(const struct det_light_params *p)
{
	if (!(p->prob >= 0 && p->prob <= 1))
		return det_fail(DET_INVALID, "light: a probability expected");
	if (!(p->brightness >= 0 && p->brightness <= 255))
		return det_fail(DET_INVALID, "brightness: 0 to 255 expected");
	if (!(p->contrast >= 1 && p->contrast <= 2) ||
	    !(p->saturation >= 1 && p->saturation <= 2) ||
	    !(p->exposure >= 1 && p->exposure <= 2))
		return det_fail(DET_INVALID,
		    "contrast, saturation, exposure: factors of 1 to 2 expected");
	if (!(p->hue >= 0 && p->hue <= 180))
		return det_fail(DET_INVALID, "hue: 0 to 180 degrees expected");
	return DET_OK;
}

/* Whether it is drawn, and where in [-1, 1). */
static double
swing(const struct det_light_params *p, struct det_random *r)
{
	const int on = det_random_uniform(r) < p->prob;
	const double u = 2 * det_random_uniform(r) - 1;

	return on ? u : 0;
}

static double
factor(const struct det_light_params *p, double most, double u)
{
	const double f = 1 + fabs(u) * (most - 1);

	if (p->ratio)
		return u < 0 ? 1 / f : f;
	return 1 + u * (most - 1);
}

void
det_light_draw(
    struct det_light *out, const struct det_light_params *p, struct det_random *r)
{
	out->add = swing(p, r) * p->brightness;
	out->contrast = factor(p, p->contrast, swing(p, r));
	out->saturation = factor(p, p->saturation, swing(p, r));
	out->exposure = factor(p, p->exposure, swing(p, r));
	out->hue = swing(p, r) * p->hue;
	if (out->hue < 0)
		out->hue += 360;
	out->contrast_last = det_random_uniform(r) < .5;
}

/* The work in floats: what the loops read. */
struct plan {
	float table[256]; /* a byte after add and, where it is first, contrast */
	float saturation, exposure, shift, last;
	int colour, hue; /* whether there is more than the table */
};

static float
cut(float v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

static void
make_plan(struct plan *p, const struct det_light *l)
{
	const float first = l->contrast_last ? 1 : (float)l->contrast;

	for (int i = 0; i < 256; i++)
		p->table[i] = cut(cut((float)i + (float)l->add) * first);
	p->saturation = (float)l->saturation;
	p->exposure = (float)l->exposure;
	p->shift = (float)(l->hue / 60);
	p->hue = p->shift > 0;
	p->last = l->contrast_last ? (float)l->contrast : 1;
	p->colour = p->hue || l->saturation != 1 || l->exposure != 1;
}

/* Ternaries on comparisons only: what becomes vector minimum, maximum and selection. */
#define LESS(a, b) ((a) < (b) ? (a) : (b))
#define MORE(a, b) ((a) > (b) ? (a) : (b))
#define CUT(v)     LESS(MORE(v, 0.f), 255.f)

/* A channel of the hexagon: n is 5 for red, 3 for green, 1 for blue. */
#define CORNER(n) (h + (n) >= 6 ? h + (n)-6 : h + (n))
#define RAMP(k)   MORE(LESS(LESS((k), 4 - (k)), 1.f), 0.f)

static inline __attribute__((always_inline)) void
turn_hue(float *restrict r, float *restrict g, float *restrict b, float shift)
{
	DET_SIMD
	for (int i = 0; i < BLOCK; i++) {
		const float v = MORE(MORE(r[i], g[i]), b[i]);
		const float c = v - LESS(LESS(r[i], g[i]), b[i]);
		const float over = c > 0 ? 1 / c : 0;
		const float hr = (g[i] - b[i]) * over, hg = (b[i] - r[i]) * over + 2,
			    hb = (r[i] - g[i]) * over + 4;
		const float at = (v == r[i] ? hr : v == g[i] ? hg : hb) + shift;
		const float low = at < 0 ? at + 6 : at;
		const float h = low >= 6 ? low - 6 : low;
		const float k5 = CORNER(5), k3 = CORNER(3), k1 = CORNER(1);

		r[i] = v - c * RAMP(k5);
		g[i] = v - c * RAMP(k3);
		b[i] = v - c * RAMP(k1);
	}
}

static inline __attribute__((always_inline)) void
turn_colour(float *restrict r, float *restrict g, float *restrict b, float s, float e,
    float last)
{
	DET_SIMD
	for (int i = 0; i < BLOCK; i++) {
		const float v = MORE(MORE(r[i], g[i]), b[i]);
		const float x = CUT((v - (v - r[i]) * s) * e) * last;
		const float y = CUT((v - (v - g[i]) * s) * e) * last;
		const float z = CUT((v - (v - b[i]) * s) * e) * last;

		r[i] = LESS(x, 255.f) + .5f;
		g[i] = LESS(y, 255.f) + .5f;
		b[i] = LESS(z, 255.f) + .5f;
	}
}

static inline __attribute__((always_inline)) void
run_block(unsigned char *rgb, const struct plan *p)
{
	float c[3][BLOCK];

	for (int i = 0; i < BLOCK; i++) {
		c[0][i] = p->table[rgb[3 * i]];
		c[1][i] = p->table[rgb[3 * i + 1]];
		c[2][i] = p->table[rgb[3 * i + 2]];
	}
	if (p->hue)
		turn_hue(c[0], c[1], c[2], p->shift);
	turn_colour(c[0], c[1], c[2], p->saturation, p->exposure, p->last);
	for (int i = 0; i < BLOCK; i++) {
		rgb[3 * i] = (unsigned char)(int)c[0][i];
		rgb[3 * i + 1] = (unsigned char)(int)c[1][i];
		rgb[3 * i + 2] = (unsigned char)(int)c[2][i];
	}
}

static void
run_c(unsigned char *rgb, size_t blocks, const struct plan *p)
{
	for (size_t i = 0; i < blocks; i++)
		run_block(rgb + i * BLOCK * 3, p);
}

#ifdef HAVE_AVX2
__attribute__((target("avx2"))) static void
run_avx2(unsigned char *rgb, size_t blocks, const struct plan *p)
{
	for (size_t i = 0; i < blocks; i++)
		run_block(rgb + i * BLOCK * 3, p);
}
#endif

static void
run_blocks(unsigned char *rgb, size_t blocks, const struct plan *p)
{
#ifdef HAVE_AVX2
	if (det_cpu_level() >= DET_CPU_AVX2) {
		run_avx2(rgb, blocks, p);
		return;
	}
#endif
	run_c(rgb, blocks, p);
}

void
det_light_apply(struct det_image *im, const struct det_light *l)
{
	const size_t n = im->w * im->h, blocks = n / BLOCK, rest = n % BLOCK;
	unsigned char tail[BLOCK * 3] = { 0 }, byte[256];
	struct plan p;

	make_plan(&p, l);
	if (!p.colour && l->contrast == 1 && l->add == 0)
		return;
	if (!p.colour) {
		for (int i = 0; i < 256; i++)
			byte[i] = (unsigned char)(cut(p.table[i] * p.last) + .5f);
		for (size_t i = 0; i < 3 * n; i++)
			im->rgb[i] = byte[im->rgb[i]];
		return;
	}
	run_blocks(im->rgb, blocks, &p);
	memcpy(tail, im->rgb + blocks * BLOCK * 3, rest * 3);
	run_blocks(tail, 1, &p);
	memcpy(im->rgb + blocks * BLOCK * 3, tail, rest * 3);
}
