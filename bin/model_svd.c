/* SPDX-License-Identifier: MIT
 *
 * det-model svd: fully connected layers made of two thin ones each.
 */
#include "bin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/network.h"
#include "model/thin.h"
#include "nn/svd.h"

struct layer {
	char name[200], weight[256],
	    thin[256]; /* the layer; its tensor's name; the new one's */
	long rank;
	struct det_tensor w, u, v;
	double error;
};

struct job {
	const char *net;
	struct opt_many ranks;
	struct layer *layer;
	char text_name[256];
	struct det_buf text;
};

/* "fc6=1024". */
static void
read_rank(struct tool *t, struct layer *l, const char *s, const char *net)
{
	const char *mark = strchr(s, '=');

	if (!mark || mark == s || (size_t)(mark - s) >= sizeof l->name ||
	    strlen(net) > 40 || det_parse_long(&l->rank, mark + 1, 1, DET_SVD_MOST))
		tool_usage(t, "--rank: LAYER=N expected, N from 1 to %d, found '%s'",
		    DET_SVD_MOST, s);
	(void)snprintf(l->name, sizeof l->name, "%.*s", (int)(mark - s), s);
	(void)snprintf(l->weight, sizeof l->weight, "%s/%s.weight", net, l->name);
	(void)snprintf(l->thin, sizeof l->thin, "%s/%s_svd.weight", net, l->name);
}

static void
start(struct tool *t, struct job *j)
{
	if (j->ranks.n == 0)
		tool_usage(t, "--rank LAYER=N expected: which layers, of what rank?");
	tool_check(t, det_calloc(&j->layer, j->ranks.n, sizeof *j->layer));
	for (size_t i = 0; i < j->ranks.n; i++) {
		read_rank(t, &j->layer[i], j->ranks.v[i], j->net);
		for (size_t k = 0; k < i; k++)
			if (!strcmp(j->layer[k].name, j->layer[i].name))
				tool_usage(t, "--rank: '%s' twice", j->layer[i].name);
	}
}

/* The network's new text, checked by its own grammar. */
static void
make_text(struct tool *t, struct job *j, const struct det_model *m)
{
	const char *text;
	size_t len;
	struct det_net *net;

	/* the network as it is: refuses a name that is none */
	tool_check(t, det_network_parse(&net, m, j->net));
	det_net_free(net);
	(void)snprintf(j->text_name, sizeof j->text_name, "net/%s", j->net);
	det_model_text(m, j->text_name, &text, &len);
	tool_check(t, det_buf_add(&j->text, text, len));
	for (size_t i = 0; i < j->ranks.n; i++) {
		struct det_buf next = { 0 };

		tool_check(t, det_thin_text(&next, j->text.text, j->text.len,
				  j->layer[i].name, (size_t)j->layer[i].rank));
		det_buf_free(&j->text);
		j->text = next;
	}
	tool_check(t, det_net_parse(&net, j->text.text, j->text.len, j->text_name));
	det_net_free(net);
}

static void
split(struct tool *t, struct layer *l, const struct det_model *m)
{
	const size_t rank = (size_t)l->rank;
	size_t rows, cols;

	tool_check(t, det_model_tensor(m, l->weight, &l->w));
	if (l->w.dtype != DET_F32 || l->w.rank != 2)
		tool_die(t, "tensor '%s': a matrix of f32 expected", l->weight);
	rows = l->w.dims[0];
	cols = l->w.dims[1];
	l->u = (struct det_tensor){ DET_F32, 2, { rows, rank }, NULL };
	l->v = (struct det_tensor){ DET_F32, 2, { rank, cols }, NULL };
	tool_check(t, det_alloc(&l->u.data, rows, rank * sizeof(float)));
	tool_check(t, det_alloc(&l->v.data, cols, rank * sizeof(float)));
	if (det_svd_truncate(l->u.data, l->v.data, &l->error, l->w.data, rows, cols,
		rank, tool_threads(t)))
		tool_die(t, "layer '%s': %s", l->name, det_errmsg());
	if (!t->quiet)
		(void)fprintf(stderr,
		    "%s: %zux%zu, rank %zu: %zu weights -> %zu, error %.4f\n", l->name,
		    rows, cols, rank, rows * cols, rank * (rows + cols), l->error);
	if (rank * (rows + cols) >= rows * cols)
		tool_warn(t, "layer '%s': rank %zu makes it no smaller", l->name, rank);
}

static void
write_model(struct tool *t, const struct job *j, const struct det_model *m)
{
	struct det_record r;

	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		const char *name = r.kind == DET_STREAM ? "" : det_record_name(&r);
		const struct layer *l = j->layer, *end = l + j->ranks.n;

		while (
		    l < end && (r.kind != DET_TENSOR || strcmp(name, l->weight) != 0))
			l++;
		if (r.kind == DET_STREAM) {
			tool_write_again(t, &r);
		} else if (r.kind == DET_TEXT && !strcmp(name, j->text_name)) {
			tool_check(t,
			    det_writer_text(t->out, name, j->text.text, j->text.len));
		} else if (l < end) {
			tool_check(t, det_writer_tensor(t->out, l->thin, &l->v, NULL));
			tool_check(
			    t, det_writer_tensor(t->out, l->weight, &l->u, NULL));
		} else {
			tool_check(t, det_writer_put(t->out, &r));
		}
	}
	tool_stream_end(t);
}

int
model_svd(int argc, char *argv[])
{
	struct job j = { .net = "head" };
	const struct opt opts[] = {
		OPT_STR(0, "net", &j.net, "NAME", "the network"),
		OPT_MANY(0, "rank", &j.ranks, "LAYER=N", "make LAYER of rank N"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model svd",
		"Make fully connected layers of two thin ones each, by truncated "
		"singular "
		"value decomposition.",
		"MODEL", TOOL_WRITES | TOOL_THREADS, opts };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	start(&t, &j);
	m = model_open(&t);
	make_text(&t, &j, m);
	for (size_t i = 0; i < j.ranks.n; i++)
		split(&t, &j.layer[i], m);
	write_model(&t, &j, m);
	for (size_t i = 0; i < j.ranks.n; i++) {
		free(j.layer[i].u.data);
		free(j.layer[i].v.data);
	}
	free(j.layer);
	det_buf_free(&j.text);
	det_model_close(m);
	return tool_finish(&t);
}
