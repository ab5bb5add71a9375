/* SPDX-License-Identifier: MIT
 *
 * det-image: pictures in, input tensors of a network out; in training, what a network is
 * to learn from.
 */
#include "bin/image_job.h"

static const char *const fits[] = { "none", "stretch", "letterbox", "short", NULL };
static const char *const rules[] = { "tv", "tv32", "caffe", "d2", NULL };
static const char *const maps[] = { "framework", "exact", NULL };
static const char *const channels[] = { "rgb", "bgr", NULL };
static const char *const moments[] = { "after", "before", NULL };

static struct image_settings s = IMAGE_SETTINGS_DEFAULTS;

static const struct opt opts[] = {
	OPT_CHOICE(0, "fit", &s.fit, fits, "HOW", "how the picture becomes the tensor"),
	OPT_STR(0, "size", &s.size, "WxH", "size of the tensor"),
	OPT_LONG(0, "short", &s.short_side, 1, 65535, "N",
	    "length of the shorter side (default: none)"),
	OPT_LONG(0, "long", &s.long_side, 0, 65535, "N",
	    "unless the longer passes this (default: any)"),
	OPT_LIST(0, "scales", &s.scales, 1, 65535, "N,...",
	    "shorter sides of several tensors of a picture"),
	OPT_CHOICE(0, "rule", &s.rule, rules, "RULE", "rounding of short"),
	OPT_LONG(0, "multiple", &s.multiple, 1, 4096, "N",
	    "pad to a multiple of N (default: none)"),
	OPT_FLAG(0, "flip", &s.flip, "mirror the picture: left becomes right"),
	OPT_CHOICE(0, "kernel", &s.kernel, det_kernel_names, "KERNEL", "resize like"),
	OPT_CHOICE(0, "map", &s.map, maps, "MAP", "transform of boxes"),
	OPT_DOUBLE(0, "fill", &s.fill, 0, 255, "V", "letterbox colour"),
	OPT_CHOICE(0, "channels", &s.channels, channels, "ORDER", "of the tensor"),
	OPT_STR(0, "scale", &s.scale, "S", "bytes times this (1/255)"),
	OPT_LIST(0, "mean", &s.mean, -1e9, 1e9, "R,G,B", "then minus this"),
	OPT_LIST(0, "std", &s.std, -1e9, 1e9, "R,G,B", "then divided by this"),
	OPT_CHOICE(0, "normalize", &s.normalize, moments, "WHEN", "as to resizing"),
	OPT_STR(0, "list", &s.list, "FILE", "read paths from FILE, one a line"),
	OPT_FLAG('0', "null", &s.null, "paths of --list end with NUL"),
	OPT_STR(0, "shard", &s.shard, "I/N", "take share I (from 1) of N"),
	OPT_FLAG(0, "source", &s.source, "keep the encoded bytes in the stream"),
	OPT_FLAG(0, "fast-jpeg", &s.fast_jpeg,
	    "decode large JPEGs at 1/2, 1/4, 1/8 (less exact)"),
	OPT_LONG(0, "max-pixels", &s.max_pixels, 1, 1L << 32, "N",
	    "refuse pictures with more pixels"),
	OPT_LONG(0, "max-side", &s.max_side, 1, 1L << 20, "N",
	    "refuse pictures with a longer side"),
	OPT_FLAG(
	    0, "train", &s.training.train, "training: the items of a stream, changed"),
	OPT_LONG(0, "epochs", &s.training.epochs, 0, 1L << 24, "N",
	    "go through all N times, 0: without end"),
	OPT_FLAG(0, "shuffle", &s.training.shuffle, "each time in another order"),
	OPT_LONG(0, "seed", &s.training.seed, 0, 1L << 53, "N", "of all chance"),
	OPT_LONG(
	    0, "batch", &s.training.batch, 1, 4096, "N", "each N items have one size"),
	OPT_FLAG(0, "group", &s.training.group,
	    "batches of upright pictures, and of others"),
	OPT_STR(0, "sizes", &s.training.sizes, "LIST",
	    "of these sizes: 320,416 or 320-608/32"),
	OPT_LONG(0, "every", &s.training.every, 1, 1L << 30, "N",
	    "a new size every N batches"),
	OPT_LONG(0, "largest-from", &s.training.largest_from, 0, 1L << 53, "N",
	    "the largest size from batch N on (default: never)"),
	OPT_LONG(0, "from", &s.training.from, 0, 1L << 53, "N",
	    "leave out the first N items written"),
	OPT_STR(0, "boxes", &s.training.boxes, "NAME", "the list of objects"),
	OPT_STR(0, "augment", &s.training.augment, "LINE",
	    "how: none, flip, ssd, yolo; KEY=VALUE"),
	OPT_END,
};

static void
open_inputs(struct tool *t, struct det_inputs **in, struct items_in *stream)
{
	struct det_inputs_params ip;
	enum det_err e;

	image_set_inputs(t, &ip, &s);
	if (t->argc == 0 && !s.list && det_items_are_next(0)) {
		items_in_open(t, stream);
		ip.items = stream->items;
	}
	e = det_inputs_new(in, &ip);
	if (e == DET_INVALID)
		tool_usage(t, "%s", det_errmsg());
	tool_check(t, e);
}

static void
run(struct tool *t)
{
	struct det_feed_params p = { .decode = DET_IMAGE_DEFAULTS };
	struct items_in stream = { 0 };
	struct det_inputs *in = NULL;
	struct det_feed *feed;
	struct det_picture *pic;
	size_t n = 0;

	image_set_prep(t, &p.prep, &s);
	image_set_scales(t, &p, &s);
	p.decode.max_pixels = (size_t)s.max_pixels;
	p.decode.max_side = (size_t)s.max_side;
	p.flip = s.flip;
	p.scaled = s.fast_jpeg;
	p.keep_source = s.source;
	p.max_bytes = (size_t)1 << 30;
	/* decoding beside a network: a second thread is all that it can use */
	p.threads = t->threads > 0 ? (int)t->threads : tool_threads(t) > 1 ? 2 : 1;
	if (image_trains(t, &s.training))
		image_train_open(t, &stream, &p, &s);
	else
		open_inputs(t, &in, &stream);
	tool_check(t, det_feed_new(&feed, in, &p));
	if (!stream.items)
		tool_stream_begin(t);
	for (; (pic = det_feed_next(feed)); n++) {
		image_write(t, &stream, pic, &p, s.training.boxes);
		tool_check(t, det_writer_flush(t->out));
	}
	image_train_close(t);
	if (!n && s.training.from)
		tool_warn(t, "--from %ld: there are no more items, so none is written",
		    s.training.from);
	tool_stream_end(t);
	det_feed_free(feed);
	det_inputs_free(in);
	det_epochs_free(p.epochs);
	items_in_close(&stream);
}

int
main(int argc, char *argv[])
{
	const struct tool_spec spec = { "det-image",
		"Decode, resize and normalise pictures.", "[FILE ...]",
		TOOL_WRITES | TOOL_MODEL | TOOL_RECIPE | TOOL_PROFILE | TOOL_THREADS |
		    TOOL_BAD,
		opts };
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	run(&t);
	return tool_finish(&t);
}
