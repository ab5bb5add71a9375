/* SPDX-License-Identifier: MIT
 *
 * Name tables: where another program's file has the weights of ours. A section [names FORM]
 * is read a line at a time (formats/arch.md, section 4):
 *
 *   OURS = THEIRS ... bn=THEIRS ...    a layer, and the layer of its normalisation
 *   OURS.weight = THEIRS ...           one tensor
 *   ignore PATTERN ...                 tensors of no use
 *   count VAR TENSOR per=N minus=M     VAR is dims[0] / N - M of a tensor
 *   default VAR=VALUE                  unless the user says otherwise
 *
 * Several THEIRS are tried one after another: releases of a framework spell names
 * differently.
 */
#include "model/arch_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/arch_match.h"

/* How the parts of a layer are called: ours, theirs, whether its normalisation's. */
static const struct suffix {
	const char *ours, *torch;
	int norm;
} suffixes[] = {
	{ ".bn.weight", ".weight", 1 },
	{ ".bn.bias", ".bias", 1 },
	{ ".bn.mean", ".running_mean", 1 },
	{ ".bn.var", ".running_var", 1 },
	{ ".weight", ".weight", 0 },
	{ ".bias", ".bias", 0 },
	{ ".mean", ".running_mean", 0 },
	{ ".var", ".running_var", 0 },
};

static const struct suffix *
suffix_of(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		size_t k = strlen(suffixes[i].ours);

		if (n > k && memcmp(name + n - k, suffixes[i].ours, k) == 0)
			return &suffixes[i];
	}
	return NULL;
}

/* The next word of a line; NULL at its end. */
static const char *
next_word(const char **at, const char *end, size_t *n)
{
	const char *w = *at;

	while (w < end && (*w == ' ' || *w == '\t'))
		w++;
	for (*at = w; *at < end && **at != ' ' && **at != '\t';)
		++*at;
	*n = (size_t)(*at - w);
	return *n ? w : NULL;
}

/* Tries the names of one line: *out is the first that the source has. */
static enum det_err
try_line(struct det_source_tensor **out, const struct arch_names *t, const char *line,
    size_t len, const char *name)
{
	const char *at = line, *end = line + len, *w;
	const struct suffix *suf = suffix_of(name, strlen(name));
	char pattern[256], layer[512];
	struct arch_marks m = { 0 };
	struct det_buf b = { 0 };
	size_t n;
	int whole, norm = 0;
	enum det_err e = DET_OK;

	if (!(w = next_word(&at, end, &n)) || n >= sizeof pattern)
		return DET_OK;
	memcpy(pattern, w, n);
	pattern[n] = 0;
	if (!(w = next_word(&at, end, &n)) || n != 1 || *w != '=')
		return DET_OK;
	whole = suffix_of(pattern, strlen(pattern)) != NULL;
	if (!whole && !suf)
		return DET_OK;
	(void)snprintf(layer, sizeof layer, "%.*s",
	    (int)(strlen(name) - (whole ? 0 : strlen(suf->ours))), name);
	if (!arch_match(pattern, layer, &m))
		return DET_OK;
	while (!e && !*out && (w = next_word(&at, end, &n))) {
		if (n > 3 && memcmp(w, "bn=", 3) == 0) {
			norm = 1;
			w += 3;
			n -= 3;
		}
		if (!whole && norm != suf->norm)
			continue;
		b.len = 0;
		if (!(e = arch_fill(&b, w, n, &m)) &&
		    !(e = det_buf_printf(&b, "%s", whole ? "" : suf->torch)))
			*out = det_source_find(t->source, b.text);
	}
	det_buf_free(&b);
	return e;
}

enum det_err
arch_names_find(
    struct det_source_tensor **out, const struct arch_names *t, const char *name)
{
	const char *line;
	size_t at = 0, n;
	enum det_err e = DET_OK;

	*out = NULL;
	while (!e && !*out && det_line_next(&line, &n, t->text, t->len, &at))
		if (n && *line != '#')
			e = try_line(out, t, line, n, name);
	/* our own names, as an export may have them */
	if (!e && !*out)
		*out = det_source_find(t->source, name);
	return e;
}

int
arch_names_ignored(const struct arch_names *t, const char *name)
{
	const char *line, *w;
	size_t at = 0, n, k;
	char pattern[256];

	while (det_line_next(&line, &n, t->text, t->len, &at)) {
		const char *next = line;

		if (!(w = next_word(&next, line + n, &k)) || k != 6 ||
		    memcmp(w, "ignore", 6) != 0)
			continue;
		while ((w = next_word(&next, line + n, &k))) {
			(void)snprintf(pattern, sizeof pattern, "%.*s", (int)k, w);
			if (arch_match(pattern, name, NULL))
				return 1;
		}
	}
	return 0;
}

/* The words after "count". */
struct counting {
	char var[128], tensor[256];
	long per, minus;
};

