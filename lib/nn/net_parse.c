/* SPDX-License-Identifier: MIT
 *
 * Reads the network text (formats/net.md) and expands blocks into a flat graph.
 *
 * A block's body is not kept as a tree: its place in the text is, and every instance reads
 * those lines again with its own prefix, inputs and parameters. That is one code path for
 * top level and bodies, and errors have true line numbers. What a hostile text can cost is
 * bounded by counting the statements carried out, whatever they do.
 *
 * A name is looked up among the inputs of the block first, then as PREFIX + name among
 * all full names: a body can't see outside its prefix, while the outside can name what is
 * inside.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "nn/graph.h"
#include "nn/value.h"

#define MAX_KEYS 32 /* key=value words of a line; parameters of a block */

struct word {
	char *key, *value; /* value NULL: bare */
};

struct block {
	char *name;
	struct word in[DET_OP_MAX_IN]; /* key: name of an input */
	size_t n_in;
	struct word param[MAX_KEYS]; /* value NULL: required */
	size_t n_params;
	char *own;  /* the line that the names point into */
	size_t at;  /* where the body begins */
	int line;   /* of its first line */
};

struct parser {
	struct det_net *net;
	const char *text;
	size_t len;
	struct block *block;
	size_t n_blocks, cap_blocks;
	long steps;
};

/* Where a line is carried out: the top level, or one instance of a block. */
struct scope {
	const char *prefix; /* "" or "layer1.0." */
	const struct block *block;
	const size_t *in; /* nodes of the block's inputs */
	struct det_params params;
	int depth;
	int line;
};

static enum det_err fail(const struct parser *p, const struct scope *s, const char *fmt,
    ...) DET_PRINTF(3, 4);
static enum det_err run_body(struct parser *p, struct scope *s, size_t at, size_t *ret);

static enum det_err
fail(const struct parser *p, const struct scope *s, const char *fmt, ...)
{
	char msg[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	return det_fail(DET_INVALID, "%s:%d: %s%.*s%s%s", p->net->file, s->line,
	    s->depth ? "in " : "", s->depth ? (int)strlen(s->prefix) - 1 : 0, s->prefix,
	    s->depth ? ": " : "", msg);
}

/* The failure of a library call, placed. */
static enum det_err
fail_in(const struct parser *p, const struct scope *s, enum det_err e)
{
	char msg[400];

	(void)snprintf(msg, sizeof msg, "%s", det_errmsg());
	(void)fail(p, s, "%s", msg);
	return e;
}

/* --- words --- */

static char *
skip(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static int
name_char(char c, int first)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || (!first && (c == '.' || c == '-'));
}

/* Cuts a name off *s; NULL where there is none or it is too long. The byte after it is
 * returned in *end and overwritten, so that the name is a string. */
static char *
cut_name(char **s, char *end)
{
	char *name = *s, *p = name;

	if (!name_char(*p, 1))
		return NULL;
	while (name_char(*p, 0))
		p++;
	if (p - name > DET_NET_MAX_WORD)
		return NULL;
	*end = *p;
	if (*p)
		*p++ = 0;
	*s = p;
	return name;
}

/* The next word up to a space, NULL at the end. */
static char *
cut_word(char **s)
{
	char *w = skip(*s), *p = w;

	if (!*w)
		return NULL;
	while (*p && *p != ' ' && *p != '\t')
		p++;
	if (*p)
		*p++ = 0;
	*s = p;
	return w;
}

/* "(a, b)": names into word[].key; *s moves past the ')'. `end` is the byte that stood
 * before *s and may have been the '('. */
static enum det_err
read_inputs(const struct parser *p, const struct scope *sc, char **s, char end,
    struct word *in, size_t *n)
{
	char *q = *s, stop = end;

	if (stop != '(') {
		q = skip(q);
		if (*q++ != '(')
			return fail(p, sc, "expected '(' and the inputs");
	}
	for (*n = 0;; ++*n) {
		q = skip(q);
		if (*n == DET_OP_MAX_IN)
			return fail(p, sc, "more than %d inputs", DET_OP_MAX_IN);
		if (!(in[*n].key = cut_name(&q, &stop)))
			return fail(p, sc, "expected the name of an input, found '%.20s'", q);
		in[*n].value = NULL;
		if (stop == ' ' || stop == '\t') {
			q = skip(q);
			stop = *q ? *q++ : 0;
		}
		if (stop != ',' && stop != ')')
			return fail(p, sc, "expected ',' or ')' after input '%s'", in[*n].key);
		if (stop == ')')
			break;
	}
	++*n;
	*s = q;
	return DET_OK;
}

/* The key=value words of the rest of a line. */
static enum det_err
read_words(const struct parser *p, const struct scope *sc, char *s, struct word *w,
    size_t *n)
{
	char *word, *eq;
	size_t i;

	for (*n = 0; (word = cut_word(&s)); ++*n) {
		if (*n == MAX_KEYS)
			return fail(p, sc, "more than %d keys", MAX_KEYS);
		if ((eq = strchr(word, '=')))
			*eq++ = 0;
		if (!*word || (eq && !*eq))
			return fail(p, sc, "expected key=value, found '%s='", word);
		for (i = 0; i < *n; i++)
			if (!strcmp(w[i].key, word))
				return fail(p, sc, "'%s' is given twice", word);
		w[*n] = (struct word){ word, eq };
	}
	return DET_OK;
}

/* --- names --- */

static enum det_err
full_name(char *out, const struct parser *p, const struct scope *s, const char *name)
{
	int n = snprintf(out, DET_NET_MAX_NAME + 1, "%s%s", s->prefix, name);

	if (n < 0 || n > DET_NET_MAX_NAME)
		return fail(
		    p, s, "the full name of '%s' is above %d bytes", name, DET_NET_MAX_NAME);
	return DET_OK;
}

static enum det_err
resolve(size_t *node, const struct parser *p, const struct scope *s, const char *name)
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
		return fail(p, s, "no input or layer '%s' before this line", name);
	return DET_OK;
}

