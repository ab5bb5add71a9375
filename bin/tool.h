/* SPDX-License-Identifier: MIT
 *
 * What every det-* executable shares: one option table that parses, checks ranges, prints
 * --help and feeds completion; streams in and out; messages and exit status.
 *
 * Exit status: 0 done; 1 the answer is no (asked questions only); 2 trouble.
 */
#ifndef DET_TOOL_H
#define DET_TOOL_H

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "model/model.h"
#include "stream/boxes.h"
#include "stream/item.h"
#include "stream/reader.h"
#include "stream/record.h"
#include "stream/writer.h"

enum opt_kind {
	OPT_K_END,
	OPT_K_FLAG,
	OPT_K_LONG,
	OPT_K_DOUBLE,
	OPT_K_STR,
	OPT_K_CHOICE,
	OPT_K_LIST,
	OPT_K_NAMES,
	OPT_K_MANY,
};

/* A list of numbers "104,117,123". */
struct opt_list {
	double v[16];
	size_t n;
};

/* A list of names "p2,p3,p4". */
struct opt_names {
	const char *v[64];
	size_t n;
	char text[1024]; /* what v points into */
};

/* Strings of an option that may be given several times. */
struct opt_many {
	const char *v[64];
	size_t n;
};

struct opt {
	enum opt_kind kind;
	int letter;       /* 'k' or 0 */
	const char *name; /* long name, without dashes */
	void *
	    value; /* int, long, double, const char *, int (choice), opt_list, opt_names,
		    * opt_many */
	double lo, hi;
	const char *arg;  /* name of the argument in help, NULL for flags */
	const char *help; /* one line */
	const char *const
	    *choices; /* OPT_K_CHOICE: NULL-terminated; value is the index */
};

/* clang-format off */
#define OPT_FLAG(l, n, p, h)              { OPT_K_FLAG, l, n, p, 0, 0, NULL, h, NULL }
#define OPT_LONG(l, n, p, lo, hi, a, h)   { OPT_K_LONG, l, n, p, lo, hi, a, h, NULL }
#define OPT_DOUBLE(l, n, p, lo, hi, a, h) { OPT_K_DOUBLE, l, n, p, lo, hi, a, h, NULL }
#define OPT_STR(l, n, p, a, h)            { OPT_K_STR, l, n, p, 0, 0, a, h, NULL }
#define OPT_CHOICE(l, n, p, c, a, h)      { OPT_K_CHOICE, l, n, p, 0, 0, a, h, c }
#define OPT_LIST(l, n, p, lo, hi, a, h)   { OPT_K_LIST, l, n, p, lo, hi, a, h, NULL }
#define OPT_NAMES(l, n, p, a, h)          { OPT_K_NAMES, l, n, p, 0, 0, a, h, NULL }
#define OPT_MANY(l, n, p, a, h)           { OPT_K_MANY, l, n, p, 0, 0, a, h, NULL }
#define OPT_END                           { OPT_K_END, 0, NULL, NULL, 0, 0, NULL, NULL, NULL }
/* clang-format on */

/* What kind of tool this is. Common options (-h, --version, -q, -o where it writes, -j
 * where it computes, --skip-bad and --keep where they mean something) are added to the
 * tool's own table by these bits. */
enum {
	TOOL_READS = 1,       /* reads streams: standard input, or the operands */
	TOOL_WRITES = 2,      /* writes a stream: standard output or -o FILE */
	TOOL_MODEL = 4,       /* -m MODEL, optional: its options/TOOL become defaults */
	TOOL_NEEDS_MODEL = 8, /* -m MODEL, required */
	TOOL_THREADS = 16,    /* -j N */
	TOOL_BAD = 32,        /* --skip-bad */
	TOOL_KEEP = 64,       /* --keep */
	TOOL_PROFILE = 512,   /* --profile NAME, lib/model/profile.h */
	TOOL_PRINTS = 128, /* writes text, not a stream: standard output or -o FILE */
	TOOL_RECIPE =
	    1024, /* --recipe FILE: the section of this tool, formats/recipe.md */
	TOOL_DEFAULT =
	    2048, /* with TOOL_MODEL: none given is -m default, and a line says so */
	TOOL_SIDES = 256, /* reads streams side by side, by itself (bin/sides.h) */
};

struct tool_spec {
	const char *name;     /* "det-nms" */
	const char *summary;  /* one line: what it does */
	const char *operands; /* "[FILE ...]", NULL: none taken */
	unsigned bits;
	const struct opt *opts;
};

