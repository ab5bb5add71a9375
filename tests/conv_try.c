/* SPDX-License-Identifier: MIT
 *
 * What a run must not do is made to show:
 *
 *  - every buffer ends at a page that can't be touched and begins after bytes that are
 *    looked at afterwards; plain maps and weights as they lie are aligned to a float only;
 *  - scratch memory and outputs are full of NaN, of zeros or of huge numbers before the run,
 *    otherwise for each number of threads, and all of these must give equal bits;
 *  - lanes of no channel in a blocked input, residual, scale and shift are huge.
 *
 * How near a result must be: within 2e-6 of the sum of the magnitudes that were added there
 * (a float has 6e-8; sums are of up to some thousand terms in blocks). Winograd's error at
 * one output comes from all of its tile and grows with the tile, so that there it is the
 * largest such sum of the map that counts, times a factor of its own.
 */
#define _DEFAULT_SOURCE
#include "tests/conv_try.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE_LANE 1e30f

enum { FRONT = 128, PATTERN = 0xa5 };

/* Memory between two pages that can't be touched. */
struct area {
	char *map; /* the first of them */
	size_t room;
	char *data;
	size_t bytes;
};

enum { IN, WEIGHT, SCALE, SHIFT, RESIDUAL, OUT, PACKED, SCRATCH, AREAS };

struct
try {
	const struct conv_case *p;
	enum det_cpu_level level;
	struct conv_tally *tally;
	char *now;            /* what is being run, for the parent to tell */
	double *want, *size;  /* (N,K,OH,OW): the truth, and the magnitudes in it */
	double *most, *extra; /* (N,K): the largest of them in a map; what end adds */
	float *in, *weight, *scale, *shift, *residual; /* plain; the last may be NULL */
	struct area area[AREAS];
	float *first; /* output of the least number of threads */
	int told;     /* failures; the first few are printed */
};

static void *
need(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p) {
		printf("# out of memory\n");
		exit(2);
	}
	return p;
}

/* --- cases as text --------------------------------------------------------------------- */

char *
conv_case_text(char text[CONV_CASE_TEXT], const struct conv_case *p)
{
	const struct det_conv *c = &p->c;

	(void)snprintf(text, CONV_CASE_TEXT,
	    "n%zu c%zu h%zu w%zu k%zu %zux%zu s%zu,%zu d%zu,%zu p%zu,%zu,%zu,%zu g%zu "
	    "act%d alpha%g exact%d end%d seed%u",
	    c->n, c->c, c->h, c->w, c->k, c->kh, c->kw, c->stride_y, c->stride_x,
	    c->dilate_y, c->dilate_x, c->pad_top, c->pad_left, c->pad_bottom,
	    c->pad_right, c->groups, (int)c->act, (double)c->alpha, c->direct, p->bits,
	    (unsigned)p->seed);
	return text;
}

int
conv_case_parse(struct conv_case *p, const char *text)
{
	struct det_conv *c = &p->c;
	unsigned seed;
	int act;

	memset(p, 0, sizeof *p);
	if (sscanf(text,
		"n%zu c%zu h%zu w%zu k%zu %zux%zu s%zu,%zu d%zu,%zu p%zu,%zu,%zu,%zu "
		"g%zu act%d alpha%f exact%d end%d seed%u",
		&c->n, &c->c, &c->h, &c->w, &c->k, &c->kh, &c->kw, &c->stride_y,
		&c->stride_x, &c->dilate_y, &c->dilate_x, &c->pad_top, &c->pad_left,
		&c->pad_bottom, &c->pad_right, &c->groups, &act, &c->alpha, &c->direct,
		&p->bits, &seed) != 21 ||
	    act < 0 || act > DET_ACT_SILU)
		return 0;
	c->act = (enum det_act)act;
	p->seed = seed;
	return det_conv_shape(c) == DET_OK;
}

/* --- memory ---------------------------------------------------------------------------- */

/* `bytes` bytes that end where the guard page begins, or less than `align` before it. */
static void *
area_take(struct area *a, size_t bytes, size_t align)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), padded;

	padded = (bytes + align - 1) / align * align;
	if (padded + FRONT > a->room) {
		if (a->map)
			(void)munmap(a->map, a->room + 2 * page);
		a->room = (padded + padded / 2 + FRONT + page) / page * page;
		a->map = mmap(NULL, a->room + 2 * page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (a->map == MAP_FAILED ||
		    mprotect(a->map + page, a->room, PROT_READ | PROT_WRITE)) {
			printf("# out of memory\n");
			_exit(2);
		}
	}
	a->bytes = bytes;
	a->data = a->map + page + a->room - padded;
	memset(a->data - FRONT, PATTERN, FRONT);
	memset(a->data + bytes, PATTERN, padded - bytes);
	return a->data;
}

