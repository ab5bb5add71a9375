/* SPDX-License-Identifier: MIT
 *
 * Labelled pictures to train and test detectors with, drawn by chance from a seed: textured
 * grounds, objects of eight classes and clutter of none, lit, casting shadows, hiding each
 * other.
 */
#ifndef DET_SCENE_H
#define DET_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/image.h"
#include "stream/boxes.h"

#define DET_SCENE_CLASSES  8
#define DET_SCENE_THINGS   64   /* the most objects, and as many pieces of clutter */
#define DET_SCENE_MIN_SIDE 32   /* pixels */
#define DET_SCENE_MAX_SIDE 4096 /* pixels */

/* Of an object less than HIDDEN of which can be seen, or fewer than SPECK pixels, nothing is
 * said. */
#define DET_SCENE_HIDDEN .1
#define DET_SCENE_SPECK  16

/* The names of the classes, in order; NULL after the last. */
extern const char *const det_scene_class[DET_SCENE_CLASSES + 1];

struct det_scene_params {
	size_t w, h;                   /* pixels */
	long min_objects, max_objects; /* in a scene, hidden ones included */
	long min_clutter, max_clutter;
	/* Which classes are drawn: numbers into det_scene_class. A box's label is the place
	 * in this list. */
	int class[DET_SCENE_CLASSES];
	size_t n_classes;
	double
	    visible; /* an object that shows less of itself is flagged difficult; 0..1 */
	uint64_t seed;
};

#define DET_SCENE_DEFAULTS                                                            \
	{                                                                             \
		320, 320, 2, 9, 4, 16, { 0, 1, 2, 3, 4, 5, 6, 7 }, DET_SCENE_CLASSES, \
		    .4, 0                                                             \
	}

/* What drawing one scene at a time needs. */
struct det_scene;

/* DET_INVALID where a parameter is out of its range. *p is copied. */
enum det_err det_scene_new(
    struct det_scene **out, const struct det_scene_params *p) DET_MUST_USE;
void det_scene_free(struct det_scene *s);

/* Scene number `index` of the seed, the same whatever was drawn before. *im is made (release
 * it first); *b is reused: space image, in the order of drawing, the nearest last.
 *
 * A box is what can be seen of the object: the least box around the pixels more than half of
 * which is its own. Its share is the number of those over that of the whole object's, whether
 * hidden by others or outside of the picture. */
enum det_err det_scene_draw(struct det_image *im, struct det_boxes *b,
    struct det_scene *s, uint64_t index) DET_MUST_USE;

/* Scenes in order, drawn by several threads ahead of the caller. */
struct det_scenes;

/* The first is number `first`. threads 1 or more; memory holds so many scenes. */
enum det_err det_scenes_new(struct det_scenes **out, const struct det_scene_params *p,
    uint64_t first, int threads) DET_MUST_USE;
void det_scenes_free(struct det_scenes *s);

/* The next one; both are the scenes' until the next call. */
enum det_err det_scenes_next(const struct det_image **im, struct det_boxes **b,
    struct det_scenes *s) DET_MUST_USE;

#endif
