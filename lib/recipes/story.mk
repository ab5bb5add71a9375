# The story of object detectors as one experiment: from HOG features with linear SVMs, R-CNN,
# SPP-net and Fast R-CNN to those of bccd.mk, trained and scored on one data set.
#
#   make -f lib/recipes/story.mk DATA=bccd WEIGHTS=squeezenet_v1.1.safetensors
#
# Prints a table and leaves it in OUT as `story` and `story.tsv`, with AP and AP50 against time
# as story-AP.svg and story-AP50.svg. Each system may be made alone (hog, rcnn, spp, fast, ...).
# What is said of bccd.mk holds here: what was stopped goes on, and what changes is made anew
# with what depends on it, and nothing else. Another C trains SVMs again on features that are
# there; another --max of PROPOSE begins with the proposals.
OUT  = story.out
# where boxes come from that no network proposes: regions, and windows for HOG
PROPOSE  = --selective-search quality
WINDOWS  = --windows
# of the SVMs: the price of an error, and more options of det-svm
C        = .001
SVM      =
# which YOLO has a say in Fast R-CNN's boxes, and how much
YOLO     = yolov1
RESCORE  = --boost 1
# one thread a stage: processor times that compare
STAGE    = -j 1

SYSTEMS  = hog rcnn spp fast frcnn frcnn-fpn retinanet yolov1 yolov2 yolov3 ssd fast-yolo
story: force-story

include $(dir $(lastword $(MAKEFILE_LIST)))bccd.mk

hog.title         = HOG + SVM
rcnn.title        = R-CNN
spp.title         = SPP-net
fast.title        = Fast R-CNN
frcnn.title       = Faster R-CNN
frcnn-fpn.title   = Faster R-CNN, FPN
retinanet.title   = RetinaNet
yolov1.title      = YOLOv1
yolov2.title      = YOLOv2
yolov3.title      = YOLOv3
ssd.title         = SSD
fast-yolo.title   = Fast R-CNN + $($(YOLO).title)

# Systems that take boxes from the stream. Those with SVMs: what comes before features and makes
# them, and from which features scores and boxes are computed.
hog.arch       = hog
hog.weights    = none
hog.items      = windows
hog.begins     = begin.det
hog.pipe       = det-image det-roipool det-head det-nms
hog.features   = det-image det-roipool
hog.svm        = --features rois
rcnn.arch      = squeezenet_rcnn
rcnn.recipe    = cpu_rcnn
rcnn.items     = regions
rcnn.pipe      = det-image det-roipool det-backbone det-head det-nms
rcnn.features  = det-image det-roipool det-backbone
rcnn.svm       = --features fc7 --box-features fc7
spp.arch       = squeezenet_spp
spp.recipe     = cpu_spp
spp.items      = regions
spp.pipe       = det-image det-backbone det-roipool det-head det-nms
spp.features   = det-image det-backbone det-roipool rows
spp.svm        = --features fc7 --box-features fc7
fast.arch      = squeezenet_fast_rcnn
fast.recipe    = cpu_fast_rcnn
fast.items     = regions
fast.pipe      = det-image det-backbone det-roipool det-head det-nms
tool.rows      = det-backbone --net head --tap fc7
# SVMs' scores are margins, and all of them are kept
