#!/bin/sh
# make demo: detect something in a picture and say honestly with what. DET_DEMO_MODEL and
# DET_DEMO_IMAGE take a model and a picture of your own. DET_BIN, DET_SRC come from make.
set -eu
PATH="$DET_BIN:$PATH"
here=$DET_SRC/tests/demo
out=$DET_SRC/build/demo
mkdir -p "$out"
cd "$out"

if [ -n "${DET_DEMO_MODEL:-}" ]; then
	model=$DET_DEMO_MODEL
	echo "model:    $model (yours, from DET_DEMO_MODEL)"
else
	model=discs.det
	awk -f "$here/discs.awk" | det-show --build - -o "$model"
	echo "model:    $out/$model"
	echo "          finds red, green and blue discs. It was written by hand (tests/demo/discs.awk),"
	echo "          not trained: no trained model comes with det. DET_DEMO_MODEL takes yours."
fi
if [ -n "${DET_DEMO_IMAGE:-}" ]; then
	image=$DET_DEMO_IMAGE
	echo "picture:  $image (yours, from DET_DEMO_IMAGE)"
else
	image=scene.ppm
	LC_ALL=C awk -f "$here/scene.awk" >"$image"
	echo "picture:  $out/$image, drawn by tests/demo/scene.awk"
fi
echo "command:"
det-run -n -m "$model" -o . "$image" | sed 's/^/          /'
echo "boxes:"
det-run -m "$model" -o . "$image" | sed 's/^/          /'
name=${image##*/}
echo "result:   $out/${name%.*}.png"
[ -s "${name%.*}.png" ]