/* Adds a node and binds its name; it is the caller's to fill in. */
static enum det_err
add_node(struct det_node **out, struct parser *p, const struct scope *s, const char *full)
{
	struct det_net *net = p->net;
	struct det_node *n;
	enum det_err e;

	if (net->n_nodes == DET_NET_MAX_NODES)
		return fail(p, s, "more than %d layers", DET_NET_MAX_NODES);
	if ((e = det_grow(
		 &net->node, &net->cap_nodes, net->n_nodes + 1, sizeof *net->node)))
		return e;
	n = &net->node[net->n_nodes];
	*n = (struct det_node){ .line = s->line };
	if ((e = det_strdup(&n->name, full)))
		return e;
	if ((e = det_net_bind(net, full, net->n_nodes++)))
		return fail_in(p, s, e);
	*out = n;
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
set_keys(struct parser *p, const struct scope *s, struct det_node *n,
    const struct word *w, size_t n_words)
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
			return fail(p, s, "%s has no key '%s'", n->op->name, w[i].key);
		if ((e = det_key_set(n->args, k, w[i].value, &s->params)))
			return fail_in(p, s, e);
	}
	for (k = n->op->keys; k->kind != DET_KEY_END; k++) {
		if (k->dflt == k->dflt)
			continue;
		for (i = 0; i < n_words && strcmp(w[i].key, k->name); i++)
			;
		if (i == n_words)
			return fail(p, s, "%s needs %s=...", n->op->name, k->name);
	}
	if (n->op->check && (e = n->op->check(n)))
		return fail_in(p, s, e);
	return DET_OK;
}

