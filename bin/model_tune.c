/* SPDX-License-Identifier: MIT
 *
 * det-model tune: the algorithms of a network's convolutions chosen by the clock, and stored
 * in the model.
 */
#include "bin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "model/network.h"

struct job {
	const char *net, *size;
	long batch, rounds;
};

/* What the network declares as its one input, with --size and --batch where that is open,
 * filled with seeded noise. */
static void
make_input(struct tool *t, struct det_tensor *in, const struct job *j,
    const struct det_net *net)
{
	struct det_random r;
	long w = 0, h = 0;
	size_t n;
	char tail;

	if (det_net_inputs(net) != 1)
		tool_die(t, "network '%s' has %zu inputs: tuning takes those of one",
		    j->net, det_net_inputs(net));
	(void)det_net_input(net, 0, in);
	if (j->size &&
	    (strlen(j->size) > 20 ||
		sscanf(j->size, "%9ldx%9ld%c", &w, &h, &tail) != 2 || w < 1 || h < 1))
		tool_usage(t, "--size: WxH expected, found '%s'", j->size);
	if (in->dims[0] == 0)
		in->dims[0] = (size_t)j->batch;
	if (j->size) {
		in->dims[2] = (size_t)h;
		in->dims[3] = (size_t)w;
	}
	if (in->dims[2] == 0 || in->dims[3] == 0)
		tool_usage(
		    t, "network '%s' takes any size: --size WxH expected", j->net);
	tool_check(t, det_tensor_count(&n, in));
	tool_check(t, det_alloc(&in->data, n, sizeof(float)));
	det_random_seed(&r, 1, 0);
	for (size_t i = 0; i < n; i++)
		((float *)in->data)[i] = (float)det_random_uniform(&r);
}

/* What changed, a line each, and what that gives. */
static void
print_result(const struct det_tune *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct det_tune_layer *l = &r->layer[i];

		if (strcmp(l->modelled, l->chosen) != 0)
			(void)fprintf(stderr,
			    "%-24s %-10s %9.3f ms -> %-10s %9.3f ms\n", l->layer,
			    l->modelled, l->modelled_ms, l->chosen, l->chosen_ms);
	}
	(void)fprintf(stderr, "total: %.3f ms -> %.3f ms, %d thread%s, %s\n",
	    r->modelled_ms, r->chosen_ms, r->threads, r->threads > 1 ? "s" : "",
	    r->cpu);
}

/* The model with that text in place of the one it had, before its tensors. */
static void
write_model(struct tool *t, const struct det_model *m, const char *net,
    const struct det_buf *text)
{
	struct det_record r;
	char name[256];
	int written = 0;

	(void)snprintf(name, sizeof name, "plan/%s", net);
	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		if (r.kind == DET_STREAM) {
			tool_write_again(t, &r);
			continue;
		}
		if (r.kind == DET_TEXT && strcmp(det_record_name(&r), name) == 0)
			continue;
		if (r.kind == DET_TENSOR && !written++)
			tool_check(
			    t, det_writer_text(t->out, name, text->text, text->len));
		tool_check(t, det_writer_put(t->out, &r));
	}
	if (!written)
		tool_check(t, det_writer_text(t->out, name, text->text, text->len));
	tool_stream_end(t);
}

static void
tune(struct tool *t, const struct job *j, const struct det_model *m)
{
	struct det_engine_params p = { .threads = tool_threads(t) };
	struct det_network net;
	struct det_tensor in;
	struct det_buf text = { 0 };
	struct det_tune r;

	tool_check(t, det_network_open(&net, m, j->net, &p));
	make_input(t, &in, j, net.net);
	tool_check(t, det_network_tune(&r, &text, m, &net, &p, &in, (int)j->rounds));
	if (!t->quiet)
		print_result(&r);
	write_model(t, m, j->net, &text);
	free(in.data);
	det_tune_release(&r);
	det_buf_free(&text);
	det_network_close(&net);
}

int
model_tune(int argc, char *argv[])
{
	struct job j = { .net = "backbone", .batch = 1, .rounds = 3 };
	const struct opt opts[] = {
		OPT_STR(0, "net", &j.net, "NAME", "the network"),
		OPT_STR(0, "size", &j.size, "WxH", "of the input, where it is open"),
		OPT_LONG(0, "batch", &j.batch, 1, 1024, "N", "pictures at a time"),
		OPT_LONG(0, "rounds", &j.rounds, 1, 9, "N", "times each way is tried"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model tune",
		"Time the ways to compute a network's convolutions; write the model "
		"with the fastest.",
		"MODEL", TOOL_WRITES | TOOL_THREADS, opts };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = model_open(&t);
	tune(&t, &j, m);
	det_model_close(m);
	return tool_finish(&t);
}
