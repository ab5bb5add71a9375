/* SPDX-License-Identifier: MIT
 *
 * Selective search (Uijlings, van de Sande, Gevers, Smeulders: Selective search for object
 * recognition, IJCV 2013). The picture is cut into regions in several colour spaces and at
 * several scales k; over each of these cuttings regions are grouped by several sums of
 * similarities; the boxes of all regions of all hierarchies are the proposals.
 *
 *               opencv                          paper
 *   fast        HSV (180), Lab                  HSV, Lab
 *               k 150 300 450                   k 50 100
 *               CTSF, TSF                       CTSF, TSF
 *   quality     HSV (180), Lab, grey,           HSV, Lab, rgI, hue, grey
 *               hue (180), red-green-grey
 *               k 150 300 450 600 750           k 50 100 150 300
 *               CTSF, TSF, F, S                 CTSF, TSF, F, S
 *   smallest    100 pixels                      k pixels
 *   neighbours  4                               8
 *   texture     Scharr                          Gaussian derivatives
 *   order       random [0,1) * level: 1 for a   random [0,1) * place from the end
 *               region of the cutting, else 1   of its hierarchy: 1 for the whole
 *               more than its higher part       picture
 *   side        any                             20 pixels and more
 *
 * The least of the numbers under "order" is the best; of equal boxes the best is kept. So the
 * first rule has the small regions first, and the second the large ones. (In the second the
 * regions of a cutting count once, with the place after all others, not once in each
 * hierarchy.) The rules "det"
 * are the paper's with a third scale in the fast mode, 200, with sides from 10 pixels, and
 * with the places of hierarchies by F or by S alone counted twice, which are the poorer ones.
 *
 * Of the authors' program only the part that calls the rest is published as text; what it
 * does not say is as the paper does. Neither program defines its random numbers. Here each
 * hierarchy has its own, from the seed, so that the result does not depend on threads.
 *
 * What is shared is computed once: colours, gradients and the sorted edges for all scales of
 * a space; regions and histograms for all hierarchies of a cutting.
 */
#include "region/selective.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/idmap.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/random.h"
#include "region/grouping.h"

#define MAX_SPACES 5
#define MAX_SCALES 5
#define MAX_LIKES  4
#define MAX_SIDE   65535
/* Spaces are prepared together where their pixels are at most so many. */
#define TOGETHER ((size_t)8 << 20)

#define C DET_LIKE_COLOUR
#define T DET_LIKE_TEXTURE
#define S DET_LIKE_SIZE
#define F DET_LIKE_FILL

const char *const det_selective_rules_names[] = { "opencv", "paper", "det", NULL };
const char *const det_selective_mode_names[] = { "fast", "quality", NULL };

struct mode {
	enum det_colour space[MAX_SPACES];
	double k[MAX_SCALES];
	unsigned like[MAX_LIKES];
	size_t spaces, ks, likes;
};

