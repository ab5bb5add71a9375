# The story of object detectors as one experiment: from HOG features with linear SVMs, R-CNN,
# SPP-net and Fast R-CNN to those of bccd.mk, trained and scored on one data set.
#
#   make -f lib/recipes/story.mk DATA=bccd WEIGHTS=squeezenet_v1.1.safetensors
#
# Prints a table, and leaves it in OUT as `story` and `story.tsv`, AP and AP50 against time as
# story-AP.svg and story-AP50.svg. Each system may be made alone (hog, rcnn, spp, fast, ...).
# What is said of bccd.mk holds here: what was stopped goes on; what changes is made anew with
# what depends on it, and nothing else. Another C trains SVMs again, on the features that are
# there; other proposals are where three systems begin anew.
OUT     = story.out
# Boxes that no network proposes: regions, of pictures of this size, and windows for HOG, fewer of
# those that it learns from.
REGIONS = --selective-search fast --min-side 10 --max 2000
SIZE    = --fit stretch --size 320x240
WINDOWS = --windows --window-sizes 32 --window-step 1.26 --window-stride .25
COARSE  = --windows --window-sizes 32 --window-step 1.41 --window-stride .5
# Of SVMs: the price of an error, and more options of det-svm.
C       = .001
SVM     =
# The YOLO that has a say in Fast R-CNN's boxes, and how.
YOLO    = yolov1
RESCORE = --boost 1
# One thread a stage: processor times that compare.
STAGE   = -j 1

SYSTEMS = hog rcnn spp fast frcnn frcnn-fpn retinanet yolov1 yolov2 yolov3 ssd fast-yolo
story: tell

VARIABLES = REGIONS SIZE WINDOWS COARSE C SVM YOLO RESCORE
KNOWN = hog rcnn spp fast fast-yolo
per-ancestor = features features.pipe near.pipe svm
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

# Systems whose pictures come with boxes. The first three end with SVMs: by which pipe their
# features are made, of their run's last model or another, and what is learnt from which.
hog.arch          = hog
hog.weights       = none
hog.items         = windows
hog.pipe          = det-image det-roipool det-head det-nms
hog.features      = begin.det
hog.features.pipe = det-image det-roipool
hog.svm           = --features rois
hog.model         = svm.det
rcnn.arch         = squeezenet_rcnn
rcnn.recipe       = cpu_rcnn
rcnn.items        = regions
rcnn.pipe         = det-image det-roipool det-backbone det-head det-nms
rcnn.features.pipe = det-image det-roipool det-backbone
rcnn.svm          = --features fc7 --box-features pool5
rcnn.model        = svm.det
spp.arch          = squeezenet_spp
spp.recipe        = cpu_spp
spp.items         = regions
spp.pipe          = det-image det-backbone det-roipool det-head det-nms
spp.features.pipe = det-image det-backbone det-roipool rows
# rows of the pooled map itself, which know where things lie: 3 GiB of a few hundred pictures,
# though they are near objects only
spp.near.pipe     = det-image det-backbone det-roipool
spp.svm           = --features fc7 --box-features rois --box-rows 2000 --lambda 200 \
                    --positive-iou .6
spp.model         = svm.det
fast.arch         = squeezenet_fast_rcnn
fast.recipe       = cpu_fast_rcnn
fast.items        = regions
fast.pipe         = $(spp.pipe)
tool.rows         = det-backbone
rows.all          = --net head --tap fc7
# margins, not probabilities: nearly all are kept
hog.det-head      = --thresh -1.5
rcnn.det-head     = --thresh -1.5
spp.det-head      = --thresh -1.5

# --- proposals, of all pictures of a split ---
$(OUT)/regions.options: export NOW = $(SIZE) $(REGIONS)
$(OUT)/windows.options: export NOW = $(WINDOWS) $(COARSE)
$(OUT)/%.regions: $(OUT)/%.gt $(OUT)/regions.options
	<$< sh $(HERE)timed.sh $@.time det-image det-image $(SIZE) $(STAGE) | \
	    sh $(HERE)timed.sh $@.time det-propose det-propose $(REGIONS) $(STAGE) -o $@
