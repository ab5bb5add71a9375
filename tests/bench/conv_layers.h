/* SPDX-License-Identifier: MIT
 *
 * The convolutions of the detectors' networks, each shape once with how often it occurs.
 * The kernel is square, padded by (kernel - 1) * dilation / 2; groups 0: one.
 */
#ifndef DET_BENCH_CONV_LAYERS_H
#define DET_BENCH_CONV_LAYERS_H

#include <stddef.h>

struct layer {
	size_t count, c, h, w, k, kernel, stride, dilate, groups;
};

#define SQUARE(n, c, hw, k, kernel, stride)           \
	{                                             \
		n, c, hw, hw, k, kernel, stride, 1, 1 \
	}
#define OBLONG(n, c, h, w, k, kernel, stride)       \
	{                                           \
		n, c, h, w, k, kernel, stride, 1, 1 \
	}
#define DEPTHWISE(n, c, hw, stride)              \
	{                                        \
		n, c, hw, hw, c, 3, stride, 1, c \
	}
#define END                               \
	{                                 \
		0, 0, 0, 0, 0, 0, 0, 0, 0 \
	}

static const struct layer yolov3[] = { SQUARE(1, 3, 416, 32, 3, 1),
	SQUARE(1, 32, 416, 64, 3, 2), SQUARE(1, 64, 208, 32, 1, 1),
	SQUARE(1, 32, 208, 64, 3, 1), SQUARE(1, 64, 208, 128, 3, 2),
	SQUARE(2, 128, 104, 64, 1, 1), SQUARE(2, 64, 104, 128, 3, 1),
	SQUARE(1, 128, 104, 256, 3, 2), SQUARE(10, 256, 52, 128, 1, 1),
	SQUARE(11, 128, 52, 256, 3, 1), SQUARE(1, 384, 52, 128, 1, 1),
	SQUARE(1, 256, 52, 255, 1, 1), SQUARE(1, 256, 52, 512, 3, 2),
	SQUARE(10, 512, 26, 256, 1, 1), SQUARE(11, 256, 26, 512, 3, 1),
	SQUARE(1, 768, 26, 256, 1, 1), SQUARE(1, 512, 26, 255, 1, 1),
	SQUARE(1, 256, 26, 128, 1, 1), SQUARE(1, 512, 26, 1024, 3, 2),
	SQUARE(7, 1024, 13, 512, 1, 1), SQUARE(7, 512, 13, 1024, 3, 1),
	SQUARE(1, 1024, 13, 255, 1, 1), SQUARE(1, 512, 13, 256, 1, 1), END };

static const struct layer vgg16[] = { SQUARE(1, 3, 224, 64, 3, 1),
	SQUARE(1, 64, 224, 64, 3, 1), SQUARE(1, 64, 112, 128, 3, 1),
	SQUARE(1, 128, 112, 128, 3, 1), SQUARE(1, 128, 56, 256, 3, 1),
	SQUARE(2, 256, 56, 256, 3, 1), SQUARE(1, 256, 28, 512, 3, 1),
	SQUARE(2, 512, 28, 512, 3, 1), SQUARE(3, 512, 14, 512, 3, 1), END };

static const struct layer resnet50[] = { SQUARE(1, 3, 224, 64, 7, 2),
	SQUARE(1, 64, 56, 64, 1, 1), SQUARE(3, 64, 56, 64, 3, 1),
	SQUARE(4, 64, 56, 256, 1, 1), SQUARE(2, 256, 56, 64, 1, 1),
	SQUARE(1, 256, 56, 128, 1, 1), SQUARE(1, 128, 56, 128, 3, 2),
	SQUARE(1, 256, 56, 512, 1, 2), SQUARE(4, 128, 28, 512, 1, 1),
	SQUARE(3, 512, 28, 128, 1, 1), SQUARE(3, 128, 28, 128, 3, 1),
	SQUARE(1, 512, 28, 256, 1, 1), SQUARE(1, 256, 28, 256, 3, 2),
	SQUARE(1, 512, 28, 1024, 1, 2), SQUARE(6, 256, 14, 1024, 1, 1),
	SQUARE(5, 1024, 14, 256, 1, 1), SQUARE(5, 256, 14, 256, 3, 1),
	SQUARE(1, 1024, 14, 512, 1, 1), SQUARE(1, 512, 14, 512, 3, 2),
	SQUARE(1, 1024, 14, 2048, 1, 2), SQUARE(3, 512, 7, 2048, 1, 1),
	SQUARE(2, 2048, 7, 512, 1, 1), SQUARE(2, 512, 7, 512, 3, 1), END };