/* The item that messages name. What was wrong with one may show only when the next has been
 * read: keep the place, and put it back to speak of it. */
struct tool_place {
	long item; /* its number in the stream, from 0; -1 before the first */
	char path[256];
};

struct tool {
	const struct tool_spec *spec;
	/* operands, after options; TOOL_READS consumes them itself */
	int argc;
	char **argv;
	/* common options */
	int quiet, skip_bad, keep;
	long threads; /* 0: not given */
	const char *out_path;
	const char *model_path, *profile, *recipe;
	struct det_model *model; /* open where -m was given */
	/* streams */
	struct det_writer *out;
	int out_fd;
	struct tool_place at; /* where we are, for messages */
	struct det_item cur;  /* the current ITEM, read */
	int bad;              /* items skipped: exit 2 at the end */
	int elsewhere; /* what goes wrong is not in the input: messages don't name it */
	/* private */
	struct tool_private *p;
};

/* Parses arguments (exits for --help, --version and misuse), opens the model, puts its
 * options and the recipe's under the command line's, opens the output. Then call tool_read / tool_write. */
void tool_start(struct tool *t, const struct tool_spec *spec, int argc, char *argv[]);

/* The next record of the input(s), 0 at the end. STRM records get this tool's line of
 * history. The output is flushed before a read that would wait. Errors end the program. */
int tool_read(struct tool *t, struct det_record *r);

/* Loads, writes, checks; each ends the program with one line on failure. */
void tool_load(struct tool *t, struct det_record *r);
void tool_write(struct tool *t, struct det_record *r);
/* Both, for a record that is used and passed on as it came: cheaper than one by one. */
void tool_write_load(struct tool *t, struct det_record *r);
/* Ends the program with the library's message if e is not DET_OK. */
void tool_check(struct tool *t, enum det_err e);
/* For tools that read on a thread of their own: opens the one input (an operand, or standard
 * input, then *fd is 0, else -1). The tool closes it. */
struct det_reader *tool_input(struct tool *t, int *fd);
/* Ends the program with the message of a reader that failed; without one where that was
 * reported upstream. */
_Noreturn void tool_read_failed(struct tool *t, const struct det_reader *rd);
/* Adds this tool's line of history. */
void tool_history(struct tool *t, struct det_attrs *a);
/* The STRM of a model that was read, with this tool's line of history added: for a tool that
 * writes a model made of that. */
void tool_write_again(struct tool *t, const struct det_record *r);
/* For tools that make streams: writes STRM with history and the class table of the model
 * (if any), and END. */
void tool_stream_begin(struct tool *t);
/* The same with a class table of the tool's own; NULL: none. */
void tool_stream_classes(struct tool *t, const struct det_classes *c);
void tool_stream_end(struct tool *t);

/* "det-nms: stdin: item 17 'dog.jpg': text", exit 2. */
_Noreturn void tool_die(struct tool *t, const char *fmt, ...) DET_PRINTF(2, 3);
void tool_warn(struct tool *t, const char *fmt, ...)
    DET_PRINTF(2, 3); /* not under -q */
/* Misuse: the text, a pointer to --help, exit 2. */
_Noreturn void tool_usage(struct tool *t, const char *fmt, ...) DET_PRINTF(2, 3);

/* A bad item: ends the run, or under --skip-bad reports it, marks the item (caller writes
 * it) and makes the exit status 2. Uses the library's last message. */
void tool_bad_item(struct tool *t);

/* All of a file that the user named ("-": standard input), as det_file_read gives it. */
void tool_slurp(
    struct tool *t, char **text, size_t *len, const char *path, size_t limit);

/* Whether an option was given on the command line (not by the model). */
int tool_given(const struct tool *t, const char *name);

/* Options that a recipe sets, under the command line's: as if --recipe had given it. */
void tool_take_recipe(struct tool *t, const char *path);
/* Adds the lines "name=value" of all options as they stand, those left out that are the
 * user's alone: what a recipe would hold that sets the same. */
void tool_settings(struct tool *t, struct det_buf *out);

/* Number of threads to use: -j, else the cores this process may use. */
int tool_threads(const struct tool *t);

/* For what TOOL_PRINTS tools write that is no text: refuses a terminal. */
void tool_binary(struct tool *t);

/* Where TOOL_PRINTS tools print; never NULL after tool_start. Checked by tool_finish. */
FILE *tool_stdout(struct tool *t);

/* Flushes, closes, renames, checks; returns the exit status for main. */
int tool_finish(struct tool *t);

#endif
