/* SPDX-License-Identifier: MIT
 *
 * For tests that run networks: values from seeds (the same in tests/oracle/ops.py), and
 * weights that are made when they are asked for.
 */
#ifndef DET_NETS_H
#define DET_NETS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/engine.h"

/* n floats in [-1, 1), multiples of 2^-23. */
static inline void
fill(float *v, size_t n, uint32_t seed)
{
	size_t i;

	for (i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		v[i] = (float)(seed >> 8) * 0x1p-23f - 1;
	}
}

static inline uint32_t
name_seed(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

/* Made weights; they live until weights_free. */
struct made {
	const struct det_net *net;
	char *name[2000];
	float *data[2000];
	size_t n;
};

static inline int
ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && !strcmp(s + strlen(s) - strlen(end), end);
}

/* det_weights.find: values by the weight's name, shapes by what the net declares (a dim that
 * it leaves open must not occur). Variances are made positive, weights of convolutions
 * small enough that deep nets stay in range. */
static inline enum det_err
made_find(void *ctx, const char *name, struct det_tensor *out)
{
	struct made *m = ctx;
	size_t n, i, k;
	const char *w;
	float gain = 1;

	for (i = 0; (w = det_net_weight(m->net, i, out)) && strcmp(w, name) != 0; i++)
		;
	if (!w || det_tensor_count(&n, out))
		return det_fail(DET_INVALID, "no weight '%s'", name);
	for (i = 0; i < m->n; i++)
		if (!strcmp(m->name[i], name)) {
			out->data = m->data[i];
			return DET_OK;
		}
	if (m->n == 2000 || !(out->data = aligned_alloc(64, (n * 4 + 63) / 64 * 64)))
		return det_fail(DET_NOMEM, "no memory");
	fill(out->data, n, name_seed(name));
	if (out->rank > 1 && n > 0) {
		for (k = n / out->dims[0]; k > 1; k /= 4)
			gain *= .5f;
		for (i = 0; i < n; i++)
			((float *)out->data)[i] *= gain;
	}
	if (ends_with(name, "var"))
		for (i = 0; i < n; i++)
			((float *)out->data)[i] = 1.25f + ((float *)out->data)[i];
	m->name[m->n] = malloc(strlen(name) + 1);
	if (m->name[m->n])
		(void)memcpy(m->name[m->n], name, strlen(name) + 1);
	m->data[m->n++] = out->data;
	return DET_OK;
}

static inline void
made_free(struct made *m)
{
	while (m->n-- > 0) {
		free(m->name[m->n]);
		free(m->data[m->n]);
	}
	m->n = 0;
}

/* A network, its engine and its weights in one. */
struct rig {
	struct det_net *net;
	struct det_engine *engine;
	struct made made;
};

static inline void
rig_close(struct rig *r)
{
	det_engine_free(r->engine);
	det_net_free(r->net);
	if (r->made.n)
		made_free(&r->made);
	r->engine = NULL;
	r->net = NULL;
}

static inline enum det_err
rig_open_as(struct rig *r, const char *text, const struct det_engine_params *p)
{
	struct det_weights w = { .find = made_find, .ctx = &r->made };
	enum det_err e;

	memset(r, 0, sizeof *r);
	if ((e = det_net_parse(&r->net, text, strlen(text), "t.net")))
		return e;
	r->made.net = r->net;
	e = det_engine_new(&r->engine, r->net, &w, p);
	if (e)
		rig_close(r);
	return e;
}

static inline enum det_err
rig_open(
    struct rig *r, const char *text, int threads, const char *const *taps, size_t n)
{
	struct det_engine_params p = { .threads = threads, .taps = taps, .n_taps = n };

	return rig_open_as(r, text, &p);
}

static inline float *
made_data(const struct rig *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->made.n; i++)
		if (!strcmp(r->made.name[i], name))
			return r->made.data[i];
	return NULL;
}

/* A new seeded tensor (N,C,H,W); free its data. */
static inline struct det_tensor
seeded(size_t n, size_t c, size_t h, size_t w, uint32_t seed)
{
	struct det_tensor t = { DET_F32, 4, { n, c, h, w }, NULL };

	t.data = aligned_alloc(64, (n * c * h * w * 4 + 63) / 64 * 64);
	if (!t.data)
		exit(2);
	fill(t.data, n * c * h * w, seed);
	return t;
}

#endif
