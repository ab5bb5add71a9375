/* SPDX-License-Identifier: MIT
 *
 * Items in training, from a stream to tensors: objects are where their transform says, under
 * every fit, kernel and profile; the sequence is what the seed says, whoever makes it.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/feed.h"
#include "stream/writer.h"
#include "tests/unit/tap.h"

#define PICTURES 7
#define OBJECTS  3

/* Picture i is black with a red, a green and a blue rectangle apart from each other. */
struct scene {
	char path[32];
	long w, h, at[OBJECTS][4];
};

static struct scene scenes[PICTURES];

static void
save(const struct scene *s, const struct det_image *im, enum det_format format)
{
	struct det_buf b = { 0 };
	FILE *f = fopen(s->path, "wb");

	if (!f || det_image_encode(&b, im, format, 97))
		exit(2);
	(void)fwrite(b.text, 1, b.len, f);
	(void)fclose(f);
	det_buf_free(&b);
}

/* `times` as large as the smallest. */
static void
draw_scene(struct scene *s, int i, long times, enum det_format format)
{
	struct det_image im;

	(void)snprintf(s->path, sizeof s->path, "scene-%d", i);
	s->w = times * (i % 3 == 0 ? 90 + 7 * i : 160 + i);
	s->h = times * (i % 3 == 0 ? 170 - i : 100 + 11 * i);
	if (det_image_new(&im, (size_t)s->w, (size_t)s->h))
		exit(2);
	memset(im.rgb, 0, im.w * im.h * 3);
	for (int k = 0; k < OBJECTS; k++) {
		const long x = s->w * (k + 1) / 5 + k, y = s->h * ((k * 2) % 3) / 3 + i;
		const long w = s->w / 6 + i, h = s->h / 4;

		memcpy(s->at[k], (long[]){ x, y, x + w, y + h }, sizeof s->at[k]);
		for (long v = y; v < y + h; v++)
			for (long u = x; u < x + w; u++)
				im.rgb[3 * (v * s->w + u) + k] = 255;
	}
	save(s, &im, format);
	det_image_release(&im);
}

/* Items of all pictures; with their bytes where `source`. The descriptor is at its start. */
static int
write_stream(int source)
{
	FILE *f = tmpfile();
	struct det_writer *w;
	char bytes[1 << 17];
	int bad;

	if (!f || det_writer_open_fd(&w, fileno(f), "test"))
		exit(2);
	bad = det_writer_make(w, DET_STREAM, NULL, "r\ng\nb\n", 6) != DET_OK;
	for (int i = 0; i < PICTURES; i++) {
		const struct scene *s = &scenes[i];
		struct det_box box[OBJECTS + 1] = { 0 };
		struct det_boxes gt = { box, OBJECTS + 1, OBJECTS + 1,
			DET_SPACE_IMAGE };
		struct det_item it = { .path = (char *)(uintptr_t)s->path,
			.id = 100 + i,
			.width = s->w,
			.height = s->h,
			.orientation = 1,
			.map = { 1, 1, 0, 0, 0, 0 } };
		FILE *p = fopen(s->path, "rb");
		const size_t n = p ? fread(bytes, 1, sizeof bytes, p) : 0;
		const struct det_tensor t = { DET_U8, 1, { n }, bytes };

		for (int k = 0; k < OBJECTS; k++)
			box[k] = (struct det_box){ (double)s->at[k][0],
				(double)s->at[k][1], (double)s->at[k][2],
				(double)s->at[k][3], 1, 0, k, 0, -1 };
		box[OBJECTS] = box[0]; /* one that has no area */
		box[OBJECTS].x2 = box[0].x1;
		bad |= !p || det_item_write(w, &it);
		bad |= det_boxes_write(w, "gt", &gt, NULL) != DET_OK;
		if (source)
			bad |= det_writer_tensor(w, "source", &t, NULL) != DET_OK;
		if (p)
			(void)fclose(p);
	}
	if (bad || det_writer_end(w) || det_writer_flush(w))
		exit(2);
	det_writer_free(w);
	(void)lseek(fileno(f), 0, SEEK_SET);
	return fileno(f); /* open until the program ends */
}

