/* SPDX-License-Identifier: MIT
 *
 * Algorithms chosen by the clock.
 *
 * A layer is timed where it will run: inside the whole network, with the caches as the layer
 * before leaves them. So the network is run with one algorithm forced wherever it is
 * possible, then with the next, round after round, and each layer keeps the median of its
 * medians for each algorithm. Engines exist one at a time, for each has prepared weights of
 * its own; only the last comparison, of whole runs in turn, has two.
 *
 * An algorithm is a candidate for a layer if it takes and gives the layouts that the modelled
 * plan has there: what another layout costs around the layer was not measured with it. It
 * has to win by more than noise.
 */
#include "nn/tune.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "nn/plan.h"

enum { ROUNDS = 9, RUNS = 3 };
#define GAIN .97 /* a change has to be worth that */

/* What was measured of a layer with one algorithm asked for. */
struct cell {
	double ms[ROUNDS];
	int n;
	struct det_op_way way; /* the one it went */
};

struct tuner {
	const struct det_net *net;
	const struct det_weights *w;
	const struct det_engine_params *p;
	const struct det_tensor *in;
	struct cell (*cell)[DET_CONV_ALGOS]; /* a row a layer; AUTO: as modelled */
	size_t (*dims)[4];                   /* of each layer's input */
	int useless[DET_CONV_ALGOS];         /* possible nowhere */
};

