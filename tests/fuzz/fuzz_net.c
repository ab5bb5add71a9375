/* SPDX-License-Identifier: MIT
 *
 * Network texts from hostile bytes. What parses and is small is run as well, with zeros and
 * seeded weights, as planned and with every layer tapped: the two must agree.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "nn/plan.h"
#include "tests/unit/nets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether a run costs little: few values, few weights, few products. */
static int
small(const struct det_net *net)
{
	double all = 0, wide = 0;
	struct det_tensor t;
	size_t i, n;

	for (i = 0; i < net->n_nodes; i++) {
		const size_t *d = net->node[i].dims;
		double v = (double)d[1] * (double)d[2] * (double)d[3];

		if (v == 0)
			return 0;
		all += v;
		wide = v > wide ? v : wide;
	}
	if (all > 5e4 || net->n_nodes > 60)
		return 0;
	for (i = 0, all = 0; det_net_weight(net, i, &t); i++) {
		if (det_tensor_count(&n, &t))
			return 0;
		all += (double)n;
	}
	return all < 5e4 && all * wide < 5e7;
}

static void
run(const struct det_net *net, const char *const *taps, size_t n_taps,
    const struct det_tensor *in, struct made *made, struct det_engine **e)
{
	struct det_engine_params p = { .threads = 1, .taps = taps, .n_taps = n_taps };
	struct det_weights w = { .find = made_find, .ctx = made };

	made->net = net;
	if (det_engine_new(e, net, &w, &p)) {
		*e = NULL;
		return;
	}
	if (det_engine_run(*e, in)) {
		det_engine_free(*e);
		*e = NULL;
	}
}

static void
compare(const struct det_engine *a, const struct det_engine *b, size_t outputs)
{
	struct det_tensor x, y;
	size_t i, k, n;

	for (i = 0; i < outputs; i++) {
		(void)det_engine_output(a, i, &x);
		(void)det_engine_output(b, i, &y);
		if (memcmp(x.dims, y.dims, sizeof x.dims) != 0 ||
		    det_tensor_count(&n, &x))
			abort();
		for (k = 0; k < n; k++) {
			double u = (double)((float *)x.data)[k],
			       v = (double)((float *)y.data)[k];

			if (fabs(u - v) > 1e-2 * (1 + fabs(v)))
				abort();
		}
	}
}

static void
run_both(const struct det_net *net)
{
	struct det_tensor in[DET_OP_MAX_IN];
	struct det_engine *lean = NULL, *full = NULL;
	struct made made = { 0 };
	const char *taps[60];
	size_t i, n = det_net_inputs(net);

	if (n > DET_OP_MAX_IN)
		return;
	for (i = 0; i < n; i++) {
		(void)det_net_input(net, i, &in[i]);
		in[i] =
		    seeded(1, in[i].dims[1], in[i].dims[2], in[i].dims[3], (uint32_t)i);
	}
	for (i = 0; i < net->n_nodes; i++)
		taps[i] = net->node[i].name;
	run(net, NULL, 0, in, &made, &lean);
	run(net, taps, net->n_nodes, in, &made, &full);
	if (lean && full)
		compare(lean, full, det_net_outputs(net));
	det_engine_free(lean);
	det_engine_free(full);
	made_free(&made);
	for (i = 0; i < n; i++)
		free(in[i].data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct det_net *net;

	if (size > 20000 || det_net_parse(&net, (const char *)data, size, "fuzz"))
		return 0;
	if (small(net))
		run_both(net);
	det_net_free(net);
	return 0;
}
