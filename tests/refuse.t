# shellcheck shell=sh
# A stage whose input was made under values that contradict its model refuses, and says which.
. "$DET_SRC/tests/lib.sh"

det-model new --arch tiny_frcnn --seed 1 -o F.det
LC_ALL=C awk -v w=160 -v h=120 -v n=1 -f "$DET_SRC/tests/golden/picture.awk" >a.ppm
det-image -m F.det a.ppm -o image.det
det-backbone -m F.det image.det -o maps.det
det-propose -m F.det maps.det -o proposals.det
det-roipool -m F.det proposals.det -o rois.det
det-head -m F.det rois.det -o boxes.det

says() { # DESCRIPTION REGEX COMMAND...: it ends with 2 and one line
	d=$1 re=$2
	shift 2
	"$@" >out 2>err
	like "$d" "$? $(cat err)" "^2 $re"
	is "$d: one line" "$(wc -l <err | tr -d ' ')" 1
	not_ok "$d: no whole stream" det-show --check out
}
boxes() { det-show --data "$1" | grep '^  [0-9-]'; }

# --- pixels ---
det-image -m F.det --channels bgr a.ppm -o bgr.det
says "pixels" "det-backbone: bgr.det: item 0 'a.ppm': tensor 'image' is bgr .*; F.det wants rgb" \
	det-backbone -m F.det bgr.det

# --- rows of boxes ---
like "det-roipool says how" "$(det-show --data rois.det | grep '^TENS')" \
	'made="det-roipool op=align size=7x7 sampling=2 aligned=0 canonical=224 level0=4 epsilon=tv maps=p2,p3,p4,p5"'
pooled() { det-roipool -m F.det "$@" proposals.det -o other.det; }
for o in "--sampling 1:sampling=1:sampling=2" "--aligned:aligned=1:aligned=0" "--op max:op=max:op=align" \
	"--canonical 112:canonical=112:canonical=224" "--maps p2:maps=p2:maps=p2,p3,p4,p5" \
	"--profile d2:sampling=0:sampling=2"; do
	# shellcheck disable=SC2086
	pooled ${o%%:*}
	rest=${o#*:}
	says "det-head: det-roipool ${o%%:*}" \
		"det-head: other.det: item 0 'a.ppm': 'rois': made under ${rest%:*}: F.det has options/det-roipool ${rest#*:}\$" \
		det-head -m F.det other.det
done
says "det-backbone --net head" \
	"det-backbone: other.det: item 0 'a.ppm': tensor 'rois': made under sampling=0: F.det has options/det-roipool sampling=2\$" \
	det-backbone --net head -m F.det other.det
ok "det-head --any takes it" det-head --any -m F.det other.det -o any.det
not_ok "and finds other boxes" cmp -s any.det boxes.det
pooled --canonical 224.0 --sampling 2 --epsilon tv
ok "values that are the model's pass, however they are written" det-head -m F.det other.det -o same.det
is "with the same boxes" "$(boxes same.det)" "$(boxes boxes.det)"
det-show --data rois.det | sed '/^TENS/s/ made="[^"]*"//' | det-show --build - -o silent.det
ok "rows that do not say pass" det-head -m F.det silent.det -o same.det
is "with the same boxes again" "$(boxes same.det)" "$(boxes boxes.det)"
det-show --data rois.det | sed '/^TENS/s/ made="[^"]*"/ made="x y=1 sampling=9 =  "/' | det-show --build - -o odd.det
ok "as do those of a stage that the model says nothing of" det-head -m F.det odd.det

# --- anchors ---
det-anchors -m F.det maps.det -o anchors.det
like "det-anchors says which" "$(det-show --data anchors.det | grep '^TENS.*p3.anchors')" \
	'anchors="grid\(p3\) sizes=64 ratios=.5,1,2 round=half"'
det-anchors -m F.det --set d2 maps.det -o other.det
says "det-propose: others' anchors" "det-propose: other.det: item 0 'a.ppm': 'p2.anchors': made by 'grid\(p2\) sizes=32 ratios=.5,1,2 order=size stride=4', but 'grid\(p2\) sizes=32 ratios=.5,1,2 round=half' expected\$" \
	det-propose -m F.det other.det
ok "det-propose --any takes them" det-propose --any -m F.det other.det -o any.det
not_ok "and proposes other boxes" cmp -s any.det proposals.det
det-propose -m F.det anchors.det -o same.det
is "the model's own pass" "$(boxes same.det)" "$(boxes proposals.det)"
cat >set.txt <<'END'
  grid(p2)   ratios=.5,1,2 sizes=32 round=half
grid(p3) ratios=0.5,1,2.0 sizes=64 round=half
grid(p4) sizes=128 ratios=.5,1,2 round=half offset=0
grid(p5) sizes=256 ratios=.5,1,2 round=half # the same in other words
grid(p6) sizes=512 ratios=.5,1,2 round=half stride=floor
END
det-anchors --anchors set.txt maps.det -o other.det
ok "so do the same in other words" det-propose -m F.det other.det
sed 's/floor/64/' set.txt >stride.txt
det-anchors --anchors stride.txt maps.det -o other.det
says "another stride" "det-propose: .*'p6.anchors': made by 'grid\(p6\) .* stride=64'" det-propose -m F.det other.det
det-show --data anchors.det | sed 's/ anchors="grid(p2) [^"]*"/ anchors="grid(p2"/' | det-show --build - -o odd.det
says "an attribute that is no statement" "det-propose: odd.det: item 0 'a.ppm': 'p2.anchors': attribute 'anchors':1: " \
	det-propose -m F.det odd.det
det-show --data anchors.det | sed 's/ anchors="grid[^"]*"//' | det-show --build - -o silent.det
ok "anchors that do not say pass" det-propose -m F.det silent.det

det-model new --arch tiny_retinanet --seed 1 -o R.det
det-image -m R.det a.ppm | det-backbone -m R.det | det-anchors --set retinanet-kr -o other.det
says "det-head: others' anchors" "det-head: other.det: item 0 'a.ppm': 'p3.anchors': made by 'grid\(p3\) sizes=32 octaves=3 ratios=.5,1,2 stride=8 offset=.5', but 'grid\(p3\) .* truncate" \
	det-head -m R.det other.det
ok "det-head --any takes them" det-head --any -m R.det other.det
det-model new --arch tiny_ssd --seed 1 -o S.det
det-image -m S.det a.ppm | det-backbone -m S.det | det-anchors -m S.det | det-head -m S.det -o same.det
ok "SSD's own priors pass" det-show --check same.det
printf 'prior(%s) min=%s max=%s ratios=2,3 stride=%s relative clip=size\n' conv4_3 .1 .2 8 fc7 .2 .45 16 \
	conv6_2 .45 .8 32 | sed 's/=2,3 stride=8/=2 stride=8/; s/min=.45/min=.5/' >priors.txt
det-image -m S.det a.ppm | det-backbone -m S.det | det-anchors --anchors priors.txt -o other.det
says "SSD: others' priors" "det-head: .*'conv6_2.anchors': made by 'prior\(conv6_2\) min=.5 " det-head -m S.det other.det
done_testing
