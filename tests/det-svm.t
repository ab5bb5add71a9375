# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# A model of which the second stage alone matters here: four features a row, two classes.
cat >M.txt <<'X'
STRM history="made by hand"
  | cat
  | dog
TEXT name=net/head
  | net head
  | input rois 4 1 1   # from elsewhere
  | block pair(x) n
  |     a = fc(x) out=$n
  |     b = fc(a) out=$n
  |     return b
  | end
  | fc6 = fc(rois) out=3 act=relu
  | fc7 = pair(fc6) n=2
  | side = fc(fc6) out=2
  | cls_score = fc(fc7) out=3
  | bbox_pred = fc(fc7) out=12
  | output cls=cls_score box=bbox_pred
  | output side
TEXT name=decode
  | rcnn(cls, box) boxes=proposals classes=2
TEXT name=train
  | rcnn
TEXT name=plan/head
  | fc6 = fc in=7x4x1x1 threads=1 cpu=c
TEXT name=options/det-nms
  | iou=.7
  | max=5
  | plus-one=0
TEXT name=meta
  | profile=none
TENS f32 3x4 name=head/fc6.weight
  1 0 0 0
  0 1 0 0
  0 0 1 0
TENS f32 3 name=head/fc6.bias
  0 0 0
TENS f32 2x3 name=head/fc7.a.weight
  1 0 0 0 1 0
TENS f32 2 name=head/fc7.a.bias
  0 0
TENS f32 2x2 name=head/fc7.b.weight
  1 0 0 1
TENS f32 2 name=head/fc7.b.bias
  0 0
TENS f32 2x3 name=head/side.weight
  1 1 1 1 1 1
TENS f32 2 name=head/side.bias
  0 0
TENS f32 3x2 name=head/cls_score.weight
  1 0 0 1 1 1
TENS f32 3 name=head/cls_score.bias
  0 0 0
TENS f32 12x2 name=head/bbox_pred.weight
  0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
TENS f32 12 name=head/bbox_pred.bias
  0 0 0 0 0 0 0 0 0 0 0 0
END.
X
det-show --build M.txt >M.det
ok "the model of this test is whole" det-model check M.det

# items N FIRST OBJECTS TABLE: N pictures of a cat and a dog, 20 proposals each, of which OBJECTS
# are the two objects themselves, two are 4 pixels to the right of them, the rest is elsewhere.
# Labels are the model's with TABLE "cat dog", else dog is 0 as in another data set.
# Features: cat, dog, how far to the left the object is, noise. Rows of what is elsewhere look
# a little like cats, some of them much.
items() {
	awk -v items="$1" -v first="$2" -v objects="$3" -v table="$4" '
	function rnd() { seed = (seed * 16807) % 2147483647; return seed / 2147483647 }
	function row(x, y, side, c, d, left) {
		box = box sprintf("\n  %d %d %d %d 1 -1", x, y, x + side, y + side)
		tensor = tensor sprintf("\n  %.3f %.3f %.3f %.3f", c, d, left, rnd())
		n++
	}
	BEGIN {
		seed = 7 + first
		cat = table != "cat dog"
		print "STRM history=\"det-x 1\"\n  | " (cat ? "dog\n  | cat\n  | bird" : "cat\n  | dog")
		for (i = first; i < first + items; i++) {
			printf "ITEM id=%d path=%d.jpg width=200 height=200 input=100x100 map=\".5 .5 0 0\"\n", i, i
			x = 20 + int(rnd() * 40); y = 10 + int(rnd() * 20)
			box = tensor = ""; n = 0
			if (objects) { row(x, y, 40, 2 + rnd(), rnd() / 2, 0); row(x, y + 100, 40, rnd() / 2, 2 + rnd(), 0) }
			row(x + 4, y, 40, 2 + rnd(), rnd() / 2, 1)
			row(x + 4, y + 100, 40, rnd() / 2, 2 + rnd(), 1)
			while (n < 20)
				row(140 + int(rnd() * 15), int(rnd() * 150), 30 + int(rnd() * 15), rnd() * (n % 7 ? .7 : 1.3), rnd(), rnd())
			printf "BOXS name=gt space=image\n  %d %d %d %d 1 %d\n  %d %d %d %d 1 %d\n", x, y, x + 40, y + 40, cat, x, y + 100, x + 40, y + 140, !cat
			printf "TENS f32 %dx4x1x1 name=rois%s\n", n, tensor
			printf "BOXS name=proposals space=image%s\n", box
		}
		print "END."
	}'
}
items 30 0 1 >in.txt
det-show --build in.txt >in.det
items 30 0 1 "cat dog" | det-show --build - >same.det
items 10 1000 0 "cat dog" | det-show --build - >new.det
svm() { det-svm -q -m M.det --features rois "$@"; }
text() { det-show --data "$1" | awk -v n="name=$2" '/^[A-Z]/ { on = $1 == "TEXT" && $2 == n } on && /^  \|/ { sub(/^  \| ?/, ""); print }'; }
tensor() { det-show --data "$1" | awk -v n="name=$2" '/^[A-Z]/ { on = $NF == n } on && /^  / { $1 = $1; print }' | tr '\n' ' ' | tr -s ' '; }