static int
area_intact(const struct area *a)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), i;
	const char *end = a->map + page + a->room, *p;

	if (!a->data)
		return 1;
	for (i = 1; i <= FRONT; i++)
		if (a->data[-(ptrdiff_t)i] != (char)PATTERN)
			return 0;
	for (p = a->data + a->bytes; p < end; p++)
		if (*p != (char)PATTERN)
			return 0;
	return 1;
}

/* --- maps in a layout ------------------------------------------------------------------ */

/* Where channel k of n, pixel i, lies among maps of `channels` and `hw` pixels. */
static size_t
lies(enum det_layout layout, size_t channels, size_t hw, size_t n, size_t k, size_t i)
{
	return layout == DET_PLAIN
		   ? (n * channels + k) * hw + i
		   : ((n * det_blocks(channels) + k / DET_BLOCK) * hw + i) * DET_BLOCK +
			 k % DET_BLOCK;
}

static float *
lay(struct area *a, enum det_layout layout, const float *plain, size_t n,
    size_t channels, size_t hw)
{
	size_t all = layout == DET_PLAIN ? channels : det_blocked_channels(channels);
	size_t m, k, i;
	float *out = area_take(
	    a, n * all * hw * sizeof *out, layout == DET_PLAIN ? sizeof *out : 64);

	if (layout == DET_PLAIN)
		return memcpy(out, plain, n * channels * hw * sizeof *out);
	for (m = 0; m < n; m++)
		for (k = 0; k < all; k++)
			for (i = 0; i < hw; i++)
				out[lies(layout, channels, hw, m, k, i)] =
				    k < channels  ? plain[(m * channels + k) * hw + i]
				    : (i + k) % 2 ? HUGE_LANE
						  : -HUGE_LANE;
	return out;
}

/* --- one way --------------------------------------------------------------------------- */

static const char *
layout_name(enum det_layout l)
{
	return l == DET_BLOCKED ? "blocked" : "plain";
}

static int
bad(struct try *t, const char *why)
{
	char text[CONV_CASE_TEXT];

	if (t->told++ < 3)
		printf("# %s: %s\n#   again: test_conv_shapes -p '%s'\n", t->now, why,
		    conv_case_text(text, t->p));
	return 1;
}

static double
factor(enum det_conv_algo algo)
{
	return algo == DET_CONV_WINO2   ? 2
	       : algo == DET_CONV_WINO4 ? 10
	       : algo == DET_CONV_WINO6 ? 40
					: 0;
}

/* Against the truth; algo is the one that was chosen. */
static int
compare(
    struct try *t, const struct det_conv *c, const float *out, enum det_conv_algo algo)
{
	size_t area = c->oh * c->ow, n, k, i, at = 0, worst_at = 0;
	double worst = 0, error = 0, most = 0, wino = factor(algo);
	char why[200];

	for (n = 0; n < c->n; n++)
		for (k = 0; k < c->k; k++) {
			double whole = t->most[n * c->k + k] * wino;

			for (i = 0; i < area; i++, at++) {
				double got = (double)
				    out[lies(c->out_layout, c->k, area, n, k, i)];
				double err = fabs(t->want[at] - got),
				       size = t->size[at];
				double ratio =
				    err / (2e-6 * ((whole > size ? whole : size) +
						      t->extra[n * c->k + k]));

				if (!(ratio <= worst))
					worst = ratio, worst_at = at;
				if (!(err <= error))
					error = err;
				if (fabs(t->want[at]) > most)
					most = fabs(t->want[at]);
			}
		}
	if (c->act == DET_ACT_LINEAR && at >= 1000 && t->tally &&
	    !(error / most <= t->tally->worst[t->level][algo]))
		t->tally->worst[t->level][algo] = error / most;
	if (worst <= 1)
		return 0;
	i = worst_at % area, k = worst_at / area % c->k, n = worst_at / area / c->k;
	(void)snprintf(why, sizeof why,
	    "%.3g of the error that is allowed, at n %zu, k %zu, y %zu, x %zu: %.9g, "
	    "not %.9g",
	    worst, n, k, i / c->ow, i % c->ow,
	    (double)out[lies(c->out_layout, c->k, area, n, k, i)], t->want[worst_at]);
	return bad(t, why);
}