static enum det_err
add_layer(struct parser *p, const struct scope *s, const char *name,
    const struct det_op *op, const struct word *in, size_t n_in, const struct word *w,
    size_t n_words)
{
	char full[DET_NET_MAX_NAME + 1];
	size_t nodes[DET_OP_MAX_IN], i;
	struct det_node *n = NULL;
	enum det_err e;

	if (n_in < op->in_lo || n_in > op->in_hi)
		return fail(p, s, "%s takes %s%zu input%s, found %zu", op->name,
		    n_in < op->in_lo && op->in_lo != op->in_hi ? "at least " : "",
		    n_in < op->in_lo ? op->in_lo : op->in_hi,
		    (n_in < op->in_lo ? op->in_lo : op->in_hi) > 1 ? "s" : "", n_in);
	for (i = 0; i < n_in; i++)
		if ((e = resolve(&nodes[i], p, s, in[i].key)))
			return e;
	if ((e = full_name(full, p, s, name)) || (e = add_node(&n, p, s, full)))
		return e;
	n->op = op;
	if ((e = det_alloc(&n->in, n_in, sizeof *n->in)))
		return e;
	memcpy(n->in, nodes, n_in * sizeof *nodes);
	n->n_in = n_in;
	return set_keys(p, s, n, w, n_words);
}

/* --- blocks --- */

static const struct block *
find_block(const struct parser *p, const char *name)
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
bind_params(struct parser *p, const struct scope *s, const struct block *b,
    const struct word *w, size_t n_words, struct det_param *v, size_t *n)
{
	size_t i, j;
	enum det_err e;

	for (i = 0; i < n_words; i++) {
		for (j = 0; j < b->n_params && strcmp(b->param[j].key, w[i].key); j++)
			;
		if (j == b->n_params && strcmp(w[i].key, "times") &&
		    strcmp(w[i].key, "first"))
			return fail(
			    p, s, "block %s has no parameter '%s'", b->name, w[i].key);
		if (!w[i].value)
			return fail(p, s, "'%s' needs a value", w[i].key);
	}
	for (*n = 0; *n < b->n_params; ++*n) {
		const char *text = b->param[*n].value;

		for (i = 0; i < n_words; i++)
			if (!strcmp(b->param[*n].key, w[i].key))
				text = w[i].value;
		if (!text)
			return fail(
			    p, s, "block %s needs %s=...", b->name, b->param[*n].key);
		v[*n].name = b->param[*n].key;
		if ((e = det_value_resolve(&v[*n].value, text, &s->params)))
			return fail_in(p, s, e);
	}
	return DET_OK;
}

static enum det_err
find_long(long *out, const struct parser *p, const struct scope *s, const struct word *w,
    size_t n_words, const char *key, long lo, long hi)
{
	size_t i;
	enum det_err e;

	for (i = 0; i < n_words; i++)
		if (!strcmp(w[i].key, key)) {
			if ((e = det_value_long(
				 out, w[i].value, strlen(w[i].value), &s->params)))
				return fail_in(p, s, e);
			if (*out < lo || *out > hi)
				return fail(p, s, "%s: %ld is outside %ld to %ld", key, *out,
				    lo, hi);
		}
	return DET_OK;
}

/* One instance: reads the body's lines in a scope of their own. */
static enum det_err
instance(size_t *ret, struct parser *p, const struct scope *s, const struct block *b,
    const char *full, const size_t *in, struct det_params params)
{
	char prefix[DET_NET_MAX_NAME + 2];
	struct scope inner = { prefix, b, in, params, s->depth + 1, b->line };
	enum det_err e;

	(void)snprintf(prefix, sizeof prefix, "%s.", full);
	if (inner.depth > DET_NET_MAX_DEPTH)
		return fail(p, s, "blocks nested deeper than %d", DET_NET_MAX_DEPTH);
	if ((e = run_body(p, &inner, b->at, ret)))
		return e;
	if ((e = det_net_bind(p->net, full, *ret)))
		return fail_in(p, s, e);
	return DET_OK;
}

