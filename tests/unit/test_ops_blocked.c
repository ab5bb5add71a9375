/* SPDX-License-Identifier: MIT
 *
 * Every operator that runs on blocked maps against its own run on plain ones (which
 * test_ops_naive.c holds against the definitions), on every instruction set: channels that
 * fill their blocks and that don't, batches, threads, edges, into a map of its own and into
 * its input. The lanes of no channel hold large numbers, which must get into no result and
 * become nothing infinite.
 */
#define _POSIX_C_SOURCE 200809L
#include "tests/unit/levels.h"
#include "tests/unit/lone_op.h"

struct problem {
	const char *stmt;
	size_t n_in, c[LONE_IN], h, w; /* channels of each input */
	double tol;                    /* 0: the same values */
};

/* clang-format off */
static const struct problem problems[] = {
	{ "maxpool(x0) k=2 stride=2", 1, { 37 }, 14, 12, 0 },
	{ "maxpool(x0) k=2 stride=2 round=ceil", 1, { 16 }, 15, 13, 0 },
	{ "maxpool(x0) k=2 stride=1 pad=1 round=darknet", 1, { 20 }, 13, 13, 0 },
	{ "maxpool(x0) k=3 stride=2 pad=1", 1, { 48 }, 11, 17, 0 },
	{ "maxpool(x0) k=3 stride=2 round=ceil", 1, { 3 }, 12, 9, 0 },
	{ "maxpool(x0) k=3 stride=1 pad=1", 1, { 32 }, 19, 19, 0 },
	{ "maxpool(x0) k=5 stride=1 pad=2", 1, { 33 }, 7, 9, 0 },
	{ "maxpool(x0) k=13 stride=1 pad=6", 1, { 16 }, 13, 19, 0 },
	{ "maxpool(x0) k=4,2 stride=3,5 pad=1,0,3,1", 1, { 17 }, 10, 21, 0 },
	{ "maxpool(x0) k=1 stride=2", 1, { 16 }, 9, 8, 0 },
	{ "maxpool(x0) k=2 stride=1 pad=7 round=darknet", 1, { 5 }, 3, 4, 0 },
	{ "maxpool(x0) global", 1, { 21 }, 5, 9, 0 },
	{ "maxpool(x0) k=2 stride=2", 1, { 16 }, 120, 150, 0 },
	{ "avgpool(x0) k=2 stride=2", 1, { 37 }, 14, 12, 1e-6 },
	{ "avgpool(x0) k=3 stride=2 pad=1", 1, { 16 }, 11, 17, 1e-6 },
	{ "avgpool(x0) k=3 stride=2 pad=1 round=ceil count=valid", 1, { 19 }, 12, 10, 1e-6 },
	{ "avgpool(x0) k=3 stride=2 pad=1 round=ceil", 1, { 19 }, 12, 10, 1e-6 },
	{ "avgpool(x0) k=4,3 stride=1 pad=1,2,0,1", 1, { 32 }, 6, 8, 1e-6 },
	{ "avgpool(x0) global", 1, { 40 }, 7, 7, 1e-6 },
	{ "avgpool(x0) global", 1, { 16 }, 60, 70, 1e-6 },
	{ "upsample(x0)", 1, { 24 }, 13, 9, 0 },
	{ "upsample(x0) scale=3,2 gain=2", 1, { 16 }, 5, 60, 0 },
	{ "upsample(x0, x1)", 2, { 33, 1 }, 5, 7, 0 },
	{ "upsample(x0) mode=bilinear", 1, { 16 }, 9, 7, 1e-6 },
	{ "upsample(x0) scale=3,4 mode=bilinear align gain=.5", 1, { 18 }, 5, 4, 1e-6 },
	{ "concat(x0, x1, x2)", 3, { 16, 48, 5 }, 9, 11, 0 },
	{ "concat(x0, x1)", 2, { 32, 16 }, 70, 41, 0 },
	{ "slice(x0) from=16 n=32", 1, { 70 }, 5, 6, 0 },
	{ "slice(x0) from=48", 1, { 59 }, 5, 6, 0 },
	{ "slice(x0) groups=2 group=1", 1, { 32 }, 40, 60, 0 },
	{ "add(x0, x1)", 2, { 19, 19 }, 11, 13, 0 },
	{ "add(x0, x1, x2) act=relu", 3, { 32, 32, 32 }, 33, 21, 0 },
	{ "add(x0, x1) act=mish", 2, { 7, 7 }, 5, 5, 1e-6 },
	{ "act(x0) act=silu", 1, { 35 }, 12, 13, 1e-6 },
	{ "leaky(x0) alpha=.25", 1, { 5 }, 33, 35, 0 },
	{ "sigmoid(x0)", 1, { 16 }, 3, 5, 1e-6 },
	{ "bn(x0) act=relu", 1, { 21 }, 13, 11, 1e-6 },
	{ "bn(x0) form=darknet act=leaky", 1, { 32 }, 40, 50, 1e-6 },
	{ "scale(x0)", 1, { 50 }, 7, 5, 1e-6 },
	{ "scale(x0) bias=0 act=relu6", 1, { 3 }, 7, 5, 1e-6 },
	{ "l2norm(x0)", 1, { 512 }, 9, 15, 1e-6 },
	{ "l2norm(x0) eps=.5 affine=0", 1, { 23 }, 4, 5, 1e-6 },
	{ "groupnorm(x0)", 1, { 256 }, 13, 10, 3e-6 }, /* 8 in a group */
	{ "groupnorm(x0) groups=3 eps=.25 act=relu", 1, { 96 }, 9, 7, 3e-6 }, /* 32 */
	{ "groupnorm(x0) groups=4", 1, { 20 }, 9, 7, 3e-6 },  /* 5: across blocks */
	{ "groupnorm(x0) groups=2 act=silu", 1, { 48 }, 9, 7, 3e-6 }, /* 24 */
	{ "groupnorm(x0) groups=1", 1, { 37 }, 30, 31, 3e-6 },
	{ "groupnorm(x0) groups=10", 1, { 20 }, 1, 1, 3e-6 }, /* 2 */
	{ "lrn(x0) alpha=.5 k=2", 1, { 37 }, 9, 8, 0 },
	{ "lrn(x0) size=3 beta=.6 alpha=.1", 1, { 16 }, 9, 8, 0 },
	{ "lrn(x0) alpha=.01 k=2 form=darknet", 1, { 20 }, 12, 8, 0 },
	{ "reorg(x0) stride=2", 1, { 32 }, 6, 8, 0 },
	{ "reorg(x0) stride=3 reverse", 1, { 288 }, 3, 5, 0 },
	{ "dropout(x0) p=.3 scale", 1, { 19 }, 13, 11, 0 },
	{ "crop(x0) h=3 w=4 gain=2 shift=-1", 1, { 20 }, 6, 9, 0 },
};
/* clang-format on */

