/* SPDX-License-Identifier: MIT
 *
 * The network `head` is rewritten as text: statements that the features don't need go, those
 * that stay are as they were, down to the blanks, so that names of weights hold. A statement
 * is needed where a later one that is needed takes what it makes, or a layer of the block
 * that it instantiates. Blocks' definitions always stay.
 */
#include "svm/svm_model.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/decode_line.h"
#include "model/net_lines.h"
#include "model/network.h"

#define THRESH "-1.5" /* R-CNN's and SPP-net's lowest score (rcnn_test.m) */

/* --- net head --- */

struct statement {
	struct det_net_line line;
	int needed;
};

struct head {
	struct statement *st;
	size_t n, cap;
	struct det_span *need;
	size_t needs, need_cap;
};

static enum det_err
read_head(struct head *h, const char *text, size_t len)
{
	struct det_net_lines lines = { .text = text, .len = len };
	struct statement st;
	enum det_err e;

	while (det_net_lines_next(&st.line, &lines)) {
		st.needed = st.line.kind == DET_NET_OTHER;
		if ((e = det_grow(&h->st, &h->cap, h->n + 1, sizeof *h->st)))
			return e;
		h->st[h->n++] = st;
	}
	return DET_OK;
}

static enum det_err
need(struct head *h, struct det_span name)
{
	enum det_err e;

	if ((e = det_grow(&h->need, &h->need_cap, h->needs + 1, sizeof *h->need)))
		return e;
	h->need[h->needs++] = name;
	return DET_OK;
}

static enum det_err
need_features(struct head *h, const struct det_svm_features *x)
{
	return x ? need(h, (struct det_span){ x->name, strlen(x->name) }) : DET_OK;
}

/* Whether what is needed is the line's, or inside what it instantiates. */
static int
makes(const struct det_net_line *l, struct det_span what)
{
	const struct det_span name = l->name;

	return name.n > 0 && what.n >= name.n && !memcmp(what.s, name.s, name.n) &&
	       (what.n == name.n ||
		   (l->kind == DET_NET_LAYER && what.s[name.n] == '.'));
}

static int
is_made(const struct head *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++)
		if (makes(&h->st[i].line, (struct det_span){ name, strlen(name) }))
			return 1;
	return 0;
}

/* From the last statement to the first. */
static enum det_err
mark(struct head *h)
{
	enum det_err e;

	for (size_t i = h->n; i-- > 0;) {
		struct statement *st = &h->st[i];
		struct det_span in = st->line.in, one;

		for (size_t k = 0; k < h->needs && !st->needed; k++)
			st->needed = makes(&st->line, h->need[k]);
		while (st->needed && det_net_line_input(&one, &in))
			if ((e = need(h, one)))
				return e;
	}
	return DET_OK;
}

/* Features that come beside the head's inputs are one more of these. */
static enum det_err
add_input(struct det_buf *out, const struct head *h, const struct det_model *m,
    const struct det_svm_features *x)
{
	int found;
	enum det_err e;

	if (is_made(h, x->name))
		return DET_OK;
	if ((e = det_network_puts_out(&found, m, x->name, "head")))
		return e;
	if (!found)
		return det_fail(DET_INVALID,
		    "%s: '%s' is no layer or input of net 'head', and no output of "
		    "another net",
		    det_model_path(m), x->name);
	return det_buf_printf(
	    out, "input %s %zu %zu %zu\n", x->name, x->chw[0], x->chw[1], x->chw[2]);
}

/* Lines that stay; new inputs go behind the first statement, `net head`. */
static enum det_err
write_head(struct det_buf *out, const struct head *h, const struct det_model *m,
    const struct det_svm_features *x, const struct det_svm_features *box)
{
	const size_t classes = det_model_classes(m)->n;
	int begun = 0;
	enum det_err e;

	for (size_t i = 0; i < h->n; i++) {
		const struct statement *st = &h->st[i];

		if (!st->needed)
			continue;
		if ((e = det_buf_printf(
			 out, "%.*s\n", (int)st->line.all.n, st->line.all.s)))
			return e;
		if (begun || !det_span_is(st->line.word, "net"))
			continue;
		begun = 1;
		if ((e = add_input(out, h, m, x)) ||
		    (box && strcmp(box->name, x->name) != 0 &&
			(e = add_input(out, h, m, box))))
			return e;
	}
	if ((e = det_buf_printf(out, "svm = fc(%s) out=%zu\n", x->name, classes)))
		return e;
	if (!box)
		return det_buf_printf(out, "output cls=svm\n");
	return det_buf_printf(out,
	    "svm_box = fc(%s) out=%zu\noutput cls=svm box=svm_box\n", box->name,
	    4 * classes);
}

