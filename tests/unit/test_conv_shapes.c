/* SPDX-License-Identifier: MIT
 *
 * Random convolutions in every way there is (tests/conv_try.h), a seeded sample of them:
 *
 *   test_conv_shapes [-n CASES] [-s SEED] [-m MULTIPLICATIONS] [-p CASE] [-a ALGO]
 *                    [-c LEVEL] [-j THREADS]
 *
 * `make check` runs a hundred and some, `make check-long` thousands. A failure names its
 * case in the form that -p takes: that case alone, with -a in one way, with -c by one
 * instruction set, with -j on so many threads.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/conv_try.h"
#include "tests/unit/tap.h"

struct args {
	size_t cases;
	uint32_t seed;
	double work;
	const char *one;
	struct conv_ways ways;
};

static size_t
below(uint32_t *seed, size_t n)
{
	return conv_draw(seed) % n;
}

static int
one_in(uint32_t *seed, size_t n)
{
	return below(seed, n) == 0;
}

/* 1 .. most, small ones more often. */
static size_t
small(uint32_t *seed, size_t most)
{
	size_t n = 1 + below(seed, most);

	return one_in(seed, 3) ? n : 1 + below(seed, n);
}

/* 1 .. most, often at or beside a multiple of 16, where blocks end. */
static size_t
channels(uint32_t *seed, size_t most)
{
	size_t n = small(seed, most), near;

	if (one_in(seed, 2))
		return n;
	near = (n + 15) / 16 * 16 + below(seed, 3) - 1;
	return near < most ? near : most;
}

static void
draw_kernel(struct det_conv *c, uint32_t *seed)
{
	c->stride_y = c->stride_x = c->dilate_y = c->dilate_x = 1;
	switch (below(seed, 8)) {
	case 0:
	case 1:
	case 2: /* Winograd's */ c->kh = c->kw = 3; break;
	case 3: c->kh = c->kw = 1; break;
	case 4:
		c->kh = c->kw = 1 + 2 * below(seed, 4);
		c->stride_y = c->stride_x = 1 + below(seed, 2);
		break;
	default:
		c->kh = 1 + below(seed, 7);
		c->kw = 1 + below(seed, 7);
		c->stride_y = 1 + below(seed, 3);
		c->stride_x = 1 + below(seed, 3);
		c->dilate_y = 1 + below(seed, 3);
		c->dilate_x = 1 + below(seed, 3);
		break;
	}
	if (one_in(seed, 3)) {
		c->pad_top = c->pad_bottom = c->kh / 2;
		c->pad_left = c->pad_right = c->kw / 2;
	} else if (one_in(seed, 2)) {
		c->pad_top = below(seed, 5);
		c->pad_left = below(seed, 5);
		c->pad_bottom = below(seed, 5);
		c->pad_right = below(seed, 5);
	}
	if (one_in(seed, 40)) { /* far outside */
		c->pad_top = below(seed, 40);
		c->pad_left = below(seed, 40);
		c->pad_right = below(seed, 40);
	}
	if (one_in(seed, 40))
		c->stride_y = c->stride_x = 1 + below(seed, 12);
}

static void
draw_channels(struct det_conv *c, uint32_t *seed)
{
	c->c = channels(seed, 130);
	c->k = channels(seed, 130);
	c->groups = 1;
	switch (below(seed, 10)) {
	case 0: /* depthwise, now and then with a multiplier */
		c->groups = c->c;
		c->k = c->c * (one_in(seed, 3) ? 1 + below(seed, 4) : 1);
		break;
	case 1: /* groups of whole blocks */
		c->groups = 1 + below(seed, 4);
		c->c = c->groups * 16 * (1 + below(seed, 2));
		c->k = c->groups * 16 * (1 + below(seed, 2));
		break;
	case 2: /* of any size */
		c->groups = 1 + below(seed, 6);
		c->c = c->groups * (1 + below(seed, 130 / c->groups));
		c->k = c->groups * (1 + below(seed, 130 / c->groups));
		break;
	case 3: /* a first layer */ c->c = 1 + below(seed, 4); break;
	default: break;
	}
}