/* A new blocked map of a plain one (or of nothing: all lanes junk). */
static float *
blocked_copy(const float *plain, const size_t d[4])
{
	size_t all = det_layout_floats(DET_BLOCKED, d), area = d[2] * d[3], i;
	float *b = lone_floats(all);

	det_layout_block(b, plain, d[0], d[1], area, 1);
	for (i = 0; i < all; i++)
		if (i / 16 / area % det_blocks(d[1]) * 16 + i % 16 >= d[1])
			b[i] = 1e15f;
	return b;
}

/* The largest difference, relative to values above 1; NaN where there is one. */
static double
apart(const float *a, const float *b, size_t n)
{
	double worst = 0, d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = fabs((double)a[i] - (double)b[i]) / fmax(1, fabs((double)a[i]));
		if (d > worst || d != d)
			worst = d;
	}
	return worst;
}

static size_t
infinite(const float *x, size_t n)
{
	size_t i, bad = 0;

	for (i = 0; i < n; i++)
		bad += isfinite(x[i]) ? 0 : 1;
	return bad;
}

/* One run, blocked, its output plain. into: the input that it overwrites, or -1. */
static int
blocked_run(const struct lone *l, float *out, int into, int threads)
{
	size_t all = det_layout_floats(DET_BLOCKED, l->out_dims), i;
	float *in[LONE_IN], *own = lone_floats(all), *o = own;
	const float *const_in[LONE_IN];
	void *scratch = lone_scratch(l, threads);
	int bad;

	memset(own, 0xff, all * sizeof *own); /* not a number */
	for (i = 0; i < l->n_in; i++)
		const_in[i] = in[i] = blocked_copy(l->in[i], l->dims[i]);
	if (into >= 0)
		o = in[into];
	lone_run(l, o, const_in, 1, threads, scratch);
	bad = infinite(o, all) > 0;
	det_layout_plain(
	    out, o, l->out_dims[0], l->out_dims[1], l->out_dims[2] * l->out_dims[3], 1);
	for (i = 0; i < l->n_in; i++)
		free(in[i]);
	free(own), free(scratch);
	return bad;
}

