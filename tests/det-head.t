# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

cat >m.txt <<'X'
STRM
  | person
  | dog
TEXT name=decode
  | # two maps, of two kinds
  | yolo3(y1) anchors=10,20,30,8 classes=2 net=64x32
  | region(y2) anchors=1.5,.5 classes=2 softmax
TEXT name=options/det-head
  | thresh=.2
END.
X
det-show --build m.txt >m.det

# All zeros: every logistic is 1/2, so scores are 1/2 * 1/2; sizes are the anchors'.
cat >s.txt <<'X'
STRM
  | person
  | dog
ITEM id=0 path=a.jpg width=200 height=100 input=64x32 map=".32 .32 0 0"
TENS f32 1x7x1x1 name=y2
  fill 0
TEXT name=note
  | hello
TENS f32 1x14x1x2 name=y1
  fill 0
TENS f32 1x3 name=other
  fill 0
ITEM id=1 path=bad.jpg error="not a picture"
END.
X
det-show --build s.txt >s.det
det-head -m m.det s.det >out.det
is "records: maps dropped, the others in order, boxes when the last map came" \
	"$(det-show out.det | awk '{print $1}' | tr '\n' ' ')" "STRM ITEM TEXT BOXS TENS ITEM END. "
is "boxes: maps in the order of the decode text, cells, anchors, classes" \
	"$(det-show --data out.det | grep '^  [-0-9]* .*0\.25')" \
	"  11 6 21 26 0.25 0 0 0 0
  11 6 21 26 0.25 1 0 0 0
  1 12 31 20 0.25 0 0 1 0
  1 12 31 20 0.25 1 0 1 0
  43 6 53 26 0.25 0 0 2 0
  43 6 53 26 0.25 1 0 2 0
  33 12 63 20 0.25 0 0 3 0
  33 12 63 20 0.25 1 0 3 0
  -16 8 80 24 0.25 0 0 4 0
  -16 8 80 24 0.25 1 0 4 0"
is "--thresh goes before the model's" \
	"$(det-head -m m.det --thresh .25 s.det | det-show --data | grep -c 0.25)" 0
ok "-t is --thresh" sh -c "
	det-head -m m.det -t .1 s.det | det-show --data | sed 1,2d >short
	det-head -m m.det --thresh .1 s.det | det-show --data | sed 1,2d | cmp - short"
like "and is above, not at" "$(det-head -m m.det --thresh .2499 s.det | det-show)" '10 boxes'
like "--keep" "$(det-head -m m.det --keep s.det | det-show)" '^TENS +y1'
det-show --build s.txt | det-head -m m.det | cmp -s - out.det
is "a pipe gives the same bytes as a file" $? 0
ok "two streams" det-head -m m.det s.det s.det

sed '/name=y1$/,+1d' s.txt | det-show --build - >miss.det
is "a missing map" "$(det-head -m m.det miss.det 2>&1 >/dev/null)" \
	"det-head: miss.det: item 0 'a.jpg': no tensor 'y1': this item has 'y2' 'other'"
is "its exit status" "$(status det-head -m m.det miss.det)" 2
sed '/^TENS f32 1x14/,+1s/fill 0/fill 300/' s.txt | det-show --build - >far.det
like "a box that is not finite" "$(det-head -m m.det far.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': map 'y1': row 0, column 0, anchor 0"
sed 's/1x14x1x2/1x13x1x2/' s.txt | det-show --build - >shape.det
like "a map of another shape" "$(det-head -m m.det shape.det 2>&1 >/dev/null)" \
	"map 'y1' is 1x13x1x2: 1x14xHxW expected"
sed 's/name=other/name=y1/;s/1x3 /1x14x1x2 /' s.txt | det-show --build - >twice.det
like "a map that comes twice" "$(det-head -m m.det twice.det 2>&1 >/dev/null)" "second tensor 'y1'"

like "no model" "$(det-head s.det 2>&1 >/dev/null)" 'give -m MODEL'
sed '/name=decode/,/region/d' m.txt | det-show --build - >none.det
like "a model without a decode text" "$(det-head -m none.det s.det 2>&1 >/dev/null)" \
	"none.det: no text 'decode'"
sed 's/softmax/sofmax/' m.txt | det-show --build - >typo.det
like "a mistake in it" "$(det-head -m typo.det s.det 2>&1 >/dev/null)" \
	"typo.det: decode:3: unknown key 'sofmax'"

cat >c.txt <<'X'
STRM
  | cat
  | dog
  | owl
TEXT name=decode
  | classes(prob) top=2
END.
X
cat >cs.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=200 height=100 input=64x32 map=".32 .32 0 0"
TENS f32 1x3x1x1 name=prob
  .125 .25 .625
END.
X
det-show --build c.txt >c.det
is "a classifier's best two" "$(det-show --build cs.txt | det-head -m c.det | det-show --data | sed -n '/^BOXS/,/^END/p' | grep '^  ')" \
	"  0 0 64 32 0.625 2 0 0 0
  0 0 64 32 0.25 1 0 0 0"

# A head network: takes 'y', puts out 'prob', which the decode text names; 'z' comes as it is.
cat >h.txt <<'X'
STRM
TEXT name=decode
  | classes(prob) top=1
  | classes(z) top=1
TEXT name=net/head
  | net head
  | input y 3 1 1
  | s = softmax(y)
  | output prob=s
END.
X
cat >hs.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=200 height=100 input=64x32 map=".32 .32 0 0"
TENS f32 1x2 name=z
  .125 .25
TENS f32 1x3x1x1 name=y
  0 0 0
