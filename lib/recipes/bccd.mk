# The small detectors on one data set, to be repeated by anyone:
#
#   make -f lib/recipes/bccd.mk DATA=bccd WEIGHTS=squeezenet_v1.1.safetensors
#
# DATA is a folder in VOC's form with the splits `trainval` and `test`: BCCD, 364 pictures of
# blood cells (github.com/Shenggan/BCCD_Dataset), or one like it. WEIGHTS are those of SqueezeNet
# 1.1 as an ImageNet classifier, in any form that det-model new --weights takes. The last rule
# prints a table; each system may be made alone (ssd, retinanet, frcnn, ...), and a run that
# was stopped goes on where it was. A variable below that is not what it was when a run began
# begins that run anew, and keeps the one there was as run.old; THREADS alone changes nothing
# that counts. ssd.arch=FILE takes an architecture of your own, ./mine.arch; ssd.run=FOLDER a run
# that is there, and trains nothing. `again` finds the boxes of all systems once more, for their
# times. The tools are those of PATH. story.mk has the ancestors of these systems too.
DATA       = bccd
WEIGHTS    = squeezenet_v1.1.safetensors
OUT       ?= bccd.out
SEED       = 1
# splits of DATA to learn from and to be judged by
LEARNT     = trainval
JUDGED     = test
# instead of those of the recipes: updates in all (of one system: ssd.iterations), minutes at most
ITERATIONS =
MINUTES    =
# cores that training computes on: all there are
THREADS    =
# more options of every det-train and det-image
TRAIN      =
IMAGE      =
# of each stage of the pipes that find the boxes
STAGE     ?=
# augmentation besides the recipes': blood cells have no above and below
AUGMENT    = vmirror=.5

SYSTEMS   ?= ssd ssd-fpn retinanet frcnn frcnn-fpn yolov1 yolov2 yolov3
HERE    := $(dir $(lastword $(MAKEFILE_LIST)))

# architecture, its variables, recipe; the pipe where it is not that of one stage
ssd.arch          = squeezenet_ssdlite
ssd.recipe        = cpu_ssd
ssd-fpn.arch      = squeezenet_ssd_fpn
ssd-fpn.recipe    = cpu_ssd
retinanet.arch    = squeezenet_retinanet
retinanet.recipe  = cpu_retinanet
frcnn.arch        = squeezenet_frcnn
frcnn.set         = --set map=squeezenet_joined.part --set stride=4 --set sizes=16,23,32,45,64,91,128 --set per=21
frcnn.recipe      = cpu_faster_rcnn
frcnn.usual       = 2400
frcnn.pipe        = $(two-stage)
frcnn-fpn.arch    = squeezenet_frcnn_fpn
frcnn-fpn.recipe  = cpu_faster_rcnn
frcnn-fpn.pipe    = $(two-stage)
yolov1.arch       = squeezenet_yolov1
yolov1.recipe     = cpu_yolov1
yolov2.arch       = squeezenet_yolov2
yolov2.set        = --set per=3 --set anchors=$(call learnt,3,1-6,320x240,--stride 16)
yolov2.recipe     = cpu_yolov2
yolov3.arch       = squeezenet_yolov3
yolov3.recipe     = cpu_yolov3
# widths and heights that stand for the data's, by det-anchors: of $(1) numbers $(2), at $(3)
learnt = $$(det-anchors -q --kmeans $(1) --size $(3) $(4) $(OUT)/$(LEARNT).gt | cut -d , -f $(2))

one-stage = det-image det-backbone det-head det-nms
two-stage = det-image det-backbone det-propose det-roipool det-head det-nms
# scores of all sizes are kept
det-head.all = --thresh .001

# SYSTEM.arch may be a file, X.arch, with its pieces, *.part, beside it: what they hold counts.
files = $(if $(findstring /,$(1))$(filter %.arch,$(1)),$(1) $(wildcard $(dir $(1))*.part))
sum   = $(if $(call files,$(1)),; $(shell cat $(call files,$(1)) | cksum))

# --- what rules say of the system $* ---
arch    = $($*.arch) $($*.set)
# what it starts from, but for `none`
weights = $(filter-out none,$(or $($*.weights),$(WEIGHTS)))
# the stream that its pictures come with: OUT/SPLIT.gt, ...
items   = $(or $($*.items),gt)
stages  = $(or $($*.pipe),$(one-stage))
# updates of the system $(1): as asked for, or its own; empty: its recipe's
iterations = $(or $($(1).iterations),$(ITERATIONS),$($(1).usual))
# its run, and the file whose making ends that
run     = $(or $($*.run),$(OUT)/$*/run)
trained = $(if $($*.run),$($*.run)/last.det,$(OUT)/$*/trained)
# the model of its pipe, and the file whose making makes that
model   = $(if $($*.model),$(OUT)/$*/$($*.model),$(run)/last.det)
needs   = $(if $($*.model),$(model),$(trained))

# The pipe of the stages $(2) with the model $(3), from the stream $(1); it leaves its times in the
# folder $(4). tool.NAME is what a stage runs, if not NAME; $*.NAME or NAME.all are its options.
pipe  = <$(1) $(call stage,$(firstword $(2)),$(3),$(4))$(foreach s,$(wordlist 2,9,$(2)), \
    | $(call stage,$(s),$(3),$(4)))
