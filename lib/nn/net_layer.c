/* SPDX-License-Identifier: MIT
 *
 * Lines of the network text that make layers: operators and instances of blocks.
 *
 * A name is looked up among the inputs of the block first, then as PREFIX + name among
 * all full names: a body can't see outside its prefix, while the outside can name what is
 * inside.
 */
#include "nn/net_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static enum det_err
join_name(char *out, const struct det_np_parser *p, const struct det_np_scope *s,
    const char *prefix, const char *name)
{
	int n = snprintf(out, DET_NET_MAX_NAME + 1, "%s%s", prefix, name);

	if (n < 0 || n > DET_NET_MAX_NAME)
		return det_np_fail(p, s, "the full name of '%s' is above %d bytes",
		    name, DET_NET_MAX_NAME);
	return DET_OK;
}

static enum det_err
full_name(char *out, const struct det_np_parser *p, const struct det_np_scope *s,
    const char *name)
{
	return join_name(out, p, s, s->prefix, name);
}

enum det_err
det_np_resolve(size_t *node, const struct det_np_parser *p,
    const struct det_np_scope *s, const char *name)
{
	char full[DET_NET_MAX_NAME + 1];
	size_t i;
	enum det_err e;

	for (i = 0; s->block && i < s->block->n_in; i++)
		if (!strcmp(s->block->in[i].key, name)) {
			*node = s->in[i];
			return DET_OK;
		}
	if ((e = full_name(full, p, s, name)))
		return e;
	if (!det_net_find(p->net, node, full))
		return det_np_fail(
		    p, s, "no input or layer '%s' before this line", name);
	return DET_OK;
}

/* Adds a node and binds its name; it is the caller's to fill in. */
enum det_err
det_np_node(struct det_node **out, struct det_np_parser *p,
    const struct det_np_scope *s, const char *full)
{
	struct det_net *net = p->net;
	struct det_node *n;
	enum det_err e;

	if (net->n_nodes == DET_NET_MAX_NODES)
		return det_np_fail(p, s, "more than %d layers", DET_NET_MAX_NODES);
	if ((e = det_grow(
		 &net->node, &net->cap_nodes, net->n_nodes + 1, sizeof *net->node)))
		return e;
	n = &net->node[net->n_nodes];
	*n = (struct det_node){ .line = s->line };
	if ((e = det_strdup(&n->name, full)))
		return e;
	if ((e = det_names_add(&net->names, full, net->n_nodes++)))
		return det_np_fail_in(p, s, e);
	*out = n;
	return DET_OK;
}

/* --- weights=NAME --- */

/* Takes the word out of the list, if it is there. Then *from is what the line says, with
 * the scope's own prefix for weights before it, malloc'd; else *from is NULL. */
static enum det_err
take_weights(char **from, const struct det_np_parser *p, const struct det_np_scope *s,
    struct det_np_word *w, size_t *n_words)
{
	char full[DET_NET_MAX_NAME + 1], *name = NULL, *q, end = 0;
	size_t i;
	enum det_err e;

	*from = NULL;
	for (i = 0; i < *n_words && strcmp(w[i].key, "weights") != 0; i++)
		;
	if (i == *n_words)
		return DET_OK;
	if (!w[i].value)
		return det_np_fail(p, s, "weights needs a value: weights=NAME");
	if ((e = det_value_resolve(&name, w[i].value, &s->params)))
		return det_np_fail_in(p, s, e);
	memmove(&w[i], &w[i + 1], (--*n_words - i) * sizeof *w);
	q = name;
	if (!det_np_cut_name(&q, &end) || end)
		e = det_np_fail(p, s, "weights: '%s' is not a name", name);
	else
		e = join_name(full, p, s, s->weights, name);
	free(name);
	return e ? e : det_strdup(from, full);
}

