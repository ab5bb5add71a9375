/* SPDX-License-Identifier: MIT
 *
 * The profile of the last run as a table.
 */
#include <string.h>

#include "base/text.h"
#include "nn/plan.h"

static enum det_err
report_step(struct det_buf *b, const struct det_engine *e, const struct det_step *t,
    double total)
{
	size_t in[DET_OP_MAX_IN][4];
	const struct det_node *n = &e->net->node[t->head];
	struct det_tensor out = { .dtype = DET_F32, .rank = 4 };
	const char *how = "";
	char shape[96];

	memcpy(out.dims, e->cur->dims[t->out], sizeof e->cur->dims[0]);
	det_net_in_dims(in, n, (const size_t(*)[4])e->cur->dims);
	if (n->op->algorithm)
		how = n->op->algorithm(
		    n, (const size_t(*)[4])in, e->cur->dims[t->out], e->threads);
	return det_buf_printf(b, "%-24s %-9s %-18s %-20s %9.3f %8.1f %5.1f\n",
	    e->net->node[t->out].name, n->op->name,
	    det_shape_text(shape, sizeof shape, &out),
	    t->residual != DET_NO_NODE && !*how ? "+residual" : how, t->ms,
	    t->ms > 0 ? t->flop / t->ms * 1e-6 : 0,
	    total > 0 ? 100 * t->ms / total : 0);
}

enum det_err
det_engine_report(const struct det_engine *e, char **text)
{
	struct det_engine_stats s;
	struct det_buf b = { 0 };
	double total = 0;
	size_t i;
	enum det_err err;

	if (!e->cur)
		return det_fail(DET_INVALID, "nothing has been run yet");
	for (i = 0; i < e->cur->n_steps; i++)
		total += e->cur->step[i].ms;
	err = det_buf_printf(&b, "%-24s %-9s %-18s %-20s %9s %8s %5s\n", "layer", "op",
	    "output", "algorithm", "ms", "GFLOP/s", "%");
	for (i = 0; !err && i < e->cur->n_steps; i++)
		err = report_step(&b, e, &e->cur->step[i], total);
	det_engine_stats(e, &s);
	if (!err)
		err = det_buf_printf(&b,
		    "total: %zu layers in %zu steps, %.3f ms, %.2f GFLOP, %.1f "
		    "GFLOP/s, "
		    "%d thread%s; arena %.1f MiB of %.1f MiB activations, weights %.1f "
		    "MiB, prepared %.1f KiB\n",
		    s.layers, s.steps, total, s.flop * 1e-9,
		    total > 0 ? s.flop / total * 1e-6 : 0, e->threads,
		    e->threads > 1 ? "s" : "", (double)s.arena / 1048576,
		    (double)s.activations / 1048576, (double)s.weights / 1048576,
		    (double)s.prepared / 1024);
	if (err)
		det_buf_free(&b);
	else
		*text = b.text;
	return err;
}