struct run {
	struct det_record strm;
	struct det_reader *rd;
	struct det_items *items;
	struct det_epochs *epochs;
	struct det_feed *feed;
};

static void
start(struct run *r, int source, struct det_epochs_params *ep,
    const struct det_prep *prep, int threads, int scaled)
{
	struct det_feed_params p = { .prep = *prep,
		.decode = DET_IMAGE_DEFAULTS,
		.max_bytes = 1 << 20,
		.scaled = scaled,
		.threads = threads };

	*r = (struct run){ .rd = NULL };
	ep->fit = prep->fit;
	ep->kernel = prep->kernel;
	if (det_reader_open_fd(&r->rd, write_stream(source), "test") ||
	    det_items_new(&r->items, &r->strm, r->rd) ||
	    det_epochs_new(&r->epochs, r->items, ep)) {
		(void)printf("# %s\n", det_errmsg());
		exit(2);
	}
	p.epochs = r->epochs;
	if (det_feed_new(&r->feed, NULL, &p))
		exit(2);
}

static void
finish(struct run *r)
{
	det_feed_free(r->feed);
	det_epochs_free(r->epochs);
	det_items_free(r->items);
	det_record_release(&r->strm);
	det_reader_close(r->rd);
}

static struct det_epochs_params
defaults(const char *augment)
{
	struct det_epochs_params p = { .epochs = 1,
		.seed = 1,
		.batch = 1,
		.every = 1,
		.shards = 1,
		.name = "gt" };

	if (det_augment_parse(&p.augment, augment))
		exit(2);
	return p;
}

/* Where channel k is bright and the others are not: x1 y1 x2 y2 in pixels; 0: nowhere. */
static int
extent(double at[4], const struct det_picture *p, int k)
{
	const size_t w = p->place.in_w, h = p->place.in_h;
	int some = 0;

	for (size_t y = 0; y < h; y++)
		for (size_t x = 0; x < w; x++) {
			const float *v = p->tensor + y * w + x;
			const float a = v[(size_t)((k + 1) % 3) * w * h],
				    b = v[(size_t)((k + 2) % 3) * w * h];

			if (v[(size_t)k * w * h] < 128 || a > 100 || b > 100)
				continue;
			at[0] = some ? fmin(at[0], (double)x) : (double)x;
			at[1] = some ? fmin(at[1], (double)y) : (double)y;
			at[2] = some ? fmax(at[2], (double)x + 1) : (double)x + 1;
			at[3] = some ? fmax(at[3], (double)y + 1) : (double)y + 1;
			some = 1;
		}
	return some;
}

/* The most that an object's edge is from where its box says, in pixels of the input. */
static double
error_of(const struct det_picture *p, long width, long height)
{
	const struct det_transform *m = &p->place.map;
	double worst = 0, at[4];

	for (size_t i = 0; i < p->lesson.gt.n; i++) {
		const struct det_box *b = &p->lesson.gt.box[i];
		const double u1 = m->flip ? (double)width - b->x2 : b->x1;
		const double u2 = m->flip ? (double)width - b->x1 : b->x2;
		const double v1 = m->vflip ? (double)height - b->y2 : b->y1;
		const double v2 = m->vflip ? (double)height - b->y1 : b->y2;
		const double is[4] = { u1 * m->sx + m->tx, v1 * m->sy + m->ty,
			u2 * m->sx + m->tx, v2 * m->sy + m->ty };

		/* of a sliver no pixel need be bright */
		if (is[2] - is[0] < 3 || is[3] - is[1] < 3)
			continue;
		if (!extent(at, p, b->label))
			return 1e9;
		for (int k = 0; k < 4; k++)
			worst = fmax(worst, fabs(at[k] - is[k]));
	}
	return worst;
}

