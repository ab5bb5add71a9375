/* SPDX-License-Identifier: MIT
 *
 * Times a model's backbone in this process, without any pipe:
 *
 *   net MODEL THREADS [RUNS [HxW]]
 *
 * prints "NAME threads N median ms min max GFLOP/s peak MiB arena MiB". Two warm-up runs;
 * input is seeded noise. tests/bench/run.sh sets it beside onnxruntime on the same net.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "model/model.h"
#include "nn/engine.h"

struct source {
	const struct det_model *model;
};

static enum det_err
find(void *ctx, const char *name, struct det_tensor *out)
{
	const struct source *s = ctx;

	return det_model_tensor(s->model, name, out);
}

static double
now(void)
{
	struct timespec t;

	(void)timespec_get(&t, TIME_UTC);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "net: %s\n", det_errmsg());
	exit(2);
}

/* Seeded noise in [0,1), the shape that the net declares (or HxW where it leaves it open). */
static struct det_tensor
noise(const struct det_net *net, const char *size)
{
	struct det_tensor t;
	unsigned state = 1;
	size_t n;
	float *v;

	(void)det_net_input(net, 0, &t);
	if (size &&
	    sscanf(size, "%zux%zu", &t.dims[t.rank - 2], &t.dims[t.rank - 1]) != 2)
		exit(2);
	if (t.rank == 3) {
		t = (struct det_tensor){ DET_F32, 4,
			{ 1, t.dims[0], t.dims[1], t.dims[2] }, NULL };
	} else if (t.dims[0] == 0) {
		t.dims[0] = 1;
	}
	check(det_tensor_count(&n, &t));
	check(det_alloc(&v, n, sizeof *v));
	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		v[i] = (float)(state >> 8) * 0x1p-24f;
	}
	t.data = v;
	return t;
}

int
main(int argc, char *argv[])
{
	struct det_engine_params p = DET_ENGINE_DEFAULTS;
	struct det_engine_stats st;
	struct det_model *model;
	struct det_net *net;
	struct det_engine *engine;
	struct det_tensor in;
	struct source source;
	struct det_weights weights = { .find = find, .ctx = &source };
	struct rusage ru;
	const char *text;
	size_t len;
	double ms[256];
	int runs = argc > 3 ? atoi(argv[3]) : 9;

	if (argc < 3 || runs < 1 || runs > 256) {
		(void)fprintf(stderr, "usage: net MODEL THREADS [RUNS [HxW]]\n");
		return 2;
	}
	check(det_model_open(&model, argv[1]));
	source.model = model;
	det_model_text(model, "net/backbone", &text, &len);
	if (!text)
		return 2;
	check(det_net_parse(&net, text, len, argv[1]));
	p.threads = atoi(argv[2]);
	check(det_engine_new(&engine, net, &weights, &p));
	in = noise(net, argc > 4 ? argv[4] : NULL);
	for (int i = -2; i < runs; i++) {
		double t = now();

		check(det_engine_run(engine, &in));
		if (i >= 0)
			ms[i] = now() - t;
	}
	qsort(ms, (size_t)runs, sizeof ms[0], by_value);
	det_engine_stats(engine, &st);
	(void)getrusage(RUSAGE_SELF, &ru);
	(void)printf(
	    "det %s threads %d median %.1f ms min %.1f max %.1f  %.1f GFLOP/s  "
	    "peak %ld MiB arena %.1f MiB\n",
	    argv[1], p.threads, ms[runs / 2], ms[0], ms[runs - 1],
	    st.flop / ms[runs / 2] / 1e6, ru.ru_maxrss >> 10,
	    (double)st.arena / 0x1p20);
	det_engine_free(engine);
	det_net_free(net);
	det_model_close(model);
	free(in.data);
	return 0;
}
