/* SPDX-License-Identifier: MIT
 *
 * The engine: that fusing, placing and reusing memory change nothing, that wrong weights and
 * inputs are refused by name, that plans come back.
 */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn/arena.h"
#include "base/finite.h"
#include "nn/plan.h"
#include "tests/unit/draft.h"
#include "tests/unit/nets.h"
#include "tests/unit/tap.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

/* A random network run as it is planned, and with every layer tapped: then nothing is
 * fused, nothing overwritten, nothing placed but in its own memory or a concatenation that
 * is kept as well. */
static double
compare_plans(uint32_t seed, struct det_engine_stats *s, char *text, size_t size)
{
	struct draft d;
	struct rig lean, full;
	const char *taps[64];
	char names[64][32];
	struct det_tensor in[3], a, b;
	double worst = 0, diff;
	size_t i, k, inputs[] = { 0, 1, 0, 2, 1 };

	state = seed;
	make_draft(&d, 4 + dice(24), seed % 2);
	(void)snprintf(text, size, "%s", d.text);
	for (i = 0; i < d.n; i++) {
		(void)snprintf(names[i], sizeof names[i], "l%zu", i);
		taps[i] = names[i];
	}
	if (rig_open(&lean, d.text, 2, NULL, 0))
		return NAN;
	if (rig_open(&full, d.text, 1, taps, d.n)) {
		rig_close(&lean);
		return NAN;
	}
	in[0] = seeded(1, d.l[0].c, 8, 12, 3);
	in[1] = seeded(2, d.l[0].c, 8, 12, 4);
	in[2] = seeded(1, d.l[0].c, 8, 12, 5);
	for (k = 0; k < sizeof inputs / sizeof *inputs; k++) {
		if (det_engine_run(lean.engine, &in[inputs[k]]) ||
		    det_engine_run(full.engine, &in[inputs[k]])) {
			worst = NAN;
			break;
		}
		for (i = 0; i < det_net_outputs(lean.net); i++) {
			(void)det_engine_output(lean.engine, i, &a);
			(void)det_engine_output(full.engine, i, &b);
			diff = difference(&a, &b);
			worst = diff > worst || diff != diff ? diff : worst;
		}
	}
	det_engine_stats(lean.engine, s);
	for (i = 0; i < 3; i++)
		free(in[i].data);
	rig_close(&lean);
	rig_close(&full);
	return worst;
}

static void
test_random(void)
{
	const uint32_t count = 400;
	struct det_engine_stats s;
	char text[8192];
	double worst = 0, d;
	uint32_t seed, bad = 0;

	for (seed = 1; seed <= count; seed++) {
		d = compare_plans(seed, &s, text, sizeof text);
		worst = d > worst ? d : worst;
		if (d <= 1e-4)
			continue;
		if (bad++ < 2)
			printf("# seed %u: %g %s\n%s\n", seed, d,
			    d != d ? det_errmsg() : "", text);
	}
	ok(bad == 0,
	    "%u random networks: planned as if every layer were kept (worst %.1e)",
	    count, worst);
}

/* Cases in which overwriting would be wrong: the lean plan against one that keeps all. */
static void
expect_same(const char *body, const char *const *taps, size_t n)
{
	char text[1000];
	struct rig lean, full;
	struct det_tensor in = seeded(1, 4, 200, 200, 1), a, b;

	(void)snprintf(text, sizeof text, "net n\ninput x 4 200 200\n%s", body);
	if (rig_open(&lean, text, 1, NULL, 0) || rig_open(&full, text, 1, taps, n) ||
	    det_engine_run(lean.engine, &in) || det_engine_run(full.engine, &in)) {
		ok(0, "%s: %s", body, det_errmsg());
		return;
	}
	(void)det_engine_output(lean.engine, 0, &a);
	(void)det_engine_output(full.engine, 0, &b);
	ok(difference(&a, &b) < 1e-5, "the same as with all layers kept: %s",
	    strrchr(body, '\n') + 1);
	rig_close(&lean);
	rig_close(&full);
	free(in.data);
}

