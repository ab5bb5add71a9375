/* SPDX-License-Identifier: MIT
 *
 * SSD: prior boxes become lines of the text "anchors", DetectionOutput lines of "decode" and
 * options. The rows that it takes are traced back to the convolutions' maps: the decode
 * text reads those as they are, so that the permutations, joins, reshapes and the softmax
 * of the tail are nowhere computed twice.
 *
 *   prior_box_layer.cpp        sizes cut to whole numbers; a ratio given twice, or as the
 *                              inverse of one before under flip, counts once; step from the
 *                              picture's and the map's size where it is not given
 *   detection_output_layer.cpp class 0 is the background; variances are weights 1/v; no
 *                              limit on exp
 *
 * Detectors that end in the rows themselves (UltraFace: scores after softmax, and offsets)
 * have their priors outside the prototxt: they are given as a text.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "box/anchors.h"
#include "caffe/caffe_net.h"

#define MAX_SIZES 64

/* All numbers of a repeated field. */
static enum det_err
read_list(double *v, size_t *n, const struct cf_work *w, const char *key)
{
	enum det_err e;

	*n = cf_count(w->p, key);
	if (*n > MAX_SIZES)
		return cf_bad(w, DET_LIMIT, "%s: more than %d numbers", key, MAX_SIZES);
	for (size_t i = 0; i < *n; i++)
		if ((e = cf_double_at(&v[i], w->p, key, i, 1e-6, 1e6)))
			return e;
	return DET_OK;
}

static enum det_err
put_list(struct det_buf *b, const char *key, const double *v, size_t n)
{
	char text[32];
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < n; i++) {
		e = i ? det_buf_add(b, ",", 1) : det_buf_printf(b, " %s=", key);
		if (!e)
			e = det_buf_printf(b, "%s", det_double_text(text, v[i]));
	}
	return e;
}

/* The ratios that make boxes of their own, in order. */
static size_t
distinct(double *ratio, size_t n, int flip)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		int seen = fabs(ratio[i] - 1) < 1e-6;

		for (size_t k = 0; k < kept; k++)
			seen |= fabs(ratio[i] - ratio[k]) < 1e-6 ||
				(flip && fabs(ratio[i] - 1 / ratio[k]) < 1e-6);
		if (!seen)
			ratio[kept++] = ratio[i];
	}
	return kept;
}

static enum det_err
prior_sizes(struct cf_prior *p, const struct cf_work *w)
{
	double min[MAX_SIZES], max[MAX_SIZES], ratio[MAX_SIZES];
	size_t mins, maxs, ratios;
	int flip = 1;
	enum det_err e;

	if ((e = read_list(min, &mins, w, "min_size")) ||
	    (e = read_list(max, &maxs, w, "max_size")) ||
	    (e = read_list(ratio, &ratios, w, "aspect_ratio")) ||
	    (e = cf_bool(&flip, w->p, "flip")))
		return e;
	if (!mins || (maxs && maxs != mins))
		return cf_bad(w, DET_INVALID,
		    "min_size and as many or no max_size expected, found %zu and %zu",
		    mins, maxs);
	ratios = distinct(ratio, ratios, flip);
	p->count = mins * (1 + (size_t)(maxs != 0) + ratios * (flip ? 2 : 1));
	if ((e = put_list(&p->keys, "min", min, mins)) ||
	    (e = put_list(&p->keys, "max", max, maxs)) ||
	    (e = put_list(&p->keys, "ratios", ratio, ratios)))
		return e;
	return det_buf_printf(
	    &p->keys, "%s truncate", flip || !ratios ? "" : " noflip");
}

/* step, or step_h and step_w, in pixels: vertical and horizontal. */
static enum det_err
prior_place(struct cf_prior *p, const struct cf_work *w)
{
	double step[2] = { 0, 0 }, offset = .5;
	int clip = 0;
	char x[32], y[32];
	enum det_err e;

	if ((e = cf_double(&step[0], w->p, "step", 1e-3, 1e6)))
		return e;
	step[1] = step[0];
	if ((e = cf_double(&step[0], w->p, "step_w", 1e-3, 1e6)) ||
	    (e = cf_double(&step[1], w->p, "step_h", 1e-3, 1e6)) ||
	    (e = cf_double(&offset, w->p, "offset", 0, 1)) ||
	    (e = cf_bool(&clip, w->p, "clip")))
		return e;
	if ((step[0] > 0) != (step[1] > 0))
		return cf_bad(w, DET_INVALID, "step_h and step_w, or none, expected");
	if (step[0] > 0 &&
	    (e = det_buf_printf(&p->keys, " stride=%s,%s", det_double_text(x, step[0]),
		 det_double_text(y, step[1]))))
		return e;
	if ((offset < .5 || offset > .5) &&
	    (e = det_buf_printf(&p->keys, " offset=%s", det_double_text(x, offset))))
		return e;
	return det_buf_printf(&p->keys, "%s", clip ? " clip=corner" : "");
}