/* Where a layer of this name looks for its weights; NULL where that is its own name. */
static enum det_err
set_weights(struct det_node *n, const struct det_np_parser *p,
    const struct det_np_scope *s, const char *name, char **from)
{
	char full[DET_NET_MAX_NAME + 1];
	enum det_err e;

	if (!*from) {
		if ((e = join_name(full, p, s, s->weights, name)) ||
		    (e = det_strdup(from, full)))
			return e;
	} else if (!n->op->weight)
		return det_np_fail(p, s, "%s has no weights to share", n->op->name);
	if (strcmp(*from, n->name) != 0) {
		n->weights = *from;
		*from = NULL;
	}
	return DET_OK;
}

/* --- layers --- */

static const struct det_key *
find_key(const struct det_op *op, const char *name)
{
	const struct det_key *k;

	for (k = op->keys; k->kind != DET_KEY_END; k++)
		if (!strcmp(k->name, name))
			return k;
	return NULL;
}

static enum det_err
set_keys(struct det_np_parser *p, const struct det_np_scope *s, struct det_node *n,
    const struct det_np_word *w, size_t n_words)
{
	const struct det_key *k;
	size_t i;
	enum det_err e;

	if ((e = det_calloc(&n->args, 1, n->op->args_size)))
		return e;
	det_key_defaults(n->args, n->op->keys);
	if (n->op->fixed_act >= 0)
		((struct det_act_args *)n->args)->act = n->op->fixed_act;
	for (i = 0; i < n_words; i++) {
		if (!(k = find_key(n->op, w[i].key)))
			return det_np_fail(
			    p, s, "%s has no key '%s'", n->op->name, w[i].key);
		if ((e = det_key_set(n->args, k, w[i].value, &s->params)))
			return det_np_fail_in(p, s, e);
	}
	for (k = n->op->keys; k->kind != DET_KEY_END; k++) {
		if (k->dflt == k->dflt)
			continue;
		for (i = 0; i < n_words && strcmp(w[i].key, k->name); i++)
			;
		if (i == n_words)
			return det_np_fail(
			    p, s, "%s needs %s=...", n->op->name, k->name);
	}
	if (n->op->check && (e = n->op->check(n)))
		return det_np_fail_in(p, s, e);
	return DET_OK;
}

static enum det_err
add_layer(struct det_np_parser *p, const struct det_np_scope *s, const char *name,
    const struct det_op *op, const struct det_np_word *in, size_t n_in,
    struct det_np_word *w, size_t n_words)
{
	char full[DET_NET_MAX_NAME + 1], *from = NULL;
	size_t nodes[DET_OP_MAX_IN], i;
	struct det_node *n = NULL;
	enum det_err e;

	if (n_in < op->in_lo || n_in > op->in_hi)
		return det_np_fail(p, s, "%s takes %s%zu input%s, found %zu", op->name,
		    n_in < op->in_lo && op->in_lo != op->in_hi ? "at least " : "",
		    n_in < op->in_lo ? op->in_lo : op->in_hi,
		    (n_in < op->in_lo ? op->in_lo : op->in_hi) > 1 ? "s" : "", n_in);
	for (i = 0; i < n_in; i++)
		if ((e = det_np_resolve(&nodes[i], p, s, in[i].key)))
			return e;
	if ((e = full_name(full, p, s, name)) || (e = det_np_node(&n, p, s, full)))
		return e;
	n->op = op;
	if ((e = det_alloc(&n->in, n_in, sizeof *n->in)))
		return e;
	memcpy(n->in, nodes, n_in * sizeof *nodes);
	n->n_in = n_in;
	if (!(e = take_weights(&from, p, s, w, &n_words)) &&
	    !(e = set_weights(n, p, s, name, &from)))
		e = set_keys(p, s, n, w, n_words);
	free(from);
	return e;
}

/* --- blocks --- */

const struct det_np_block *
det_np_block(const struct det_np_parser *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->n_blocks; i++)
		if (!strcmp(p->block[i].name, name))
			return &p->block[i];
	return NULL;
}

