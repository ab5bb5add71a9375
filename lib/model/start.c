/* SPDX-License-Identifier: MIT
 *
 * A network that begins where another model was trained to: what fits is taken from its
 * weights, the rest is seeded. A first walk over the weights finds out what is to be had and
 * says so; a second one writes.
 *
 * Names decide, and shapes: the head of a detector whose classes are others has another
 * shape and begins afresh, while a trunk that was trained as a classifier fits a detector
 * over the same trunk. Where no name is the same and one of the two is a Darknet cfg, whose
 * layers have numbers for names, order decides in their place (start_order.c).
 */
#include "model/start.h"

#include <stdlib.h>
#include <string.h>

#include "model/made.h"
#include "stream/item.h"

/* Lines of one kind that are told one by one. */
#define MOST_LINES 10

struct starting {
	struct det_writer *w; /* NULL: only find out */
	const struct start_target *a;
	struct arch_names names;
	const char *file;
	uint64_t seed;
	struct det_arch_taken *out;
	struct det_buf missing; /* our layers that are not there, once each */
	char layer[256];        /* the last of them */
};

static const char *
base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

static enum det_err
tell_shape(struct starting *t, const char *name, const struct det_tensor *ours,
    const struct det_source_tensor *x)
{
	struct det_tensor theirs = { .rank = x->rank };
	char have[96], want[96];

	if (t->out->shapes++ >= MOST_LINES)
		return DET_OK;
	memcpy(theirs.dims, x->dims, sizeof theirs.dims);
	return det_buf_printf(&t->out->notes,
	    "other shape: %s is %s here, %s in %s%s%s; seeded\n", name,
	    det_shape_text(want, sizeof want, ours),
	    det_shape_text(have, sizeof have, &theirs), base_name(t->file),
	    strcmp(x->name, name) ? " as " : "", strcmp(x->name, name) ? x->name : "");
}

/* Layers follow one another: one of several weights, or with a normalisation, is named once. */
static enum det_err
tell_missing(struct starting *t, const char *name)
{
	const size_t n = start_layer(name);

	t->out->missing++;
	if (n >= sizeof t->layer ||
	    (strlen(t->layer) == n && memcmp(t->layer, name, n) == 0))
		return DET_OK;
	memcpy(t->layer, name, n);
	t->layer[n] = 0;
	return det_buf_printf(
	    &t->missing, "%s%s", t->missing.len ? ", " : "", t->layer);
}

static enum det_err
look(struct starting *t, const char *name, struct det_tensor *shape,
    struct det_source_tensor *x)
{
	if (!x)
		return tell_missing(t, name);
	x->used = 1;
	if (!arch_same_shape(shape, x))
		return tell_shape(t, name, shape, x);
	t->out->taken++;
	return DET_OK;
}

static enum det_err
take_or_seed(void *context, const char *name, struct det_tensor *shape)
{
	struct starting *t = context;
	struct det_source_tensor *x;
	enum det_err e;

	if ((e = arch_names_find(&x, &t->names, name)))
		return e;
	if (!t->w)
		return look(t, name, shape, x);
	if (x && arch_same_shape(shape, x))
		return arch_copy_weight(t->w, name, shape, x);
	return t->a->seed(t->w, t->a->of, name, shape, t->seed);
}

static enum det_err
tell_unused(struct starting *t)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < t->names.source->n; i++) {
		const struct det_source_tensor *x = &t->names.source->t[i];

		if (x->used || arch_names_ignored(&t->names, x->name))
			continue;
		if (t->out->unused++ < MOST_LINES)
			e = det_buf_printf(&t->out->notes, "not used: %s\n", x->name);
	}
	return e;
}

/* Pictures that a model's first layers learned from were blue first, say: what was taken
 * expects the same again. Only our own models tell. */
static enum det_err
tell_pictures(struct starting *t)
{
	static const char *const keys[] = { "channels", "scale", "mean", "std" };
	const char *theirs = det_source_fact(t->names.source, "options/det-image");
	const char *ours = t->a->pictures;
	char a[DET_OPTION_MAX], b[DET_OPTION_MAX];
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && theirs && ours && i < sizeof keys / sizeof *keys; i++)
		if (det_option_find(a, ours, strlen(ours), keys[i], strlen(keys[i])) &&
		    det_option_find(
			b, theirs, strlen(theirs), keys[i], strlen(keys[i])) &&
		    strcmp(a, b) != 0)
			e = det_buf_printf(&t->out->notes,
			    "other pictures: det-image has %s=%s here, %s there\n",
			    keys[i], a, b);
	return e;
}

