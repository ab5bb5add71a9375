/* SPDX-License-Identifier: MIT
 *
 * The profile as a table: each step's time is the median of the runs that were timed since
 * the shapes were met, of the last DET_TIMES at most. Turns from one layout to the other
 * have lines of their own.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "nn/plan.h"

static int
by_value(const void *pa, const void *pb)
{
	float a = *(const float *)pa, b = *(const float *)pb;

	return (a > b) - (a < b);
}

double
det_plan_ms(const struct det_plan *p, size_t step)
{
	float t[DET_TIMES];
	size_t n = p->timed < DET_TIMES ? p->timed : DET_TIMES;

	if (!n)
		return 0;
	memcpy(t, p->ms + step * DET_TIMES, n * sizeof *t);
	qsort(t, n, sizeof *t, by_value);
	return (double)(n % 2 ? t[n / 2] : .5f * (t[n / 2 - 1] + t[n / 2]));
}

static const char *
algorithm(const struct det_engine *e, const struct det_step *t)
{
	size_t dims[DET_OP_MAX_IN][4];
	const size_t(*in)[4] = (const size_t(*)[4])dims, *out = e->cur->dims[t->out];
	const struct det_node *n = &e->net->node[t->head];
	const char *how = NULL;

	if (!out[0])
		return "";
	det_net_in_dims(dims, n, (const size_t(*)[4])e->cur->dims);
	if (n->op->ways)
		how = n->op->ways->algorithm(n, in, out, &t->way, e->threads);
	else if (n->op->algorithm)
		how = n->op->algorithm(n, in, out, e->threads);
	return how ? how : t->residual != DET_NO_NODE ? "+residual" : "";
}

static const char *
shape(char *text, size_t size, const struct det_plan *p, size_t layer)
{
	struct det_tensor t = { .dtype = DET_F32, .rank = 4 };

	memcpy(t.dims, p->dims[layer], sizeof p->dims[0]);
	return det_shape_text(text, size, &t);
}

static double
mib(size_t bytes)
{
	return (double)bytes / 1048576;
}

static enum det_err
report_step(struct det_buf *b, const struct det_engine *e, size_t i, double total)
{
	const struct det_plan *p = e->cur;
	const struct det_step *t = &p->step[i];
	size_t layer = det_plan_layer(p, t->out), from = layer;
	enum det_layout layout = det_plan_layout(p, t->out);
	const char *op = layout == DET_PLAIN ? "plain" : "block", *how = "turn";
	char in[96], out[96];
	double ms = det_plan_ms(p, i);
	size_t bytes = det_layout_floats(layout, p->dims[layer]) * sizeof(float);

	if (t->head != DET_NO_NODE) {
		from = e->net->node[t->head].in[0];
		op = e->net->node[t->head].op->name;
		how = algorithm(e, t);
	}
	return det_buf_printf(b,
	    "%-24s %-9s %-17s %-17s %-20s %9.3f %8.1f %5.1f %8.2f\n",
	    e->net->node[layer].name, op, shape(in, sizeof in, p, from),
	    shape(out, sizeof out, p, layer), how, ms, ms > 0 ? t->flop / ms * 1e-6 : 0,
	    total > 0 ? 100 * ms / total : 0,
	    mib(bytes + t->scratch_bytes + t->packed_bytes));
}

static enum det_err
report_totals(struct det_buf *b, const struct det_engine *e, double total)
{
	struct det_engine_stats s;

	det_engine_stats(e, &s);
	return det_buf_printf(b,
	    "total: %zu layers in %zu steps, %.3f ms, %.2f GFLOP, %.1f GFLOP/s, "
	    "%d thread%s; arena %.1f MiB of %.1f MiB activations, weights %.1f "
	    "MiB, prepared %.1f MiB; medians of %zu run%s\n",
	    s.layers, s.steps, total, s.flop * 1e-9,
	    total > 0 ? s.flop / total * 1e-6 : 0, e->threads,
	    e->threads > 1 ? "s" : "", mib(s.arena), mib(s.activations), mib(s.weights),
	    mib(s.prepared), e->cur->timed, e->cur->timed == 1 ? "" : "s");
}

enum det_err
det_engine_report(const struct det_engine *e, char **text)
{
	struct det_buf b = { 0 };
	double total = 0;
	size_t i;
	enum det_err err;

	if (!e->cur)
		return det_fail(DET_INVALID, "nothing has been run yet");
	for (i = 0; i < e->cur->n_steps; i++)
		total += det_plan_ms(e->cur, i);
	err = det_buf_printf(&b, "%-24s %-9s %-17s %-17s %-20s %9s %8s %5s %8s\n",
	    "layer", "op", "input", "output", "algorithm", "ms", "GFLOP/s", "%", "MiB");
	for (i = 0; !err && i < e->cur->n_steps; i++)
		err = report_step(&b, e, i, total);
	if (!err)
		err = report_totals(&b, e, total);
	if (err)
		det_buf_free(&b);
	else
		*text = b.text;
	return err;
}