static void
test_places(int scaled, double most)
{
	static const char *const lines[] = { "none", "flip mirror=1", "ssd light=0",
		"yolo light=0", "ssd light=0 jitter=.2 mirror=1",
		"ssd light=0 vmirror=1", "none vmirror=.5" };
	static const struct det_fit fits[] = {
		{ .kind = DET_FIT_STRETCH, .w = 120, .h = 90, .map = DET_MAP_EXACT },
		{ .kind = DET_FIT_LETTERBOX, .w = 128, .h = 128, .map = DET_MAP_EXACT },
		{ .kind = DET_FIT_SHORT,
		    .short_side = 90,
		    .long_side = 140,
		    .multiple = 32,
		    .map = DET_MAP_EXACT },
	};

	for (int l = 0; l < 7; l++)
		for (int f = 0; f < 3; f++) {
			struct det_epochs_params ep = defaults(lines[l]);
			struct det_prep prep = DET_PREP_DEFAULTS;
			struct det_picture *p;
			struct run r;
			double worst = 0;
			size_t seen = 0, n = 0;

			ep.epochs = 6;
			ep.batch = 3;
			prep.fit = fits[f];
			prep.norm.scale = 1;
			prep.kernel = (enum det_kernel)((l + f) % 4);
			start(&r, 0, &ep, &prep, 2, scaled);
			while ((p = det_feed_next(r.feed))) {
				worst =
				    fmax(worst, p->err ? 1e9
						       : error_of(p, (long)p->info.w,
							     (long)p->info.h));
				seen += p->lesson.gt.n;
				n++;
			}
			finish(&r);
			ok(n == 42 && seen > 30 && worst <= most,
			    "%s, fit %d, kernel %s%s: %zu objects within %.2f pixels",
			    lines[l], f, det_kernel_names[prep.kernel],
			    scaled ? ", decoded at a fraction" : "", seen, worst);
		}
}

/* One item as a number: which, its transform, its objects, all its pixels. */
struct print {
	long id, epoch;
	size_t w, h;
	double sum, map;
};

static size_t
collect(struct print *out, size_t most, struct det_epochs_params *ep, int source,
    int threads)
{
	struct det_prep prep = DET_PREP_DEFAULTS;
	struct det_picture *p;
	struct run r;
	size_t n = 0;

	prep.fit = (struct det_fit){
		.kind = DET_FIT_SHORT, .short_side = 48, .long_side = 80
	};
	start(&r, source, ep, &prep, threads, 0);
	while (n < most && (p = det_feed_next(r.feed))) {
		struct print *o = &out[n++];

		*o = (struct print){ p->input.id, p->lesson.epoch, p->place.in_w,
			p->place.in_h, 0,
			p->place.map.tx + 3 * p->place.map.ty + p->place.map.flip };
		for (size_t i = 0; !p->err && i < 3 * o->w * o->h; i++)
			o->sum += (double)(i % 97 + 1) * (double)p->tensor[i];
		for (size_t i = 0; i < p->lesson.gt.n; i++)
			o->map += p->lesson.gt.box[i].x1 * (double)(i + 1);
		if (p->err || p->lesson.dropped != 1)
			o->id = -1;
	}
	finish(&r);
	return n;
}

static int
same(const struct print *a, const struct print *b, size_t n)
{
	return memcmp(a, b, n * sizeof *a) == 0;
}

#define MOST 64

static void
test_sequence(void)
{
	struct det_epochs_params ep = defaults("ssd");
	struct print a[MOST] = { 0 }, b[MOST] = { 0 }, c[MOST] = { 0 };
	int good = 1, seen[3][PICTURES] = { { 0 } }, n_sizes = 0;
	size_t n, m, at[3] = { 0 };

	ep.epochs = 3;
	ep.shuffle = 1;
	ep.batch = 2;
	ep.group = 1;
	n = collect(a, MOST, &ep, 0, 1);
	ok(n == 3 * PICTURES, "three epochs: %zu items", n);
	for (size_t i = 0; i < n; i++)
		if (a[i].id >= 100 && a[i].id < 100 + PICTURES && a[i].epoch < 3)
			seen[a[i].epoch][a[i].id - 100]++;
	for (int i = 0; i < 3 * PICTURES; i++)
		good &= seen[i / PICTURES][i % PICTURES] == 1;
	ok(good, "each picture once an epoch");
	for (size_t i = 0; i + 1 < n; i += 2)
		good &= a[i].w == a[i + 1].w && a[i].h == a[i + 1].h;
	for (size_t i = 1; i < n; i++)
		n_sizes += a[i].w != a[i - 1].w;
	ok(good && n_sizes > 2, "batches of one size, %d changes", n_sizes);
	m = collect(b, MOST, &ep, 0, 4);
	ok(m == n && same(a, b, n), "four threads: the same");
	ep.seed = 2;
	(void)collect(b, MOST, &ep, 0, 2);
	ok(!same(a, b, n), "another seed: another sequence");
	ep.seed = 1;
	ep.shards = 3;
	for (ep.shard = 0; ep.shard < 3; ep.shard++)
		at[ep.shard] = collect(b + 16 * ep.shard, 16, &ep, 0, 2);
	good = at[0] + at[1] + at[2] == n;
	for (size_t i = 0; good && i < n; i++)
		good &= same(&a[i], &b[16 * (i / 2 % 3) + i / 6 * 2 + i % 2], 1);
	ok(good, "three shares: every third batch each");
	ep.shards = 1;
	ep.shard = 0;
	ep.from = 5;
	m = collect(c, MOST, &ep, 0, 2);
	ok(m == n - 5 && same(a + 5, c, m), "from the sixth item on: the same");
	ep.from = 0;
	ep.epochs = 0;
	m = collect(c, 50, &ep, 0, 3);
	ok(m == 50 && same(a, c, 16), "without end");
}

