/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "image/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/split.h"

struct det_inputs {
	struct det_inputs_params p;
	size_t next;             /* of p.paths */
	struct det_split *split; /* while standard input gives pictures */
	int fd;
	size_t pieces; /* that it gave */
	FILE *list;
	char *line;
	size_t cap;
	long id;
	int ended;
};

static int
uses_stdin(const struct det_inputs_params *p)
{
	size_t i;
	int n = p->list && strcmp(p->list, "-") == 0;

	for (i = 0; i < p->n_paths; i++)
		n += strcmp(p->paths[i], "-") == 0;
	return n;
}

enum det_err
det_inputs_new(struct det_inputs **out, const struct det_inputs_params *p)
{
	struct det_inputs *in;
	enum det_err e;

	if (uses_stdin(p) > 1)
		return det_fail(
		    DET_INVALID, "standard input ('-') can be read once only");
	if (p->shards < 1 || p->shard < 0 || p->shard >= p->shards)
		return det_fail(DET_INVALID, "shard %ld of %ld", p->shard, p->shards);
	if ((e = det_calloc(&in, 1, sizeof *in)))
		return e;
	in->p = *p;
	if (p->list) {
		in->list = strcmp(p->list, "-") == 0 ? stdin : fopen(p->list, "r");
		if (!in->list) {
			e = det_fail(DET_IO, "%s:", p->list);
			free(in);
			return e;
		}
	}
	*out = in;
	return DET_OK;
}

void
det_inputs_free(struct det_inputs *in)
{
	if (!in)
		return;
	if (in->list && in->list != stdin)
		(void)fclose(in->list);
	det_split_free(in->split);
	free(in->line);
	free(in);
}

void
det_input_release(struct det_input *in)
{
	free(in->path);
	free(in->data);
	if (in->one)
		det_items_one_release(in->one);
	free(in->one);
	*in = (struct det_input){ 0 };
}

static enum det_err
next_of_stdin(struct det_inputs *in, struct det_input *out)
{
	const unsigned char *data;
	struct det_bytes src = { det_bytes_fd, &in->fd };
	size_t n;
	enum det_err e;

	if (!in->split && (e = det_split_new(&in->split, &src, in->p.max_bytes)))
		return e;
	if ((e = det_split_next(in->split, &data, &n)))
		goto fail;
	if (n == 0) {
		det_split_free(in->split);
		in->split = NULL;
		if (in->pieces > 0)
			return DET_OK;
		e = det_fail(DET_TRUNCATED, "JPEG, PNG or PPM expected, found nothing: "
					    "standard input is empty");
		goto fail;
	}
	in->pieces++;
	if ((e = det_alloc(&out->data, n, 1)))
		return e;
	memcpy(out->data, data, n);
	out->size = n;
	return det_strdup(&out->path, "-");
fail:
	if (det_strdup(&out->path, "-"))
		out->path = NULL;
	return e;
}

static enum det_err
next_of_list(struct det_inputs *in, struct det_input *out)
{
	const int end = in->p.nul ? 0 : '\n';
	ssize_t n;
	size_t len;

	for (;;) {
		errno = 0;
		n = getdelim(&in->line, &in->cap, end, in->list);
		if (n < 0) {
			if (ferror(in->list) || errno == ENOMEM)
				return det_fail(DET_IO, "%s:", in->p.list);
			return DET_OK;
		}
		len = (size_t)n;
		if (len > 0 && in->line[len - 1] == end)
			len--;
		if (!in->p.nul && len > 0 && in->line[len - 1] == '\r')
			len--;
		if (memchr(in->line, 0, len))
			return det_fail(DET_INVALID,
			    "%s: a NUL inside a path: are paths parted by NUL?",
			    in->p.list);
		if (len > 0) /* blank lines are no paths */
			return det_strndup(&out->path, in->line, len);
	}
}

/* An item that is marked as bad is given as it is, with its error for a message. */
static enum det_err
next_of_items(struct det_inputs *in, struct det_input *out)
{
	enum det_err e;

	if ((e = det_calloc(&out->one, 1, sizeof *out->one)))
		return e;
	if ((e = det_items_next(in->p.items, out->one))) {
		out->broken = 1;
		return e;
	}
	if (!out->one->item.path)
		return DET_OK;
	out->data = out->one->source;
	out->size = out->one->source_size;
	out->one->source = NULL;
	return det_strdup(&out->path, out->one->item.path);
}

/* Whatever its share. */
static enum det_err
next_of_all(struct det_inputs *in, struct det_input *out)
{
	enum det_err e;

	if (in->p.items)
		return next_of_items(in, out);
	while (in->next < in->p.n_paths) {
		if (strcmp(in->p.paths[in->next], "-") != 0)
			return det_strdup(&out->path, in->p.paths[in->next++]);
		e = next_of_stdin(in, out);
		if (e || out->path)
			return e;
		in->next++;
	}
	return in->list ? next_of_list(in, out) : DET_OK;
}

enum det_err
det_inputs_next(struct det_inputs *in, struct det_input *out)
{
	enum det_err e;

	for (;;) {
		*out = (struct det_input){ .id = in->id };
		if (in->ended)
			return DET_OK;
		e = next_of_all(in, out);
		if (e || !out->path) {
			in->ended = 1;
			return e;
		}
		if (in->id++ % in->p.shards == in->p.shard) {
			if (out->one)
				out->id = out->one->item.id;
			return DET_OK;
		}
		det_input_release(out);
	}
}
