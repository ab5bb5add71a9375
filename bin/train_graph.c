/* SPDX-License-Identifier: MIT
 *
 * The graph that det-train trains, a line a layer in the order they run: what it is, what
 * comes out, how many numbers it learns from, and what the options make of them. Weights that
 * several layers use are counted once.
 */
#include "bin/train_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define CELL 448 /* bytes of the longest name, and more */

enum { LAYER, OPERATOR, OUTPUT, NUMBERS, TRAINING, RATE, DECAY, COLUMNS };

struct row {
	char cell[COLUMNS][CELL];
};

struct graph {
	struct train_job *j;
	struct det_system *s;
	struct row *row; /* the first is the heading */
	size_t n, cap;
	unsigned char *met;     /* parameters of layers so far */
	size_t layers, numbers; /* in all; inputs are no layers */
};

/* What is known of a layer's parameters. */
struct sums {
	size_t numbers, learnt,
	    kept;   /* learnt, kept: parameters that could be learnt */
	int shared; /* all of its own were met before */
};

static struct sums
add_up(struct graph *g, const struct det_grad_layer *l, size_t first)
{
	struct sums s = { .shared = l->n_params > 0 };

	for (size_t k = 0; k < l->n_params; k++) {
		const size_t i = first + l->param[k];
		const struct det_param *p = det_system_param(g->s, i);

		s.numbers += p->count;
		s.learnt += p->grad && !p->frozen;
		s.kept += p->grad && p->frozen;
		if (g->met[i])
			continue;
		g->met[i] = 1;
		g->numbers += p->count;
		s.shared = 0;
	}
	return s;
}

static const char *
training(const struct sums *s)
{
	if (!s->learnt)
		return s->kept ? "frozen" : "-";
	if (s->kept)
		return s->shared ? "in part, shared" : "in part";
	return s->shared ? "trained, shared" : "trained";
}

/* Factors of those that are learnt, in their order, equal neighbours once: "1/2". */
static void
factors(
    char *cell, struct graph *g, const struct det_grad_layer *l, size_t first, int rate)
{
	double last = -1;
	size_t at = 0;

	(void)snprintf(cell, CELL, "-");
	for (size_t k = 0; k < l->n_params && at < CELL; k++) {
		const struct det_param *p = det_system_param(g->s, first + l->param[k]);
		double v[2];

		if (!p->grad || p->frozen)
			continue;
		det_optim_factors(
		    &v[0], &v[1], det_train_optim(g->j->train), first + l->param[k]);
		if (v[!rate] == last)
			continue;
		last = v[!rate];
		at += (size_t)snprintf(
		    cell + at, CELL - at, "%s%.4g", at ? "/" : "", last);
	}
}

static struct row *
add_row(struct graph *g)
{
	tool_check(g->j->t, det_grow(&g->row, &g->cap, g->n + 1, sizeof *g->row));
	return &g->row[g->n++];
}

static void
add_layer(struct graph *g, const struct det_grad_layer *l, size_t first)
{
	struct row *r = add_row(g);
	struct det_tensor t = { .dtype = DET_F32, .rank = 4 };
	const struct sums s = add_up(g, l, first);

	g->layers += strcmp(l->op, "input") != 0;
	memcpy(t.dims, l->dims, sizeof l->dims);
	(void)snprintf(r->cell[LAYER], CELL, "%s/%s", l->net, l->name);
	(void)snprintf(r->cell[OPERATOR], CELL, "%s", l->op);
	(void)det_shape_text(r->cell[OUTPUT], CELL, &t);
	(void)snprintf(r->cell[NUMBERS], CELL, "%zu", s.numbers);
	(void)snprintf(r->cell[TRAINING], CELL, "%s", training(&s));
	factors(r->cell[RATE], g, l, first, 1);
	factors(r->cell[DECAY], g, l, first, 0);
}

static void
print_rows(const struct graph *g)
{
	int width[COLUMNS] = { 0 };

	for (size_t i = 0; i < g->n; i++)
		for (int c = 0; c < COLUMNS; c++) {
			const int n = (int)strlen(g->row[i].cell[c]);

			width[c] = n > width[c] ? n : width[c];
		}
	for (size_t i = 0; i < g->n; i++) {
		for (int c = 0; c + 1 < COLUMNS; c++)
			(void)printf("%*s  ", c == NUMBERS ? width[c] : -width[c],
			    g->row[i].cell[c]);
		(void)printf("%s\n", g->row[i].cell[COLUMNS - 1]);
	}
}

void
train_graph(struct train_job *j)
{
	static const char *const heading[COLUMNS] = { "layer", "operator", "output",
		"numbers", "training", "rate", "decay" };
	struct graph g = { .j = j, .s = det_train_system(j->train) };
	struct det_grad_layer l;
	struct row *r;
	size_t first;

	tool_check(j->t, det_calloc(&g.met, det_system_n_params(g.s), sizeof *g.met));
	r = add_row(&g);
	for (int c = 0; c < COLUMNS; c++)
		(void)snprintf(r->cell[c], CELL, "%s", heading[c]);
	for (size_t i = 0; det_system_layer(&l, &first, g.s, i); i++)
		add_layer(&g, &l, first);
	print_rows(&g);
	(void)printf("%zu layers with %zu numbers\n\n", g.layers, g.numbers);
	free(g.row);
	free(g.met);
}
