/* SPDX-License-Identifier: MIT
 *
 * Which parameters a rule is for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/arch_match.h"
#include "train/optim_impl.h"

static const char *
role_word(enum det_param_role role)
{
	switch (role) {
	case DET_PARAM_WEIGHT: return ":weight";
	case DET_PARAM_BIAS: return ":bias";
	case DET_PARAM_SCALE:
	case DET_PARAM_SHIFT: return ":norm";
	case DET_PARAM_MEAN:
	case DET_PARAM_VAR: break;
	}
	return ":stats";
}

static int
is_for(const char *pattern, const struct det_param *p)
{
	if (*pattern == ':')
		return !strcmp(pattern, role_word(p->role));
	return arch_match(pattern, p->name, NULL);
}

/* One rule, which may be written to. */
static enum det_err
apply(double *factor, struct det_param *const *param, size_t n, char *rule, int factors)
{
	char *value = strrchr(rule, '=');
	size_t i, found = 0;
	double f = 0;
	enum det_err e;

	if (factors) {
		if (!value)
			return det_fail(
			    DET_INVALID, "'%s': expected PATTERN=FACTOR", rule);
		*value++ = 0;
		if ((e = det_parse_double(&f, value, 0, 1e6)))
			return det_fail_in(e, "the factor of '%s'", rule);
	}
	for (i = 0; i < n; i++)
		if (is_for(rule, param[i])) {
			factor[i] = f;
			found++;
		}
	if (!found)
		return det_fail(DET_INVALID,
		    "no parameter's name matches '%s', the first is '%s': det-model "
		    "list has them all; '' in place of a recipe's patterns for another "
		    "network leaves them out",
		    rule, n ? param[0]->name : "");
	return DET_OK;
}

enum det_err
det_optim_rules(double *factor, struct det_param *const *param, size_t n,
    const char *rules, int factors, const char *what)
{
	char *text = NULL, *rule, *next;
	enum det_err e;
	size_t i;

	for (i = 0; i < n; i++)
		factor[i] = 1;
	if (!rules || !*rules)
		return DET_OK;
	if ((e = det_strdup(&text, rules)))
		return e;
	for (rule = text; !e && rule; rule = next) {
		next = strchr(rule, ',');
		if (next)
			*next++ = 0;
		e = apply(factor, param, n, rule, factors);
	}
	free(text);
	return e ? det_fail_in(e, "%s", what) : DET_OK;
}