/* The size of the picture, where it is told, must be that of the input. */
static enum det_err
prior_picture(const struct cf_work *w)
{
	const struct cf_value *in =
	    w->c->image == CF_NONE ? NULL : &w->c->value[w->c->image];
	long size = 0, h, ww;
	enum det_err e;

	if ((e = cf_long(&size, w->p, "img_size", 1, CF_MAX_SIDE)))
		return e;
	h = ww = size;
	if ((e = cf_long(&h, w->p, "img_h", 1, CF_MAX_SIDE)) ||
	    (e = cf_long(&ww, w->p, "img_w", 1, CF_MAX_SIDE)))
		return e;
	if (in && ((h && (size_t)h != in->h) || (ww && (size_t)ww != in->w)))
		return cf_bad(w, DET_UNSUPPORTED,
		    "img_size %ldx%ld is not the input's %zux%zu", ww, h, in->w, in->h);
	return DET_OK;
}

static enum det_err
prior_variance(double v[4], const struct cf_work *w)
{
	size_t n = cf_count(w->p, "variance");
	enum det_err e;

	v[0] = .1;
	if (n > 1 && n != 4)
		return cf_bad(w, DET_INVALID,
		    "variance: one number or four expected, found %zu", n);
	for (size_t i = 0; i < n; i++)
		if ((e = cf_double_at(&v[i], w->p, "variance", i, 1e-6, 1e6)))
			return e;
	for (size_t i = 1; n < 4 && i < 4; i++)
		v[i] = v[0];
	return DET_OK;
}

enum det_err
cf_add_priorbox(struct cf_work *w)
{
	struct det_caffe *c = w->c;
	struct cf_prior *p;
	struct cf_view *top;
	size_t map;
	enum det_err e;

	if ((e = cf_ends(w, 1, 2, 1, 1)) || (e = cf_params(w, "prior_box_param")) ||
	    (e = cf_bottom_map(&map, w, 0)) ||
	    (w->l->n_bottoms > 1 && (e = cf_bottom_map(&map, w, 1))) ||
	    (e = det_grow(
		 &c->prior, &c->cap_priors, c->n_priors + 1, sizeof *c->prior)))
		return e;
	p = &c->prior[c->n_priors++];
	*p = (struct cf_prior){ 0 };
	if ((e = prior_sizes(p, w)) || (e = prior_place(p, w)) ||
	    (e = prior_picture(w)) || (e = prior_variance(p->variance, w)) ||
	    (e = cf_view_add(&top, c, w->l->top[0], CF_PRIORS)))
		return e;
	return cf_view_part(top, c->n_priors - 1);
}

/* --- boxes of them --------------------------------------------------------------------- */

/* One line of decode: scores and offsets of a map, A boxes in a cell. */
static enum det_err
decode_line(struct det_caffe *c, const struct cf_view *conf, const struct cf_view *loc,
    size_t i, const char *map, size_t count, const double *variance, const char *coder)
{
	const struct cf_value *cls = &c->value[conf->part[i]],
			      *box = &c->value[loc->part[i]];
	double weight[4];
	enum det_err e;

	if (cls->c != count * (c->classes + 1) || box->c != 4 * count)
		return det_fail(DET_INVALID,
		    "%s: %zu boxes in a cell of %zu classes with the background: %zu "
		    "and "
		    "%zu channels expected, '%s' has %zu and '%s' %zu",
		    c->file, count, c->classes + 1, count * (c->classes + 1), 4 * count,
		    cls->name, cls->c, box->name, box->c);
	for (size_t k = 0; k < 4; k++)
		weight[k] = 1 / variance[k];
	cf_output(c, conf->part[i]);
	cf_output(c, loc->part[i]);
	if ((e = det_buf_printf(&c->decode,
		 "anchors(%s, %s) map=%s classes=%zu background=first score=%s",
		 cls->name, box->name, map, c->classes,
		 conf->score == CF_SIGMOID ? "sigmoid" : "softmax")) ||
	    (e = put_list(&c->decode, "weights", weight, 4)))
		return e;
	return det_buf_printf(&c->decode, " clamp=none%s\n", coder);
}

