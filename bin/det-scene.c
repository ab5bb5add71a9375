/* SPDX-License-Identifier: MIT
 *
 * det-scene: pictures drawn by chance, with their boxes, as a stream or as a data set.
 */
#include "bin/tool.h"

#include <stdio.h>
#include <string.h>

#include "data/dataset.h"
#include "image/scene.h"

static const char *const truths[] = { "coco", "voc", "yolo", NULL };
static const int truth_of[] = { DET_EXPORT_COCO, DET_EXPORT_VOC, DET_EXPORT_YOLO };
static const char *const pictures[] = { "png", "jpeg", "ppm", NULL };
static const enum det_format picture_of[] = { DET_FORMAT_PNG, DET_FORMAT_JPEG,
	DET_FORMAT_PPM };

struct settings {
	struct det_scene_params p;
	const char *size, *objects, *clutter, *dir;
	struct opt_names only;
	struct opt_list splits;
	long count, first, seed, quality;
	int truth, picture;
	struct det_classes table;
};

/* Two whole numbers around a mark, or one that is both. */
static void
parse_two(
    struct tool *t, const char *option, const char *s, char mark, long *a, long *b)
{
	char tail, got = mark;
	int n;

	if (!s)
		return;
	n = strlen(s) > 20 ? 0 : sscanf(s, "%9ld%c%9ld%c", a, &got, b, &tail);
	if (n == 1)
		*b = *a;
	else if (n != 3 || got != mark)
		tool_usage(t, "--%s: A%cB expected, found '%s'", option, mark, s);
}

static void
set_classes(struct tool *t, struct settings *s)
{
	struct det_scene_params *p = &s->p;
	int c;

	if (s->only.n > DET_SCENE_CLASSES)
		tool_usage(t, "--only: at most %d expected", DET_SCENE_CLASSES);
	for (size_t i = 0; i < s->only.n; i++) {
		for (c = 0; det_scene_class[c]; c++)
			if (!strcmp(det_scene_class[c], s->only.v[i]))
				break;
		if (!det_scene_class[c])
			tool_usage(t, "--only: there is no '%s'", s->only.v[i]);
		p->class[i] = c;
		p->n_classes = i + 1;
	}
	for (size_t i = 0; i < p->n_classes; i++) {
		const char *name = det_scene_class[p->class[i]];

		tool_check(t, det_classes_add(&s->table, name, strlen(name), -1));
	}
}

static void
set_params(struct tool *t, struct settings *s)
{
	static const char *const files[] = { "format", "pictures", "quality" };
	struct det_scene_params *p = &s->p;
	long w = (long)p->w, h = (long)p->h;
	size_t i;

	parse_two(t, "size", s->size, 'x', &w, &h);
	parse_two(t, "objects", s->objects, '-', &p->min_objects, &p->max_objects);
	parse_two(t, "clutter", s->clutter, '-', &p->min_clutter, &p->max_clutter);
	if (w < 1 || h < 1)
		tool_usage(t, "--size: WxH expected, found '%s'", s->size);
	p->w = (size_t)w;
	p->h = (size_t)h;
	p->seed = (uint64_t)s->seed;
	set_classes(t, s);
	if (!s->count && (s->dir || t->out_path))
		tool_usage(t, "--count N expected with %s: there is no end to scenes",
		    s->dir ? "--dir" : "-o");
	if (s->dir && t->out_path)
		tool_usage(t, "-o and --dir: one of them expected");
	if (s->splits.n != 3)
		tool_usage(t,
		    "--splits: three shares expected, of train, val and test, found "
		    "%zu",
		    s->splits.n);
	if (tool_given(t, "splits") &&
	    (!s->dir || truth_of[s->truth] != DET_EXPORT_VOC))
		tool_usage(t, "--splits goes with --dir and --format voc");
	for (i = 0; !s->dir && i < sizeof files / sizeof *files; i++)
		if (tool_given(t, files[i]))
			tool_usage(
			    t, "--%s goes with --dir: a stream has no files", files[i]);
}

static void
write_item(struct tool *t, struct det_buf *ppm, const struct det_item *it,
    const struct det_image *im, const struct det_boxes *b)
{
	struct det_tensor bytes = { DET_U8, 1, { 0 }, NULL };

	ppm->len = 0;
	tool_check(t, det_image_encode(ppm, im, DET_FORMAT_PPM, 0));
	bytes.dims[0] = ppm->len;
	bytes.data = ppm->text;
	tool_check(t, det_item_write(t->out, it));
	tool_check(t, det_writer_tensor(t->out, "source", &bytes, NULL));
	tool_check(t, det_boxes_write(t->out, "gt", b, NULL));
	tool_check(t, det_writer_flush(t->out));
}

