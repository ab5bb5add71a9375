# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# A map of 4x8 cells of 8 pixels in a picture of 64x32; the values of its first channel are
# 10 * row + column, the second's are negative.
rows() {
	for r in 0 1 2 3; do
		echo "  $1${r}0 $1${r}1 $1${r}2 $1${r}3 $1${r}4 $1${r}5 $1${r}6 $1${r}7"
	done
}
cat >s.txt <<X
STRM
  | person
ITEM id=0 path=a.jpg width=128 height=64 input=64x32 map=".5 .5 0 0"
TENS f32 1x2x4x8 name=m
$(rows '')
$(rows -)
TEXT name=note
  | hello
BOXS name=proposals space=input
  8 8 32 24 .9 -1
  40 0 64 32 .8 -1
  100 100 120 120 .7 -1
ITEM id=1 path=bad.jpg error="not a picture"
ITEM id=2 path=b.jpg width=128 height=64 input=64x32 map=".5 .5 0 0"
BOXS name=proposals space=input
TENS f32 1x2x4x8 name=m
  fill 1
END.
X
det-show --build s.txt >s.det
# values of the tensor $1 of the first item in a stream on standard input, on one line
values() {
	det-show --data | awk -v n="name=$1" '
		/^ITEM/ { item++ }
		/^[A-Za-z]/ { on = item == 1 && index($0, n) > 0; next }
		on { for (i = 1; i <= NF; i++) printf "%s ", $i }'
}

det-roipool --maps m --size 2x2 --op max s.det >out.det
is "records: maps dropped, the others in order, rois when all have come" \
	"$(det-show out.det | awk '{ print $1 }' | tr '\n' ' ')" \
	"STRM ITEM TEXT BOXS TENS ITEM ITEM BOXS TENS END. "
like "rois say whose and how" "$(det-show --data out.det)" \
	'^TENS f32 3x2x2x2 name=rois boxes=proposals made="det-roipool op=max size=2x2 maps=m"$'
like "a list without boxes makes no rows" "$(det-show --data out.det)" \
	'^TENS f32 0x2x2x2 name=rois boxes=proposals made="det-roipool op=max size=2x2 maps=m"$'
# in cells, both ends included: box 0 is 1..4 x 1..3, box 1 5..8 x 0..4, box 2 outside
is "max: Caffe's rounding, both bounds inside" "$(values rois <out.det)" \
	"22 24 32 34 -11 -13 -21 -23 26 27 36 37 -5 -7 -25 -27 0 0 0 0 0 0 0 0 "
is "align: means of samples" \
	"$(det-roipool --maps m --size 1x1 --sampling 1 s.det | values rois)" \
	"22.5 -22.5 26.5 -26.5 0 0 "
is "aligned: half a cell less" \
	"$(det-roipool --maps m --size 1x1 --sampling 1 --aligned s.det | values rois)" \
	"17 -17 21 -21 0 0 "
is "adaptive: as many samples as cells begin" \
	"$(det-roipool --maps m --size 1x1 --sampling 0 --aligned s.det | values rois)" \
	"17 -17 21 -21 0 0 "
is "strides as given" \
	"$(det-roipool --maps m --strides 16 --size 1x1 --sampling 1 s.det | values rois)" \
	"11.25 -11.25 13.25 -13.25 0 0 "
is "spp: level after level" \
	"$(det-roipool --maps m --op spp --levels 2,1 s.det | values rois | cut -d ' ' -f 1-10)" \
	"22 24 32 34 -11 -13 -21 -23 34 -11"
like "its shape" "$(det-roipool --maps m --op spp --levels 2,1 s.det | det-show)" 'rois .*3x10x1x1'
# three rows in four: windows of one row, none apart; or those that a quarter touches
is "spp: more bins than cells" \
	"$(det-roipool --maps m --op spp --levels 4 s.det | values rois | cut -d ' ' -f 1-16)" \
	"11 12 13 14 21 22 23 24 31 32 33 34 31 32 33 34"
is "spp: fixed windows" \
	"$(det-roipool --maps m --op spp --spp fixed --levels 4 s.det | values rois | cut -d ' ' -f 1-16)" \
	"11 12 13 14 11 12 13 14 11 12 13 14 11 12 13 14"