/* Rows of scores and of offsets, as many maps each. */
static enum det_err
check_rows(const struct det_caffe *c, const struct cf_view *loc,
    const struct cf_view *conf, size_t line)
{
	if (loc->kind != CF_ROWS || conf->kind != CF_ROWS || loc->n != conf->n)
		return det_fail(DET_UNSUPPORTED,
		    "%s:%zu: as many permuted maps of offsets ('%s') as of scores "
		    "('%s') "
		    "expected",
		    c->file, line, loc->blob, conf->blob);
	if (conf->score == CF_RAW || (loc->cols != 0 && loc->cols != 4) ||
	    loc->score != CF_RAW)
		return det_fail(DET_UNSUPPORTED,
		    "%s:%zu: scores ('%s') after softmax or sigmoid, and offsets "
		    "('%s') as "
		    "they are, expected",
		    c->file, line, conf->blob, loc->blob);
	return DET_OK;
}

static enum det_err
read_nms(const struct cf_work *w)
{
	struct det_caffe *c = w->c;
	struct cf_field *nms;
	double iou = .3, eta = 1;
	long top = -1, keep = -1;
	double thresh = 0;
	char text[32];
	enum det_err e;

	if ((e = cf_message(&nms, w->p, "nms_param")) ||
	    (e = cf_double(&iou, nms, "nms_threshold", 0, 1)) ||
	    (e = cf_double(&eta, nms, "eta", 1e-6, 1)) ||
	    (e = cf_long(&top, nms, "top_k", -1, 1000000)) ||
	    (e = cf_long(&keep, w->p, "keep_top_k", -1, 1000000)) ||
	    (e = cf_double(&thresh, w->p, "confidence_threshold", 0, 1)))
		return e;
	if ((e = det_buf_printf(
		 &c->head_options, "thresh=%s\n", det_double_text(text, thresh))) ||
	    (e = det_buf_printf(
		 &c->nms_options, "iou=%s\n", det_double_text(text, iou))) ||
	    (eta < 1 && (e = det_buf_printf(&c->nms_options, "eta=%s\n",
			     det_double_text(text, eta)))) ||
	    (top > 0 &&
		(e = det_buf_printf(&c->nms_options, "pre-max-per-class=%ld\n", top))))
		return e;
	return keep > 0 ? det_buf_printf(&c->nms_options, "max=%ld\n", keep) : DET_OK;
}

static enum det_err
read_coder(const char **coder, long *classes, const struct cf_work *w)
{
	static const char *const passed[] = { "save_output_param", "visualize",
		"visualize_threshold", "save_file", NULL };
	const char *code = "CORNER";
	long background = 0;
	int shared = 1, encoded = 0;
	enum det_err e;

	if ((e = cf_long(classes, w->p, "num_classes", 2, 65536)) ||
	    (e = cf_long(&background, w->p, "background_label_id", -1, 65536)) ||
	    (e = cf_bool(&shared, w->p, "share_location")) ||
	    (e = cf_bool(&encoded, w->p, "variance_encoded_in_target")) ||
	    (e = cf_word(&code, w->p, "code_type")))
		return e;
	cf_ignore(w->p, passed);
	if (!*classes || background != 0 || !shared || encoded)
		return cf_bad(w, DET_UNSUPPORTED,
		    "num_classes, background_label_id 0, share_location true and "
		    "variance_encoded_in_target false expected");
	*coder = strcmp(code, "CORNER_SIZE") == 0 || strcmp(code, "3") == 0
		     ? " coder=corner"
		     : "";
	if (!**coder && strcmp(code, "CENTER_SIZE") != 0 && strcmp(code, "2") != 0)
		return cf_bad(w, DET_UNSUPPORTED,
		    "code_type: CENTER_SIZE or CORNER_SIZE expected, found %s", code);
	return DET_OK;
}

enum det_err
cf_add_detection(struct cf_work *w)
{
	struct det_caffe *c = w->c;
	struct cf_view *loc, *conf, *prior, *top;
	const char *coder;
	long classes = 0;
	enum det_err e;

	if (c->kind == CF_SSD)
		return cf_bad(w, DET_UNSUPPORTED, "a second one");
	if ((e = cf_ends(w, 3, 3, 1, 1)) ||
	    (e = cf_params(w, "detection_output_param")) ||
	    (e = read_coder(&coder, &classes, w)) || (e = read_nms(w)) ||
	    (e = cf_view_add(&top, c, w->l->top[0], CF_BOXES)) ||
	    (e = cf_bottom(&loc, w, 0)) || (e = cf_bottom(&conf, w, 1)) ||
	    (e = cf_bottom(&prior, w, 2)) ||
	    (e = check_rows(c, loc, conf, w->l->f->line)))
		return e;
	if (prior->kind != CF_PRIORS || prior->n != loc->n ||
	    (conf->cols && conf->cols != (size_t)classes))
		return cf_bad(w, DET_INVALID,
		    "prior boxes for each map, and scores of %ld classes, expected",
		    classes);
	c->kind = CF_SSD;
	c->classes = (size_t)classes - 1;
	for (size_t i = 0; i < loc->n; i++) {
		const struct cf_prior *p = &c->prior[prior->part[i]];
		const char *map = c->value[conf->part[i]].name;

		if ((e = decode_line(
			 c, conf, loc, i, map, p->count, p->variance, coder)) ||
		    (e = det_buf_printf(
			 &c->anchors, "prior(%s)%s\n", map, p->keys.text)))
			return e;
	}
	return DET_OK;
}