static enum det_err
check_shape(const struct det_net *net, const char *weight, const char *path,
    const struct det_svm_features *x)
{
	const size_t have = x->chw[0] * x->chw[1] * x->chw[2];
	struct det_tensor shape;
	const char *name;

	for (size_t i = 0; (name = det_net_weight(net, i, &shape)); i++)
		if (!strcmp(name, weight) && shape.dims[1] != 0 &&
		    shape.dims[1] != have)
			return det_fail(DET_INVALID,
			    "'%s' has %zu features in %s, rows have %zu: they are of "
			    "another model",
			    x->name, shape.dims[1], path, have);
	return DET_OK;
}

/* All the head's other weights are in the model. */
static enum det_err
check_weights(const struct det_net *net, const struct det_model *m)
{
	struct det_tensor t;
	const char *name;
	enum det_err e;

	for (size_t i = 0; (name = det_net_weight(net, i, NULL)); i++)
		if (strncmp(name, "head/svm.", 9) != 0 &&
		    strncmp(name, "head/svm_box.", 13) != 0 &&
		    (e = det_model_tensor(m, name, &t)))
			return det_fail_in(e, "%s", det_model_path(m));
	return DET_OK;
}

static enum det_err
make_head(struct det_svm_model *out, const struct det_model *m,
    const struct det_svm_features *x, const struct det_svm_features *box)
{
	struct head h = { .st = NULL };
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(m, "net/head", &text, &len);
	if (!text)
		return det_fail(DET_INVALID, "%s has no net 'head' that SVMs could end",
		    det_model_path(m));
	if ((e = read_head(&h, text, len)) || (e = need_features(&h, x)) ||
	    (e = need_features(&h, box)) || (e = mark(&h)) ||
	    (e = write_head(&out->head, &h, m, x, box)))
		goto out;
	if ((e = det_net_parse(
		 &out->net, out->head.text, out->head.len, "the head with SVMs")) ||
	    (e = check_shape(out->net, "head/svm.weight", det_model_path(m), x)) ||
	    (box && (e = check_shape(
			 out->net, "head/svm_box.weight", det_model_path(m), box))))
		goto out;
	e = check_weights(out->net, m);
out:
	free(h.st);
	free(h.need);
	return e;
}

/* --- decode --- */

static enum det_err
open_decode(struct det_decode **d, const struct det_model *m)
{
	const struct det_decode_line *l;
	const char *text;
	size_t len;
	enum det_err e;

	*d = NULL;
	det_model_text(m, "decode", &text, &len);
	if (text && (e = det_decode_parse(d, text, len, "decode")))
		return det_fail_in(e, "%s", det_model_path(m));
	l = text ? det_decode_line(*d, 0) : NULL;
	if (l && !det_decode_line(*d, 1) && !strcmp(det_decode_line_word(l), "rcnn"))
		return DET_OK;
	det_decode_free(*d);
	*d = NULL;
	return det_fail(DET_INVALID,
	    "%s: a decode text of one line rcnn(...) expected: SVMs judge proposals",
	    det_model_path(m));
}

enum det_err
det_svm_list(char **list, const struct det_model *m)
{
	struct det_decode *d;
	enum det_err e = open_decode(&d, m);

	*list = NULL;
	if (e)
		return e;
	e = det_strdup(list, det_decode_line(d, 0)->list);
	det_decode_free(d);
	return e;
}

/* --- what a model of SVMs reads --- */

int
det_svm_is(const struct det_model *m)
{
	struct det_decode *d;
	int linear;

	if (open_decode(&d, m))
		return 0;
	linear = det_decode_line(d, 0)->delta.score == DET_SCORE_LINEAR;
	det_decode_free(d);
	return linear;
}

static enum det_err
take_input(char **out, const struct det_net_line *l)
{
	struct det_span in = l->in, first;

	free(*out);
	*out = NULL;
	return det_net_line_input(&first, &in) ? det_strndup(out, first.s, first.n)
					       : DET_OK;
}

