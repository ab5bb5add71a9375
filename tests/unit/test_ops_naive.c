/* SPDX-License-Identifier: MIT
 *
 * Every operator against its definition written down once more, plainly and in double:
 * indices are computed from scratch for each output value. (Against torch's results:
 * test_ops_golden.c.)
 */
#include <math.h>
#include <stdio.h>

#include "tests/unit/nets.h"
#include "tests/unit/tap.h"

/* One problem: input and output as doubles, sizes, weights by name. */
struct ref {
	const struct rig *rig;
	size_t n, c, h, w;     /* input */
	size_t oc, oh, ow;     /* output */
	const float *in, *in2; /* second input: as wide as `b` says */
	size_t b[4];
	double *out;
};

static double
at(const struct ref *r, size_t n, long c, long y, long x)
{
	if (c < 0 || c >= (long)r->c || y < 0 || y >= (long)r->h || x < 0 ||
	    x >= (long)r->w)
		return 0;
	return (double)
	    r->in[((n * r->c + (size_t)c) * r->h + (size_t)y) * r->w + (size_t)x];
}

static int
inside(const struct ref *r, long y, long x)
{
	return y >= 0 && y < (long)r->h && x >= 0 && x < (long)r->w;
}

static double
w(const struct ref *r, const char *name, size_t i)
{
	return (double)made_data(r->rig, name)[i];
}

/* Runs fn for each value of the output. */
typedef double (*value_fn)(const struct ref *r, size_t n, long k, long y, long x);

static void
each(struct ref *r, value_fn fn)
{
	double *o = r->out;
	size_t n, k, y, x;

	for (n = 0; n < r->n; n++)
		for (k = 0; k < r->oc; k++)
			for (y = 0; y < r->oh; y++)
				for (x = 0; x < r->ow; x++)
					*o++ = fn(r, n, (long)k, (long)y, (long)x);
}

/* The statement (input x, second input z of sizes b; output y) for batches 1 and 2 and
 * threads 1, 2, 3, against fn. */
static void
expect2(const char *stmt, size_t c, size_t h, size_t wd, const size_t b[3], value_fn fn,
    double tol)
{
	char text[500];
	struct rig rig;
	struct det_tensor in[2], out;
	struct ref r;
	double worst = 0, d;
	size_t n, i, count = 0;
	int threads;

	(void)snprintf(text, sizeof text, "net n\ninput x %zu %zu %zu\n%s%s\noutput y",
	    c, h, wd, b ? "input z 0 0 0\n" : "", stmt);
	for (n = 1; n <= 2; n++)
		for (threads = 1; threads <= 3; threads++) {
			if (rig_open(&rig, text, threads, NULL, 0)) {
				ok(0, "%s: %s", stmt, det_errmsg());
				return;
			}
			in[0] = seeded(n, c, h, wd, 7);
			in[1] = b ? seeded(n, b[0], b[1], b[2], 11) : in[0];
			if (det_engine_run(rig.engine, in)) {
				ok(0, "%s: %s", stmt, det_errmsg());
				return;
			}
			(void)det_engine_output(rig.engine, 0, &out);
			count = out.dims[0] * out.dims[1] * out.dims[2] * out.dims[3];
			r = (struct ref){ &rig, n, c, h, wd, out.dims[1], out.dims[2],
				out.dims[3], in[0].data, in[1].data, { 0 },
				malloc(count * sizeof(double)) };
			if (!r.out)
				exit(2);
			if (b)
				memcpy(r.b, b, 3 * sizeof *b);
			each(&r, fn);
			for (i = 0; i < count; i++) {
				d = fabs((double)((float *)out.data)[i] - r.out[i]) /
				    (1 + fabs(r.out[i]));
				worst = d > worst || d != d ? d : worst;
			}
			free(r.out);
			free(in[0].data);
			if (b)
				free(in[1].data);
			rig_close(&rig);
		}
	ok(count && worst <= tol, "%s: %zu values, worst %.1e", stmt, count, worst);
}

