/* SPDX-License-Identifier: MIT
 *
 * The pipe that a model carries (TEXT "pipeline"): one stage a line, "det-TOOL" and long
 * options "--name=value" or "--name". A model may come from a stranger, so a pipeline can
 * say only what a detector needs: tools of the list in pipeline.c, and no option that
 * names a file.
 */
#ifndef DET_PIPELINE_H
#define DET_PIPELINE_H

#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

/* Words of each stage; word[0] is the tool. All malloc'd, NULL-terminated. */
struct det_stage {
	char **word;
	size_t n, cap;
};

struct det_pipeline {
	struct det_stage *stage;
	size_t n, cap;
};

/* DET_INVALID "line 2: ..." for what is not allowed. */
enum det_err det_pipeline_parse(
    struct det_pipeline *p, const char *text, size_t len) DET_MUST_USE;
void det_pipeline_release(struct det_pipeline *p);

/* Whether a long option (n bytes, no dashes) is the user's alone, so that no model may set
 * it: those that read or write files, choose the work, or silence reports. */
int det_option_is_users(const char *name, size_t n);

/* The first stage of that tool, NULL if it has none. */
struct det_stage *det_pipeline_find(struct det_pipeline *p, const char *tool);
/* Takes all stages of that tool out. */
void det_pipeline_drop(struct det_pipeline *p, const char *tool);
/* Adds an empty stage at the end, or a word (copied) to a stage. */
enum det_err det_pipeline_add(struct det_pipeline *p, const char *tool) DET_MUST_USE;
enum det_err det_stage_add(struct det_stage *s, const char *word) DET_MUST_USE;

/* Appends the pipe as a shell takes it, a stage a line. */
enum det_err det_pipeline_text(
    struct det_buf *out, const struct det_pipeline *p) DET_MUST_USE;

#endif
