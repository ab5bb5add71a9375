/* SPDX-License-Identifier: MIT
 *
 * A Darknet network between cfg and model: layers with their shapes, the texts that come
 * of them, and the weights in the order of the file. Private to lib/model/darknet*.
 */
#ifndef DET_DARKNET_NET_H
#define DET_DARKNET_NET_H

#include "base/file.h"
#include "model/darknet.h"
#include "model/darknet_cfg.h"

enum dk_role { DK_WEIGHT, DK_BIAS, DK_BN_WEIGHT, DK_BN_BIAS, DK_BN_MEAN, DK_BN_VAR };

/* One run of floats in the file. */
struct dk_weight {
	char name[64]; /* "backbone/conv0.bn.mean" */
	size_t layer;
	enum dk_role role;
	int rank;
	size_t dims[6];
	size_t count; /* product of dims */
	size_t fan;   /* DK_WEIGHT: products summed for one output */
	int absent;   /* not in the file: zeros */
	int flipped;  /* always transposed in the file */
	int fc;       /* transposed where the file's header says so */
};

struct dk_layer {
	char name[32]; /* of its output in the network text; "" where there is none */
	const struct dk_section *s;
	size_t c, h, w; /* output */
};

enum dk_kind { DK_FEATURES, DK_CLASSIFIER, DK_V1, DK_V2, DK_V3 };

struct det_darknet {
	struct dk_cfg cfg;
	struct det_darknet_params p;
	size_t in_c, in_h, in_w;
	struct dk_layer *layer;
	size_t n, cap;
	struct dk_weight *weight;
	size_t n_weights, cap_weights;
	size_t floats;       /* in the file, all weights together */
	struct det_buf text; /* the cfg as it was */
	struct det_buf net, outputs, decode;
	enum dk_kind kind;
	size_t classes;
	const char *bn; /* "bn=darknet" or "bn" */
	/* where weights come from */
	struct det_map map;
	char *weights_path;
	size_t header;  /* bytes */
	int odd_header; /* not the one that its version asks for */
	int transposed;
	uint64_t seen, seed;
	int version[3];
	int seeded;
	size_t begun; /* weights of the file, where the others are seeded */
};

/* The layer of section s as a line of the network text, with its shape and weights;
 * appended to d->layer. darknet_layers.c */
enum det_err dk_layer_add(
    struct det_darknet *d, const struct dk_section *s) DET_MUST_USE;

/* [yolo], [region], [detection]: a line of the decode text and an output. Called with
 * d->layer[i] being that layer, its input the one before. darknet_decode.c */
enum det_err dk_decode_add(struct det_darknet *d, struct dk_layer *l) DET_MUST_USE;
/* Output of a net without those. */
enum det_err dk_decode_last(struct det_darknet *d) DET_MUST_USE;

/* The values of weight i: from the map (pointer into it, or *own to be freed) or made from
 * the seed. darknet_weights.c */
enum det_err dk_weight_get(const float **data, float **own, const struct det_darknet *d,
    size_t i) DET_MUST_USE;
/* Those from the seed, to be freed. */
enum det_err dk_weight_seed(
    float **own, const struct det_darknet *d, size_t i) DET_MUST_USE;

/* All texts of the model; `origin`: lines of "meta" in place of those that name a .weights
 * file or a seed, or NULL. */
enum det_err dk_write_texts(
    struct det_writer *w, const struct det_darknet *d, const char *origin) DET_MUST_USE;

#endif
