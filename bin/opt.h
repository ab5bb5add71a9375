/* SPDX-License-Identifier: MIT
 *
 * The option table at work: parsed, range-checked, printed. Private to bin/.
 */
#ifndef DET_OPT_H
#define DET_OPT_H

#include "base/text.h"
#include "bin/tool.h"
#include "model/settings.h"

#define MAX_OPTS 96

/* Fields are for opt.c and opt_help.c. */
struct opt_set {
	struct tool *t;
	struct opt opt[MAX_OPTS];
	int n;
	char given[MAX_OPTS];          /* on the command line */
	int source[MAX_OPTS], sources; /* which text set an option, of how many */
	char *was[MAX_OPTS];           /* default as text, for help */
	char **operand;
	int n_operands;
	char **word; /* history: "--name=value" or "--name" */
	size_t n_words, cap_words;
	char **kept; /* strings that values point at */
	size_t n_kept, cap_kept;
};

/* The tool's own options and the common ones that its bits ask for; NULL without memory.
 * Defaults shown by --help are what the values hold now. */
struct opt_set *opt_set_new(struct tool *t);
void opt_set_free(struct opt_set *s);

/* Options and operands in any order, "--" ends options; --name VALUE, --name=VALUE, -n
 * VALUE, -nVALUE, -abc for flags, --no-name for a flag. The last one given counts. */
enum det_err opt_set_parse(struct opt_set *s, int argc, char *argv[]) DET_MUST_USE;
int opt_set_operands(const struct opt_set *s, char ***operands);
int opt_set_given(const struct opt_set *s, const char *name);

/* Lines "name=value" for options that the command line did not give. Blank lines and lines
 * that begin with # are nothing. An unknown name is an error. `text` need not live on. */
enum det_err opt_set_defaults(
    struct opt_set *s, const char *text, size_t len) DET_MUST_USE;

/* The same of a recipe's section (model/settings.h), `name` for messages "NAME:LINE: ...";
 * what it sets goes to the history. */
enum det_err opt_set_recipe(
    struct opt_set *s, const struct det_settings *r, const char *name) DET_MUST_USE;

/* Adds all options as they stand, lines that set the same again, but for those that are the
 * user's alone (det_option_is_users). */
enum det_err opt_set_text(struct det_buf *out, const struct opt_set *s) DET_MUST_USE;

/* The i-th word of the command line for the history, NULL past the last. */
const char *opt_set_word(const struct opt_set *s, int i);

/* --help: usage, what it does, a line per option. The usage is the page's SYNOPSIS. */
void opt_set_help(const struct opt_set *s, FILE *f);
/* --option-table: "--name<TAB>-l<TAB>ARG<TAB>choice choice" a line, for completion. */
void opt_set_table(const struct opt_set *s, FILE *f);

#endif