static int
compare(const struct problem *p, const struct lone *l, int threads)
{
	size_t n = l->out_dims[0] * det_op_chw(l->out_dims);
	float *want = lone_floats(n), *got = lone_floats(n);
	void *scratch = lone_scratch(l, threads);
	int into, bad = 0,
		  last = l->node->op->traits & DET_OP_INPLACE ? (int)l->n_in : 0;

	lone_run(l, want, (const float *const *)l->in, 0, threads, scratch);
	for (into = -1; into < last; into++) {
		int junk = blocked_run(l, got, into, threads);
		double d = apart(want, got, n);

		if (!junk && d <= p->tol)
			continue;
		bad++;
		printf("# %s: batch %zu, %d threads, %s: %.1e apart%s\n", p->stmt,
		    l->out_dims[0], threads, into < 0 ? "apart" : "in place", d,
		    junk ? ", lanes not finite" : "");
	}
	free(want), free(got), free(scratch);
	return bad;
}

static int
all_problems(void)
{
	size_t i, k, batch;
	int bad = 0, threads;

	for (i = 0; i < sizeof problems / sizeof *problems; i++)
		for (batch = 1; batch <= 2; batch++) {
			const struct problem *p = &problems[i];
			size_t dims[LONE_IN][4];
			struct lone l;

			for (k = 0; k < p->n_in; k++) {
				dims[k][0] = batch;
				dims[k][1] = p->c[k];
				dims[k][2] = p->h;
				dims[k][3] = p->w;
			}
			if (!strncmp(p->stmt, "upsample(x0, x1)", 16))
				dims[1][2] = 12, dims[1][3] = 17;
			if (!lone_open(
				&l, p->stmt, (const size_t(*)[4])dims, p->n_in) ||
			    !lone_can(&l)) {
				printf("# %s: %s\n", p->stmt, det_errmsg());
				bad++;
			} else
				for (threads = 1; threads <= 3; threads++)
					bad += compare(p, &l, threads);
			lone_close(&l);
		}
	return bad;
}

/* What can't, says so. */
static int
refuses(const char *stmt, size_t c0, size_t c1)
{
	const size_t dims[2][4] = { { 1, c0, 4, 4 }, { 1, c1, 4, 4 } };
	struct lone l;
	int can;

	if (!lone_open(&l, stmt, dims, c1 ? 2 : 1))
		return 0;
	can = lone_can(&l);
	lone_close(&l);
	return !can;
}

int
main(void)
{
	on_each_level("blocked as plain", all_problems);
	ok(refuses("concat(x0, x1)", 8, 16),
	    "parts that end within a block stay plain");
	ok(refuses("slice(x0) from=8 n=16", 32, 0),
	    "a slice within blocks stays plain");
	ok(refuses("slice(x0) n=8", 32, 0), "a slice that ends within a block too");
	ok(refuses("reorg(x0) order=pixel", 16, 0), "channels spread out stay plain");
	ok(refuses("reorg(x0) order=darknet", 16, 0), "Darknet's order stays plain");
	ok(refuses("softmax(x0)", 16, 0), "softmax stays plain");
	ok(refuses("lrn(x0) form=within", 16, 0), "lrn within a channel stays plain");
	return done();
}
