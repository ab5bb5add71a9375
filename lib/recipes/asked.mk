# Of bccd.mk and story.mk: what was asked for on the command line, held against what there is, so
# that a slip of the pen isn't passed over in silence, and that hours of training don't end at a
# file that is not there. VARIABLES, KNOWN (systems) and per-ancestor may hold more already.
VARIABLES += DATA WEIGHTS OUT SEED LEARNT JUDGED ITERATIONS MINUTES THREADS TRAIN IMAGE STAGE \
    AUGMENT SYSTEMS SHELL MAKE%
KNOWN     += ssd ssd-fpn retinanet frcnn frcnn-fpn yolov1 yolov2 yolov3
per-system = arch set recipe iterations weights items pipe run model title parts usual det-%
# a make that runs this one may have variables of its own
asked     := $(if $(MAKELEVEL:0=),,$(foreach v,$(.VARIABLES),$(if \
    $(findstring command,$(origin $(v))),$(v))))
strange   := $(filter-out $(VARIABLES) tool.% %.all \
    $(foreach s,$(KNOWN) $(SYSTEMS),$(addprefix $(s).,$(per-system) $(per-ancestor))),$(asked))

$(if $(strange),$(error there is no variable '$(firstword $(strange))': they are \
    $(filter-out SHELL MAKE%,$(VARIABLES)), and of a system SYSTEM.arch, .set, ...))

nobody    := $(strip $(foreach s,$(SYSTEMS) $(YOLO),$(if $($(s).arch)$($(s).parts),,$(s))))
$(if $(nobody),$(error there is no system '$(firstword $(nobody))': they are $(KNOWN)))

# what networks begin with, until there is something
begin     := $(filter-out none,$(sort $(foreach s,$(SYSTEMS),$(or $($(s).weights),$(if $($(s).arch),$(WEIGHTS))))))
lost      := $(if $(wildcard $(OUT)/classes),,$(filter-out $(wildcard $(begin)),$(begin)))
$(if $(lost),$(error WEIGHTS: there is no file '$(firstword $(lost))'; none, to begin at random))
