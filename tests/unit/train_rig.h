/* SPDX-License-Identifier: MIT
 *
 * For tests of training: models of an architecture with seeded weights, in a file beside;
 * and gradients of a whole system held against differences of its loss.
 */
#ifndef DET_TRAIN_RIG_H
#define DET_TRAIN_RIG_H

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "base/text.h"
#include "model/arch.h"
#include "model/seeded.h"
#include "train/system.h"
#include "tests/unit/tap.h"

static inline void
rig_check(enum det_err e)
{
	if (!e)
		return;
	(void)printf("Bail out! %s\n", det_errmsg());
	exit(2);
}

/* An open model; its file is gone already. */
static inline struct det_model *
rig_model(const char *arch, const char *const *set, size_t n_set, uint64_t seed)
{
	struct det_arch *a;
	struct det_writer *w;
	struct det_buf classes = { 0 };
	struct det_model *m;
	int fd = open("rig.det", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		exit(2);
	rig_check(det_arch_open(&a, arch, set, n_set));
	rig_check(det_classes_text(&classes, det_arch_classes(a)));
	rig_check(det_writer_open_fd(&w, fd, "rig.det"));
	rig_check(det_writer_make(w, DET_STREAM, NULL, classes.text, classes.len));
	rig_check(det_arch_seed(w, a, seed));
	rig_check(det_writer_end(w));
	rig_check(det_writer_flush(w));
	det_writer_free(w);
	(void)close(fd);
	det_arch_close(a);
	det_buf_free(&classes);
	rig_check(det_model_open(&m, "rig.det"));
	(void)unlink("rig.det");
	return m;
}

/* A model of texts, in pairs of name and text; the nets' weights are seeded. */
static inline struct det_model *
rig_model_of(const char *const (*text)[2], size_t n, size_t classes, uint64_t seed)
{
	struct det_writer *w;
	struct det_model *m;
	const char names[] = "a\nb\nc\nd\n";
	int fd = open("rig.det", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		exit(2);
	rig_check(det_writer_open_fd(&w, fd, "rig.det"));
	rig_check(det_writer_make(w, DET_STREAM, NULL, names, 2 * classes));
	for (size_t i = 0; i < n; i++)
		if (!strncmp(text[i][0], "net/", 4))
			rig_check(det_seeded_write(
			    w, text[i][1], strlen(text[i][1]), text[i][0], seed));
		else
			rig_check(det_writer_text(
			    w, text[i][0], text[i][1], strlen(text[i][1])));
	rig_check(det_writer_end(w));
	rig_check(det_writer_flush(w));
	det_writer_free(w);
	(void)close(fd);
	rig_check(det_model_open(&m, "rig.det"));
	(void)unlink("rig.det");
	return m;
}

enum { RIG_TERMS = 2 * DET_OBJECTIVE_TERMS };

/* The sum of the terms of a step; gradients add up. NAN where it fails. */
static inline double
rig_step(struct det_system *s, const struct det_batch *b, double value[RIG_TERMS])
{
	double sum = 0;

	if (det_system_step(s, b, 1, value)) {
		(void)printf("# %s\n", det_errmsg());
		return NAN;
	}
	for (size_t i = 0; i < det_system_terms(s); i++)
		sum += value[i];
	return sum;
}

/* The loss at w + h d. */
static inline double
rig_loss_at(struct det_system *s, const struct det_batch *b, struct det_param *p,
    const float *w, const double *d, double h)
{
	double value[RIG_TERMS], sum;

	for (size_t i = 0; i < p->count; i++)
		p->value[i] = (float)((double)w[i] + h * d[i]);
	sum = rig_step(s, b, value);
	memcpy(p->value, w, p->count * sizeof *w);
	return sum;
}

/* How far the slope of the loss along a direction is from what the gradient says. */
static inline double
rig_slope_off(struct det_system *s, const struct det_batch *b, struct det_param *p,
    const float *grad, const double *d, double h)
{
	float *w = malloc(p->count * sizeof *w);
	double want = 0, got;

	if (!w)
		exit(2);
	memcpy(w, p->value, p->count * sizeof *w);
	for (size_t i = 0; i < p->count; i++)
		want += (double)grad[i] * d[i];
	got =
	    (rig_loss_at(s, b, p, w, d, h) - rig_loss_at(s, b, p, w, d, -h)) / (2 * h);
	free(w);
	return fabs(got - want);
}

/* The worst of all weights, along the gradient and along a random direction, relative to the
 * gradient's norm (at least `least`). Steps are h times the weight's norm. */
static inline double
rig_check_system(
    struct det_system *s, const struct det_batch *b, double h, double least)
{
	double value[RIG_TERMS], worst = 0, off, norm, size, step;
	struct det_random r;

	det_random_seed(&r, 1, 1);
	det_system_clear(s);
	if (!(fabs(rig_step(s, b, value)) < 1e30))
		return NAN;
	for (size_t i = 0; i < det_system_n_params(s); i++) {
		struct det_param *p = det_system_param(s, i);
		float *g = malloc(p->count * sizeof *g);
		double *d = malloc(p->count * sizeof *d);

		if (!g || !d)
			exit(2);
		/* gradients are moved by the steps to come: each is had afresh */
		det_system_clear(s);
		(void)rig_step(s, b, value);
		for (int way = 0; p->grad && !p->frozen && way < 2; way++) {
			if (way == 0)
				memcpy(g, p->grad, p->count * sizeof *g);
			norm = size = 0;
			for (size_t k = 0; k < p->count; k++) {
				norm += (double)g[k] * (double)g[k];
				size += (double)p->value[k] * (double)p->value[k];
			}
			norm = sqrt(norm);
			size = fmax(sqrt(size), .5);
			step = 0;
			for (size_t k = 0; k < p->count; k++) {
				d[k] = way ? det_random_normal(&r) : (double)g[k];
				step += d[k] * d[k];
			}
			for (size_t k = 0; k < p->count; k++)
				d[k] /= step > 0 ? sqrt(step) : 1;
			off =
			    rig_slope_off(s, b, p, g, d, h * size) / fmax(norm, least);
			if (!(off < worst))
				worst = off;
			if (!(off < .02))
				(void)printf(
				    "# %s: off by %.2g of %.2g\n", p->name, off, norm);
		}
		free(g);
		free(d);
	}
	return worst;
}

#endif
