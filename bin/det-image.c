/* SPDX-License-Identifier: MIT
 *
 * det-image: pictures in, input tensors of a network out.
 */
#include "bin/items_in.h"
#include "bin/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/feed.h"

static const char *const fits[] = { "none", "stretch", "letterbox", "short", NULL };
static const char *const rules[] = { "tv", "tv32", "caffe", "d2", NULL };
static const char *const maps[] = { "framework", "exact", NULL };
static const char *const channels[] = { "rgb", "bgr", NULL };
static const char *const moments[] = { "after", "before", NULL };

struct settings {
	int fit, kernel, rule, map, channels, normalize, null, source, fast_jpeg;
	int flip;
	const char *size, *scale, *shard, *list;
	long short_side, long_side, multiple, max_pixels, max_side;
	double fill;
	struct opt_list mean, std;
};

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

static void
set_prep(struct tool *t, struct det_prep *p, const struct settings *s)
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
	if (det_prep_check(p))
		tool_usage(t, "%s", det_errmsg());
}

static void
set_inputs(struct tool *t, struct det_inputs_params *p, const struct settings *s)
{
	static char dash[] = "-", *standard_input[] = { dash };

	*p = (struct det_inputs_params){ t->argv, (size_t)t->argc, s->list, s->null, 1,
		1, (size_t)1 << 30, NULL };
	if (t->argc == 0 && !s->list) {
		if (isatty(0))
			tool_usage(t, "which pictures? give FILEs, --list FILE, or "
				      "pictures on standard input");
		p->paths = standard_input;
		p->n_paths = 1;
	}
	if (s->shard)
		parse_pair(t, "shard", s->shard, '/', 1, &p->shard, &p->shards);
	if (p->shard > p->shards)
		tool_usage(
		    t, "--shard: there is no share %ld of %ld", p->shard, p->shards);
	p->shard--;
}

static void
write_item(struct tool *t, struct items_in *stream, struct det_picture *pic,
    const struct det_item *it)
{
	if (pic->input.one)
		items_in_write(t, stream, pic->input.one, it);
	else
		tool_check(t, det_item_write(t->out, it));
}

static void
write_picture(struct tool *t, struct items_in *stream, struct det_picture *pic,
    const struct det_prep *prep)
{
	struct det_item it = { .path = pic->input.path, .id = pic->input.id };
	struct det_tensor bytes = { DET_U8, 1, { pic->input.size }, pic->input.data };
	struct det_tensor image = { DET_F32, 4,
		{ 1, 3, pic->place.in_h, pic->place.in_w }, pic->tensor };
	struct det_attrs a = { 0 };
	char text[DET_NORM_TEXT];

	t->at.item++;
	(void)snprintf(t->at.path, sizeof t->at.path, "%s", it.path ? it.path : "");
	if (pic->input.broken)
		items_in_broken(t, stream, pic->message ? pic->message : "no memory");
	if (pic->err) {
		(void)det_fail(
		    pic->err, "%s", pic->message ? pic->message : "no memory");
		tool_bad_item(t);
		it.error = pic->message;
		it.orientation = 1;
		it.map = (struct det_transform){ 1, 1, 0, 0, 0 };
		write_item(t, stream, pic, &it);
		return;
	}
	it.width = (long)pic->info.w;
	it.height = (long)pic->info.h;
	it.orientation = pic->info.orientation;
	it.in_w = (long)pic->place.in_w;
	it.in_h = (long)pic->place.in_h;
	it.map = pic->place.map;
	write_item(t, stream, pic, &it);
	if (pic->input.data)
		tool_check(t, det_writer_tensor(t->out, "source", &bytes, NULL));
	tool_check(t, det_attr_add(&a, "norm", det_norm_text(text, &prep->norm)));
	tool_check(t, det_writer_tensor(t->out, "image", &image, &a));
	free(a.text);
}

