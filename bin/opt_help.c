/* SPDX-License-Identifier: MIT
 *
 * The option table as text: the usage line, --help, and the columns that completion and
 * tests read.
 */
#include "bin/opt.h"

#include <string.h>

#include "base/text.h"

#define WIDTH  79 /* of a terminal, less one for those that wrap at it */
#define INDENT 26 /* where what an option does begins */

/* A word of a text that is wrapped, with a space before it. */
static void
put_word(FILE *f, int *column, int indent, const char *word)
{
	int n = (int)strlen(word);

	if (*column + 1 + n > WIDTH) {
		(void)fprintf(f, "\n%*s", indent, "");
		*column = indent;
	}
	(void)fprintf(f, " %s", word);
	*column += 1 + n;
}

static void
usage(const struct opt_set *s, FILE *f)
{
	const struct tool_spec *spec = s->t->spec;
	char word[128], letters[64] = "";
	int indent = (int)strlen("usage: ") + (int)strlen(spec->name), column = indent;
	size_t k = 0;

	(void)fprintf(f, "usage: %s", spec->name);
	for (int i = 0; i < s->n; i++)
		if (!s->opt[i].arg && s->opt[i].letter && k < sizeof letters - 1)
			letters[k++] = (char)s->opt[i].letter;
	(void)snprintf(word, sizeof word, "[-%s]", letters);
	put_word(f, &column, indent, word);
	for (int i = 0; i < s->n; i++) {
		const struct opt *o = &s->opt[i];

		if (!o->arg && o->letter)
			continue;
		if (!o->arg)
			(void)snprintf(word, sizeof word, "[--%s]", o->name);
		else if (o->letter == 'm' && (spec->bits & TOOL_NEEDS_MODEL))
			(void)snprintf(word, sizeof word, "-m %s", o->arg);
		else if (o->letter)
			(void)snprintf(
			    word, sizeof word, "[-%c %s]", o->letter, o->arg);
		else
			(void)snprintf(word, sizeof word, "[--%s %s]", o->name, o->arg);
		put_word(f, &column, indent, word);
	}
	if (spec->operands)
		put_word(f, &column, indent, spec->operands);
	(void)fputc('\n', f);
}

/* What an option does, as one text. */
static enum det_err
describe(struct det_buf *b, const struct opt *o, const char *was)
{
	enum det_err e = det_buf_printf(b, "%s", o->help);

	for (int c = 0; !e && o->kind == OPT_K_CHOICE && o->choices[c]; c++)
		e = det_buf_printf(b, "%s%s", c ? ", " : ": ", o->choices[c]);
	if (!e && was && *was && !strstr(o->help, "default"))
		e = det_buf_printf(b, " (default %s)", was);
	return e;
}

static void
put_wrapped(FILE *f, char *text)
{
	int column = INDENT - 1;
	char *word = text, *end;

	do {
		end = strchr(word, ' ');
		if (end)
			*end = 0;
		put_word(f, &column, INDENT - 1, word);
		word = end ? end + 1 : NULL;
	} while (word);
	(void)fputc('\n', f);
}

void
opt_set_help(const struct opt_set *s, FILE *f)
{
	char left[96];

	usage(s, f);
	(void)fprintf(f, "\n%s\n\n", s->t->spec->summary);
	for (int i = 0; i < s->n; i++) {
		const struct opt *o = &s->opt[i];
		struct det_buf b = { 0 };
		int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s",
					o->letter, o->name)
				  : snprintf(left, sizeof left, "      --%s", o->name);

		if (o->arg && n > 0 && (size_t)n < sizeof left)
			(void)snprintf(
			    left + n, sizeof left - (size_t)n, " %s", o->arg);
		(void)fputs(left, f);
		if (strlen(left) > INDENT - 2)
			(void)fprintf(f, "\n%*s", INDENT - 1, "");
		else
			(void)fprintf(f, "%*s", INDENT - 1 - (int)strlen(left), "");
		if (!describe(&b, o, s->was[i]))
			put_wrapped(f, b.text);
		det_buf_free(&b);
	}
}

void
opt_set_table(const struct opt_set *s, FILE *f)
{
	for (int i = 0; i < s->n; i++) {
		const struct opt *o = &s->opt[i];

		(void)fprintf(f, "--%s\t", o->name);
		if (o->letter)
			(void)fprintf(f, "-%c", o->letter);
		(void)fprintf(f, "\t%s\t", o->arg ? o->arg : "");
		for (int c = 0; o->kind == OPT_K_CHOICE && o->choices[c]; c++)
			(void)fprintf(f, "%s%s", c ? " " : "", o->choices[c]);
		(void)fputc('\n', f);
	}
}
