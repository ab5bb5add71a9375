/* SPDX-License-Identifier: MIT
 *
 * Writes seeded random weights for a cfg with Darknet's own writer: weights that no code
 * of this project had a hand in.
 *
 *   darknet_seed CFG SEED OUT.weights [INPUT.f32]
 *
 * A deep net with plain random weights overflows or dies out. So each layer in turn is run
 * on INPUT (raw f32, 3*H*W; else a random picture) and set by what comes out: batch norm's running mean and variance
 * become those of the layer's own output (shifted a little at random, so that the
 * normalisation is not trivial), layers without batch norm are scaled to a standard
 * deviation of 1. Every map of the net then has values of ordinary size.
 *
 * Linked against pjreddie's libdarknet.a only (the fork reads the same files).
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "darknet.h"

static uint64_t state;

/* SplitMix64, upper 24 bits: uniform in [0,1). */
static float
uniform(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return (float)(z >> 40) / 16777216.f;
}

/* Sum of twelve uniforms less six: near enough to normal, and exact everywhere. */
static float
normal(void)
{
	float s = -6;

	for (int i = 0; i < 12; i++)
		s += uniform();
	return s;
}

static void
fill(float *x, size_t n, float mean, float dev)
{
	for (size_t i = 0; i < n; i++)
		x[i] = mean + dev * normal();
}

static void
stats(double *mean, double *var, const float *x, size_t n)
{
	double m = 0, v = 0;

	for (size_t i = 0; i < n; i++)
		m += x[i];
	m /= (double)n;
	for (size_t i = 0; i < n; i++)
		v += (x[i] - m) * (x[i] - m);
	*mean = m;
	*var = v / (double)n;
}

static void
run(network *net, layer *l)
{
	if (l->delta)
		memset(l->delta, 0, (size_t)l->outputs * sizeof *l->delta);
	l->forward(*l, *net);
}

/* Running statistics from the layer's output before normalisation, which it keeps in x. */
static void
set_norm(layer *l, size_t channels)
{
	size_t n = (size_t)l->outputs / channels;

	for (size_t c = 0; c < channels; c++) {
		double m, v;

		stats(&m, &v, l->x + c * n, n);
		if (n < 2 || v < 1e-6)
			v = 1; /* one value has no spread */
		l->rolling_mean[c] =
		    (float)(n < 2 ? .5 * m : m + .2 * sqrt(v) * normal());
		l->rolling_variance[c] = (float)(v * (.7 + .6 * uniform()));
		l->scales[c] = .7f + .6f * uniform();
	}
	fill(l->biases, channels, 0, .2f);
}

static void
seed_layer(network *net, layer *l)
{
	size_t nw, fan, nb = (size_t)l->n;
	double m, v;

	if (l->type == CONVOLUTIONAL) {
		nw = (size_t)l->nweights;
		fan = nw / (size_t)l->n;
	} else if (l->type == CONNECTED) {
		nb = (size_t)l->outputs;
		fan = (size_t)l->inputs;
		nw = nb * fan;
	} else if (l->type == LOCAL) {
		nb = (size_t)l->outputs;
		fan = (size_t)(l->size * l->size * l->c);
		nw = nb * fan;
	} else {
		run(net, l);
		return;
	}
	fill(l->weights, nw, 0, sqrtf(2.f / (float)fan));
	memset(l->biases, 0, nb * sizeof *l->biases);
	run(net, l);
	if (l->batch_normalize) {
		set_norm(l, nb);
	} else {
		stats(&m, &v, l->output, (size_t)l->outputs);
		for (size_t i = 0; i < nw; i++)
			l->weights[i] /= (float)sqrt(v > 1e-12 ? v : 1);
		fill(l->biases, nb, 0, .3f);
	}
	run(net, l);
}

int
main(int argc, char *argv[])
{
	network *net;
	float *x;
	size_t n;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: darknet_seed CFG SEED OUT [INPUT]\n");
		return 2;
	}
	state = strtoull(argv[2], NULL, 10);
	net = load_network(argv[1], NULL, 0);
	set_batch_network(net, 1);
	n = (size_t)net->w * (size_t)net->h * (size_t)net->c;
	x = calloc(n, sizeof *x);
	if (!x)
		return 2;
	for (size_t i = 0; i < n; i++)
		x[i] = uniform();
	if (argc == 5) {
		FILE *f = fopen(argv[4], "rb");

		if (!f || fread(x, sizeof *x, n, f) != n) {
			perror(argv[4]);
			return 2;
		}
		(void)fclose(f);
	}
	net->input = x;
	net->train = 0;
	net->truth = NULL;
	for (int i = 0; i < net->n; i++) {
		net->index = i;
		if (net->layers[i].type != COST)
			seed_layer(net, &net->layers[i]);
		net->input = net->layers[i].output;
	}
	*net->seen = 12345;
	save_weights(net, argv[3]);
	return 0;
}
