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
# that counts. The tools are those of PATH.
DATA       = bccd
WEIGHTS    = squeezenet_v1.1.safetensors
OUT        = bccd.out
SEED       = 1
# instead of those of the recipes: updates in all, minutes at most
ITERATIONS =
MINUTES    =
# cores that training computes on: all there are
THREADS    =
# more options of every det-train and det-image
TRAIN      =
IMAGE      =
# augmentation besides the recipes': blood cells have no above and below
AUGMENT    = vmirror=.5

SYSTEMS = ssd ssd-fpn retinanet frcnn frcnn-fpn yolov1 yolov2 yolov3
HERE   := $(dir $(lastword $(MAKEFILE_LIST)))

# architecture, its variables, recipe
ssd.arch          = squeezenet_ssdlite
ssd.recipe        = cpu_ssd
ssd-fpn.arch      = squeezenet_ssd_fpn
ssd-fpn.recipe    = cpu_ssd
retinanet.arch    = squeezenet_retinanet
retinanet.recipe  = cpu_retinanet
frcnn.arch        = squeezenet_frcnn
frcnn.set         = --set map=squeezenet_joined.part --set stride=4
frcnn.recipe      = cpu_faster_rcnn
frcnn-fpn.arch    = squeezenet_frcnn_fpn
frcnn-fpn.recipe  = cpu_faster_rcnn
yolov1.arch       = squeezenet_yolov1
yolov1.recipe     = cpu_yolov1
yolov2.arch       = squeezenet_yolov2
yolov2.set        = --set per=3 --set anchors=$(call learnt,3,1-6,--stride 16)
yolov2.recipe     = cpu_yolov2
yolov3.arch       = squeezenet_yolov3
yolov3.recipe     = cpu_yolov3
# widths and heights that stand for the data's, by det-anchors: of $(1) numbers $(2)
learnt = $$(det-anchors -q --kmeans $(1) --size 320x240 $(3) $(OUT)/trainval.gt | cut -d , -f $(2))

# Stages between the backbone and suppression, scores of all sizes kept.
one-stage = det-head -m $(1) --thresh .001
two-stage = det-propose -m $(1) | det-roipool -m $(1) | det-head -m $(1) --thresh .001
rest      = $(if $(filter frcnn%,$(2)),$(two-stage),$(one-stage))

table: $(SYSTEMS:%=$(OUT)/%/row)
	@{ printf '%-10s %6s %6s %s\n' system AP AP50 'AP50 of each class, training, test'; \
	    cat $^; } | tee $(OUT)/table

$(SYSTEMS): %: $(OUT)/%/row
	@cat $<

# --- options are files too, that change when the options do ---
system = $(notdir $(@D))
$(OUT)/%.options: force
	@mkdir -p $(@D)
	@printf '%s\n' "$$NOW" | cmp -s - $@ || printf '%s\n' "$$NOW" >$@
$(OUT)/data.options: export NOW = $(DATA)
$(OUT)/%/begin.options: export NOW = $($(system).arch) $($(system).set) seed $(SEED) $(WEIGHTS)
$(OUT)/%/run.options: export NOW = seed $(SEED) iterations $(ITERATIONS) minutes $(MINUTES) \
    det-image $(IMAGE) det-train $(TRAIN)

# --- data ---
$(OUT)/%.gt: $(OUT)/data.options
	@mkdir -p $(OUT)
	det-gt --voc $(DATA) --split $* -o $@
$(OUT)/classes: $(OUT)/trainval.gt
	det-show --classes $< >$@

# --- a system: where it begins, its run, what it finds, how good that is ---
$(OUT)/%/begin.det: $(OUT)/classes $(OUT)/%/begin.options
	det-model new --arch $($*.arch) $($*.set) --classes $(OUT)/classes --seed $(SEED) \
	    --weights $(WEIGHTS) -o $@

$(OUT)/%/recipe: force
	@mkdir -p $(@D)
	@sed 's/^augment=.*/& $(AUGMENT)/' $(HERE)$($*.recipe).recipe >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# newer than all that a run is made from: the run in that folder is this one's
$(OUT)/%/started: $(OUT)/%/begin.det $(OUT)/%/recipe $(OUT)/%/run.options $(OUT)/trainval.gt
	@[ ! -d $(@D)/run ] || { rm -rf $(@D)/run.old && mv $(@D)/run $(@D)/run.old; }
	@touch $@

# a run that was stopped leaves a last.det too: the stamp says that it was not
$(OUT)/%/trained: $(OUT)/%/begin.det $(OUT)/%/started
	det-image -m $< --train --recipe $(@D)/recipe --seed $(SEED) $(IMAGE) \
	    <$(OUT)/trainval.gt | \
	det-train -m $< --recipe $(@D)/recipe --seed $(SEED) --resume \
	    $(if $(ITERATIONS),--iterations $(ITERATIONS)) $(if $(MINUTES),--minutes $(MINUTES)) \
	    $(if $(THREADS),-j $(THREADS)) $(TRAIN) -o $(@D)/run
	@touch $@

$(OUT)/%/boxes: M = $(@D)/run/last.det
$(OUT)/%/boxes: $(OUT)/%/trained $(OUT)/test.gt
	@date +%s.%N >$(@D)/clock
	det-image -m $(M) <$(OUT)/test.gt | det-backbone -m $(M) | $(call rest,$(M),$*) | \
	    det-nms -m $(M) -o $@
	@date +%s.%N >>$(@D)/clock

$(OUT)/%/scores: $(OUT)/%/boxes
	det-eval --per-class --tsv $< -o $@

# times.tsv: iteration, seconds, images/s, waiting, MiB; the first line names them
$(OUT)/%/row: $(OUT)/%/scores
	@awk -F '\t' -v name=$* -v n="$$(det-show $(OUT)/test.gt | grep -c '^ITEM')" ' \
	    FILENAME ~ /scores$$/ && $$2 == "figures" { v[$$4] = $$5 } \
	    FILENAME ~ /scores$$/ && $$2 == "per_class" && $$4 == "AP50" { \
	        each = each sprintf(" %s %.3f", $$3, $$5) } \
	    FILENAME ~ /times.tsv$$/ && $$1 ~ /^[0-9]/ { \
	        s = $$2; rate += $$3; wait += $$4; rows++; mib = $$5 > mib ? $$5 : mib } \
	    FILENAME ~ /clock$$/ { t0 = t1; t1 = $$1 } \
	    END { printf "%-10s %6.3f %6.3f%s  %.1f min, %.1f images/s, %.1f%% waiting, %d MiB; %.0f ms/image\n", \
	        name, v["AP"], v["AP50"], each, s / 60, rows ? rate / rows : 0, \
	        rows ? 100 * wait / rows : 0, mib, n ? 1000 * (t1 - t0) / n : 0 }' \
	    $(OUT)/$*/scores $(OUT)/$*/run/times.tsv $(OUT)/$*/clock >$@

.PHONY: table force $(SYSTEMS)
.PRECIOUS: $(OUT)/%.options $(OUT)/%.gt $(OUT)/%/begin.det $(OUT)/%/recipe $(OUT)/%/started $(OUT)/%/trained $(OUT)/%/boxes $(OUT)/%/scores
.DELETE_ON_ERROR:
