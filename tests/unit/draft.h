/* SPDX-License-Identifier: MIT
 *
 * For tests of the engine: random networks, and how far two results are apart.
 */
#ifndef DET_DRAFT_H
#define DET_DRAFT_H

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/tensor.h"

static uint32_t state = 1;

static inline size_t
dice(size_t n)
{
	state = state * 1664525u + 1013904223u;
	return (size_t)(state >> 10) % n;
}

struct layer {
	size_t c, h, w;
};

struct draft {
	char text[8192];
	size_t len;
	struct layer l[64];
	size_t n;
	int wide; /* channels of several blocks, whole ones among them (nn/layout.h) */
};

static inline void say(struct draft *d, const char *fmt, ...) DET_PRINTF(2, 3);

static inline void
say(struct draft *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	d->len += (size_t)vsnprintf(d->text + d->len, sizeof d->text - d->len, fmt, ap);
	va_end(ap);
}

static inline size_t
channels(const struct draft *d)
{
	static const size_t blocks[] = { 16, 32, 48, 17, 40, 33 };

	return d->wide && dice(3) ? blocks[dice(6)] : 1 + dice(9);
}

/* A layer before, of the given height and width; prefers recent ones. */
static inline size_t
pick(const struct draft *d, const struct layer *like, int channels)
{
	size_t i, k;

	for (k = 0; k < 20; k++) {
		i = dice(2) ? d->n - 1 - dice(d->n < 4 ? d->n : 4) : dice(d->n);
		if (!like || (d->l[i].h == like->h && d->l[i].w == like->w &&
				 (!channels || d->l[i].c == like->c)))
			return i;
	}
	return (size_t)(like - d->l);
}

static inline void
add_layer(struct draft *d)
{
	static const char *const acts[] = { "linear", "relu", "leaky", "sigmoid",
		"silu" };
	static const char *const points[] = { "relu(l%zu)", "sigmoid(l%zu)",
		"leaky(l%zu)", "bn(l%zu) act=leaky", "bn(l%zu)", "scale(l%zu)",
		"dropout(l%zu)", "dropout(l%zu) scale", "l2norm(l%zu)", "softmax(l%zu)",
		"act(l%zu)", "lrn(l%zu)" };
	size_t a = pick(d, NULL, 0), b, c, from, i, n;
	struct layer l = d->l[a];

	say(d, "l%zu = ", d->n);
	switch (dice(9)) {
	case 0:
	case 1:
	case 2:
		l.c = channels(d);
		n = dice(2);
		say(d, "conv(l%zu) out=%zu k=%d pad=%zu%s act=%s", a, l.c, n ? 3 : 1, n,
		    dice(2) ? " bn" : "", acts[dice(2) ? 0 : dice(5)]);
		break;
	case 3:
	case 4:
		n = dice(sizeof points / sizeof *points);
		/* the table's own formats, each with one %zu */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		say(d, points[n], a);
#pragma GCC diagnostic pop
		break;
	case 5:
		b = pick(d, &d->l[a], 1);
		if (dice(3))
			say(d, "add(l%zu, l%zu) act=%s", a, b, acts[dice(3)]);
		else
			say(d, "add(l%zu, l%zu, l%zu)", a, b, pick(d, &d->l[a], 1));
		break;
	case 6:
		say(d, "concat(l%zu", a);
		for (n = dice(3), i = 0; i < n && l.c < (d->wide ? 90 : 40); i++) {
			b = pick(d, &d->l[a], 0);
			say(d, ", l%zu", b);
			l.c += d->l[b].c;
		}
		say(d, ")");
		break;
	case 7:
		from = dice(l.c);
		if (d->wide && dice(2))
			from = from / 16 * 16;
		c = 1 + dice(l.c - from);
		say(d, "slice(l%zu) from=%zu n=%zu", a, from, c);
		l.c = c;
		break;
	default:
		if (dice(2) && l.h >= 4 && l.w >= 4) {
			say(d, "maxpool(l%zu) k=2 stride=2", a);
			l.h /= 2, l.w /= 2;
		} else if (dice(3) == 0) {
			b = pick(d, NULL, 0);
			say(d, "upsample(l%zu, l%zu)", a, b);
			l.h = d->l[b].h, l.w = d->l[b].w;
		} else if (l.h <= 8) {
			say(d, "upsample(l%zu)", a);
			l.h *= 2, l.w *= 2;
		} else
			say(d, "avgpool(l%zu) k=3 pad=1", a);
	}
	say(d, "\n");
	d->l[d->n++] = l;
}

static inline void
make_draft(struct draft *d, size_t layers, int wide)
{
	size_t i, n = 1 + dice(3);

	*d = (struct draft){ .n = 1, .wide = wide };
	d->l[0] = (struct layer){ 1 + dice(5), 8, 12 };
	say(d, "net n\ninput l0 %zu 8 12\n", d->l[0].c);
	for (i = 0; i < layers; i++)
		add_layer(d);
	say(d, "output");
	for (i = 0; i < n; i++)
		say(d, " o%zu=l%zu", i, i ? dice(d->n) : d->n - 1);
	say(d, "\n");
}

static inline double
difference(const struct det_tensor *a, const struct det_tensor *b)
{
	const float *x = a->data, *y = b->data;
	double worst = 0, d;
	size_t i, n;

	if (memcmp(a->dims, b->dims, sizeof a->dims) != 0 || det_tensor_count(&n, a))
		return INFINITY;
	for (i = 0; i < n; i++) {
		d = fabs((double)x[i] - (double)y[i]) / (1 + fabs((double)y[i]));
		worst = d > worst || d != d ? d : worst;
	}
	return worst;
}

#endif