# --- what is written ---
svm --box-features rois in.det -o S.det
is "status" "$?" 0
ok "a whole model" det-model check S.det
# shellcheck disable=SC2016
is "of the head what the features need stays" "$(text S.det net/head | grep -v '^#')" \
	'net head
input rois 4 1 1   # from elsewhere
block pair(x) n
    a = fc(x) out=$n
    b = fc(a) out=$n
    return b
end
svm = fc(rois) out=2
svm_box = fc(rois) out=8
output cls=svm box=svm_box'
is "and its weights" "$(det-show S.det | awk '$1 == "TENS" { print $2, $4 }' | tr '\n' ' ')" \
	"head/svm.weight 2x4 head/svm.bias 2 head/svm_box.weight 8x4 head/svm_box.bias 8 "
is "decode" "$(text S.det decode)" \
	"rcnn(cls, box) boxes=proposals classes=2 background=none score=linear weights=1,1,1,1 clip"
is "the head's threshold" "$(text S.det options/det-head)" "thresh=-1.5"
is "options of suppression: but for what R-CNN says" "$(text S.det options/det-nms | tr '\n' ' ')" \
	"plus-one=0 iou=0.3 max-per-class=100 "
is "how it was trained goes" "$(text S.det train)$(text S.det plan/head)" ""
is "all else stays" "$(text S.det meta)" "profile=none"
is "history" "$(det-show --history S.det | sed 's/ [0-9.]*\.[0-9]* / N /; s/# model.*/#/')" \
	"made by hand
det-svm N --model=M.det --features=rois --box-features=rois #"
svm in.det -o plain.det
is "without boxes" "$(text plain.det decode) $(det-show plain.det | grep -c '^TENS')" \
	"rcnn(cls) boxes=proposals classes=2 background=none score=linear clip 2"

# features of a layer inside the head: those before it stay, those beside it go
sed 's/name=rois/name=fc7.a/; s/TENS f32 20x4x1x1/TENS f32 20x2/; s/^\(  [-0-9.]* [-0-9.]*\) [-0-9.]* [-0-9.]*$/\1/' in.txt |
	det-show --build - >layer.det
det-svm -q -m M.det --features fc7.a layer.det -o L.det
is "a layer of a block" "$(text L.det net/head | grep '=' | grep -v '^ ' | tr '\n' ';')" \
	"fc6 = fc(rois) out=3 act=relu;fc7 = pair(fc6) n=2;svm = fc(fc7.a) out=2;output cls=svm;"
is "keeps its weights and those before" "$(det-show L.det | awk '$1 == "TENS" { print $2 }' | tr '\n' ' ')" \
	"head/fc6.weight head/fc6.bias head/fc7.a.weight head/fc7.a.bias head/fc7.b.weight head/fc7.b.bias head/svm.weight head/svm.bias "
ok "and is whole" det-model check L.det

