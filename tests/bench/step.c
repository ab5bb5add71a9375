/* SPDX-License-Identifier: MIT
 *
 * Times a step of training of a model's networks "backbone" and "head", one on the other's
 * outputs: forward in training, backward from made gradients, and nothing more.
 *
 *   step MODEL THREADS BATCH SIZE [RUNS]
 *
 * prints medians in ms, images a second and the process's peak memory.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "model/model.h"
#include "nn/grad.h"

enum { MAX = 32, NETS = 2 };

struct net {
	struct det_net *net;
	struct det_grad *grad;
	struct det_tensor in[MAX];
	float *in_grad[MAX], *out_grad[MAX];
};

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "step: %s\n", det_errmsg());
	exit(2);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static enum det_err
find(void *ctx, const char *name, struct det_tensor *out)
{
	return det_model_tensor((const struct det_model *)ctx, name, out);
}

static size_t
count(const struct det_tensor *t)
{
	return t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
}

static float *
noise(size_t n, float scale)
{
	static uint32_t seed = 1;
	float *p;
	size_t i;

	check(det_alloc(&p, n, sizeof *p));
	for (i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = scale * ((float)(seed >> 8) / (float)(1 << 23) - 1);
	}
	return p;
}

static void
open_net(struct net *n, struct det_model *m, const char *name, int threads)
{
	struct det_weights w = { .find = find, .ctx = m };
	struct det_grad_params p = { .threads = threads, .bn_momentum = -1 };
	char full[64];
	const char *text;
	size_t len;

	(void)snprintf(full, sizeof full, "net/%s", name);
	det_model_text(m, full, &text, &len);
	if (!text) {
		(void)fprintf(stderr, "step: no net '%s'\n", name);
		exit(2);
	}
	check(det_net_parse(&n->net, text, len, name));
	check(det_grad_new(&n->grad, n->net, &w, &p));
}

/* The head's inputs by name: outputs of the backbone, whose gradients they give. */
static void
join(struct net *head, struct net *back)
{
	size_t i, k;

	for (i = 0; i < det_net_inputs(head->net); i++)
		for (k = 0; k < det_grad_outputs(back->grad); k++) {
			const char *name = det_grad_output(back->grad, k, &head->in[i]);

			if (strcmp(name, det_net_input(head->net, i, NULL)))
				continue;
			if (!back->out_grad[k])
				back->out_grad[k] = noise(count(&head->in[i]), 0);
			head->in_grad[i] = back->out_grad[k];
			break;
		}
}

static void
step(struct net n[NETS], unsigned long long run, double *forward, double *backward)
{
	double t = now();
	struct det_tensor out;
	size_t i;

	check(det_grad_forward(n[0].grad, n[0].in, 1, run));
	join(&n[1], &n[0]);
	check(det_grad_forward(n[1].grad, n[1].in, 1, run));
	*forward = now() - t;
	for (i = 0; i < det_grad_outputs(n[1].grad); i++) {
		(void)det_grad_output(n[1].grad, i, &out);
		if (!n[1].out_grad[i])
			n[1].out_grad[i] = noise(count(&out), 1e-3f);
	}
	t = now();
	for (i = 0; i < NETS; i++)
		det_grad_clear(n[i].grad);
	check(det_grad_backward(
	    n[1].grad, (const float *const *)n[1].out_grad, n[1].in_grad));
	check(det_grad_backward(n[0].grad, (const float *const *)n[0].out_grad, NULL));
	*backward = now() - t;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
print_memory(const char *name, const struct net *n)
{
	struct det_grad_stats s;

	det_grad_stats(n->grad, &s);
	(void)printf(
	    "  %s: values %zu, gradients %zu, parameters %zu, scratch %zu MiB, "
	    "%.0f GFLOP\n",
	    name, s.values >> 20, s.value_grads >> 20, s.params >> 20, s.scratch >> 20,
	    s.flop * 1e-9);
}

int
main(int argc, char *argv[])
{
	struct net n[NETS];
	struct det_model *model;
	struct rusage ru;
	double forward[64], backward[64], f, b;
	size_t batch, size, runs = 5, i;

	if (argc < 5) {
		(void)fprintf(stderr, "usage: step MODEL THREADS BATCH SIZE [RUNS]\n");
		return 2;
	}
	memset(n, 0, sizeof n);
	batch = strtoul(argv[3], NULL, 10);
	size = strtoul(argv[4], NULL, 10);
	runs = argc > 5 ? strtoul(argv[5], NULL, 10) : runs;
	if (batch < 1 || size < 1 || runs < 1 || runs > 64)
		return 2;
	check(det_model_open(&model, argv[1]));
	open_net(&n[0], model, "backbone", atoi(argv[2]));
	open_net(&n[1], model, "head", atoi(argv[2]));
	n[0].in[0] = (struct det_tensor){ DET_F32, 4, { batch, 3, size, size }, NULL };
	n[0].in[0].data = noise(count(&n[0].in[0]), 1);
	step(n, 0, &f, &b);
	for (i = 0; i < runs; i++)
		step(n, i + 1, &forward[i], &backward[i]);
	qsort(forward, runs, sizeof *forward, by_value);
	qsort(backward, runs, sizeof *backward, by_value);
	f = forward[runs / 2];
	b = backward[runs / 2];
	(void)getrusage(RUSAGE_SELF, &ru);
	(void)printf(
	    "%s, %s threads, batch %zu, %zux%zu: forward %.1f ms, backward %.1f ms, "
	    "%.3f images/s, peak %ld MiB\n",
	    argv[1], argv[2], batch, size, size, f, b, (double)batch / (f + b) * 1e3,
	    ru.ru_maxrss >> 10);
	print_memory("backbone", &n[0]);
	print_memory("head", &n[1]);
	return 0;
}
