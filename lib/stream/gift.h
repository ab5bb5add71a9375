/* SPDX-License-Identifier: MIT
 *
 * Memory that is given away to the output: what a stage computes into it reaches the next
 * program without a copy on this side. Worth it for payloads of megabytes that are made
 * anew for each item.
 *
 *	struct det_tensor t = { DET_F32, 4, { r, c, h, w }, NULL };
 *
 *	if ((e = det_gift_new(&t.data, bytes)))
 *		return e;
 *	compute(&t);
 *	return det_writer_gift(writer, "rois", &t, NULL);
 */
#ifndef DET_GIFT_H
#define DET_GIFT_H

#include "stream/writer.h"

/* `size` bytes of zeros, aligned to a page, in huge pages where the kernel has them; never
 * NULL. They end as a gift, or by det_gift_free with the same size. */
enum det_err det_gift_new(void **out, size_t size) DET_MUST_USE;
void det_gift_free(void *p, size_t size); /* p may be NULL */

/* As det_writer_tensor, for a tensor whose data came from det_gift_new with the tensor's own
 * size. The data are gone after it, also where it fails: t->data is NULL. */
enum det_err det_writer_gift(struct det_writer *w, const char *name,
    struct det_tensor *t, const struct det_attrs *a) DET_MUST_USE;

#endif