static enum det_err
read_counting(struct counting *c, const char *at, const char *end)
{
	char word[64];
	const char *w;
	size_t n;
	enum det_err e = DET_OK;

	*c = (struct counting){ .per = 1 };
	if ((w = next_word(&at, end, &n)) && n < sizeof c->var)
		memcpy(c->var, w, n);
	if ((w = next_word(&at, end, &n)) && n < sizeof c->tensor)
		memcpy(c->tensor, w, n);
	if (!*c->var || !*c->tensor)
		return det_fail(DET_INVALID, "count VAR TENSOR ... expected");
	while (!e && (w = next_word(&at, end, &n))) {
		(void)snprintf(word, sizeof word, "%.*s", n < 63 ? (int)n : 63, w);
		if (strncmp(word, "per=", 4) == 0)
			e = det_parse_long(&c->per, word + 4, 1, 1 << 24);
		else if (strncmp(word, "minus=", 6) == 0)
			e = det_parse_long(&c->minus, word + 6, 0, 1 << 24);
		else
			e = det_fail(
			    DET_INVALID, "per=N or minus=M expected, found '%s'", word);
	}
	return e;
}

/* "count VAR TENSOR per=N minus=M" */
static enum det_err
count(struct det_arch *a, const struct arch_names *t, const char *at, const char *end)
{
	const struct det_source_tensor *x;
	struct counting c;
	char value[32];
	long have;
	enum det_err e;

	if ((e = read_counting(&c, at, end)))
		return e;
	x = det_source_find(t->source, c.tensor);
	if (!x || x->rank < 1 || x->dims[0] > 1u << 24)
		return DET_OK;
	have = (long)x->dims[0];
	if (have % c.per || have / c.per <= c.minus)
		return DET_OK; /* a shape that is wrong is reported as such */
	(void)snprintf(value, sizeof value, "%ld", have / c.per - c.minus);
	return arch_reset(a, c.var, value);
}

static enum det_err
put_default(struct det_arch *a, const char *at, const char *end)
{
	char name[128];
	size_t n;
	const char *w = next_word(&at, end, &n);
	char *eq;

	if (!w || n >= sizeof name)
		return DET_OK;
	(void)snprintf(name, sizeof name, "%.*s", (int)n, w);
	if (!(eq = strchr(name, '=')))
		return DET_OK;
	*eq = 0;
	return arch_reset(a, name, eq + 1);
}

enum det_err
det_arch_fit(struct det_arch *a, const struct det_source *s, const char *form)
{
	struct arch_names t;
	const char *line, *w;
	size_t at = 0, n, k;
	char *text;
	enum det_err e;

	if ((e = arch_names_open(&t, a, s, form)))
		return e;
	/* a variable that changes makes all texts anew */
	if ((e = det_strndup(&text, t.text, t.len)))
		return e;
	t.text = text;
	while (!e && det_line_next(&line, &n, t.text, t.len, &at)) {
		const char *next = line;

		if (!(w = next_word(&next, line + n, &k)))
			continue;
		if (k == 5 && memcmp(w, "count", 5) == 0)
			e = count(a, &t, next, line + n);
		else if (k == 7 && memcmp(w, "default", 7) == 0)
			e = put_default(a, next, line + n);
	}
	free(text);
	return e;
}

/* Whether a line is one of those that there are; they are read where they are needed. */
static enum det_err
check_line(const char *line, size_t len)
{
	const char *at = line, *end = line + len, *w;
	struct counting c;
	size_t first, n;

	if (!(w = next_word(&at, end, &first)) || *w == '#' ||
	    (first == 6 && memcmp(w, "ignore", 6) == 0))
		return DET_OK;
	if (first == 5 && memcmp(w, "count", 5) == 0)
		return read_counting(&c, at, end);
	if (first == 7 && memcmp(w, "default", 7) == 0)
		return (w = next_word(&at, end, &n)) && n < 128
			   ? arch_var_check(w, n)
			   : det_fail(DET_INVALID, "default VAR=VALUE expected");
	w = next_word(&at, end, &n);
	return w && n == 1 && *w == '=' && first < 256
		   ? DET_OK
		   : det_fail(DET_INVALID,
			 "OURS = THEIRS ..., ignore, count or default expected");
}

enum det_err
arch_names_open(struct arch_names *t, const struct det_arch *a,
    const struct det_source *s, const char *form)
{
	char name[64];
	const struct arch_section *x;
	const char *line;
	size_t at = 0, n;

	(void)snprintf(name, sizeof name, "names %.40s", form);
	x = arch_find(a, name);
	*t = (struct arch_names){ s, x ? x->text.text : "", x ? x->text.len : 0 };
	if (!x)
		return det_fail(
		    DET_UNSUPPORTED, "%s has no names of %s files", a->name, form);
	while (det_line_next(&line, &n, t->text, t->len, &at)) {
		enum det_err e = check_line(line, n);

		if (e)
			return det_fail_in(e, "%s: [%s]: '%.*s'", a->name, name,
			    n < 60 ? (int)n : 60, line);
	}
	return DET_OK;
}
