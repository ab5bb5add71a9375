# shellcheck shell=sh
# lib/recipes: each file is one that the tools take; an experiment from data to table on
# pictures drawn here; classifiers are trained.
. "$DET_SRC/tests/lib.sh"
(. "$DET_SRC/tests/fixture.sh") >/dev/null

# --- a data set of three pictures ---
mkdir -p voc/JPEGImages voc/Annotations voc/ImageSets/Main
for n in a b c; do
	cp dog.jpg voc/JPEGImages/$n.jpg
	echo $n >>voc/ImageSets/Main/trainval.txt
	{
		echo "<annotation><filename>$n.jpg</filename><size><width>640</width><height>480</height><depth>3</depth></size>"
		for box in 'disc 100 120 220 240' 'ring 300 200 420 330' 'disc 20 20 60 70'; do
			# shellcheck disable=SC2086
			set -- $box
			echo "<object><name>$1</name><bndbox><xmin>$2</xmin><ymin>$3</ymin><xmax>$4</xmax><ymax>$5</ymax></bndbox></object>"
		done
		echo "</annotation>"
	} >voc/Annotations/$n.xml
done
head -n 2 voc/ImageSets/Main/trainval.txt >voc/ImageSets/Main/test.txt
det-gt --voc voc --split trainval -o gt.det
det-show --classes gt.det >classes

# --- every recipe ---
# A small net in place of the one that the recipe is for: its patterns of names are left out.
arch_of() {
	case $1 in
	*yolov1*) echo tiny_yolov1 ;;
	*yolov2*) echo tiny_yolov2 ;;
	*yolov3*) echo tiny_yolov3 ;;
	*ssd*) echo tiny_ssd ;;
	*retina*) echo tiny_retinanet ;;
	*classifier*) echo squeezenet1_1 ;;
	*fast_rcnn) echo tiny_fast_rcnn ;;
	*spp) echo tiny_spp ;;
	rcnn | cpu_rcnn) echo tiny_rcnn ;;
	*) echo tiny_frcnn ;;
	esac
}
det-image <gt.det | det-propose --selective-search fast --max 200 -o proposals.det
for r in "$DET_SRC"/lib/recipes/*.recipe; do
	n=$(basename "$r" .recipe)
	a=$(arch_of "$n")
	det-model new --arch "$a" --classes classes -o r.det
	like "$n says where it is from" "$(head -n 3 "$r")" '^# .*(201[0-9]|references|SqueezeNet|tiny_|scene_)'
	sizes=
	case $n in yolov[23]) sizes='--sizes 96,128' ;; esac
	# shellcheck disable=SC2086
	det-image -q -m r.det --train --recipe "$r" --batch 2 $sizes <proposals.det 2>image.err |
		det-train -q -m r.det --recipe "$r" --batch 2 --freeze '' --accumulate 1 -n >dry 2>err
	is "$n is taken by det-image and det-train" "$? $(cat image.err err)" "0 "
done

# --- an experiment, as lib/recipes/bccd.mk has it ---
det-model new --arch squeezenet1_1_caffe --set classes=2 -o trunk.det
experiment() {
	make -s -f "$DET_SRC/lib/recipes/bccd.mk" DATA=voc WEIGHTS=trunk.det OUT=out ITERATIONS=2 \
		IMAGE='-q --batch 2' TRAIN='-q --batch 2 --log 1' SYSTEMS='ssd frcnn-fpn' "$@"
}
experiment ssd.set='--set width=96 --set height=64' frcnn-fpn.set='--set short=64 --set long=96' \
	>table 2>err
is "bccd.mk: status" "$?" 0
like "a row of each system" "$(cat table)" '^ssd +[0-9.]+ +[0-9.]+ disc [0-9.]+ ring [0-9.]+ '
like "and of the other" "$(cat table)" '^frcnn-fpn +[0-9.]+ +[0-9.]+ disc [0-9.]+ ring [0-9.]+ '
is "two rows of the log" "$(wc -l <out/ssd/run/log.tsv | tr -d ' ')" 3
is "a model that runs" "$(det-model check out/frcnn-fpn/run/last.det)" "out/frcnn-fpn/run/last.det: ok"
rm out/ssd/trained out/ssd/boxes out/ssd/scores out/ssd/figures out/ssd/row
experiment ssd ssd.set='--set width=96 --set height=64' >again 2>err
is "a run that is done is not gone on with" "$? $(wc -l <out/ssd/run/log.tsv | tr -d ' ')" "0 3"

# --- the model that comes with det ---
scenes() {
	make -s -f "$DET_SRC/lib/recipes/scene.mk" OUT=scene-out COUNT=3 SCENE='--size 64x64' \
		NEW='--set size=64' TRAIN='-q --batch 2 --iterations 2 --log 1' "$@"
}
scenes >figures 2>err
is "scene.mk: status" "$?" 0
like "figures of its model" "$(cat figures)" '^3 images, [0-9]+ objects, '
is "its run" "$(wc -l <scene-out/run/log.tsv | tr -d ' ')" 3
scenes model >figures 2>err
is "a run that is done is not gone on with" "$? $(wc -c <figures | tr -d ' ')" "0 0"
scenes MODEL=default OUT=none >inside 2>err
is "figures of the one inside" "$? $(echo none*)" "0 none*"
like "are better" "$(grep 'IoU=0.50 ' inside)" '= (0\.[2-9]|1)'

# --- classification ---
det-model new --arch squeezenet1_1 --classes classes -o c.det
det-image -q -m c.det --train --epochs 0 --batch 2 <gt.det |
	det-train -q -m c.det --batch 2 --iterations 9 --lr .001 --log 3 -o crun >log 2>err
is "a classifier is trained" "$? $(cat err)" "0 "
# shellcheck disable=SC2016
ok "and learns" awk '$1 == 3 { a = $3 } $1 == 9 { b = $3 } END { exit !(b < a) }' crun/log.tsv
like "the picture's class is its first object's" "$(det-run -m crun/last.det dog.jpg | head -n 1)" '	disc	'
done_testing
