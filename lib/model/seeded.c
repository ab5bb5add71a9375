/* SPDX-License-Identifier: MIT */
#include "model/seeded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "nn/net.h"

static int
ends(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

/* Vectors named weight are scales of a normalisation, larger ones a layer's weights. */
static void
fill(float *v, size_t n, const struct det_tensor *t, const char *name, uint64_t seed)
{
	struct det_random r;
	double sd = 1;
	float constant = ends(name, "weight") || ends(name, ".var") ? 1 : 0;

	if (!ends(name, "weight") || t->rank < 2) {
		for (size_t i = 0; i < n; i++)
			v[i] = constant;
		return;
	}
	if (n)
		sd = sqrt(2 / ((double)n / (double)t->dims[0]));
	det_random_seed(&r, seed, det_hash_text(name));
	for (size_t i = 0; i < n; i++)
		v[i] = (float)(sd * det_random_normal(&r));
}

static enum det_err
put(struct det_writer *w, const char *name, struct det_tensor *t, uint64_t seed)
{
	size_t n;
	float *v;
	enum det_err e;

	t->dtype = DET_F32;
	if ((e = det_tensor_count(&n, t)) || (e = det_alloc(&v, n, sizeof *v)))
		return e;
	fill(v, n, t, name, seed);
	t->data = v;
	e = det_writer_tensor(w, name, t, NULL);
	free(v);
	return e;
}

enum det_err
det_seeded_write(
    struct det_writer *w, const char *text, size_t len, const char *file, uint64_t seed)
{
	struct det_net *net;
	struct det_tensor t;
	const char *name;
	char record[300];
	enum det_err e;

	if ((e = det_net_parse(&net, text, len, file)))
		return e;
	(void)snprintf(record, sizeof record, "net/%s", det_net_name(net));
	e = det_writer_text(w, record, text, len);
	for (size_t i = 0; !e && (name = det_net_weight(net, i, &t)); i++)
		e = put(w, name, &t, seed);
	det_net_free(net);
	return e;
}
