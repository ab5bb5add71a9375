/* SPDX-License-Identifier: MIT
 *
 * A network as text (formats/net.md), parsed into a graph of layers with blocks expanded.
 * Knows names, operators and parameters; weights and sizes come with the engine.
 */
#ifndef DET_NET_H
#define DET_NET_H

#include <stddef.h>

#include "base/err.h"
#include "base/tensor.h"

struct det_net;

/* Parses `text`; every error is DET_INVALID (DET_LIMIT above a limit of the format)
 * "NAME:LINE: what was expected, what was found". */
enum det_err det_net_parse(
    struct det_net **out, const char *text, size_t len, const char *name) DET_MUST_USE;
void det_net_free(struct det_net *net);

/* The name in its first line. */
const char *det_net_name(const struct det_net *net);

/* Inputs and outputs in the order of the text. Shapes are (N,C,H,W), f32; a 0 among an
 * input's dims is "any", N always is. shape may be NULL. */
size_t det_net_inputs(const struct det_net *net);
const char *det_net_input(
    const struct det_net *net, size_t i, struct det_tensor *shape);
size_t det_net_outputs(const struct det_net *net);
const char *det_net_output(const struct det_net *net, size_t i);

/* The i-th weight the net needs, by its full name "NET/LAYER.suffix", and its shape, in
 * the order of the layers; NULL past the last. Shapes that depend on the input's sizes use
 * the net's declared input; a dim that this does not settle is 0. shape may be NULL. */
const char *det_net_weight(
    const struct det_net *net, size_t i, struct det_tensor *shape);

#endif
