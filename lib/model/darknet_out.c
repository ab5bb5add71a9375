/* SPDX-License-Identifier: MIT
 *
 * The weights of a model as Darknet keeps them: the way back of darknet_weights.c, whose
 * essay describes the file. What the file holds and in which order says the cfg, which the
 * importer left in the model; what stands in the header says "meta", so that a file that
 * was imported comes out with the same bytes. A model with random weights, or one that came
 * from a file without a header, gets version 0.2.5 and seen 0, or no header.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/convert.h"
#include "model/darknet_net.h"

struct header {
	long version[3];
	uint64_t seen;
	size_t size; /* bytes */
	int transposed;
};

/* The value of a line key=value of meta, copied; NULL where there is none. */
static enum det_err
meta_get(char **value, const struct det_model *m, const char *key)
{
	size_t len, at = 0, n, k = strlen(key);
	const char *text, *line;

	*value = NULL;
	det_model_text(m, "meta", &text, &len);
	while (text && det_line_next(&line, &n, text, len, &at))
		if (n > k && line[k] == '=' && memcmp(line, key, k) == 0)
			return det_strndup(value, line + k + 1, n - k - 1);
	return DET_OK;
}

/* "0.2.5" */
static enum det_err
read_version(long v[3], char *text)
{
	char *part = text, *dot;
	enum det_err e;

	for (int i = 0; i < 3; i++) {
		dot = strchr(part, '.');
		if (!dot != (i == 2))
			return det_fail(
			    DET_INVALID, "three numbers expected, found '%s'", text);
		if (dot)
			*dot = 0;
		if ((e = det_parse_long(&v[i], part, INT32_MIN, INT32_MAX)))
			return e;
		part = dot ? dot + 1 : part;
	}
	return DET_OK;
}

static enum det_err
read_seen(uint64_t *seen, const char *text)
{
	*seen = 0;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' ||
		    *seen > (UINT64_MAX - (uint64_t)(*p - '0')) / 10)
			return det_fail(
			    DET_INVALID, "a whole number expected, found '%s'", text);
		*seen = *seen * 10 + (uint64_t)(*p - '0');
	}
	return DET_OK;
}

static enum det_err
read_header(struct header *h, const struct det_model *m)
{
	char *version = NULL, *seen = NULL, *size = NULL, *weights = NULL;
	long bytes = 0, *v = h->version;
	enum det_err e;

	*h = (struct header){ { 0, 2, 5 }, 0, 20, 0 };
	if ((e = meta_get(&version, m, "version")) ||
	    (e = meta_get(&seen, m, "seen")) || (e = meta_get(&size, m, "header")) ||
	    (e = meta_get(&weights, m, "weights")))
		goto fail;
	if (version && (e = read_version(v, version)))
		goto fail;
	if (seen && (e = read_seen(&h->seen, seen)))
		goto fail;
	if (size && (e = det_parse_long(&bytes, size, 16, 20)))
		goto fail;
	if (version)
		h->size = v[0] * 10 + v[1] >= 2 && v[0] < 1000 && v[1] < 1000 ? 20 : 16;
	else if (weights && strcmp(weights, "random") != 0)
		h->size = 0;
	if (size)
		h->size = bytes == 16 ? 16 : 20;
	h->transposed = h->size && (v[0] > 1000 || v[1] > 1000);
fail:
	if (e)
		(void)det_fail_in(e, "%s: meta", det_model_path(m));
	free(version);
	free(seen);
	free(size);
	free(weights);
	return e;
}

static enum det_err
write_header(int fd, const struct header *h, const char *name)
{
	unsigned char b[20];

	for (int i = 0; i < 3; i++)
		det_put32(b + 4 * i, (uint32_t)(int32_t)h->version[i]);
	det_put64(b + 12, h->seen);
	return det_write_all(fd, b, h->size, name);
}

/* The model's (rows, cols) as (cols, rows). */
static enum det_err
write_turned(
    int fd, const struct dk_weight *x, const unsigned char *p, const char *name)
{
	size_t rows = x->dims[0], cols = x->count / rows;
	unsigned char *out;
	enum det_err e;

	if ((e = det_alloc(&out, x->count, 4)))
		return e;
	for (size_t r = 0; r < rows; r++)
		for (size_t c = 0; c < cols; c++)
			memcpy(out + 4 * (c * rows + r), p + 4 * (r * cols + c), 4);
	e = det_write_all(fd, out, 4 * x->count, name);
	free(out);
	return e;
}

static enum det_err
write_weight(int fd, const struct det_model *m, const struct dk_weight *x,
    const struct header *h, const char *name)
{
	struct det_tensor t;
	int same;
	enum det_err e;

	if ((e = det_model_tensor(m, x->name, &t)))
		return det_fail_in(e, "%s", det_model_path(m));
	same = t.dtype == DET_F32 && t.rank == x->rank;
	for (int d = 0; same && d < t.rank; d++)
		same = t.dims[d] == x->dims[d];
	if (!same)
		return det_fail(DET_INVALID,
		    "%s: tensor '%s' has not the shape that its cfg gives it",
		    det_model_path(m), x->name);
	if (x->flipped || (x->fc && h->transposed))
		return write_turned(fd, x, t.data, name);
	return det_write_all(fd, t.data, 4 * x->count, name);
}

enum det_err
det_model_to_darknet(int fd, const struct det_model *m, const char *name)
{
	struct det_darknet_params p = DET_DARKNET_DEFAULTS;
	struct det_darknet *d;
	struct header h;
	const char *cfg;
	size_t len;
	enum det_err e;

	det_model_text(m, "cfg", &cfg, &len);
	if (!cfg)
		return det_fail(DET_INVALID,
		    "%s: a model that came from a Darknet cfg expected, found one "
		    "without the text 'cfg'",
		    det_model_path(m));
	p.ignore_unknown = 1; /* whatever the importer was told, it took them */
	if ((e = det_darknet_parse(&d, cfg, len, "cfg", &p)))
		return det_fail_in(e, "%s", det_model_path(m));
	if (!(e = read_header(&h, m)))
		e = write_header(fd, &h, name);
	for (size_t i = 0; !e && i < d->n_weights; i++)
		if (!d->weight[i].absent)
			e = write_weight(fd, m, &d->weight[i], &h, name);
	det_darknet_free(d);
	return e;
}