stage = sh $(HERE)timed.sh $(3) $(1) $(or $(tool.$(1)),$(1)) -m $(2) \
    $(or $($*.$(1)),$($(1).all)) $(STAGE)

table: $(SYSTEMS:%=$(OUT)/%/row)
	@{ printf '%-10s %6s %6s %s\n' system AP AP50 'AP50 of each class, training, test'; \
	    cat $^; } | tee $(OUT)/table

$(SYSTEMS): %: $(OUT)/%/row
	@cat $<

again:
	@rm -f $(foreach f,boxes scores figures row,$(SYSTEMS:%=$(OUT)/%/$(f)))
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST))

.SECONDEXPANSION:

# --- options are files too, that change when the options do ---
system = $(notdir $(@D))
$(OUT)/%.options: force
	@mkdir -p $(@D)
	@printf '%s\n' "$$NOW" | cmp -s - $@ || printf '%s\n' "$$NOW" >$@
$(OUT)/data.options: export NOW = $(DATA)
$(OUT)/%/begin.options: export NOW = $($(system).arch) $($(system).set) seed $(SEED) \
    $(or $($(system).weights),$(WEIGHTS))$(call sum,$($(system).arch))
$(OUT)/%/run.options: export NOW = seed $(SEED) \
    iterations $(call iterations,$(system)) minutes $(MINUTES) \
    det-image $(IMAGE) det-train $(TRAIN)
$(OUT)/%/test.options: export NOW = $(foreach s,$(or $($(system).pipe),$(one-stage)),$(s) \
    $(or $($(system).$(s)),$($(s).all)))

# --- data ---
$(OUT)/%.gt: $(OUT)/data.options
	@mkdir -p $(OUT)
	det-gt --voc $(DATA) --split $* -o $@
$(OUT)/classes: $(OUT)/$(LEARNT).gt
	det-show --classes $< >$@

# --- a system: where it begins, its run, what it finds, how good that is ---
# a split to be judged by that is not there is told before hours of training
$(OUT)/%/begin.det: $(OUT)/classes $(OUT)/%/begin.options | $(OUT)/$(JUDGED).gt
	det-model new --arch $(arch) --classes $(OUT)/classes --seed $(SEED) \
	    $(weights:%=--weights %) -o $@

$(OUT)/%/recipe: force
	@mkdir -p $(@D)
	@sed 's/^augment=.*/& $(AUGMENT)/' $(HERE)$($*.recipe).recipe >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# newer than all that a run is made from: the run in that folder is this one's
$(OUT)/%/started: $(OUT)/%/begin.det $(OUT)/%/recipe $(OUT)/%/run.options \
    $(OUT)/$(LEARNT).$$(items)
	@[ ! -d $(@D)/run ] || { rm -rf $(@D)/run.old && mv $(@D)/run $(@D)/run.old; }
	@touch $@

# a run that was stopped leaves a last.det too: the stamp says that it was not
$(OUT)/%/trained: $(OUT)/%/begin.det $(OUT)/%/started
	det-image -m $< --train --recipe $(@D)/recipe --seed $(SEED) $(IMAGE) \
	    <$(OUT)/$(LEARNT).$(items) | \
	det-train -m $< --recipe $(@D)/recipe --seed $(SEED) --resume \
	    $(addprefix --iterations ,$(call iterations,$*)) \
	    $(if $(MINUTES),--minutes $(MINUTES)) \
	    $(if $(THREADS),-j $(THREADS)) $(TRAIN) -o $(@D)/run
	@touch $@

$(OUT)/%/boxes: $$(needs) $(OUT)/$(JUDGED).$$(items) $(OUT)/%/test.options
	@rm -rf $@.time
	$(call pipe,$(OUT)/$(JUDGED).$(items),$(stages),$(model),$@.time) -o $@

$(OUT)/%/scores: $(OUT)/%/boxes
	det-eval --per-class --tsv $< -o $@

# of the times of all steps; of boxes that came with the stream, what they reach and took; of
# systems that this one is made of
parts = $(foreach s,$(1),$(OUT)/$(s)/figures)
$(OUT)/%/figures: $(OUT)/%/scores $$(if $$($$*.items),$(OUT)/$$(items).ceiling) \
    $$(call parts,$$($$*.parts))
	@awk -f $(HERE)figures.awk -v name=$* -v n="$$(det-show $(OUT)/$(JUDGED).gt | grep -c '^ITEM')" \
	    $(@D)/scores $$(ls $(run)/times.tsv $(@D)/*.time/* 2>/dev/null) \
	    $(if $($*.items),$(OUT)/$(items).ceiling $(OUT)/$(JUDGED).$(items).time/det-propose) \
	    $(call parts,$($*.parts)) >$@
$(OUT)/%/row: $(OUT)/%/figures
	@awk -f $(HERE)row.awk $< >$@

.PHONY: table again force $(SYSTEMS)
.PRECIOUS: $(OUT)/%.options $(OUT)/%.gt $(OUT)/%/begin.det $(OUT)/%/recipe $(OUT)/%/started \
    $(OUT)/%/trained $(OUT)/%/boxes $(OUT)/%/scores $(OUT)/%/figures
.DELETE_ON_ERROR:

# story.mk does it at its own end
ifeq ($(words $(MAKEFILE_LIST)),1)
include $(HERE)asked.mk
endif