enum det_err
det_svm_own(char **features, char **box, const struct det_model *m)
{
	struct det_net_lines lines = { .at = 0 };
	struct det_net_line l;
	enum det_err e = DET_OK;

	*features = *box = NULL;
	if (!det_svm_is(m))
		return DET_OK;
	det_model_text(m, "net/head", &lines.text, &lines.len);
	while (lines.text && !e && det_net_lines_next(&l, &lines)) {
		if (l.kind != DET_NET_LAYER)
			continue;
		if (det_span_is(l.name, "svm"))
			e = take_input(features, &l);
		else if (det_span_is(l.name, "svm_box"))
			e = take_input(box, &l);
	}
	if (e) {
		free(*features);
		free(*box);
		*features = *box = NULL;
	}
	return e;
}

/* --- decode and options, as they will be --- */

static enum det_err
make_decode(struct det_buf *out, const struct det_model *m, int box)
{
	struct det_decode *d;
	enum det_err e = open_decode(&d, m);

	if (e)
		return e;
	e = det_buf_printf(out,
	    "rcnn(%s) boxes=%s classes=%zu background=none score=linear%s clip\n",
	    box ? "cls, box" : "cls", det_decode_line(d, 0)->list,
	    det_model_classes(m)->n, box ? " weights=1,1,1,1" : "");
	det_decode_free(d);
	return e;
}

/* The model's lines of a tool but for some keys, and then others. */
static enum det_err
make_options(struct det_buf *out, const struct det_model *m, const char *name,
    const char *const *without, const char *more)
{
	const char *text, *line;
	size_t len, n, at = 0;
	enum det_err e;

	det_model_text(m, name, &text, &len);
	while (text && det_line_next(&line, &n, text, len, &at)) {
		const struct det_span key =
		    det_span_trim(det_span_upto((struct det_span){ line, n }, '='));
		int goes = 0;

		for (size_t i = 0; without[i]; i++)
			goes |= det_span_is(key, without[i]);
		if (!goes && (e = det_buf_printf(out, "%.*s\n", (int)n, line)))
			return e;
	}
	return det_buf_printf(out, "%s", more);
}

enum det_err
det_svm_model_make(struct det_svm_model *out, const struct det_model *m,
    const struct det_svm_features *x, const struct det_svm_features *box)
{
	static const char *const head[] = { "thresh", NULL };
	static const char *const nms[] = { "iou", "ge", "method", "min-score", "max",
		"max-per-class", "pre-max", "pre-max-per-class", NULL };
	enum det_err e;

	*out = (struct det_svm_model){ .net = NULL };
	if ((e = make_head(out, m, x, box)) ||
	    (e = make_decode(&out->decode, m, box != NULL)) ||
	    (e = make_options(
		 &out->det_head, m, "options/det-head", head, "thresh=" THRESH "\n")) ||
	    (e = make_options(&out->det_nms, m, "options/det-nms", nms,
		 "iou=0.3\nmax-per-class=100\n")))
		det_svm_model_release(out);
	return e;
}

void
det_svm_model_release(struct det_svm_model *s)
{
	det_buf_free(&s->head);
	det_buf_free(&s->decode);
	det_buf_free(&s->det_head);
	det_buf_free(&s->det_nms);
	det_net_free(s->net);
	*s = (struct det_svm_model){ .net = NULL };
}

const struct det_buf *
det_svm_model_each(const struct det_svm_model *s, size_t i, const char **name)
{
	static const char *const names[] = { "net/head", "decode", "options/det-head",
		"options/det-nms" };
	const struct det_buf *const texts[] = { &s->head, &s->decode, &s->det_head,
		&s->det_nms };

	if (i >= sizeof texts / sizeof texts[0])
		return NULL;
	*name = names[i];
	return texts[i];
}

const struct det_buf *
det_svm_model_text(int *drop, const struct det_svm_model *s, const char *name)
{
	const struct det_buf *text;
	const char *own;

	*drop = !strcmp(name, "train") || !strcmp(name, "plan/head");
	for (size_t i = 0; (text = det_svm_model_each(s, i, &own)); i++)
		if (!strcmp(name, own))
			return text;
	return NULL;
}

int
det_svm_model_wants(const struct det_svm_model *s, const char *tensor)
{
	const char *name;

	if (strncmp(tensor, "head/", 5) != 0)
		return 1;
	if (!strncmp(tensor, "head/svm.", 9) || !strncmp(tensor, "head/svm_box.", 13))
		return 0; /* these are made anew */
	for (size_t i = 0; (name = det_net_weight(s->net, i, NULL)); i++)
		if (!strcmp(name, tensor))
			return 1;
	return 0;
}