static void
test_hazards(void)
{
	static const char *const taps[] = { "a", "b", "c", "d" };

	expect_same(
	    "a = scale(x)\nb = conv(a) out=4 k=3 pad=1\nc = add(b, a)\noutput c "
	    "# a residual that the convolution reads",
	    taps, 3);
	expect_same("a = scale(x)\nb = dropout(a)\nc = conv(b) out=4 k=3 pad=1\n"
		    "d = add(c, a)\noutput d # and through a view",
	    taps, 4);
	expect_same("a = scale(x)\nb = slice(a) n=2\nc = relu(a)\nd = concat(b, c)\n"
		    "output d # a view of what is overwritten",
	    taps, 4);
	expect_same(
	    "a = scale(x)\nb = concat(a, x, a)\nc = sigmoid(a)\nd = concat(b, c)\n"
	    "output d # a value in two concatenations",
	    taps, 4);
}

/* What reuse is for: a deep chain needs little more than its widest step. */
static void
test_saving(void)
{
	char text[4000];
	struct rig r;
	struct det_engine_stats s = { 0 };
	struct det_tensor in = seeded(1, 16, 64, 64, 1);
	int n = snprintf(text, sizeof text, "net n\ninput l0 16 64 64\n"), i;

	for (i = 1; i <= 20; i++)
		n += snprintf(text + n, sizeof text - (size_t)n,
		    i % 2 ? "l%d = conv(l%d) out=16 k=3 pad=1\n"
			  : "l%d = avgpool(l%d) k=3 pad=1\n",
		    i, i - 1);
	(void)snprintf(text + n, sizeof text - (size_t)n, "output l20");
	if (!rig_open(&r, text, 1, NULL, 0) && !det_engine_run(r.engine, &in))
		det_engine_stats(r.engine, &s);
	ok(s.activations >= (size_t)20 * 16 * 64 * 64 * 4 &&
		s.arena < s.activations / 2,
	    "a chain of 20: %zu KiB of %zu KiB", s.arena >> 10, s.activations >> 10);
	rig_close(&r);
	free(in.data);
}

/* --- what is fused --- */

static void
expect_steps(const char *body, size_t layers, size_t steps)
{
	char text[1000];
	struct rig r;
	struct det_engine_stats s;
	struct det_tensor in = seeded(1, 4, 8, 8, 1);

	(void)snprintf(text, sizeof text, "net n\ninput x 4 8 8\n%s", body);
	if (rig_open(&r, text, 1, NULL, 0) || det_engine_run(r.engine, &in)) {
		ok(0, "%s: %s", body, det_errmsg());
		return;
	}
	det_engine_stats(r.engine, &s);
	ok(s.layers == layers && s.steps == steps,
	    "%zu layers in %zu steps (%zu): %.*s", s.layers, s.steps, steps,
	    (int)strcspn(body, "\n"), body);
	rig_close(&r);
	free(in.data);
}

