/* SPDX-License-Identifier: MIT
 *
 * Caffe's networks as models: a prototxt becomes network texts, anchors, decode and the
 * tools' options; a caffemodel (or another file with the same names) becomes tensors.
 * formats/caffe.md says what is read and how each layer maps.
 */
#ifndef DET_CAFFE_H
#define DET_CAFFE_H

#include "base/text.h"
#include "stream/item.h"
#include "stream/writer.h"
#include "weights/source.h"

struct det_caffe;

struct det_caffe_params {
	/* det-image's options, as text; NULL: by the kind of the network */
	const char *size, *fit, *kernel, *channels, *scale, *mean, *std;
	/* priors of a detector that has no PriorBox layers: a text "anchors", a line for
	 * each pair of maps */
	const char *anchors;
	size_t anchors_len;
	const char *variance; /* of those: four numbers; NULL: .1,.1,.2,.2 */
};

/* Parses a prototxt. DET_INVALID and DET_UNSUPPORTED name file, line, layer and type. `file`
 * is for messages and for the model's "meta"; p (may be NULL) is not kept. */
enum det_err det_caffe_parse(struct det_caffe **out, const char *text, size_t len,
    const char *file, const struct det_caffe_params *p) DET_MUST_USE;
void det_caffe_free(struct det_caffe *c);

/* What a user should hear, a line each; "" if nothing. Owned by c. */
const char *det_caffe_notes(const struct det_caffe *c);
/* Number of classes without the background; 0 for a net that ends in features. */
size_t det_caffe_classes(const struct det_caffe *c);
/* A text of the model by its record's name ("net/backbone"); NULL where it has none. */
const char *det_caffe_text(const struct det_caffe *c, const char *name);

/* Holds a source's tensors against the weights that the networks want: tensors LAYER.weight
 * and so on, '/' in LAYER as itself or as '.'. DET_INVALID names all that are missing (up to
 * ten) or the first that has another number of values; tensors that nothing took go to
 * `notes`, a line each. Marks the taken ones. The source must outlive c. */
enum det_err det_caffe_load(struct det_caffe *c, struct det_source *s, const char *file,
    struct det_buf *notes) DET_MUST_USE;

/* Writes texts and tensors (no STRM, no END). */
enum det_err det_caffe_write(
    struct det_writer *w, const struct det_caffe *c) DET_MUST_USE;

#endif
