/* SPDX-License-Identifier: MIT
 *
 * Words of the network text, and messages that say where.
 */
#include "nn/net_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum det_err
det_np_fail(
    const struct det_np_parser *p, const struct det_np_scope *s, const char *fmt, ...)
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
enum det_err
det_np_fail_in(
    const struct det_np_parser *p, const struct det_np_scope *s, enum det_err e)
{
	char msg[400];

	(void)snprintf(msg, sizeof msg, "%s", det_errmsg());
	(void)det_np_fail(p, s, "%s", msg);
	return e;
}

char *
det_np_skip(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

int
det_np_name_char(char c, int first)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || (!first && (c == '.' || c == '-'));
}

/* Makes the `len` bytes at *s a string and moves on. */
static char *
cut(char **s, char *end, size_t len)
{
	char *name = *s;

	if (len == 0 || len > DET_NET_MAX_WORD)
		return NULL;
	*end = name[len];
	*s = name + len;
	if (*end)
		*(*s)++ = 0;
	return name;
}

static size_t
name_len(const char *s)
{
	size_t n = 0;

	while (det_np_name_char(s[n], n == 0))
		n++;
	return n;
}

char *
det_np_cut_name(char **s, char *end)
{
	return cut(s, end, name_len(*s));
}

char *
det_np_cut_path(char **s, char *end)
{
	size_t n = name_len(*s), more;

	while (n && (*s)[n] == '/' && (more = name_len(*s + n + 1)))
		n += 1 + more;
	return cut(s, end, n);
}

/* The next word up to a space, NULL at the end. */
char *
det_np_cut_word(char **s)
{
	char *w = det_np_skip(*s), *p = w;

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
enum det_err
det_np_inputs(const struct det_np_parser *p, const struct det_np_scope *sc, char **s,
    char end, struct det_np_word *in, size_t *n)
{
	char *q = *s, stop = end;

	if (stop != '(') {
		q = det_np_skip(q);
		if (*q++ != '(')
			return det_np_fail(p, sc, "expected '(' and the inputs");
	}
	for (*n = 0;; ++*n) {
		q = det_np_skip(q);
		if (*n == DET_OP_MAX_IN)
			return det_np_fail(p, sc, "more than %d inputs", DET_OP_MAX_IN);
		if (!(in[*n].key = det_np_cut_path(&q, &stop)))
			return det_np_fail(
			    p, sc, "expected the name of an input, found '%.20s'", q);
		in[*n].value = NULL;
		if (stop == ' ' || stop == '\t') {
			q = det_np_skip(q);
			stop = *q ? *q++ : 0;
		}
		if (stop != ',' && stop != ')')
			return det_np_fail(
			    p, sc, "expected ',' or ')' after input '%s'", in[*n].key);
		if (stop == ')')
			break;
	}
	++*n;
	*s = q;
	return DET_OK;
}

/* The key=value words of the rest of a line. */
enum det_err
det_np_words(const struct det_np_parser *p, const struct det_np_scope *sc, char *s,
    struct det_np_word *w, size_t *n)
{
	char *word, *eq;
	size_t i;

	for (*n = 0; (word = det_np_cut_word(&s)); ++*n) {
		if (*n == DET_NP_MAX_KEYS)
			return det_np_fail(p, sc, "more than %d keys", DET_NP_MAX_KEYS);
		if ((eq = strchr(word, '=')))
			*eq++ = 0;
		if (!*word || (eq && !*eq))
			return det_np_fail(
			    p, sc, "expected key=value, found '%s='", word);
		for (i = 0; i < *n; i++)
			if (!strcmp(w[i].key, word))
				return det_np_fail(p, sc, "'%s' is given twice", word);
		w[*n] = (struct det_np_word){ word, eq };
	}
	return DET_OK;
}
