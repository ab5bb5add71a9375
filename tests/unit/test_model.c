/* SPDX-License-Identifier: MIT
 *
 * Model files: what is written is found, and what is no model is refused.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/list.h"
#include "model/model.h"
#include "stream/writer.h"
#include "tests/unit/tap.h"

static const char net[] = "net backbone\ninput image 1 4 4\n"
			  "c0 = conv(image) out=2 k=3 pad=1\noutput y0=c0\n";
static const char decode[] = "yolo3(y0) anchors=1,2 classes=2 net=4x4\n";

/* What to leave out or to do wrong. */
enum wrong {
	RIGHT,
	TWICE,
	AN_ITEM,
	SHAPE,
	MISSING,
	NOT_FINITE,
	UNUSED,
	BAD_NET,
	NO_MAP,
	CLASSES,
	HALF,
	PIPELINE
};

static enum det_err
tensors(struct det_writer *w, enum wrong x)
{
	float weight[18] = { 1, 2, 3 }, bias[2] = { 4, 5 };
	unsigned char half[4] = { 0 };
	struct det_tensor t = { DET_F32, 4, { 2, 1, 3, 3 }, weight };
	struct det_tensor b = { DET_F32, 1, { 2 }, bias };
	struct det_tensor h = { DET_F16, 1, { 2 }, half };
	enum det_err e;

	if (x == SHAPE)
		t = (struct det_tensor){ DET_F32, 4, { 1, 2, 3, 3 }, weight };
	if (x == NOT_FINITE)
		weight[17] = strtof("inf", NULL);
	if ((e = det_writer_tensor(w, "backbone/c0.weight", &t, NULL)))
		return e;
	if (x == TWICE && (e = det_writer_tensor(w, "backbone/c0.weight", &t, NULL)))
		return e;
	if (x == UNUSED && (e = det_writer_tensor(w, "backbone/c1.weight", &t, NULL)))
		return e;
	if (x == MISSING)
		return DET_OK;
	return det_writer_tensor(w, "backbone/c0.bias", x == HALF ? &h : &b, NULL);
}

static enum det_err
texts(struct det_writer *w, enum wrong x)
{
	const char *n = x == BAD_NET ? "net backbone\nc0 = conf(image)\n" : net;
	const char *d = x == NO_MAP    ? "yolo3(y1) anchors=1,2 classes=2 net=4x4\n"
			: x == CLASSES ? "yolo3(y0) anchors=1,2 classes=3 net=4x4\n"
				       : decode;
	const char *p = x == PIPELINE ? "rm -rf\n" : "det-image\ndet-backbone\n";
	enum det_err e;

	if ((e = det_writer_text(w, "net/backbone", n, strlen(n))) ||
	    (e = det_writer_text(w, "decode", d, strlen(d))) ||
	    (e = det_writer_text(w, "pipeline", p, strlen(p))))
		return e;
	return det_writer_text(w, "options/det-nms", "", 0);
}

static void
make(const char *path, enum wrong x)
{
	static const char classes[] = "cat\ndog\t17\n";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct det_writer *w;
	struct det_item it = { .id = 0 };
	char name[] = "a.jpg";

	it.path = name;
	if (fd < 0 || det_writer_open_fd(&w, fd, path) ||
	    det_writer_make(w, DET_STREAM, NULL, classes, sizeof classes - 1) ||
	    texts(w, x) || tensors(w, x) || (x == AN_ITEM && det_item_write(w, &it)) ||
	    det_writer_end(w))
		abort();
	det_writer_free(w);
	(void)close(fd);
}

static char *
slurp(const char *path, size_t *n)
{
	char *data;

	if (det_file_read(&data, n, path, (size_t)1 << 24))
		abort();
	return data;
}

static void
spill(const char *path, const char *data, size_t n)
{
	FILE *f;

	(void)unlink(path); /* some file systems flush a file cut to nothing */
	f = fopen(path, "wb");
	if (!f || fwrite(data, 1, n, f) != n || fclose(f))
		abort();
}