END.
X
det-show --build h.txt >h.det
det-show --build hs.txt >hs.det
is "a head network runs first" "$(det-head -m h.det hs.det | det-show --data | sed -n '/^BOXS/,/^END/p' | grep '^  ')" \
	"  0 0 64 32 0.3333333432674408 0 0 0 0
  0 0 64 32 0.25 1 0 1 0"
sed 's/name=y$/name=x/' hs.txt | det-show --build - >hx.det
like "and its inputs are asked for" "$(det-head -m h.det hx.det 2>&1 >/dev/null)" \
	"no tensor 'y': this item has 'z' 'x'"

# --- a second stage: rows of a list through a network, then refined boxes ---
cat >r.txt <<'X'
STRM
  | cat
  | dog
TEXT name=decode
  | rcnn(cls, box) classes=2 clip min_size=1 weights=1,1,1,1
TEXT name=net/head
  | net head
  | input rois 2 2 2
  | c = fc(rois) out=3
  | b = fc(rois) out=12
  | output cls=c box=b
TENS f32 3x8 name=head/c.weight
  0 0 0 0 0 0 0 0
  1 0 0 0 0 0 0 0
  0 0 0 0 1 0 0 0
TENS f32 3 name=head/c.bias
  fill 0
TENS f32 12x8 name=head/b.weight
  fill 0
TENS f32 12 name=head/b.bias
  0 0 0 0 .5 0 0 0 0 -.5 0 0
END.
X
det-show --build r.txt >r.det
cat >rs.txt <<'X'
STRM
  | cat
  | dog
ITEM id=0 path=a.jpg width=100 height=60 input=128x64 map="1 1 0 0"
BOXS name=proposals space=input
  10 10 30 40 .9 -1
  80 20 100 50 .8 -1
TENS f32 2x2x2x2 name=rois boxes=proposals
  20 0 0 0 0 0 0 0
  0 0 0 0 20 0 0 0
TEXT name=note
  | hello
ITEM id=1 path=b.jpg width=100 height=60 input=128x64 map="1 1 0 0"
TENS f32 0x2x2x2 name=rois boxes=proposals
BOXS name=proposals space=input
END.
X
det-show --build rs.txt >rs.det
boxes() { det-show --data "$@" | awk '/^[A-Z]/ { on = $1 == "BOXS" } on && /^  /'; }
det-head -m r.det rs.det >rb.det
is "proposals refined, class by class, cut at the picture" "$(boxes rb.det)" \
	"  20 10 40 40 1 0 0 0 0
  80 5 100 35 1 1 0 1 0"
is "rows and proposals are consumed; no proposal gives an empty list" \
	"$(det-show rb.det | awk '{ print $1 ($1 == "BOXS" ? " " $2 : "") }' | tr '\n' ' ')" \
	"STRM ITEM BOXS boxes TEXT ITEM BOXS boxes END. "
like "--keep" "$(det-head -m r.det --keep rs.det | det-show)" '^BOXS +proposals'
is "--top" "$(det-head -m r.det --top 1 rs.det | boxes | wc -l | tr -d ' ')" 1
sed 's/space=input/space=image/' rs.txt | det-show --build - | det-head -m r.det >ri.det
is "proposals in the original's pixels" "$(boxes ri.det)" "$(boxes rb.det)"
sed '/^  80 20/d' rs.txt | det-show --build - >rm.det
like "a row without its box" "$(det-head -m r.det rm.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': map 'cls' is 2x3.*: 1x3 expected: a row for each of 'proposals'"
sed 's/name=proposals/name=others/' rs.txt | det-show --build - >rn.det
like "a list that is not there" "$(det-head -m r.det rn.det 2>&1 >/dev/null)" \
	"no box list 'proposals': this item has 'others' 'rois'"

# the same from pooled features: all of one class's evidence
cat >rp.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=100 height=60 input=128x64 map="1 1 0 0"
TENS f32 1x2x4x8 name=m
  fill 20
BOXS name=proposals space=input
  0 0 32 32 .9 -1
ITEM id=1 path=b.jpg width=100 height=60 input=128x64 map="1 1 0 0"
TENS f32 1x2x4x8 name=m
  fill 20
BOXS name=proposals space=input
END.
X
is "det-roipool | det-head" \
	"$(det-show --build rp.txt | det-roipool --maps m --strides 16 --size 2x2 | det-head -m r.det | boxes)" \
	"  16 0 48 32 0.5 0 0 0 0
  0 0 32 16 0.5 1 0 0 0"

# --- anchors: from the stream where they come, else from the model's text ---
cat >a.txt <<'X'
STRM
  | cat
TEXT name=decode
  | anchors(c, b) map=m classes=1
TEXT name=anchors
  | pairs(m) anchors=8,8
END.
X
cat >as.txt <<'X'
STRM
  | cat
ITEM id=0 path=a.jpg width=32 height=16 input=32x16 map="1 1 0 0"
TENS f32 1x1x1x2 name=c
  4 4
TENS f32 1x4x1x2 name=b
  fill 0
END.
X
det-show --build a.txt >a.det
det-show --build as.txt >as.det
is "anchors of the model's text" "$(det-head -m a.det as.det | boxes | cut -d ' ' -f 3-6)" \
	"4 4 12 12
20 4 28 12"
sed 's/^TENS f32 1x1x1x2 name=c/TENS f32 1x2x1x4 name=m.anchors\n  1 2 3 4 5 6 7 9\n&/' as.txt |
	det-show --build - >ag.det
is "anchors of the stream go before them" "$(det-head -m a.det ag.det | boxes | cut -d ' ' -f 3-6)" \
	"1 2 3 4
5 6 7 9"
sed '/name=anchors/,/pairs/d' a.txt | det-show --build - >an.det
like "neither" "$(det-head -m an.det as.det 2>&1 >/dev/null)" "anchors"
done_testing