/* The two ends that are rows; 0 where there are not just two. */
static int
find_rows(struct cf_view **loc, struct cf_view **conf, struct det_caffe *c)
{
	size_t n = 0;

	*loc = *conf = NULL;
	for (size_t i = 0; i < c->n_views; i++) {
		struct cf_view *v = &c->view[i];

		if (v->kind != CF_ROWS || !cf_is_end(c, i))
			continue;
		n++;
		*(v->score == CF_RAW ? loc : conf) = v;
	}
	return n == 2 && *loc && *conf;
}

static enum det_err
given_variance(double v[4], const struct det_caffe *c)
{
	size_t n = 4;
	enum det_err e;

	v[0] = v[1] = .1;
	v[2] = v[3] = .2;
	if (!c->p.variance)
		return DET_OK;
	if ((e = det_parse_doubles(v, &n, 4, c->p.variance, 1e-6, 1e6)))
		return det_fail_in(e, "variance");
	if (n != 4)
		return det_fail(
		    DET_INVALID, "variance: four numbers expected, found %zu", n);
	return DET_OK;
}

/* The given anchors, their maps called as the networks' are: those of the scores. The text
 * was parsed, so every line with a parenthesis before its comment is a statement. */
static enum det_err
put_given(struct det_caffe *c, const struct cf_view *conf)
{
	size_t at = 0, n, i = 0;
	const char *line, *open, *close;
	enum det_err e = DET_OK;

	while (!e && det_line_next(&line, &n, c->p.anchors, c->p.anchors_len, &at)) {
		const char *mark = memchr(line, '#', n);
		size_t text = mark ? (size_t)(mark - line) : n;

		open = memchr(line, '(', text);
		close = memchr(line, ')', text);
		if (!open || !close || i == conf->n)
			continue;
		e = det_buf_printf(&c->anchors, "%.*s(%s%.*s\n", (int)(open - line),
		    line, c->value[conf->part[i++]].name, (int)(line + text - close),
		    close);
	}
	return e;
}

static enum det_err
rows_lines(struct det_caffe *c, const struct cf_view *loc, const struct cf_view *conf,
    const struct det_anchors *a)
{
	double variance[4];
	enum det_err e;

	if (det_anchors_maps(a) != loc->n)
		return det_fail(DET_INVALID,
		    "anchors: a line for each of the %zu pairs of maps expected, found "
		    "%zu",
		    loc->n, det_anchors_maps(a));
	e = given_variance(variance, c);
	for (size_t i = 0; !e && i < loc->n; i++)
		e = decode_line(c, conf, loc, i, c->value[conf->part[i]].name,
		    det_anchors_in_cell(a, i), variance, "");
	if (e)
		return e;
	c->kind = CF_SSD;
	return put_given(c, conf);
}

enum det_err
cf_ssd_end(int *done, struct det_caffe *c)
{
	struct cf_view *loc, *conf;
	struct det_anchors *a;
	enum det_err e;

	*done = 0;
	if (c->kind != CF_FEATURES || !find_rows(&loc, &conf, c))
		return DET_OK;
	if ((e = check_rows(c, loc, conf, 1)))
		return e;
	if (conf->cols < 2)
		return det_fail(DET_UNSUPPORTED,
		    "%s: '%s': scores as (N, -1, classes) expected", c->file,
		    conf->blob);
	if (!c->p.anchors)
		return det_fail(DET_INVALID,
		    "%s ends in scores ('%s') and offsets ('%s') of boxes whose priors "
		    "it does not tell: give them as anchors (--anchors)",
		    c->file, conf->blob, loc->blob);
	c->classes = conf->cols - 1;
	if ((e = det_anchors_parse(&a, c->p.anchors, c->p.anchors_len, "anchors")))
		return e;
	e = rows_lines(c, loc, conf, a);
	det_anchors_free(a);
	*done = !e;
	return e;
}
