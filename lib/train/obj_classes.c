/* SPDX-License-Identifier: MIT
 *
 * Classification of whole pictures: what a backbone learns first from. The map is that of a
 * decode line "classes", (N,K) or (N,K,1,1); an image's class is the label of its first
 * object, and an image without one teaches nothing. With y the class, m the images that have
 * one:
 *
 *   loss=softmax   1/m sum over them of -log p_y, where p is the softmax of the map under
 *                  the decode line's `softmax`, else the map itself, as of a net that ends in
 *                  a softmax
 *   loss=sigmoid   1/m sum over them and over the classes of the cross-entropy of s(x_k) with
 *                  1 where the image has an object of class k, else 0: pictures of several
 *                  classes
 *   smooth=E       the target of softmax is 1 - E of class y and E / K of every class
 *                  (Szegedy et al., CVPR 2016)
 *
 * A probability's derivative is -1/p, which the net's softmax turns into p - y; below
 * FLT_MIN p counts as FLT_MIN, and with a gradient of 0, since nothing comes back from there.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "train/loss.h"
#include "train/objective.h"

static const char *const terms[] = { "cls", NULL };
static const char *const losses[] = { "softmax", "sigmoid", NULL };

enum { SOFTMAX, SIGMOID };

struct classes {
	const struct det_decode_line *line;
	int loss;
	double smooth;
	float *target; /* of an image, K; grown */
	size_t cap;
};

/* Images that have an object. */
static size_t
count_labelled(const struct det_objective_in *in)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		n += in->truth[i].n > 0;
	return n;
}

static enum det_err
check_map(size_t *k, const struct classes *s, const struct det_objective_in *in)
{
	const struct det_tensor *t = &in->map[0];
	size_t n;
	char shape[96];
	enum det_err e;

	if ((e = det_tensor_count(&n, t)))
		return e;
	if (t->rank < 2 || t->dims[0] != in->n || n != in->n * t->dims[1] ||
	    (s->line->classes > 0 && t->dims[1] != (size_t)s->line->classes))
		return det_fail(DET_INVALID,
		    "map '%s' is %s: a number a class of %zu images expected",
		    s->line->map[0], det_shape_text(shape, sizeof shape, t), in->n);
	*k = t->dims[1];
	return DET_OK;
}

static enum det_err
check_labels(const struct det_objective_in *in, size_t k)
{
	for (size_t i = 0; i < in->n; i++)
		for (size_t b = 0; b < in->truth[i].n; b++) {
			const int32_t y = in->truth[i].box[b].label;

			if (y < 0 || (size_t)y >= k)
				return det_fail(DET_INVALID,
				    "image %zu: a label below %zu expected, found %ld",
				    i, k, (long)y);
		}
	return DET_OK;
}

/* Sum of -t log p, the map being probabilities. */
static double
probabilities(float *grad, const float *p, const float *t, size_t k, double scale)
{
	double sum = 0;

	for (size_t c = 0; c < k; c++) {
		const int low = p[c] < FLT_MIN;

		grad[c] = low ? 0 : (float)(-scale * (double)t[c] / (double)p[c]);
		if (t[c] > 0)
			sum -= (double)t[c] * log(low ? (double)FLT_MIN : (double)p[c]);
	}
	return scale * sum;
}

/* Cross-entropy of the softmax with targets that sum to 1. */
static double
logits(float *grad, const float *x, const float *t, size_t k, double scale)
{
	const struct det_columns c = { x, 1, k, 1, k };
	const int32_t first = 0;
	float loss, lse;
	double sum = 0;

	det_loss_softmax_each(&loss, &lse, &c, &first, 0);
	for (size_t i = 0; i < k; i++) {
		const double d = (double)x[i] - (double)lse;

		grad[i] = (float)(scale * (exp(d) - (double)t[i]));
		sum -= (double)t[i] * d;
	}
	return scale * sum;
}

static void
make_target(struct classes *s, const struct det_example *truth, size_t k)
{
	const float each = s->loss == SIGMOID ? 0 : (float)(s->smooth / (double)k);

	for (size_t i = 0; i < k; i++)
		s->target[i] = each;
	if (s->loss == SIGMOID)
		for (size_t b = 0; b < truth->n; b++)
			s->target[truth->box[b].label] = 1;
	else
		s->target[truth->box[0].label] += (float)(1 - s->smooth);
}

static double
run_image(const struct classes *s, float *grad, const float *x, size_t k, double scale)
{
	if (s->loss == SIGMOID)
		return det_loss_sigmoid(grad, x, s->target, NULL, k, scale);
	return s->line->softmax ? logits(grad, x, s->target, k, scale)
				: probabilities(grad, x, s->target, k, scale);
}

static enum det_err
run(void *self, const struct det_objective_in *in, float *const *grad, double *value)
{
	struct classes *s = self;
	const float *x = in->map[0].data;
	const size_t labelled = count_labelled(in);
	size_t k = 0;
	enum det_err e;

	value[0] = 0;
	if ((e = check_map(&k, s, in)) || (e = check_labels(in, k)) ||
	    (e = det_room(&s->target, &s->cap, k, sizeof *s->target)))
		return e;
	for (size_t i = 0; i < in->n; i++) {
		double v;

		if (in->truth[i].n == 0) {
			memset(grad[0] + i * k, 0, k * sizeof(float));
			continue;
		}
		make_target(s, &in->truth[i], k);
		v = run_image(s, grad[0] + i * k, x + i * k, k, 1 / (double)labelled);
		if (!isfinite(v))
			return det_fail(DET_INVALID, "cls is %g: image %zu", v, i);
		value[0] += v;
	}
	return DET_OK;
}

static void
close_classes(void *self)
{
	struct classes *s = self;

	if (s)
		free(s->target);
	free(s);
}

static int
fits(const struct det_decode *d)
{
	const struct det_decode_line *l = det_decode_line(d, 0);

	return l && strcmp(det_decode_line_word(l), "classes") == 0;
}

static enum det_err
open_classes(struct det_objective *out, const struct det_objective_params *p)
{
	struct classes *s;
	enum det_err e;

	if (!fits(p->decode) || det_decode_line(p->decode, 1))
		return det_fail(
		    DET_INVALID, "classes wants one line 'classes' in the decode text");
	if ((e = det_calloc(&s, 1, sizeof *s)))
		return e;
	s->line = det_decode_line(p->decode, 0);
	if ((e = det_line_choice(&s->loss, p->line, "loss", losses)) ||
	    (e = det_line_double(&s->smooth, p->line, "smooth", 0, .999)))
		goto fail;
	*out = (struct det_objective){
		.self = s, .term = terms, .run = run, .free = close_classes
	};
	return DET_OK;
fail:
	close_classes(s);
	return e;
}

const struct det_objective_kind det_objective_classes = {
	.name = "classes",
	.about = "classification: cross-entropy of the picture's class",
	.fits = fits,
	.open = open_classes,
};
