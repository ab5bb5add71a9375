/* SPDX-License-Identifier: MIT
 *
 * What is in a model, as text for people or as TSV for programs.
 */
#ifndef DET_LIST_H
#define DET_LIST_H

#include "base/text.h"
#include "model/model.h"

/* For people: digest, history, classes, facts, options, pipeline, each network with its
 * inputs and outputs, a line for each layer that has weights, totals. */
enum det_err det_model_list(
    struct det_buf *out, const struct det_model *m) DET_MUST_USE;

/* For programs: a line for each record, kind TAB name TAB dtype TAB shape TAB elements TAB
 * bytes; "-" where a record has no such thing. */
enum det_err det_model_tsv(struct det_buf *out, const struct det_model *m) DET_MUST_USE;

/* Whether the model can be run: payloads are what their checks say, weights are finite,
 * networks and the decode text parse, every network has its weights in the right shape and
 * no weight is without a network, the pipeline's stages are known, class counts agree.
 * The first thing that is wrong is the error. */
enum det_err det_model_check(const struct det_model *m) DET_MUST_USE;

#endif
