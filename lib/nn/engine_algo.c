/* SPDX-License-Identifier: MIT
 *
 * Which algorithm a convolution has to take, where somebody said so: options, or a text of
 * measured choices.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/line.h"
#include "base/mem.h"
#include "base/text.h"
#include "nn/plan.h"
#include "nn/tune.h"

enum det_err
det_engine_algo(enum det_conv_algo *algo, const char *name)
{
	struct det_buf b = { 0 };
	int a = det_conv_algo_find(name);
	enum det_err e = DET_OK;

	if (a >= 0) {
		*algo = (enum det_conv_algo)a;
		return DET_OK;
	}
	for (a = 0; !e && a < DET_CONV_ALGOS; a++)
		e = det_buf_printf(&b, "%s%s", a ? ", " : "",
		    det_conv_algo_name((enum det_conv_algo)a));
	if (!e)
		e = det_fail(DET_INVALID,
		    "'%s' is no algorithm for convolutions: there are %s", name,
		    b.text);
	det_buf_free(&b);
	return e;
}

/* Whether a layer has algorithms to choose from, or may be summed by one that has. */
static int
has_ways(const struct det_node *n)
{
	return n->op && (n->op->ways || n->op->traits & DET_OP_ADDS);
}

static enum det_err
set_one(struct det_engine *e, const char *text, const char *equals)
{
	enum det_conv_algo algo;
	char *layer;
	size_t at;
	enum det_err err;

	if ((err = det_engine_algo(&algo, equals + 1)) ||
	    (err = det_strndup(&layer, text, (size_t)(equals - text))))
		return err;
	if (!det_net_find(e->net, &at, layer)) {
		err = det_fail(DET_INVALID, "%s: no layer '%s'", e->net->file, layer);
		goto out;
	}
	if (e->layer[at].head != DET_NO_NODE)
		at = e->layer[at].head;
	if (!has_ways(&e->net->node[at])) {
		err = det_fail(DET_INVALID,
		    "%s: layer '%s' was expected to be a convolution", e->net->file,
		    layer);
		goto out;
	}
	e->algo[at] = algo;
	e->named[at] = 1;
out:
	free(layer);
	return err;
}

/* "1x3x416x416" */
static enum det_err
parse_dims(size_t dims[4], const char *text)
{
	char number[16];
	const char *s = text;
	size_t i, n;
	long v;

	for (i = 0; i < 4; i++, s += n + (s[n] != 0)) {
		n = strcspn(s, "x");
		if (n >= sizeof number || (s[n] == 'x') != (i < 3))
			return det_fail(DET_INVALID, "in=%s: expected NxCxHxW", text);
		memcpy(number, s, n);
		number[n] = 0;
		if (det_parse_long(&v, number, 1, (long)DET_MAX_DIM))
			return det_fail_in(DET_INVALID, "in=%s", text);
		dims[i] = (size_t)v;
	}
	return DET_OK;
}

enum det_err
det_tuned_parse(struct det_tuned_line *out, struct det_line *l)
{
	const char *in = NULL;
	enum det_err e;

	*out = (struct det_tuned_line){ .layer = l->name, .algo = l->word };
	if (!l->name || l->n_inputs)
		return det_fail(DET_INVALID, "expected 'LAYER = ALGORITHM ...'");
	if ((e = det_line_word(&in, l, "in")) ||
	    (e = det_line_word(&out->cpu, l, "cpu")) ||
	    (e = det_line_long(&out->threads, l, "threads", 1, 1L << 20)) ||
	    (e = det_line_unused(l)))
		return e;
	if (!in || !out->cpu || !out->threads)
		return det_fail(
		    DET_INVALID, "expected in=NxCxHxW, cpu=KIND and threads=N");
	return parse_dims(out->in, in);
}

static enum det_err
add_tuned(void *ctx, struct det_line *l, const char *text, size_t n)
{
	struct det_engine *e = ctx;
	struct det_tuned_line t;
	struct det_tuned c;
	enum det_err err;

	(void)text;
	(void)n;
	if ((err = det_tuned_parse(&t, l)) || (err = det_engine_algo(&c.algo, t.algo)))
		return err;
	if (!det_net_find(e->net, &c.node, t.layer))
		return det_fail(DET_INVALID, "no layer '%s'", t.layer);
	if (strcmp(t.cpu, det_cpu_kind()) != 0 || t.threads != e->threads)
		return DET_OK;
	memcpy(c.in, t.in, sizeof c.in);
	if ((err = det_grow(
		 &e->tuned, &e->cap_tuned, e->n_tuned + 1, sizeof *e->tuned)))
		return err;
	e->tuned[e->n_tuned++] = c;
	return DET_OK;
}

enum det_conv_algo
det_engine_wish(const struct det_engine *e, size_t head, size_t out, const size_t in[4])
{
	size_t i, sum = e->layer[out].head;

	if (!e->named[head] && e->named[sum])
		return e->algo[sum];
	if (e->named[head] || e->algo[head] != DET_CONV_AUTO)
		return e->algo[head];
	for (i = 0; i < e->n_tuned; i++)
		if (e->tuned[i].node == head &&
		    !memcmp(e->tuned[i].in, in, sizeof e->tuned[i].in))
			return e->tuned[i].algo;
	return DET_CONV_AUTO;
}

enum det_err
det_engine_force(struct det_engine *e, const struct det_engine_params *p)
{
	enum det_conv_algo algo;
	const char *equals;
	size_t i, j;
	enum det_err err;

	if ((err = det_calloc(&e->algo, e->net->n_nodes, sizeof *e->algo)) ||
	    (err = det_calloc(&e->named, e->net->n_nodes, 1)))
		return err;
	for (i = 0; i < p->n_algos; i++) {
		if (strchr(p->algos[i], '='))
			continue;
		if ((err = det_engine_algo(&algo, p->algos[i])))
			return err;
		for (j = 0; j < e->net->n_nodes; j++)
			e->algo[j] = algo;
	}
	for (i = 0; i < p->n_algos; i++)
		if ((equals = strrchr(p->algos[i], '=')) &&
		    (err = set_one(e, p->algos[i], equals)))
			return err;
	return p->tuned ? det_lines_parse(p->tuned, p->tuned_len, "plan", add_tuned, e)
			: DET_OK;
}