static const struct rules {
	enum det_blur blur;
	int corners; /* regions of pixels that meet there are one */
	int thrice;  /* a single channel counts as three */
	enum det_gradient gradient;
	long min_size; /* of a region; 0: k */
	int by_level;  /* the order: by level, else by place from the end */
	long min_side;
	double lone; /* places in hierarchies by size or fill alone times this */
	struct mode mode[2];
} rules[] = {
	[DET_SELECTIVE_OPENCV] = { DET_BLUR_MIRROR, 0, 0, DET_GRADIENT_SCHARR, 100, 1,
	    0, 1,
	    { [DET_SELECTIVE_FAST] = { { DET_COLOUR_HSV180, DET_COLOUR_LAB },
		  { 150, 300, 450 }, { C | T | S | F, T | S | F }, 2, 3, 2 },
		[DET_SELECTIVE_QUALITY] = { { DET_COLOUR_HSV180, DET_COLOUR_LAB,
						DET_COLOUR_GREY, DET_COLOUR_HUE180,
						DET_COLOUR_RED_GREEN_GREY },
		    { 150, 300, 450, 600, 750 }, { C | T | S | F, T | S | F, F, S }, 5,
		    5, 4 } } },
	[DET_SELECTIVE_PAPER] = { DET_BLUR_CLAMP, 1, 1, DET_GRADIENT_GAUSS, 0, 0, 20, 1,
	    { [DET_SELECTIVE_FAST] = { { DET_COLOUR_HSV, DET_COLOUR_LAB }, { 50, 100 },
		  { C | T | S | F, T | S | F }, 2, 2, 2 },
		[DET_SELECTIVE_QUALITY] = { { DET_COLOUR_HSV, DET_COLOUR_LAB,
						DET_COLOUR_RGI, DET_COLOUR_HUE,
						DET_COLOUR_GREY },
		    { 50, 100, 150, 300 }, { C | T | S | F, T | S | F, F, S }, 5, 4,
		    4 } } },
	[DET_SELECTIVE_OWN] = { DET_BLUR_CLAMP, 1, 1, DET_GRADIENT_GAUSS, 0, 0, 10, 2,
	    { [DET_SELECTIVE_FAST] = { { DET_COLOUR_HSV, DET_COLOUR_LAB },
		  { 50, 100, 200 }, { C | T | S | F, T | S | F }, 2, 3, 2 },
		[DET_SELECTIVE_QUALITY] = { { DET_COLOUR_HSV, DET_COLOUR_LAB,
						DET_COLOUR_RGI, DET_COLOUR_HUE,
						DET_COLOUR_GREY },
		    { 50, 100, 150, 300 }, { C | T | S | F, T | S | F, F, S }, 5, 4,
		    4 } } },
};

/* A colour space, ready to be cut. */
struct space {
	struct det_colours colours;
	struct det_texture texture;
	struct det_patches patches;
};

/* A box and where it stands: the least rank first. */
struct guess {
	double rank;
	struct det_extent box;
	uint32_t source; /* the hierarchy */
	size_t at;       /* its place before they are sorted */
};

/* A cutting: a space at a scale. */
struct cut {
	struct guess *guess;
	size_t n;
};

struct trouble {
	enum det_err e;
	char text[256];
};

struct search {
	const struct det_image *im;
	const struct det_selective_params *p;
	const struct rules *rules;
	const struct mode *mode;
	struct space space[MAX_SPACES];
	struct cut cut[MAX_SPACES * MAX_SCALES];
	struct trouble trouble[MAX_SPACES * MAX_SCALES];
	size_t first; /* the space that a loop begins with */
	/* Of each worker, used again and again: a large picture's pages cost as much as what is
	 * written to them. */
	struct bench {
		struct det_labels labels;
		struct det_cutter *cutter;
	} * bench;
};

static void
release_space(struct space *s)
{
	det_colours_release(&s->colours);
	det_texture_release(&s->texture);
	det_patches_release(&s->patches);
}

/* Messages belong to threads: this one's is kept for who asks. */
static void
note(struct trouble *t, enum det_err e)
{
	if (e && !t->e) {
		t->e = e;
		(void)snprintf(t->text, sizeof t->text, "%s", det_errmsg());
	}
}

static void
prepare(const void *ctx, size_t i, int worker)
{
	struct search *s = *(struct search *const *)ctx;
	struct space *sp = &s->space[i];
	struct det_edges_params ep = { .8, s->rules->blur, s->rules->corners, 1 };
	enum det_err e;

	(void)worker;
	if ((e = det_colours_make(&sp->colours, s->im, s->mode->space[s->first + i])))
		goto out;
	if (s->rules->thrice && sp->colours.n == 1)
		ep.gain = sqrt(3);
	/* the scales of a mode rise */
	if ((e = det_patches_make(&sp->patches, &sp->colours, &ep, s->mode->k[0],
		 s->mode->k[s->mode->ks - 1])))
		goto out;
	e = det_texture_make(&sp->texture, &sp->colours, s->rules->gradient);
out:
	note(&s->trouble[s->first + i], e);
}

