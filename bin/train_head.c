/* SPDX-License-Identifier: MIT
 *
 * The history of what a run writes: that of the model it began with, that of the stream, a
 * line of this tool. And, when a run goes on, whether the stream was made as the one that it
 * began with: words that only say how much of it there is may differ.
 */
#define _POSIX_C_SOURCE 200809L
#include "bin/train_job.h"

#include <stdlib.h>
#include <string.h>

/* Adds attributes of `from`; all, or those of the key. */
static void
add_attrs(struct train_job *j, const struct det_attrs *from, const char *key)
{
	char *k, *value;
	size_t at = 0;

	for (;;) {
		tool_check(j->t, det_attr_next(from, &at, &k, &value));
		if (!k)
			return;
		if (!key || !strcmp(k, key))
			tool_check(j->t, det_attr_add(&j->head, k, value));
		free(k);
		free(value);
	}
}

static void
add_model(struct train_job *j)
{
	struct det_record r;

	for (size_t i = 0; det_model_record(j->model, i, &r); i++)
		if (r.kind == DET_STREAM)
			add_attrs(j, &r.attrs, NULL);
}

void
train_head_state(struct train_job *j)
{
	add_model(j);
	j->have_head = 1;
}

/* The line without words that do not matter here, in place. */
static void
plain(char *line)
{
	static const char *const amounts[] = { "--from=", "--epochs=", "--count=" };
	char *to = line;

	while (*line) {
		const size_t n = strcspn(line, " "), gap = line[n] == ' ';
		int keep = 1;

		for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
			keep &= strncmp(line, amounts[i], strlen(amounts[i])) != 0;
		if (keep) {
			memmove(to, line, n + gap);
			to += n + gap;
		}
		line += n + gap;
	}
	*to = 0;
}

/* Whether the head has this line; *like is the last one of the same tool, malloc'd. */
static int
find_line(struct train_job *j, const char *line, char **like)
{
	const size_t tool = strcspn(line, " ");
	char *key, *value;
	size_t at = 0;
	int found = 0;

	*like = NULL;
	while (!found) {
		tool_check(j->t, det_attr_next(&j->head, &at, &key, &value));
		if (!key)
			break;
		if (!strcmp(key, "history") && !strncmp(value, line, tool) &&
		    value[tool] == ' ') {
			plain(value);
			found = !strcmp(value, line);
			free(*like);
			*like = value;
			value = NULL;
		}
		free(key);
		free(value);
	}
	return found;
}

static void
compare(struct train_job *j)
{
	char *key, *value, *like;
	size_t at = 0;

	for (;;) {
		tool_check(j->t,
		    det_attr_next(det_batches_head(j->batches), &at, &key, &value));
		if (!key)
			return;
		if (!strcmp(key, "history")) {
			plain(value);
			if (!find_line(j, value, &like))
				tool_warn(j->t,
				    "this is not the stream that the run began with: "
				    "'%.300s' expected, found '%.300s'",
				    like ? like : "", value);
			free(like);
		}
		free(key);
		free(value);
	}
}

void
train_head(struct train_job *j)
{
	if (j->met_stream)
		return;
	j->met_stream = 1;
	if (j->have_head) {
		compare(j);
		return;
	}
	add_model(j);
	add_attrs(j, det_batches_head(j->batches), "history");
	tool_history(j->t, &j->head);
	j->have_head = 1;
}
