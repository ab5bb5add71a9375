/* SPDX-License-Identifier: MIT
 *
 * The engine with its choice of layouts and algorithms, and with each algorithm forced,
 * against the engine that computes every convolution by plain matrix product: random
 * networks, and every backbone of the library's architectures on a small picture.
 */
#define _DEFAULT_SOURCE
#include <stdlib.h>

#include "base/cpu.h"
#include "base/text.h"
#include "model/arch.h"
#include "nn/plan.h"
#include "nn/tune.h"
#include "tests/unit/draft.h"
#include "tests/unit/nets.h"
#include "tests/unit/tap.h"

static const char plain[] = "gemm";

/* The steps of the current plan that read or write blocked maps, and those that turn. */
static void
count_steps(const struct det_engine *e, size_t *blocked, size_t *turns)
{
	size_t i;

	for (i = 0; i < e->cur->n_steps; i++) {
		const struct det_step *t = &e->cur->step[i];

		*turns += t->head == DET_NO_NODE;
		*blocked += t->head != DET_NO_NODE &&
			    (t->way.in == DET_BLOCKED || t->way.out == DET_BLOCKED);
	}
}

/* The largest difference of an output, relative to the output's largest value. */
static double
apart(const struct rig *r, const struct rig *base)
{
	struct det_tensor a, b;
	double worst = 0, most, d;
	size_t i, k, n;

	for (i = 0; det_engine_output(r->engine, i, &a); i++) {
		(void)det_engine_output(base->engine, i, &b);
		if (memcmp(a.dims, b.dims, sizeof a.dims) != 0 ||
		    det_tensor_count(&n, &a))
			return INFINITY;
		for (most = 0, d = 0, k = 0; k < n; k++) {
			double x = ((float *)a.data)[k], y = ((float *)b.data)[k];

			most = fabs(y) > most ? fabs(y) : most;
			d = fabs(x - y) > d ? fabs(x - y) : d;
		}
		worst = d > worst * (most + 1e-30) ? d / (most + 1e-30) : worst;
	}
	return worst;
}

/* --- random networks --- */

struct tally {
	double worst;
	size_t bad, blocked, turns;
};

static double
run_both(const struct rig *r, const struct rig *base, const struct det_tensor *in)
{
	if (det_engine_run(r->engine, in) || det_engine_run(base->engine, in))
		return INFINITY;
	return apart(r, base);
}

/* Batches of one and two, another size if the net lets it have one, and back. */
static void
one_random(struct tally *t, uint32_t seed, const char *algo, int tapped)
{
	struct draft d;
	struct rig r, base;
	struct det_engine_params p = {
		.threads = 1 + (int)(seed % 3), .algos = &algo, .n_algos = algo != NULL
	};
	struct det_engine_params q = {
		.threads = 1, .algos = (const char *const[]){ plain }, .n_algos = 1
	};
	const char *taps[64];
	char names[64][32];
	struct det_tensor in[2];
	double worst = 0, x;
	size_t i;

	state = seed;
	make_draft(&d, 4 + dice(24), 1);
	for (i = 0; i < d.n; i++) {
		(void)snprintf(names[i], sizeof names[i], "l%zu", i);
		taps[i] = names[i];
	}
	if (tapped) {
		p.taps = q.taps = taps;
		p.n_taps = q.n_taps = d.n;
	}
	if (rig_open_as(&r, d.text, &p) || rig_open_as(&base, d.text, &q)) {
		t->bad++;
		return;
	}
	for (i = 0; i < 2; i++)
		in[i] = seeded(i + 1, d.l[0].c, 8, 12, seed + (uint32_t)i);
	for (i = 0; i < 4; i++) {
		x = run_both(&r, &base, &in[i % 3 == 1]);
		worst = x > worst ? x : worst;
	}
	if (r.engine->cur)
		count_steps(r.engine, &t->blocked, &t->turns);
	if (!(worst <= 1e-4) && t->bad++ < 2)
		printf("# seed %u, %s: %g %s\n%s\n", seed, algo ? algo : "auto", worst,
		    det_errmsg(), d.text);
	t->worst = worst > t->worst ? worst : t->worst;
	free(in[0].data);
	free(in[1].data);
	rig_close(&r);
	rig_close(&base);
}