static void
expect(const char *stmt, size_t c, size_t h, size_t wd, value_fn fn)
{
	expect2(stmt, c, h, wd, NULL, fn, 2e-6);
}

/* --- conv, fc, local --- */

static double
leaky(double v)
{
	return v > 0 ? v : .1 * v;
}

/* 3x2 kernel, stride 2,1, pads 1,0,2,1, dilation 1,2, groups 2, out 4, bias */
static double
conv_odd(const struct ref *r, size_t n, long k, long y, long x)
{
	double s = w(r, "n/y.bias", (size_t)k);
	long c, i, j, g = k / 2, cg = (long)r->c / 2;

	for (c = 0; c < cg; c++)
		for (i = 0; i < 3; i++)
			for (j = 0; j < 2; j++)
				s += w(r, "n/y.weight",
					 (size_t)(((k * cg + c) * 3 + i) * 2 + j)) *
				     at(r, n, g * cg + c, y * 2 + i - 1, x + 2 * j);
	return s;
}

static double
conv1(const struct ref *r, size_t n, long k, long y, long x)
{
	double s = 0;
	long c;

	for (c = 0; c < (long)r->c; c++)
		s += w(r, "n/y.weight", (size_t)(k * (long)r->c + c)) *
		     at(r, n, c, y, x);
	return s;
}

static double
bn(const struct ref *r, double v, size_t k, double root_eps, double eps)
{
	return (v - w(r, "n/y.bn.mean", k)) /
		   (sqrt(w(r, "n/y.bn.var", k) + root_eps) + eps) *
		   w(r, "n/y.bn.weight", k) +
	       w(r, "n/y.bn.bias", k);
}

static double
conv_bn(const struct ref *r, size_t n, long k, long y, long x)
{
	return leaky(bn(r, conv1(r, n, k, y, x), (size_t)k, 1e-5, 0));
}

static double
conv_bn_darknet(const struct ref *r, size_t n, long k, long y, long x)
{
	return bn(r, conv1(r, n, k, y, x), (size_t)k, 0, .25);
}

static double
conv_bn_bias(const struct ref *r, size_t n, long k, long y, long x)
{
	return bn(
	    r, conv1(r, n, k, y, x) + w(r, "n/y.bias", (size_t)k), (size_t)k, 1e-3, 0);
}

static double
fc(const struct ref *r, size_t n, long k, long y, long x)
{
	double s = w(r, "n/y.bias", (size_t)k);
	size_t i, len = r->c * r->h * r->w;

	(void)y;
	(void)x;
	for (i = 0; i < len; i++)
		s += w(r, "n/y.weight", (size_t)k * len + i) *
		     (double)r->in[n * len + i];
	return s > 0 ? s : 0;
}

static double
fc_bn(const struct ref *r, size_t n, long k, long y, long x)
{
	double s = 0;
	size_t i, len = r->c * r->h * r->w;

	(void)y;
	(void)x;
	for (i = 0; i < len; i++)
		s += w(r, "n/y.weight", (size_t)k * len + i) *
		     (double)r->in[n * len + i];
	return bn(r, s, (size_t)k, 0, 1e-6);
}

/* 3x3, stride 2, pad 1 */
static double
local(const struct ref *r, size_t n, long k, long y, long x)
{
	double s = w(r, "n/y.bias", (size_t)((k * (long)r->oh + y) * (long)r->ow + x));
	long c, i, j, C = (long)r->c;

	for (c = 0; c < C; c++)
		for (i = 0; i < 3; i++)
			for (j = 0; j < 3; j++)
				s += w(r, "n/y.weight",
					 (size_t)(((((y * (long)r->ow + x) *
							    (long)r->oc +
							k) *
							   C +
						       c) *
							  3 +
						      i) *
						      3 +
						  j)) *
				     at(r, n, c, 2 * y + i - 1, 2 * x + j - 1);
	return leaky(s);
}

