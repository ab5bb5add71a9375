# shellcheck shell=sh
# Files that tests of many tools need, made in the current directory from text alone (tests/run
# keeps them for the tests of one run in DET_FIXTURE; the first that wants them makes them):
#
#   M.det       the hand-made detector of tests/demo/discs.awk
#   dog.jpg     the picture of tests/demo/scene.awk, of discs, as a JPEG
#   image.det   dog.jpg as det-image gives it
#   maps.det    what det-backbone makes of that
#   raw.det     and det-head of that
#   boxes.det   and det-nms of that
#   F.det       a small random Faster R-CNN
#   fmaps.det   dog.jpg as det-image and det-backbone give it with that
#   kept.det    the same with image.det's tensor
#   gt.csv      ground truth of dog.jpg, a table; made up
#   truth.csv   ground truth of dog.jpg in the model's classes: near what it finds, one more
#   train.det   dog.jpg with that as det-image gives it: what det-train reads
#   both.det    that and boxes.det's boxes in one stream
#   tiny.cfg, tiny.weights   a Darknet network and its weights, all zero
if ! cp "${DET_FIXTURE:-/nowhere}"/* . 2>/dev/null; then
	fixture=$PWD/fixture.tmp
	mkdir "$fixture" && cd "$fixture" || exit 2
	. "$DET_SRC/tests/fixture-make.sh"
	cd ..
	cp "$fixture"/* .
	# whole or not at all; another test may have been faster
	[ -z "${DET_FIXTURE:-}" ] || mv -T "$fixture" "$DET_FIXTURE" 2>/dev/null
	rm -rf "$fixture"
fi
