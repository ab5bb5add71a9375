/* SPDX-License-Identifier: MIT
 *
 * The commands of det-model, and what several of them need. Files model_*.c and import_*.c
 * are linked into det-model only. Private to bin/.
 */
#ifndef DET_COMMANDS_H
#define DET_COMMANDS_H

#include "bin/tool.h"

#include "model/arch.h"
#include "model/darknet.h"

#define MODEL_MAX_TEXT ((size_t)1 << 20)

/* A command, or a format of import: runs to the end of the program and returns its exit
 * status. argv[0] is the command's own name. */
struct model_command {
	const char *name;
	int (*run)(int argc, char *argv[]);
};

int model_new(int argc, char *argv[]);
int model_import(int argc, char *argv[]);
int model_list(int argc, char *argv[]);
int model_check(int argc, char *argv[]);
int model_export(int argc, char *argv[]);
int model_tune(int argc, char *argv[]);
int model_svd(int argc, char *argv[]);
int model_norm(int argc, char *argv[]);

/* Formats of import. */
int import_darknet(int argc, char *argv[]);
int import_caffe(int argc, char *argv[]);
int import_torch(int argc, char *argv[]);
int import_safetensors(int argc, char *argv[]);

/* Runs the format that a word of argv names: the first that names one, wherever it stands,
 * moved to the front. Where none does, --help and misuse are those of `spec`; `ask` begins
 * the message, "import from what?". */
int model_format(const struct tool_spec *spec, const struct model_command *c, size_t n,
    const char *ask, int argc, char *argv[]);

/* The model that is the one operand. */
struct det_model *model_open(struct tool *t);

/* Warns of each line of a text. */
void model_warn_lines(struct tool *t, const char *notes);

/* Options of architectures, shared by import and new. */
#define OPT_ARCH(name, set)                                              \
	OPT_STR(0, "arch", name, "NAME",                                 \
	    "the architecture; new --list has them; or a file, X.arch"), \
	    OPT_MANY(0, "set", set, "NAME=VALUE", "a variable of the architecture")

/* Misuse where the name or a variable is not known. `classes`: file of names, or NULL. */
struct det_arch *model_arch_open(
    struct tool *t, const char *name, const struct opt_many *set, const char *classes);

/* det-model new with --list, --text or --expand: prints, and makes nothing. */
int model_arch_print(int argc, char *argv[]);

/* Weights of another program's file for an architecture. */
struct model_taking {
	const char *arch, *classes;
	struct opt_many set;
	int strict;
};

#define OPT_TAKING(s)                                             \
	OPT_ARCH(&(s).arch, &(s).set), OPT_CLASSES(&(s).classes), \
	    OPT_FLAG(0, "strict", &(s).strict,                    \
		"a tensor of no use is an error, not a warning")

/* Writes the model; warns of what the source holds besides. */
void model_take(struct tool *t, const struct model_taking *s, struct det_source *src);

/* Options of Darknet networks, shared by import and new. */
struct model_darknet {
	const char *classes; /* file of names, NULL: not given */
	int bn, fit, kernel, ignore_unknown;
};

extern const char *const model_darknet_bns[], *const model_darknet_fits[];

#define OPT_CLASSES(p) \
	OPT_STR(0, "classes", p, "NAMES", "file of class names, one a line")
#define OPT_DARKNET(s)                                                       \
	OPT_CHOICE(0, "bn", &(s).bn, model_darknet_bns, "HOW",               \
	    "batch norm as Darknet computes it on"),                         \
	    OPT_CHOICE(0, "fit", &(s).fit, model_darknet_fits, "HOW",        \
		"how pictures become the input"),                            \
	    OPT_CHOICE(0, "kernel", &(s).kernel, det_kernel_names, "KERNEL", \
		"whose resizing the model is run with"),                     \
	    OPT_FLAG(0, "ignore-unknown", &(s).ignore_unknown,               \
		"pass over keys of the cfg that are not known")

struct det_darknet *model_darknet_parse(
    struct tool *t, const struct model_darknet *s, const char *cfg);
/* Begins the stream: class names, and warnings of what is to be said. */
void model_darknet_begin(
    struct tool *t, const struct model_darknet *s, const struct det_darknet *d);
/* Writes the model and frees d. */
void model_darknet_write(
    struct tool *t, const struct model_darknet *s, struct det_darknet *d);

#endif