static void
test_products(void)
{
	expect("y = conv(x) out=4 k=3,2 stride=2,1 pad=1,0,2,1 dilate=1,2 groups=2", 6,
	    9, 8, conv_odd);
	expect("y = conv(x) out=5 bn act=leaky", 7, 4, 5, conv_bn);
	expect("y = conv(x) out=5 bn=darknet eps=.25", 7, 4, 5, conv_bn_darknet);
	expect("y = conv(x) out=5 bn eps=1e-3 bias=1", 7, 4, 5, conv_bn_bias);
	expect("y = conv(x) out=3 bias=0", 4, 1, 1, conv1);
	expect("y = fc(x) out=11 act=relu", 5, 3, 4, fc);
	expect("y = fc(x) out=6 bn=darknet", 5, 3, 4, fc_bn);
	expect("y = local(x) out=4 k=3 stride=2 pad=1 act=leaky", 5, 6, 7, local);
}

/* --- pooling --- */

static struct {
	long k, s, before, after; /* of both axes */
	int average, valid;
} pool;

static double
pooled(const struct ref *r, size_t n, long c, long y, long x)
{
	long i, j, y0 = y * pool.s - pool.before, x0 = x * pool.s - pool.before;
	double best = -1e30, sum = 0, padded = 0, valid = 0;

	for (i = y0; i < y0 + pool.k; i++)
		for (j = x0; j < x0 + pool.k; j++) {
			if (i < (long)r->h + pool.after && j < (long)r->w + pool.after)
				padded++;
			if (!inside(r, i, j))
				continue;
			valid++;
			sum += at(r, n, c, i, j);
			best = at(r, n, c, i, j) > best ? at(r, n, c, i, j) : best;
		}
	return !pool.average ? best : sum / (pool.valid ? valid : padded);
}

static void
test_pool(void)
{
	static const struct {
		const char *keys;
		size_t h, w;
		long k, s, before, after;
		size_t oh, ow;
	} t[] = {
		{ "k=2 stride=2", 6, 7, 2, 2, 0, 0, 3, 3 },
		{ "k=3 stride=2", 9, 8, 3, 2, 0, 0, 4, 3 },
		{ "k=3 stride=2 pad=1", 9, 8, 3, 2, 1, 1, 5, 4 },
		{ "k=3 stride=2 round=ceil", 9, 8, 3, 2, 0, 0, 4, 4 },
		{ "k=3 stride=2 pad=1 round=ceil", 8, 6, 3, 2, 1, 1, 5, 4 },
		/* the last window would start in the padding behind: dropped */
		{ "k=2 stride=2 pad=1 round=ceil", 7, 5, 2, 2, 1, 1, 4, 3 },
		{ "k=2 stride=2 pad=1 round=darknet", 6, 7, 2, 2, 0, 1, 3, 4 },
		{ "k=2 stride=1 pad=1 round=darknet", 5, 6, 2, 1, 0, 1, 5, 6 },
		{ "k=5 stride=1 pad=4 round=darknet", 5, 6, 5, 1, 2, 2, 5, 6 },
		{ "k=13 stride=1 pad=12 round=darknet", 7, 5, 13, 1, 6, 6, 7, 5 },
		{ "k=1 stride=2", 5, 5, 1, 2, 0, 0, 3, 3 },
	};
	char stmt[200], text[300];
	struct rig rig;
	struct det_tensor in, out;
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		pool.k = t[i].k, pool.s = t[i].s;
		pool.before = t[i].before, pool.after = t[i].after;
		pool.average = 0;
		(void)snprintf(stmt, sizeof stmt, "y = maxpool(x) %s", t[i].keys);
		expect(stmt, 5, t[i].h, t[i].w, pooled);
		pool.average = 1;
		pool.valid = 0;
		(void)snprintf(stmt, sizeof stmt, "y = avgpool(x) %s", t[i].keys);
		expect(stmt, 5, t[i].h, t[i].w, pooled);
		pool.valid = 1;
		(void)snprintf(
		    stmt, sizeof stmt, "y = avgpool(x) %s count=valid", t[i].keys);
		expect(stmt, 5, t[i].h, t[i].w, pooled);
		(void)snprintf(text, sizeof text,
		    "net n\ninput x 1 %zu %zu\n%s\noutput y", t[i].h, t[i].w, stmt);
		in = seeded(1, 1, t[i].h, t[i].w, 1);
		if (!rig_open(&rig, text, 1, NULL, 0) &&
		    !det_engine_run(rig.engine, &in))
			(void)det_engine_output(rig.engine, 0, &out);
		ok(out.dims[2] == t[i].oh && out.dims[3] == t[i].ow, "%s: %zux%zu",
		    t[i].keys, out.dims[2], out.dims[3]);
		rig_close(&rig);
		free(in.data);
	}
	pool.k = 20, pool.s = 1, pool.before = pool.after = 0, pool.average = 0;
	expect("y = maxpool(x) global", 6, 9, 7, pooled);
	pool.average = pool.valid = 1;
	expect("y = avgpool(x) global", 6, 9, 7, pooled);
}

