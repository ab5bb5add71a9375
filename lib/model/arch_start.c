/* SPDX-License-Identifier: MIT
 *
 * An architecture that begins with another model's weights (start.c).
 */
#include "model/start.h"

static enum det_err
each(const void *of, start_see *f, void *context)
{
	return arch_each_weight(of, f, context);
}

static enum det_err
seed_one(struct det_writer *w, const void *of, const char *name,
    struct det_tensor *shape, uint64_t seed)
{
	return arch_seed_weight(w, of, name, shape, seed);
}

static enum det_err
write_texts(struct det_writer *w, const void *of, const char *origin)
{
	return arch_write_texts(w, of, origin);
}

static struct start_target
target_of(const struct det_arch *a)
{
	return (struct start_target){ a->name, det_arch_text(a, "options/det-image"), 0,
		a, each, seed_one, write_texts };
}

enum det_err
det_arch_start(struct det_writer *w, const struct det_arch *a, struct det_source *s,
    const char *file, int strict, uint64_t seed, struct det_arch_taken *out)
{
	const struct start_target t = target_of(a);
	/* without a table our own names count */
	struct arch_names names = { s, "", 0 };
	enum det_err e;

	*out = (struct det_arch_taken){ 0 };
	if (arch_find(a, "names torch") && (e = arch_names_open(&names, a, s, "torch")))
		return e;
	return start_write(w, &t, &names, s, file, strict, seed, out);
}

enum det_err
det_arch_darknet(struct det_source *out, const struct det_arch *a, const char *path)
{
	const struct start_target t = target_of(a);

	return start_darknet(out, &t, path);
}
