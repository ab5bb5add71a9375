/* SPDX-License-Identifier: MIT
 *
 * Opening a system: the lines that configure objectives, the nets with their inputs wired to
 * outputs before them by name, the objective on the maps that a decode text names, and the
 * second stage: behind the first where there is a text "propose", alone where the text
 * "decode" is of proposals and nothing makes them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "model/network.h"
#include "roi/rows.h"
#include "train/second.h"

/* --- lines ------------------------------------------------------------------------------ */

static enum det_err
add_line(void *ctx, struct det_line *l, const char *text, size_t n)
{
	struct det_system_lines *to = ctx;
	struct det_system_line *one = &to->line[to->n];

	if (l->name || l->n_inputs)
		return det_fail(DET_INVALID,
		    "an objective's name and its keys expected, found '%.*s'",
		    (int)(n > 60 ? 60 : n), text);
	if (to->n == DET_SYSTEM_LINES)
		return det_fail(
		    DET_LIMIT, "more than %d lines of objectives", DET_SYSTEM_LINES);
	/* the caller's line ends with the call: ours is parsed again */
	if (det_line_parse(&one->line, text, n))
		return DET_INVALID;
	one->used = 0;
	to->n++;
	return DET_OK;
}

enum det_err
det_system_lines_read(struct det_system_lines *l, const struct det_model *m,
    const char *const *line, size_t n)
{
	const char *text;
	size_t len, i;
	enum det_err e;

	l->n = 0;
	for (i = 0; i < n; i++)
		if ((e = det_lines_parse(line[i], strlen(line[i]), NULL, add_line, l)))
			return det_fail_in(e, "loss '%s'", line[i]);
	for (i = 0; i < l->n; i++)
		l->line[i].user = 1;
	det_model_text(m, "train", &text, &len);
	if (text && (e = det_lines_parse(text, len, "train", add_line, l)))
		return det_fail_in(e, "%s", det_model_path(m));
	for (; i < l->n; i++)
		l->line[i].user = 0;
	return DET_OK;
}

void
det_system_lines_release(struct det_system_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		det_line_release(&l->line[i].line);
	l->n = 0;
}

struct det_line *
det_system_line(struct det_system_lines *l, const char *word)
{
	for (size_t i = 0; i < l->n; i++)
		if (!word || !strcmp(l->line[i].line.word, word)) {
			l->line[i].used = 1;
			return &l->line[i].line;
		}
	return NULL;
}

/* What the user asked for and nobody took is a mistake. */
static enum det_err
check_lines(const struct det_system_lines *l, const struct det_system *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->line[i].user && !l->line[i].used)
			return det_fail(DET_INVALID,
			    "loss '%s': this detector is trained as %s",
			    l->line[i].line.word, s->about);
	return DET_OK;
}

/* --- nets ------------------------------------------------------------------------------- */

/* Of nets [from, to). */
int
det_system_output(struct det_system_wire *w, const struct det_system *s, size_t from,
    size_t to, const char *name)
{
	for (size_t i = from; i < to; i++)
		for (size_t k = 0; k < s->net[i].outputs; k++)
			if (!strcmp(det_net_output(s->net[i].net, k), name)) {
				*w = (struct det_system_wire){ (int)i, k };
				return 1;
			}
	return 0;
}

enum det_err
det_system_find(struct det_system_wire *w, const struct det_system *s, size_t nets,
    const char *name, const char *who)
{
	if (det_system_output(w, s, 0, nets, name))
		return DET_OK;
	return det_fail(DET_INVALID, "%s: %s wants '%s', which no net puts out",
	    det_model_path(s->model), who, name);
}

static enum det_err
wire_inputs(const struct det_system *s, struct det_system_net *n, int rows)
{
	const size_t from = rows ? s->rows_from : 0;

	for (size_t i = 0; i < n->inputs; i++) {
		const char *name = det_net_input(n->net, i, NULL);

		n->in[i].net = rows ? DET_SYSTEM_ROWS : DET_SYSTEM_IMAGE;
		if (det_system_output(&n->in[i], s, from, s->nets, name) || rows ||
		    !strcmp(name, "image"))
			continue;
		return det_fail(DET_INVALID,
		    "%s: net '%s' wants '%s': the image, or what a net before it puts "
		    "out, expected",
		    det_model_path(s->model), n->name, name);
	}
	return DET_OK;
}

enum det_err
det_system_add_net(
    struct det_system *s, const char *name, const struct det_grad_params *p, int rows)
{
	const struct det_weights w = det_network_weights(s->model);
	struct det_grad_params with = *p;
	struct det_system_net *n = &s->net[s->nets];
	enum det_err e;

