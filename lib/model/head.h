/* SPDX-License-Identifier: MIT
 *
 * The head of a model: its network "head", where it has one, and its decode text. Tensors
 * by name go in, boxes come out. The network "rpn" and the text "propose" are another such
 * pair.
 */
#ifndef DET_HEAD_H
#define DET_HEAD_H

#include "box/decode.h"
#include "model/model.h"

struct det_head;

/* The network NET ("head") and the decode text TEXT ("decode"). DET_INVALID where the model
 * has no such text, or one of the texts or weights is wrong. `threads` as in struct
 * det_engine_params. The model must outlive the head. */
enum det_err det_head_open(struct det_head **out, const struct det_model *m,
    const char *net, const char *text, int threads) DET_MUST_USE;
void det_head_close(struct det_head *h);

/* The records that a run takes: inputs of the network, then maps that are decoded as they
 * come; then box lists (proposals); then anchors ("MAP.anchors"), which are made from the
 * model's text where they do not come. No tensor's name occurs twice. */
enum det_head_kind { DET_HEAD_INPUT, DET_HEAD_TENSOR, DET_HEAD_LIST, DET_HEAD_GRID };

size_t det_head_wants(const struct det_head *h);
const char *det_head_want(const struct det_head *h, size_t i, enum det_head_kind *kind);

/* Whether record i was made as the model has it, by its attributes: anchors ("anchors") by
 * the statement of the model's text, others ("made") under its options. DET_INVALID tells
 * what differs. A record without such attributes passes. */
enum det_err det_head_agrees(
    const struct det_head *h, size_t i, const struct det_attrs *a) DET_MUST_USE;

/* Of record i, where it is a list its boxes, in the input's space; else the tensor, .data
 * NULL for anchors that did not come. */
struct det_head_in {
	const struct det_tensor *tensor; /* det_head_wants of each */
	const struct det_boxes *list;    /* NULL: none of them is a list */
};

/* Runs the network and decodes. The rest is det_decode_run's. A network whose input has no
 * row (no proposal) gives no box. */
enum det_err det_head_run(struct det_boxes *out, struct det_head *h,
    const struct det_head_in *in, const struct det_decode_params *p) DET_MUST_USE;

#endif
