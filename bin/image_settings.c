/* SPDX-License-Identifier: MIT
 *
 * det-image's options, checked and handed to the library.
 */
#include "bin/image_job.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "416x416", "3/8": two whole numbers around a mark. */
static void
parse_pair(struct tool *t, const char *option, const char *s, char mark, long lo,
    long *a, long *b)
{
	char tail, got;

	if (strlen(s) > 20 || sscanf(s, "%9ld%c%9ld%c", a, &got, b, &tail) != 3 ||
	    got != mark || *a < lo || *b < 1 || *a > 65535 || *b > 65535)
		tool_usage(t, "--%s: two numbers parted by '%c' expected, found '%s'",
		    option, mark, s);
}

static void
parse_three(struct tool *t, const char *option, double out[3], const struct opt_list *l)
{
	size_t i;

	if (l->n == 0)
		return;
	if (l->n != 1 && l->n != 3)
		tool_usage(
		    t, "--%s: one number or three expected, found %zu", option, l->n);
	for (i = 0; i < 3; i++)
		out[i] = l->v[l->n == 3 ? i : 0];
}

void
image_set_prep(struct tool *t, struct det_prep *p, const struct image_settings *s)
{
	long w = 0, h = 0;

	*p = (struct det_prep)DET_PREP_DEFAULTS;
	if (s->size)
		parse_pair(t, "size", s->size, 'x', 1, &w, &h);
	p->fit = (struct det_fit){ (enum det_fit_kind)s->fit, (size_t)w, (size_t)h,
		s->short_side, s->long_side, (enum det_fit_rule)s->rule,
		(size_t)s->multiple, (enum det_fit_map)s->map };
	p->kernel = (enum det_kernel)s->kernel;
	p->norm.bgr = s->channels;
	p->norm_first = s->normalize;
	p->fill = s->fill;
	if (s->scale && det_scale_parse(&p->norm.scale, s->scale))
		tool_usage(t, "--scale: %s", det_errmsg());
	parse_three(t, "mean", p->norm.mean, &s->mean);
	parse_three(t, "std", p->norm.std, &s->std);
	if (tool_given(t, "size") && s->fit != DET_FIT_STRETCH &&
	    s->fit != DET_FIT_LETTERBOX)
		tool_usage(
		    t, "--size: --fit stretch or --fit letterbox expected with it");
	if ((tool_given(t, "short") || tool_given(t, "long")) &&
	    s->fit != DET_FIT_SHORT)
		tool_usage(t, "--short and --long: --fit short expected with them");
	if (tool_given(t, "scales") &&
	    (s->fit != DET_FIT_SHORT || tool_given(t, "short")))
		tool_usage(t, "--scales: --fit short expected with it, and no --short");
	if (s->scales.n)
		p->fit.short_side = (long)s->scales.v[0];
	if (det_prep_check(p))
		tool_usage(t, "%s", det_errmsg());
}

void
image_set_scales(
    struct tool *t, struct det_feed_params *p, const struct image_settings *s)
{
	for (size_t k = 0; k < s->scales.n; k++)
		if ((double)(long)s->scales.v[k] != s->scales.v[k])
			tool_usage(t, "--scales: whole numbers expected");
	if (s->scales.n > DET_SCALES)
		tool_usage(t, "--scales: at most %d expected", DET_SCALES);
	if (s->scales.n > 1 && s->training.train)
		tool_usage(t, "--scales: one is trained at; --sizes gives several");
	p->more = s->scales.n > 1 ? s->scales.n - 1 : 0;
	for (size_t k = 0; k < p->more; k++)
		p->shorts[k] = (long)s->scales.v[k + 1];
}

void
image_shard(struct tool *t, long *shard, long *shards, const char *text)
{
	*shard = *shards = 1;
	if (text)
		parse_pair(t, "shard", text, '/', 1, shard, shards);
	if (*shard > *shards)
		tool_usage(t, "--shard: there is no share %ld of %ld", *shard, *shards);
	--*shard;
}

void
image_set_inputs(
    struct tool *t, struct det_inputs_params *p, const struct image_settings *s)
{
	static char dash[] = "-", *standard_input[] = { dash };

	*p = (struct det_inputs_params){ t->argv, (size_t)t->argc, s->list, s->null, 0,
		1, (size_t)1 << 30, NULL };
	if (t->argc == 0 && !s->list) {
		if (isatty(0))
			tool_usage(t, "which pictures? give FILEs, --list FILE, or "
				      "pictures on standard input");
		p->paths = standard_input;
		p->n_paths = 1;
	}
	image_shard(t, &p->shard, &p->shards, s->shard);
}