	if (s->nets == DET_SYSTEM_NETS)
		return det_fail(DET_LIMIT, "more than %d nets", DET_SYSTEM_NETS);
	*n = (struct det_system_net){ .name = name };
	/* no two nets have the same masks of dropout */
	with.seed += s->nets;
	if ((e = det_network_parse(&n->net, s->model, name)))
		return e;
	n->inputs = det_net_inputs(n->net);
	n->outputs = det_net_outputs(n->net);
	if (n->inputs > DET_SYSTEM_MAPS || n->outputs > DET_SYSTEM_MAPS)
		e = det_fail(DET_LIMIT, "net '%s' has more than %d inputs or outputs",
		    name, DET_SYSTEM_MAPS);
	if (e || (e = det_calloc(&n->out, n->outputs, sizeof *n->out)) ||
	    (e = wire_inputs(s, n, rows)) ||
	    (e = det_grad_new(&n->grad, n->net, &w, &with))) {
		free(n->out);
		det_net_free(n->net);
		*n = (struct det_system_net){ 0 };
		return e;
	}
	s->nets++;
	s->rows_from += !rows;
	return DET_OK;
}

static int
has_text(const struct det_model *m, const char *name)
{
	const char *text;
	size_t len;

	det_model_text(m, name, &text, &len);
	return text != NULL;
}

/* --- the objective ---------------------------------------------------------------------- */

static enum det_err
open_decode(struct det_system *s, const char *name)
{
	struct det_system_part *p = &s->part;
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(s->model, "anchors", &text, &len);
	if (text && (e = det_anchors_parse(&s->anchors, text, len, "anchors")))
		return e;
	det_model_text(s->model, name, &text, &len);
	if (!text)
		return det_fail(DET_INVALID,
		    "no text '%s': nothing says what the nets are trained towards",
		    name);
	if ((e = det_decode_parse(&p->decode, text, len, name)) ||
	    (e = det_decode_bind(p->decode, s->anchors)))
		return e;
	p->maps = det_decode_maps(p->decode);
	if (p->maps > DET_SYSTEM_MAPS)
		return det_fail(
		    DET_LIMIT, "%s: more than %d maps", name, DET_SYSTEM_MAPS);
	for (size_t i = 0; i < p->maps; i++)
		if ((e = det_system_find(
			 &p->map[i], s, s->nets, det_decode_map(p->decode, i), name)))
			return e;
	return DET_OK;
}

static enum det_err
no_objective(const struct det_line *l, const struct det_decode *d)
{
	if (l)
		return det_fail(
		    DET_INVALID, "loss '%s': no objective of that name", l->word);
	return det_fail(DET_INVALID,
	    "a detector of '%s' has no objective of its own: a loss expected",
	    det_decode_line_word(det_decode_line(d, 0)));
}

/* By the line of that word (NULL: of any, and where there is none by what the decode text
 * is). */
static enum det_err
open_objective(struct det_system *s, struct det_system_lines *lines, const char *word)
{
	struct det_line none = { 0 }, *l = det_system_line(lines, word);
	const struct det_objective_params p = { .decode = s->part.decode,
		.anchors = s->anchors,
		.line = l ? l : &none,
		.threads = s->threads };
	const struct det_objective_kind *kind = l ? det_objective_find(l->word)
						: word
						    ? det_objective_find(word)
						    : det_objective_for(s->part.decode);
	enum det_err e;

	if (!kind)
		return no_objective(l, s->part.decode);
	s->part.name = kind->name;
	if ((e = kind->open(&s->part.o, &p)) || (e = det_line_unused(p.line)))
		return det_fail_in(e, "loss '%s'", kind->name);
	for (size_t i = 0; s->part.o.term[i] && i < DET_OBJECTIVE_TERMS; i++)
		s->term[s->terms++] = s->part.o.term[i];
	s->first_terms = s->terms;
	return DET_OK;
}

static void
describe(struct det_system *s)
{
	size_t at = (size_t)snprintf(s->about, sizeof s->about, "%s%s%s over",
	    s->part.name ? s->part.name : "", s->part.name && s->second ? " and " : "",
	    s->second ? "rcnn" : "");

	for (size_t i = 0; i < s->nets && at < sizeof s->about; i++)
		at += (size_t)snprintf(s->about + at, sizeof s->about - at, "%s %s",
		    i ? "," : "", s->net[i].name);
}

