/* SPDX-License-Identifier: MIT
 *
 * Darknet cfgs and weights from hostile bytes: the cfg up to the first NUL, then the
 * weights file. A cfg that is accepted must make a network text, a decode text and a
 * pipeline that their own parsers accept, with a weight for each that the net wants: so
 * the model that comes of it, with random weights where they are few, must pass
 * det_model_check. What the parser's limits refuse (a text of 1 MiB) is no failure.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "model/darknet.h"
#include "model/list.h"

#define MAX_FLOATS 100000

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

/* Writes the model and opens it: it must be whole. */
static void
write_model(const struct det_darknet *d, int seeded)
{
	char path[64];
	int fd = memory_file(path);
	struct det_classes c;
	struct det_buf names = { 0 };
	struct det_writer *w;
	struct det_model *m;

	if (det_darknet_names(&c, d, NULL, 0, "") || det_buf_add(&names, "", 0) ||
	    det_writer_open_fd(&w, fd, "fuzz"))
		abort();
	for (size_t i = 0; i < c.n; i++)
		if (det_buf_printf(&names, "%s\n", c.name[i]))
			abort();
	if (det_writer_make(w, DET_STREAM, NULL, names.text, names.len))
		abort();
	if (det_darknet_write(w, d)) {
		if (seeded)
			abort(); /* only a file's weights can be wrong */
	} else if (det_writer_end(w) || det_model_open(&m, path)) {
		abort();
	} else {
		if (det_model_check(m)) {
			(void)fprintf(stderr, "%s\n", det_errmsg());
			abort();
		}
		det_model_close(m);
	}
	det_writer_free(w);
	det_classes_release(&c);
	det_buf_free(&names);
	(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size, floats;
	struct det_darknet_params p = DET_DARKNET_DEFAULTS;
	struct det_darknet *d;
	char path[64];
	int fd;

	p.ignore_unknown = len & 1;
	if (det_darknet_parse(&d, (const char *)data, len, "fuzz", &p))
		return 0;
	floats = det_darknet_floats(d);
	fd = memory_file(path);
	if (nul && write(fd, nul + 1, size - len - 1) < 0)
		abort();
	if (det_darknet_load(d, path) == DET_OK && det_darknet_classes(d) < 10000)
		write_model(d, 0);
	(void)close(fd);
	if (floats < MAX_FLOATS && det_darknet_classes(d) < 10000) {
		det_darknet_seed(d, 1);
		write_model(d, 1);
	}
	det_darknet_free(d);
	return 0;
}