# --- a model of SVMs once more ---
det-svm -q -m M.det --features rois --box-features rois in.det -o first.det
det-svm -m first.det in.det -o again.det 2>err
is "its SVMs say which features" "$(text again.det net/head) $(grep -c warning err)" "$(text first.det net/head) 0"
is "and nothing is learnt from what is replaced" \
	"$(for w in svm.weight svm.bias svm_box.weight svm_box.bias; do tensor again.det head/$w; done)" \
	"$(for w in svm.weight svm.bias svm_box.weight svm_box.bias; do tensor first.det head/$w; done)"
det-svm -m first.det --box-features none in.det -o again.det 2>err
is "without boxes" "$(text again.det net/head | tail -n 1); $(grep warning err)" \
	"output cls=svm; det-svm: warning: --box-features=none: the SVMs of first.det read 'rois'"
is "the layer of a block, too" "$(det-svm -q -m L.det layer.det | det-show --data - | sed -n '/net.head/,/^TEXT name=dec/p')" \
	"$(det-show --data L.det | sed -n '/net.head/,/^TEXT name=dec/p')"
sed 's/name=rois/name=fc6/; s/TENS f32 20x4x1x1/TENS f32 20x3/; s/^\(  [-0-9.]* [-0-9.]* [-0-9.]*\) [-0-9.]*$/\1/' in.txt |
	det-show --build - >fc6.det
det-svm -m L.det --features fc6 fc6.det -o again.det 2>err
is "another layer is obeyed" "$(text again.det net/head | grep '^svm')" "svm = fc(fc6) out=2"
like "and told" "$(cat err)" "warning: --features=fc6: the SVMs of L.det read 'fc7.a'"

# --- what it finds ---
found() { det-head -m "$1" "$2" | det-nms -m "$1"; }
ap() { det-eval -q "$@" | sed -n 's/.*(AP) @\[ IoU=0.50 .* = //p'; }
found S.det same.det >found.det
is "objects that can be told apart are" "$(ap found.det)" "1.000"
is "in other pictures too" "$(found S.det new.det | ap)" "1.000"
like "by scores of both signs" "$(det-export found.det | cut -f 3 | sort -g | sed -n '1p;$p' | tr '\n' ' ')" '^-[0-9.]* [0-9.]+ $'
is "none below the threshold" "$(det-export found.det | awk -F '\t' '$3 <= -1.5' | wc -l | tr -d ' ')" 0
is "det-head --thresh: any number" "$(det-head -m S.det --thresh .5 same.det | det-nms -m S.det | det-export | awk -F '\t' '$3 <= .5' | wc -l | tr -d ' ')" 0
is "what overlaps a better box by .3 is dropped" \
	"$(found S.det new.det | det-export | awk -F '\t' '$3 > 0 { print $1, $2 }' | sort | uniq -d)" ""
is "det-merge joins them" "$(det-merge found.det found.det | det-export | wc -l)" \
	"$(($(det-export found.det | wc -l) * 2))"
ok "results for COCO" sh -c "det-export --format coco found.det | grep -q '\"score\": *-'"

# boxes: the features tell how far the object is; it is 4 pixels to the left
boxes() { found "$1" new.det | det-export | awk -F '\t' '$3 > 0 { print $1 "," $2, $4 }' | sort; }
det-export --truth new.det | awk -F '\t' '{ print $1 "," $2, $4 }' | sort >want
# how far the first corner is from the object's, on average
off() {
	boxes "$1" | join - want |
		awk '{ d = $2 - $3; s += d < 0 ? -d : d; n++ } END { printf "%.1f", s / n }'
}
is "boxes that are not corrected are 4 pixels off" "$(off plain.det)" "4.0"
svm --box-features rois --lambda .1 in.det -o corrected.det
like "those that are, less" "$(off corrected.det)" '^0\.[0-9]$'
is "lambda 1e9 gives the mean of the corrections: the rows' own half and the others'" \
	"$(svm --box-features rois --lambda 1e9 in.det >mean.det && off mean.det)" "2.0"