static void
test_random(void)
{
	static const char *const algos[] = { NULL, "direct", "winograd2", "winograd4",
		"winograd6" };
	const uint32_t count = 60;
	struct tally t;
	uint32_t seed;
	size_t a;
	int tapped;

	for (a = 0; a < sizeof algos / sizeof *algos; a++)
		for (tapped = 0; tapped < 2; tapped++) {
			t = (struct tally){ 0 };
			for (seed = 1; seed <= count; seed++)
				one_random(
				    &t, seed * 7 + (uint32_t)a, algos[a], tapped);
			ok(t.bad == 0 && (!algos[a] || t.blocked > count),
			    "%u random networks, %s%s: as by plain products (worst "
			    "%.1e; %zu blocked steps, %zu turns)",
			    count, algos[a] ? algos[a] : "auto",
			    tapped ? ", all tapped" : "", t.worst, t.blocked, t.turns);
		}
}

/* --- the plan --- */

static void
expect_plan(const char *algo, const char *body, size_t blocked, size_t turns)
{
	char text[2000];
	struct rig r;
	struct det_engine_params p = { .threads = 1, .algos = &algo, .n_algos = 1 };
	struct det_tensor in = seeded(1, 16, 20, 20, 1);
	size_t b = 0, t = 0;

	(void)snprintf(text, sizeof text, "net n\ninput x 16 20 20\n%s", body);
	if (rig_open_as(&r, text, &p) || det_engine_run(r.engine, &in)) {
		ok(0, "%s: %s", body, det_errmsg());
		free(in.data);
		return;
	}
	count_steps(r.engine, &b, &t);
	ok(b == blocked && t == turns, "%zu blocked steps (%zu), %zu turns (%zu): %.*s",
	    b, blocked, t, turns, (int)strcspn(body, "\n"), body);
	rig_close(&r);
	free(in.data);
}

static void
test_plans(void)
{
	expect_plan(
	    "direct", "a = conv(x) out=16\noutput a # in and out are turned", 1, 2);
	expect_plan("direct",
	    "a = conv(x) out=16\nb = maxpool(a) k=2 stride=2\nc = conv(b) out=32 k=3\n"
	    "output c # what is between stays blocked",
	    3, 2);
	expect_plan("direct",
	    "a = conv(x) out=16\nb = conv(x) out=16\nc = conv(x) out=16\noutput a b c "
	    "# "
	    "turned once for three",
	    3, 4);
	expect_plan("direct",
	    "a = conv(x) out=32\ns = slice(a) from=16 n=16\nt = conv(s) out=16\noutput "
	    "t "
	    "# a view of a block",
	    2, 2);
	expect_plan("direct",
	    "a = conv(x) out=32 k=20\nf = flatten(a)\ng = fc(f) out=4\noutput g # one "
	    "pixel is the same either way",
	    1, 1);
	expect_plan("gemm", "a = conv(x) out=16\nb = conv(a) out=4\noutput b a", 0, 0);
}

/* How many steps take this algorithm, other algorithms being asked for. */
static size_t
count_algo(const char *text, const struct det_engine_params *p, enum det_conv_algo algo)
{
	struct det_tensor in = seeded(1, 16, 20, 20, 1);
	struct rig r;
	size_t n = 0, i;

	if (rig_open_as(&r, text, p)) {
		free(in.data);
		return 999;
	}
	if (!det_engine_run(r.engine, &in))
		for (i = 0; i < r.engine->cur->n_steps; i++)
			n += r.engine->cur->step[i].way.algo == algo;
	rig_close(&r);
	free(in.data);
	return n;
}

