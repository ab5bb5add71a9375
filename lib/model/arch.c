/* SPDX-License-Identifier: MIT
 *
 * Architectures: what a user asks of them, their variables and classes. arch_read.c reads
 * their files.
 */
#include "model/arch_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/words.h"
#include "model/names.h"

/* "name=value" of the user. */
static enum det_err
user_var(struct det_arch *a, const char *word)
{
	size_t n = strcspn(word, "=");
	enum det_err e;

	/* values become part of line-based texts */
	if ((e = arch_var_check(word, strlen(word))))
		return e;
	if (arch_var_find(a, word, n))
		return det_fail(
		    DET_INVALID, "the variable %.*s is set twice", (int)n, word);
	if ((e = arch_var_add(a, word)))
		return e;
	a->var[a->n_vars - 1].users = 1;
	return DET_OK;
}

static void
drop_sections(struct det_arch *a)
{
	for (size_t i = 0; i < a->n_sections; i++) {
		free(a->section[i].name);
		det_buf_free(&a->section[i].text);
		det_buf_free(&a->section[i].gap);
	}
	a->n_sections = 0;
	det_classes_release(&a->classes);
	a->classes = (struct det_classes){ 0 };
}

const struct arch_section *
arch_find(const struct det_arch *a, const char *name)
{
	for (size_t i = 0; i < a->n_sections; i++)
		if (strcmp(a->section[i].name, name) == 0)
			return &a->section[i];
	return NULL;
}

/* The user's names; or the table of [classes], where it has as many lines as the variable
 * `classes` says; else class0, class1, ... */
static enum det_err
make_classes(struct det_arch *a)
{
	const struct arch_section *s = arch_find(a, "classes");
	const struct arch_var *v = arch_var_find(a, "classes", 7);
	const char *text = a->names ? a->names : s ? s->text.text : NULL;
	char where[128];
	long n = 0;
	enum det_err e;

	(void)snprintf(where, sizeof where, "%.100s: [classes]", a->name);
	if (text && (e = det_names_parse(
			 &a->classes, text, strlen(text), a->names ? "names" : where)))
		return e;
	if (!v)
		return DET_OK;
	if ((e = det_parse_long(&n, v->value, 1, 65536)))
		return det_fail_in(e, "%s: classes", a->name);
	if (a->classes.n == (size_t)n)
		return DET_OK;
	if (a->names)
		return det_fail(DET_INVALID,
		    "%s: %zu names for its %ld classes: a name a line expected",
		    a->name, a->classes.n, n);
	det_classes_release(&a->classes);
	return det_names_make(&a->classes, (size_t)n);
}

static enum det_err
unknown_var(const struct det_arch *a, const char *name)
{
	struct det_buf b = { 0 };
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < a->n_vars; i++)
		if (a->var[i].known)
			e = det_buf_printf(
			    &b, " %s=%s", a->var[i].name, a->var[i].value);
	if (!e)
		e = det_fail(DET_INVALID, "%s has no variable '%s'; it has%s", a->name,
		    name, b.len ? b.text : " none");
	det_buf_free(&b);
	return e;
}

static const struct det_arch_file *
built_in(const char *name)
{
	char file[160];

	if (strlen(name) > 120)
		return NULL;
	(void)snprintf(file, sizeof file, "%s.arch", name);
	return arch_file(file);
}

/* Everything from the file, under the variables that are there. */
static enum det_err
read_arch(struct det_arch *a)
{
	const struct det_arch_file *file = built_in(a->name);
	enum det_err e;

	if (a->path && (e = arch_own_open(&file, a, a->path)))
		return e == DET_IO && arch_file(a->path)
			   ? det_fail(e, "%s; the one that is built in is called %s",
				 det_errmsg(), a->name)
			   : e;
	if ((e = arch_read(a, file)))
		return e;
	for (size_t i = 0; i < a->n_vars; i++)
		if (!a->var[i].known)
			return unknown_var(a, a->var[i].name);
	return make_classes(a);
}

enum det_err
arch_unknown(const char *name)
{
	const char *other, *about, *best = NULL;
	char keep[128] = "";
	size_t least = strlen(name) / 2 + 1;

	for (size_t i = 0; det_arch_list(i, &other, &about); i++) {
		size_t d = det_word_distance(name, strlen(name), other);

		if (d < least) {
			least = d;
			(void)snprintf(keep, sizeof keep, "%s", other);
			best = keep;
		}
	}
	if (best)
		return det_fail(
		    DET_INVALID, "no architecture '%s': is %s meant?", name, best);
	return det_fail(DET_INVALID, "no architecture '%s'", name);
}

/* Whose file it is, and what a model of it is called. */
static enum det_err
settle_name(struct det_arch *a, const char *name)
{
	enum det_err e;

	if (det_arch_is_file(name))
		return (e = det_strdup(&a->path, name)) ? e
							: arch_own_name(&a->name, name);
	return built_in(name) ? det_strdup(&a->name, name) : arch_unknown(name);
}

enum det_err
det_arch_open(
    struct det_arch **out, const char *name, const char *const *set, size_t n_set)
{
	struct det_arch *a;
	enum det_err e;

	*out = NULL;
	if (!(a = calloc(1, sizeof *a)))
		return det_fail(DET_NOMEM, "no memory for an architecture");
	if ((e = settle_name(a, name)))
		goto fail;
	for (size_t i = 0; i < n_set; i++)
		if ((e = user_var(a, set[i])))
			goto fail;
	if ((e = read_arch(a)))
		goto fail;
	*out = a;
	return DET_OK;
fail:
	det_arch_close(a);
	return e;
}

void
det_arch_close(struct det_arch *a)
{
	if (!a)
		return;
	drop_sections(a);
	arch_own_release(a);
	for (size_t i = 0; i < a->n_vars; i++) {
		free(a->var[i].name);
		free(a->var[i].value);
	}
	free(a->var);
	free(a->section);
	free(a->names);
	free(a->path);
	free(a->name);
	free(a);
}

enum det_err
det_arch_names(struct det_arch *a, const char *text, size_t len, const char *file)
{
	struct det_classes c;
	char n[32];
	enum det_err e;

	if ((e = det_names_parse(&c, text, len, file)))
		return e;
	(void)snprintf(n, sizeof n, "%zu", c.n);
	det_classes_release(&c);
	free(a->names);
	if ((e = det_strndup(&a->names, text, len)))
		return e;
	if (arch_var_find(a, "classes", 7) && (e = arch_reset(a, "classes", n)))
		return e;
	det_classes_release(&a->classes);
	return make_classes(a);
}

enum det_err
arch_reset(struct det_arch *a, const char *var, const char *value)
{
	struct arch_var *v = arch_var_find(a, var, strlen(var));
	char *copy;
	enum det_err e;

	if (!v)
		return unknown_var(a, var);
	if (v->users)
		return DET_OK;
	if ((e = det_strdup(&copy, value)))
		return e;
	free(v->value);
	v->value = copy;
	v->users = 1;
	drop_sections(a);
	return read_arch(a);
}

const struct det_classes *
det_arch_classes(const struct det_arch *a)
{
	return &a->classes;
}

const char *
det_arch_text(const struct det_arch *a, const char *name)
{
	const struct arch_section *s = arch_find(a, name);

	return s ? s->text.len ? s->text.text : "" : NULL;
}

int
det_arch_var(const struct det_arch *a, size_t i, const char **name, const char **value)
{
	if (i >= a->n_vars)
		return 0;
	*name = a->var[i].name;
	*value = a->var[i].value;
	return 1;
}
