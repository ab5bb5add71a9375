/* SPDX-License-Identifier: MIT
 *
 * Anchors of well-known programs, each a parameter set of the text. Maps bear the names
 * that the toolkit's networks give them: p2 .. p7 are the levels of a pyramid, of strides
 * 4 .. 128 (and of 64 for a p6 that is p5 pooled).
 */
#include "box/anchors.h"

#include <string.h>

static const struct {
	const char *name, *text;
} profiles[] = {
	{ "caffe", "# py-faster-rcnn, generate_anchors.py\n"
		   "grid(conv5_3) sizes=128,256,512 ratios=.5,1,2 round=base base=16 "
		   "stride=16\n" },
	{ "overview", "# anchors around the middle of the cell\n"
		      "grid(conv5_3) sizes=128,256,512 ratios=.5,1,2 stride=16 "
		      "offset=.5\n" },
	{ "tv", "# torchvision, Faster R-CNN on a pyramid\n"
		"grid(p2) sizes=32 ratios=.5,1,2 round=half\n"
		"grid(p3) sizes=64 ratios=.5,1,2 round=half\n"
		"grid(p4) sizes=128 ratios=.5,1,2 round=half\n"
		"grid(p5) sizes=256 ratios=.5,1,2 round=half\n"
		"grid(p6) sizes=512 ratios=.5,1,2 round=half\n" },
	{ "d2", "# Detectron2, Base-RCNN-FPN\n"
		"grid(p2) sizes=32 ratios=.5,1,2 order=size stride=4\n"
		"grid(p3) sizes=64 ratios=.5,1,2 order=size stride=8\n"
		"grid(p4) sizes=128 ratios=.5,1,2 order=size stride=16\n"
		"grid(p5) sizes=256 ratios=.5,1,2 order=size stride=32\n"
		"grid(p6) sizes=512 ratios=.5,1,2 order=size stride=64\n" },
	{ "retinanet",
	    "# torchvision, RetinaNet: sizes are whole numbers\n"
	    "grid(p3) sizes=32 octaves=3 truncate ratios=.5,1,2 round=half\n"
	    "grid(p4) sizes=64 octaves=3 truncate ratios=.5,1,2 round=half\n"
	    "grid(p5) sizes=128 octaves=3 truncate ratios=.5,1,2 round=half\n"
	    "grid(p6) sizes=256 octaves=3 truncate ratios=.5,1,2 round=half\n"
	    "grid(p7) sizes=512 octaves=3 truncate ratios=.5,1,2 round=half\n" },
	{ "retinanet-d2",
	    "# Detectron2, Base-RetinaNet\n"
	    "grid(p3) sizes=32 octaves=3 ratios=.5,1,2 order=size stride=8\n"
	    "grid(p4) sizes=64 octaves=3 ratios=.5,1,2 order=size stride=16\n"
	    "grid(p5) sizes=128 octaves=3 ratios=.5,1,2 order=size stride=32\n"
	    "grid(p6) sizes=256 octaves=3 ratios=.5,1,2 order=size stride=64\n"
	    "grid(p7) sizes=512 octaves=3 ratios=.5,1,2 order=size stride=128\n" },
	{ "retinanet-kr",
	    "# keras-retinanet\n"
	    "grid(p3) sizes=32 octaves=3 ratios=.5,1,2 stride=8 offset=.5\n"
	    "grid(p4) sizes=64 octaves=3 ratios=.5,1,2 stride=16 offset=.5\n"
	    "grid(p5) sizes=128 octaves=3 ratios=.5,1,2 stride=32 offset=.5\n"
	    "grid(p6) sizes=256 octaves=3 ratios=.5,1,2 stride=64 offset=.5\n"
	    "grid(p7) sizes=512 octaves=3 ratios=.5,1,2 stride=128 offset=.5\n" },
	{ "ssd300",
	    "# torchvision, ssd300_vgg16\n"
	    "prior(conv4_3) min=.07 max=.15 ratios=2 stride=8 relative clip=size\n"
	    "prior(fc7) min=.15 max=.33 ratios=2,3 stride=16 relative clip=size\n"
	    "prior(conv6_2) min=.33 max=.51 ratios=2,3 stride=32 relative clip=size\n"
	    "prior(conv7_2) min=.51 max=.69 ratios=2,3 stride=64 relative clip=size\n"
	    "prior(conv8_2) min=.69 max=.87 ratios=2 stride=100 relative clip=size\n"
	    "prior(conv9_2) min=.87 max=1.05 ratios=2 stride=300 relative "
	    "clip=size\n" },
	{ "ssd300-caffe",
	    "# SSD's Caffe, VOC, 300x300\n"
	    "prior(conv4_3) min=30 max=60 ratios=2 stride=8 truncate\n"
	    "prior(fc7) min=60 max=111 ratios=2,3 stride=16 truncate\n"
	    "prior(conv6_2) min=111 max=162 ratios=2,3 stride=32 truncate\n"
	    "prior(conv7_2) min=162 max=213 ratios=2,3 stride=64 truncate\n"
	    "prior(conv8_2) min=213 max=264 ratios=2 stride=100 truncate\n"
	    "prior(conv9_2) min=264 max=315 ratios=2 stride=300 truncate\n" },
	{ "ssd300-coco",
	    "# SSD's Caffe, COCO, 300x300\n"
	    "prior(conv4_3) min=21 max=45 ratios=2 stride=8 truncate\n"
	    "prior(fc7) min=45 max=99 ratios=2,3 stride=16 truncate\n"
	    "prior(conv6_2) min=99 max=153 ratios=2,3 stride=32 truncate\n"
	    "prior(conv7_2) min=153 max=207 ratios=2,3 stride=64 truncate\n"
	    "prior(conv8_2) min=207 max=261 ratios=2 stride=100 truncate\n"
	    "prior(conv9_2) min=261 max=315 ratios=2 stride=300 truncate\n" },
	{ "ssd512-caffe",
	    "# SSD's Caffe, VOC, 512x512\n"
	    "prior(conv4_3) min=35.84 max=76.8 ratios=2 stride=8 truncate\n"
	    "prior(fc7) min=76.8 max=153.6 ratios=2,3 stride=16 truncate\n"
	    "prior(conv6_2) min=153.6 max=230.4 ratios=2,3 stride=32 truncate\n"
	    "prior(conv7_2) min=230.4 max=307.2 ratios=2,3 stride=64 truncate\n"
	    "prior(conv8_2) min=307.2 max=384 ratios=2,3 stride=128 truncate\n"
	    "prior(conv9_2) min=384 max=460.8 ratios=2 stride=256 truncate\n"
	    "prior(conv10_2) min=460.8 max=537.6 ratios=2 stride=512 truncate\n" },
	{ "ultraface",
	    "# UltraFace, 320x240: squares, centre and size cut to the picture\n"
	    "prior(s8) min=10,16,24 stride=8 clip=center\n"
	    "prior(s16) min=32,48 stride=16 clip=center\n"
	    "prior(s32) min=64,96 stride=32 clip=center\n"
	    "prior(s64) min=128,192,256 stride=64 clip=center\n" },
	{ "yolov2", "# Darknet, yolov2.cfg: COCO, in cells\n"
		    "pairs(y31) anchors=.57273,.677385,1.87446,2.06253,3.33843,5.47434,"
		    "7.88282,3.52778,9.77052,9.16828 cells\n" },
	{ "yolov3", "# Darknet, yolov3.cfg: COCO, in pixels\n"
		    "pairs(y82) anchors=116,90,156,198,373,326\n"
		    "pairs(y94) anchors=30,61,62,45,59,119\n"
		    "pairs(y106) anchors=10,13,16,30,33,23\n" },
};

#define N (sizeof profiles / sizeof profiles[0])

const char *
det_anchors_profile(const char *name)
{
	for (size_t i = 0; i < N; i++)
		if (!strcmp(profiles[i].name, name))
			return profiles[i].text;
	return NULL;
}

const char *
det_anchors_profile_name(size_t i)
{
	return i < N ? profiles[i].name : NULL;
}
