/* SPDX-License-Identifier: MIT
 *
 * How bytes become the numbers that a network was trained on:
 *
 *   x = (byte * scale - mean[c]) / std[c]
 *
 * torchvision: scale 1/255, mean and std of about .45 and .22. Caffe: scale 1, mean about
 * 110, std 1, channels BGR. Darknet: scale 1/255 alone.
 */
#ifndef DET_NORM_H
#define DET_NORM_H

#include <stddef.h>

#include "base/err.h"

struct det_norm {
	int bgr; /* order of the tensor's channels: 0 RGB, 1 BGR */
	double scale;
	double mean[3], std[3]; /* in the order of the tensor's channels */
};

#define DET_NORM_DEFAULTS                  \
	{                                  \
		0, 1.0 / 255, { 0, 0, 0 }, \
		{                          \
			1, 1, 1            \
		}                          \
	}

/* DET_INVALID where a value is not finite, or scale or a std is 0. */
enum det_err det_norm_check(const struct det_norm *n) DET_MUST_USE;

/* "0.5", "1e-2" or a quotient "1/255". */
enum det_err det_scale_parse(double *out, const char *s) DET_MUST_USE;

/* A canonical line, "rgb scale=0.003921569 mean=0,0,0 std=1,1,1": equal lines mean equal
 * numbers. Written to the attribute "norm" of the tensor "image". */
#define DET_NORM_TEXT 256
char *det_norm_text(char buf[DET_NORM_TEXT], const struct det_norm *n);

/* Reads such a line. */
enum det_err det_norm_parse(struct det_norm *out, const char *text) DET_MUST_USE;

/* What a model's text "options/det-image" states (lines channels=, scale=, mean=, std=;
 * other lines are not looked at): for comparing with the attribute. */
enum det_err det_norm_options(
    struct det_norm *out, const char *text, size_t len) DET_MUST_USE;

/* The 256 values of a tensor channel: scaled only, or all of the formula, in the steps
 * float(byte * scale), - float(mean), / float(std) that torch and numpy take in float. */
void det_norm_scale_table(float table[256], const struct det_norm *n);
void det_norm_table(float table[256], const struct det_norm *n, int channel);

/* The rest of the formula over scaled values, in place. */
void det_norm_finish(float *x, size_t count, const struct det_norm *n, int channel);

/* The other way: what became x; a byte where x is of a picture, but not cut or rounded. */
double det_norm_undo(double x, const struct det_norm *n, int channel);

#endif