static void
test_wishes(void)
{
	static const char text[] =
	    "net n\ninput x 16 0 0\na = conv(x) out=16 k=3 pad=1 bn\nr = relu(a)\n"
	    "b = conv(r) out=16 k=3 pad=1\ns = add(b, x)\nt = relu(s)\noutput t";
	static const struct {
		const char *algos[3];
		size_t n;
		enum det_conv_algo algo;
		size_t count;
	} c[] = {
		{ { "winograd2" }, 1, DET_CONV_WINO2, 2 },
		{ { "winograd2", "a=direct" }, 2, DET_CONV_WINO2, 1 },
		{ { "a=direct", "winograd2" }, 2, DET_CONV_WINO2, 1 },
		{ { "r=winograd6", "gemm" }, 2, DET_CONV_WINO6, 1 },
		{ { "gemm", "t=winograd6" }, 2, DET_CONV_WINO6, 1 },
		{ { "gemm", "s=winograd6" }, 2, DET_CONV_GEMM, 1 },
		{ { "gemm", "b=winograd6", "b=winograd4" }, 3, DET_CONV_WINO4, 1 },
		{ { "fc" }, 1, DET_CONV_FC, 0 },
		{ { "depthwise", "a=gemm", "b=gemm" }, 3, DET_CONV_GEMM, 2 },
	};
	char plan[600];
	struct det_engine_params p = { .threads = 1 };
	size_t i, n;

	for (i = 0; i < sizeof c / sizeof *c; i++) {
		p.algos = c[i].algos;
		p.n_algos = c[i].n;
		n = count_algo(text, &p, c[i].algo);
		ok(n == c[i].count, "%s %s %s: %zu steps of %s", c[i].algos[0],
		    c[i].algos[1] ? c[i].algos[1] : "",
		    c[i].algos[2] ? c[i].algos[2] : "", n,
		    det_conv_algo_name(c[i].algo));
	}
	p.exact = 1;
	ok(count_algo(text, &p, DET_CONV_WINO4) == 0, "exact: no Winograd");
	p = (struct det_engine_params){ .threads = 1, .tuned = plan };
	p.tuned_len = (size_t)snprintf(plan, sizeof plan,
	    "# measured\na = winograd2 in=1x16x20x20 threads=1 cpu=%s\n"
	    "a = gemm in=1x16x20x20 threads=1 cpu=%s\n"
	    "b = winograd2 in=1x16x20x21 threads=1 cpu=%s\n"
	    "b = winograd2 in=1x16x20x20 threads=2 cpu=%s\n"
	    "b = winograd2 in=1x16x20x20 threads=1 cpu=z80\n",
	    det_cpu_kind(), det_cpu_kind(), det_cpu_kind(), det_cpu_kind());
	ok(count_algo(text, &p, DET_CONV_WINO2) == 1, "a stored choice where it holds");
	p.exact = 1;
	ok(count_algo(text, &p, DET_CONV_WINO2) == 0, "but not where it must be exact");
}

static void
test_mistakes(void)
{
	static const char net[] = "net n\ninput x 16 8 8\ny = conv(x) out=4\noutput y";
	static const char *const algo[][2] = { { "winograd3", "winograd2" },
		{ "", "gemm" }, { "y=", "gemm" }, { "z=gemm", "no layer 'z'" } };
	static const char *const line[][2] = { { "y", "plan:1" },
		{ "y = fast in=1x1x1x1 threads=1 cpu=c", "'fast'" },
		{ "\ny = gemm in=1x1x1x1 cpu=c", "plan:2: expected in=" },
		{ "y = gemm in=1x1x1 threads=1 cpu=c", "NxCxHxW" },
		{ "y = gemm in=1x1x1x1x1 threads=1 cpu=c", "NxCxHxW" },
		{ "y = gemm in=1x1x1x0 threads=1 cpu=c", "in=1x1x1x0" },
		{ "y = gemm in=1x1x1x1 threads=0 cpu=c", "threads" },
		{ "y = gemm(x) in=1x1x1x1 threads=1 cpu=c", "LAYER" },
		{ "z = gemm in=1x1x1x1 threads=1 cpu=c", "no layer 'z'" },
		{ "y = gemm in=1x1x1x1 threads=1 cpu=c when=now", "when" } };
	struct det_engine_params p = { .threads = 1, .n_algos = 1 };
	struct rig r;
	size_t i;

	for (i = 0; i < sizeof algo / sizeof *algo; i++) {
		p.algos = &algo[i][0];
		ok(rig_open_as(&r, net, &p) == DET_INVALID &&
			strstr(det_errmsg(), algo[i][1]),
		    "'%s': %s", algo[i][0], det_errmsg());
	}
	p.n_algos = 0;
	for (i = 0; i < sizeof line / sizeof *line; i++) {
		p.tuned = line[i][0];
		p.tuned_len = strlen(line[i][0]);
		ok(rig_open_as(&r, net, &p) == DET_INVALID &&
			strstr(det_errmsg(), line[i][1]),
		    "plan: %s", det_errmsg());
	}
}