static int
by_value(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static enum det_err
open_engine(struct det_engine **e, const struct tuner *t, const char *algo,
    const struct det_buf *tuned)
{
	struct det_engine_params p = *t->p;

	p.algos = algo ? &algo : NULL;
	p.n_algos = algo != NULL;
	p.tuned = tuned ? tuned->text : NULL;
	p.tuned_len = tuned ? tuned->len : 0;
	return det_engine_new(e, t->net, t->w, &p);
}

static void
note(struct tuner *t, const struct det_engine *e, int algo)
{
	const struct det_plan *p = e->cur;
	size_t i, seen = 0;

	for (i = 0; i < p->n_steps; i++) {
		const struct det_step *s = &p->step[i];
		const struct det_node *n;
		struct cell *c;

		if (s->head == DET_NO_NODE || !p->dims[det_plan_layer(p, s->out)][0])
			continue;
		n = &t->net->node[s->head];
		if (!n->op->ways)
			continue;
		seen += s->way.algo == (enum det_conv_algo)algo;
		c = &t->cell[s->head][algo];
		c->way = s->way;
		c->ms[c->n++] = det_plan_ms(p, i);
		memcpy(t->dims[s->head], p->dims[n->in[0]], sizeof t->dims[0]);
	}
	t->useless[algo] = algo != DET_CONV_AUTO && !seen;
}

/* One algorithm's turn in a round. */
static enum det_err
time_algo(struct tuner *t, int algo)
{
	struct det_engine *e;
	int i;
	enum det_err err;

	if ((err = open_engine(&e, t,
		 algo == DET_CONV_AUTO ? NULL
				       : det_conv_algo_name((enum det_conv_algo)algo),
		 NULL)))
		return err;
	err = det_engine_run(e, t->in); /* plans, prepares, warms up */
	det_engine_profile(e, 1);
	for (i = 0; !err && i < RUNS; i++)
		err = det_engine_run(e, t->in);
	if (!err)
		note(t, e, algo);
	det_engine_free(e);
	return err;
}

static double
cell_ms(const struct cell *c)
{
	double v[ROUNDS];

	memcpy(v, c->ms, sizeof v);
	return median(v, (size_t)c->n);
}

static void
choose(struct det_tune_layer *l, const struct cell *row)
{
	const struct cell *model = &row[DET_CONV_AUTO];
	double ms;
	int a;

	l->modelled = l->chosen = det_conv_algo_name(model->way.algo);
	l->modelled_ms = l->chosen_ms = cell_ms(model);
	for (a = DET_CONV_AUTO + 1; a < DET_CONV_ALGOS; a++) {
		if (!row[a].n || row[a].way.algo != (enum det_conv_algo)a ||
		    row[a].way.in != model->way.in || row[a].way.out != model->way.out)
			continue;
		ms = cell_ms(&row[a]);
		if (ms < l->chosen_ms && ms < GAIN * l->modelled_ms) {
			l->chosen = det_conv_algo_name((enum det_conv_algo)a);
			l->chosen_ms = ms;
		}
	}
}

/* The modelled choice against the one found, whole runs in turn. */
static enum det_err
compare(struct det_tune *out, const struct tuner *t, int rounds)
{
	struct det_engine *e[2] = { NULL, NULL };
	struct det_buf text = { 0 };
	double ms[2][ROUNDS * RUNS], t0;
	int i, k;
	enum det_err err;

	if ((err = det_tune_text(&text, out, NULL, 0)) ||
	    (err = open_engine(&e[0], t, NULL, NULL)) ||
	    (err = open_engine(&e[1], t, NULL, &text)))
		goto done;
	for (i = -1; i < rounds * RUNS; i++)
		for (k = 0; k < 2; k++) {
			t0 = det_engine_clock();
			if ((err = det_engine_run(e[k], t->in)))
				goto done;
			if (i >= 0)
				ms[k][i] = det_engine_clock() - t0;
		}
	out->modelled_ms = median(ms[0], (size_t)(rounds * RUNS));
	out->chosen_ms = median(ms[1], (size_t)(rounds * RUNS));
done:
	det_engine_free(e[0]);
	det_engine_free(e[1]);
	det_buf_free(&text);
	return err;
}

static void
take_back(struct det_tune *out)
{
	size_t i;

	for (i = 0; i < out->n; i++) {
		out->layer[i].chosen = out->layer[i].modelled;
		out->layer[i].chosen_ms = out->layer[i].modelled_ms;
	}
	out->chosen_ms = out->modelled_ms;
}

static enum det_err
measure(struct tuner *t, int rounds)
{
	int r, a;
	enum det_err err = DET_OK;

	for (r = 0; r < rounds; r++)
		for (a = DET_CONV_AUTO; !err && a < DET_CONV_ALGOS; a++)
			if (!t->useless[a])
				err = time_algo(t, a);
	return err;
}

enum det_err
det_tune_run(struct det_tune *out, const struct det_net *net,
    const struct det_weights *w, const struct det_engine_params *p,
    const struct det_tensor *in, int rounds)
{
	struct tuner t = { .net = net, .w = w, .p = p, .in = in };
	size_t i;
	enum det_err err;

	*out =
	    (struct det_tune){ .threads = p->threads > 0 ? p->threads : det_cpu_cores(),
		    .cpu = det_cpu_kind() };
	if (rounds > ROUNDS)
		rounds = ROUNDS;
	if ((err = det_calloc(&t.cell, net->n_nodes, sizeof *t.cell)) ||
	    (err = det_calloc(&t.dims, net->n_nodes, sizeof *t.dims)) ||
	    (err = det_calloc(&out->layer, net->n_nodes, sizeof *out->layer)) ||
	    (err = measure(&t, rounds)))
		goto done;
	for (i = 0; i < net->n_nodes; i++) {
		struct det_tune_layer *l = &out->layer[out->n];

		if (!t.cell[i][DET_CONV_AUTO].n)
			continue;
		l->layer = net->node[i].name;
		memcpy(l->in, t.dims[i], sizeof l->in);
		choose(l, t.cell[i]);
		out->n++;
	}
	if (!(err = compare(out, &t, rounds)) && out->chosen_ms >= out->modelled_ms)
		take_back(out);
done:
	free(t.cell);
	free(t.dims);
	if (err)
		det_tune_release(out);
	return err;
}

void
det_tune_release(struct det_tune *t)
{
	free(t->layer);
	*t = (struct det_tune){ 0 };
}

/* --- the text --- */

struct keep {
	struct det_buf *out;
	const struct det_tune *t;
};

static enum det_err
keep_line(void *ctx, struct det_line *l, const char *text, size_t n)
{
	const struct keep *k = ctx;
	struct det_tuned_line o;
	size_t i;
	enum det_err e;

	if ((e = det_tuned_parse(&o, l)))
		return e;
	for (i = 0;
	     o.threads == k->t->threads && !strcmp(o.cpu, k->t->cpu) && i < k->t->n;
	     i++)
		if (!strcmp(o.layer, k->t->layer[i].layer) &&
		    !memcmp(o.in, k->t->layer[i].in, sizeof o.in))
			return DET_OK;
	return (e = det_buf_add(k->out, text, n)) ? e : det_buf_add(k->out, "\n", 1);
}

enum det_err
det_tune_text(
    struct det_buf *out, const struct det_tune *t, const char *old, size_t old_len)
{
	struct keep k = { out, t };
	size_t i;
	enum det_err e = DET_OK;

	if (old && (e = det_lines_parse(old, old_len, "plan", keep_line, &k)))
		return e;
	for (i = 0; !e && i < t->n; i++) {
		const struct det_tune_layer *l = &t->layer[i];

		e = det_buf_printf(out,
		    "%s = %s in=%zux%zux%zux%zu threads=%d cpu=%s\n", l->layer,
		    l->chosen, l->in[0], l->in[1], l->in[2], l->in[3], t->threads,
		    t->cpu);
	}
	return e;
}
