/* SPDX-License-Identifier: MIT
 *
 * What ends conv and fc in training: a bias and batch normalisation behind a product. Private
 * to lib/nn.
 *
 * The layer's weights are those of the product (weight[0]), then what det_op_bn_weight names.
 * With batch normalisation the product is kept in `saved`, and the statistics behind it.
 */
#ifndef DET_BN_END_H
#define DET_BN_END_H

#include "nn/op.h"

/* det_op.train_saved of such a layer. */
size_t det_bn_end_saved(const struct det_bn_args *a, const size_t out[4]);

/* How to run the product: where it goes, with which bias (NULL: none) and activation. */
struct det_bn_end {
	float *to;
	const float *shift;
	enum det_act act;
};
struct det_bn_end det_bn_end_product(
    const struct det_bn_args *a, const struct det_op_train *t);

/* Behind the product: out = act(normalised), if it is to be normalised. */
void det_bn_end_forward(const struct det_bn_args *a, const struct det_op_train *t);

/* out_grad becomes the gradient by the product; those of bias, gamma and beta are added. */
void det_bn_end_backward(const struct det_bn_args *a, const struct det_op_back *b);

#endif