static enum det_err
add_instances(struct parser *p, const struct scope *s, const char *name,
    const struct block *b, const struct word *in, size_t n_in, const struct word *w,
    size_t n_words)
{
	char full[DET_NET_MAX_NAME + 1], local[DET_NET_MAX_WORD + 24];
	struct det_param v[MAX_KEYS] = { { 0 } };
	struct det_params params = { v, 0 };
	size_t nodes[DET_OP_MAX_IN], i, ret = 0;
	long times = 0, first = 0, t;
	struct block copy = *b; /* the table may move while bodies are read */
	enum det_err e;

	if (n_in != b->n_in)
		return fail(p, s, "block %s takes %zu input%s, found %zu", b->name, b->n_in,
		    b->n_in == 1 ? "" : "s", n_in);
	for (i = 0; i < n_in; i++)
		if ((e = resolve(&nodes[i], p, s, in[i].key)))
			return e;
	if ((e = bind_params(p, s, b, w, n_words, v, &params.n)) ||
	    (e = find_long(&times, p, s, w, n_words, "times", 1, 1000)) ||
	    (e = find_long(&first, p, s, w, n_words, "first", 0, 1000000)))
		goto out;
	e = full_name(full, p, s, name);
	if (!e && !times)
		e = instance(&ret, p, s, &copy, full, nodes, params);
	if (!e && times && n_in != 1)
		e = fail(p, s, "times= needs a block of one input");
	for (t = 0; !e && t < times; t++) {
		(void)snprintf(local, sizeof local, "%s.%ld", name, first + t);
		if (!(e = full_name(full, p, s, local)))
			e = instance(&ret, p, s, &copy, full, nodes, params);
		nodes[0] = ret;
	}
	if (!e && times && !(e = full_name(full, p, s, name)) &&
	    (e = det_net_bind(p->net, full, ret)))
		e = fail_in(p, s, e);
out:
	free_params(v, MAX_KEYS);
	return e;
}

static const char *const reserved[] = { "net", "input", "output", "block", "return",
	"end", NULL };

static int
is_reserved(const char *name)
{
	size_t i;

	for (i = 0; reserved[i]; i++)
		if (!strcmp(reserved[i], name))
			return 1;
	return 0;
}

/* "NAME = OP(...) ..." */
static enum det_err
read_layer(struct parser *p, const struct scope *s, char *line)
{
	struct word in[DET_OP_MAX_IN], w[MAX_KEYS];
	size_t n_in, n_words;
	char end = 0, *q = line, *name, *opname;
	const struct det_op *op;
	const struct block *b;
	enum det_err e;

	if (!(name = cut_name(&q, &end)))
		return fail(p, s, "expected a statement, found '%.40s'", line);
	if (end == ' ' || end == '\t') {
		q = skip(q);
		end = *q ? *q++ : 0;
	}
	if (end != '=')
		return fail(p, s, "expected 'name = operator(...)', found '%.40s'", line);
	if (is_reserved(name))
		return fail(p, s, "'%s' can't be the name of a layer", name);
	q = skip(q);
	if (!(opname = cut_name(&q, &end)))
		return fail(p, s, "expected an operator, found '%.20s'", q);
	if ((e = read_inputs(p, s, &q, end, in, &n_in)) ||
	    (e = read_words(p, s, q, w, &n_words)))
		return e;
	if ((op = det_op_find(opname, strlen(opname))))
		return add_layer(p, s, name, op, in, n_in, w, n_words);
	if ((b = find_block(p, opname)))
		return add_instances(p, s, name, b, in, n_in, w, n_words);
	return fail(p, s, "no operator or block '%s'", opname);
}

/* --- other statements --- */

