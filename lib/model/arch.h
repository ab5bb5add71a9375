/* SPDX-License-Identifier: MIT
 *
 * Architectures by name ("fasterrcnn_resnet50_fpn"): the texts that a model of it holds,
 * and how other programs name its weights. They are written in lib/arch/NAME.arch
 * (formats/arch.md) and built into the library; a user's own are read from their files.
 */
#ifndef DET_ARCH_H
#define DET_ARCH_H

#include "base/text.h"
#include "stream/writer.h"
#include "weights/source.h"

/* i-th name of those that are built in, and its line of description; 0 past the end. */
int det_arch_list(size_t i, const char **name, const char **about);
/* Whether a name is the path of a file: it has a '/' or ends in ".arch". */
int det_arch_is_file(const char *name);
/* Adds the built-in text of an architecture ("tiny_ssd"), or of a piece that some include
 * ("tiny_trunk.part"). DET_INVALID where the name is not known. */
enum det_err det_arch_source(struct det_buf *out, const char *name) DET_MUST_USE;

struct det_arch;

/* An architecture that is built in, or of a file (det_arch_is_file), which is not trusted; its
 * variables that a user may set, "classes=4" and so on, as formats/arch.md says. DET_INVALID
 * where the name (with the likely one) or a variable is not known; of a file also DET_IO and
 * DET_LIMIT, with its name and line. */
enum det_err det_arch_open(struct det_arch **out, const char *name,
    const char *const *set, size_t n_set) DET_MUST_USE;
void det_arch_close(struct det_arch *a);

/* i-th variable with its value; 0 past the end. */
int det_arch_var(
    const struct det_arch *a, size_t i, const char **name, const char **value);

/* Class table of the architecture (its data set's, or class0, class1, ... ). */
const struct det_classes *det_arch_classes(const struct det_arch *a);
/* A text by its record name, "net/backbone"; NULL where it has none. */
const char *det_arch_text(const struct det_arch *a, const char *name);

/* Adds all of it as the text of one file that includes nothing and has no variables: its
 * networks and other sections with the values that they have now. */
enum det_err det_arch_expanded(
    struct det_buf *out, const struct det_arch *a) DET_MUST_USE;

/* Names for the classes, a name a line; their number becomes the variable `classes` where
 * the user did not set that. */
enum det_err det_arch_names(
    struct det_arch *a, const char *text, size_t len, const char *file) DET_MUST_USE;

/* Writes all texts and seeded random weights (no STRM, no END). */
enum det_err det_arch_seed(
    struct det_writer *w, const struct det_arch *a, uint64_t seed) DET_MUST_USE;

/* What a model took from a trained file. */
struct det_arch_taken {
	size_t taken, shapes, missing, unused; /* tensors */
	/* what a user should hear, a line each; to be freed */
	struct det_buf notes;
};

/* As det_arch_seed, but a weight that the source has under the name table (or under our own
 * name), in our shape, is taken from it; the others are made from the seed, which is where
 * heads of another number of classes end up. What was taken, what has another shape there,
 * what is not there and what nobody wanted is counted and told. DET_INVALID where nothing
 * can be taken at all; under strict also where a weight has another shape or one of the
 * source is of no use. Nothing is written then. `file` is for messages and the text
 * "meta". */
enum det_err det_arch_start(struct det_writer *w, const struct det_arch *a,
    struct det_source *s, const char *file, int strict, uint64_t seed,
    struct det_arch_taken *out) DET_MUST_USE;

/* A Darknet .weights file, whole or cut off after a layer, as a source for det_arch_start:
 * its numbers are taken in order, layer after layer. DET_INVALID where it does not end with
 * one of the architecture's layers. Close with det_source_close. */
enum det_err det_arch_darknet(
    struct det_source *out, const struct det_arch *a, const char *path) DET_MUST_USE;

/* Before an import: variables that the user did not set become what the source says (the
 * number of classes, from the shape of the head) and what published files of that kind want
 * (an epsilon). The class table may change. `form` names the table: "torch", "caffe". */
enum det_err det_arch_fit(
    struct det_arch *a, const struct det_source *s, const char *form) DET_MUST_USE;

/* Writes all texts, and the weights from a source by the architecture's name table. A
 * weight that is missing, or of another shape, is DET_INVALID and is named (all of them, in
 * one line, up to ten); tensors of the source that nobody took are named in `notes`, a line
 * each, and are an error under strict. */
enum det_err det_arch_import(struct det_writer *w, const struct det_arch *a,
    struct det_source *s, const char *form, int strict,
    struct det_buf *notes) DET_MUST_USE;

#endif