static int
lanes_finite(const struct det_conv *c, const float *out)
{
	size_t n = det_layout_floats(
		   c->out_layout, (const size_t[4]){ c->n, c->k, c->oh, c->ow }),
	       i;

	for (i = 0; i < n; i++)
		if (!isfinite(out[i]))
			return 0;
	return 1;
}

/* Packs as the engine may: for another size and batch, where the packing is the same. */
static const float *
pack(struct try *t, const struct det_conv *c, size_t bytes, int threads)
{
	struct det_conv other = *c;
	float *packed = area_take(&t->area[PACKED], bytes, 64);

	memset(packed, 0xff, bytes);
	if (t->p->seed % 2 && c->algo != DET_CONV_AUTO) {
		other.n++, other.h++, other.w += 3;
		other.act = DET_ACT_LINEAR;
		other.packed = 0;
		if (det_conv_shape(&other) || !det_conv_can(&other, c->algo) ||
		    det_conv_packed_bytes(&other, threads) != bytes)
			other = *c;
	}
	other.packed = 0;
	det_conv_pack(&other, packed, (float *)(void *)t->area[WEIGHT].data, threads);
	return packed;
}

/* c says all: layouts, algorithm, packed. */
static int
run(struct try *t, const struct det_conv *c, int threads, int least)
{
	static const int dirt[] = { 0xff, 0, 0x7e };
	const struct conv_case *p = t->p;
	const size_t dims[4] = { c->n, c->k, c->oh, c->ow };
	size_t bytes = det_layout_floats(c->out_layout, dims) * sizeof(float), i;
	enum det_conv_algo chosen = det_conv_choose(c);
	const float *weight = (float *)(void *)t->area[WEIGHT].data, *residual = NULL;
	size_t want = 0;
	float *out;
	int fails = 0;

	(void)snprintf(t->now, 200, "%s (%s), %s to %s, %s, %s, %d threads",
	    det_conv_algo_name(c->algo), det_conv_algo_name(chosen),
	    layout_name(c->in_layout), layout_name(c->out_layout),
	    c->packed ? "packed" : "unpacked", det_cpu_name(t->level), threads);
	if (chosen <= DET_CONV_AUTO || chosen >= DET_CONV_ALGOS ||
	    (c->algo != DET_CONV_AUTO && chosen != c->algo))
		return bad(t, "another algorithm is chosen than asked for, or none");
	if (c->algo == DET_CONV_AUTO && c->direct && factor(chosen) > 0)
		return bad(t, "Winograd is chosen where it must not be");
	if (c->packed) {
		struct det_conv raw = *c;

		raw.packed = 0;
		if (!(want = det_conv_packed_bytes(&raw, threads)))
			return 0; /* as they lie is how they are wanted */
		weight = pack(t, c, want, threads);
	}
	if (p->bits & (CONV_RESIDUAL | CONV_INPLACE))
		residual = lay(&t->area[RESIDUAL], c->out_layout, t->residual, c->n,
		    c->k, c->oh * c->ow);
	out = area_take(&t->area[OUT], bytes, c->out_layout == DET_PLAIN ? 4 : 64);
	memset(out, dirt[threads % 3], bytes);
	if (p->bits & CONV_INPLACE) {
		memcpy(out, residual, bytes);
		residual = out;
	}
	want = det_conv_scratch(c, threads);
	memset(area_take(&t->area[SCRATCH], want, 64), dirt[threads % 3], want);
	det_conv_run(c, out, (float *)(void *)t->area[IN].data, weight,
	    p->bits & CONV_SCALE ? (float *)(void *)t->area[SCALE].data : NULL,
	    p->bits & CONV_SHIFT ? (float *)(void *)t->area[SHIFT].data : NULL,
	    residual, t->area[SCRATCH].data, threads);
	if (t->tally)
		t->tally->runs[t->level][c->algo]++;
	for (i = 0; i < AREAS; i++)
		if (!area_intact(&t->area[i]))
			fails += bad(t,
			    (const char *const[]){
				"memory about the input was written to",
				"memory about the weights was written to",
				"memory about scale was written to",
				"memory about shift was written to",
				"memory about the residual was written to",
				"memory about the output was written to",
				"memory about the packed weights was written to",
				"memory about the scratch memory was written to" }[i]);
	if (!lanes_finite(c, out))
		fails +=
		    bad(t, "not all of the output, with its lanes of no channel, is "
			   "finite");
	if (threads == least) {
		memcpy(t->first, out, bytes);
		fails += compare(t, c, out, chosen);
	} else if (memcmp(t->first, out, bytes) != 0) {
		fails += bad(t, "other bits than of fewer threads");
	}
	return fails;
}

/* --- all of them ----------------------------------------------------------------------- */