$(OUT)/%.windows: $(OUT)/%.gt $(OUT)/windows.options
	sh $(HERE)timed.sh $@.time det-propose det-propose $(if $(filter $(LEARNT),$*),$(COARSE),$(WINDOWS)) $< -o $@
# those that boxes learn from, by det-svm's own --box-iou
$(OUT)/%.near: $(OUT)/%.regions
	det-propose --from proposals --boxes proposals --near .6 $< -o $@
# the objects themselves: the positives of SVMs
$(OUT)/%.objects: $(OUT)/%.gt
	det-propose --from gt $< -o $@
# what detection can reach with them at all
$(OUT)/%.ceiling: $(OUT)/$(JUDGED).%
	@det-export --truth $< >$@.objects
	@det-export --boxes proposals $< | awk -f $(HERE)recall.awk $@.objects - >$@
	@rm $@.objects

# --- SVMs ---
features = $(if $($*.features),$(OUT)/$*/$($*.features),$(run)/last.det)
$(OUT)/%/features: $$(if $$($$*.features),$$(features),$$(trained)) $(OUT)/$(LEARNT).$$(items)
	@rm -rf $@.time
	$(call pipe,$(OUT)/$(LEARNT).$(items),$($*.features.pipe),$(features),$@.time) -o $@
$(OUT)/%/positives: $(OUT)/%/features $(OUT)/$(LEARNT).objects
	@rm -rf $@.time
	$(call pipe,$(OUT)/$(LEARNT).objects,$($*.features.pipe),$(features),$@.time) -o $@
$(OUT)/%/near: $$(if $$($$*.features),$$(features),$$(trained)) $(OUT)/$(LEARNT).near
	@rm -rf $@.time
	$(call pipe,$(OUT)/$(LEARNT).near,$($*.near.pipe),$(features),$@.time) -o $@
$(OUT)/%/svm.options: export NOW = -C $(C) $($(system).svm) $(SVM)
$(OUT)/%/svm.det: $(OUT)/%/features $(OUT)/%/positives $(OUT)/%/svm.options \
    $$(if $$($$*.near.pipe),$(OUT)/%/near)
	@rm -rf $@.time
	sh $(HERE)timed.sh $@.time det-svm det-svm -m $(features) -C $(C) $($*.svm) $(SVM) \
	    $(if $($*.near.pipe),--box-file $(OUT)/$*/near) \
	    --positives $(OUT)/$*/positives $(OUT)/$*/features -o $@

# --- two detectors as one ---
$(OUT)/fast-yolo/rescore.options: export NOW = $(YOLO) $(RESCORE)
$(OUT)/fast-yolo/boxes: $(OUT)/fast/boxes $(OUT)/$(YOLO)/boxes $(OUT)/fast-yolo/rescore.options
	@rm -rf $@.time
	sh $(HERE)timed.sh $@.time det-merge det-merge --method rescore $(RESCORE) $(STAGE) \
	    $(OUT)/fast/boxes $(OUT)/$(YOLO)/boxes -o $@
fast-yolo.parts = fast $(YOLO)

# --- the table and the plots ---
told = $(SYSTEMS:%=$(OUT)/%/figures)
$(OUT)/titles.options: export NOW = $(foreach s,$(SYSTEMS),$(s)=$($(s).title);)
$(OUT)/story.tsv: $(told) $(OUT)/titles.options
	@awk -f $(HERE)table.awk -v tsv=1 $(OUT)/titles.options $(told) >$@
$(OUT)/story: $(told) $(OUT)/titles.options
	@awk -f $(HERE)table.awk $(OUT)/titles.options $(told) >$@
$(OUT)/story-%.svg: $(OUT)/story.tsv
	@awk -f $(HERE)plot.awk -v y=$* $< >$@
tell: $(OUT)/story $(OUT)/story.tsv $(OUT)/story-AP.svg $(OUT)/story-AP50.svg
	@cat $(OUT)/story

.PHONY: story tell
.PRECIOUS: $(OUT)/%.regions $(OUT)/%.windows $(OUT)/%.objects $(OUT)/%.ceiling \
    $(OUT)/%/features $(OUT)/%/positives $(OUT)/%/svm.det \
    $(OUT)/%.near $(OUT)/%/near

include $(HERE)asked.mk