/* The boxes of one hierarchy with their ranks; `whole`: those that were not joined too. */
static void
rank(struct cut *c, const struct search *s, const struct det_group *group, size_t n,
    size_t cut, uint32_t source, int whole)
{
	const unsigned like = s->mode->like[source % s->mode->likes];
	const double times = like == S || like == F ? s->rules->lone : 1;
	struct det_random r;

	det_random_seed(&r, (uint64_t)s->p->seed, source);
	for (size_t i = whole ? 0 : cut; i < n; i++) {
		const double place = s->rules->by_level ? (double)group[i].level
				     : i < cut          ? (double)(n - cut + 1)
							: (double)(n - i);

		c->guess[c->n++] =
		    (struct guess){ det_random_uniform(&r) * place * times,
			    group[i].box, source, 0 };
	}
}

static enum det_err
group_all(struct search *s, struct cut *c, size_t which, struct det_regions *r)
{
	const size_t floats = r->n * (r->colour + r->texture), likes = s->mode->likes;
	struct det_group *group = NULL;
	float *counts = NULL, *own = r->count;
	size_t n;
	enum det_err e;

	if ((e = det_alloc(&group, 2 * r->n, sizeof *group)) ||
	    (e = det_alloc(&counts, floats, sizeof *counts)) ||
	    (e = det_alloc(&c->guess, 2 * r->n * likes, sizeof *c->guess)))
		goto out;
	r->count = counts;
	for (size_t i = 0; i < likes && !e; i++) {
		if (s->mode->like[i] & (C | T))
			memcpy(counts, own, floats * sizeof *counts);
		if (!(e = det_regions_group(group, &n, r, s->mode->like[i])))
			rank(c, s, group, n, r->n, (uint32_t)(which * likes + i),
			    s->rules->by_level || i == 0);
	}
out:
	r->count = own;
	free(group);
	free(counts);
	return e;
}

static void
cut(const void *ctx, size_t i, int worker)
{
	struct search *s = *(struct search *const *)ctx;
	const size_t which = s->first * s->mode->ks + i;
	const struct space *sp = &s->space[i / s->mode->ks];
	const double k = s->mode->k[which % s->mode->ks];
	struct bench *b = &s->bench[worker];
	struct det_regions regions = { 0 };
	enum det_err e;

	if (!(e = det_segment(&b->labels, &b->cutter, &sp->patches, k,
		  s->rules->min_size ? s->rules->min_size : (long)k)))
		e = det_regions_make(&regions, &b->labels, &sp->colours, &sp->texture);
	if (!e)
		e = group_all(s, &s->cut[which], which, &regions);
	det_regions_release(&regions);
	note(&s->trouble[which], e);
}

static enum det_err
troubled(const struct search *s)
{
	for (size_t i = 0; i < MAX_SPACES * MAX_SCALES; i++)
		if (s->trouble[i].e)
			return det_fail(s->trouble[i].e, "%s", s->trouble[i].text);
	return DET_OK;
}

/* All spaces at once where memory is no matter, else one after the other. */
static enum det_err
run(struct search *s, int threads)
{
	const struct mode *m = s->mode;
	const size_t step = s->im->w * s->im->h <= TOGETHER / m->spaces ? m->spaces : 1;
	enum det_err e = DET_OK;

	for (; s->first < m->spaces && !e; s->first += step) {
		det_parallel(threads, step, prepare, &s);
		if (!(e = troubled(s)))
			det_parallel(threads, step * m->ks, cut, &s);
		e = e ? e : troubled(s);
	}
	return e;
}