static void
test_light_apart(void)
{
	struct det_epochs_params ep = defaults("ssd"), dark = defaults("ssd light=0");
	struct print a[MOST], b[MOST];
	const size_t n = collect(a, MOST, &ep, 0, 2), m = collect(b, MOST, &dark, 0, 2);
	int views = n == m, pixels = 0;

	for (size_t i = 0; views && i < n; i++) {
		views &= !memcmp(&a[i].map, &b[i].map, sizeof a[i].map);
		pixels += fabs(a[i].sum - b[i].sum) > 1;
	}
	ok(views && pixels > 3, "without changes of light the views are the same");
}

static void
test_live(void)
{
	struct det_epochs_params ep = defaults("yolo");
	struct print a[MOST], b[MOST];
	size_t n, m;

	n = collect(a, MOST, &ep, 0, 2);
	ep.shuffle = 1;
	ep.epochs = 0;
	m = collect(b, MOST, &ep, 1, 3);
	ok(n == PICTURES && m == n && same(a, b, n),
	    "pictures in the stream: once, as they come, the same as from files");
	ep.from = 3;
	m = collect(b, MOST, &ep, 1, 3);
	ok(m == n - 3 && same(a + 3, b, m), "and from the fourth on");
}

static void
test_sizes(void)
{
	struct det_epochs_params ep = defaults("none");
	struct det_prep prep = DET_PREP_DEFAULTS;
	struct run r;
	int good = 1, seen[3] = { 0 };

	ep.epochs = 8;
	ep.batch = 2;
	ep.every = 2;
	if (det_epochs_sizes(ep.size, &ep.n_sizes, DET_EPOCHS_SIZES, "32-64/16"))
		exit(2);
	prep.fit = (struct det_fit){ .kind = DET_FIT_STRETCH, .w = 10, .h = 10 };
	start(&r, 0, &ep, &prep, 1, 0);
	for (size_t i = 0, side = 0; i < 40; i++) {
		const struct det_picture *p = det_feed_next(r.feed);

		good &= p && p->place.in_w == p->place.in_h &&
			p->place.in_w % 16 == 0 && p->place.in_w >= 32;
		good &= p && (i % 4 == 0 || p->place.in_w == side);
		side = p ? p->place.in_w : 0;
		seen[side <= 32 ? 0 : side <= 48 ? 1 : 2]++;
	}
	finish(&r);
	ok(good && seen[0] && seen[1] && seen[2],
	    "sizes: one for two batches of two; %d, %d, %d items", seen[0], seen[1],
	    seen[2]);
}

int
main(void)
{
	for (int i = 0; i < PICTURES; i++)
		draw_scene(&scenes[i], i, 5, DET_FORMAT_JPEG);
	test_places(1, 2);
	for (int i = 0; i < PICTURES; i++)
		draw_scene(&scenes[i], i, 1, DET_FORMAT_PPM);
	test_places(0, 1.51);
	test_sequence();
	test_light_apart();
	test_live();
	test_sizes();
	for (int i = 0; i < PICTURES; i++)
		(void)remove(scenes[i].path);
	return done();
}
