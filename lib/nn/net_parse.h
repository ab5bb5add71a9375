/* SPDX-License-Identifier: MIT
 *
 * The reader of the network text from the inside, shared by its files: net_words.c cuts
 * lines into words, net_layer.c makes layers and instances of blocks, net_parse.c reads
 * statements. Private to lib/nn.
 */
#ifndef DET_NET_PARSE_H
#define DET_NET_PARSE_H

#include "nn/graph.h"
#include "nn/value.h"

#define DET_NP_MAX_KEYS 32 /* key=value words of a line; parameters of a block */

struct det_np_word {
	char *key, *value; /* value NULL: bare */
};

struct det_np_block {
	char *name;
	struct det_np_word in[DET_OP_MAX_IN]; /* key: name of an input */
	size_t n_in;
	struct det_np_word param[DET_NP_MAX_KEYS]; /* value NULL: required */
	size_t n_params;
	char *own; /* the line that the names point into */
	size_t at; /* where the body begins */
	int line;  /* of its first line */
};

struct det_np_parser {
	struct det_net *net;
	const char *text;
	size_t len;
	struct det_np_block *block;
	size_t n_blocks, cap_blocks;
	long steps;
};

/* Where a line is carried out: the top level, or one instance of a block. */
struct det_np_scope {
	const char *prefix;  /* "" or "layer1.0." */
	const char *weights; /* the same for the names of weights */
	const struct det_np_block *block;
	const size_t *in; /* nodes of the block's inputs */
	struct det_params params;
	int depth;
	int line;
};

/* "FILE:LINE: text"; inside a block "FILE:LINE: in INSTANCE: text". */
enum det_err det_np_fail(const struct det_np_parser *p, const struct det_np_scope *s,
    const char *fmt, ...) DET_PRINTF(3, 4);
/* The failure of a library call, placed. */
enum det_err det_np_fail_in(
    const struct det_np_parser *p, const struct det_np_scope *s, enum det_err e);

char *det_np_skip(char *s); /* past blanks */
int det_np_name_char(char c, int first);
/* Cuts a name off *s; NULL where there is none or it is too long. The byte after it is
 * returned in *end and overwritten, so that the name is a string. */
char *det_np_cut_name(char **s, char *end);
/* The same for names of tensors, which may hold '/' between names. */
char *det_np_cut_path(char **s, char *end);
/* The next word up to a blank, NULL at the end. */
char *det_np_cut_word(char **s);
/* "(a, b)": names into in[].key; *s moves past the ')'. `end` is the byte that stood
 * before *s and may have been the '('. */
enum det_err det_np_inputs(const struct det_np_parser *p, const struct det_np_scope *sc,
    char **s, char end, struct det_np_word *in, size_t *n) DET_MUST_USE;
/* The key=value words of the rest of a line. */
enum det_err det_np_words(const struct det_np_parser *p, const struct det_np_scope *sc,
    char *s, struct det_np_word *w, size_t *n) DET_MUST_USE;

int det_np_reserved(const char *name);
const struct det_np_block *det_np_block(
    const struct det_np_parser *p, const char *name);
/* The node of a name as the scope sees it. */
enum det_err det_np_resolve(size_t *node, const struct det_np_parser *p,
    const struct det_np_scope *s, const char *name) DET_MUST_USE;
/* Adds a node and binds its full name; it is the caller's to fill in. */
enum det_err det_np_node(struct det_node **out, struct det_np_parser *p,
    const struct det_np_scope *s, const char *full) DET_MUST_USE;
/* A line "NAME = OP(...) ...". */
enum det_err det_np_layer(
    struct det_np_parser *p, const struct det_np_scope *s, char *line) DET_MUST_USE;
/* The lines of a block's body up to its return, in a scope of their own. */
enum det_err det_np_body(struct det_np_parser *p, struct det_np_scope *s, size_t at,
    size_t *ret) DET_MUST_USE;

#endif
