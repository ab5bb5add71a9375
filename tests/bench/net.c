/* SPDX-License-Identifier: MIT
 *
 * Times networks of a model in this process, without any pipe:
 *
 *   net [-p] MODEL THREADS [RUNS [HxW [OUT|- [NET ...]]]]
 *
 * prints "det here threads N median ms min max GFLOP G peak MiB arena MiB prepared MiB others
 * P %", the last being the processor time that went elsewhere meanwhile, of one processor's.
 * NETs (backbone) run one after another, each on what those before it put out under the
 * names of its inputs; one that finds none gets noise of HxW. Two runs to warm up (one if it
 * takes a second); then RUNS (9), but more until half a second is over and no more after
 * three. OUT gets the outputs of the last net, raw, one
 * after another: tests/bench/peer.py computes them too. -p: the profile of the last run
 * besides, a line a step.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "model/network.h"

enum { MAX_NETS = 4, MAX_IN = 16, MAX_RUNS = 256 };

struct chain {
	struct det_network net[MAX_NETS];
	struct det_tensor in[MAX_NETS][MAX_IN];
	size_t n;
	void *noise;
};

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "net: %s\n", det_errmsg());
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	(void)timespec_get(&t, TIME_UTC);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

/* Seconds of processor time that others have had so far, a hypervisor among them; 0 where
 * the system does not tell. */
