/* SPDX-License-Identifier: MIT
 *
 * Names: V1 layer types (an enum) as those of V2 (strings), and what a layer's blobs are.
 */
#include <stdio.h>
#include <string.h>

#include "caffe/caffemodel.h"

static const struct {
	long number;
	const char *word, *type;
} types[] = {
	{ 35, "ABSVAL", "AbsVal" },
	{ 1, "ACCURACY", "Accuracy" },
	{ 30, "ARGMAX", "ArgMax" },
	{ 2, "BNLL", "BNLL" },
	{ 3, "CONCAT", "Concat" },
	{ 37, "CONTRASTIVE_LOSS", "ContrastiveLoss" },
	{ 4, "CONVOLUTION", "Convolution" },
	{ 5, "DATA", "Data" },
	{ 39, "DECONVOLUTION", "Deconvolution" },
	{ 6, "DROPOUT", "Dropout" },
	{ 32, "DUMMY_DATA", "DummyData" },
	{ 7, "EUCLIDEAN_LOSS", "EuclideanLoss" },
	{ 25, "ELTWISE", "Eltwise" },
	{ 38, "EXP", "Exp" },
	{ 8, "FLATTEN", "Flatten" },
	{ 9, "HDF5_DATA", "HDF5Data" },
	{ 10, "HDF5_OUTPUT", "HDF5Output" },
	{ 28, "HINGE_LOSS", "HingeLoss" },
	{ 11, "IM2COL", "Im2col" },
	{ 12, "IMAGE_DATA", "ImageData" },
	{ 13, "INFOGAIN_LOSS", "InfogainLoss" },
	{ 14, "INNER_PRODUCT", "InnerProduct" },
	{ 15, "LRN", "LRN" },
	{ 29, "MEMORY_DATA", "MemoryData" },
	{ 16, "MULTINOMIAL_LOGISTIC_LOSS", "MultinomialLogisticLoss" },
	{ 34, "MVN", "MVN" },
	{ 17, "POOLING", "Pooling" },
	{ 26, "POWER", "Power" },
	{ 18, "RELU", "ReLU" },
	{ 19, "SIGMOID", "Sigmoid" },
	{ 27, "SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss" },
	{ 36, "SILENCE", "Silence" },
	{ 20, "SOFTMAX", "Softmax" },
	{ 21, "SOFTMAX_LOSS", "SoftmaxWithLoss" },
	{ 22, "SPLIT", "Split" },
	{ 33, "SLICE", "Slice" },
	{ 23, "TANH", "TanH" },
	{ 24, "WINDOW_DATA", "WindowData" },
	{ 31, "THRESHOLD", "Threshold" },
};

const char *
det_caffe_type(long number)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (types[i].number == number)
			return types[i].type;
	return NULL;
}

const char *
det_caffe_type_of(const char *word)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(types[i].word, word) == 0)
			return types[i].type;
	return NULL;
}

static const struct {
	const char *type;
	const char *role[3];
} roles[] = {
	{ "Convolution", { "weight", "bias" } },
	{ "DepthwiseConvolution", { "weight", "bias" } },
	{ "Deconvolution", { "weight", "bias" } },
	{ "InnerProduct", { "weight", "bias" } },
	{ "Scale", { "weight", "bias" } },
	{ "Normalize", { "weight" } },
	{ "PReLU", { "weight" } },
	{ "Bias", { "bias" } },
	{ "BatchNorm", { "mean", "var", "factor" } },
};

const char *
det_caffe_role(const char *type, size_t index)
{
	for (size_t i = 0; type && index < 3 && i < sizeof roles / sizeof *roles; i++)
		if (strcmp(roles[i].type, type) == 0)
			return roles[i].role[index];
	return NULL;
}
