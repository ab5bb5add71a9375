# The model that comes with det, to be made again by anyone (an hour or so on one core):
#
#   make -f lib/recipes/scene.mk
#
# A small SSD, from random weights, on the pictures that det-scene draws, of which none comes
# twice; then what it is worth on pictures of another seed. A run that was stopped goes on where
# it was. What the model inside the programs is worth:
#
#   make -f lib/recipes/scene.mk figures MODEL=default
#
# The tools are those of PATH.
OUT        = scene.out
# of the random weights, of the scenes to learn from, of those to be judged by
SEED       = 1
LEARNT     = 0
FRESH      = 1
# how many to judge by
COUNT      = 1000
# cores that training computes on: all there are. The weights do not depend on it.
THREADS    =
# more options of det-model new, det-scene and det-train
NEW        =
SCENE      =
TRAIN      =

RUN   = $(OUT)/run/last.det
MODEL = $(RUN)
HERE := $(dir $(lastword $(MAKEFILE_LIST)))

figures: $(filter $(RUN),$(MODEL))
	@det-scene --seed $(FRESH) --count $(COUNT) $(SCENE) | det-image -m $(MODEL) | \
	    det-backbone -m $(MODEL) | det-head -m $(MODEL) | det-nms -m $(MODEL) | \
	    det-eval --per-class --best-f1

model: $(RUN)

# a run that was stopped leaves a last.det too: the stamp says that it was not
$(RUN): $(OUT)/trained ;
$(OUT)/trained: $(OUT)/begin.det
	det-scene --seed $(LEARNT) $(SCENE) | det-image -m $< | det-train -m $< \
	    --recipe $(HERE)scene.recipe $(if $(THREADS),-j $(THREADS)) $(TRAIN) --resume -o $(OUT)/run
	@touch $@
$(OUT)/begin.det:
	@mkdir -p $(OUT)
	det-model new --arch scene_ssd --seed $(SEED) $(NEW) -o $@

.DELETE_ON_ERROR:
.PHONY: figures model
