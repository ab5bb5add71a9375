# shellcheck shell=sh
# det-eval: its inputs, rules, reports and answers, on cases worked by hand. The rules
# themselves are tested in tests/unit/test_eval*.c.
. "$DET_SRC/tests/lib.sh"

# value RULE GROUP CLASS NAME OPTIONS...: of the --tsv report
value() {
	rule=$1 group=$2 class=$3 name=$4
	shift 4
	det-eval -q --tsv "$@" | awk -F '\t' -v r="$rule" -v g="$group" -v c="$class" -v n="$name" \
		'$1 == r && $2 == g && $3 == c && $4 == n { printf "%.6f\n", $5 }'
}

# --- a case worked by hand: two objects, three detections, all boxes exact ---
# precision at the first object 1, at the second 2/3; recall 1/2 and 1
# coco: (51 x 1 + 50 x 2/3) / 101; voc10: 1/2 + 1/2 x 2/3; voc07: (6 + 5 x 2/3) / 11
det-show --build - >hand.det <<'END'
STRM
  | cat	7
  | dog	3
ITEM id=5 path=a/one.jpg width=100 height=100
BOXS name=gt space=image
  0 0 10 10 1 0 0 0 0
  20 20 30 30 1 0 0 0 1
BOXS name=boxes space=image
  0 0 10 10 0.9 0 0 0 0
  50 50 60 60 0.8 0 0 0 0
  20 20 30 30 0.01 0 0 0 0
END.
END
is "rule coco" "$(value coco figures '' AP hand.det)" 0.834983
is "its AP50, AP75" "$(value coco figures '' AP50 hand.det) $(value coco figures '' AP75 hand.det)" \
	"0.834983 0.834983"
is "small objects, and none that are large" \
	"$(value coco figures '' APs hand.det) $(value coco figures '' APl hand.det)" \
	"0.834983 -1.000000"
is "recall with one detection, and with ten" \
	"$(value coco figures '' AR1 hand.det) $(value coco figures '' AR10 hand.det)" "0.500000 1.000000"
is "rule voc10" "$(value voc10 figures '' AP --rule coco,voc10,voc07 hand.det)" 0.833333
is "rule voc07, in the same pass" "$(value voc07 figures '' AP --rule coco,voc10,voc07 hand.det)" 0.848485
is "a class without objects" "$(value coco per_class dog AP --per-class hand.det)" -1.000000
is "a class with" "$(value coco per_class cat objects --per-class hand.det)" 2.000000
is "best F1: 2 TP, 1 FP" "$(value coco best_f1 '' F1 --best-f1 hand.det)" 0.800000
is "its score" "$(value coco best_f1_per_class cat score --best-f1 hand.det)" 0.010000
is "LRP: one of three is wrong" "$(value coco lrp '' oLRP --lrp hand.det)" 0.333333
is "its parts" "$(value coco lrp_per_class cat FP --lrp hand.det) $(value coco lrp_per_class cat FN --lrp hand.det)" \
	"0.333333 0.000000"
is "TIDE: the one error is of the background" \
	"$(value tide errors '' Bkg_errors --tide hand.det) $(value tide errors '' Bkg_dAP --tide hand.det)" \
	"1.000000 0.165017"
is "twelve lines, to the letter" \
	"$(det-eval hand.det | sed -n '3p;7p;9p' | sed 's/.$/|/')" \
	" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.83|
 Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = -1.00|
 Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.50|"
is "and no thirteenth" "$(det-eval hand.det | grep -c '^ Average')" 12
like "the rule is said" "$(det-eval --rule voc07-py hand.det)" "^voc07-py: IoU above 0.50, 11 points"
is "thresholds of one's own" "$(value coco figures '' AP30 --iou .3,.5 hand.det)" 0.834983
is "AR1000" "$(value coco figures '' AR1000 --max-dets 1,1000 hand.det)" 1.000000

# --- errors of each type, in one picture ---
det-show --build - >types.det <<'END'
STRM
  | cat
  | dog
ITEM id=0 path=x.jpg width=500 height=500
BOXS name=gt space=image
  0 0 100 100 1 0 0 0 0
  200 0 300 100 1 0 0 0 1
  0 200 100 300 1 1 0 0 2
  200 200 300 300 1 1 0 0 3
  400 400 450 450 1 0 2 0 4
