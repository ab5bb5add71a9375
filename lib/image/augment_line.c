/* SPDX-License-Identifier: MIT
 *
 * Augmentation as a line: a profile, then values in place of its own.
 */
#include <string.h>

#include "base/line.h"
#include "image/augment.h"

static const struct {
	const char *name;
	struct det_augment value;
} profiles[] = {
	{ "none", DET_AUGMENT_DEFAULTS },
	{ "flip", { .5, 0, 0, 1, 0, 0, DET_LIGHT_DEFAULTS, 0, 0 } },
	/* Caffe's hue is 18 of OpenCV's 180 for a circle */
	{ "ssd", { .5, 0, .5, 4, 1, 0, { .5, 0, 32, 1.5, 1.5, 1, 36 }, 1, 0 } },
	/* and Darknet's .1 of 1 */
	{ "yolo", { .5, 0, 0, 1, 0, .3, { 1, 1, 0, 1, 1.5, 1.5, 36 }, 0, 0 } },
};
#define PROFILES (sizeof profiles / sizeof profiles[0])

static enum det_err
choose(struct det_augment *a, const char *word)
{
	for (size_t i = 0; word && i < PROFILES; i++)
		if (!strcmp(word, profiles[i].name)) {
			*a = profiles[i].value;
			return DET_OK;
		}
	return det_fail(DET_INVALID, "none, flip, ssd or yolo expected, found '%s'",
	    word ? word : "");
}

static enum det_err
set_expand(struct det_augment *a, struct det_line *l)
{
	double v[2];
	size_t n = 0;
	enum det_err e;

	if ((e = det_line_list(v, &n, 2, l, "expand", 0, 16)) || n == 0)
		return e;
	if (n == 1 && v[0] > 0)
		return det_fail(
		    DET_INVALID, "expand: a probability and a ratio expected, as .5,4");
	a->expand = v[0];
	a->expand_max = n == 2 ? v[1] : 1;
	return DET_OK;
}

static enum det_err
set_light(struct det_light_params *p, struct det_line *l)
{
	static const char *const factors[] = { "linear", "ratio", NULL };
	enum det_err e;

	if ((e = det_line_double(&p->prob, l, "light", 0, 1)) ||
	    (e = det_line_choice(&p->ratio, l, "factors", factors)) ||
	    (e = det_line_double(&p->brightness, l, "brightness", 0, 255)) ||
	    (e = det_line_double(&p->contrast, l, "contrast", 1, 2)) ||
	    (e = det_line_double(&p->saturation, l, "saturation", 1, 2)) ||
	    (e = det_line_double(&p->exposure, l, "exposure", 1, 2)))
		return e;
	return det_line_double(&p->hue, l, "hue", 0, 180);
}

static enum det_err
set(struct det_augment *a, struct det_line *l)
{
	enum det_err e;

	if ((e = choose(a, l->word)))
		return e;
	if (l->name || l->n_inputs)
		return det_fail(DET_INVALID, "key=value expected after '%s'", l->word);
	if ((e = det_line_double(&a->mirror, l, "mirror", 0, 1)) ||
	    (e = det_line_double(&a->vmirror, l, "vmirror", 0, 1)) ||
	    (e = set_expand(a, l)) || (e = det_line_bool(&a->crop, l, "crop")) ||
	    (e = det_line_double(&a->jitter, l, "jitter", 0, .49)) ||
	    (e = det_line_bool(&a->by_centre, l, "centre")) ||
	    (e = det_line_double(&a->visible, l, "visible", 0, 1)) ||
	    (e = set_light(&a->light, l)) || (e = det_line_unused(l)))
		return e;
	return det_augment_check(a);
}

enum det_err
det_augment_parse(struct det_augment *a, const char *text)
{
	struct det_line l;
	enum det_err e = det_line_parse(&l, text, strlen(text));

	if (e)
		return e;
	e = set(a, &l);
	det_line_release(&l);
	return e;
}
