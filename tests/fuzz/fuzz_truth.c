/* SPDX-License-Identifier: MIT
 *
 * Ground truth from hostile bytes: the first byte chooses the format (v: one VOC file, c:
 * COCO, t: a table, y: YOLO labels of a picture of 8x4, r: VOC results), the rest is the
 * file. What is accepted has finite boxes that are not inverted and labels of the table.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/comp.h"
#include "data/truth.h"
#include "data/truth_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/fuzz_truth.XXXXXX";

/* A file of the directory; its path, until the next call. */
static const char *
at(const char *name)
{
	static char path[64];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void
remove_dir(void)
{
	(void)rmdir(dir);
}

static void
put(const char *name, const void *data, size_t size)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd))
		abort();
}

static void
check(const struct det_truth *t)
{
	for (size_t i = 0; i < t->n_objects; i++) {
		const struct det_box *b = &t->object[i].box;

		if (!isfinite(b->x1) || !isfinite(b->y1) || !(b->x2 >= b->x1) ||
		    !(b->y2 >= b->y1) || !isfinite(b->x2) || !isfinite(b->y2) ||
		    b->label < 0 || (size_t)b->label >= t->classes.n ||
		    !(b->area >= 0) || t->object[i].image >= t->n_images)
			abort();
	}
}

static void
on_finding(void *ctx, const struct det_finding *f)
{
	(void)ctx;
	if (!f->kind || !f->file || !f->image || !f->text)
		abort();
}

static void
read_truth(enum det_truth_format format, const char *path, int lenient)
{
	struct det_truth_params p = { .format = format, .path = path };
	struct det_truth t;

	if (lenient)
		p.finding = on_finding;
	if (det_truth_read(&t, &p))
		return;
	check(&t);
	det_truth_release(&t);
}

static enum det_err
on_comp(void *ctx, const struct det_comp_result *v)
{
	(void)ctx;
	if (!isfinite(v->score) || !isfinite(v->box[0]) || !v->id[0])
		abort();
	return DET_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char pgm[] = "P5 8 4 255\n";
	const struct det_comp_sink sink = { .result = on_comp };
	static int made;
	struct det_voc v;

	if (!size)
		return 0;
	if (!made && (!mkdtemp(dir) || atexit(remove_dir)))
		abort();
	made = 1;
	switch (data[0]) {
	case 'v':
		if (!det_voc_parse(&v, (const char *)data + 1, size - 1, "fuzz"))
			det_voc_release(&v);
		put("a.xml", data + 1, size - 1);
		read_truth(DET_TRUTH_VOC, dir, size & 1);
		(void)unlink(at("a.xml"));
		break;
	case 'c':
		put("f", data + 1, size - 1);
		read_truth(DET_TRUTH_COCO, at("f"), size & 1);
		break;
	case 't':
		put("f", data + 1, size - 1);
		read_truth(DET_TRUTH_CSV, at("f"), size & 1);
		break;
	case 'y':
		put("a.txt", data + 1, size - 1);
		put("a.pgm", pgm, sizeof pgm - 1);
		put("classes.txt", "x\ny\n", 4);
		read_truth(DET_TRUTH_YOLO, dir, size & 1);
		(void)unlink(at("a.txt"));
		(void)unlink(at("a.pgm"));
		(void)unlink(at("classes.txt"));
		break;
	default:
		put("f", data + 1, size - 1);
		if (det_comp_read_file(at("f"), 0, DET_CORNERS_USUAL, &sink))
			break;
	}
	(void)unlink(at("f"));
	return 0;
}
