/* SPDX-License-Identifier: MIT
 *
 * A network of a model file, ready to run: parsed, its weights bound where they lie in the
 * map, its algorithms as the model's TEXT "plan/NAME" says where it has one. The model must
 * outlive it.
 */
#ifndef DET_NETWORK_H
#define DET_NETWORK_H

#include "model/model.h"
#include "nn/engine.h"
#include "nn/tune.h"

struct det_network {
	struct det_net *net;
	struct det_engine *engine;
};

/* The graph of TEXT "net/NAME" alone, as below. */
enum det_err det_network_parse(
    struct det_net **out, const struct det_model *m, const char *name) DET_MUST_USE;
/* Whether a network of the model puts out a tensor of that name, other than network `but`
 * (NULL: any). */
enum det_err det_network_puts_out(int *found, const struct det_model *m,
    const char *name, const char *but) DET_MUST_USE;
/* Where the model's weights are found; it must outlive them. */
struct det_weights det_network_weights(const struct det_model *m);

/* Opens the network of TEXT "net/NAME"; DET_INVALID where the model has none of that name
 * (the message lists those it has), or where its text or weights are wrong. p may be NULL. */
enum det_err det_network_open(struct det_network *out, const struct det_model *m,
    const char *name, const struct det_engine_params *p) DET_MUST_USE;
/* Measures the network's convolutions (nn/tune.h) on inputs as det_engine_run takes them;
 * text is what the model's TEXT "plan/NAME" is to be: its lines that hold elsewhere, and
 * those found. The strings of *out are n's. */
enum det_err det_network_tune(struct det_tune *out, struct det_buf *text,
    const struct det_model *m, const struct det_network *n,
    const struct det_engine_params *p, const struct det_tensor *in,
    int rounds) DET_MUST_USE;
/* Harmless on a zeroed struct. */
void det_network_close(struct det_network *n);

#endif
