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
	struct arch_var *var;
	size_t n_vars, cap_vars;
	struct arch_section *section;
	size_t n_sections, cap_sections;
	struct det_classes classes;
	char *names; /* the user's class names, as they stand in the file; NULL: none */
};

/* A built-in file, a variable by the n bytes of its name: NULL where there is none. */
const struct det_arch_file *arch_file(const char *name);
struct arch_var *arch_var_find(const struct det_arch *a, const char *name, size_t n);
enum det_err arch_var_add(
    struct det_arch *a, const char *name, size_t n, const char *value) DET_MUST_USE;

/* Reads a file into sections and variables; those that are set already stay. */
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
