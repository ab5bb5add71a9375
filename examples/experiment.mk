# An experiment as a Makefile: make -f experiment.mk M=yolov3.det GT='--voc VOC2007 --split test'
#
# Each stage is a file. The network runs once; editing NMS (here or on the command line) reruns
# only non-maximum suppression and the evaluation, editing RULES only the evaluation, a new
# model everything.
M     = M.det
GT    = --voc data --split test
NMS   = --iou .45
RULES = coco,voc07

report.txt: boxes.det rules.options
	det-eval --rule $(RULES) --per-class boxes.det -o $@

boxes.det: raw.det nms.options
	det-nms -m $(M) $(NMS) raw.det -o $@

# all that may be of use: what a threshold drops here no later stage brings back
raw.det: gt.det $(M)
	det-image -m $(M) <gt.det | det-backbone -m $(M) | \
	    det-head -m $(M) --thresh .001 -o $@

gt.det: gt.options
	det-gt $(GT) -o $@

# Options are files too, that change when the options do.
gt.options: force
	@echo '$(GT)' | cmp -s - $@ || echo '$(GT)' >$@
nms.options: force
	@echo '$(NMS)' | cmp -s - $@ || echo '$(NMS)' >$@
rules.options: force
	@echo '$(RULES)' | cmp -s - $@ || echo '$(RULES)' >$@

clean:
	rm -f gt.det raw.det boxes.det report.txt gt.options nms.options rules.options
.PHONY: force clean
.DELETE_ON_ERROR:
