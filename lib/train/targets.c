/* SPDX-License-Identifier: MIT
 *
 * Means and deviations of box targets, class by class (Girshick, Fast R-CNN, ICCV 2015,
 * section 2.3: targets of zero mean and unit variance). Of every proposal that training would
 * give an object, with the objects themselves where they are proposals, the deltas t to that
 * object count towards its class:
 *
 *   mean = sum t / n      std = sqrt(sum t^2 / n - mean^2)
 *
 * in double, as lib/roi_data_layer/roidb.py of the authors' code has it. A network then puts
 * out (t - mean) / std, and the decode line undoes that; the authors multiply the last
 * layer's weights instead when they store a model, which is the same function.
 *
 * Departure: a class of which there are no two targets, or whose targets are all alike, would
 * have deviations of 0 and NaN; it gets the deviations that py-faster-rcnn sets for all, .1 and .2.
 */
#include "train/targets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "train/second_impl.h"

#define LEAST 1e-4 /* of a deviation */

struct sums {
	size_t n;
	double sum[4], square[4];
};

struct det_targets {
	struct det_second d;
	struct sums *of;
	size_t classes;
};

static enum det_err
read_model(struct det_second *d, const struct det_model *m)
{
	struct det_system_lines lines = { .n = 0 };
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(m, "propose", &text, &len);
	if (text)
		return det_fail(DET_UNSUPPORTED,
		    "%s makes proposals of its own, other ones while it is trained: a "
		    "model that takes them from the stream expected",
		    det_model_path(m));
	d->given = 1;
	if (!(e = det_system_lines_read(&lines, m, NULL, 0)))
		e = det_second_read(d, m, det_system_line(&lines, "rcnn"));
	det_system_lines_release(&lines);
	if (e)
		return det_fail_in(e, "%s", det_model_path(m));
	if (d->line->maps < 2)
		return det_fail(DET_UNSUPPORTED,
		    "%s leaves proposals where they are: a decode line rcnn(cls, box) "
		    "expected",
		    det_model_path(m));
	return DET_OK;
}

enum det_err
det_targets_open(struct det_targets **out, const struct det_model *m)
{
	struct det_targets *n;
	enum det_err e;

	*out = NULL;
	if ((e = det_calloc(&n, 1, sizeof *n)))
		return e;
	if ((e = read_model(&n->d, m)))
		goto fail;
	n->classes = n->d.line->agnostic ? 1 : n->d.classes;
	if ((e = det_calloc(&n->of, n->classes, sizeof *n->of)))
		goto fail;
	*out = n;
	return DET_OK;
fail:
	det_targets_free(n);
	return e;
}

void
det_targets_free(struct det_targets *n)
{
	if (!n)
		return;
	det_second_release(&n->d);
	free(n->of);
	free(n);
}

const char *
det_targets_proposals(const struct det_targets *n)
{
	return n->d.line->list;
}

size_t
det_targets_classes(const struct det_targets *n)
{
	return n->classes;
}

/* --- sums --- */

static void
add(struct sums *s, const struct det_second *d, const float from[4],
    const struct det_box *object)
{
	float t[4];

	det_second_target(t, d, from, object);
	s->n++;
	for (int i = 0; i < 4; i++) {
		s->sum[i] += (double)t[i];
		s->square[i] += (double)t[i] * (double)t[i];
	}
}

static void
add_mirrored(struct sums *s, const struct det_second *d, const float from[4],
    const struct det_box *object)
{
	const float box[4] = { -from[2], from[1], -from[0], from[3] };
	struct det_box to = *object;

	to.x1 = -object->x2;
	to.x2 = -object->x1;
	add(s, d, box, &to);
}

enum det_err
det_targets_add(struct det_targets *n, const struct det_example *truth,
    const struct det_proposed *p, int mirror)
{
	struct det_second *d = &n->d;
	struct det_example t;
	enum det_err e;

	if ((e = det_second_match(d, &t, truth, p)))
		return e;
	for (size_t k = 0; k < d->assign.n; k++) {
		const struct det_box *object;
		struct sums *s;

		if (d->assign.to[k] < 0)
			continue;
		object = &t.box[d->assign.to[k]];
		s = &n->of[n->classes > 1 ? (size_t)object->label : 0];
		add(s, d, d->corner + 4 * k, object);
		if (mirror)
			add_mirrored(s, d, d->corner + 4 * k, object);
	}
	return DET_OK;
}

struct det_targets_class
det_targets_class(const struct det_targets *n, size_t k)
{
	static const double usual[4] = { .1, .1, .2, .2 };
	const struct sums *s = &n->of[k];
	struct det_targets_class c = { .n = s->n, .usual = s->n < 2 };

	for (int i = 0; s->n && i < 4; i++) {
		c.mean[i] = s->sum[i] / (double)s->n;
		c.std[i] =
		    sqrt(fmax(s->square[i] / (double)s->n - c.mean[i] * c.mean[i], 0));
		c.usual |= c.std[i] < LEAST;
	}
	for (int i = 0; c.usual && i < 4; i++) {
		c.mean[i] = 0;
		c.std[i] = usual[i] * (double)n->d.line->delta.coder.weight[i];
	}
	return c;
}

/* --- the text --- */

static enum det_err
add_numbers(struct det_buf *out, const struct det_targets *n, const char *key, int std)
{
	enum det_err e;

	if ((e = det_buf_printf(out, " %s=", key)))
		return e;
	for (size_t k = 0; k < n->classes; k++) {
		const struct det_targets_class c = det_targets_class(n, k);

		for (int i = 0; i < 4; i++)
			if ((e = det_buf_printf(out, "%s%.9g", k || i ? "," : "",
				 std ? c.std[i] : c.mean[i])))
				return e;
	}
	return DET_OK;
}

/* The words of a statement but for the numbers that are replaced. */
static enum det_err
copy_words(struct det_buf *out, const char *line, size_t len)
{
	static const char blank[] = " \t";
	const char *end = line + len;
	enum det_err e = DET_OK;

	for (const char *p = line; !e && p < end;) {
		const char *word = p, *stop;

		while (word < end && memchr(blank, *word, 2))
			word++;
		for (stop = word; stop < end && !memchr(blank, *stop, 2);)
			stop++;
		if ((size_t)(stop - word) < 4 ||
		    (memcmp(word, "mean=", 5) != 0 && memcmp(word, "std=", 4) != 0))
			e = det_buf_add(out, p, (size_t)(stop - p));
		p = stop;
	}
	return e;
}

enum det_err
det_targets_text(
    struct det_buf *out, const struct det_targets *n, const struct det_model *m)
{
	const char *text, *line;
	size_t len, all, at = 0;
	enum det_err e;

	det_model_text(m, "decode", &text, &len);
	while (det_line_next(&line, &all, text, len, &at)) {
		const char *comment = memchr(line, '#', all);
		const size_t words = comment ? (size_t)(comment - line) : all;
		size_t cut = words;

		while (cut && (line[cut - 1] == ' ' || line[cut - 1] == '\t'))
			cut--;
		if ((e = copy_words(out, line, cut)) ||
		    (cut && ((e = add_numbers(out, n, "mean", 0)) ||
				(e = add_numbers(out, n, "std", 1)))) ||
		    (e = det_buf_printf(out, "%s%.*s\n", cut && comment ? " " : "",
			 (int)(all - words), line + words)))
			return e;
	}
	return DET_OK;
}