/* --- moving --- */

static double
up3(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y / 3, x / 3) * 2;
}

static double
up_like(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y * (long)r->h / (long)r->oh, x * (long)r->w / (long)r->ow);
}

static double
lerp_at(const struct ref *r, size_t n, long c, double y, double x)
{
	long y0, x0, y1, x1;

	y = y < 0 ? 0 : y > (double)(r->h - 1) ? (double)(r->h - 1) : y;
	x = x < 0 ? 0 : x > (double)(r->w - 1) ? (double)(r->w - 1) : x;
	y0 = (long)floor(y), x0 = (long)floor(x);
	y1 = y0 + 1 < (long)r->h ? y0 + 1 : y0, x1 = x0 + 1 < (long)r->w ? x0 + 1 : x0;
	y -= (double)y0, x -= (double)x0;
	return (1 - y) * ((1 - x) * at(r, n, c, y0, x0) + x * at(r, n, c, y0, x1)) +
	       y * ((1 - x) * at(r, n, c, y1, x0) + x * at(r, n, c, y1, x1));
}

static double
bilinear(const struct ref *r, size_t n, long c, long y, long x)
{
	return lerp_at(r, n, c, ((double)y + .5) * (double)r->h / (double)r->oh - .5,
	    ((double)x + .5) * (double)r->w / (double)r->ow - .5);
}

static double
aligned(const struct ref *r, size_t n, long c, long y, long x)
{
	return lerp_at(r, n, c, (double)y * (double)(r->h - 1) / (double)(r->oh - 1),
	    (double)x * (double)(r->w - 1) / (double)(r->ow - 1));
}

static double
at2(const struct ref *r, size_t n, long c, long y, long x)
{
	return (
	    double)r->in2[((n * r->b[0] + (size_t)c) * r->b[1] + (size_t)y) * r->b[2] +
			  (size_t)x];
}

static double
joined(const struct ref *r, size_t n, long c, long y, long x)
{
	return c < (long)r->c       ? at(r, n, c, y, x)
	       : c < 2 * (long)r->c ? at(r, n, c - (long)r->c, y, x)
				    : at2(r, n, c - 2 * (long)r->c, y, x);
}

static double
slice2to5(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c + 2, y, x);
}

static double
group1(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c + (long)r->c / 3, y, x);
}

static double
block2(const struct ref *r, size_t n, long k, long y, long x)
{
	long C = (long)r->c, d = k / C;

	return at(r, n, k % C, 2 * y + d / 2, 2 * x + d % 2);
}