static void
run(struct tool *t, const struct settings *s)
{
	struct det_feed_params p = { .decode = DET_IMAGE_DEFAULTS };
	struct det_inputs_params ip;
	struct items_in stream = { 0 };
	struct det_inputs *in;
	struct det_feed *feed;
	struct det_picture *pic;
	enum det_err e;

	set_prep(t, &p.prep, s);
	set_inputs(t, &ip, s);
	p.decode.max_pixels = (size_t)s->max_pixels;
	p.decode.max_side = (size_t)s->max_side;
	p.flip = s->flip;
	p.scaled = s->fast_jpeg;
	p.keep_source = s->source;
	p.max_bytes = ip.max_bytes;
	/* decoding beside a network: a second thread is all that it can use */
	p.threads = t->threads > 0 ? (int)t->threads : tool_threads(t) > 1 ? 2 : 1;
	if (t->argc == 0 && !s->list && det_items_are_next(0)) {
		items_in_open(t, &stream);
		ip.items = stream.items;
	}
	e = det_inputs_new(&in, &ip);
	if (e == DET_INVALID)
		tool_usage(t, "%s", det_errmsg());
	tool_check(t, e);
	tool_check(t, det_feed_new(&feed, in, &p));
	if (!stream.items)
		tool_stream_begin(t);
	while ((pic = det_feed_next(feed))) {
		write_picture(t, &stream, pic, &p.prep);
		tool_check(t, det_writer_flush(t->out));
	}
	tool_stream_end(t);
	det_feed_free(feed);
	det_inputs_free(in);
	items_in_close(&stream);
}

int
main(int argc, char *argv[])
{
	struct settings s = {
		.max_pixels = 1L << 28, .max_side = 65535, .fill = 127.5
	};
	const struct opt opts[] = {
		OPT_CHOICE(0, "fit", &s.fit, fits, "HOW",
		    "how the picture becomes the tensor"),
		OPT_STR(0, "size", &s.size, "WxH", "size of the tensor"),
		OPT_LONG(0, "short", &s.short_side, 1, 65535, "N",
		    "length of the shorter side (default: none)"),
		OPT_LONG(0, "long", &s.long_side, 0, 65535, "N",
		    "unless the longer passes this (default: any)"),
		OPT_CHOICE(0, "rule", &s.rule, rules, "RULE", "rounding of short"),
		OPT_LONG(0, "multiple", &s.multiple, 1, 4096, "N",
		    "pad to a multiple of N (default: none)"),
		OPT_FLAG(0, "flip", &s.flip, "mirror the picture: left becomes right"),
		OPT_CHOICE(
		    0, "kernel", &s.kernel, det_kernel_names, "KERNEL", "resize like"),
		OPT_CHOICE(0, "map", &s.map, maps, "MAP", "transform of boxes"),
		OPT_DOUBLE(0, "fill", &s.fill, 0, 255, "V", "letterbox colour"),
		OPT_CHOICE(
		    0, "channels", &s.channels, channels, "ORDER", "of the tensor"),
		OPT_STR(0, "scale", &s.scale, "S", "bytes times this (1/255)"),
		OPT_LIST(0, "mean", &s.mean, -1e9, 1e9, "R,G,B", "then minus this"),
		OPT_LIST(0, "std", &s.std, -1e9, 1e9, "R,G,B", "then divided by this"),
		OPT_CHOICE(
		    0, "normalize", &s.normalize, moments, "WHEN", "as to resizing"),
		OPT_STR(0, "list", &s.list, "FILE", "read paths from FILE, one a line"),
		OPT_FLAG('0', "null", &s.null, "paths of --list end with NUL"),
		OPT_STR(0, "shard", &s.shard, "I/N", "take share I (from 1) of N"),
		OPT_FLAG(
		    0, "source", &s.source, "keep the encoded bytes in the stream"),
		OPT_FLAG(0, "fast-jpeg", &s.fast_jpeg,
		    "decode large JPEGs at 1/2, 1/4, 1/8 (less exact)"),
		OPT_LONG(0, "max-pixels", &s.max_pixels, 1, 1L << 32, "N",
		    "refuse pictures with more pixels"),
		OPT_LONG(0, "max-side", &s.max_side, 1, 1L << 20, "N",
		    "refuse pictures with a longer side"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-image",
		"Decode, resize and normalise pictures.", "[FILE ...]",
		TOOL_WRITES | TOOL_MODEL | TOOL_RECIPE | TOOL_PROFILE | TOOL_THREADS |
		    TOOL_BAD,
		opts };
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	run(&t, &s);
	return tool_finish(&t);
}