static void
test_fusion(void)
{
	expect_steps(
	    "a = conv(x) out=4\nb = bn(a)\nc = scale(b)\nd = relu(c)\noutput d", 4, 1);
	expect_steps("a = conv(x) out=4 act=relu\nb = bn(a)\noutput b", 2, 2);
	expect_steps("a = conv(x) out=4\nb = relu(a)\noutput b a", 2, 2);
	expect_steps("a = conv(x) out=4 bn\ns = add(a, x) act=relu\noutput s", 2, 1);
	expect_steps(
	    "a = conv(x) out=4 bn\ns = add(x, a)\nr = relu(s)\noutput r", 3, 1);
	expect_steps("a = conv(x) out=4 bn act=relu\ns = add(x, a)\noutput s", 2, 2);
	expect_steps(
	    "a = conv(x) out=4\nb = conv(x) out=4\ns = add(b, a) act=relu\noutput s", 3,
	    2);
	expect_steps("a = conv(x) out=4\ns = add(a, a)\noutput s", 2, 2);
	expect_steps(
	    "a = conv(x) out=4\nb = conv(a) out=4\ns = add(a, b)\noutput s", 3, 2);
	expect_steps(
	    "a = fc(x) out=4 bn\nb = dropout(a)\nc = sigmoid(b)\noutput c", 3, 2);
	/* a level of a feature pyramid: the map that gives the size only is not read */
	expect_steps("a = conv(x) out=4\nb = maxpool(x) k=2 stride=2\n"
		     "u = upsample(b, a)\nm = add(a, u)\noutput m",
	    4, 3);
	expect_steps("a = conv(x) out=4\nr = relu(a)\nb = maxpool(x) k=2 stride=2\n"
		     "u = upsample(b, a)\noutput u r",
	    4, 3);
	expect_steps("a = fc(x) out=4\nb = sigmoid(a)\noutput b", 2, 1);
}

/* --- shared weights --- */

static size_t finds;

static enum det_err
counted(void *ctx, const char *name, struct det_tensor *out)
{
	finds++;
	return made_find(ctx, name, out);
}

/* A head over two maps gives for each what it gives alone, and has its weights once. */
static void
test_shared(void)
{
	static const char head[] =
	    "block head(x)\n a = conv(x) out=24 k=3 pad=1 act=relu\n"
	    " b = conv(a) out=24 k=3 pad=1 bn\n y = add(x, b)\n return y\nend\n";
	char text[600], one[400];
	struct made made = { 0 };
	struct det_weights w = { .find = counted, .ctx = &made };
	struct det_engine *e = NULL;
	struct det_net *net = NULL;
	struct det_engine_stats s;
	struct rig alone;
	struct det_tensor in[2], a, b;
	size_t i, n = 24 * 24 * 9 * 2 + 24 * 5;

	(void)snprintf(text, sizeof text,
	    "net n\ninput p3 24 0 0\ninput p4 24 0 0\n%su = head(p3) weights=s\n"
	    "v = head(p4) weights=u\noutput p3/y=u p4/y=v",
	    head);
	(void)snprintf(one, sizeof one,
	    "net n\ninput p 24 0 0\n%su = head(p) weights=s\noutput u", head);
	in[0] = seeded(1, 24, 13, 20, 1);
	in[1] = seeded(1, 24, 7, 9, 2);
	if (det_net_parse(&net, text, strlen(text), "t.net"))
		return;
	made.net = net;
	if (det_engine_new(&e, net, &w, NULL) || det_engine_run(e, in)) {
		ok(0, "%s", det_errmsg());
		return;
	}
	det_engine_stats(e, &s);
	ok(finds == 7 && s.weights == n * sizeof(float),
	    "7 shared weights: looked up %zu times, %zu bytes", finds, s.weights);
	for (i = 0; i < 2; i++) {
		if (rig_open(&alone, one, 1, NULL, 0) ||
		    det_engine_run(alone.engine, &in[i])) {
			ok(0, "%s", det_errmsg());
			return;
		}
		ok(det_engine_output(alone.engine, 0, &a) &&
			!strcmp(det_engine_output(e, i, &b), i ? "p4/y" : "p3/y") &&
			difference(&a, &b) < 1e-6,
		    "level %zu as if alone", i + 3);
		rig_close(&alone);
		free(in[i].data);
	}
	det_engine_free(e);
	det_net_free(net);
	made_free(&made);
}

/* --- batches --- */