static void
contents(void)
{
	struct det_model *m;
	struct det_tensor t;
	struct det_record r;
	const char *text;
	size_t len, n = 0;

	make("m.det", RIGHT);
	ok(det_model_open(&m, "m.det") == DET_OK, "a model opens");
	det_model_text(m, "net/backbone", &text, &len);
	ok(text && len == strlen(net) && !memcmp(text, net, len), "a text is found");
	det_model_text(m, "options/det-nms", &text, &len);
	ok(text && len == 0, "an empty text is there");
	det_model_text(m, "options/det-head", &text, &len);
	ok(!text, "one that is not there is NULL");
	ok(det_model_tensor(m, "backbone/c0.bias", &t) == DET_OK && t.rank == 1 &&
		t.dims[0] == 2 && ((float *)t.data)[1] == 5,
	    "a tensor is found");
	ok(((size_t)t.data & 63) == 0, "its data is aligned to 64");
	ok(det_model_tensor(m, "backbone/c9.bias", &t) == DET_INVALID &&
		strstr(det_errmsg(), "'backbone/c9.bias'"),
	    "one that is not there is an error with its name");
	ok(det_model_tensor(m, "decode", &t) == DET_INVALID, "a text is no tensor");
	ok(det_model_classes(m)->n == 2 && det_model_classes(m)->source[1] == 17,
	    "the class table is read");
	while (det_model_record(m, n, &r))
		n++;
	ok(n == 7, "all records are walked: STRM, 4 texts, 2 tensors (%zu)", n);
	ok(det_model_verify(m) == DET_OK, "payloads are verified");
	ok(det_model_check(m) == DET_OK, "the model is whole");
	det_model_close(m);
	det_model_close(NULL);
}

