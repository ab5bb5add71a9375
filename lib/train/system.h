/* SPDX-License-Identifier: MIT
 *
 * A detector in training: the nets of a model in one graph, with its objectives between
 * them. What kind it is follows from the model's texts: a net that objectives end (SSD,
 * RetinaNet, the YOLOs: "backbone", and "head" where there is one); a backbone, an RPN
 * and a head on pooled proposals (Faster R-CNN, with or without FPN); or, where the proposals
 * come with the pictures, a backbone and a head on pooled ones (Fast R-CNN, SPP-net), or both
 * on what is cut out of the picture (R-CNN).
 *
 * Outputs of a net are inputs of the next by their names, as in a stream. A step is forward,
 * losses, backward; gradients add up until they are cleared, so that several steps can make
 * one batch. All is deterministic: seed and number of the run decide what is drawn.
 */
#ifndef DET_SYSTEM_H
#define DET_SYSTEM_H

#include "model/model.h"
#include "nn/grad.h"
#include "train/objective.h"

struct det_system;

struct det_system_params {
	struct det_grad_params grad;
	/* Lines for objectives ("ssd neg=3"), each in place of the model's of that kind. */
	const char *const *line;
	size_t n_lines;
};

/* Weights are copied; the model must outlive the system for its texts. DET_INVALID where
 * the model's nets and texts make no detector that can be trained, saying what is missing. */
enum det_err det_system_open(struct det_system **out, const struct det_model *m,
    const struct det_system_params *p) DET_MUST_USE;
void det_system_free(struct det_system *s);

const char *det_system_about(
    const struct det_system *s); /* "ssd over backbone, head" */

/* The list of proposals that each item must have; NULL: none is looked at. */
const char *det_system_proposals(const struct det_system *s);

/* The weights of all nets, in order; as det_grad_param. */
size_t det_system_n_params(const struct det_system *s);
struct det_param *det_system_param(struct det_system *s, size_t i);
/* Layer i of all nets, in order; its parameters count from *first on in det_system_param.
 * 0 past the last. */
int det_system_layer(
    struct det_grad_layer *out, size_t *first, const struct det_system *s, size_t i);
void det_system_clear(struct det_system *s); /* gradients to 0 */

/* The terms of the loss: columns of the log. Names are unique ("rpn_cls"). */
size_t det_system_terms(const struct det_system *s);
const char *det_system_term(const struct det_system *s, size_t i);

/* The objects of the last step; of two stages the first's. Where proposals come with the
 * pictures, those are without that none of these overlaps enough. Zeros of a classifier. */
struct det_tally det_system_tally(const struct det_system *s);

/* Numbers besides the weights that the next step depends on, *n of them: for checkpoints.
 * NULL where there are none. */
double *det_system_state(struct det_system *s, size_t *n);

struct det_batch {
	struct det_tensor image;         /* (N,C,H,W) f32 */
	const struct det_example *truth; /* N */
	/* N, where det_system_proposals names a list; else not looked at */
	const struct det_proposed *proposed;
	uint64_t run;  /* number of this step, counted over accumulation too */
	uint64_t seen; /* images before it */
};

/* Forward, losses into value[det_system_terms], backward (but for nets of which nothing is
 * learnt, and that nothing learnt stands before): adds `share` times the gradient
 * of their sum. DET_INVALID names the layer or the term, and the image, of the first value
 * that is not finite; then gradients are worthless. */
enum det_err det_system_step(struct det_system *s, const struct det_batch *b,
    double share, double *value) DET_MUST_USE;

/* Bytes and operations of all nets after a step. */
void det_system_stats(const struct det_system *s, struct det_grad_stats *out);

#endif