static double
pixel2(const struct ref *r, size_t n, long k, long y, long x)
{
	return at(r, n, k / 4, 2 * y + k % 4 / 2, 2 * x + k % 2);
}

static double
unblock2(const struct ref *r, size_t n, long k, long y, long x)
{
	return at(r, n, (y % 2 * 2 + x % 2) * (long)r->oc + k, y / 2, x / 2);
}

static double
unpixel2(const struct ref *r, size_t n, long k, long y, long x)
{
	return at(r, n, k * 4 + y % 2 * 2 + x % 2, y / 2, x / 2);
}

/* Darknet's reorg_cpu with forward=0, its loops run until they pass this value. */
static double
reorg_darknet(const struct ref *r, size_t n, long k0, long y0, long x0)
{
	long want = (k0 * (long)r->oh + y0) * (long)r->ow + x0;
	long w_ = (long)r->w, h = (long)r->h, c = (long)r->c, out_c = c / 4, i, j, k;

	for (k = 0; k < c; k++)
		for (j = 0; j < h; j++)
			for (i = 0; i < w_; i++) {
				long in_index = i + w_ * (j + h * k);
				long c2 = k % out_c, offset = k / out_c;
				long w2 = i * 2 + offset % 2, h2 = j * 2 + offset / 2;
				long out_index = w2 + w_ * 2 * (h2 + h * 2 * c2);

				if (in_index == want)
					return (double)r->in[n * r->c * r->h * r->w +
							     (size_t)out_index];
			}
	return NAN;
}

static double
reorg_darknet_back(const struct ref *r, size_t n, long k0, long y0, long x0)
{
	long want = (k0 * (long)r->oh + y0) * (long)r->ow + x0;
	long w_ = (long)r->w, h = (long)r->h, c = (long)r->c, out_c = c / 4, i, j, k;

	for (k = 0; k < c; k++)
		for (j = 0; j < h; j++)
			for (i = 0; i < w_; i++) {
				long c2 = k % out_c, offset = k / out_c;
				long w2 = i * 2 + offset % 2, h2 = j * 2 + offset / 2;

				if (w2 + w_ * 2 * (h2 + h * 2 * c2) == want)
					return at(r, n, k, j, i);
			}
	return NAN;
}

static double
add3(const struct ref *r, size_t n, long c, long y, long x)
{
	return leaky(at(r, n, c, y, x) + at2(r, n, c, y, x) + at(r, n, c, y, x));
}

/* Darknet's shortcut_cpu: b added to a at every sample-th, from every stride-th pixel */
static double
shortcut(const struct ref *r, size_t n, long c, long y, long x)
{
	long stride = (long)(r->b[2] / r->w), sample = (long)(r->w / r->b[2]);
	double v = at(r, n, c, y, x);
	long bc = (long)r->b[0], bh = (long)r->b[1], bw = (long)r->b[2];
	long mh = bh < (long)r->h ? bh : (long)r->h,
	     mw = bw < (long)r->w ? bw : (long)r->w;

	stride = stride < 1 ? 1 : stride;
	sample = sample < 1 ? 1 : sample;
	if (c < bc && y % sample == 0 && x % sample == 0 && y / sample < mh &&
	    x / sample < mw)
		v += at2(r, n, c, y / sample * stride, x / sample * stride);
	return v > 0 ? v : 0;
}

static double
same(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y, x);
}

static double
flat(const struct ref *r, size_t n, long c, long y, long x)
{
	return (double)r->in[n * r->c * r->h * r->w +
			     (size_t)((c * (long)r->oh + y) * (long)r->ow + x)];
}

static double
to_last(const struct ref *r, size_t n, long y, long x, long c)
{
	return at(r, n, c, y, x);
}

static double
from_last(const struct ref *r, size_t n, long x, long c, long y)
{
	return at(r, n, c, y, x);
}

static double
drop(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y, x) * .7;
}