is "spp: offsets" \
	"$(det-roipool --maps m --op spp --offsets 8,0 --levels 1 s.det | values rois | cut -d ' ' -f 1-2)" \
	"23 -0"
ok "a pipe gives what a file does" sh -c \
	"det-show --build s.txt | det-roipool --maps m --size 2x2 --op max | cmp - out.det"
ok "any number of threads too" sh -c \
	"det-roipool --maps m --size 2x2 --op max -j 3 s.det | det-show --data | sed 1,2d >three
	 det-show --data out.det | sed 1,2d | cmp - three"
like "--keep" "$(det-roipool --maps m --keep s.det | det-show)" '^TENS +m '
like "--out" "$(det-roipool --maps m --out x s.det | det-show)" '^TENS +x '

# Boxes of the original's pixels are converted.
sed 's/space=input/space=image/; s/^  8 8 32 24/  16 16 64 48/' s.txt | det-show --build - >image.det
is "boxes in the original's pixels" \
	"$(det-roipool --maps m --size 2x2 --op max image.det | values rois | cut -d ' ' -f 1-4)" "22 24 32 34"

# --- a pyramid: each map holds its own number ---
cat >p.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=500 height=500 input=512x512 map="1 1 0 0"
TENS f32 1x1x128x128 name=p2
  fill 2
TENS f32 1x1x64x64 name=p3
  fill 3
TENS f32 1x1x32x32 name=p4
  fill 4
BOXS name=proposals space=input
  0 0 50 50 .9 -1
  0 0 112 112 .9 -1
  0 0 224 224 .9 -1
  0 0 500 500 .9 -1
  5 5 5 5 .9 -1
END.
X
det-show --build p.txt >p.det
is "each box goes to its level" \
	"$(det-roipool --maps p2,p3,p4 --size 1x1 p.det | values rois)" "2 3 4 4 2 "
is "--canonical" \
	"$(det-roipool --maps p2,p3,p4 --size 1x1 --canonical 448 p.det | values rois)" "2 2 3 4 2 "
is "--level0" \
	"$(det-roipool --maps p2,p3,p4 --size 1x1 --level0 5 p.det | values rois)" "2 4 4 4 2 "
like "maps out of order" "$(det-roipool --maps p3,p2 p.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': map 'p2' has stride 4 after map 'p3' of 8: twice that expected"

# --- several scales: each map holds its own number ---
cat >many.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=250 height=250 input=500x500 map="2 2 0 0"
TENS f32 1x1x32x32 name=c5
  fill 1
BOXS name=proposals space=image
  0 0 112 112 .9 -1
  0 0 56 56 .9 -1
  20 20 40 40 .9 -1
  250 0 250 30 .9 -1
  0 0 250 250 .9 -1
TENS f32 1x1x64x64 name=c5.1 scale=2,2
  fill 2
TENS f32 1x1x128x128 name=c5.2 scale=4,4
  fill 4
END.
X
det-show --build many.txt >many.det
is "each box goes to its scale" \
	"$(det-roipool --maps c5 --scales 3 --size 1x1 many.det | values rois)" "1 2 4 1 1 "
is "--scale-area" \
	"$(det-roipool --maps c5 --scales 3 --scale-area 200704 --size 1x1 many.det | values rois)" "2 4 4 1 1 "
is "--scale-rule" \
	"$(det-roipool --maps c5 --scales 3 --scale-rule side --size 1x1 many.det | values rois)" "1 2 4 4 1 "
is "--strides" \
	"$(det-roipool --maps c5 --scales 3 --strides 16 --op max --size 1x1 many.det | values rois)" "1 2 4 1 1 "
is "one scale of them" "$(det-roipool --maps c5 --size 1x1 many.det | values rois)" "1 1 1 1 1 "
like "rows say so" "$(det-roipool --maps c5 --scales 2 --op spp many.det | det-show --data)" \
	'made="det-roipool op=spp levels=6,3,2,1 spp=detection offsets=0,0 maps=c5 scales=2 scale-rule=area scale-area=50176"'
like "a scale is missing" "$(det-roipool --maps c5 --scales 4 many.det 2>&1 >/dev/null)" \
	"no tensor 'c5.3': this item has 'c5' 'proposals' 'c5.1' 'c5.2'"