/* A batch of none goes through every kind of step; then rows come, and go again. */
static void
test_no_rows(void)
{
	static const char text[] =
	    "net n\ninput x 6 8 8\na = conv(x) out=16 k=3 pad=1 bn act=relu\n"
	    "b = conv(a) out=16 k=3 pad=1 groups=16\nc = add(a, b)\n"
	    "d = concat(c, a, x)\ne = maxpool(d) k=2 stride=2\nf = upsample(e, x)\n"
	    "g = groupnorm(f) groups=2\nh = l2norm(g)\ns = slice(h) from=3 n=8\n"
	    "i = fc(s) out=20 act=relu\nj = dropout(i)\nk = reshape(j) shape=4,5,1\n"
	    "l = softmax(k)\nm = fc(l) out=7\n"
	    "output m l x all=d";
	static const size_t rows[] = { 0, 3, 0, 1, 0 };
	struct rig r;
	struct det_tensor in, out;
	size_t i, j, count, good = 0;

	if (rig_open(&r, text, 2, NULL, 0)) {
		ok(0, "%s", det_errmsg());
		return;
	}
	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		in = seeded(rows[i] ? rows[i] : 1, 6, 8, 8, 5);
		in.dims[0] = rows[i];
		if (!rows[i]) {
			free(in.data);
			in.data = NULL;
		}
		if (det_engine_run(r.engine, &in)) {
			ok(0, "%zu rows: %s", rows[i], det_errmsg());
			continue;
		}
		for (j = 0; j < 4; j++)
			good += det_engine_output(r.engine, j, &out) &&
				!det_tensor_count(&count, &out) &&
				out.dims[0] == rows[i] && (count > 0) == (rows[i] > 0);
		(void)det_engine_output(r.engine, 0, &out);
		good += out.dims[1] == 7 && out.dims[2] == 1 && out.dims[3] == 1;
		free(in.data);
	}
	ok(good == 25, "batches of 0, 3, 0, 1 and 0 rows");
	rig_close(&r);
}

static void
test_batches(void)
{
	struct rig r;
	struct det_tensor in[2];
	size_t i;
	static const char *const text[] = {
		"net n\ninput x 4 4 4\ninput z 4 4 4\ny = add(x, z)\noutput y",
		"net n\ninput x 4 4 4\ninput z 4 4 4\ny = concat(x, z)\noutput y",
		"net n\ninput x 4 4 4\ninput z 4 4 4\ny = add(x, z) darknet\noutput y",
	};

	in[0] = seeded(3, 4, 4, 4, 1);
	in[1] = seeded(3, 4, 4, 4, 2);
	for (i = 0; i < 9; i++) {
		size_t n = i / 3 == 2 ? 2 : 0;

		in[0].dims[0] = i / 3 == 1 ? n : 3;
		in[1].dims[0] = i / 3 == 1 ? 3 : n;
		if (rig_open(&r, text[i % 3], 1, NULL, 0)) {
			ok(0, "%s", det_errmsg());
			continue;
		}
		ok(det_engine_run(r.engine, in) == DET_INVALID &&
			strstr(det_errmsg(), "t.net:4: layer 'y': input 2 is a batch"),
		    "refused: %s", det_errmsg());
		rig_close(&r);
	}
	free(in[0].data);
	free(in[1].data);
	in[0] = seeded(3, 4, 4, 4, 1);
	in[1] = seeded(1, 4, 2, 2, 2);
	in[0].dims[0] = 0;
	ok(!rig_open(&r,
	       "net n\ninput x 4 4 4\ninput z 4 2 2\na = relu(x)\nb = relu(z)\n"
	       "output a b",
	       1, NULL, 0) &&
		!det_engine_run(r.engine, in),
	    "inputs of 0 and 1 that do not meet");
	rig_close(&r);
	free(in[0].data);
	free(in[1].data);
}

/* --- errors --- */

static struct det_tensor swap; /* put in place of one weight */
static const char *swap_name;

static enum det_err
swapped(void *ctx, const char *name, struct det_tensor *out)
{
	if (!strcmp(name, swap_name)) {
		if (!swap.data)
			return det_fail(DET_INVALID, "no tensor '%s'", name);
		*out = swap;
		return DET_OK;
	}
	return made_find(ctx, name, out);
}