# --- the same again ---
svm --box-features rois same.det -o names.det
is "labels go by names" "$(tensor names.det head/svm.weight)" "$(tensor S.det head/svm.weight)"
svm --box-features rois in.det -j 1 | cmp -s - S.det
is "the same bytes with one thread" $? 0
svm --box-features rois in.det -j 3 | cmp -s - S.det
is "or three" $? 0
{ sed -n '1,/^ITEM id=15 /p' in.txt | sed '$d'; echo END.; } | det-show --build - >first.det
{ sed -n '1,/^ITEM/p' in.txt | sed '$d'; sed -n '/^ITEM id=15 /,$p' in.txt; } | det-show --build - >second.det
svm --box-features rois first.det second.det | cmp -s - S.det
is "two files are as one" $? 0
cat first.det second.det >both.det
svm --box-features rois both.det | cmp -s - S.det
is "so are two streams in a file" $? 0
svm --box-features rois first.det --positives second.det | cmp -s - S.det
is "--positives is one more file" $? 0

# two matrices of 300x300 doubles are more than a MiB: the classes are read for one by one
wide() { # features; of rows with that many
	awk -v n="$1" '/^[A-Z]/ { on = sub(/x4x1x1 name=rois/, "x" n " name=wide") } on && /^  / {
		for (i = 5; i <= n; i++) { s = (s * 16807 + 1) % 2147483647; $0 = $0 " " int(s / 21474836) / 100 } } { print }'
}
wide 299 <in.txt | det-show --build - >wide.det
sed 's/rois 4 1 1/wide 299 1 1/; s/fc(rois)/fc(wide)/; s/f32 3x4 name/f32 3x299 name/; /fc6.weight/,/fc6.bias/{/^  [01] [01] [01] [01]$/d;}' M.txt |
	awk '{ print } /fc6.weight/ { for (i = 0; i < 3 * 299; i++) print " 0" }' | det-show --build - >wideM.det
for mib in 1 64; do
	det-svm -q -m wideM.det --features wide --box-features wide --cache $mib wide.det wide.det wide.det wide.det wide.det wide.det -o wide$mib.det
	tensor wide$mib.det head/svm_box.weight >wide$mib
done
is "box regression in little memory: the same" "$(wc -w <wide1 | tr -d ' ') $(cksum <wide1)" "2392 $(cksum <wide64)"

# --- who is positive, who is negative ---
table() { det-svm -m M.det --features rois "$@" 2>&1 >/dev/null | awk '/^(cat|dog) / { printf "%s %s %s; ", $1, $2, $3 }'; }
is "an object is a positive, all that is elsewhere a negative at first" \
	"$(table --hard -1e9 in.det)" "cat 30 540; dog 30 540; "
is "an object counts once" "$(table --hard -1e9 in.det in.det)" "cat 30 1080; dog 30 1080; "
is "--positive-iou" "$(table --hard -1e9 --positive-iou .5 in.det)" "cat 60 540; dog 60 540; "
is "--neg-iou" "$(table --hard -1e9 --neg-iou .9 in.det)" "cat 30 570; dog 30 570; "
# the cats are difficult
sed '/^BOXS name=gt/{n;s/$/ 1/;}' in.txt | det-show --build - >difficult.det
is "none is left" "$(table --hard -1e9 difficult.det)" "cat 0 0; dog 30 540; "
like "and it is said" "$(svm difficult.det 2>&1 >/dev/null; det-svm -m M.det --features rois difficult.det 2>&1 >never.det)" \
	"warning: class 'cat' has no positive: it will never be found"
is "it has a score that no threshold passes" "$(tensor never.det head/svm.bias | cut -d ' ' -f 1)" "-1000"
# a difficult dog: what overlaps it is no negative of dogs; a first cat is one as before
items 2 0 1 | sed '/^ITEM id=0/,/^ITEM/{/^BOXS name=gt/{n;n;s/$/ 1/;};}' | det-show --build - >difficult.det
is "nor does a difficult object make negatives" "$(table --hard -1e9 difficult.det)" "cat 2 36; dog 1 36; "
items 10 1000 0 | cat in.txt - | det-show --build - >some.det
like "objects without a row are told" "$(det-svm -m M.det --features rois some.det 2>&1 >/dev/null)" \
	"warning: 60 positives of 80 objects: the others have no row of their own"
