/* SPDX-License-Identifier: MIT
 *
 * Where drawn pictures go: one file, a folder of files, or one stream of JPEGs.
 */
#ifndef DET_GALLERY_H
#define DET_GALLERY_H

#include "image/image.h"

struct det_gallery;

/* `name`: "-" is standard output; a folder gets a file for each picture (it exists, or its
 * name ends with "/" or has no ending, and then it is made); else a file for one. format
 * UNKNOWN: by the ending of the file's name, PNG elsewhere. mjpeg: all as JPEG to `name`. */
enum det_err det_gallery_new(struct det_gallery **out, const char *name, int mjpeg,
    enum det_format format, int quality) DET_MUST_USE;

/* Writes a picture now. In a folder its name is that of `path` with the format's ending;
 * a second dog.jpg becomes dog-2; standard input's are numbered by id. Files appear under
 * their names when complete. DET_INVALID for a second picture where there is one file, and
 * where `path` itself would be overwritten. */
enum det_err det_gallery_put(struct det_gallery *g, const struct det_image *im,
    const char *path, long id) DET_MUST_USE;

/* Ends and frees g; *count pictures were put. */
enum det_err det_gallery_finish(struct det_gallery *g, size_t *count) DET_MUST_USE;

#endif