static void
refuse_weight(const char *name, struct det_tensor t, const char *what)
{
	static const char text[] =
	    "net n\ninput x 3 4 4\ny = conv(x) out=2 bn\noutput y";
	struct made made = { 0 };
	struct det_weights w = { .find = swapped, .ctx = &made };
	struct det_engine *e = NULL;
	struct det_net *net = NULL;
	enum det_err err;

	if (det_net_parse(&net, text, strlen(text), "t.net"))
		return;
	made.net = net;
	swap = t;
	swap_name = name;
	err = det_engine_new(&e, net, &w, NULL);
	ok(err != DET_OK && strstr(det_errmsg(), what), "refused: %s",
	    err ? det_errmsg() : "NOTHING");
	det_engine_free(e);
	det_net_free(net);
	made_free(&made);
}

static void
test_weights(void)
{
	static float v[100000];
	const char *name = "n/y.weight";

	refuse_weight(
	    name, (struct det_tensor){ DET_F32, 4, { 2, 3, 1, 1 }, NULL }, "no tensor");
	refuse_weight(name, (struct det_tensor){ DET_F32, 4, { 2, 4, 1, 1 }, v },
	    "'n/y.weight' is 2x4x1x1, the network wants 2x3x1x1");
	refuse_weight(name, (struct det_tensor){ DET_F32, 2, { 2, 3 }, v }, "is 2x3");
	refuse_weight(
	    name, (struct det_tensor){ DET_F16, 4, { 2, 3, 1, 1 }, v }, "expected f32");
	v[4] = NAN;
	refuse_weight(name, (struct det_tensor){ DET_F32, 4, { 2, 3, 1, 1 }, v },
	    "NaN at index 4");
	v[4] = -INFINITY;
	refuse_weight(name, (struct det_tensor){ DET_F32, 4, { 2, 3, 1, 1 }, v },
	    "infinity at index 4");
	v[4] = 0;
	v[1] = -1;
	refuse_weight("n/y.bn.var", (struct det_tensor){ DET_F32, 1, { 2 }, v },
	    "t.net:3: layer 'y': variance -1 of channel 1 is negative");
	v[1] = 0;
}

static void
test_finite(void)
{
	size_t n = 300000, i, bad = 0,
	       at[] = { 0, 1, 1023, 1024, 65535, 131072, 299999 };
	float *v = malloc(n * sizeof *v);

	if (!v)
		return;
	fill(v, n, 1);
	v[5] = 3.4028235e38f, v[6] = -1e-45f, v[7] = 0;
	ok(det_finite_first(v, n, 1) == n && det_finite_first(v, n, 3) == n,
	    "the largest, the smallest and zero are finite");
	for (i = 0; i < sizeof at / sizeof *at; i++) {
		float old = v[at[i]];

		v[at[i]] = i % 2 ? NAN : -INFINITY;
		bad += det_finite_first(v, n, 1) != at[i] ||
		       det_finite_first(v, n, 4) != at[i] ||
		       det_finite_first(v, at[i], 2) != at[i];
		v[at[i]] = old;
	}
	ok(bad == 0, "the first of NaN and infinity is found anywhere");
	free(v);
}

static void
refuse_input(struct rig *r, struct det_tensor t, const char *what)
{
	enum det_err e = det_engine_run(r->engine, &t);

	ok(e != DET_OK && strstr(det_errmsg(), what), "refused: %s",
	    e ? det_errmsg() : "NOTHING");
}

