/* SPDX-License-Identifier: MIT
 *
 * An architecture as the records of a model: texts, then weights made from a seed.
 */
#include <stdio.h>
#include <string.h>

#include "model/arch_impl.h"
#include "model/seeded.h"

/* Sections that are no texts of the model. */
static int
is_private(const char *name)
{
	return strcmp(name, "classes") == 0 || strcmp(name, "seed") == 0 ||
	       strcmp(name, "meta") == 0 || strncmp(name, "names ", 6) == 0;
}

static int
is_net(const struct arch_section *s)
{
	return strncmp(s->name, "net/", 4) == 0;
}

static int
has_net(const struct det_arch *a)
{
	for (size_t i = 0; i < a->n_sections; i++)
		if (is_net(&a->section[i]))
			return 1;
	return 0;
}

enum det_err
arch_write_texts(struct det_writer *w, const struct det_arch *a, const char *origin)
{
	const struct arch_section *meta = arch_find(a, "meta");
	struct det_buf b = { 0 };
	enum det_err e;

	if (!has_net(a))
		return det_fail(DET_INVALID,
		    "%s: a section [net/NAME] expected, found none", a->name);
	e = det_buf_printf(&b, "arch=%s\n%s%s", a->name,
	    meta && meta->text.len ? meta->text.text : "", origin);
	for (size_t i = 0; !e && i < a->n_vars; i++)
		e = det_buf_printf(&b, "set.%s=%s\n", a->var[i].name, a->var[i].value);
	if (!e)
		e = det_writer_text(w, "meta", b.text, b.len);
	det_buf_free(&b);
	for (size_t i = 0; !e && i < a->n_sections; i++) {
		const struct arch_section *s = &a->section[i];

		if (!is_private(s->name))
			e = det_writer_text(w, s->name, s->text.text, s->text.len);
	}
	return e;
}

enum det_err
arch_each_weight(const struct det_arch *a,
    enum det_err (*f)(void *context, const char *name, struct det_tensor *shape),
    void *context)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < a->n_sections; i++) {
		const struct arch_section *s = &a->section[i];
		struct det_net *net;
		struct det_tensor shape;
		const char *name;

		if (!is_net(s))
			continue;
		if ((e = det_net_parse(&net, s->text.text, s->text.len, s->name)))
			return det_fail_in(e, "%s", a->name);
		for (size_t k = 0; !e && (name = det_net_weight(net, k, &shape)); k++)
			e = f(context, name, &shape);
		det_net_free(net);
	}
	return e;
}

enum det_err
arch_seed_weight(struct det_writer *w, const struct det_arch *a, const char *name,
    struct det_tensor *shape, uint64_t seed)
{
	const struct arch_section *rules = arch_find(a, "seed");

	return det_seeded_weight(w, name, shape, rules ? rules->text.text : NULL,
	    rules ? rules->text.len : 0, seed);
}

struct seeding {
	struct det_writer *w;
	const struct det_arch *a;
	uint64_t seed;
};

static enum det_err
seed_weight(void *context, const char *name, struct det_tensor *shape)
{
	const struct seeding *s = context;

	return arch_seed_weight(s->w, s->a, name, shape, s->seed);
}

enum det_err
det_arch_seed(struct det_writer *w, const struct det_arch *a, uint64_t seed)
{
	struct seeding s = { w, a, seed };
	char origin[64];
	enum det_err e;

	(void)snprintf(origin, sizeof origin, "weights=random\nseed=%llu\n",
	    (unsigned long long)seed);
	if ((e = arch_write_texts(w, a, origin)))
		return e;
	return arch_each_weight(a, seed_weight, &s);
}