is "where there is none it is quiet" "$(det-svm -m M.det --features rois in.det 2>&1 >/dev/null | grep -c warning)" 0
sed 's/^  | cat$/  | cow/' in.txt | det-show --build - >cow.det
like "classes that the model does not have" "$(det-svm -m M.det --features rois cow.det 2>&1 >/dev/null)" \
	"warning: 30 objects are of classes that the model does not have"

# features as short as a class's may be beside others': the bias alone says no to all
like "a class that C is too small for" "$(det-svm -m M.det --features rois --norm .1 in.det 2>&1 >/dev/null)" \
	"warning: class 'cat': its objects are on the wrong side, by (0\.9|1\.0)[0-9] of the margin: a larger -C expected"

# --- mining ---
hard() { det-svm -m M.det --features rois "$@" 2>&1 >/dev/null | awk '/^cat / { print $3, $4, $5 }'; }
is "from the first item all, then what is above the margin" \
	"$(hard --retrain 10 in.det | awk '{ print ($1 > 18 && $1 < 540), ($2 <= $1), ($3 > 2) }')" "1 1 1"
is "more passes find no less" "$(hard --retrain 10 --passes 3 in.det | awk -v once="$(hard --retrain 10 in.det)" \
	'{ split(once, o, " "); print ($1 >= o[1]), ($3 > o[3]) }')" "1 1"
svm --no-mine --negatives 5 in.det -o a.det
svm --no-mine --negatives 5 in.det | cmp -s - a.det
is "--no-mine draws the same again" $? 0
svm --no-mine --negatives 5 --seed 2 in.det >b.det
is "another seed draws others" "$([ "$(tensor a.det head/svm.weight)" != "$(tensor b.det head/svm.weight)" ] && echo yes)" yes
is "as many as asked for" "$(hard --no-mine --negatives 5 in.det | cut -d ' ' -f 2-3)" "5 1"

# --- liblinear's own, on the same rows: one class against all else ---
if command -v liblinear-train >/dev/null; then
	# all negatives at once, none scaled
	svm --no-mine --norm 0 in.det -o raw.det
	# of each item row 0 is the cat, row 2 is near it
	det-show --data in.det | awk '
		/^[A-Z]/ { on = /name=rois/; n = 0 }
		on && /^  / { for (i = 1; i <= NF; i++) {
			if (n % 4 == 0) line = n ? "-1" : "1"
			line = line " " n % 4 + 1 ":" $i
			if (n == 3) print line
			else if (n % 4 == 3 && n != 11) rest = rest line "\n"
			n++ } }
		END { printf "%s", rest }' >cat.svm
	liblinear-train -q -s 3 -c .001 -w1 2 -B 10 cat.svm cat.model
	sed '1,/^w/d' cat.model | awk 'NR <= 4 { printf "%.5g ", $1 } NR == 5 { printf "%.5g ", $1 * 10 }' >want
	{ tensor raw.det head/svm.weight | cut -d ' ' -f 1-4; tensor raw.det head/svm.bias | cut -d ' ' -f 1; } |
		tr '\n' ' ' | awk '{ for (i = 1; i <= 5; i++) printf "%.5g ", $i }' >got
	is "liblinear-train finds the same weights" "$(cat got)" "$(cat want)"
else
	skip "liblinear-train finds the same weights" "no liblinear-train here"
fi