static void
test_inputs(void)
{
	struct rig r;
	struct det_tensor in = seeded(1, 3, 8, 8, 1), t;
	float *v = in.data;
	size_t n, k;

	if (rig_open(&r,
		"net n\ninput x 3 8 0\ny = conv(x) out=2\nz = scale(y)\noutput a=z", 2,
		NULL, 0)) {
		ok(0, "%s", det_errmsg());
		return;
	}
	t = in;
	t.dims[2] = 4;
	refuse_input(
	    &r, t, "input 'x' is 1x3x4x8, network 'n' takes 0x3x8x0 (0 = any)");
	t = in;
	t.rank = 3;
	refuse_input(&r, t, "input 'x' is 1x3x8");
	t = in;
	t.dtype = DET_U8;
	refuse_input(&r, t, "is u8, expected f32");
	t = in;
	t.dims[3] = 0;
	refuse_input(&r, t, "1x3x8x0");
	v[17] = NAN;
	refuse_input(&r, in, "NaN or infinity at index 17");
	v[17] = 3e38f;
	v[17 + 64] = 3e38f;
	v[17 + 128] = 3e38f;
	made_data(&r, "n/y.weight")[0] = 1;
	made_data(&r, "n/y.weight")[1] = 1;
	made_data(&r, "n/y.weight")[2] = 1;
	refuse_input(&r, in, "output 'a' of network 'n' holds infinity at index 17");
	v[17] = v[17 + 64] = v[17 + 128] = 0;
	ok(det_engine_run(r.engine, &in) == DET_OK, "and works again after an error");
	/* more shapes than plans are remembered */
	for (n = k = 0; k < 12; k++) {
		t = seeded(1 + k % 2, 3, 8, 3 + k % 7, 5);
		n += det_engine_run(r.engine, &t) == DET_OK &&
		     det_engine_output(r.engine, 0, &in) && in.dims[3] == t.dims[3] &&
		     in.dims[0] == t.dims[0];
		free(t.data);
	}
	ok(n == 12, "twelve shapes in turn");
	free(v);
	rig_close(&r);
}

/* An fc behind an input of open size: the weight decides at run time. */
static void
test_open(void)
{
	static float weight[2 * 3 * 5 * 5];
	static const char text[] =
	    "net n\ninput x 3 0 0\ny = fc(x) out=2 bias=0\noutput y";
	struct made made = { 0 };
	struct det_weights w = { .find = swapped, .ctx = &made };
	struct det_engine *e = NULL;
	struct det_net *net = NULL;
	struct det_tensor fits = seeded(1, 3, 5, 5, 1), other = seeded(1, 3, 5, 6, 1);

	if (det_net_parse(&net, text, strlen(text), "t.net"))
		return;
	swap = (struct det_tensor){ DET_F32, 2, { 2, 75 }, weight };
	swap_name = "n/y.weight";
	ok(!det_engine_new(&e, net, &w, NULL) && !det_engine_run(e, &fits),
	    "a weight of 2x75 takes 3x5x5");
	ok(det_engine_run(e, &other) == DET_INVALID &&
		strstr(det_errmsg(), "is 2x75; for this input the network wants 2x90"),
	    "and not 3x5x6: %s", det_errmsg());
	ok(!det_engine_run(e, &fits), "and 3x5x5 again");
	det_engine_free(e);
	det_net_free(net);
	free(fits.data);
	free(other.data);
}

/* Four channels everywhere but in one vector. */
static enum det_err
short_find(void *ctx, const char *name, struct det_tensor *out)
{
	static float v[4] = { 1, 1, 1, 1 };

	*out = (struct det_tensor){ DET_F32, 1, { strcmp(name, ctx) ? 4 : 1 }, v };
	return DET_OK;
}

/* Where the text leaves the channels open nothing but each other tells how long they are. */
static void
test_open_channels(void)
{
	static const char *const text[] = {
		"net n\ninput x 0 0 0\ny = bn(x)\noutput y",
		"net n\ninput x 0 0 0\ny = scale(x)\noutput y",
	};
	char name[] = "n/y.bias", none[] = "";
	struct det_engine *e = NULL;
	struct det_net *net = NULL;

	for (size_t i = 0; i < 2; i++) {
		struct det_weights w = { .find = short_find, .ctx = name },
				   good = { .find = short_find, .ctx = none };

		if (det_net_parse(&net, text[i], strlen(text[i]), "t.net"))
			return;
		ok(det_engine_new(&e, net, &w, NULL) == DET_INVALID &&
			strstr(det_errmsg(), "'n/y.bias' has 1 channels: 4 expected"),
		    "vectors of different lengths: %s", det_errmsg());
		det_engine_free(e);
		e = NULL;
		ok(!det_engine_new(&e, net, &good, NULL), "of the same");
		det_engine_free(e);
		e = NULL;
		det_net_free(net);
	}
}

