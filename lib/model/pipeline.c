/* SPDX-License-Identifier: MIT */
#include "model/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_STAGES 32
#define MAX_WORDS  64

/* What a pipeline may run: stages that read a stream and write one. */
static const char *const allowed[] = { "det-image", "det-backbone", "det-anchors",
	"det-propose", "det-roipool", "det-head", "det-nms", "det-merge" };

/* Options that read or write files, choose the work or silence reports are the user's alone. */
static const char *const own[] = { "output", "model", "list", "shard", "quiet",
	"skip-bad", "threads", "profile", "help", "version", "anchors", "print",
	"kmeans", "recipe", "resume", "val", "dry-run", "from-item", "positives" };

static void
release_stage(struct det_stage *s)
{
	for (size_t k = 0; k < s->n; k++)
		free(s->word[k]);
	free(s->word);
}

void
det_pipeline_release(struct det_pipeline *p)
{
	for (size_t i = 0; i < p->n; i++)
		release_stage(&p->stage[i]);
	free(p->stage);
	*p = (struct det_pipeline){ 0 };
}

void
det_pipeline_drop(struct det_pipeline *p, const char *tool)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->stage[i].word[0], tool) != 0)
			p->stage[n++] = p->stage[i];
		else
			release_stage(&p->stage[i]);
	}
	p->n = n;
}

enum det_err
det_stage_add(struct det_stage *s, const char *word)
{
	enum det_err e;

	if ((e = det_grow(&s->word, &s->cap, s->n + 2, sizeof *s->word)) ||
	    (e = det_strdup(&s->word[s->n], word)))
		return e;
	s->word[++s->n] = NULL;
	return DET_OK;
}

enum det_err
det_pipeline_add(struct det_pipeline *p, const char *tool)
{
	enum det_err e;

	if ((e = det_grow(&p->stage, &p->cap, p->n + 1, sizeof *p->stage)))
		return e;
	p->stage[p->n] = (struct det_stage){ 0 };
	if ((e = det_stage_add(&p->stage[p->n], tool))) {
		free(p->stage[p->n].word);
		return e;
	}
	p->n++;
	return DET_OK;
}

struct det_stage *
det_pipeline_find(struct det_pipeline *p, const char *tool)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->stage[i].word[0], tool))
			return &p->stage[i];
	return NULL;
}

static int
is_allowed(const char *tool)
{
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		if (!strcmp(tool, allowed[i]))
			return 1;
	return 0;
}

int
det_option_is_users(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (strlen(own[i]) == n && !memcmp(name, own[i], n))
			return 1;
	return 0;
}

static enum det_err
check_option(const char *w)
{
	size_t n = strcspn(w, "=");

	if (strncmp(w, "--", 2) != 0 || !w[2])
		return det_fail(
		    DET_INVALID, "an option --name=value expected, found '%s'", w);
	if (det_option_is_users(w + 2, n - 2))
		return det_fail(
		    DET_INVALID, "a model's pipeline may not give %.*s", (int)n, w);
	return DET_OK;
}

/* One line, cut into words at blanks. */
static enum det_err
parse_stage(struct det_pipeline *p, char *line)
{
	size_t words = 0;
	enum det_err e;

	for (char *w = line + strspn(line, " \t"); *w; words++) {
		char *end = w + strcspn(w, " \t"), *next = end + strspn(end, " \t");

		*end = 0;
		if (words == 0 && !is_allowed(w))
			return det_fail(DET_INVALID,
			    "'%s' is no stage that a pipeline may have", w);
		if (words == MAX_WORDS || p->n > MAX_STAGES)
			return det_fail(DET_LIMIT, "more than %d stages or %d words",
			    MAX_STAGES, MAX_WORDS);
		if (words && (e = check_option(w)))
			return e;
		e = words ? det_stage_add(&p->stage[p->n - 1], w)
			  : det_pipeline_add(p, w);
		if (e)
			return e;
		w = next;
	}
	return DET_OK;
}

enum det_err
det_pipeline_parse(struct det_pipeline *p, const char *text, size_t len)
{
	size_t at = 0, n, number = 0;
	const char *line;
	char *copy;
	enum det_err e = DET_OK;

	*p = (struct det_pipeline){ 0 };
	while (!e && det_line_next(&line, &n, text, len, &at)) {
		number++;
		if (n == 0 || *line == '#')
			continue;
		if ((e = det_strndup(&copy, line, n)))
			break;
		if ((e = parse_stage(p, copy)))
			(void)det_fail_in(e, "pipeline, line %zu", number);
		free(copy);
	}
	if (!e && p->n == 0)
		e = det_fail(DET_INVALID, "the pipeline has no stage");
	if (e)
		det_pipeline_release(p);
	return e;
}

enum det_err
det_pipeline_text(struct det_buf *out, const struct det_pipeline *p)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < p->n; i++) {
		const struct det_stage *s = &p->stage[i];

		for (size_t k = 0; !e && k < s->n; k++)
			if (k == 0 || !(e = det_buf_add(out, " ", 1)))
				e = det_buf_quoted(out, s->word[k]);
		if (!e)
			e = det_buf_printf(out, "%s", i + 1 < p->n ? " |\n  " : "\n");
	}
	return e;
}
