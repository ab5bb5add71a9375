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
 * Pixels are taken 64 at a time, channel by channel, four in a vector; no operation is
 * contracted or reordered, so all processors agree.
 */
#include "image/light.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 64 /* pixels at a time */

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

/* Four floats, whatever the processor makes of them: compilers leave loops with choices
 * between floats as they are. */
typedef float vec __attribute__((vector_size(16)));
typedef int32_t veci __attribute__((vector_size(16)));
#define LANES 4

#define PICK(m, a, b) ((vec)(((veci)(a) & (m)) | ((veci)(b) & ~(m))))
#define LESS(a, b)    PICK((a) < (b), a, b)
#define MORE(a, b)    PICK((a) > (b), a, b)
#define ALL(v)        ((vec){ (v), (v), (v), (v) })

/* A channel of the hexagon, in place of x: v - c * ramp(h + n), n 5 for red, 3 for green, 1
 * for blue. */
static inline void
corner(vec *x, const vec *v, const vec *c, const vec *h, float n)
{
	const vec six = ALL(6.f), nil = ALL(0.f), one = ALL(1.f);
	const vec at = *h + n, k = at - PICK(at >= six, six, nil), back = 4.f - k;
	const vec low = LESS(k, back), top = LESS(low, one), ramp = MORE(top, nil);

	*x = *v - *c * ramp;
}

static inline void
turn_hue(vec *r, vec *g, vec *b, float shift)
{
	const vec six = ALL(6.f), nil = ALL(0.f), one = ALL(1.f);
	const vec x = *r, y = *g, z = *b;
	const vec xy = MORE(x, y), v = MORE(xy, z), uv = LESS(x, y),
		  c = v - LESS(uv, z);
	const vec over = one / PICK(c > nil, c, one); /* a grey has no hue: 0 */
	const vec hr = (y - z) * over, hg = (z - x) * over + 2.f,
		  hb = (x - y) * over + 4.f;
	const vec hgb = PICK(v == y, hg, hb), at = PICK(v == x, hr, hgb) + shift;
	const vec low = at + PICK(at < nil, six, nil);
	const vec h = low - PICK(low >= six, six, nil);

	corner(r, &v, &c, &h, 5);
	corner(g, &v, &c, &h, 3);
	corner(b, &v, &c, &h, 1);
}

/* A channel whose largest neighbour is v; ready to be cut to whole numbers. */
static inline void
fade(vec *x, const vec *v, const struct plan *p)
{
	const vec nil = ALL(0.f), most = ALL(255.f);
	const vec s = (*v - (*v - *x) * p->saturation) * p->exposure;
	const vec low = MORE(s, nil), t = LESS(low, most) * p->last;

	*x = LESS(t, most) + .5f;
}

static inline void
turn_colour(vec *r, vec *g, vec *b, const struct plan *p)
{
	const vec rg = MORE(*r, *g), v = MORE(rg, *b);

	fade(r, &v, p);
	fade(g, &v, p);
	fade(b, &v, p);
}

static void
run_block(unsigned char *rgb, const struct plan *p)
{
	union {
		float f[BLOCK];
		vec v[BLOCK / LANES];
	} c[3];

	for (int i = 0; i < BLOCK; i++) {
		c[0].f[i] = p->table[rgb[3 * i]];
		c[1].f[i] = p->table[rgb[3 * i + 1]];
		c[2].f[i] = p->table[rgb[3 * i + 2]];
	}
	for (int i = 0; i < BLOCK / LANES; i++) {
		if (p->hue)
			turn_hue(&c[0].v[i], &c[1].v[i], &c[2].v[i], p->shift);
		turn_colour(&c[0].v[i], &c[1].v[i], &c[2].v[i], p);
	}
	for (int i = 0; i < BLOCK; i++) {
		rgb[3 * i] = (unsigned char)(int)c[0].f[i];
		rgb[3 * i + 1] = (unsigned char)(int)c[1].f[i];
		rgb[3 * i + 2] = (unsigned char)(int)c[2].f[i];
	}
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
	for (size_t i = 0; i < blocks; i++)
		run_block(im->rgb + i * BLOCK * 3, &p);
	memcpy(tail, im->rgb + blocks * BLOCK * 3, rest * 3);
	run_block(tail, &p);
	memcpy(im->rgb + blocks * BLOCK * 3, tail, rest * 3);
}
