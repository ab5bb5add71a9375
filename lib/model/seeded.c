/* SPDX-License-Identifier: MIT */
#include "model/seeded.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/text.h"
#include "model/arch_match.h"
#include "nn/net.h"

enum way { CONST, NORMAL, FAN, UNIFORM, PRIOR, HE, XAVIER };

struct how {
	enum way way;
	double v;
	size_t at, every; /* elements at, at + every, ...; 0: all */
};

static const struct {
	const char *name;
	double least, most; /* of the number behind '='; none is wanted where equal */
} ways[] = {
	[CONST] = { "const", -1e6, 1e6 },
	[NORMAL] = { "normal", 0, 1e6 },
	[FAN] = { "fan", 0, 1e6 },
	[UNIFORM] = { "uniform", 0, 1e6 },
	[PRIOR] = { "prior", 1e-9, 1 - 1e-9 },
	[HE] = { "he", 0, 0 },
	[XAVIER] = { "xavier", 0, 0 },
};
#define WAYS (sizeof ways / sizeof *ways)

static int
ends(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

/* Vectors named weight are scales of a normalisation, larger ones a layer's weights. */
static struct how
usual(const char *name, const struct det_tensor *t)
{
	if (ends(name, ".weight") && t->rank > 1)
		return (struct how){ .way = FAN, .v = 2 };
	return (struct how){ .way = CONST,
		.v = ends(name, ".weight") || ends(name, ".var") };
}

static enum det_err
parse_how(struct how *h, const char *word)
{
	size_t n = strcspn(word, "=");
	enum det_err e;

	for (size_t i = 0; i < WAYS; i++) {
		const int wants = ways[i].least < ways[i].most;

		if (strlen(ways[i].name) != n || memcmp(ways[i].name, word, n) != 0 ||
		    (word[n] != 0) != wants)
			continue;
		h->way = (enum way)i;
		if (!wants)
			return DET_OK;
		e = det_parse_double(&h->v, word + n + 1, ways[i].least, ways[i].most);
		return e ? det_fail_in(e, "seed: %.*s", (int)n, word) : e;
	}
	return det_fail(DET_INVALID,
	    "seed: const=V, normal=S, fan=G, uniform=A, prior=P, he or xavier "
	    "expected, found '%s'",
	    word);
}

/* "at=I/E", E a sum: "at=4/5+20". */
static enum det_err
parse_at(struct how *h, const char *word)
{
	unsigned long at, every = 0;
	int used = 0;
	const char *s = word;

	if (sscanf(s, "at=%9lu%n", &at, &used) == 1 && s[used] == '/') {
		for (s += used; *s == '/' || *s == '+'; s += used) {
			unsigned long part;

			used = 0;
			if (sscanf(s + 1, "%9lu%n", &part, &used) != 1)
				break;
			every += part;
			used++;
		}
		if (!*s && at < every) {
			h->at = at;
			h->every = every;
			return DET_OK;
		}
	}
	return det_fail(DET_INVALID,
	    "seed: at=I/E expected, I below E, as in at=4/5+20, found '%s'", word);
}

static enum det_err
choose(struct how *h, const char *name, const char *rules, size_t len)
{
	char pattern[256], word[64], place[64], more;
	const char *line;
	size_t at = 0, n;
	enum det_err e;

	while (det_line_next(&line, &n, rules, len, &at)) {
		char copy[400];
		int words;

		(void)snprintf(
		    copy, sizeof copy, "%.*s", (int)(n < 399 ? n : 399), line);
		if (!copy[strspn(copy, " \t")] || copy[0] == '#')
			continue;
		words = sscanf(copy, "%255s %63s %63s %c", pattern, word, place, &more);
		if (words != 2 && words != 3)
			return det_fail(DET_INVALID,
			    "seed: 'PATTERN HOW' expected, found '%s'", copy);
		if (!arch_match(pattern, name, NULL))
			continue;
		h->every = 0;
		if ((e = parse_how(h, word)) ||
		    (words == 3 && (e = parse_at(h, place))))
			return e;
	}
	return DET_OK;
}

static struct how
with(const struct how *h, enum way way, double v)
{
	return (struct how){ way, v, h->at, h->every };
}

/* The same as one of the first four: fan-in is what an output sees, fan-out what an input
 * is seen by, taps counted in both. */
static struct how
settle(const struct how *h, size_t n, const struct det_tensor *t)
{
	double in = t->rank ? (double)n / (double)t->dims[0] : 1, out = 1;

	for (int i = 0; i < t->rank; i++)
		if (i != 1)
			out *= (double)t->dims[i];
	switch (h->way) {
	case FAN: return with(h, NORMAL, sqrt(h->v / in));
	case HE: return with(h, NORMAL, sqrt(2 / in));
	case XAVIER: return with(h, UNIFORM, sqrt(6 / (in + out)));
	case PRIOR: return with(h, CONST, -log((1 - h->v) / h->v));
	default: return *h;
	}
}

static void
fill(float *v, size_t n, const struct how *how, const char *name, uint64_t seed)
{
	struct det_random r;

	det_random_seed(&r, seed, det_hash_text(name));
	for (size_t i = 0; i < n; i++)
		v[i] = (float)(how->every && i % how->every != how->at ? 0
			       : how->way == CONST                     ? how->v
			       : how->way == UNIFORM
				   ? how->v * (2 * det_random_uniform(&r) - 1)
				   : how->v * det_random_normal(&r));
}

enum det_err
det_seeded_weight(struct det_writer *w, const char *name, struct det_tensor *shape,
    const char *rules, size_t len, uint64_t seed)
{
	struct how h = usual(name, shape);
	size_t n;
	float *v;
	enum det_err e;

	if (rules && (e = choose(&h, name, rules, len)))
		return e;
	shape->dtype = DET_F32;
	if ((e = det_tensor_count(&n, shape)))
		return e;
	if (n == 0)
		return det_fail(DET_INVALID,
		    "the size of %s depends on the input, which is given as any", name);
	if ((e = det_alloc(&v, n, sizeof *v)))
		return e;
	h = settle(&h, n, shape);
	fill(v, n, &h, name, seed);
	shape->data = v;
	e = det_writer_tensor(w, name, shape, NULL);
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
		e = det_seeded_weight(w, name, &t, NULL, 0, seed);
	det_net_free(net);
	return e;
}
