/* SPDX-License-Identifier: MIT
 *
 * eval_set DIR [IMAGES [CLASSES]]: a made-up data set and results, DIR/gt.json and
 * DIR/dt.json: 5000 images and 80 classes unless said otherwise, some seven objects an image,
 * one in a hundred a crowd, of log-normal sizes and few classes in one picture; 100
 * detections an image: of each object up to three, moved and scaled a little and with a
 * better score, the rest anywhere. Seeded: always the same.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

#define PER_IMAGE 100
#define MOST      90 /* objects in an image */

struct object {
	double x, y, w, h;
	long class;
};

static double
clamp(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* Somewhere in a picture of 640 x 480. */
static struct object
anywhere(struct det_random *r, long class)
{
	const double side = exp(log(70) + det_random_normal(r));
	const double ratio = exp(.5 * det_random_normal(r));
	struct object o = { .class = class };

	o.w = clamp(side * sqrt(ratio), 3, 640);
	o.h = clamp(side / sqrt(ratio), 3, 480);
	o.x = det_random_uniform(r) * (640 - o.w);
	o.y = det_random_uniform(r) * (480 - o.h);
	return o;
}

static struct object
beside(struct det_random *r, const struct object *o)
{
	return (struct object){
		.x = o->x + .12 * o->w * det_random_normal(r),
		.y = o->y + .12 * o->h * det_random_normal(r),
		.w = o->w * exp(.15 * det_random_normal(r)),
		.h = o->h * exp(.15 * det_random_normal(r)),
		.class = o->class,
	};
}

static long
any_class(struct det_random *r, long classes)
{
	const double u = det_random_uniform(r);

	return (long)((double)classes * u * u); /* low ones are frequent */
}

static void
put_result(FILE *f, int *first, long image, const struct object *o, double score)
{
	(void)fprintf(f,
	    "%s{\"image_id\": %ld, \"category_id\": %ld, \"bbox\": [%.2f, %.2f, %.2f, "
	    "%.2f], "
	    "\"score\": %.5f}",
	    *first ? "" : ", ", image, o->class + 1, o->x, o->y, o->w, o->h, score);
	*first = 0;
}

static void
put_results(FILE *f, struct det_random *r, int *first, long image,
    const struct object *o, size_t n, long classes)
{
	long left = PER_IMAGE;

	for (size_t i = 0; i < n; i++)
		for (uint64_t k = det_random_below(r, 4); k > 0 && left > 0;
		     k--, left--) {
			struct object b = beside(r, &o[i]);

			if (det_random_uniform(r) > .85)
				b.class = any_class(r, classes);
			put_result(f, first, image, &b,
			    (det_random_uniform(r) + det_random_uniform(r)) / 2);
		}
	for (; left > 0; left--) {
		double score = pow(det_random_uniform(r), 4);
		struct object b = anywhere(r, n && det_random_uniform(r) < .5
						  ? o[det_random_below(r, n)].class
						  : any_class(r, classes));

		put_result(f, first, image, &b, clamp(score, .001, .999));
	}
}

/* How many: a geometric distribution, mean 7. */
static size_t
how_many(struct det_random *r)
{
	size_t n = 0;

	while (n < MOST && det_random_uniform(r) < 7 / 8.)
		n++;
	return n;
}

static size_t
put_objects(FILE *f, struct det_random *r, int *first, long *id, long image,
    struct object *o, long classes)
{
	const size_t n = how_many(r);
	const long pal[3] = { any_class(r, classes), any_class(r, classes),
		any_class(r, classes) };

	for (size_t i = 0; i < n; i++) {
		o[i] = anywhere(r, pal[det_random_below(r, 3)]);
		(void)fprintf(f,
		    "%s{\"id\": %ld, \"image_id\": %ld, \"category_id\": %ld, "
		    "\"bbox\": [%.2f, %.2f, %.2f, %.2f], \"area\": %.3f, \"iscrowd\": "
		    "%d}",
		    *first ? "" : ", ", ++*id, image, o[i].class + 1, o[i].x, o[i].y,
		    o[i].w, o[i].h, .6 * o[i].w * o[i].h, det_random_uniform(r) < .01);
		*first = 0;
	}
	return n;
}

int
main(int argc, char *argv[])
{
	const long images = argc > 2 ? atol(argv[2]) : 5000;
	const long classes = argc > 3 ? atol(argv[3]) : 80;
	char path[4096];
	struct object o[MOST];
	struct det_random r;
	int first_gt = 1, first_dt = 1;
	long id = 0;
	FILE *gt, *dt;

	if (argc < 2 || images < 1 || classes < 1)
		return 2;
	(void)snprintf(path, sizeof path, "%s/gt.json", argv[1]);
	gt = fopen(path, "w");
	(void)snprintf(path, sizeof path, "%s/dt.json", argv[1]);
	dt = fopen(path, "w");
	if (!gt || !dt)
		return 2;
	det_random_seed(&r, 1, 0);
	(void)fprintf(gt, "{\"annotations\": [");
	(void)fprintf(dt, "[");
	for (long i = 1; i <= images; i++) {
		size_t n = put_objects(gt, &r, &first_gt, &id, i, o, classes);

		put_results(dt, &r, &first_dt, i, o, n, classes);
	}
	(void)fprintf(dt, "]\n");
	(void)fprintf(gt, "], \"images\": [");
	for (long i = 1; i <= images; i++)
		(void)fprintf(gt,
		    "%s{\"id\": %ld, \"width\": 640, \"height\": 480, "
		    "\"file_name\": \"%012ld.jpg\"}",
		    i > 1 ? ", " : "", i, i);
	(void)fprintf(gt, "], \"categories\": [");
	for (long i = 1; i <= classes; i++)
		(void)fprintf(
		    gt, "%s{\"id\": %ld, \"name\": \"c%ld\"}", i > 1 ? ", " : "", i, i);
	(void)fprintf(gt, "]}\n");
	printf("%ld images, %ld objects, %ld detections\n", images, id,
	    images * PER_IMAGE);
	return fclose(gt) || fclose(dt);
}