/* --- tuning --- */

static void
test_tune(void)
{
	static const char text[] =
	    "net n\ninput x 16 0 0\na = conv(x) out=32 k=3 pad=1 act=relu\n"
	    "b = conv(a) out=16\nc = maxpool(b) k=2 stride=2\noutput c";
	static const char old[] = "a = gemm in=1x16x20x20 threads=1 cpu=none\n"
				  "a = gemm in=1x16x20x20 threads=7 cpu=none\n";
	struct det_engine_params p = { .threads = 1 };
	struct det_tensor in = seeded(1, 16, 20, 20, 1);
	struct det_weights w = { .find = made_find };
	struct det_buf b = { 0 }, again = { 0 };
	struct det_tune t;
	struct rig r;
	size_t i;

	if (rig_open(&r, text, 1, NULL, 0))
		return;
	w.ctx = &r.made;
	if (det_tune_run(&t, r.net, &w, &p, &in, 1) ||
	    det_tune_text(&b, &t, old, strlen(old))) {
		ok(0, "%s", det_errmsg());
		return;
	}
	ok(t.n == 2 && !strcmp(t.layer[0].layer, "a") &&
		!strcmp(t.layer[1].layer, "b") && t.chosen_ms <= t.modelled_ms &&
		t.layer[1].in[1] == 32,
	    "tuned: %zu layers, %.3f ms to %.3f", t.n, t.modelled_ms, t.chosen_ms);
	for (i = 0; i < t.n; i++)
		ok(t.layer[i].chosen_ms <= t.layer[i].modelled_ms &&
			det_conv_algo_find(t.layer[i].chosen) > 0,
		    "%s: %s, %s", t.layer[i].layer, t.layer[i].modelled,
		    t.layer[i].chosen);
	ok(strncmp(b.text, old, strlen(old)) == 0 &&
		strstr(b.text, "\nb = ") > strstr(b.text, "\na = "),
	    "its text keeps what holds elsewhere");
	p.tuned = b.text;
	p.tuned_len = b.len;
	ok(count_algo(
	       text, &p, (enum det_conv_algo)det_conv_algo_find(t.layer[0].chosen)) > 0,
	    "and is taken by an engine");
	ok(!det_tune_text(&again, &t, b.text, b.len) && again.len == b.len &&
		!memcmp(again.text, b.text, b.len),
	    "tuned again: the lines are replaced");
	det_buf_free(&b);
	det_buf_free(&again);
	det_tune_release(&t);
	rig_close(&r);
	free(in.data);
}

/* --- prepared weights --- */

static void
test_packed(void)
{
	static const char text[] =
	    "net n\ninput p 32 0 0\ninput q 32 0 0\na = conv(p) out=48 k=3 pad=1\n"
	    "b = conv(q) out=48 k=3 pad=1 weights=a\noutput a b";
	const char *algo = "direct";
	struct det_engine_params p = { .threads = 1, .algos = &algo, .n_algos = 1 };
	const size_t bytes = 32 * 48 * 9 * sizeof(float);
	struct det_engine_stats s, u;
	struct det_tensor in[2];
	struct rig r;
	size_t i;

	in[0] = seeded(1, 32, 9, 7, 1);
	in[1] = seeded(1, 32, 5, 5, 2);
	if (rig_open_as(&r, text, &p) || det_engine_run(r.engine, in)) {
		ok(0, "%s", det_errmsg());
		return;
	}
	det_engine_stats(r.engine, &s);
	ok(s.prepared >= bytes && s.prepared < bytes + bytes / 8,
	    "two layers of the same weights: prepared once, %zu bytes", s.prepared);
	for (i = 4; i < 12; i++) {
		struct det_tensor t[2] = { seeded(1, 32, i, i, 3), in[1] };

		if (det_engine_run(r.engine, t))
			ok(0, "%s", det_errmsg());
		free(t[0].data);
	}
	det_engine_stats(r.engine, &u);
	ok(u.prepared == s.prepared, "and for many shapes: %zu bytes", u.prepared);
	for (i = 0; i < 2; i++)
		free(in[i].data);
	rig_close(&r);
}