/* Who says where objects may be: nobody needs to, a first stage, or the stream. */
enum proposals { PROPOSALS_NONE, PROPOSALS_MADE, PROPOSALS_GIVEN };

/* Heads on proposals that are not for gradients. */
static enum det_err
refuse(const struct det_model *m, const struct det_decode_line *l)
{
	if (l->delta.score == DET_SCORE_LINEAR)
		return det_fail(DET_UNSUPPORTED,
		    "%s: its head gives margins (decode: score=linear): those of SVMs, "
		    "which det-svm trains",
		    det_model_path(m));
	if (det_second_op(m) == DET_ROWS_HOG)
		return det_fail(DET_UNSUPPORTED,
		    "%s: no network is before its head (det-roipool: op=hog): det-svm "
		    "trains what judges such rows",
		    det_model_path(m));
	return DET_OK;
}

static enum det_err
find_proposals(enum proposals *out, const struct det_model *m)
{
	struct det_decode *d;
	const char *text;
	size_t len;
	enum det_err e;

	*out = has_text(m, "propose") ? PROPOSALS_MADE : PROPOSALS_NONE;
	det_model_text(m, "decode", &text, &len);
	if (*out || !text)
		return DET_OK;
	if ((e = det_decode_parse(&d, text, len, "decode")))
		return e;
	if (det_decode_lists(d) > 0) {
		*out = PROPOSALS_GIVEN;
		e = refuse(m, det_decode_line(d, 0));
	}
	det_decode_free(d);
	return e;
}

static enum det_err
open_nets(
    struct det_system *s, const struct det_grad_params *p, enum proposals proposals)
{
	enum det_err e;

	/* R-CNN's runs on rows */
	if (proposals == PROPOSALS_GIVEN && det_second_op(s->model) == DET_ROWS_WARP)
		return DET_OK;
	if ((e = det_system_add_net(s, "backbone", p, 0)))
		return e;
	if (proposals == PROPOSALS_MADE && has_text(s->model, "net/rpn") &&
	    (e = det_system_add_net(s, "rpn", p, 0)))
		return e;
	if (proposals == PROPOSALS_NONE && has_text(s->model, "net/head"))
		return det_system_add_net(s, "head", p, 0);
	return DET_OK;
}

static enum det_err
open_first(struct det_system *s, struct det_system_lines *lines, int two)
{
	enum det_err e;

	if ((e = open_decode(s, two ? "propose" : "decode")))
		return e;
	return open_objective(s, lines, two ? "rpn" : NULL);
}

static enum det_err
open_all(struct det_system *s, const struct det_system_params *p,
    struct det_system_lines *lines)
{
	enum proposals proposals;
	enum det_err e;

	if ((e = det_system_lines_read(lines, s->model, p->line, p->n_lines)) ||
	    (e = find_proposals(&proposals, s->model)) ||
	    (e = open_nets(s, &p->grad, proposals)))
		return e;
	if (proposals != PROPOSALS_GIVEN &&
	    (e = open_first(s, lines, proposals == PROPOSALS_MADE)))
		return e;
	if (proposals != PROPOSALS_NONE &&
	    (e = det_second_open(&s->second, s, &p->grad, lines)))
		return e;
	describe(s);
	return check_lines(lines, s);
}

enum det_err
det_system_open(struct det_system **out, const struct det_model *m,
    const struct det_system_params *p)
{
	struct det_system_lines lines = { .n = 0 };
	struct det_system *s;
	enum det_err e;

	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->model = m;
	s->threads = p->grad.threads > 0 ? p->grad.threads : det_cpu_cores();
	s->seed = p->grad.seed;
	e = open_all(s, p, &lines);
	det_system_lines_release(&lines);
	if (e) {
		det_system_free(s);
		return e;
	}
	*out = s;
	return DET_OK;
}

void
det_system_free(struct det_system *s)
{
	if (!s)
		return;
	det_second_free(s->second);
	if (s->part.o.free)
		s->part.o.free(s->part.o.self);
	det_decode_free(s->part.decode);
	for (size_t i = 0; i < s->nets; i++) {
		struct det_system_net *n = &s->net[i];

		for (size_t k = 0; n->out && k < n->outputs; k++)
			free(n->out[k].grad);
		free(n->out);
		det_grad_free(n->grad);
		det_net_free(n->net);
	}
	det_anchors_free(s->anchors);
	free(s->spare);
	free(s);
}

const char *
det_system_proposals(const struct det_system *s)
{
	return s->second ? det_second_proposals(s->second) : NULL;
}

const char *
det_system_about(const struct det_system *s)
{
	return s->about;
}