static void
refused(void)
{
	static const struct {
		enum wrong x;
		int opens;
		const char *says;
	} cases[] = {
		{ TWICE, 0, "two TENS records named 'backbone/c0.weight'" },
		{ AN_ITEM, 0, "a stream of items" },
		{ SHAPE, 1,
		    "bad.det: weight 'backbone/c0.weight' is 1x2x3x3, the network "
		    "wants 2x1x3x3" },
		{ MISSING, 1, "bad.det: no tensor 'backbone/c0.bias'" },
		{ NOT_FINITE, 1, "'backbone/c0.weight' holds infinity at index 17" },
		{ UNUSED, 1, "3 tensors, of which its nets use 2" },
		{ BAD_NET, 1, "conf" },
		{ NO_MAP, 1, "the map 'y1', which no net puts out" },
		{ CLASSES, 1, "3 classes, the class table has 2" },
		{ HALF, 1, "is f16, expected f32" },
		{ PIPELINE, 1, "line 1" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_model *m;
		enum det_err e;
		int opened;

		make("bad.det", cases[i].x);
		e = det_model_open(&m, "bad.det");
		opened = e == DET_OK;
		if (opened)
			e = det_model_check(m);
		ok(opened == cases[i].opens && e &&
			strstr(det_errmsg(), cases[i].says) &&
			!strstr(det_errmsg(), "bad.det: bad.det"),
		    "refused: %s", det_errmsg());
		det_model_close(m);
	}
}

/* Every prefix of the file, and two files in one. */
static void
cut(void)
{
	size_t n, opened = 0;
	char *data = slurp("m.det", &n), *two = malloc(2 * n);
	struct det_model *m;

	for (size_t k = 0; k < n; k++) {
		spill("cut.det", data, k);
		opened += det_model_open(&m, "cut.det") == DET_OK;
		det_model_close(m);
	}
	ok(opened == 0, "cut short at any of %zu bytes it does not open", n);
	if (!two)
		abort();
	memcpy(two, data, n);
	memcpy(two + n, data, n);
	spill("two.det", two, 2 * n);
	ok(det_model_open(&m, "two.det") == DET_INVALID &&
		strstr(det_errmsg(), "joined"),
	    "two models joined are refused: %s", det_errmsg());
	free(two);
	free(data);
}

/* A flipped bit anywhere is noticed on opening or by the check. */
static void
flipped(void)
{
	size_t n, missed = 0;
	char *data = slurp("m.det", &n);
	struct det_model *m;

	for (size_t k = 0; k < n; k++) {
		data[k] ^= 0x10;
		spill("flip.det", data, n);
		missed += det_model_open(&m, "flip.det") == DET_OK &&
			  det_model_check(m) == DET_OK;
		det_model_close(m);
		data[k] ^= 0x10;
	}
	ok(missed == 0, "a bit flipped in any of %zu bytes is noticed (%zu missed)", n,
	    missed);
	free(data);
}

static void
digests(void)
{
	struct det_model *a, *b, *c;

	make("same.det", RIGHT);
	make("other.det", SHAPE);
	if (det_model_open(&a, "m.det") || det_model_open(&b, "same.det") ||
	    det_model_open(&c, "other.det"))
		abort();
	ok(strlen(det_model_digest(a)) == 16 &&
		!strcmp(det_model_digest(a), det_model_digest(b)),
	    "equal models have one digest");
	ok(strcmp(det_model_digest(a), det_model_digest(c)) != 0, "others another");
	det_model_close(a);
	det_model_close(b);
	det_model_close(c);
}

static void
from_pipe(void)
{
	int p[2];
	size_t n;
	char *data = slurp("m.det", &n), path[64];
	struct det_model *m = NULL;
	struct det_tensor t;

	if (pipe(p) || write(p[1], data, n) != (ssize_t)n || close(p[1]))
		abort();
	(void)snprintf(path, sizeof path, "/dev/fd/%d", p[0]);
	if (access(path, R_OK) == 0)
		ok(!det_model_open(&m, path) &&
			!det_model_tensor(m, "backbone/c0.bias", &t) &&
			((float *)t.data)[0] == 4,
		    "a model comes from a pipe as well");
	else
		ok(1, "no /dev/fd # SKIP");
	det_model_close(m);
	(void)close(p[0]);
	free(data);
}

static void
from_memory(void)
{
	size_t n;
	char *data = slurp("m.det", &n);
	unsigned char *at = aligned_alloc(64, (n + 63) / 64 * 64);
	struct det_model *m = NULL, *file = NULL;
	struct det_tensor t;

	if (!at || det_model_open(&file, "m.det"))
		abort();
	memcpy(at, data, n);
	ok(!det_model_open_bytes(&m, at, n, "there") &&
		!strcmp(det_model_path(m), "there") &&
		!strcmp(det_model_digest(m), det_model_digest(file)),
	    "a model in memory");
	ok(!det_model_tensor(m, "backbone/c0.bias", &t) &&
		(unsigned char *)t.data >= at && (unsigned char *)t.data < at + n,
	    "is not copied");
	det_model_leave(m, t.data, 4);
	det_model_close(m);
	ok(memcmp(at, data, n) == 0, "and stays there when it is closed");
	ok(det_model_open_bytes(&m, at, n - 64, "there") == DET_TRUNCATED && !m &&
		!strncmp(det_errmsg(), "there: ", 7),
	    "cut short it is none: %s", det_errmsg());
	ok(det_model_open_bytes(&m, NULL, 0, "there") == DET_TRUNCATED && !m,
	    "nor is nothing");
	det_model_close(file);
	free(at);
	free(data);
}

static void
lists(void)
{
	struct det_buf b = { 0 };
	struct det_model *m;

	if (det_model_open(&m, "m.det"))
		abort();
	ok(det_model_list(&b, m) == DET_OK &&
		strstr(b.text, "classes: 2: cat, dog\n") &&
		strstr(b.text, "net/backbone: image 1x4x4 -> y0\n") &&
		strstr(b.text, "pipeline: det-image | det-backbone\n"),
	    "list names classes, net and pipeline");
	ok(strstr(b.text, "backbone/c0  ") && strstr(b.text, " 2x1x3x3 ") &&
		strstr(b.text, " 20\n"),
	    "and layers with their shape and count");
	det_buf_free(&b);
	ok(det_model_tsv(&b, m) == DET_OK &&
		strstr(b.text, "TENS\tbackbone/c0.weight\tf32\t2x1x3x3\t18\t72\n") &&
		strstr(b.text, "TEXT\toptions/det-nms\t-\t-\t-\t0\n"),
	    "TSV has a line a record");
	det_buf_free(&b);
	det_model_close(m);
}

int
main(void)
{
	contents();
	refused();
	cut();
	flipped();
	digests();
	from_pipe();
	from_memory();
	lists();
	for (const char *const *f = (const char *const[]){ "m.det", "bad.det",
		 "cut.det", "two.det", "flip.det", "same.det", "other.det", NULL };
	     *f; f++)
		(void)unlink(*f);
	return done();
}