# --- rows of their own to correct boxes by ---
boxes_of() { for w in svm.weight svm_box.weight svm_box.bias; do tensor "$1" head/$w; done; }
sed 's/name=rois/name=only/' in.txt | det-show --build - >only.det
det-svm -q -m M.det --features rois --box-features rois --box-file in.det in.det -o own.det
is "--box-file: the same rows once more, the same weights" "$(boxes_of own.det)" "$(boxes_of S.det)"
det-svm -q -m M.det --features rois --box-features rois --box-file first.det --box-file second.det in.det -o own.det
is "in two files" "$(boxes_of own.det)" "$(boxes_of S.det)"
det-svm -q -m M.det --features rois --box-features rois in.det -o half.det
det-svm -q -m M.det --features rois --box-features rois --box-file first.det in.det -o other.det
det-svm -q -m M.det --features rois --box-features rois first.det -o first_own.det
is "others: their boxes" "$(tensor other.det head/svm_box.weight)" "$(tensor first_own.det head/svm_box.weight)"
is "  and the SVMs of all" "$(tensor other.det head/svm.weight)" "$(tensor S.det head/svm.weight)"
rows() { awk '$1 == "cat" || $1 == "dog" { print $NF }' "$1" | tr '\n' ' '; }
det-svm -m M.det --features rois --box-features rois in.det 2>all >/dev/null
det-svm -m M.det --features rois --box-features rois --box-rows 7 in.det 2>seven >seven.det
is "--box-rows: no more of a class" "$(rows all)| $(rows seven)" "60 60 | 7 7 "
det-svm -q -m M.det --features rois --box-features rois --box-rows 60 in.det -o sixty.det
is "as many as there are: all" "$(boxes_of sixty.det)" "$(boxes_of S.det)"

det-svm -q -m M.det --features rois --box-features rois --box-file same.det in.det -o order.det
is "a file with the classes in another order" "$(boxes_of order.det)" "$(boxes_of S.det)"
like "one with classes that the model does not have" \
	"$(det-svm -m M.det --features rois --box-features rois --box-file cow.det in.det 2>&1 >/dev/null)" \
	"warning: --box-file: 30 objects are of classes that the model does not have"

# --- what is refused ---
refused() { # description regex args...
	d=$1 r=$2
	shift 2
	det-svm -m M.det "$@" >out 2>err
	is "$d: status 2, nothing written" "$? $(wc -c <out | tr -d ' ')" "2 0"
	like "and why" "$(cat err)" "$r"
}
refused "no features named" "which features\? give --features" in.det
refused "no file" "streams expected as FILEs" --features rois
refused "standard input" "read several times: FILEs expected" --features rois -
refused "rows of no name" "rows of which features" --features rois --box-file in.det in.det
refused "standard input for them" "read several times: FILEs expected" --features rois --box-features rois --box-file - in.det
refused "files without them" "only.det: item 0 '0.jpg': no tensor 'rois'" --features rois --box-features rois --box-file only.det in.det
printf 'STRM\n  | cat\n  | dog\nEND.\n' | det-show --build - >none.det
refused "files without a row" "box-file: no row of features" --features rois --box-features rois --box-file none.det in.det
mkfifo pipe
(cat in.det >pipe 2>/dev/null &)
refused "a pipe" "pipe: a regular file expected" --features rois pipe
refused "a tensor that is not there" "in.det: item 0 '0.jpg': no tensor 'fc9'" --features fc9 in.det
refused "nor one for boxes" "in.det: item 0 '0.jpg': no tensor 'fc9' to correct boxes by" --features rois --box-features fc9 in.det
refused "a list that is not there" "in.det: item 0 '0.jpg': no box list 'regions'" --features rois --boxes regions in.det
refused "objects that are the proposals" "two lists expected, found .gt. twice" --features rois --boxes gt in.det
sed 's/name=rois/name=side2/' in.txt | det-show --build - >side2.det
refused "features that the model does not have" "'side2' is no layer or input of net 'head'" --features side2 side2.det
sed 's/name=rois/name=side/' in.txt | det-show --build - >side.det
refused "of another length than the model's" "'side' has 2 features in M.det, rows have 4" --features side side.det
is "before anything is trained" "$(grep -c . err)" 1
items 2 0 1 | sed 's/^\(  [0-9.]* [0-9.]*\) [0-9.]* [0-9.]*$/\1 nan 0/;' | det-show --build - >nan.det
refused "NaN" "nan.det: item 0 '0.jpg': tensor 'rois': NaN in row 0, feature 2" --features rois nan.det
awk '/^BOXS name=proposals/ { print; getline; next } { print }' in.txt | det-show --build - >short.det
refused "rows without a box" "tensor 'rois' has 20 rows, list 'proposals' 19 boxes" --features rois short.det
items 3 0 0 | det-show --build - >noobject.det
refused "no object among the rows" "no positive among 60 rows of 3 items" --features rois noobject.det
sed 's/| cat$/| Cat/; s/| dog$/| Dog/' in.txt | det-show --build - >otherwise.det
refused "no class that the model has" "no positive among .*: 60 objects are of classes that the model does not have" --features rois otherwise.det
refused "no negative" "class 'cat' has 30 positives and no negative" --features rois --neg-iou 0 in.det
sed 's/rois 4 1 1/big 30000 1 1/' M.txt | det-show --build - >W.det
refused "memory for nothing" "the matrix of|too few negatives|MiB" -m W.det --features big --cache 1 --box-features big \
	"$(awk 'BEGIN { print "STRM\n  | cat\nITEM id=0 path=a.jpg\nBOXS name=gt space=image\n  0 0 9 9 1 0\nBOXS name=proposals space=image\n  0 0 9 9 1 -1\nTENS f32 1x30000 name=big"; for (i = 0; i < 30000; i++) print " 1"; print "END." }' | det-show --build - >big.det; echo big.det)"
