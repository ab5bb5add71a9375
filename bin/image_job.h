/* SPDX-License-Identifier: MIT
 *
 * det-image: what its options say, and its parts. Not used by other tools.
 */
#ifndef DET_IMAGE_JOB_H
#define DET_IMAGE_JOB_H

#include "bin/items_in.h"
#include "bin/tool.h"
#include "image/feed.h"

struct image_training {
	int train, shuffle, group;
	long epochs, seed, batch, every, largest_from, from;
	const char *sizes, *boxes, *augment;
};

struct image_settings {
	int fit, kernel, rule, map, channels, normalize, null, source, fast_jpeg;
	int flip;
	const char *size, *scale, *shard, *list;
	long short_side, long_side, multiple, max_pixels, max_side;
	double fill;
	struct opt_list mean, std, scales;
	struct image_training training;
};

#define IMAGE_SETTINGS_DEFAULTS                                           \
	{                                                                 \
		.max_pixels = 1L << 28, .max_side = 65535, .fill = 127.5, \
		.training = { .epochs = 1,                                \
			.seed = 1,                                        \
			.batch = 1,                                       \
			.every = 10,                                      \
			.boxes = "gt",                                    \
			.augment = "none" },                              \
	}

/* The options as the library takes them; misuse ends the program. image_set_scales comes after
 * image_set_prep, on the same p->prep. */
void image_set_scales(
    struct tool *t, struct det_feed_params *p, const struct image_settings *s);
void image_set_prep(struct tool *t, struct det_prep *p, const struct image_settings *s);
void image_set_inputs(
    struct tool *t, struct det_inputs_params *p, const struct image_settings *s);
/* The share of --shard I/N, from 0. */
void image_shard(struct tool *t, long *shard, long *shards, const char *text);

/* A picture, its item and what came with it; `boxes` is the list of objects in training. */
void image_write(struct tool *t, struct items_in *stream, struct det_picture *pic,
    const struct det_feed_params *p, const char *boxes);

/* Whether the options ask for training. */
int image_trains(const struct tool *t, const struct image_training *s);
/* Opens the stream on standard input and its sequence; fills in p->epochs, and p->prep as
 * training wants it. */
void image_train_open(struct tool *t, struct items_in *stream,
    struct det_feed_params *p, const struct image_settings *s);
/* Before the picture's item is written. */
void image_train_item(
    struct tool *t, const struct det_feed_params *p, struct det_picture *pic);
/* Writes the objects of a picture, and says what is wrong with them. */
void image_train_write(struct tool *t, struct items_in *stream, struct det_picture *pic,
    const char *boxes);
/* Sums up what was said. */
void image_train_close(struct tool *t);

#endif