static int
unchanged(struct try *t)
{
	const struct det_conv *c = &t->p->c;

	return memcmp(t->area[WEIGHT].data, t->weight,
		   conv_ref_weights(c) * sizeof(float)) == 0;
}

/* Channel vectors with their lanes of no channel, which a plain output has not. */
static void
lay_vectors(struct try *t, enum det_layout layout)
{
	const struct det_conv *c = &t->p->c;

	if (t->p->bits & CONV_SCALE)
		(void)lay(&t->area[SCALE], layout, t->scale, 1, c->k, 1);
	if (t->p->bits & CONV_SHIFT)
		(void)lay(&t->area[SHIFT], layout, t->shift, 1, c->k, 1);
}

int
conv_possible(const struct det_conv *c, enum det_conv_algo algo)
{
	struct det_conv p = *c;
	int in, out;

	p.algo = algo;
	for (in = DET_PLAIN; in <= DET_BLOCKED; in++)
		for (out = DET_PLAIN; out <= DET_BLOCKED; out++) {
			p.in_layout = (enum det_layout)in;
			p.out_layout = (enum det_layout)out;
			if (det_conv_can(&p, algo))
				return 1;
		}
	return 0;
}

static int
check_cost(struct try *t, const struct det_conv *c)
{
	double cost;

	(void)snprintf(t->now, 200, "%s, %s to %s, %s", det_conv_algo_name(c->algo),
	    layout_name(c->in_layout), layout_name(c->out_layout),
	    det_cpu_name(t->level));
	if (c->algo == DET_CONV_AUTO || !det_conv_can(c, c->algo))
		return 0;
	cost = det_conv_cost(c, c->algo, 1);
	return cost > 0 && isfinite(cost) ? 0
					  : bad(t, "its cost is no positive number");
}

static int
try_layouts(struct try *t, const struct conv_ways *ways, enum det_layout in,
    enum det_layout out)
{
	struct det_conv c = t->p->c;
	/* now and then more threads than most machines have, and than there is work for */
	int many = t->p->seed % 8 ? 3 : 7;
	int least = ways->least ? ways->least : 1,
	    most = ways->most ? ways->most : many;
	int algo, threads, fails = 0;

	c.in_layout = in;
	c.out_layout = out;
	for (algo = DET_CONV_AUTO; algo < DET_CONV_ALGOS; algo++) {
		if (ways->algo_only && algo != (int)ways->algo)
			continue;
		c.algo = (enum det_conv_algo)algo;
		if (!conv_possible(&c, c.algo)) {
			if (algo == DET_CONV_AUTO || algo == DET_CONV_GEMM)
				fails += bad(t, "auto and gemm always can");
			continue;
		}
		fails += check_cost(t, &c);
		for (c.packed = 0; c.packed < 2; c.packed++)
			for (threads = least; threads <= most; threads++)
				fails += run(t, &c, threads, least);
		c.packed = 0;
	}
	return fails;
}

static int
try_level(struct try *t, const struct conv_ways *ways)
{
	const struct det_conv *c = &t->p->c;
	int in, out, fails = 0;

	(void)lay(&t->area[WEIGHT], DET_PLAIN, t->weight, 1, conv_ref_weights(c), 1);
	t->first =
	    need(c->n * det_blocked_channels(c->k) * c->oh * c->ow, sizeof *t->first);
	for (in = DET_PLAIN; in <= DET_BLOCKED; in++) {
		float *copy;
		size_t bytes;

		(void)lay(
		    &t->area[IN], (enum det_layout)in, t->in, c->n, c->c, c->h * c->w);
		bytes = t->area[IN].bytes;
		copy = need(bytes, 1);
		memcpy(copy, t->area[IN].data, bytes);
		for (out = DET_PLAIN; out <= DET_BLOCKED; out++) {
			lay_vectors(t, (enum det_layout)out);
			fails += try_layouts(
			    t, ways, (enum det_layout)in, (enum det_layout)out);
		}
		if (memcmp(copy, t->area[IN].data, bytes) != 0)
			fails += bad(t, "then or before, the input was written to");
		free(copy);
	}
	if (!unchanged(t))
		fails += bad(t, "then or before, the weights were written to");
	free(t->first);
	return fails;
}