static struct conv_case
draw(uint32_t *seed, double work)
{
	struct conv_case p;
	struct det_conv *c = &p.c;

	do {
		memset(&p, 0, sizeof p);
		c->n = one_in(seed, 3) ? 1 + below(seed, 3) : 1;
		c->h = small(seed, 70);
		c->w = one_in(seed, 3) ? c->h : small(seed, 70);
		draw_channels(c, seed);
		draw_kernel(c, seed);
		if (one_in(seed, 16)) { /* the kernel covers the image */
			c->kh = c->h = 1 + below(seed, 7);
			c->kw = c->w = 1 + below(seed, 7);
			c->n = 1 + below(seed, 20);
			c->pad_top = c->pad_left = c->pad_bottom = c->pad_right = 0;
		}
		c->act =
		    (enum det_act)(one_in(seed, 2) ? 0 : below(seed, DET_ACT_SILU + 1));
		c->alpha = one_in(seed, 2) ? .1f : .25f;
		c->direct = one_in(seed, 4);
		p.bits = (int)below(seed, CONV_ALL + 1);
		p.seed = conv_draw(seed);
	} while (det_conv_shape(c) || conv_ref_work(c) > work);
	return p;
}

static int
random_cases(const struct args *a)
{
	struct conv_tally tally = { { { 0 } }, { { 0 } } };
	uint32_t seed = a->seed;
	int fails = 0, l, w;
	size_t i;

	for (i = 0; i < a->cases && fails < 20; i++) {
		struct conv_case p = draw(&seed, a->work);

		fails += conv_try(&p, &a->ways, &tally);
	}
	conv_tally_print(&tally);
	ok(fails == 0, "%zu convolutions, seed %u, in every way as the reference", i,
	    (unsigned)a->seed);
	for (l = 0; l < CONV_LEVELS; l++)
		for (w = 0; w < DET_CONV_ALGOS; w++)
			if (tally.runs[l][w] &&
			    !(tally.worst[l][w] <=
				(w == DET_CONV_WINO4 || w == DET_CONV_WINO6 ? 1e-4
									    : 2e-5)))
				fails++;
	ok(fails == 0,
	    "errors stay below 2e-5 of the largest output, 1e-4 by F(4,3) and "
	    "F(6,3)");
	return fails;
}

static void
one_case(const struct args *a)
{
	struct conv_tally tally = { { { 0 } }, { { 0 } } };
	struct conv_case p;
	int parsed = conv_case_parse(&p, a->one);

	ok(parsed && conv_try(&p, &a->ways, &tally) == 0, "%s", a->one);
	conv_tally_print(&tally);
}

static int
parse(struct args *a, int argc, char *argv[])
{
	enum det_cpu_level l;
	int o, algo;

	while ((o = getopt(argc, argv, "n:s:m:p:a:c:j:")) != -1)
		switch (o) {
		case 'n': a->cases = (size_t)strtoul(optarg, NULL, 10); break;
		case 's': a->seed = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'm': a->work = strtod(optarg, NULL); break;
		case 'p': a->one = optarg; break;
		case 'j': a->ways.least = a->ways.most = atoi(optarg); break;
		case 'a':
			if ((algo = det_conv_algo_find(optarg)) < 0)
				return 0;
			a->ways.algo = (enum det_conv_algo)algo;
			a->ways.algo_only = 1;
			break;
		case 'c':
			for (l = DET_CPU_C; l < DET_CPU_AVX512; l++)
				if (!strcmp(det_cpu_name(l), optarg))
					break;
			a->ways.level = l;
			a->ways.level_only = 1;
			break;
		default: return 0;
		}
	return optind == argc;
}

int
main(int argc, char *argv[])
{
	struct args a = { .cases = 150, .seed = 1, .work = 2e6 };

	if (!parse(&a, argc, argv)) {
		(void)fprintf(stderr,
		    "usage: test_conv_shapes [-n CASES] [-s SEED] [-m MULTIPLICATIONS] "
		    "[-p CASE] [-a ALGO] [-c LEVEL] [-j THREADS]\n");
		return 2;
	}
	if (a.one)
		one_case(&a);
	else
		(void)random_cases(&a);
	return done();
}