/* What there is to say in the end, and whether it will do. */
static enum det_err
judge(struct starting *t, int strict)
{
	struct det_arch_taken *out = t->out;
	const char *file = t->file;
	enum det_err e;

	if ((e = tell_unused(t)) || (e = tell_pictures(t)))
		return e;
	if (!out->taken)
		return det_fail(DET_INVALID,
		    "none of the %zu tensors of %s is a weight of %s%s%s",
		    t->names.source->n, file, t->a->name,
		    t->names.source->n ? "; the first is " : "",
		    t->names.source->n ? t->names.source->t[0].name : "");
	if (strict && out->shapes + out->unused)
		return det_fail(DET_INVALID,
		    "%s: %zu weights of another shape and %zu of no use: %.*s", file,
		    out->shapes, out->unused, (int)strcspn(out->notes.text, "\n"),
		    out->notes.text);
	if (out->shapes > MOST_LINES &&
	    (e = det_buf_printf(
		 &out->notes, "other shape: %zu more\n", out->shapes - MOST_LINES)))
		return e;
	if (out->unused > MOST_LINES &&
	    (e = det_buf_printf(
		 &out->notes, "not used: %zu more\n", out->unused - MOST_LINES)))
		return e;
	if (t->missing.len && (e = det_buf_printf(&out->notes,
				   "not there, seeded: %s\n", t->missing.text)))
		return e;
	return det_buf_printf(&out->notes,
	    "%s: %zu weights taken, %zu seeded: %zu of another shape, %zu not there; "
	    "%zu not used\n",
	    file, out->taken, out->shapes + out->missing, out->shapes, out->missing,
	    out->unused);
}

/* The first walk; a second time where names were of no use but order may be. */
static enum det_err
find_out(struct starting *t, struct det_source *s)
{
	int ordered = 0;
	enum det_err e;

	if ((e = t->a->each(t->a->of, take_or_seed, t)) || t->out->taken ||
	    !(t->a->numbered || det_source_fact(s, "cfg")))
		return e;
	if ((e = start_by_order(&ordered, s, t->a)) || !ordered)
		return e;
	for (size_t i = 0; i < s->n; i++)
		s->t[i].used = 0;
	t->out->shapes = t->out->missing = 0;
	t->out->notes.len = t->missing.len = 0;
	t->layer[0] = 0;
	if ((e = det_buf_printf(&t->out->notes,
		 "no name is the same: %d layers are, one after the other\n", ordered)))
		return e;
	return t->a->each(t->a->of, take_or_seed, t);
}

/* Where the weights are from, for the text "meta": what was told too, a line each but the
 * last, which is the sums. A folder's name says nothing on another machine. */
static enum det_err
tell_origin(struct det_buf *b, const struct starting *t)
{
	const struct det_arch_taken *out = t->out;
	const char *line;
	size_t at = 0, n;
	enum det_err e;

	e = det_buf_printf(b,
	    "weights=random\nseed=%llu\nstart=%s taken=%zu seeded=%zu\n",
	    (unsigned long long)t->seed, base_name(t->file), out->taken,
	    out->shapes + out->missing);
	while (!e && det_line_next(&line, &n, out->notes.text, out->notes.len, &at) &&
	       at < out->notes.len)
		e = det_buf_printf(b, "told=%.*s\n", (int)n, line);
	return e;
}

enum det_err
start_write(struct det_writer *w, const struct start_target *a,
    const struct arch_names *names, struct det_source *s, const char *file, int strict,
    uint64_t seed, struct det_arch_taken *out)
{
	struct starting t = {
		.a = a, .names = *names, .file = file, .seed = seed, .out = out
	};
	struct det_buf origin = { 0 };
	enum det_err e;

	*out = (struct det_arch_taken){ 0 };
	if ((e = find_out(&t, s)) || (e = judge(&t, strict)))
		goto out;
	if ((e = tell_origin(&origin, &t)) || (e = a->texts(w, a->of, origin.text)))
		goto out;
	t.w = w;
	e = a->each(a->of, take_or_seed, &t);
out:
	det_buf_free(&origin);
	det_buf_free(&t.missing);
	return e;
}