/* After a shape that memory has no room for, those that ran before run again. */
static void
test_no_memory(void)
{
#ifdef SANITIZED
	ok(1, "# SKIP a limit on memory: not under a sanitizer");
#else
	static const char text[] = "net n\ninput x 1 0 0\ny = upsample(x) scale=64\n"
				   "z = upsample(y) scale=64\noutput z";
	struct rlimit limit = { (rlim_t)1 << 31, (rlim_t)1 << 31 };
	struct det_tensor some = seeded(1, 1, 1, 1, 1), many = seeded(1, 1, 64, 64, 1);
	struct rig r;
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		if (setrlimit(RLIMIT_AS, &limit) || rig_open(&r, text, 1, NULL, 0))
			_exit(2);
		if (det_engine_run(r.engine, &some))
			_exit(3);
		if (det_engine_run(r.engine, &many) != DET_NOMEM)
			_exit(4);
		_exit(det_engine_run(r.engine, &some) ? 5 : 0);
	}
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
	    "no memory for one shape, and another again (%d)", status);
	free(some.data);
	free(many.data);
#endif
}

static void
test_taps(void)
{
	static const char text[] =
	    "net n\ninput x 3 8 8\nblock b(x)\nc = conv(x) out=4 k=3 pad=1\nr = "
	    "relu(c)\n"
	    "return r\nend\na = b(x)\ny = conv(a) out=2\noutput y";
	const char *taps[] = { "a", "a.c", "a", "y", "x" }, *bad[] = { "a.q" };
	const char *other[] = { "y" };
	struct det_tensor in = seeded(1, 3, 8, 8, 1), t, c;
	struct rig r;
	char *report = NULL;
	size_t i, neg = 0, wrong = 0;

	ok(rig_open(&r, text, 1, bad, 1) == DET_INVALID &&
		strstr(det_errmsg(), "'a.q'"),
	    "no such tap: %s", det_errmsg());
	rig_close(&r);
	ok(rig_open(&r,
	       "net n\ninput x 3 8 8\ny = conv(x) out=2\nz = relu(y)\noutput y=z", 1,
	       other, 1) == DET_INVALID &&
		strstr(det_errmsg(), "'y' is the name of an output already"),
	    "no two outputs of one name: %s", det_errmsg());
	rig_close(&r);
	ok(rig_open(&r, text, 1, taps, 5) == DET_OK,
	    "taps: a block, a layer in it, the input; some twice or outputs already");
	ok(det_engine_report(r.engine, &report) == DET_INVALID,
	    "no report before a run");
	det_engine_profile(r.engine, 1);
	ok(det_engine_run(r.engine, &in) == DET_OK &&
		det_engine_outputs(r.engine) == 4 &&
		!strcmp(det_engine_output(r.engine, 1, &t), "a") &&
		!strcmp(det_engine_output(r.engine, 2, &c), "a.c"),
	    "come after the outputs, by their names");
	for (i = 0; i < 4 * 64; i++) {
		float v = ((float *)c.data)[i];

		neg += v < 0;
		wrong += ((float *)t.data)[i] != (v > 0 ? v : 0);
	}
	ok(neg > 0 && wrong == 0, "and are not fused away");
	(void)det_engine_output(r.engine, 3, &t);
	ok(t.data == in.data, "a tapped input is the input");
	ok(!det_engine_report(r.engine, &report) && strstr(report, "a.r") &&
		strstr(report, "total: 3 layers in 3 steps"),
	    "a report");
	free(report);
	rig_close(&r);
	free(in.data);
}