static enum det_err
read_input(struct parser *p, const struct scope *s, char *q)
{
	static const char *const what[] = { "channels", "height", "width" };
	struct det_node *n = NULL;
	struct det_net *net = p->net;
	char end = 0, *name, *w;
	long v[3];
	int i;
	enum det_err e;

	q = skip(q);
	if (!(name = cut_name(&q, &end)) || (end && end != ' ' && end != '\t') ||
	    is_reserved(name))
		return fail(p, s, "expected 'input NAME CHANNELS HEIGHT WIDTH'");
	for (i = 0; i < 3; i++) {
		if (!(w = cut_word(&q)))
			return fail(p, s, "input '%s': no %s", name, what[i]);
		if ((e = det_parse_long(&v[i], w, 0, 1L << 30)))
			return fail_in(p, s, det_fail_in(e, "input '%s': %s", name, what[i]));
	}
	if (*skip(q))
		return fail(p, s, "input '%s': '%s' after the width", name, skip(q));
	if ((e = add_node(&n, p, s, name)) ||
	    (e = det_grow(&net->input, &net->cap_inputs, net->n_inputs + 1,
		 sizeof *net->input)))
		return e;
	for (i = 0; i < 3; i++)
		n->dims[i + 1] = (size_t)v[i];
	net->input[net->n_inputs++] = net->n_nodes - 1;
	return DET_OK;
}

static enum det_err
read_output(struct parser *p, const struct scope *s, char *q)
{
	struct det_net *net = p->net;
	struct det_net_out *o;
	char *alias, *eq, *layer, *t, end;
	size_t node, i;
	enum det_err e;

	if (!*skip(q))
		return fail(p, s, "expected 'output NAME ...'");
	while ((alias = cut_word(&q))) {
		layer = (eq = strchr(alias, '=')) ? eq + 1 : alias;
		if (eq)
			*eq = 0;
		t = alias;
		end = 0;
		if (!cut_name(&t, &end) || end)
			return fail(p, s, "'%s' can't be the name of an output", alias);
		if ((e = resolve(&node, p, s, layer)))
			return e;
		for (i = 0; i < net->n_outputs; i++)
			if (!strcmp(net->output[i].name, alias))
				return fail(p, s, "output '%s' is given twice", alias);
		if ((e = det_grow(&net->output, &net->cap_outputs, net->n_outputs + 1,
			 sizeof *net->output)))
			return e;
		o = &net->output[net->n_outputs];
		o->node = node;
		if ((e = det_strdup(&o->name, alias)))
			return e;
		net->n_outputs++;
	}
	return DET_OK;
}

/* The head of a block; its body is skipped by the caller. Names point into a copy of the
 * line, which the block owns. */
static enum det_err
read_block(struct parser *p, const struct scope *s, const char *rest)
{
	struct block b = { 0 };
	char *q, end = 0;
	size_t i;
	enum det_err e;

	if ((e = det_strdup(&b.own, rest)))
		return e;
	q = skip(b.own);
	if (!(b.name = cut_name(&q, &end)))
		e = fail(p, s, "expected 'block NAME(INPUT, ...) PARAMETER ...'");
	else if (det_op_find(b.name, strlen(b.name)) || find_block(p, b.name))
		e = fail(p, s, "there is an operator or block '%s' already", b.name);
	else if (!(e = read_inputs(p, s, &q, end, b.in, &b.n_in)))
		e = read_words(p, s, q, b.param, &b.n_params);
	for (i = 0; !e && i < b.n_params; i++)
		if (!strcmp(b.param[i].key, "times") || !strcmp(b.param[i].key, "first") ||
		    (b.param[i].value && strchr(b.param[i].value, '$')))
			e = fail(p, s, "'%s' can't be a parameter, or its default is one",
			    b.param[i].key);
	if (!e)
		e = det_grow(
		    &p->block, &p->cap_blocks, p->n_blocks + 1, sizeof *p->block);
	if (e) {
		free(b.own);
		return e;
	}
	p->block[p->n_blocks++] = b;
	return DET_OK;
}

/* --- lines --- */

