/* SPDX-License-Identifier: MIT
 *
 * The feed gives pictures in the order of their inputs, whatever the number of threads,
 * and bad ones in their places.
 */
#include <stdlib.h>
#include <string.h>

#include "image/feed.h"
#include "tests/unit/tap.h"

#define FILES 23

static char names[FILES][32], *paths[FILES];

/* Picture i is one colour, i; of odd sizes, so that some take longer. Every fifth is bad. */
static void
write_files(void)
{
	size_t i, k, w;
	FILE *f;

	for (i = 0; i < FILES; i++) {
		(void)snprintf(names[i], sizeof names[i], "picture-%zu", i);
		paths[i] = names[i];
		f = fopen(names[i], "wb");
		if (!f)
			exit(2);
		w = i % 3 == 0 ? 400 : 4;
		if (i % 5 == 4)
			(void)fputs("no picture", f);
		else
			(void)fprintf(f, "P6\n%zu %zu\n255\n", w, w);
		for (k = 0; i % 5 != 4 && k < w * w * 3; k++)
			(void)putc((int)i, f);
		(void)fclose(f);
	}
}

static int
run(int threads, long shard, long shards, size_t *count)
{
	const struct det_inputs_params ip = { paths, FILES, NULL, 0, shard, shards,
		1 << 20, NULL };
	struct det_feed_params p = { .prep = DET_PREP_DEFAULTS,
		.decode = DET_IMAGE_DEFAULTS,
		.max_bytes = 1 << 20,
		.threads = threads };
	struct det_inputs *in;
	struct det_feed *f;
	struct det_picture *pic;
	size_t i;
	int good = 1;

	p.prep.fit.kind = DET_FIT_STRETCH;
	p.prep.fit.w = 5;
	p.prep.fit.h = 3;
	p.prep.norm.scale = 1;
	*count = 0;
	if (det_inputs_new(&in, &ip))
		return 0;
	if (det_feed_new(&f, in, &p)) {
		det_inputs_free(in);
		return 0;
	}
	while ((pic = det_feed_next(f))) {
		i = (size_t)shard + *count * (size_t)shards;
		good &= i < FILES && strcmp(pic->input.path, paths[i]) == 0 &&
			pic->input.id == (long)i;
		if (i % 5 == 4)
			good &= pic->err == DET_INVALID && pic->message && !pic->tensor;
		else
			good &=
			    pic->err == DET_OK && pic->tensor &&
			    pic->tensor[0] == (float)i && pic->tensor[44] == (float)i &&
			    pic->info.w == (i % 3 == 0 ? 400 : 4) && !pic->input.data;
		++*count;
	}
	det_feed_free(f);
	det_inputs_free(in);
	return good;
}

static void
test_stop(void)
{
	const struct det_inputs_params ip = { paths, FILES, NULL, 0, 0, 1, 1 << 20,
		NULL };
	struct det_feed_params p = { .prep = DET_PREP_DEFAULTS,
		.decode = DET_IMAGE_DEFAULTS,
		.max_bytes = 1 << 20,
		.threads = 3 };
	struct det_inputs *in;
	struct det_feed *f;
	int i;

	for (i = 0; i < 20; i++) {
		if (det_inputs_new(&in, &ip) || det_feed_new(&f, in, &p))
			exit(2);
		if (i % 3)
			(void)det_feed_next(f);
		det_feed_free(f);
		det_inputs_free(in);
	}
	ok(1, "a feed can be left before its end");
}

int
main(void)
{
	size_t n;
	int threads, good;

	write_files();
	for (threads = 1; threads <= 5; threads++) {
		good = run(threads, 0, 1, &n);
		ok(good && n == FILES, "%d threads: all in order", threads);
	}
	good = run(2, 1, 3, &n);
	ok(good && n == 8, "a share of three: 1, 4, 7, ...");
	test_stop();
	return done();
}