sed 's/ scale=4,4//' many.txt | det-show --build - >untold.det
like "a scale is not told" "$(det-roipool --maps c5 --scales 3 untold.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': tensor 'c5.2' does not tell its scale"
like "scales that nobody asked for are told" "$(det-roipool --maps c5 --size 1x1 many.det 2>&1 >/dev/null)" \
	"^det-roipool: .*warning: 'c5' comes at several scales: boxes are pooled from the first"
is "once" "$(det-roipool --maps c5 --size 1x1 many.det 2>&1 >/dev/null | wc -l | tr -d ' ')" 1
is "two maps at several scales are misuse" "$(status det-roipool --maps a,b --scales 2 many.det)" 2

# --- crops ---
cat >w.txt <<'X'
STRM
ITEM id=0 path=a.jpg width=4 height=4 input=6x4 map="1 1 0 0"
TENS f32 1x1x4x6 name=image
  1 2 3 4 99 99
  5 6 7 8 99 99
  9 10 11 12 99 99
  13 14 15 16 99 99
BOXS name=proposals space=input
  1 1 3 3 1 -1
  2 0 6 4 1 -1
  20 20 30 30 1 -1
END.
X
det-show --build w.txt >w.det
is "warp without context; what the padding holds is not seen" \
	"$(det-roipool --op warp --context 0 --size 2x2 w.det | values rois)" "6 7 10 11 5.5 0 13.5 0 0 0 0 0 "
# context 1 of 4: twice the box, 2, and a pixel more: 1..5 counted from 1, 5 beyond the edge
is "warp with context" \
	"$(det-roipool --op warp --context 1 --size 4x4 w.det | values rois | cut -d ' ' -f 1-16)" \
	"1.8333333 3.1666667 4.5 0 7.166667 8.5 9.833333 0 12.5 13.833333 15.166666 0 0 0 0 0"
like "a flat box stretched" "$(det-roipool --op warp --context 0 --size 3x1 w.det | det-show)" '3x1x1x3'

# The original: a PPM of 2x2 pixels.
printf 'P6\n2 2\n255\n\377\0\0\0\377\0\0\0\377\377\377\377' >o.ppm
cat >o.txt <<'X'
STRM
ITEM id=0 path=o.ppm width=2 height=2 input=64x64 map="32 32 0 0"
BOXS name=proposals space=input
  0 0 64 32 1 -1
END.
X
det-show --build o.txt >o.det
is "warp from the original picture" \
	"$(det-roipool --op warp --from original --context 0 --size 2x1 o.det | values rois)" "1 0 0 1 0 0 "
cat >om.txt <<'X'
STRM
TEXT name=options/det-image
  | channels=bgr
  | scale=1
  | mean=5,6,7
TEXT name=options/det-roipool
  | op=warp
  | from=original
  | context=0
  | size=2x1
END.
X
det-show --build om.txt >om.det
is "normalised and cut as the model says" "$(det-roipool -m om.det o.det | values rois)" \
	"-5 -5 -6 249 248 -7 "

# --- histograms of gradients ---
# A picture that becomes brighter to the right by 10 a pixel, 16x16, with padding beside it:
# all gradients lie along x, half a turn's first and last orientation share them.
awk 'BEGIN {
	print "STRM"
	print "ITEM id=0 path=a.jpg width=16 height=16 input=20x16 map=\"1 1 0 0\""
	print "TENS f32 1x1x16x20 name=image norm=\"rgb scale=1 mean=0,0,0 std=1,1,1\""
	for (y = 0; y < 16; y++) {
		for (x = 0; x < 20; x++)
			printf " %d", x < 16 ? 10 * x : 999
		print ""
	}
	print "BOXS name=proposals space=input"
	print "  0 0 16 16 1 -1"
	print "  4 4 12 12 1 -1"
	print "  50 50 60 60 1 -1"
	print "END."
}' >hog.txt
det-show --build hog.txt >hog.det
det-roipool --op hog --size 16x16 hog.det >hog.out
like "hog: a row of 36 for a block" "$(det-show --data hog.out)" \
	'^TENS f32 3x36x1x1 name=rois boxes=proposals made="det-roipool op=hog size=16x16 cell=8 context=0 from=image"$'