static void
draw_all(struct tool *t, const struct settings *s, struct det_dataset *set)
{
	struct det_item it = { .width = (long)s->p.w,
		.height = (long)s->p.h,
		.orientation = 1,
		.map = { 1, 1, 0, 0, 0, 0 } };
	struct det_scenes *scenes;
	struct det_buf ppm = { 0 };
	char name[64];

	tool_check(
	    t, det_scenes_new(&scenes, &s->p, (uint64_t)s->first, tool_threads(t)));
	it.path = name;
	for (long i = 0; !s->count || i < s->count; i++) {
		const struct det_image *im;
		struct det_boxes *b;

		it.id = s->first + i;
		(void)snprintf(name, sizeof name, "scene-%06ld.ppm", it.id);
		tool_check(t, det_scenes_next(&im, &b, scenes));
		if (set)
			tool_check(t, det_dataset_put(set, im, &it, b));
		else
			write_item(t, &ppm, &it, im, b);
	}
	det_scenes_free(scenes);
	det_buf_free(&ppm);
}

static void
write_stream(struct tool *t, const struct settings *s)
{
	tool_binary(t);
	tool_check(t, det_writer_open_fd(&t->out, t->out_fd,
			  t->out_path ? t->out_path : "standard output"));
	tool_stream_classes(t, &s->table);
	draw_all(t, s, NULL);
	tool_stream_end(t);
}

static void
write_files(struct tool *t, const struct settings *s)
{
	const double *share = s->splits.v;
	const struct det_dataset_params p = { s->dir, truth_of[s->truth],
		picture_of[s->picture], (int)s->quality,
		{ share[0], share[1], share[2] } };
	struct det_dataset *set;
	char lost[256];

	tool_check(t, det_dataset_new(&set, &p, &s->table));
	draw_all(t, s, set);
	tool_check(t, det_dataset_end(set));
	if (det_dataset_lost(lost, sizeof lost, set))
		tool_warn(t, "this format can't hold, and so were lost: %s", lost);
	det_dataset_free(set);
}

int
main(int argc, char *argv[])
{
	struct settings s = {
		.p = DET_SCENE_DEFAULTS, .quality = 92, .splits = { { 6, 2, 2 }, 3 }
	};
	const struct opt opts[] = {
		OPT_LONG(0, "count", &s.count, 0, 1000000000, "N",
		    "so many scenes; 0: without end"),
		OPT_LONG(0, "first", &s.first, 0, 1000000000, "N",
		    "the number of the first"),
		OPT_LONG(0, "seed", &s.seed, 0, 1L << 53, "N", "of all chance"),
		OPT_STR(0, "size", &s.size, "WxH", "of a scene (default: 320x320)"),
		OPT_NAMES(0, "only", &s.only, "NAMES",
		    "classes to draw, labelled in this order"),
		OPT_STR(0, "objects", &s.objects, "A-B",
		    "from A to B in a scene (default: 2-9)"),
		OPT_STR(0, "clutter", &s.clutter, "A-B",
		    "things without a class (default: 4-16)"),
		OPT_DOUBLE(0, "visible", &s.p.visible, 0, 1, "SHARE",
		    "flag as difficult what shows less of itself"),
		OPT_STR('d', "dir", &s.dir, "DIR", "write files to DIR, no stream"),
		OPT_CHOICE('f', "format", &s.truth, truths, "FORMAT",
		    "dir: of the ground truth"),
		OPT_CHOICE(0, "pictures", &s.picture, pictures, "FORMAT",
		    "dir: of the pictures"),
		OPT_LONG(0, "quality", &s.quality, 1, 100, "Q", "of JPEG"),
		OPT_LIST(0, "splits", &s.splits, 0, 1e6, "TRAIN,VAL,TEST",
		    "voc: shares of the splits; 0,0,0: no lists"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-scene",
		"Draw pictures of objects by chance, with their boxes.", NULL,
		TOOL_PRINTS | TOOL_THREADS, opts };
	struct tool t;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	set_params(&t, &s);

	/* work */
	if (s.dir)
		write_files(&t, &s);
	else
		write_stream(&t, &s);

	/* finish */
	det_classes_release(&s.table);
	return tool_finish(&t);
}