static double
others(void)
{
	static const char form[] = "cpu %lf %lf %lf %*f %*f %lf %lf %lf";
	FILE *f = fopen("/proc/stat", "r");
	double t[6] = { 0 }, sum = 0;
	struct rusage ru;

	if (!f)
		return 0;
	if (fscanf(f, form, &t[0], &t[1], &t[2], &t[3], &t[4], &t[5]) == 6)
		for (size_t i = 0; i < 6; i++)
			sum += t[i] / (double)sysconf(_SC_CLK_TCK);
	(void)fclose(f);
	(void)getrusage(RUSAGE_SELF, &ru);
	return sum - seconds(ru.ru_utime) - seconds(ru.ru_stime);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* [0,1), from the index alone, so that a peer can make the same. */
static float
noise(uint32_t i)
{
	i = (i ^ i >> 16) * 0x7feb352du;
	i = (i ^ i >> 15) * 0x846ca68bu;
	i ^= i >> 16;
	return (float)(i >> 8) * 0x1p-24f;
}

/* Fills the shape that the net declares (HxW where it leaves it open) with noise. */
static void
make_input(struct chain *c, struct det_tensor *t, const char *size)
{
	size_t n;
	float *v;

	if (size &&
	    sscanf(size, "%zux%zu", &t->dims[t->rank - 2], &t->dims[t->rank - 1]) != 2)
		exit(2);
	if (t->rank == 3)
		*t = (struct det_tensor){ DET_F32, 4,
			{ 1, t->dims[0], t->dims[1], t->dims[2] }, NULL };
	else if (t->dims[0] == 0)
		t->dims[0] = 1;
	check(det_tensor_count(&n, t));
	check(det_alloc(&v, n, sizeof *v));
	for (size_t i = 0; i < n; i++)
		v[i] = noise((uint32_t)i);
	t->data = c->noise = v;
}

/* What a net before the k-th puts out under this name. */
static int
find_output(const struct chain *c, size_t k, const char *name, struct det_tensor *out)
{
	const char *other;

	while (k-- > 0)
		for (size_t i = 0;
		     (other = det_engine_output(c->net[k].engine, i, out)); i++)
			if (!strcmp(other, name))
				return 1;
	return 0;
}

static void
run(struct chain *c, const char *size)
{
	for (size_t k = 0; k < c->n; k++) {
		const struct det_net *net = c->net[k].net;

		for (size_t i = 0; i < det_net_inputs(net) && i < MAX_IN; i++) {
			struct det_tensor *t = &c->in[k][i];
			const char *name = det_net_input(net, i, NULL);

			if (find_output(c, k, name, t) || (k == 0 && t->data))
				continue;
			(void)det_net_input(net, i, t);
			make_input(c, t, size);
		}
		check(det_engine_run(c->net[k].engine, c->in[k]));
	}
}

static void
write_outputs(const struct chain *c, const char *path)
{
	FILE *f = fopen(path, "wb");
	struct det_tensor t;
	size_t n;

	for (size_t i = 0; f && det_engine_output(c->net[c->n - 1].engine, i, &t);
	     i++) {
		check(det_tensor_count(&n, &t));
		if (fwrite(t.data, sizeof(float), n, f) != n)
			break;
	}
	if (!f || fclose(f)) {
		perror(path);
		exit(2);
	}
}

static void
report(const struct chain *c, int threads, double *ms, size_t runs, double elsewhere)
{
	double flop = 0, arena = 0, prepared = 0;
	struct rusage ru;

	for (size_t k = 0; k < c->n; k++) {
		struct det_engine_stats st;

		det_engine_stats(c->net[k].engine, &st);
		flop += st.flop;
		arena += (double)st.arena;
		prepared += (double)st.prepared;
	}
	(void)getrusage(RUSAGE_SELF, &ru);
	qsort(ms, runs, sizeof ms[0], by_value);
	(void)printf("det here threads %d median %.2f ms min %.2f max %.2f GFLOP %.2f "
		     "peak %ld MiB arena %.1f MiB prepared %.1f MiB others %.0f %%\n",
	    threads, ms[runs / 2], ms[0], ms[runs - 1], flop * 1e-9, ru.ru_maxrss >> 10,
	    arena * 0x1p-20, prepared * 0x1p-20, 100 * elsewhere);
}

static void
print_profile(const struct chain *c)
{
	for (size_t k = 0; k < c->n; k++) {
		char *text;

		check(det_engine_report(c->net[k].engine, &text));
		(void)fputs(text, stdout);
		free(text);
	}
}

int
main(int argc, char *argv[])
{
	int profile = argc > 1 && !strcmp(argv[1], "-p");
	static char *dflt[] = { "backbone" };
	struct det_engine_params p = DET_ENGINE_DEFAULTS;
	struct chain c = { .n = 0 };
	struct det_model *model;
	double ms[MAX_RUNS], begin, busy;
	size_t runs, done = 0;
	const char *size;
	char **nets;
	int n;

	argc -= profile;
	argv += profile;
	runs = argc > 3 ? strtoul(argv[3], NULL, 10) : 9;
	size = argc > 4 ? argv[4] : NULL;
	nets = argc > 6 ? argv + 6 : dflt;
	n = argc > 6 ? argc - 6 : 1;
	if (argc < 3 || runs < 1 || runs > MAX_RUNS || n > MAX_NETS) {
		(void)fprintf(stderr,
		    "usage: net [-p] MODEL THREADS [RUNS [HxW [OUT|- [NET ...]]]]\n");
		return 2;
	}
	check(det_model_open(&model, argv[1]));
	p.threads = atoi(argv[2]);
	for (; c.n < (size_t)n; c.n++) {
		check(det_network_open(&c.net[c.n], model, nets[c.n], &p));
		det_engine_profile(c.net[c.n].engine, profile);
	}
	begin = now();
	run(&c, size);
	if (now() - begin < 1000)
		run(&c, size);
	if (argc > 5 && strcmp(argv[5], "-") != 0)
		write_outputs(&c, argv[5]);
	busy = others();
	begin = now();
	for (double over = 0;
	     (done < runs && over < 3000) || (over < 500 && done < MAX_RUNS);
	     over = now() - begin) {
		double t = now();

		run(&c, size);
		ms[done++] = now() - t;
	}
	busy = (others() - busy) / ((now() - begin) * 1e-3);
	report(&c, p.threads, ms, done, busy > 0 ? busy : 0);
	if (profile)
		print_profile(&c);
	for (size_t k = 0; k < c.n; k++)
		det_network_close(&c.net[k]);
	det_model_close(model);
	free(c.noise);
	return 0;
}
