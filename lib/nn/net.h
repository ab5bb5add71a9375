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

/* Parses `text`; every error is DET_INVALID "NAME:LINE: what was expected, what was
 * found". */
enum det_err det_net_parse(
    struct det_net **out, const char *text, size_t len, const char *name) DET_MUST_USE;
void det_net_free(struct det_net *net);

/* Inputs and outputs in the order of the text. A 0 among an input's dims is "any". */
size_t det_net_inputs(const struct det_net *net);
const char *det_net_input(
    const struct det_net *net, size_t i, struct det_tensor *shape);
size_t det_net_outputs(const struct det_net *net);
const char *det_net_output(const struct det_net *net, size_t i);

/* The i-th weight the net needs and its shape, in the order of the layers; NULL past the
 * last. Shapes that depend on the input's channels use the net's declared input. */
const char *det_net_weight(
    const struct det_net *net, size_t i, struct det_tensor *shape);

#endif