BOXS name=boxes space=image
  0 0 100 100 0.9 0 0 0 0
  0 0 100 99 0.8 0 0 0 0
  240 0 340 100 0.7 0 0 0 0
  0 200 100 300 0.6 0 0 0 0
  240 200 340 300 0.5 0 0 0 0
  400 0 450 50 0.4 1 0 0 0
  410 410 420 420 0.3 0 0 0 0
END.
END
det-eval -q --tide --confusion --tsv types.det | grep '_errors' | cut -f 4,5 | tr '\t\n' '= ' >got
is "TIDE tells them apart" "$(cat got)" \
	"Cls_errors=1 Loc_errors=1 Both_errors=1 Dupe_errors=1 Bkg_errors=1 Miss_errors=1 "
like "confusion: what counts" "$(det-eval -q --confusion types.det)" "1 right, 1"
like "what is taken for what" "$(det-eval -q --confusion types.det)" "^ *1  dog -> cat"
det-eval -q --matches m.tsv --plots plots --rule coco,darknet types.det >out
is "matches: one line each" "$(sed 1d m.tsv | cut -f 3 | sort | uniq -c | tr -s ' \n' '  ')" \
	" 3 fn 5 fp 1 ignored 1 tp "
is "with the object that was met" "$(awk -F '\t' '$3 == "tp" { print $1, $2, $4, $5, $10 }' m.tsv)" \
	"x.jpg cat 0.9 1.000000 0"
is "matches at another IoU" "$(det-eval -q --iou .3,.5 --at-iou .3 --matches m.tsv types.det >out; cut -f 3 m.tsv | grep -c tp)" 2
for f in coco-pr coco-f1 coco-pr-classes coco-f1-classes darknet-pr confusion; do
	is "plot $f" "$(head -c 4 plots/$f.svg) $(tail -n 1 plots/$f.svg) $(head -c 4 plots/$f.png | tail -c 3)" \
		"<svg </svg> PNG"
done
is "curves as a table" "$(awk -F '\t' '$1 == "cat" && $2 == 0.5 { printf "%.6f", $3 }' plots/coco-pr.tsv)" 1.000000
is "their mean" "$(awk -F '\t' '$1 == "mean" && $2 == 0.5 { printf "%.6f", $3 }' plots/coco-pr.tsv)" 0.500000
is "confusion as a table" "$(sed -n 2p plots/confusion.tsv | tr '\t' ' ')" "cat 1 0 1"

# --- ground truth beside: by path, by name, by number ---
only() { # KEEP NEWPATH: hand.det with one of its lists
	det-show --data hand.det | awk -v keep="$1" '/^BOXS/ { on = $0 ~ "name=" keep " " }
		!/^BOXS/ && !/^  [0-9]/ { on = 1 } on' | sed "s|a/one.jpg|$2|; /^END/s/ .*//" | det-show --build -
}
only gt a/one.jpg >gt.det
only boxes a/one.jpg >boxes.det
only boxes /elsewhere/one.png >moved.det
only boxes two.jpg >two.det
want=$(det-eval -q hand.det)
is "--gt, the same path" "$(det-eval -q --gt gt.det boxes.det)" "$want"
is "from standard input" "$(det-eval -q --gt gt.det <boxes.det)" "$want"
is "the same name elsewhere" "$(det-eval -q --gt gt.det moved.det)" "$want"
like "the same pictures twice" "$(det-eval --gt gt.det boxes.det boxes.det 2>&1)" "item 0 .*detections of this picture have come before"
is "the same number" "$(det-eval -q --gt gt.det --by-id two.det)" "$want"
is "no picture that is known" "$(det-eval --gt gt.det two.det 2>&1) $(status det-eval --gt gt.det two.det)" \
	"det-eval: none of 1 items is a picture of the ground truth, as 'a/one.jpg' is: is --by-id meant? 2"
like "no ground truth" "$(det-eval boxes.det 2>&1)" "item 0 'a/one.jpg': no box list 'gt'"
like "no detections" "$(det-eval gt.det 2>&1)" "no box list 'boxes'"
like "a picture twice" "$(cat hand.det hand.det | det-eval 2>&1)" "it has come before"
det-show --data hand.det | sed 's/one.jpg/three.jpg/; /^END/s/ .*//' | det-show --build - >other.det
is "streams one after another, numbered anew" "$(cat hand.det other.det | det-eval -q | sed -n 2p)" \
	"2 images, 4 objects, 6 detections"
