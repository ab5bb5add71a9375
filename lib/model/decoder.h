/* SPDX-License-Identifier: MIT
 *
 * A network of a model, where it has it, and the decode text that its outputs are for:
 * "head" and "decode" (det-head), "rpn" and "propose" (det-propose). Tensors and box lists
 * by name go in, boxes come out.
 */
#ifndef DET_DECODER_H
#define DET_DECODER_H

#include "box/decode.h"
#include "model/model.h"

struct det_decoder;

/* What a run takes. */
struct det_decoder_input {
	const char *name;
	uint32_t kind;  /* DET_TENSOR or DET_BOXES */
	int optional;   /* anchors: made from the model's text where they do not come */
	int of_network; /* an input of the network: a feature map */
};

/* DET_INVALID where the model has no text of that name, or a text or weight is wrong.
 * `threads` as in struct det_engine_params. The model must outlive the decoder. */
enum det_err det_decoder_open(struct det_decoder **out, const struct det_model *m,
    const char *net, const char *text, int threads) DET_MUST_USE;
void det_decoder_close(struct det_decoder *d);

/* Inputs of the network first, then maps that are decoded as they come, box lists, and
 * anchors; no name twice of a kind. */
size_t det_decoder_inputs(const struct det_decoder *d);
const struct det_decoder_input *det_decoder_input(
    const struct det_decoder *d, size_t i);

/* Runs the network and decodes. tensor[i] and list[i] are input i, by its kind; of optional
 * ones that did not come tensor[i].data is NULL. list may be NULL where no input is one. */
enum det_err det_decoder_run(struct det_boxes *out, struct det_decoder *d,
    const struct det_tensor *tensor, const struct det_boxes *list,
    const struct det_decode_params *p) DET_MUST_USE;

#endif
