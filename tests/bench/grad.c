/* SPDX-License-Identifier: MIT
 *
 * Times training passes of a model's networks, without losses and optimiser:
 *
 *   grad [-f] MODEL THREADS BATCH HxW [RUNS [NET ...]]
 *
 * NETs (backbone) follow one another, each on what those before it put out under the names of
 * its inputs; the first gets noise. The gradients of the last one's outputs are noise; those
 * of its inputs go back to the nets they came from. -f: batch norms frozen. Prints
 * milliseconds of a forward and of a backward pass, the best of RUNS (3), in processor time
 * too, GFLOP/s, and where memory goes.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "model/network.h"
#include "nn/grad.h"

enum { MAX_NETS = 4, MAX_IO = 32 };

struct link {
	struct det_network model; /* the text, and the names of weights */
	struct det_grad *grad;
	size_t n_in, n_out;
	struct det_tensor in[MAX_IO], out[MAX_IO];
	int from[MAX_IO], from_out[MAX_IO]; /* where each input comes from; -1: noise */
	float *in_grad[MAX_IO], *out_grad[MAX_IO];
};

static struct link chain[MAX_NETS];
static int n_nets;

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "grad: %s\n", det_errmsg());
	exit(2);
}

static double
now(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static float *
noise(size_t n, float gain)
{
	uint32_t s = 1;
	float *v;

	check(det_alloc(&v, n, sizeof *v));
	for (size_t i = 0; i < n; i++) {
		s = s * 1664525u + 1013904223u;
		v[i] = gain * ((float)(s >> 8) * 0x1p-23f - 1);
	}
	return v;
}

static size_t
count(const struct det_tensor *t)
{
	size_t n;

	check(det_tensor_count(&n, t));
	return n;
}

static enum det_err
find(void *ctx, const char *name, struct det_tensor *out)
{
	return det_model_tensor(ctx, name, out);
}

static void
open_link(struct det_model *m, const char *name, int threads, int frozen)
{
	struct link *l = &chain[n_nets++];
	struct det_weights w = { .find = find, .ctx = m };
	struct det_grad_params p = {
		.threads = threads, .bn_frozen = frozen, .bn_momentum = -1
	};

	check(det_network_open(&l->model, m, name, NULL));
	check(det_grad_new(&l->grad, l->model.net, &w, &p));
	l->n_in = det_net_inputs(l->model.net);
	l->n_out = det_grad_outputs(l->grad);
	if (l->n_in > MAX_IO || l->n_out > MAX_IO)
		exit(2);
}

/* Where the inputs of net k come from. */
static void
connect(int k, size_t batch, size_t h, size_t w)
{
	struct link *l = &chain[k];

	for (size_t i = 0; i < l->n_in; i++) {
		const char *want = det_net_input(l->model.net, i, &l->in[i]), *name;

		l->from[i] = -1;
		for (int j = 0; j < k; j++)
			for (size_t o = 0;
			     (name = det_grad_output(chain[j].grad, o, NULL)); o++)
				if (!strcmp(name, want))
					l->from[i] = j, l->from_out[i] = (int)o;
		if (l->from[i] >= 0)
			continue;
		l->in[i] = (struct det_tensor){ DET_F32, 4,
			{ batch, l->in[i].dims[1], h, w }, NULL };
		l->in[i].data = noise(count(&l->in[i]), 1);
	}
}

static void
forward(unsigned long long run)
{
	for (int k = 0; k < n_nets; k++) {
		struct link *l = &chain[k];

		for (size_t i = 0; i < l->n_in; i++)
			if (l->from[i] >= 0)
				l->in[i] = chain[l->from[i]].out[l->from_out[i]];
		check(det_grad_forward(l->grad, l->in, 1, run));
		for (size_t o = 0; o < l->n_out; o++)
			(void)det_grad_output(l->grad, o, &l->out[o]);
	}
}

/* After the first forward pass: memory for the gradients between nets. */
static void
make_gradients(void)
{
	for (int k = n_nets - 1; k >= 0; k--) {
		struct link *l = &chain[k];

		for (size_t o = 0; k == n_nets - 1 && o < l->n_out; o++)
			l->out_grad[o] = noise(count(&l->out[o]), 1e-3f);
		for (size_t i = 0; i < l->n_in; i++) {
			float **to;

			if (l->from[i] < 0)
				continue;
			to = &chain[l->from[i]].out_grad[l->from_out[i]];
			if (!*to)
				*to = noise(count(&l->in[i]), 0);
			l->in_grad[i] = *to;
		}
	}
}

static void
backward(void)
{
	for (int k = n_nets - 1; k >= 0; k--) {
		struct link *l = &chain[k];

		det_grad_clear(l->grad);
		check(det_grad_backward(
		    l->grad, (const float *const *)l->out_grad, l->in_grad));
	}
}

static void
report(const double best[4], int threads, size_t batch)
{
	struct det_grad_stats all = { 0 }, s;
	struct rusage ru;

	for (int k = 0; k < n_nets; k++) {
		det_grad_stats(chain[k].grad, &s);
		all.values += s.values;
		all.value_grads += s.value_grads;
		all.params += s.params;
		all.scratch += s.scratch;
		all.flop += s.flop;
	}
	(void)getrusage(RUSAGE_SELF, &ru);
	(void)printf("threads %d batch %zu forward %.1f ms backward %.1f ms (own %.1f, "
		     "%.1f) %.3f images/s %.0f GFLOP %.0f GFLOP/s\n",
	    threads, batch, best[0], best[1], best[2], best[3],
	    (double)batch * 1e3 / (best[0] + best[1]), all.flop * 1e-9,
	    all.flop * 1e-6 / (best[0] + best[1]));
	(void)printf("peak %ld MiB: values %.0f gradients %.0f parameters %.0f scratch "
		     "%.0f\n",
	    ru.ru_maxrss >> 10, (double)all.values * 0x1p-20,
	    (double)all.value_grads * 0x1p-20, (double)all.params * 0x1p-20,
	    (double)all.scratch * 0x1p-20);
}

static void
measure(double best[4], int runs)
{
	for (int r = 0; r <= runs; r++) {
		double t[3] = { now(CLOCK_MONOTONIC) };
		double c[3] = { now(CLOCK_PROCESS_CPUTIME_ID) };

		forward((unsigned long long)r);
		t[1] = now(CLOCK_MONOTONIC);
		c[1] = now(CLOCK_PROCESS_CPUTIME_ID);
		if (r == 0) {
			make_gradients();
			backward();
			continue;
		}
		backward();
		t[2] = now(CLOCK_MONOTONIC);
		c[2] = now(CLOCK_PROCESS_CPUTIME_ID);
		for (int i = 0; i < 2; i++) {
			if (r == 1 || t[i + 1] - t[i] < best[i])
				best[i] = t[i + 1] - t[i];
			if (r == 1 || c[i + 1] - c[i] < best[i + 2])
				best[i + 2] = c[i + 1] - c[i];
		}
	}
}

int
main(int argc, char *argv[])
{
	int frozen = argc > 1 && !strcmp(argv[1], "-f"), threads;
	double best[4] = { 0 };
	struct det_model *m;
	size_t batch, h, w;

	argc -= frozen;
	argv += frozen;
	if (argc < 5 || argc > 6 + MAX_NETS ||
	    sscanf(argv[4], "%zux%zu", &h, &w) != 2) {
		(void)fprintf(stderr,
		    "usage: grad [-f] MODEL THREADS BATCH HxW [RUNS [NET ...]]\n");
		return 2;
	}
	check(det_model_open(&m, argv[1]));
	threads = atoi(argv[2]);
	batch = strtoul(argv[3], NULL, 10);
	for (int i = 6; i < argc; i++)
		open_link(m, argv[i], threads, frozen);
	if (!n_nets)
		open_link(m, "backbone", threads, frozen);
	for (int k = 0; k < n_nets; k++)
		connect(k, batch, h, w);
	measure(best, argc > 5 ? atoi(argv[5]) : 3);
	report(best, threads, batch);
	return 0;
}
