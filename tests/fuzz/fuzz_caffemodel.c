/* SPDX-License-Identifier: MIT
 *
 * Caffemodels from hostile bytes: what is accepted has blobs whose every number can be read.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "caffe/caffemodel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_all(const struct det_source *s, size_t size)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t n = det_source_count(&s->t[i]);
		float *v = malloc((n ? n : 1) * sizeof *v);

		/* every number takes its bytes in the file */
		if (!v || n > size || !s->t[i].name)
			abort();
		if (det_source_read(v, &s->t[i]) && !det_errmsg()[0])
			abort();
		free(v);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct det_source s;
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fd < 0 || det_write_all(fd, data, size, "fuzz"))
		abort();
	if (!det_caffemodel_open(&s, path)) {
		read_all(&s, size);
		det_source_close(&s);
	}
	(void)close(fd);
	return 0;
}
