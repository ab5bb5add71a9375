/* SPDX-License-Identifier: MIT
 *
 * Reads the network text (formats/net.md) and expands blocks into a flat graph.
 *
 * A block's body is not kept as a tree: its place in the text is, and every instance reads
 * those lines again with its own prefix, inputs and parameters. That is one code path for
 * top level and bodies, and errors have true line numbers. What a hostile text can cost is
 * bounded by counting the statements carried out, whatever they do.
 */
#include "nn/net_parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static enum det_err
read_input(struct det_np_parser *p, const struct det_np_scope *s, char *q)
{
	static const char *const what[] = { "channels", "height", "width" };
	struct det_node *n = NULL;
	struct det_net *net = p->net;
	char end = 0, *name, *w;
	long v[3];
	int i;
	enum det_err e;

	q = det_np_skip(q);
	if (!(name = det_np_cut_path(&q, &end)) || (end && end != ' ' && end != '\t') ||
	    det_np_reserved(name))
		return det_np_fail(p, s, "expected 'input NAME CHANNELS HEIGHT WIDTH'");
	for (i = 0; i < 3; i++) {
		if (!(w = det_np_cut_word(&q)))
			return det_np_fail(p, s, "input '%s': no %s", name, what[i]);
		if ((e = det_parse_long(&v[i], w, 0, 1L << 30)))
			return det_np_fail_in(
			    p, s, det_fail_in(e, "input '%s': %s", name, what[i]));
	}
	if (*det_np_skip(q))
		return det_np_fail(
		    p, s, "input '%s': '%s' after the width", name, det_np_skip(q));
	if ((e = det_np_node(&n, p, s, name)) ||
	    (e = det_grow(
		 &net->input, &net->cap_inputs, net->n_inputs + 1, sizeof *net->input)))
		return e;
	for (i = 0; i < 3; i++)
		n->dims[i + 1] = (size_t)v[i];
	net->input[net->n_inputs++] = net->n_nodes - 1;
	return DET_OK;
}

