/* SPDX-License-Identifier: MIT
 *
 * Variables of an architecture: found, added, and the words that set them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/arch_impl.h"

#define MAX_VARS 256

struct arch_var *
arch_var_find(const struct det_arch *a, const char *name, size_t n)
{
	for (size_t i = 0; i < a->n_vars; i++)
		if (strlen(a->var[i].name) == n && memcmp(a->var[i].name, name, n) == 0)
			return &a->var[i];
	return NULL;
}

enum det_err
arch_var_add(struct det_arch *a, const char *word)
{
	size_t n = strcspn(word, "=");
	struct arch_var v = { 0 };
	enum det_err e;

	if (a->n_vars == MAX_VARS)
		return det_fail(DET_LIMIT, "more than %d variables", MAX_VARS);
	if ((e = det_grow(&a->var, &a->cap_vars, a->n_vars + 1, sizeof *a->var)) ||
	    (e = det_strndup(&v.name, word, n)))
		return e;
	if ((e = det_strdup(&v.value, word + n + 1))) {
		free(v.name);
		return e;
	}
	a->var[a->n_vars++] = v;
	return DET_OK;
}

enum det_err
arch_var_check(const char *word, size_t n)
{
	size_t name = 0;

	while (name < n && word[name] != '=' && !strchr("{}:,", word[name]))
		name++;
	if (name == 0 || name == n || word[name] != '=')
		return det_fail(DET_INVALID,
		    "a variable NAME=VALUE expected, found '%.*s'", (int)n, word);
	for (size_t i = 0; i < n; i++)
		if (strchr(" \t\r\n#$", word[i]))
			return det_fail(DET_INVALID,
			    "'%.*s': a value without blanks, '#' and '$' expected",
			    n < 40 ? (int)n : 40, word);
	return DET_OK;
}
