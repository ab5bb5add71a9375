/* SPDX-License-Identifier: MIT
 *
 * det-backbone: a network of the model over each item's tensors.
 */
#include "bin/hold.h"
#include "bin/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/made.h"
#include "model/network.h"

/* Pixels prepared in another way than the model's give wrong boxes, not an error: refuse. */
static void
check_norm(struct tool *t, const struct det_record *r, const char *want)
{
	if (r->kind == DET_TENSOR && !strcmp(det_record_name(r), "image") &&
	    det_made_norm_agrees(&r->attrs, want, t->model_path))
		tool_die(t, "%s", det_errmsg());
}

/* So do rows that were pooled in another way (det-roipool, into the network "head"). */
static void
check_made(struct tool *t, const struct hold *h)
{
	char *made;

	for (size_t i = 0; i < h->n; i++) {
		tool_check(t, det_attr_get(&made, &h->held[i].attrs, "made"));
		if (made && det_made_agrees(t->model, made))
			tool_die(t, "tensor '%s': %s", h->name[i], det_errmsg());
		free(made);
	}
}

static void
run(struct tool *t, struct det_engine *e, const struct det_tensor *in)
{
	struct det_tensor out;
	const char *name;

	tool_check(t, det_engine_run(e, in));
	for (size_t i = 0; (name = det_engine_output(e, i, &out)); i++)
		tool_check(t, det_writer_tensor(t->out, name, &out, NULL));
}

static void
print_profile(struct tool *t, const struct det_engine *e)
{
	struct det_engine_stats stats;
	char *text;

	det_engine_stats(e, &stats);
	if (stats.steps == 0) /* no item came */
		return;
	tool_check(t, det_engine_report(e, &text));
	(void)fputs(text, stderr);
	free(text);
}

int
main(int argc, char *argv[])
{
	const char *name = "backbone";
	struct opt_many taps = { .n = 0 }, algos = { .n = 0 };
	int profile = 0, exact = 0;
	const struct opt opts[] = {
		OPT_STR(0, "net", &name, "NAME", "the network to run"),
		OPT_MANY(0, "tap", &taps, "LAYER", "write this layer's output too"),
		OPT_FLAG(0, "exact", &exact,
		    "no algorithm that rounds otherwise than plain sums"),
		OPT_MANY(0, "algo", &algos, "WAY",
		    "force one: ALGORITHM, or LAYER=ALGORITHM"),
		OPT_FLAG(
		    0, "profile", &profile, "time of each step, on standard error"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-backbone",
		"Run a network of the model over each item's tensors.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_NEEDS_MODEL | TOOL_THREADS | TOOL_KEEP,
		opts };
	struct tool t;
	struct det_engine_params p;
	struct det_network net;
	struct det_record r = { 0 };
	struct hold inputs;
	char norm[DET_NORM_TEXT];

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	p = (struct det_engine_params){ .threads = tool_threads(&t),
		.taps = taps.v,
		.n_taps = taps.n,
		.exact = exact,
		.algos = algos.v,
		.n_algos = algos.n };
	tool_check(&t, det_network_open(&net, t.model, name, &p));
	det_engine_profile(net.engine, profile);
	tool_check(&t, det_made_norm(norm, t.model));
	hold_start(&t, &inputs, DET_TENSOR, det_net_inputs(net.net), "det-image");
	for (size_t i = 0; i < inputs.n; i++)
		inputs.name[i] = det_net_input(net.net, i, NULL);

	/* work */
	while (tool_read(&t, &r)) {
		check_norm(&t, &r, norm);
		if (hold_record(&t, &inputs, &r)) {
			check_made(&t, &inputs);
			run(&t, net.engine, inputs.tensor);
		}
	}

	/* finish */
	if (profile)
		print_profile(&t, net.engine);
	hold_finish(&inputs);
	det_network_close(&net);
	det_record_release(&r);
	return tool_finish(&t);
}