static double
crop(const struct ref *r, size_t n, long c, long y, long x)
{
	return 2 * at(r, n, c, y + 1, x + 2) - 1;
}

static void
test_moves(void)
{
	static const size_t like[3] = { 2, 7, 11 }, more[3] = { 4, 5, 6 };
	static const size_t alike[3] = { 3, 5, 6 }, small[3] = { 5, 3, 4 };
	static const size_t large[3] = { 2, 12, 16 };

	expect("y = upsample(x) scale=3 gain=2", 3, 4, 5, up3);
	expect2("y = upsample(x, z)", 3, 4, 5, like, up_like, 0);
	expect("y = upsample(x) mode=bilinear", 3, 4, 5, bilinear);
	expect("y = upsample(x) scale=3,4 mode=bilinear", 3, 1, 5, bilinear);
	expect2("y = upsample(x, z) mode=bilinear", 3, 9, 5, like, bilinear, 2e-6);
	expect("y = upsample(x) scale=3,2 mode=bilinear align", 3, 4, 5, aligned);
	expect2("y = concat(x, x, z)", 3, 5, 6, more, joined, 0);
	expect("y = concat(x)", 3, 5, 6, same);
	expect("y = slice(x) from=2 n=3", 6, 4, 5, slice2to5);
	expect("y = slice(x) from=2", 6, 4, 5, slice2to5);
	expect("y = slice(x) groups=3 group=1", 6, 4, 5, group1);
	expect("y = reorg(x) stride=2", 3, 4, 6, block2);
	expect("y = reorg(x) stride=2 order=pixel", 3, 4, 6, pixel2);
	expect("y = reorg(x) stride=2 reverse", 8, 3, 5, unblock2);
	expect("y = reorg(x) stride=2 order=pixel reverse", 8, 3, 5, unpixel2);
	expect("y = reorg(x) stride=2 order=darknet", 8, 4, 6, reorg_darknet);
	expect(
	    "y = reorg(x) stride=2 order=darknet reverse", 8, 3, 5, reorg_darknet_back);
	expect2("y = add(x, z, x) act=leaky", 3, 5, 6, alike, add3, 2e-6);
	expect2("y = add(x, z) darknet act=relu", 3, 6, 8, small, shortcut, 2e-6);
	expect2("y = add(x, z) darknet act=relu", 3, 6, 8, large, shortcut, 2e-6);
	expect2("y = add(x, z) darknet act=relu", 3, 5, 6, alike, shortcut, 2e-6);
	expect("y = dropout(x) p=.3", 3, 4, 5, same);
	expect("y = dropout(x) p=.3 scale", 3, 4, 5, drop);
	expect("y = flatten(x)", 3, 4, 5, flat);
	expect("y = reshape(x) shape=0,2,5", 3, 4, 5, flat);
	expect("y = permute(x) order=1,2,0", 3, 4, 5, to_last);
	expect("y = permute(x) order=2,0,1", 3, 4, 5, from_last);
	expect("y = permute(x) order=0,1,2", 3, 4, 5, same);
	expect("y = crop(x) h=3 w=4 gain=2 shift=-1", 3, 6, 8, crop);
}

/* --- pointwise and normalising --- */

static double
a_sigmoid(const struct ref *r, size_t n, long c, long y, long x)
{
	return 1 / (1 + exp(-at(r, n, c, y, x)));
}

static double
a_mish(const struct ref *r, size_t n, long c, long y, long x)
{
	double v = at(r, n, c, y, x);

	return v * tanh(log1p(exp(v)));
}

static double
a_silu(const struct ref *r, size_t n, long c, long y, long x)
{
	double v = at(r, n, c, y, x);

	return v / (1 + exp(-v));
}

static double
a_leaky(const struct ref *r, size_t n, long c, long y, long x)
{
	double v = at(r, n, c, y, x);

	return v > 0 ? v : .25 * v;
}

