# shellcheck shell=sh
# lib/recipes/story.mk on pictures drawn here, with small networks: all systems from data to the
# table and the plots, what is made again when something changed, and that it agrees with what
# det-eval says of the boxes.
. "$DET_SRC/tests/lib.sh"
. "$DET_SRC/tests/voc.sh"

voc 96x96 3

systems='hog rcnn spp fast frcnn frcnn-fpn retinanet yolov1 yolov2 yolov3 ssd fast-yolo'
windows='--windows --window-sizes 24 --window-step 1.5 --window-levels 3 --window-stride .25'
# variables: the story of small systems
story() {
	make -f "$DET_SRC/lib/recipes/story.mk" DATA=voc WEIGHTS=none OUT=out ITERATIONS=2 SVM=-q \
		IMAGE='-q --batch 2' TRAIN='-q --batch 2 --log 1 -j 1' \
		REGIONS='--selective-search fast --min-side 6 --max 60' SIZE='--fit none' \
		hog.set='--set window=32x32 --set dims=324' COARSE="$windows" \
		WINDOWS="$windows" rcnn.arch=tiny_rcnn \
		spp.arch=tiny_spp fast.arch=tiny_fast_rcnn frcnn.arch=tiny_frcnn frcnn.set= \
		frcnn.iterations=2 \
		frcnn-fpn.arch=tiny_frcnn retinanet.arch=tiny_retinanet yolov1.arch=tiny_yolov1 \
		yolov2.arch=tiny_yolov2 yolov2.set='--set size=96' yolov3.arch=tiny_yolov3 yolov3.set='--set size=96' \
		ssd.arch=tiny_ssd "$@" >said 2>err
}
# how often a tool began a line of what was said, or stood in a pipe of it
ran() { grep -c "\\(^\\|/[a-z.]*time [a-z-]* \\)$1 " said; }

story
is "all of it" "$? $(grep -v '^det-eval: warning: no detection scores below' err)" "0 "
is "a row of each system" "$(cut -f 1 out/story.tsv | tr '\n' ' ')" "system $systems "
is "as text, and two kinds of proposals" "$(wc -l <out/story | tr -d ' ')" 15
like "what those can reach" "$(cat out/story)" '^reached by the boxes of R-CNN, SPP-net, Fast R-CNN: disc [0-9.]+ ring [0-9.]+, mean '
like "one of them" "$(cat out/story)" '^Fast R-CNN +[0-9. -]+ min +[0-9.]+ ms:( [a-z]+ [0-9]+%)*$'
like "the last two as one" "$(cat out/story)" '^Fast R-CNN \+ YOLOv1 [ 0-9.-]+ min '
is "AP50 is what det-eval says" \
	"$(awk -F '\t' '$1 == "rcnn" { print $4 }' out/story.tsv)" \
	"$(det-eval -q --tsv out/rcnn/boxes | awk -F '\t' '$4 == "AP50" { printf "%.4f\n", $5 }')"
# shellcheck disable=SC2016
ok "stages are all of a picture's time" awk -F '\t' '
	NR == 1 { for (i = 1; i <= NF; i++) { at[$i] = i; if ($i ~ /^cpu_ms:/) last = i }; next }
	{ sum = 0; for (i = at["cpu_ms"] + 1; i <= last; i++) sum += $i
	  if (sum - $at["cpu_ms"] > .01 || $at["cpu_ms"] - sum > .01) bad = 1 }
	END { exit bad || NR != 13 }' out/story.tsv
# shellcheck disable=SC2016
is "proposals reach what they reach, for systems that were given some" \
	"$(awk -F '\t' '$1 == "proposals" { next } NR > 1 && $7 != "-" { print $1 }' out/story.tsv | tr '\n' ' ')" \
	"hog rcnn spp fast "
like "a plot of it" "$(tail -n 1 out/story-AP.svg out/story-AP50.svg | tr '\n' ' ')" '/svg.*/svg'
cp out/story.tsv first.tsv

story
is "the same again does nothing" "$? $(grep -c det- said)" "0 0"

# --- what changes ---
cp out/spp/svm.det spp.det
story C=10
is "another C: three times SVMs, and no training, no proposals, no features" \
	"$? $(ran det-svm) $(ran det-train) $(grep -c 'det-propose --' said) $(grep -c -- '-o out/[a-z]*/features' said)" \
	"0 3 0 0 0"
is "and what they find" "$(ran det-eval)" 3
not_ok "which is other SVMs" cmp -s spp.det out/spp/svm.det
story C=.001
ok "the first C: the first SVMs" cmp spp.det out/spp/svm.det
story RESCORE='--boost .5'
is "another way to rescore: one merge" "$? $(ran det-merge) $(ran det-eval) $(ran det-train)" "0 1 1 0"
story YOLO=yolov3
like "another YOLO" "$(cat out/story)" '^Fast R-CNN \+ YOLOv3 '
is "trains nothing" "$(ran det-train) $(ran det-merge)" "0 1"

# a stage's time is that of the boxes, and none of what they learnt from
stage() { # SYSTEM STAGE: its processor seconds, by the pipe and by the figures
	awk 'FNR == 4 { split($0, s, /[ms ]+/); printf "%.2f ", s[1] * 60 + s[2] + s[3] * 60 + s[4] }' \
		"out/$1/boxes.time/$2"
	awk -F '\t' -v n="$(det-show out/test.gt | grep -c '^ITEM')" -v f="cpu_ms:$2" \
		'$2 == f { printf "%.2f\n", n * $3 / 1000 }' "out/$1/figures"
}
for f in features positives near svm.det; do
	printf '1\n2\n0m0.0s 0m0.0s\n5m0.0s 0m0.0s\n' >out/spp/$f.time/det-roipool