/* 600x800 */
static const struct layer resnet101[] = { OBLONG(1, 3, 600, 800, 64, 7, 2),
	OBLONG(1, 64, 150, 200, 64, 1, 1), OBLONG(3, 64, 150, 200, 64, 3, 1),
	OBLONG(4, 64, 150, 200, 256, 1, 1), OBLONG(2, 256, 150, 200, 64, 1, 1),
	OBLONG(1, 256, 150, 200, 128, 1, 1), OBLONG(1, 128, 150, 200, 128, 3, 2),
	OBLONG(1, 256, 150, 200, 512, 1, 2), OBLONG(4, 128, 75, 100, 512, 1, 1),
	OBLONG(3, 512, 75, 100, 128, 1, 1), OBLONG(3, 128, 75, 100, 128, 3, 1),
	OBLONG(1, 512, 75, 100, 256, 1, 1), OBLONG(1, 256, 75, 100, 256, 3, 2),
	OBLONG(1, 512, 75, 100, 1024, 1, 2), OBLONG(23, 256, 38, 50, 1024, 1, 1),
	OBLONG(22, 1024, 38, 50, 256, 1, 1), OBLONG(22, 256, 38, 50, 256, 3, 1),
	OBLONG(1, 1024, 38, 50, 512, 1, 1), OBLONG(1, 512, 38, 50, 512, 3, 2),
	OBLONG(1, 1024, 38, 50, 2048, 1, 2), OBLONG(3, 512, 19, 25, 2048, 1, 1),
	OBLONG(2, 2048, 19, 25, 512, 1, 1), OBLONG(2, 512, 19, 25, 512, 3, 1), END };

/* What RetinaNet and Faster R-CNN of 800x1088 have behind their ResNet-50, and its stem. */
static const struct layer fpn[] = { OBLONG(1, 3, 800, 1088, 64, 7, 2),
	OBLONG(1, 64, 200, 272, 64, 1, 1), OBLONG(3, 64, 200, 272, 64, 3, 1),
	OBLONG(4, 64, 200, 272, 256, 1, 1), OBLONG(3, 256, 200, 272, 64, 1, 1),
	OBLONG(1, 256, 200, 272, 256, 1, 1), OBLONG(1, 512, 100, 136, 256, 1, 1),
	OBLONG(1, 1024, 50, 68, 256, 1, 1), OBLONG(1, 2048, 25, 34, 256, 1, 1),
	OBLONG(2, 256, 200, 272, 256, 3, 1), OBLONG(10, 256, 100, 136, 256, 3, 1),
	OBLONG(10, 256, 50, 68, 256, 3, 1), OBLONG(10, 256, 25, 34, 256, 3, 1),
	OBLONG(9, 256, 13, 17, 256, 3, 1), OBLONG(8, 256, 7, 9, 256, 3, 1),
	OBLONG(1, 2048, 25, 34, 256, 3, 2), OBLONG(1, 256, 13, 17, 256, 3, 2),
	OBLONG(1, 256, 100, 136, 720, 3, 1), OBLONG(1, 256, 50, 68, 720, 3, 1),
	OBLONG(1, 256, 25, 34, 720, 3, 1), OBLONG(1, 256, 100, 136, 36, 3, 1),
	OBLONG(1, 256, 7, 9, 36, 3, 1), OBLONG(1, 256, 200, 272, 3, 1, 1),
	OBLONG(1, 256, 200, 272, 12, 1, 1), END };