static void
prepare(struct try *t)
{
	const struct conv_case *p = t->p;
	const struct det_conv *c = &p->c;
	size_t area = c->oh * c->ow, n, k, i;
	double *map;

	t->in = need(conv_ref_in(c), sizeof *t->in);
	t->weight = need(conv_ref_weights(c), sizeof *t->weight);
	t->scale = need(c->k, sizeof *t->scale);
	t->shift = need(c->k, sizeof *t->shift);
	t->residual = need(conv_ref_out(c), sizeof *t->residual);
	conv_fill(t->in, conv_ref_in(c), p->seed);
	conv_fill(t->weight, conv_ref_weights(c), p->seed + 1);
	conv_fill(t->scale, c->k, p->seed + 2);
	conv_fill(t->shift, c->k, p->seed + 3);
	conv_fill(t->residual, conv_ref_out(c), p->seed + 4);
	t->want = need(conv_ref_out(c), sizeof *t->want);
	t->size = need(conv_ref_out(c), sizeof *t->size);
	t->most = need(c->n * c->k, sizeof *t->most);
	t->extra = need(c->n * c->k, sizeof *t->extra);
	for (n = 0; n < c->n; n++)
		for (k = 0; k < c->k; k++) {
			double scale =
			    p->bits & CONV_SCALE ? fabs((double)t->scale[k]) : 1;

			map = t->size + (n * c->k + k) * area;
			conv_ref_map(t->want + (n * c->k + k) * area, map, c, t->in,
			    t->weight, n, k);
			conv_ref_end(t->want + (n * c->k + k) * area, c, k,
			    p->bits & CONV_SCALE ? t->scale : NULL,
			    p->bits & CONV_SHIFT ? t->shift : NULL,
			    p->bits & (CONV_RESIDUAL | CONV_INPLACE)
				? t->residual + (n * c->k + k) * area
				: NULL);
			t->extra[n * c->k + k] = 1;
			for (i = 0; i < area; i++) {
				map[i] *= scale;
				if (map[i] > t->most[n * c->k + k])
					t->most[n * c->k + k] = map[i];
			}
		}
}

static void
release(struct try *t)
{
	free(t->in), free(t->weight), free(t->scale), free(t->shift), free(t->residual);
	free(t->want), free(t->size), free(t->most), free(t->extra);
}

/* What the processes of a case share. */
struct shared {
	char now[200];
	struct conv_tally tally;
};

static int
fork_level(struct try *t, const struct conv_ways *ways, enum det_cpu_level level)
{
	char text[CONV_CASE_TEXT];
	int status = 0, fails;
	pid_t pid;

	t->level = level;
	(void)snprintf(t->now, 200, "%s", det_cpu_name(level));
	(void)fflush(stdout); /* or the child prints it again */
	pid = fork();
	if (pid == 0) {
		(void)alarm(600);
		setenv("DET_CPU", det_cpu_name(level), 1);
		fails = det_cpu_level() != level || try_level(t, ways);
		(void)fflush(stdout);
		_exit(fails != 0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) <= 1)
		return WEXITSTATUS(status);
	printf("# %s: ended by status %d (signal %d)\n#   again: test_conv_shapes -p "
	       "'%s'\n",
	    t->now, status, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	    conv_case_text(text, t->p));
	return 1;
}

static void
tally_add(struct conv_tally *to, const struct conv_tally *from)
{
	int l, a;

	for (l = 0; l < CONV_LEVELS; l++)
		for (a = 0; a < DET_CONV_ALGOS; a++) {
			to->runs[l][a] += from->runs[l][a];
			if (from->worst[l][a] > to->worst[l][a])
				to->worst[l][a] = from->worst[l][a];
		}
}

int
conv_try(
    const struct conv_case *p, const struct conv_ways *ways, struct conv_tally *tally)
{
	struct try t = { .p = p };
	struct shared *s = mmap(
	    NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	enum det_cpu_level l;
	int fails = 0;

	if (s == MAP_FAILED)
		return 1;
	t.now = s->now;
	t.tally = &s->tally;
	prepare(&t);
	for (l = DET_CPU_C; l <= det_cpu_supported(); l++)
		if (!ways->level_only || l == ways->level)
			fails += fork_level(&t, ways, l);
	release(&t);
	if (tally)
		tally_add(tally, &s->tally);
	(void)munmap(s, sizeof *s);
	return fails;
}

void
conv_tally_print(const struct conv_tally *t)
{
	int l, a;

	for (l = DET_CPU_C; l < CONV_LEVELS; l++)
		for (a = 0; a < DET_CONV_ALGOS; a++)
			if (t->runs[l][a])
				printf(
				    "# %-7s %-12s %8zu runs, largest error %.2g of the "
				    "largest output\n",
				    det_cpu_name((enum det_cpu_level)l),
				    det_conv_algo_name((enum det_conv_algo)a),
				    t->runs[l][a], t->worst[l][a]);
}
