/* SPDX-License-Identifier: MIT
 *
 * What begins with another model's weights: an architecture or a Darknet cfg. Private to
 * lib/model.
 */
#ifndef DET_START_H
#define DET_START_H

#include "model/arch_names.h"

typedef enum det_err start_see(
    void *context, const char *name, struct det_tensor *shape);

struct start_target {
	const char *name;     /* for messages */
	const char *pictures; /* its text "options/det-image"; NULL: not looked at */
	int numbered;   /* names are Darknet's numbers: order may stand for them */
	const void *of; /* what the functions are given */
	/* calls f for every weight, in order, until it fails */
	enum det_err (*each)(const void *of, start_see *f, void *context);
	/* writes one from the seed */
	enum det_err (*seed)(struct det_writer *w, const void *of, const char *name,
	    struct det_tensor *shape, uint64_t seed);
	/* writes all texts, "meta" with `origin` in it */
	enum det_err (*texts)(struct det_writer *w, const void *of, const char *origin);
};

/* As det_arch_start; s is the source that `names` are held against. */
enum det_err start_write(struct det_writer *w, const struct start_target *a,
    const struct arch_names *names, struct det_source *s, const char *file, int strict,
    uint64_t seed, struct det_arch_taken *out) DET_MUST_USE;

/* Bytes of a weight's name that are its layer's: "c0" of "c0.bn.mean". */
size_t start_layer(const char *name);

/* Gives the tensors of a source the names of the target's weights, layer after layer from
 * the first, as long as a layer's tensors are the same and differ in shape at most in their
 * first dim, the number of outputs. *n: layers that were named. */
enum det_err start_by_order(
    int *n, struct det_source *s, const struct start_target *a) DET_MUST_USE;

/* A Darknet .weights file as a source under the names of the target's weights: read in
 * Darknet's order, layer after layer, to its end, which must be that of a layer.
 * DET_INVALID where it is not, or where numbers are left. */
enum det_err start_darknet(struct det_source *out, const struct start_target *a,
    const char *path) DET_MUST_USE;

#endif