det-show --data boxes.det | sed 's/| cat/| Cat/; /^END/s/ .*//' | det-show --build - >renamed.det
det-eval --gt gt.det renamed.det >out 2>err
like "a class that is not known is named" "$(cat err)" "left out: 'Cat'"
like "nothing in common" "$(cat err)" "no class has both"
is "AP is then 0" "$(value coco figures '' AP --gt gt.det renamed.det)" 0.000000
det-show --data boxes.det | sed 's/ 0.01 / 0.5 /; /^END/s/ .*//' | det-show --build - >cut.det
like "scores that were cut off" "$(det-eval --gt gt.det cut.det 2>&1)" "warning: no detection scores below 0.5"
is "but not those that go low" "$(det-eval hand.det 2>&1 >out)" ""
det-show --data boxes.det | sed 's/ 0.01 / -nan /; /^END/s/ .*//' | det-show --build - >nan.det 2>err ||
	like "a score that is no number can't be built" "$(cat err)" "number"
det-show --data boxes.det | sed 's/  50 50 60 60/  60 50 50 60/; /^END/s/ .*//' | det-show --build - >inv.det
is "an inverted box is an error, named" "$(det-eval --gt gt.det inv.det 2>&1 | grep -c "one.jpg.*") $(status det-eval --gt gt.det inv.det)" "1 2"
printf '%s\n' STRM 'ITEM id=5 path=a/one.jpg error="gone"' END. | det-show --build - >bad.det
like "a bad item is a picture without detections" "$(det-eval --gt gt.det bad.det 2>&1)" "marked as bad"

# --- COCO's JSON ---
cat >gt.json <<'END'
{"annotations": [
 {"image_id": 0, "id": 1, "category_id": 3, "bbox": [0,0,10,10], "area": 100, "iscrowd": 0,
  "segmentation": {"counts": [1,2,[3]], "size": [1,1]}},
 {"image_id": 0, "id": 2, "category_id": 3, "bbox": [20,20,10,10], "area": 100, "iscrowd": 0},
 {"image_id": 9, "id": 3, "category_id": 3, "bbox": [20,20,10,10], "area": 100, "iscrowd": 1}],
 "categories": [{"id": 3, "name": "cat"}, {"id": 1, "name": "dog"}],
 "images": [{"id": 0, "file_name": "a.jpg", "width": 9, "height": 9}, {"id": 9, "file_name": "b.jpg"}]}
END
result() { printf '{"image_id": %s, "category_id": %s, "bbox": %s, "score": %s}' "$@"; }
echo "[$(result 0 3 '[0,0,10,10]' 0.9), $(result 0 3 '[50,50,10,10]' 0.8), $(result 0 3 '[20,20,10,10]' 0.01)]" >r.json
is "COCO's files" "$(value coco figures '' AP --coco gt.json r.json)" 0.834983
is "results on standard input" "$(value coco figures '' AP --coco gt.json - <r.json)" 0.834983
echo '[]' >empty.json
cp r.json again.json
like "the same file twice" "$(det-eval --coco gt.json r.json r.json 2>&1)" "r.json is given twice"
like "two files are one, and that is said" "$(det-eval --coco gt.json r.json again.json 2>&1)" "warning: 2 files of results are read as one"
is "an empty list: AP 0" "$(det-eval --coco gt.json empty.json 2>err | grep -c '= 0.000') $(cat err)" \
	"8 det-eval: warning: there are no detections: AP is 0"