static const struct layer ssd300[] = { SQUARE(1, 3, 300, 64, 3, 1),
	SQUARE(1, 64, 300, 64, 3, 1), SQUARE(1, 64, 150, 128, 3, 1),
	SQUARE(1, 128, 150, 128, 3, 1), SQUARE(1, 128, 75, 256, 3, 1),
	SQUARE(2, 256, 75, 256, 3, 1), SQUARE(1, 256, 38, 512, 3, 1),
	SQUARE(2, 512, 38, 512, 3, 1), SQUARE(3, 512, 19, 512, 3, 1),
	{ 1, 512, 19, 19, 1024, 3, 1, 6, 1 }, SQUARE(1, 1024, 19, 1024, 1, 1),
	SQUARE(1, 1024, 19, 256, 1, 1), SQUARE(1, 256, 19, 512, 3, 2),
	SQUARE(1, 512, 10, 128, 1, 1), SQUARE(1, 128, 10, 256, 3, 2),
	SQUARE(1, 512, 38, 84, 3, 1), SQUARE(1, 512, 38, 16, 3, 1),
	SQUARE(1, 1024, 19, 126, 3, 1), SQUARE(1, 1024, 19, 24, 3, 1),
	SQUARE(1, 512, 10, 126, 3, 1), SQUARE(1, 512, 10, 24, 3, 1),
	SQUARE(1, 256, 5, 126, 3, 1), SQUARE(1, 256, 3, 84, 3, 1), END };

static const struct layer yolov2[] = { SQUARE(1, 3, 416, 32, 3, 1),
	SQUARE(1, 32, 208, 64, 3, 1), SQUARE(2, 64, 104, 128, 3, 1),
	SQUARE(1, 128, 104, 64, 1, 1), SQUARE(2, 128, 52, 256, 3, 1),
	SQUARE(1, 256, 52, 128, 1, 1), SQUARE(3, 256, 26, 512, 3, 1),
	SQUARE(2, 512, 26, 256, 1, 1), SQUARE(3, 512, 13, 1024, 3, 1),
	SQUARE(2, 1024, 13, 512, 1, 1), SQUARE(2, 1024, 13, 1024, 3, 1),
	SQUARE(1, 512, 26, 64, 1, 1), SQUARE(1, 1280, 13, 1024, 3, 1),
	SQUARE(1, 1024, 13, 125, 1, 1), END };

static const struct layer tiny[] = { SQUARE(1, 3, 416, 16, 3, 1),
	SQUARE(1, 16, 208, 32, 3, 1), SQUARE(1, 32, 104, 64, 3, 1),
	SQUARE(1, 64, 52, 128, 3, 1), SQUARE(1, 128, 26, 256, 3, 1),
	SQUARE(1, 256, 13, 512, 3, 1), SQUARE(1, 512, 13, 1024, 3, 1),
	SQUARE(1, 1024, 13, 256, 1, 1), SQUARE(1, 256, 13, 512, 3, 1),
	SQUARE(1, 512, 13, 255, 1, 1), SQUARE(1, 256, 13, 128, 1, 1),
	SQUARE(1, 384, 26, 256, 3, 1), SQUARE(1, 256, 26, 255, 1, 1), END };

static const struct layer mobilenet[] = { SQUARE(1, 3, 300, 32, 3, 2),
	DEPTHWISE(1, 32, 150, 1), SQUARE(1, 32, 150, 64, 1, 1),
	DEPTHWISE(1, 64, 150, 2), SQUARE(1, 64, 75, 128, 1, 1),
	DEPTHWISE(1, 128, 75, 1), SQUARE(1, 128, 75, 128, 1, 1),
	DEPTHWISE(1, 128, 75, 2), SQUARE(1, 128, 38, 256, 1, 1),
	DEPTHWISE(1, 256, 38, 1), SQUARE(1, 256, 38, 256, 1, 1),
	DEPTHWISE(1, 256, 38, 2), SQUARE(1, 256, 19, 512, 1, 1),
	DEPTHWISE(5, 512, 19, 1), SQUARE(5, 512, 19, 512, 1, 1),
	DEPTHWISE(1, 512, 19, 2), SQUARE(1, 512, 10, 1024, 1, 1),
	DEPTHWISE(1, 1024, 10, 1), SQUARE(1, 1024, 10, 1024, 1, 1),
	SQUARE(1, 1024, 10, 256, 1, 1), SQUARE(1, 256, 10, 512, 3, 2),
	SQUARE(1, 512, 5, 128, 1, 1), SQUARE(1, 128, 5, 256, 3, 2), END };

static const struct {
	const char *name;
	const struct layer *layers;
} nets[] = { { "yolov3", yolov3 }, { "vgg16", vgg16 }, { "resnet50", resnet50 },
	{ "resnet101", resnet101 }, { "fpn", fpn }, { "ssd300", ssd300 },
	{ "yolov2", yolov2 }, { "tiny", tiny }, { "mobilenet", mobilenet } };

#endif