static double
a_relu(const struct ref *r, size_t n, long c, long y, long x)
{
	double v = at(r, n, c, y, x);

	return v > 0 ? v : 0;
}

static double
bn_alone(const struct ref *r, size_t n, long c, long y, long x)
{
	size_t k = (size_t)c;
	double v = (at(r, n, c, y, x) - w(r, "n/y.mean", k)) /
		       sqrt(w(r, "n/y.var", k) + 1e-5) * w(r, "n/y.weight", k) +
		   w(r, "n/y.bias", k);

	return v > 0 ? v : 0;
}

static double
bn_darknet(const struct ref *r, size_t n, long c, long y, long x)
{
	size_t k = (size_t)c;

	return (at(r, n, c, y, x) - w(r, "n/y.mean", k)) /
		   (sqrt(w(r, "n/y.var", k)) + 1e-6) * w(r, "n/y.weight", k) +
	       w(r, "n/y.bias", k);
}

static double
scaled(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y, x) * w(r, "n/y.weight", (size_t)c) +
	       w(r, "n/y.bias", (size_t)c);
}

static double
scaled_only(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y, x) * w(r, "n/y.weight", (size_t)c);
}

static double
length_at(const struct ref *r, size_t n, long y, long x)
{
	double s = 0;
	long c;

	for (c = 0; c < (long)r->c; c++)
		s += at(r, n, c, y, x) * at(r, n, c, y, x);
	return s;
}

static double
l2(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y, x) / sqrt(length_at(r, n, y, x) + 1e-10) *
	       w(r, "n/y.weight", (size_t)c);
}

static double
l2_plain(const struct ref *r, size_t n, long c, long y, long x)
{
	return at(r, n, c, y, x) / sqrt(length_at(r, n, y, x) + .5);
}

/* Groups of r->c / groups channels; two passes, as the definition says. */
static double
group_norm(
    const struct ref *r, size_t n, long c, long y, long x, long groups, double eps)
{
	long each = (long)r->c / groups, g = c / each * each, k, i, j;
	double mean = 0, var = 0, count = (double)each * (double)(r->h * r->w);

	for (k = g; k < g + each; k++)
		for (i = 0; i < (long)r->h; i++)
			for (j = 0; j < (long)r->w; j++)
				mean += at(r, n, k, i, j) / count;
	for (k = g; k < g + each; k++)
		for (i = 0; i < (long)r->h; i++)
			for (j = 0; j < (long)r->w; j++)
				var += pow(at(r, n, k, i, j) - mean, 2) / count;
	return (at(r, n, c, y, x) - mean) / sqrt(var + eps) *
		   w(r, "n/y.weight", (size_t)c) +
	       w(r, "n/y.bias", (size_t)c);
}

static double
gn_32(const struct ref *r, size_t n, long c, long y, long x)
{
	return group_norm(r, n, c, y, x, 32, 1e-5);
}

static double
gn_3(const struct ref *r, size_t n, long c, long y, long x)
{
	return fmax(group_norm(r, n, c, y, x, 3, .25), 0);
}

static double
gn_1(const struct ref *r, size_t n, long c, long y, long x)
{
	return leaky(group_norm(r, n, c, y, x, 1, 1e-5));
}

static double
across(const struct ref *r, size_t n, long c, long y, long x)
{
	double s = 0;
	long j;

	for (j = c - 2; j <= c + 2; j++)
		s += at(r, n, j, y, x) * at(r, n, j, y, x);
	return at(r, n, c, y, x) * pow(2 + .5 / 5 * s, -.75);
}

static double
within(const struct ref *r, size_t n, long c, long y, long x)
{
	double s = 0, count = 0;
	long i, j;

	for (i = y - 1; i <= y + 1; i++)
		for (j = x - 1; j <= x + 1; j++) {
			s += at(r, n, c, i, j) * at(r, n, c, i, j);
			count += i <= (long)r->h && j <= (long)r->w;
		}
	return at(r, n, c, y, x) * pow(1 + .5 * s / count, -.75);
}

