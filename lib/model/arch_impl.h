/* SPDX-License-Identifier: MIT
 *
 * An architecture between its file and a model. Private to lib/model/arch*.
 */
#ifndef DET_ARCH_IMPL_H
#define DET_ARCH_IMPL_H

#include "model/arch.h"
#include "nn/net.h"
#include "stream/item.h"

/* The files of lib/arch, built in: made by the Makefile, sorted by name. */
struct det_arch_file {
	const char *name;         /* "resnet50.arch" */
	const char *const *lines; /* without LF; NULL ends them */
};
extern const struct det_arch_file det_arch_files[];
extern const size_t det_arch_files_n;

/* A user's file: file.name is its path. */
struct arch_own {
	struct det_arch_file file;
	char *path, *text;
	const char **lines; /* inside text */
};

struct arch_var {
	char *name, *value;
	int users; /* set by the user, or deduced: no file changes it */
	int known; /* a file has it */
};

struct arch_section {
	char *name;
	struct det_buf text; /* variables put in */
	struct det_buf gap;  /* comments and blank lines that came last */
};

struct det_arch {
	char *name;
	char *path; /* of a user's file; NULL: it is built in */
	struct arch_own **own;
	size_t n_own, cap_own;
	struct arch_var *var;
	size_t n_vars, cap_vars;
	struct arch_section *section;
	size_t n_sections, cap_sections;
	struct det_classes classes;
	char *names; /* the user's class names, as they stand in the file; NULL: none */
};

/* Bytes of a file or of all texts that are made, and of a line with or without its variables. */
#define ARCH_MAX_FILE ((size_t)1 << 20)
#define ARCH_MAX_LINE ((size_t)1 << 14)

/* DET_INVALID: "no architecture 'x': is y meant?" */
enum det_err arch_unknown(const char *name) DET_MUST_USE;

/* A built-in file; NULL where there is none. */
const struct det_arch_file *arch_file(const char *name);
/* A user's file. It is read once and its lines hold no control characters but tabs:
 * DET_INVALID, DET_LIMIT with file and line. Lives as long as a. */
enum det_err arch_own_open(const struct det_arch_file **out, struct det_arch *a,
    const char *path) DET_MUST_USE;
void arch_own_release(struct det_arch *a);
/* What a model of a user's file is called: the stem of its name. */
enum det_err arch_own_name(char **out, const char *path) DET_MUST_USE;
/* The file that an include of `from` names. */
enum det_err arch_include(const struct det_arch_file **out, struct det_arch *a,
    const struct det_arch_file *from, const char *name) DET_MUST_USE;

/* A variable by the n bytes of its name; NULL where there is none. */
struct arch_var *arch_var_find(const struct det_arch *a, const char *name, size_t n);
/* Adds the variable of a word "NAME=VALUE", which must be one. */
enum det_err arch_var_add(struct det_arch *a, const char *word) DET_MUST_USE;
/* Whether word[0..n) is NAME=VALUE, without blanks, '#' and '$'. */
enum det_err arch_var_check(const char *word, size_t n) DET_MUST_USE;

/* Reads a file into sections and variables; those that are set already stay. What files that
 * come from anywhere might ask for is limited (arch_read.c): DET_LIMIT. */
enum det_err arch_read(struct det_arch *a, const struct det_arch_file *f) DET_MUST_USE;

/* A section by name, NULL where there is none. */
const struct arch_section *arch_find(const struct det_arch *a, const char *name);

/* A new value of a variable and all texts made anew; for what an import deduces. */
enum det_err arch_reset(
    struct det_arch *a, const char *var, const char *value) DET_MUST_USE;

/* Writes what is not weights: every text of the model, "meta" with `origin` added to it. */
enum det_err arch_write_texts(
    struct det_writer *w, const struct det_arch *a, const char *origin) DET_MUST_USE;

/* Writes one weight by the section [seed]. */
enum det_err arch_seed_weight(struct det_writer *w, const struct det_arch *a,
    const char *name, struct det_tensor *shape, uint64_t seed) DET_MUST_USE;

/* Calls f for every weight of every net of the architecture, in order, until it fails. */
enum det_err arch_each_weight(const struct det_arch *a,
    enum det_err (*f)(void *context, const char *name, struct det_tensor *shape),
    void *context) DET_MUST_USE;

#endif