static int
by_rank(const void *a, const void *b)
{
	const struct guess *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* All guesses of all cuttings in one array, sorted; those with a short side are left out. */
static enum det_err
gather(struct guess **out, size_t *n, const struct search *s)
{
	const size_t cuts = s->mode->spaces * s->mode->ks;
	const long least = s->p->min_side >= 0 ? s->p->min_side : s->rules->min_side;
	size_t all = 0;
	enum det_err e;

	*n = 0;
	for (size_t i = 0; i < cuts; i++)
		all += s->cut[i].n;
	if ((e = det_alloc(out, all, sizeof **out)))
		return e;
	for (size_t i = 0; i < cuts; i++)
		for (size_t k = 0; k < s->cut[i].n; k++) {
			const struct guess *g = &s->cut[i].guess[k];

			if (g->box.x2 - g->box.x1 < least ||
			    g->box.y2 - g->box.y1 < least)
				continue;
			(*out)[*n] = *g;
			(*out)[*n].at = *n;
			++*n;
		}
	if (*n)
		qsort(*out, *n, sizeof **out, by_rank);
	return DET_OK;
}

static enum det_err
keep(struct det_boxes *out, const struct guess *g, size_t n, size_t most)
{
	struct det_idmap seen = { 0 };
	enum det_err e = DET_OK;

	out->n = 0;
	out->space = DET_SPACE_INPUT;
	for (size_t i = 0; i < n && out->n < most && !e; i++) {
		const struct det_extent b = g[i].box;
		const uint64_t id = (uint64_t)b.x1 << 48 | (uint64_t)b.y1 << 32 |
				    (uint64_t)b.x2 << 16 | b.y2;
		int is_new;

		if ((e = det_idmap_add(&is_new, &seen, (int64_t)id, 0)) || !is_new)
			continue;
		e = det_boxes_add(out, &(struct det_box){ .x1 = b.x1,
					   .y1 = b.y1,
					   .x2 = b.x2,
					   .y2 = b.y2,
					   .label = -1,
					   .source = (int32_t)g[i].source });
	}
	for (size_t i = 0; i < out->n; i++)
		out->box[i].score = (double)(out->n - i) / (double)out->n;
	det_idmap_release(&seen);
	return e;
}

static enum det_err
check(const struct det_image *im, const struct det_selective_params *p)
{
	if (p->mode < 0 || p->mode > DET_SELECTIVE_QUALITY || p->rules < 0 ||
	    p->rules > DET_SELECTIVE_OWN || p->seed < 0 || p->min_side < -1 ||
	    p->max < 0)
		return det_fail(DET_INVALID,
		    "selective search: mode %d, rules %d, seed "
		    "%ld, side %ld or number %ld out of range",
		    p->mode, p->rules, p->seed, p->min_side, p->max);
	if (im->w == 0 || im->h == 0 || im->w > MAX_SIDE || im->h > MAX_SIDE)
		return det_fail(DET_LIMIT,
		    "selective search: sides of 1 to %d expected, found %zux%zu",
		    MAX_SIDE, im->w, im->h);
	return DET_OK;
}

enum det_err
det_selective_search(struct det_boxes *out, const struct det_image *im,
    const struct det_selective_params *p, int threads)
{
	struct guess *guess = NULL;
	struct search *s = NULL;
	size_t n;
	enum det_err e;

	if ((e = check(im, p)) || (e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->im = im;
	s->p = p;
	s->rules = &rules[p->rules];
	s->mode = &s->rules->mode[p->mode];
	threads = threads > 1 ? threads : 1;
	if (!(e = det_calloc(&s->bench, (size_t)threads, sizeof *s->bench)) &&
	    !(e = run(s, threads)) && !(e = gather(&guess, &n, s)))
		e = keep(out, guess, n, p->max ? (size_t)p->max : n);
	for (size_t i = 0; i < MAX_SPACES * MAX_SCALES; i++)
		free(s->cut[i].guess);
	for (size_t i = 0; i < MAX_SPACES; i++)
		release_space(&s->space[i]);
	for (int i = 0; s->bench && i < threads; i++) {
		det_labels_release(&s->bench[i].labels);
		det_cutter_free(s->bench[i].cutter);
	}
	free(s->bench);
	free(guess);
	free(s);
	return e;
}
