/* SPDX-License-Identifier: MIT
 *
 * The table. Sources: torchvision 0.20 (0.14 for tv32) models/detection; py-faster-rcnn
 * lib/fast_rcnn/config.py, lib/rpn; examples/ssd of SSD's Caffe; Darknet's
 * examples/detector.c; Detectron2 Base-RCNN-FPN; OpenCV 4.6; for
 * `paper` Ren et al. 2015, Uijlings et al. 2013.
 *
 * Lines are those of det-TOOL's long options. Sizes that belong to a network (300x300) are
 * the model's to say.
 */
#include "model/profile.h"

#include <string.h>

#define TV_IMAGE                                                                \
	"fit=short\nshort=800\nlong=1333\nmultiple=32\nkernel=torch\n"          \
	"channels=rgb\nscale=1/255\nnormalize=before\nmean=0.485,0.456,0.406\n" \
	"std=0.229,0.224,0.225\n"
#define TV_PROPOSE                                                 \
	"pre-nms=1000\npost-nms=1000\niou=0.7\nge=0\nplus-one=0\n" \
	"train-pre-nms=2000\ntrain-post-nms=2000\n"
#define TV_ROIPOOL                                                                     \
	"op=align\nsize=7x7\nsampling=2\naligned=0\ncanonical=224\nlevel0=4\nepsilon=" \
	"tv\n"
#define TV_NMS "iou=0.5\nge=0\nplus-one=0\nmax=100\nmap=after\nclip=none\n"
#define CAFFE_PROPOSE                                             \
	"pre-nms=6000\npost-nms=300\niou=0.7\nge=1\nplus-one=1\n" \
	"train-pre-nms=12000\ntrain-post-nms=2000\n"

static const struct {
	const char *profile, *tool, *options;
} table[] = {
	/* the order of the tools in a pipe */
	{ "tv", "det-image", TV_IMAGE "rule=tv\n" },
	{ "tv", "det-anchors", "set=tv\n" },
	{ "tv", "det-propose", TV_PROPOSE },
	{ "tv", "det-roipool", TV_ROIPOOL },
	{ "tv", "det-head", "thresh=0.05\n" },
	{ "tv", "det-nms", TV_NMS },

	{ "tv32", "det-image", TV_IMAGE "rule=tv32\n" },
	{ "tv32", "det-anchors", "set=tv\n" },
	{ "tv32", "det-propose", TV_PROPOSE },
	{ "tv32", "det-roipool", TV_ROIPOOL },
	{ "tv32", "det-head", "thresh=0.05\n" },
	{ "tv32", "det-nms", TV_NMS },

	{ "caffe", "det-image",
	    "fit=short\nshort=600\nlong=1000\nrule=caffe\nmultiple=1\nkernel=opencv\n"
	    "channels=bgr\nscale=1\nnormalize=before\n"
	    "mean=102.9801,115.9465,122.7717\nstd=1\n" },
	{ "caffe", "det-anchors", "set=caffe\n" },
	{ "caffe", "det-propose", CAFFE_PROPOSE },
	{ "caffe", "det-roipool", "op=max\nsize=7x7\n" },
	{ "caffe", "det-head", "thresh=0.05\n" },
	{ "caffe", "det-nms",
	    "iou=0.3\nge=1\nplus-one=1\nmax=100\nmax-ties=1\nmap=before\nclip=none\n" },

	{ "ssd-caffe", "det-image",
	    "fit=stretch\nkernel=opencv\nchannels=bgr\nscale=1\nnormalize=after\n"
	    "mean=104,117,123\nstd=1\n" },
	{ "ssd-caffe", "det-anchors", "set=ssd300-caffe\n" },
	{ "ssd-caffe", "det-head", "thresh=0.01\n" },
	{ "ssd-caffe", "det-nms",
	    "iou=0.45\nge=0\nplus-one=0\nmax=200\nmap=after\nclip=after\n" },

	{ "darknet", "det-image",
	    "fit=letterbox\nkernel=darknet\nmap=framework\nfill=127.5\nchannels=rgb\n"
	    "scale=1/255\nnormalize=after\nmean=0\nstd=1\n" },
	{ "darknet", "det-head", "thresh=0.5\n" },
	{ "darknet", "det-nms", "iou=0.45\nge=0\nplus-one=0\n" },

	{ "d2", "det-image",
	    "fit=short\nshort=800\nlong=1333\nrule=d2\nmultiple=32\nkernel=pil\n"
	    "channels=bgr\nscale=1\nnormalize=after\nmean=103.53,116.28,123.675\n"
	    "std=1\n" },
	{ "d2", "det-anchors", "set=d2\n" },
	{ "d2", "det-propose",
	    "pre-nms=1000\npost-nms=1000\niou=0.7\nge=0\nplus-one=0\n"
	    "train-pre-nms=2000\ntrain-post-nms=1000\n" },
	{ "d2", "det-roipool",
	    "op=align\nsize=7x7\nsampling=0\naligned=1\ncanonical=224\nlevel0=4\n"
	    "epsilon=d2\n" },
	{ "d2", "det-head", "thresh=0.05\n" },
	{ "d2", "det-nms", TV_NMS },

	{ "opencv", "det-image", "kernel=opencv\n" },
	{ "opencv", "det-propose", "rules=opencv\n" },

	{ "paper", "det-image", "fit=short\nshort=600\nlong=1000\n" },
	{ "paper", "det-anchors", "set=overview\n" },
	{ "paper", "det-propose",
	    "pre-nms=6000\npost-nms=300\niou=0.7\nge=0\nplus-one=0\n"
	    "train-pre-nms=12000\ntrain-post-nms=2000\nrules=paper\n" },
	{ "paper", "det-roipool", "op=max\nsize=7x7\n" },
	{ "paper", "det-head", "thresh=0.05\n" },
	{ "paper", "det-nms", "iou=0.3\nge=0\nplus-one=0\nmax=100\n" },
};

static const struct {
	const char *name, *about;
} names[] = {
	{ "tv", "torchvision since 0.15" },
	{ "tv32", "torchvision before, and exported: sizes in single precision" },
	{ "caffe", "py-faster-rcnn" },
	{ "ssd-caffe", "the Caffe of SSD's authors" },
	{ "darknet", "Darknet" },
	{ "d2", "Detectron2" },
	{ "opencv", "OpenCV: resizing, selective search" },
	{ "paper", "as the papers and overviews describe it" },
};

const char *
det_profile_options(const char *profile, const char *tool)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].profile, profile) == 0 &&
		    strcmp(table[i].tool, tool) == 0)
			return table[i].options;
	return NULL;
}

int
det_profile_list(size_t i, const char **name, const char **about)
{
	if (i >= sizeof names / sizeof *names)
		return 0;
	*name = names[i].name;
	*about = names[i].about;
	return 1;
}