# four cells alike, but that a pixel at the picture's edge has half a gradient; the bins
# beside 0 degrees share; unit length: 1/sqrt(8)
is "hog: an even slope" \
	"$(values rois <hog.out | awk '{ for (i = 37; i <= 72; i++) printf "%.2f ", $i }')" \
	"0.35 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.35 0.35 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.35 0.35 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.35 0.35 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.35 "
is "hog: a box outside is zeros" \
	"$(values rois <hog.out | awk '{ for (i = 73; i <= 108; i++) s += $i; print s }')" 0
# other numbers of the same bytes
short() {
	values rois | awk '{ for (i = 1; i <= NF; i++) printf "%.4f ", $i }'
}
sed 's/scale=1 mean=0,0,0 std=1/scale=10 mean=5,0,0 std=2/' hog.txt |
	awk '/^ [0-9]/ { for (i = 1; i <= NF; i++) printf " %g", ($i * 10 - 5) / 2; print ""; next } { print }' |
	det-show --build - >scaled.det
is "hog: what the normalisation did is undone" \
	"$(det-roipool --op hog --size 16x16 scaled.det | short)" "$(short <hog.out)"
ok "hog: any number of threads" sh -c \
	"det-show --build hog.txt | det-roipool --op hog --size 16x16 -j 2 | cmp - hog.out"
like "hog: context and cells are told" \
	"$(det-roipool --op hog --size 16x24 --cell 4 --context 4 hog.det | det-show --data)" \
	'f32 3x540x1x1 .*size=16x24 cell=4 context=4 from=image'
is "hog from the original" \
	"$(det-roipool --op hog --from original --size 16x16 o.det | values rois | wc -w)" 36
sed 's/ 999 999 999 999$/ 999 999 999 nan/' hog.txt | det-show --build - >nan.det
ok "hog: NaN in the padding is not seen" sh -c "det-roipool --op hog --size 16x16 nan.det >/dev/null"
sed 's/ 150 999/ nan 999/' hog.txt | det-show --build - >nan.det
like "hog: NaN in the picture" "$(det-roipool --op hog --size 16x16 nan.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': the picture has NaN, infinity or a number that no byte becomes in row 0 of channel 0"

# --- what is refused ---
is "no maps" "$(det-roipool s.det 2>&1 >/dev/null | head -n 1)" \
	"det-roipool: --maps: the feature maps' names expected, as p2,p3,p4"
like "a map given twice" "$(det-roipool --maps m,m s.det 2>&1 >/dev/null)" "--maps: 'm' twice"
like "a map that is not there" "$(det-roipool --maps m,n s.det 2>&1 >/dev/null)" "no tensor 'n'"
like "a list that is not there" "$(det-roipool --maps m --boxes x s.det 2>&1 >/dev/null)" \
	"no box list 'x': this item has 'm' 'proposals'"
for bad in "--size 7" "--size 0x7" "--size 7x300" "--levels 1.5 --op spp" "--levels 300 --op spp" \
	"--offsets 1" "--strides 4,8" "--op warp --size 30x30" "--op warp --size 9999x9999" \
	"--maps m,,n" "--sampling 65" "--op hog --size 60x64" "--op hog --cell 7" \
	"--op hog --size 8x8" "--op hog --context 32"; do
	# shellcheck disable=SC2086
	is "$bad is misuse" "$(status det-roipool --maps m $bad s.det)" 2
done
sed 's/ 13 14 / nan 14 /' w.txt | det-show --build - >nan.det
is "NaN where no box looks" "$(det-roipool --op warp --context 0 --size 2x2 nan.det | values rois | cut -d ' ' -f 1)" 6
sed 's/ 6 7 / nan 7 /' w.txt | det-show --build - >nan.det
like "NaN where one does" "$(det-roipool --op warp --context 0 --size 2x2 nan.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': the picture has NaN or infinity within box 0"
sed 's/ 26 27$/ 26 inf/' s.txt | det-show --build - >inf.det
like "infinity in a map" "$(det-roipool --maps m inf.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': map 'm' has NaN or infinity within RoI 1"
sed 's/f32 1x2x4x8/f32 2x1x4x8/' s.txt | det-show --build - >two.det
like "a batch" "$(det-roipool --maps m two.det 2>&1 >/dev/null)" \
	"map 'm' is 2x1x4x8: one image \(1xCxHxW\) expected"
done_testing
