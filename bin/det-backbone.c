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
#include "nn/parts.h"
#include "stream/scale.h"

struct backbone {
	struct det_network net;
	struct det_parts parts;
	struct hold inputs;
	long rows;
};

/* Pixels prepared in another way than the model's give wrong boxes, not an error: refuse. */
static void
check_norm(struct tool *t, const struct det_record *r, const char *want)
{
	const char *name = r->kind == DET_TENSOR ? det_record_name(r) : "";

	if ((!strcmp(name, "image") || det_scale_index(name, "image")) &&
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

/* The network over an item's inputs; of scale k the outputs' names and attribute say so. */
static void
run(struct tool *t, struct backbone *s, const struct det_tensor *in, size_t k,
    const struct det_record *from)
{
	const size_t rows = det_parts_rows(in, s->rows);
	char name[DET_SCALE_NAME];
	struct det_attrs a = { 0 };
	struct det_tensor view;
	double f[2];

	if (k > 0) {
		tool_check(t, det_scale_read(f, &from->attrs, det_record_name(from)));
		tool_check(t, det_scale_add(&a, f));
	}
	tool_check(t, det_parts_run(&s->parts, s->net.engine, in, s->inputs.n, rows));
	for (size_t i = 0; i < s->parts.n; i++) {
		const char *base = det_engine_output(s->net.engine, i, &view);

		tool_check(t, det_writer_tensor(t->out, det_scale_name(name, base, k),
				  &s->parts.out[i], k ? &a : NULL));
	}
	free(a.text);
}

/* A further scale of the only input: done with as it comes. Returns whether r was one. */
static int
run_scale(struct tool *t, struct backbone *s, struct det_record *r)
{
	size_t k;

	if (s->inputs.n != 1 || r->kind != DET_TENSOR || !s->inputs.open ||
	    !(k = det_scale_index(det_record_name(r), s->inputs.name[0])))
		return 0;
	if (t->keep)
		tool_write_load(t, r);
	else
		tool_load(t, r);
	run(t, s, &r->tensor, k, r);
	return 1;
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
	struct backbone s = { .rows = 0 };
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
		OPT_LONG(0, "rows", &s.rows, 0, 1L << 30, "N",
		    "at most N rows at a time (0: as many as fit, of pictures)"),
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
	struct det_record r = { 0 };
	char norm[DET_NORM_TEXT];

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	p = (struct det_engine_params){ .threads = tool_threads(&t),
		.taps = taps.v,
		.n_taps = taps.n,
		.exact = exact,
		.algos = algos.v,
		.n_algos = algos.n };
	tool_check(&t, det_network_open(&s.net, t.model, name, &p));
	det_engine_profile(s.net.engine, profile);
	tool_check(&t, det_made_norm(norm, t.model));
	hold_start(&t, &s.inputs, DET_TENSOR, det_net_inputs(s.net.net), "det-image");
	for (size_t i = 0; i < s.inputs.n; i++)
		s.inputs.name[i] = det_net_input(s.net.net, i, NULL);

	/* work */
	while (tool_read(&t, &r)) {
		check_norm(&t, &r, norm);
		if (!run_scale(&t, &s, &r) && hold_record(&t, &s.inputs, &r)) {
			check_made(&t, &s.inputs);
			run(&t, &s, s.inputs.tensor, 0, NULL);
		}
	}

	/* finish */
	if (profile)
		print_profile(&t, s.net.engine);
	hold_finish(&s.inputs);
	det_parts_release(&s.parts);
	det_network_close(&s.net);
	det_record_release(&r);
	return tool_finish(&t);
}
