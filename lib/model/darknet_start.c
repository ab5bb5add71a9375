/* SPDX-License-Identifier: MIT
 *
 * A Darknet cfg whose network begins with another model's weights (start.c).
 */
#include <stdlib.h>
#include <string.h>

#include "model/darknet_net.h"
#include "model/start.h"

static enum det_err
each(const void *of, start_see *f, void *context)
{
	const struct det_darknet *d = of;
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < d->n_weights; i++) {
		const struct dk_weight *x = &d->weight[i];
		struct det_tensor shape = { .dtype = DET_F32, .rank = x->rank };

		memcpy(shape.dims, x->dims, (size_t)x->rank * sizeof *x->dims);
		e = f(context, x->name, &shape);
	}
	return e;
}

static enum det_err
seed_one(struct det_writer *w, const void *of, const char *name,
    struct det_tensor *shape, uint64_t seed)
{
	const struct det_darknet *d = of;
	float *v;
	size_t i = 0;
	enum det_err e;

	(void)seed; /* d->seed */
	while (strcmp(d->weight[i].name, name) != 0)
		i++;
	if ((e = dk_weight_seed(&v, d, i)))
		return e;
	shape->data = v;
	e = det_writer_tensor(w, name, shape, NULL);
	free(v);
	return e;
}

static enum det_err
write_texts(struct det_writer *w, const void *of, const char *origin)
{
	return dk_write_texts(w, of, origin);
}

enum det_err
det_darknet_start(struct det_writer *w, struct det_darknet *d, struct det_source *s,
    const char *file, int strict, uint64_t seed, struct det_arch_taken *out)
{
	const struct start_target t = { d->cfg.file, NULL, 1, d, each, seed_one,
		write_texts };
	const struct arch_names names = { s, "", 0 };

	det_darknet_seed(d, seed);
	return start_write(w, &t, &names, s, file, strict, seed, out);
}