/* --- architectures --- */

/* The text of a net with the sizes of its first input left open. */
static void
open_size(char *out, size_t size, const char *text)
{
	const char *in = strstr(text, "\ninput "), *end = strchr(in + 1, '\n');
	char name[64];
	long c;

	if (sscanf(in, " input %63s %ld", name, &c) != 2)
		c = 3;
	(void)snprintf(out, size, "%.*s\ninput %s %ld 0 0%s", (int)(in - text), text,
	    name, c, end);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MOST_WEIGHTS = 12000000 };
#else
enum { MOST_WEIGHTS = 65000000 };
#endif

static int
is_heavy(const struct det_net *net)
{
	struct det_tensor t;
	size_t i, n, sum = 0;

	for (i = 0; det_net_weight(net, i, &t); i++)
		sum += det_tensor_count(&n, &t) ? 0 : n;
	return sum > MOST_WEIGHTS;
}

/* Both engines on a picture of that size; INFINITY where the net takes no such size. */
static double
compare_arch(
    const char *name, const char *text, const char *algo, size_t height, size_t width)
{
	struct det_engine_params p = {
		.threads = 2, .algos = &algo, .n_algos = algo != NULL
	};
	struct det_engine_params q = {
		.threads = 2, .algos = (const char *const[]){ plain }, .n_algos = 1
	};
	struct rig r, base;
	struct det_tensor in;
	size_t blocked = 0, turns = 0;
	double d = INFINITY;

	if (rig_open_as(&r, text, &p))
		return INFINITY;
	if (is_heavy(r.net)) {
		printf("# %s: too large for here\n", name);
		rig_close(&r);
		return 0;
	}
	if (rig_open_as(&base, text, &q)) {
		rig_close(&r);
		return INFINITY;
	}
	in = seeded(1, 3, height, width, 1);
	d = run_both(&r, &base, &in);
	if (r.engine->cur && d < INFINITY) {
		count_steps(r.engine, &blocked, &turns);
		ok(d <= 1e-4,
		    "%s, %s: as by plain products (%.1e; %zu blocked steps, %zu turns)",
		    name, algo ? algo : "auto", d, blocked, turns);
	}
	free(in.data);
	rig_close(&r);
	rig_close(&base);
	return d;
}

/* On a small picture where its size is open, else on one of the size that it wants. */
static void
one_arch(const char *name)
{
	static char text[1 << 18];
	const char *given;
	size_t h = 0, w = 0;
	struct det_arch *a;

	if (det_arch_open(&a, name, NULL, 0)) {
		ok(0, "%s: %s", name, det_errmsg());
		return;
	}
	if (!(given = det_arch_text(a, "net/backbone")))
		goto done;
	open_size(text, sizeof text, given);
	if (compare_arch(name, text, NULL, 96, 128) < INFINITY)
		goto done;
	if (sscanf(strstr(given, "\ninput "), " input %*s %*u %zu %zu", &h, &w) != 2 ||
	    compare_arch(name, given, NULL, h, w) == INFINITY)
		ok(0, "%s: %s", name, det_errmsg());
done:
	det_arch_close(a);
}

/* Sums over 4608 products, residuals that are overwritten, strides: each algorithm. */
static void
test_deep(void)
{
	static const char *const algos[] = { "direct", "winograd2", "winograd4",
		"winograd6" };
	static char text[1 << 18];
	struct det_arch *a;
	size_t i;

	if (det_arch_open(&a, "resnet18", NULL, 0)) {
		ok(0, "%s", det_errmsg());
		return;
	}
	open_size(text, sizeof text, det_arch_text(a, "net/backbone"));
	for (i = 0; i < sizeof algos / sizeof *algos; i++)
		if (compare_arch("resnet18", text, algos[i], 96, 128) == INFINITY)
			ok(0, "%s: %s", algos[i], det_errmsg());
	det_arch_close(a);
}

static void
test_archs(void)
{
	const char *name, *about;
	size_t i;

	for (i = 0; det_arch_list(i, &name, &about); i++)
		one_arch(name);
}

int
main(void)
{
	test_random();
	test_plans();
	test_wishes();
	test_mistakes();
	test_tune();
	test_packed();
	test_deep();
	test_archs();
	return done();
}
