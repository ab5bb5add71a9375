/* SPDX-License-Identifier: MIT
 *
 * det-propose: where something may be: by the model's network over feature maps, by the
 * regions of the picture itself (selective search), by windows that slide over it, or by
 * another list of boxes.
 */
#include "bin/propose_job.h"

#include <string.h>

static struct propose_job j = {
	.boxes = "proposals",
	.max = -1,
	.gt = "gt",
	.near = -1,
	.maps = { .iou = .7,
	    .pre = 1000,
	    .post = 1000,
	    .train_pre = 2000,
	    .train_post = 2000 },
	.selective = DET_SELECTIVE_DEFAULTS,
	.windows = { { { 64 }, 1 }, { { 1 }, 1 }, 1.25, .125, 0 },
};

static const struct opt opts[] = {
	OPT_LONG(0, "pre-nms", &j.maps.pre, 0, 1e9, "N",
	    "the best of each map that compete; 0: all"),
	OPT_DOUBLE(0, "iou", &j.maps.iou, 0, 1, "T",
	    "drop a box that overlaps a better one of its map by more"),
	OPT_FLAG(0, "ge", &j.maps.ge, "drop it at exactly T as well"),
	OPT_FLAG(0, "plus-one", &j.maps.plus_one, "sides are x2 - x1 + 1"),
	OPT_LONG(0, "post-nms", &j.maps.post, 0, 1e9, "N",
	    "the best of all maps that are kept; 0: all"),
	OPT_FLAG(0, "train", &j.maps.train, "use the numbers for training instead"),
	OPT_LONG(0, "train-pre-nms", &j.maps.train_pre, 0, 1e9, "N",
	    "--pre-nms under --train"),
	OPT_LONG(0, "train-post-nms", &j.maps.train_post, 0, 1e9, "N",
	    "--post-nms under --train"),
	OPT_FLAG(0, "any", &j.maps.any,
	    "take anchors made under other values than the model's"),
	OPT_CHOICE(0, "selective-search", &j.mode, propose_selective_modes, "MODE",
	    "of the picture's regions, without a model"),
	OPT_CHOICE(0, "rules", &j.selective.rules, det_selective_rules_names, "WHOSE",
	    "selective search: spaces, scales, order"),
	OPT_LONG(0, "seed", &j.selective.seed, 0, 1L << 53, "N",
	    "selective search: of the order"),
	OPT_LONG(0, "min-side", &j.selective.min_side, 0, 65535, "PIXELS",
	    "selective search: of a box (default: WHOSE)"),
	OPT_FLAG(0, "windows", &j.slide, "windows that slide over the picture"),
	OPT_LIST(0, "window-sizes", &j.windows.sizes, 1, 65535, "S,...",
	    "the smallest windows, square root of the area"),
	OPT_LIST(0, "window-aspects", &j.windows.aspects, .01, 100, "R,...",
	    "height by width"),
	OPT_DOUBLE(0, "window-step", &j.windows.step, 1.01, 100, "F",
	    "each level's are F times larger"),
	OPT_LONG(0, "window-levels", &j.windows.levels, 0, 10000, "N",
	    "at most N levels; 0: all that fit"),
	OPT_DOUBLE(0, "window-stride", &j.windows.stride, .001, 1, "SHARE",
	    "from one window to the next, of its side"),
	OPT_STR(0, "from", &j.from, "NAME", "the boxes of another list of the stream"),
	OPT_DOUBLE(0, "near", &j.near, 0, 1, "T",
	    "--from: those that overlap an object by more than T"),
	OPT_STR(0, "gt", &j.gt, "NAME", "--near: the list of objects"),
	OPT_LONG(0, "max", &j.max, 0, 1e9, "N",
	    "regions, --from: the best N, 0: all (default: 2000, all)"),
	OPT_STR(0, "boxes", &j.boxes, "NAME", "the box list to make"),
	OPT_END,
};

/* What the command line asks for stands before what the model does. */
static void
choose(struct tool *t)
{
	const int own = tool_given(t, "selective-search") || tool_given(t, "windows") ||
			tool_given(t, "from");

	if (own && !tool_given(t, "selective-search"))
		j.mode = 0;
	if (own && !tool_given(t, "windows"))
		j.slide = 0;
	if (own && !tool_given(t, "from")) {
		j.from = NULL;
		j.near = tool_given(t, "near") ? j.near : -1;
	}
	if ((j.mode != 0) + (j.slide != 0) + (j.from != NULL) > 1)
		tool_usage(
		    t, "one of --selective-search, --windows and --from expected");
	if (j.near >= 0 && !j.from)
		tool_usage(t, "--near chooses among the boxes of --from NAME");
	if (j.near >= 0 && strcmp(j.gt, j.from) == 0)
		tool_usage(t,
		    "--from and --gt: two lists expected under --near, found '%s' "
		    "twice",
		    j.gt);
	if (j.near >= 0 && strcmp(j.gt, j.boxes) == 0)
		tool_usage(
		    t, "--near: the new list would be '%s' as the objects are", j.gt);
	/* some of a list may take its place; all of it would only lose their classes */
	if (j.from && strcmp(j.from, j.boxes) == 0 && j.near < 0 && j.max <= 0)
		tool_usage(t,
		    "--from %s: the new list has that name too: give --boxes another",
		    j.from);
	if (j.from && strcmp(j.from, j.boxes) == 0 && t->keep)
		tool_usage(t,
		    "--keep: the item would have two lists '%s': give --boxes another",
		    j.from);
}

int
main(int argc, char *argv[])
{
	const struct tool_spec spec = { "det-propose",
		"Propose boxes where something may be.", "[FILE ...]",
		TOOL_READS | TOOL_WRITES | TOOL_MODEL | TOOL_PROFILE | TOOL_THREADS |
		    TOOL_KEEP,
		opts };
	struct tool t;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	choose(&t);

	/* work */
	if (j.mode)
		propose_selective(&t, &j);
	else if (j.slide)
		propose_windows(&t, &j);
	else if (j.from)
		propose_from(&t, &j);
	else if (t.model)
		propose_maps(&t, &j);
	else
		tool_usage(&t, "which model? give -m MODEL, or one of "
			       "--selective-search, --windows and --from");

	/* finish */
	return tool_finish(&t);
}