static enum det_err
read_output(struct det_np_parser *p, const struct det_np_scope *s, char *q)
{
	struct det_net *net = p->net;
	struct det_net_out *o;
	char *alias, *eq, *layer, *t, end;
	size_t node, i;
	enum det_err e;

	if (!*det_np_skip(q))
		return det_np_fail(p, s, "expected 'output NAME ...'");
	while ((alias = det_np_cut_word(&q))) {
		layer = (eq = strchr(alias, '=')) ? eq + 1 : alias;
		if (eq)
			*eq = 0;
		t = alias;
		end = 0;
		if (!det_np_cut_path(&t, &end) || end)
			return det_np_fail(
			    p, s, "'%s' can't be the name of an output", alias);
		if ((e = det_np_resolve(&node, p, s, layer)))
			return e;
		for (i = 0; i < net->n_outputs; i++)
			if (!strcmp(net->output[i].name, alias))
				return det_np_fail(
				    p, s, "output '%s' is given twice", alias);
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
read_block(struct det_np_parser *p, const struct det_np_scope *s, const char *rest)
{
	struct det_np_block b = { 0 };
	char *q, end = 0;
	size_t i;
	enum det_err e;

	if ((e = det_strdup(&b.own, rest)))
		return e;
	q = det_np_skip(b.own);
	if (!(b.name = det_np_cut_name(&q, &end)))
		e = det_np_fail(
		    p, s, "expected 'block NAME(INPUT, ...) PARAMETER ...'");
	else if (det_op_find(b.name, strlen(b.name)) || det_np_block(p, b.name))
		e = det_np_fail(
		    p, s, "there is an operator or block '%s' already", b.name);
	else if (!(e = det_np_inputs(p, s, &q, end, b.in, &b.n_in)))
		e = det_np_words(p, s, q, b.param, &b.n_params);
	for (i = 0; !e && i < b.n_in; i++)
		if (strchr(b.in[i].key, '/'))
			e = det_np_fail(
			    p, s, "'%s' can't name an input of a block", b.in[i].key);
	for (i = 0; !e && i < b.n_params; i++)
		if (!strcmp(b.param[i].key, "times") ||
		    !strcmp(b.param[i].key, "first") ||
		    !strcmp(b.param[i].key, "weights") ||
		    (b.param[i].value && strchr(b.param[i].value, '$')))
			e = det_np_fail(p, s,
			    "'%s' can't be a parameter, or its default is one",
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
next_line(
    char *buf, int *more, struct det_np_parser *p, struct det_np_scope *s, size_t *at)
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
			return det_np_fail(
			    p, s, "a byte of value %d, which no text holds", line[i]);
	if (n > DET_NET_MAX_LINE)
		return det_np_fail(p, s, "a line above %d bytes", DET_NET_MAX_LINE);
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

	if (strncmp(line, word, n) || det_np_name_char(line[n], 0))
		return 0;
	*rest = line + n;
	/* a layer may not bear this name, but say so where it is read */
	return *det_np_skip(*rest) != '=';
}

/* The lines of a body up to its `return`. */
enum det_err
det_np_body(struct det_np_parser *p, struct det_np_scope *s, size_t at, size_t *ret)
{
	char buf[DET_NET_MAX_LINE + 1], *line, *rest, *name, end;
	int more;
	enum det_err e;

	for (;;) {
		if ((e = next_line(buf, &more, p, s, &at)))
			return e;
		line = det_np_skip(buf);
		if (more && !*line)
			continue;
		if (!more || is_word(line, "end", &rest))
			return det_np_fail(
			    p, s, "block %s ends without a return", s->block->name);
		if (++p->steps > DET_NET_MAX_STEPS)
			return det_np_fail(p, s,
			    "more than %d statements after expansion",
			    DET_NET_MAX_STEPS);
		if (is_word(line, "return", &rest)) {
			rest = det_np_skip(rest);
			end = 0;
			if (!(name = det_np_cut_name(&rest, &end)) ||
			    *det_np_skip(rest) || (end && end != ' ' && end != '\t'))
				return det_np_fail(p, s, "expected 'return NAME'");
			return det_np_resolve(ret, p, s, name);
		}
		if ((e = det_np_layer(p, s, line)))
			return e;
	}
}

/* Passes over a block's body; *at stands after its `end`. */
static enum det_err
skip_body(struct det_np_parser *p, struct det_np_scope *s, size_t *at)
{
	char buf[DET_NET_MAX_LINE + 1], *rest;
	struct det_np_block *b = &p->block[p->n_blocks - 1];
	int more, returned = 0;
	enum det_err e;

	b->at = *at;
	b->line = s->line;
	for (;;) {
		if ((e = next_line(buf, &more, p, s, at)))
			return e;
		if (!more)
			return det_np_fail(p, s, "block %s has no end", b->name);
		if (is_word(det_np_skip(buf), "end", &rest)) {
			if (*det_np_skip(rest))
				return det_np_fail(
				    p, s, "'%s' after end", det_np_skip(rest));
			if (!returned)
				return det_np_fail(
				    p, s, "block %s ends without a return", b->name);
			return DET_OK;
		}
		if (is_word(det_np_skip(buf), "block", &rest))
			return det_np_fail(p, s, "a block inside block %s", b->name);
		if (returned && *det_np_skip(buf))
			return det_np_fail(
			    p, s, "expected end after the return of block %s", b->name);
		returned |= is_word(det_np_skip(buf), "return", &rest);
	}
}

static enum det_err
read_net_name(struct det_np_parser *p, const struct det_np_scope *s, char *q)
{
	char end = 0, *name;

	q = det_np_skip(q);
	if (!(name = det_np_cut_name(&q, &end)) || *det_np_skip(q) ||
	    (end && end != ' ' && end != '\t'))
		return det_np_fail(p, s, "expected 'net NAME'");
	return det_strdup(&p->net->name, name);
}

static enum det_err
run_top(struct det_np_parser *p)
{
	struct det_np_scope s = { .prefix = "", .weights = "" };
	char buf[DET_NET_MAX_LINE + 1], *line, *rest;
	size_t at = 0;
	int more;
	enum det_err e;

	for (;;) {
		if ((e = next_line(buf, &more, p, &s, &at)))
			return e;
		if (!more)
			break;
		line = det_np_skip(buf);
		if (!*line)
			continue;
		if (++p->steps > DET_NET_MAX_STEPS)
			return det_np_fail(
			    p, &s, "more than %d statements", DET_NET_MAX_STEPS);
		if (is_word(line, "net", &rest))
			e = p->net->name ? det_np_fail(p, &s, "a second 'net' line")
					 : read_net_name(p, &s, rest);
		else if (!p->net->name)
			e = det_np_fail(
			    p, &s, "expected 'net NAME' first, found '%.40s'", line);
		else if (is_word(line, "input", &rest))
			e = read_input(p, &s, rest);
		else if (is_word(line, "output", &rest))
			e = read_output(p, &s, rest);
		else if (is_word(line, "block", &rest)) {
			if (!(e = read_block(p, &s, rest)))
				e = skip_body(p, &s, &at);
		} else if (is_word(line, "end", &rest) ||
			   is_word(line, "return", &rest))
			e = det_np_fail(p, &s, "'%.6s' outside a block", line);
		else
			e = det_np_layer(p, &s, line);
		if (e)
			return e;
	}
	if (!p->net->name)
		return det_np_fail(p, &s, "expected 'net NAME', found an empty text");
	if (!p->net->n_outputs)
		return det_np_fail(p, &s, "the network has no output line");
	return DET_OK;
}

/* --- the whole --- */

enum det_err
det_net_parse(struct det_net **out, const char *text, size_t len, const char *name)
{
	struct det_np_parser p = { .text = text, .len = len };
	size_t i;
	enum det_err e;

	if (len > DET_NET_MAX_TEXT)
		return det_fail(DET_LIMIT, "%s: a network of %zu bytes; at most %zu",
		    name, len, DET_NET_MAX_TEXT);
	if ((e = det_calloc(&p.net, 1, sizeof *p.net)) ||
	    (e = det_strdup(&p.net->file, name)) || (e = run_top(&p)) ||
	    (e = det_net_settle(p.net)))
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