/* Darknet's normalization_layer: the running sum as it keeps it */
static double
lrn_darknet(const struct ref *r, size_t n, long c, long y, long x)
{
	const long size = 5;
	double norm = 2;
	long k;

	for (k = 0; k < size / 2; k++)
		norm += .01 * at(r, n, k, y, x) * at(r, n, k, y, x);
	for (k = 1; k <= c; k++) {
		long prev = k - (size - 1) / 2 - 1, next = k + size / 2;

		if (prev >= 0)
			norm -= .01 * at(r, n, prev, y, x) * at(r, n, prev, y, x);
		if (next < (long)r->c)
			norm += .01 * at(r, n, next, y, x) * at(r, n, next, y, x);
	}
	return at(r, n, c, y, x) * pow(norm, -.75);
}

static double
softmax_channel(const struct ref *r, size_t n, long c, long y, long x)
{
	double s = 0;
	long k;

	for (k = 0; k < (long)r->c; k++)
		s += exp(at(r, n, k, y, x));
	return exp(at(r, n, c, y, x)) / s;
}

static double
softmax_groups(const struct ref *r, size_t n, long c, long y, long x)
{
	double s = 0;
	long k, g = c / 3 * 3;

	for (k = g; k < g + 3; k++)
		s += exp(at(r, n, k, y, x) / .5);
	return exp(at(r, n, c, y, x) / .5) / s;
}

static double
softmax_all(const struct ref *r, size_t n, long c, long y, long x)
{
	size_t len = r->c * r->h * r->w, i;
	double s = 0;

	for (i = 0; i < len; i++)
		s += exp((double)r->in[n * len + i]);
	return exp(at(r, n, c, y, x)) / s;
}

static void
test_points(void)
{
	expect("y = relu(x)", 3, 4, 5, a_relu);
	expect("y = relu6(x)", 3, 4, 5, a_relu);
	expect("y = leaky(x) alpha=.25", 3, 4, 5, a_leaky);
	expect("y = sigmoid(x)", 3, 40, 50, a_sigmoid);
	expect("y = mish(x)", 3, 40, 50, a_mish);
	expect("y = silu(x)", 3, 40, 50, a_silu);
	expect("y = act(x) act=silu", 3, 4, 5, a_silu);
	expect("y = act(x)", 3, 4, 5, same);
	expect("y = bn(x) act=relu", 3, 4, 5, bn_alone);
	expect("y = bn(x) form=darknet", 3, 4, 5, bn_darknet);
	expect("y = scale(x)", 3, 4, 5, scaled);
	expect("y = scale(x) bias=0", 3, 4, 5, scaled_only);
	expect("y = l2norm(x)", 7, 9, 15, l2);
	expect("y = l2norm(x) eps=.5 affine=0", 7, 4, 5, l2_plain);
	expect("y = groupnorm(x)", 64, 3, 5, gn_32);
	expect("y = groupnorm(x) groups=3 eps=.25 act=relu", 6, 9, 7, gn_3);
	expect("y = groupnorm(x) groups=1 act=leaky", 5, 4, 5, gn_1);
	expect("y = lrn(x) alpha=.5 k=2", 9, 9, 8, across);
	expect("y = lrn(x) size=3 alpha=.5 form=within", 3, 6, 5, within);
	expect("y = lrn(x) alpha=.01 k=2 form=darknet", 9, 9, 8, lrn_darknet);
	expect("y = softmax(x)", 7, 3, 4, softmax_channel);
	expect("y = softmax(x) groups=2 temp=.5", 6, 3, 4, softmax_groups);
	expect("y = softmax(x) over=all", 6, 3, 4, softmax_all);
}

int
main(void)
{
	test_products();
	test_pool();
	test_moves();
	test_points();
	return done();
}