static void
free_params(struct det_param *v, size_t n)
{
	while (n-- > 0)
		free(v[n].value);
}

/* The values of a block's parameters in an instance; times and first aside. */
static enum det_err
bind_params(struct det_np_parser *p, const struct det_np_scope *s,
    const struct det_np_block *b, const struct det_np_word *w, size_t n_words,
    struct det_param *v, size_t *n)
{
	size_t i, j;
	enum det_err e;

	for (i = 0; i < n_words; i++) {
		for (j = 0; j < b->n_params && strcmp(b->param[j].key, w[i].key); j++)
			;
		if (j == b->n_params && strcmp(w[i].key, "times") &&
		    strcmp(w[i].key, "first"))
			return det_np_fail(
			    p, s, "block %s has no parameter '%s'", b->name, w[i].key);
		if (!w[i].value)
			return det_np_fail(p, s, "'%s' needs a value", w[i].key);
	}
	for (*n = 0; *n < b->n_params; ++*n) {
		const char *text = b->param[*n].value;

		for (i = 0; i < n_words; i++)
			if (!strcmp(b->param[*n].key, w[i].key))
				text = w[i].value;
		if (!text)
			return det_np_fail(
			    p, s, "block %s needs %s=...", b->name, b->param[*n].key);
		v[*n].name = b->param[*n].key;
		if ((e = det_value_resolve(&v[*n].value, text, &s->params)))
			return det_np_fail_in(p, s, e);
	}
	return DET_OK;
}

static enum det_err
find_long(long *out, const struct det_np_parser *p, const struct det_np_scope *s,
    const struct det_np_word *w, size_t n_words, const char *key, long lo, long hi)
{
	size_t i;
	enum det_err e;

	for (i = 0; i < n_words; i++)
		if (!strcmp(w[i].key, key)) {
			if ((e = det_value_long(
				 out, w[i].value, strlen(w[i].value), &s->params)))
				return det_np_fail_in(p, s, e);
			if (*out < lo || *out > hi)
				return det_np_fail(p, s,
				    "%s: %ld is outside %ld to %ld", key, *out, lo, hi);
		}
	return DET_OK;
}

/* What instances of a line have in common. */
struct making {
	const struct det_np_block *block;
	const size_t *in;
	struct det_params params;
	const char *from; /* weights=, in full; NULL */
};

/* One instance, NAME or NAME.i of a chain (`tail` is "" or ".i"): reads the body's lines in
 * a scope of their own. */
static enum det_err
instance(size_t *ret, struct det_np_parser *p, const struct det_np_scope *s,
    const struct making *m, const char *name, const char *tail)
{
	char local[DET_NET_MAX_WORD + 24], full[DET_NET_MAX_NAME + 1];
	char prefix[DET_NET_MAX_NAME + 2], weights[DET_NET_MAX_NAME + 2];
	struct det_np_scope inner = { prefix, weights, m->block, m->in, m->params,
		s->depth + 1, m->block->line };
	enum det_err e;

	(void)snprintf(local, sizeof local, "%s%s", name, tail);
	if ((e = full_name(full, p, s, local)))
		return e;
	(void)snprintf(prefix, sizeof prefix, "%s.", full);
	if (m->from)
		e = join_name(full, p, s, m->from, tail);
	else
		e = join_name(full, p, s, s->weights, local);
	if (e)
		return e;
	(void)snprintf(weights, sizeof weights, "%s.", full);
	if (inner.depth > DET_NET_MAX_DEPTH)
		return det_np_fail(
		    p, s, "blocks nested deeper than %d", DET_NET_MAX_DEPTH);
	if ((e = det_np_body(p, &inner, m->block->at, ret)))
		return e;
	prefix[strlen(prefix) - 1] = 0;
	if ((e = det_names_add(&p->net->names, prefix, *ret)))
		return det_np_fail_in(p, s, e);
	return DET_OK;
}

