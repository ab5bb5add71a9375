/* SPDX-License-Identifier: MIT
 *
 * A network of a model file, ready to run: parsed, its weights bound where they lie in the
 * map. The model must outlive it.
 */
#ifndef DET_NETWORK_H
#define DET_NETWORK_H

#include "model/model.h"
#include "nn/engine.h"

struct det_network {
	struct det_net *net;
	struct det_engine *engine;
};

/* Opens the network of TEXT "net/NAME"; DET_INVALID where the model has none of that name
 * (the message lists those it has), or where its text or weights are wrong. p may be NULL. */
enum det_err det_network_open(struct det_network *out, const struct det_model *m,
    const char *name, const struct det_engine_params *p) DET_MUST_USE;
/* Harmless on a zeroed struct. */
void det_network_close(struct det_network *n);

#endif