sed 's/rois 4 1 1/long 400 1 1/' M.txt | det-show --build - >L.det
awk 'BEGIN { print "STRM\n  | cat\nITEM id=0 path=a.jpg\nBOXS name=gt space=image\n  0 0 9 9 1 0\nBOXS name=proposals space=image"; for (i = 0; i < 400; i++) print "  0 0 9 9 1 -1"; print "TENS f32 400x400 name=long"; for (i = 0; i < 160000; i++) print " 1"; print "END." }' |
	det-show --build - >long.det
refused "a matrix for boxes, before SVMs are trained" "boxes of class 'cat': 400 rows of 400 features want a matrix of 2 MiB, 1 are allowed" \
	-m L.det --features long --box-features long --cache 1 --neg-iou 0 long.det
refused "with fewer rows that is none" "class 'cat' has 1 positives and no negative" \
	-m L.det --features long --box-features long --cache 1 --neg-iou 0 --box-rows 300 long.det
sed '/^TEXT name=decode/,/rcnn(/d' M.txt | det-show --build - >nodecode.det
det-svm -m nodecode.det --features rois in.det >out 2>err
is "a model without decode" "$? $(cat err)" \
	"2 det-svm: nodecode.det: a decode text of one line rcnn(...) expected: SVMs judge proposals"
det-train -m S.det -o run.tmp new.det >out 2>err
is "det-train does not go on from SVMs" "$? $(cat err)" \
	"2 det-train: S.det: its head gives margins (decode: score=linear): those of SVMs, which det-svm trains"
det-model new -q --arch hog -o hog.det
det-train -m hog.det -n new.det >out 2>err
is "nor from HOG features" "$? $(wc -l <err | tr -d ' ') $(grep -c 'hog.det: .* which det-svm trains' err)" "2 1 1"
det-show --data hog.det | sed 's/background=none score=linear/background=last score=softmax/' | det-show --build - >softmax.det
det-train -m softmax.det -n new.det >out 2>err
is "whatever judges them" "$? $(cat err)" \
	"2 det-train: softmax.det: no network is before its head (det-roipool: op=hog): det-svm trains what judges such rows"
echo precious >keep.det
det-svm -m M.det --features nothing in.det -o keep.det 2>/dev/null
is "what was there stays" "$(cat keep.det)" precious
# an item that is marked as bad
sed 's/^ITEM id=3 .*/ITEM id=3 path=3.jpg error="can not be read"/' in.txt >bad.txt
det-show --build bad.txt >bad.det
like "bad items are left out, and it is said" "$(det-svm -m M.det --features rois bad.det 2>&1 >/dev/null)" \
	"warning: 1 items are marked as bad"
done_testing