static enum det_err
add_instances(struct det_np_parser *p, const struct det_np_scope *s, const char *name,
    const struct det_np_block *b, const struct det_np_word *in, size_t n_in,
    struct det_np_word *w, size_t n_words)
{
	char full[DET_NET_MAX_NAME + 1], tail[24], *from = NULL;
	struct det_param v[DET_NP_MAX_KEYS] = { { 0 } };
	size_t nodes[DET_OP_MAX_IN], i, ret = 0;
	long times = 0, first = 0, t;
	struct det_np_block copy = *b; /* the table may move while bodies are read */
	struct making m = { &copy, nodes, { v, 0 }, NULL };
	enum det_err e;

	if (n_in != b->n_in)
		return det_np_fail(p, s, "block %s takes %zu input%s, found %zu",
		    b->name, b->n_in, b->n_in == 1 ? "" : "s", n_in);
	for (i = 0; i < n_in; i++)
		if ((e = det_np_resolve(&nodes[i], p, s, in[i].key)))
			return e;
	if ((e = take_weights(&from, p, s, w, &n_words)) ||
	    (e = bind_params(p, s, b, w, n_words, v, &m.params.n)) ||
	    (e = find_long(&times, p, s, w, n_words, "times", 1, 1000)) ||
	    (e = find_long(&first, p, s, w, n_words, "first", 0, 1000000)))
		goto out;
	m.from = from;
	if (!times)
		e = instance(&ret, p, s, &m, name, "");
	else if (n_in != 1)
		e = det_np_fail(p, s, "times= needs a block of one input");
	for (t = 0; !e && t < times; t++) {
		(void)snprintf(tail, sizeof tail, ".%ld", first + t);
		e = instance(&ret, p, s, &m, name, tail);
		nodes[0] = ret;
	}
	if (!e && times && !(e = full_name(full, p, s, name)) &&
	    (e = det_names_add(&p->net->names, full, ret)))
		e = det_np_fail_in(p, s, e);
out:
	free(from);
	free_params(v, DET_NP_MAX_KEYS);
	return e;
}

static const char *const reserved[] = { "net", "input", "output", "block", "return",
	"end", NULL };

int
det_np_reserved(const char *name)
{
	size_t i;

	for (i = 0; reserved[i]; i++)
		if (!strcmp(reserved[i], name))
			return 1;
	return 0;
}

/* "NAME = OP(...) ..." */
enum det_err
det_np_layer(struct det_np_parser *p, const struct det_np_scope *s, char *line)
{
	struct det_np_word in[DET_OP_MAX_IN], w[DET_NP_MAX_KEYS];
	size_t n_in, n_words;
	char end = 0, *q = line, *name, *opname;
	const struct det_op *op;
	const struct det_np_block *b;
	enum det_err e;

	if (!(name = det_np_cut_name(&q, &end)))
		return det_np_fail(p, s, "expected a statement, found '%.40s'", line);
	if (end == ' ' || end == '\t') {
		q = det_np_skip(q);
		end = *q ? *q++ : 0;
	}
	if (end != '=')
		return det_np_fail(
		    p, s, "expected 'name = operator(...)', found '%.40s'", line);
	if (det_np_reserved(name))
		return det_np_fail(p, s, "'%s' can't be the name of a layer", name);
	q = det_np_skip(q);
	if (!(opname = det_np_cut_name(&q, &end)))
		return det_np_fail(p, s, "expected an operator, found '%.20s'", q);
	if ((e = det_np_inputs(p, s, &q, end, in, &n_in)) ||
	    (e = det_np_words(p, s, q, w, &n_words)))
		return e;
	if ((op = det_op_find(opname, strlen(opname))))
		return add_layer(p, s, name, op, in, n_in, w, n_words);
	if ((b = det_np_block(p, opname)))
		return add_instances(p, s, name, b, in, n_in, w, n_words);
	return det_np_fail(p, s, "no operator or block '%s'", opname);
}