/* The next line without comment and blanks at its ends, in buf; 0 at the end of the text. */
static enum det_err
next_line(char *buf, int *more, struct parser *p, struct scope *s, size_t *at)
{
	const char *line;
	size_t n, i;

	*more = 0;
	if (!det_line_next(&line, &n, p->text, p->len, at))
		return DET_OK;
	*more = 1;
	s->line++;
	for (i = 0; i < n && line[i] != '#'; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return fail(p, s, "a byte of value %d, which no text holds", line[i]);
	if (n > DET_NET_MAX_LINE)
		return fail(p, s, "a line above %d bytes", DET_NET_MAX_LINE);
	while (i > 0 && (line[i - 1] == ' ' || line[i - 1] == '\t'))
		i--;
	memcpy(buf, line, i);
	buf[i] = 0;
	return DET_OK;
}

/* Whether the line begins with the word; *rest is what follows. */
static int
is_word(char *line, const char *word, char **rest)
{
	size_t n = strlen(word);

	if (strncmp(line, word, n) || name_char(line[n], 0))
		return 0;
	*rest = line + n;
	/* a layer may not bear this name, but say so where it is read */
	return *skip(*rest) != '=';
}

/* The lines of a body up to its `return`. */
static enum det_err
run_body(struct parser *p, struct scope *s, size_t at, size_t *ret)
{
	char buf[DET_NET_MAX_LINE + 1], *line, *rest, *name, end;
	int more;
	enum det_err e;

	for (;;) {
		if ((e = next_line(buf, &more, p, s, &at)))
			return e;
		line = skip(buf);
		if (more && !*line)
			continue;
		if (!more || is_word(line, "end", &rest))
			return fail(p, s, "block %s ends without a return", s->block->name);
		if (++p->steps > DET_NET_MAX_STEPS)
			return fail(p, s, "more than %d statements after expansion",
			    DET_NET_MAX_STEPS);
		if (is_word(line, "return", &rest)) {
			rest = skip(rest);
			end = 0;
			if (!(name = cut_name(&rest, &end)) || *skip(rest) ||
			    (end && end != ' ' && end != '\t'))
				return fail(p, s, "expected 'return NAME'");
			return resolve(ret, p, s, name);
		}
		if ((e = read_layer(p, s, line)))
			return e;
	}
}

/* Passes over a block's body; *at stands after its `end`. */
static enum det_err
skip_body(struct parser *p, struct scope *s, size_t *at)
{
	char buf[DET_NET_MAX_LINE + 1], *rest;
	struct block *b = &p->block[p->n_blocks - 1];
	int more, returned = 0;
	enum det_err e;

	b->at = *at;
	b->line = s->line;
	for (;;) {
		if ((e = next_line(buf, &more, p, s, at)))
			return e;
		if (!more)
			return fail(p, s, "block %s has no end", b->name);
		if (is_word(skip(buf), "end", &rest)) {
			if (*skip(rest))
				return fail(p, s, "'%s' after end", skip(rest));
			if (!returned)
				return fail(p, s, "block %s ends without a return", b->name);
			return DET_OK;
		}
		if (is_word(skip(buf), "block", &rest))
			return fail(p, s, "a block inside block %s", b->name);
		if (returned && *skip(buf))
			return fail(p, s, "expected end after the return of block %s", b->name);
		returned |= is_word(skip(buf), "return", &rest);
	}
}

static enum det_err
read_net_name(struct parser *p, const struct scope *s, char *q)
{
	char end = 0, *name;

	q = skip(q);
	if (!(name = cut_name(&q, &end)) || *skip(q) || (end && end != ' ' && end != '\t'))
		return fail(p, s, "expected 'net NAME'");
	return det_strdup(&p->net->name, name);
}

static enum det_err
run_top(struct parser *p)
{
	struct scope s = { .prefix = "" };
	char buf[DET_NET_MAX_LINE + 1], *line, *rest;
	size_t at = 0;
	int more;
	enum det_err e;

	for (;;) {
		if ((e = next_line(buf, &more, p, &s, &at)))
			return e;
		if (!more)
			break;
		line = skip(buf);
		if (!*line)
			continue;
		if (++p->steps > DET_NET_MAX_STEPS)
			return fail(p, &s, "more than %d statements", DET_NET_MAX_STEPS);
		if (is_word(line, "net", &rest))
			e = p->net->name ? fail(p, &s, "a second 'net' line") :
						 read_net_name(p, &s, rest);
		else if (!p->net->name)
			e = fail(p, &s, "expected 'net NAME' first, found '%.40s'", line);
		else if (is_word(line, "input", &rest))
			e = read_input(p, &s, rest);
		else if (is_word(line, "output", &rest))
			e = read_output(p, &s, rest);
		else if (is_word(line, "block", &rest)) {
			if (!(e = read_block(p, &s, rest)))
				e = skip_body(p, &s, &at);
		} else if (is_word(line, "end", &rest) || is_word(line, "return", &rest))
			e = fail(p, &s, "'%.6s' outside a block", line);
		else
			e = read_layer(p, &s, line);
		if (e)
			return e;
	}
	if (!p->net->name)
		return fail(p, &s, "expected 'net NAME', found an empty text");
	if (!p->net->n_outputs)
		return fail(p, &s, "the network has no output line");
	return DET_OK;
}

/* --- the whole --- */

static enum det_err
list_weights(struct det_net *net)
{
	size_t in[DET_OP_MAX_IN][4], i, j, len;
	struct det_net_weight *w;
	struct det_tensor shape;
	struct det_node *n;
	struct det_buf b;
	const char *suffix;
	enum det_err e;

	for (i = 0; i < net->n_nodes; i++) {
		n = &net->node[i];
		n->weight = net->n_weights;
		if (!n->op || !n->op->weight)
			continue;
		for (j = 0; j < n->n_in; j++)
			memcpy(in[j], net->node[n->in[j]].dims, sizeof in[j]);
		for (j = 0;; j++) {
			shape = (struct det_tensor){ .dtype = DET_F32 };
			suffix = n->op->weight(
			    &shape, n, j, (const size_t(*)[4])in, n->dims);
			if (!suffix)
				break;
			if ((e = det_tensor_bytes(&len, &shape)))
				return det_fail_in(e, "%s:%d: layer '%s'", net->file, n->line,
				    n->name);
			if ((e = det_grow(&net->weight, &net->cap_weights,
				 net->n_weights + 1, sizeof *net->weight)))
				return e;
			b = (struct det_buf){ 0 };
			if ((e = det_buf_printf(
				 &b, "%s/%s.%s", net->name, n->name, suffix)))
				return e;
			w = &net->weight[net->n_weights++];
			w->name = b.text;
			w->shape = shape;
			n->n_weights++;
		}
	}
	return DET_OK;
}

/* Shapes as far as the declared inputs settle them. */
static enum det_err
settle(struct det_net *net)
{
	size_t(*dims)[4], i;
	enum det_err e;

	if ((e = det_calloc(&dims, net->n_nodes, sizeof *dims)))
		return e;
	for (i = 0; i < net->n_nodes; i++)
		memcpy(dims[i], net->node[i].dims, sizeof dims[i]);
	e = det_net_shapes(net, dims, NULL);
	for (i = 0; !e && i < net->n_nodes; i++)
		memcpy(net->node[i].dims, dims[i], sizeof dims[i]);
	free(dims);
	return e ? e : list_weights(net);
}

enum det_err
det_net_parse(struct det_net **out, const char *text, size_t len, const char *name)
{
	struct parser p = { .text = text, .len = len };
	size_t i;
	enum det_err e;

	if (len > DET_NET_MAX_TEXT)
		return det_fail(DET_LIMIT, "%s: a network of %zu bytes; at most %zu", name,
		    len, DET_NET_MAX_TEXT);
	if ((e = det_calloc(&p.net, 1, sizeof *p.net)) ||
	    (e = det_strdup(&p.net->file, name)) || (e = run_top(&p)) ||
	    (e = settle(p.net)))
		goto fail;
	*out = p.net;
	p.net = NULL;
fail:
	for (i = 0; i < p.n_blocks; i++)
		free(p.block[i].own);
	free(p.block);
	det_net_free(p.net);
	return e;
}
