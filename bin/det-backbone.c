/* SPDX-License-Identifier: MIT
 *
 * det-backbone: a network of the model over each item's tensors.
 */
#include "bin/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "image/norm.h"
#include "model/network.h"

struct backbone {
	const char *name;
	int profile;
	struct opt_many taps;
	struct det_network net;
	size_t n;                /* inputs of the network */
	struct det_record *held; /* each, once it came */
	struct det_tensor *in;
	char *have;
	size_t missing;
	char norm
	    [DET_NORM_TEXT]; /* what the model was trained on; "" where it does not say */
	struct det_buf seen; /* names of the item's tensors, for a message */
	int in_item;
};

static void
backbone_open(struct tool *t, struct backbone *b)
{
	struct det_engine_params p = { tool_threads(t), b->taps.v, b->taps.n };
	struct det_norm norm = DET_NORM_DEFAULTS;
	const char *text;
	size_t len;

	tool_check(t, det_network_open(&b->net, t->model, b->name, &p));
	det_engine_profile(b->net.engine, b->profile);
	b->n = b->missing = det_net_inputs(b->net.net);
	tool_check(t, det_calloc(&b->held, b->n, sizeof *b->held));
	tool_check(t, det_calloc(&b->in, b->n, sizeof *b->in));
	tool_check(t, det_calloc(&b->have, b->n, 1));
	det_model_text(t->model, "options/det-image", &text, &len);
	if (text) {
		tool_check(t, det_norm_options(&norm, text, len));
		(void)det_norm_text(b->norm, &norm);
	}
}

static void
backbone_close(struct tool *t, struct backbone *b)
{
	char *text;

	if (b->profile) {
		tool_check(t, det_engine_report(b->net.engine, &text));
		(void)fputs(text, stderr);
		free(text);
	}
	for (size_t i = 0; i < b->n; i++)
		det_record_release(&b->held[i]);
	free(b->held);
	free(b->in);
	free(b->have);
	det_buf_free(&b->seen);
	det_network_close(&b->net);
}

/* Pixels prepared in another way than the model's give wrong boxes, not an error: refuse. */
static void
check_norm(struct tool *t, const struct backbone *b, const struct det_record *r)
{
	char *norm;

	if (!*b->norm || strcmp(det_record_name(r), "image") != 0)
		return;
	tool_check(t, det_attr_get(&norm, &r->attrs, "norm"));
	if (norm && strcmp(norm, b->norm) != 0)
		tool_die(t, "tensor 'image' is %s; %s wants %s", norm, t->model_path,
		    b->norm);
	free(norm);
}

static void
run(struct tool *t, struct backbone *b)
{
	struct det_tensor out;
	const char *name;

	for (size_t i = 0; i < b->n; i++)
		b->in[i] = b->held[i].tensor;
	tool_check(t, det_engine_run(b->net.engine, b->in));
	for (size_t i = 0; (name = det_engine_output(b->net.engine, i, &out)); i++)
		tool_check(t, det_writer_tensor(t->out, name, &out, NULL));
}

/* A tensor: held if it is one of the inputs, else passed on. Returns whether it was taken. */
static int
take(struct tool *t, struct backbone *b, struct det_record *r)
{
	const char *name = det_record_name(r);
	struct det_record swap;
	size_t i = 0;

	tool_check(t, det_buf_printf(&b->seen, " '%s'", name));
	while (i < b->n && strcmp(name, det_net_input(b->net.net, i, NULL)) != 0)
		i++;
	if (i == b->n)
		return 0;
	if (b->have[i])
		tool_die(t, "a second tensor '%s'", name);
	check_norm(t, b, r);
	tool_load(t, r);
	if (t->keep)
		tool_write(t, r);
	swap = b->held[i];
	b->held[i] = *r;
	*r = swap;
	b->have[i] = 1;
	if (--b->missing == 0)
		run(t, b);
	return 1;
}

/* Before the record that ends an item: whether its tensors came. */
static void
item_ends(struct tool *t, struct backbone *b, const char *path, long item)
{
	size_t i = 0;

	if (!b->in_item || b->missing == 0)
		return;
	while (b->have[i])
		i++;
	t->item = item;
	(void)snprintf(t->item_path, sizeof t->item_path, "%s", path);
	tool_die(t, "no tensor '%s': this item has %s",
	    det_net_input(b->net.net, i, NULL),
	    b->seen.len ? b->seen.text + 1 : "none (does det-image come before?)");
}

int
main(int argc, char *argv[])
{
	struct backbone b = { .name = "backbone" };
	const struct opt opts[] = {
		OPT_STR(0, "net", &b.name, "NAME", "the network to run"),
		OPT_MANY(0, "tap", &b.taps, "LAYER", "write this layer's output too"),
		OPT_FLAG(
		    0, "profile", &b.profile, "time of each step, on standard error"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-backbone",
		"Run a network of the model over each item's tensors.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_NEEDS_MODEL | TOOL_THREADS | TOOL_KEEP,
		opts };
	struct tool t;
	struct det_record r = { 0 };
	char path[sizeof t.item_path] = "";
	long item = -1;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	backbone_open(&t, &b);

	/* work */
	while (tool_read(&t, &r)) {
		if (r.kind == DET_ITEM || r.kind == DET_END) {
			item_ends(&t, &b, path, item);
			b.in_item = r.kind == DET_ITEM && !t.cur.error;
			b.missing = b.n;
			memset(b.have, 0, b.n);
			b.seen.len = 0;
			item = t.item;
			memcpy(path, t.item_path, sizeof path);
		}
		if (r.kind != DET_TENSOR || !b.in_item || !take(&t, &b, &r))
			tool_write(&t, &r);
	}

	/* finish */
	backbone_close(&t, &b);
	det_record_release(&r);
	return tool_finish(&t);
}