/* Same input, same threads: same bits; and a batch gives what its parts give. */
static void
test_repeat(void)
{
	static const char text[] =
	    "net n\ninput x 8 20 20\na = conv(x) out=24 k=3 pad=1 bn act=mish\n"
	    "b = conv(a) out=8 k=1 bn\nc = add(b, x) act=leaky\n"
	    "d = maxpool(c) k=3 stride=1 pad=1\ne = concat(c, d)\n"
	    "f = avgpool(e) global\ng = fc(f) out=10\nh = softmax(g)\noutput e h";
	struct det_tensor in = seeded(2, 8, 20, 20, 1), one, t;
	struct rig r;
	static float keep[2][16 * 400 * 2];
	size_t k;
	double worst = 0, d;

	if (rig_open(&r, text, 2, NULL, 0) || det_engine_run(r.engine, &in)) {
		ok(0, "%s", det_errmsg());
		return;
	}
	for (k = 0; k < 2; k++) {
		(void)det_engine_output(r.engine, k, &t);
		memcpy(keep[k], t.data, 2 * t.dims[1] * t.dims[2] * t.dims[3] * 4);
	}
	ok(!det_engine_run(r.engine, &in) && det_engine_output(r.engine, 0, &t) &&
		!memcmp(keep[0], t.data, 2 * 16 * 400 * 4) &&
		det_engine_output(r.engine, 1, &t) &&
		!memcmp(keep[1], t.data, 2 * 10 * 4),
	    "a second run gives the same bits");
	for (k = 0; k < 2; k++) {
		one = in;
		one.dims[0] = 1;
		one.data = (float *)in.data + k * 8 * 400;
		if (det_engine_run(r.engine, &one))
			break;
		(void)det_engine_output(r.engine, 0, &t);
		one = t;
		one.data = keep[0] + k * 16 * 400;
		d = difference(&t, &one);
		worst = d > worst ? d : worst;
	}
	ok(worst < 1e-5, "the parts of a batch give what the batch gives (%.1e)",
	    worst);
	rig_close(&r);
	free(in.data);
}

static void
test_arena(void)
{
	struct det_span s[60];
	size_t total, i, j, t, alive, most, bad = 0;
	double waste = 0;
	int round;

	for (round = 0; round < 300; round++) {
		state = (uint32_t)round + 99;
		for (i = 0; i < 60; i++) {
			s[i].first = dice(100);
			s[i].last = s[i].first + dice(dice(5) ? 4 : 60);
			s[i].size = 64 * (1 + dice(100));
		}
		if (det_arena_place(s, 60, &total)) {
			bad++;
			continue;
		}
		for (i = 0; i < 60; i++) {
			bad += s[i].at % 64 != 0 || s[i].at + s[i].size > total;
			for (j = 0; j < i; j++)
				bad += s[i].first <= s[j].last &&
				       s[j].first <= s[i].last &&
				       s[i].at < s[j].at + s[j].size &&
				       s[j].at < s[i].at + s[i].size;
		}
		for (most = t = 0; t < 170; t++) {
			for (alive = i = 0; i < 60; i++)
				alive +=
				    s[i].first <= t && t <= s[i].last ? s[i].size : 0;
			most = alive > most ? alive : most;
		}
		waste += (double)total / (double)most - 1;
	}
	ok(bad == 0, "spans alive at once never overlap");
	ok(waste / 300 < .1, "%.1f %% above what no plan can go below", waste / 3);
}

int
main(void)
{
	test_fusion();
	test_random();
	test_hazards();
	test_saving();
	test_shared();
	test_no_rows();
	test_batches();
	test_weights();
	test_finite();
	test_inputs();
	test_open();
	test_open_channels();
	test_no_memory();
	test_taps();
	test_repeat();
	test_arena();
	return done();
}
