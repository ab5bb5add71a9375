/* SPDX-License-Identifier: MIT
 *
 * Darknet networks as models: a cfg becomes a network text, a decode text and the tools'
 * options; a .weights file becomes tensors, in place and in order. formats/model.md says
 * what stands where.
 */
#ifndef DET_DARKNET_H
#define DET_DARKNET_H

#include <stdint.h>

#include "model/arch.h"
#include "stream/item.h"
#include "stream/writer.h"

struct det_darknet;

/* Which batch norm: pjreddie's Darknet on a CPU computes (x - m) / (sqrt(v) + 1e-6), on a
 * GPU and in AlexeyAB's fork (x - m) / sqrt(v + 1e-5). AUTO is the second for a cfg that
 * uses keys of the fork, else the first. */
enum det_darknet_bn { DET_DARKNET_BN_AUTO, DET_DARKNET_BN_CPU, DET_DARKNET_BN_GPU };

/* How pictures become the network's input. AUTO: letterbox, as `darknet detector test`
 * does, but stretch for YOLOv1 and for cfgs of the fork without letter_box=1. */
enum det_darknet_fit {
	DET_DARKNET_FIT_AUTO,
	DET_DARKNET_FIT_LETTERBOX,
	DET_DARKNET_FIT_STRETCH
};

struct det_darknet_params {
	enum det_darknet_bn bn;
	enum det_darknet_fit fit;
	const char *kernel; /* det-image's --kernel */
	int ignore_unknown; /* unknown keys are notes, not errors */
};

#define DET_DARKNET_DEFAULTS                                            \
	{                                                               \
		DET_DARKNET_BN_AUTO, DET_DARKNET_FIT_AUTO, "darknet", 0 \
	}

/* Parses a cfg. DET_INVALID names file, line and what was expected; DET_UNSUPPORTED what
 * Darknet has and this has not. `file` is for messages and for the model's "meta". */
enum det_err det_darknet_parse(struct det_darknet **out, const char *text, size_t len,
    const char *file, const struct det_darknet_params *p) DET_MUST_USE;
void det_darknet_free(struct det_darknet *d);

/* What a user should hear, a line each; "" if nothing. Owned by d. */
const char *det_darknet_notes(const struct det_darknet *d);

/* Number of classes: of the detection layers, or of a classifier's output; 0 for a net
 * that ends in features. */
size_t det_darknet_classes(const struct det_darknet *d);

/* Number of floats in a weights file of the network. */
size_t det_darknet_floats(const struct det_darknet *d);

/* Reads a class list, a name a line with the data set's own number after a tab where it has
 * one, and holds it against the network: DET_INVALID where
 * the number differs. text == NULL: names class0, class1, ... */
enum det_err det_darknet_names(struct det_classes *c, const struct det_darknet *d,
    const char *text, size_t len, const char *file) DET_MUST_USE;

/* Maps a weights file and finds out which header it has by what fits to the last byte;
 * "N bytes left / missing" otherwise. The file is used in place by the write. */
enum det_err det_darknet_load(struct det_darknet *d, const char *path) DET_MUST_USE;

/* Seeded random weights instead: convolutions as Darknet starts them (normal, variance
 * 2 / fan-in), normalisation near the identity, damped where residuals add up, so that
 * nets of any depth stay finite. The same seed gives the same bytes. */
void det_darknet_seed(struct det_darknet *d, uint64_t seed);

/* Begins on a file that may hold the first layers alone (darknet53.conv.74, which `darknet
 * partial` cuts): it must end where a layer's weights do; the layers behind are seeded. Says
 * in the notes how far it went. DET_INVALID where it ends within a layer, or has more than
 * all. */
enum det_err det_darknet_begin(
    struct det_darknet *d, const char *path, uint64_t seed) DET_MUST_USE;

/* Writes texts and tensors (no STRM, no END). A weight that is not finite is DET_CORRUPT
 * and names layer and index. */
enum det_err det_darknet_write(
    struct det_writer *w, const struct det_darknet *d) DET_MUST_USE;

/* Whether a file's bytes begin as Darknet's .weights do. */
int det_darknet_is_weights(const unsigned char *p, size_t size);

/* Writes a model of a cfg that begins with another's weights: as det_arch_start. */
enum det_err det_darknet_start(struct det_writer *w, struct det_darknet *d,
    struct det_source *s, const char *file, int strict, uint64_t seed,
    struct det_arch_taken *out) DET_MUST_USE;

/* Writes the weights as a .weights file of version 0.2.5 to fd. */
enum det_err det_darknet_write_weights(
    int fd, const struct det_darknet *d, const char *name) DET_MUST_USE;

#endif