done
rm out/spp/figures
story
for s in rcnn spp fast; do
	# shellcheck disable=SC2046
	set -- $(stage $s det-roipool)
	is "the time of $s" "$1" "${2:-none}"
done

# --- stopped while features were made ---
cp out/rcnn/svm.det rcnn.det
rm out/rcnn/features out/rcnn/positives out/rcnn/svm.det out/rcnn/boxes out/rcnn/scores \
	out/rcnn/figures
story rcnn
is "goes on from there" "$? $(ran det-train) $(ran det-svm)" "0 0 1"
ok "to the same SVMs" cmp rcnn.det out/rcnn/svm.det
# --- and while a network was trained ---
cp out/rcnn/run/last.det run.det
rm out/rcnn/trained out/rcnn/features out/rcnn/positives out/rcnn/svm.det out/rcnn/boxes \
	out/rcnn/scores out/rcnn/figures out/rcnn/row
story rcnn
is "a run goes on" "$? $(ran det-train) $(wc -l <out/rcnn/run/log.tsv | tr -d ' ')" "0 1 3"
ok "to the same" cmp run.det out/rcnn/run/last.det

story
# shellcheck disable=SC2016
is "and the table is that of the first time but for times" \
	"$(cut -f 1,3-7 out/story.tsv)" "$(cut -f 1,3-7 first.tsv)"

is "no more updates than were asked for, of any" \
	"$(for s in frcnn frcnn-fpn ssd fast; do tail -n 1 out/$s/run/log.tsv | cut -f 1; done | sort -u)" 2

# --- slips of the pen, and what is not there ---
wrong() { # DESCRIPTION REGEX [VARIABLE ...]
	d=$1 re=$2
	shift 2
	(
		# what make was asked for that runs the tests is none of its
		unset MAKEFLAGS MAKELEVEL MAKEOVERRIDES MFLAGS
		story OUT=slip "$@"
	)
	like "$d" "$? $(tail -n 1 err)" "^2 .*$re"
	is "  and nothing was begun" "$(ls slip 2>/dev/null)" ""
}
wrong "a variable" "no variable 'WEIGHT': they are .* WEIGHTS " WEIGHT=x
wrong "a system's variable" "no variable 'rcnn.arhc'" rcnn.arhc=x
wrong "a system" "no system 'hogg': they are hog rcnn " SYSTEMS='hogg rcnn'
wrong "the YOLO that has a say" "no system 'yolov9'" YOLO=yolov9
wrong "weights" "there is no file 'nofile'" WEIGHTS=nofile
wrong "weights of a system" "there is no file 'some'" spp.weights=some
story OUT=slip DATA=nowhere
like "a folder that is not there" "$? $(tr '\n' ' ' <err)" "^2 det-gt: nowhere: No such file"
story OUT=slip LEARNT=all
like "a split" "$? $(tr '\n' ' ' <err)" "^2 det-gt: voc: no ImageSets/Main/all.txt there"
# shellcheck disable=SC2016
is "what is asked for of bccd.mk is looked at too" \
	"$(env -u MAKEFLAGS -u MAKELEVEL make -f "$DET_SRC/lib/recipes/bccd.mk" DATA=voc OUT=slip REGIONS=x 2>&1 |
		grep -c "no variable 'REGIONS'")" 1

# --- a folder that det-scene has drawn ---
det-scene -q --size 96 --count 5 --only disc,ring --objects 2-3 --clutter 0 -d scenes -f voc
story DATA=scenes OUT=drawn SYSTEMS=fast fast
like "det-scene's folder" "$? $(cat drawn/fast/row)" "^0 fast +[01][.]"

# --- pieces ---
printf 'p\ta\t1\t0\t0\t10\t10\np\ta\t1\t20\t20\t30\t30\np\tb\t1\t0\t0\t4\t4\nq\t\t\t\t\t\t\n' >objects
printf 'p\t-1\t1\t0\t0\t10\t5\np\t-1\t1\t20\t20\t30\t24\np\t-1\t1\t0\t0\t4\t4\n' >boxes
is "recall by hand" "$(awk -f "$DET_SRC/lib/recipes/recall.awk" objects boxes | sort | cut -f 2,3 | tr '\t\n' '= ')" \
	"mabo=0.725 proposals=1.5 recall=0.666667 recall:a=0.5 recall:b=1 "
is "of the first two" "$(awk -f "$DET_SRC/lib/recipes/recall.awk" -v max=2 objects boxes | grep recall:b | cut -f 3)" 0
printf '%s\t%s\t%s\t%s\t%s\n' system title AP ceiling cpu_ms a 'A & B' .5 - 10 b B .25 .9 1000 c C 1 - 11 >plot.tsv
awk -f "$DET_SRC/lib/recipes/plot.awk" -v y=AP plot.tsv >plot.svg
like "a point in the middle of the height" "$(cat plot.svg)" '^<circle cx="[0-9.]*" cy="240.0" '
like "one of boxes that were given, a quarter up" "$(cat plot.svg)" '^<rect x="[0-9.]*" y="335.5" '
like "a name" "$(cat plot.svg)" '>A &amp; B</text>'
not_ok "a plot of a column that is not there" awk -f "$DET_SRC/lib/recipes/plot.awk" -v y=AP99 out/story.tsv
done_testing
