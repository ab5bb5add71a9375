/* SPDX-License-Identifier: MIT
 *
 * Caffe prototxts from hostile bytes. What is accepted must make texts that their own
 * parsers accept; and where its weights are few, they are written as a caffemodel, read
 * back and imported: the model that comes of it must pass det_model_check. What the limits
 * of the texts' formats refuse is no failure.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "box/decode.h"
#include "model/list.h"
#include "model/names.h"
#include "tests/unit/caffe_make.h"

#define MAX_FLOATS 50000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
memory_file(char path[64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		abort();
	(void)snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void
must(enum det_err e)
{
	if (!e || e == DET_LIMIT)
		return;
	(void)fprintf(stderr, "%s\n", det_errmsg());
	abort();
}

/* The texts agree with each other. */
static void
check_texts(const struct det_caffe *c)
{
	const char *anchors = det_caffe_text(c, "anchors"),
		   *names[] = { "decode", "propose" };
	struct det_anchors *a = NULL;
	struct det_decode *d;
	enum det_err e = DET_OK;

	if (anchors)
		must(e = det_anchors_parse(&a, anchors, strlen(anchors), "anchors"));
	for (size_t i = 0; !e && i < 2; i++) {
		const char *text = det_caffe_text(c, names[i]);

		if (!text)
			continue;
		must(e = det_decode_parse(&d, text, strlen(text), names[i]));
		if (!e) {
			must(det_decode_bind(d, a));
			det_decode_free(d);
		}
	}
	det_anchors_free(a);
}

static size_t
count_floats(const struct det_caffe *c)
{
	size_t sum = 0, n;

	for (size_t i = 0; i < c->n_weights; i++) {
		struct det_tensor t = c->weight[i].shape;

		t.dtype = DET_F32;
		if (det_tensor_count(&n, &t) || n > MAX_FLOATS)
			return MAX_FLOATS + 1;
		sum += n;
	}
	return sum;
}

static void
check_model(const struct det_caffe *c, const char *path)
{
	struct det_model *m;

	must(det_model_open(&m, path));
	must(det_model_check(m));
	det_model_close(m);
	(void)c;
}

static void
import(struct det_caffe *c, int form)
{
	struct det_buf file = { 0 }, names = { 0 }, notes = { 0 };
	struct det_classes classes;
	struct det_source s;
	struct det_writer *w;
	char from[64], to[64];
	int in = memory_file(from), out = memory_file(to);

	make_caffemodel(&file, c, form);
	if (det_write_all(in, file.text, file.len, "fuzz") ||
	    det_names_make(&classes, det_caffe_classes(c)) ||
	    det_buf_add(&names, "", 0) || det_writer_open_fd(&w, out, "fuzz"))
		abort();
	for (size_t i = 0; i < classes.n; i++)
		if (det_buf_printf(&names, "%s\n", classes.name[i]))
			abort();
	if (det_caffemodel_open(&s, from) == DET_OK) {
		/* layers of one name can disagree */
		if (!det_caffe_load(c, &s, "weights", &notes)) {
			must(det_writer_make(
			    w, DET_STREAM, NULL, names.text, names.len));
			must(det_caffe_write(w, c));
			must(det_writer_end(w));
			check_model(c, to);
		}
		det_source_close(&s);
	}
	det_writer_free(w);
	det_classes_release(&classes);
	det_buf_free(&file);
	det_buf_free(&names);
	det_buf_free(&notes);
	(void)close(in);
	(void)close(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char anchors[] = "prior(a) min=3,5,7 stride=8\n"
				      "prior(b) min=9,12 stride=16\n";
	struct det_caffe_params p = { .anchors = anchors,
		.anchors_len = sizeof anchors - 1 };
	struct det_caffe *c;

	if (det_caffe_parse(&c, (const char *)data, size, "fuzz", size & 1 ? &p : NULL))
		return 0;
	check_texts(c);
	if (count_floats(c) <= MAX_FLOATS && det_caffe_classes(c) < 10000)
		import(c, (int)(size % 16));
	det_caffe_free(c);
	return 0;
}