is "each report of it" "$(status det-eval --coco gt.json empty.json --per-class --best-f1 --lrp --tide --confusion --bootstrap 10 --plots p0 --matches m0 --json)" 0
echo "[$(result 0 3 '[0,0,10,10]' 0.9), $(result 77 3 '[0,0,10,10]' 0.01), $(result 0 55 '[0,0,1,1]' 0.5)]" >odd.json
det-eval --coco gt.json odd.json >out 2>err
like "unknown pictures are named" "$(cat err)" "odd.json: 1 box of a picture .* left out: 77"
like "and classes" "$(cat err)" "1 box of a class .* left out: 55"
echo "[$(result 77 3 '[0,0,10,10]' 0.9)]" >none.json
like "none known" "$(det-eval --coco gt.json none.json 2>&1)" "none of the pictures .* found 77, expected such as 0"
echo "[$(result 0 3 '[0,0,-10,10]' 0.9)]" >neg.json
like "a negative side, with its byte" "$(det-eval --coco gt.json neg.json 2>&1)" "^det-eval: neg.json: byte 1 \(line 1\): "
head -c 150 r.json >short.json
like "truncated JSON, with its byte" "$(det-eval --coco gt.json short.json 2>&1)" "short.json: .*150"
is "is trouble" "$(status det-eval --coco gt.json short.json)" 2
like "results of something else" "$(det-eval --coco gt.json gt.json 2>&1)" "gt.json"
is "JSON out: AP first, all in one object" "$(det-eval -q --coco gt.json r.json --json --per-class | sed -n 2p | cut -c 1-15)" '  "AP": 0.83498'
det-eval -q --coco gt.json r.json --json --per-class --best-f1 --lrp --tide --confusion --bootstrap 5 --rule coco,voc10 >all.json
is "brackets match" "$(tr -cd '[]{}' <all.json | sed -e ':a' -e 's/\[\]//g; s/{}//g; ta')" ""
for k in AP AP50 AP75 APs APm APl AR1 AR10 AR100 ARs ARm ARl rule coco voc10 tide confusion; do
	is "has $k" "$(grep -c "^  \"$k\": " all.json)" 1
done

# --- VOC's folders ---
mkdir -p voc/Annotations voc/ImageSets/Main
for n in 01 02; do
	cat >voc/Annotations/$n.xml <<END
<annotation><filename>$n.jpg</filename><size><width>100</width><height>100</height><depth>3</depth></size>
<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax></bndbox></object>
<object><name>hot_dog</name><difficult>1</difficult><bndbox><xmin>21</xmin><ymin>21</ymin><xmax>30</xmax><ymax>30</ymax></bndbox></object>
</annotation>
END
done
printf '01\n02\n' >voc/ImageSets/Main/test.txt
printf '01 0.9 1 1 10 10\n02 0.8 50 50 60 60\n02 0.01 1 1 10 10\n' >comp4_det_test_cat.txt
printf '01 0.9 21 21 30 30\r\n\n' >comp4_det_test_hot_dog.txt
is "VOC's files" "$(value voc10 figures '' AP --rule voc10 --voc voc --split test comp4_det_test_cat.txt comp4_det_test_hot_dog.txt)" 0.833333
like "a class that is none" "$(mv comp4_det_test_cat.txt cow.txt && det-eval --voc voc cow.txt 2>&1)" "ends with one of the 2 classes"
printf '01 0.9 1 1 10\n' >x_cat.txt
like "a line that is short" "$(det-eval --voc voc x_cat.txt 2>&1)" "x_cat.txt:1: .*expected"

# --- questions ---
is "yes" "$(det-eval hand.det --require 'AP50>=.8,AR1<.6,AP[cat]>.8' >out; echo $?)" 0
is "no" "$(det-eval hand.det --require 'AP50>=.9' 2>err >out; echo $?) $(cat err)" \
	"1 det-eval: no: AP50 is 0.834983, not >= 0.9"
is "of a second rule" "$(status det-eval hand.det --rule coco,voc07 --require 'voc07:AP>=.84')" 0
is "of what is not defined: no" "$(status det-eval hand.det --require 'APl>=0')" 1
like "of what is not there: trouble" "$(det-eval hand.det --require 'AP51>=0' 2>&1 >out)" "no number 'AP51'"
is "of something else" "$(status det-eval hand.det --require 'AP51')" 2

# --- draws ---
for i in 1 2 3 4 5 6 7 8; do
	det-show --data hand.det | sed "s/one.jpg/$i.jpg/; s/id=5/id=$i/; s/^  50 50 60 60 0.8/  50 50 60 60 0.$i/; s/0.01 /0.$((9 - i)) /; /^END/s/ .*//" |
		det-show --build -
done >many.det
det-eval -q --bootstrap 200 --tsv -j 1 many.det >one.tsv
det-eval -q --bootstrap 200 --tsv -j 2 many.det >two.tsv
ok "draws do not depend on threads" cmp one.tsv two.tsv
# shellcheck disable=SC2016
ok "AP is within its interval, which is no point" awk -F '\t' '$2 == "bootstrap" { v[$4] = $5 }
	END { exit !(v["AP_lo"] < v["AP"] && v["AP"] < v["AP_hi"] && v["draws"] == 200) }' one.tsv
is "another seed, another interval" "$(det-eval -q --bootstrap 200 --seed 2 --tsv many.det | cmp -s - one.tsv; echo $?)" 1
det-show --data many.det | awk '!/^  50 50 60 60/' | sed '/^END/s/ .*//' | det-show --build - >better.det
det-eval -q --versus better.det many.det >out
like "a second result that is better" "$(cat out)" "^AP    B - A \+.* B is better in 99.[0-9] % of the draws: B is better"
like "a result against itself" "$(det-eval -q --versus many.det many.det)" "AP    B - A \+0.0000 .* these images do not tell"

# --- the experiment of det(7) ---
mkdir files
(cd files && . "$DET_SRC/tests/fixture.sh" && cp "$DET_SRC/examples/experiment.mk" .)
run() { (cd files && make --no-print-directory -f experiment.mk GT='--csv truth.csv' "$@" 2>/dev/null | grep -o 'det-[a-z]*' | tr '\n' ' '); }
is "all stages run once" "$(run)" "det-gt det-image det-backbone det-head det-nms det-eval "
is "nothing changed" "$(run)" ""
is "another threshold: suppression and evaluation" "$(run NMS='--iou .3')" "det-nms det-eval "
is "another rule: evaluation" "$(run NMS='--iou .3' RULES=voc10)" "det-eval "
like "the report" "$(cat files/report.txt)" "^voc10: .*"
is "the detections' numbers are those of the pipe" \
	"$(det-eval -q --rule coco,voc07 files/both.det | grep -c '= 0.7')" \
	"$(cd files && det-gt --csv truth.csv -o g.det && det-eval -q --rule coco,voc07 --gt g.det both.det | grep -c '= 0.7')"

# --- what is wrong is named ---
det-show --build - >lacks.det <<'END'
STRM
  | cat
ITEM id=0 path=zero.jpg width=100 height=100
BOXS name=gt space=image
ITEM id=1 path=one.jpg width=100 height=100
BOXS name=gt space=image
BOXS name=boxes space=image
END.
END
like "the item that lacks a list, not the one after" "$(det-eval lacks.det 2>&1)" "item 0 'zero.jpg': no box list 'boxes'"
printf '{"images":[{"id":0,"file_name":"a.jpg"}],"categories":[{"id":1,"name":"a"}],"annotations":[{"image_id":0,"category_id":1,"bbox":[1,1,5,5],"area":-3}]}' >area.json
echo '[]' >none.json
is "a negative area" "$(det-eval --coco area.json none.json 2>&1)" \
	"det-eval: area.json: byte 91 (line 1): an area of -3: 0 or more expected"

# --- wrong usage ---
for o in '--rule coc' '--rule coco,coco' '--json --tsv' '--coco gt.json' '--gt a --coco b' '--split x' \
	'--at-iou .42' '--max-dets 1.5' '--iou .5,.5' '--matches -' '--boxes gt' '--require AP' '--versus x --voc voc cow.txt'; do
	# shellcheck disable=SC2086
	is "$o: misuse" "$(status det-eval $o)" 2
done

# --- published numbers ---
if [ -d "$DET_DATA/coco-eval" ]; then
	gt=$DET_DATA/coco-eval/instances_val2014_100.json
	is "coco-eval, all twelve" "$(det-eval -q --tsv --coco "$gt" \
		"$DET_DATA"/coco-eval/*_results.json | sed -n 2,13p | awk '{ printf "%.12f ", $4 }')" \
		"0.504580698725 0.696972724730 0.572981666990 0.585625720941 0.519399694804 0.501397898635 0.386812779646 0.593679576284 0.595352982878 0.639810962611 0.566420597899 0.564290598291 "
else
	skip "coco-eval, all twelve" "no shared data here"
fi
rm -rf files plots p0 voc ./*.det ./*.json ./*.tsv ./*.txt got out err m0
done_testing
