# shellcheck shell=sh disable=SC1091
# det-backbone: what it reads, writes, forwards and refuses. The networks are small enough
# to be worked by hand.
. "$DET_SRC/tests/lib.sh"

cat >m.txt <<'X'
STRM
  | person
TEXT name=net/backbone
  | net backbone
  | input image 2 2 0
  | s = conv(image) out=1 k=1        # a sum
  | d = conv(s) out=2 k=1 act=relu
  | p = maxpool(d) k=2 stride=2
  | output p all=d
TEXT name=net/head
  | net head
  | input a 1 1 1
  | input b 1 1 1
  | y = add(a, b)
  | output y
TEXT name=options/det-image
  | scale=1/255
TENS f32 1x2x1x1 name=backbone/s.weight
  1 10
TENS f32 1 name=backbone/s.bias
  .5
TENS f32 2x1x1x1 name=backbone/d.weight
  1 -1
TENS f32 2 name=backbone/d.bias
  0 30
END.
X
cat >in.txt <<'X'
STRM
  | person
ITEM id=0 path=a.jpg
TENS f32 1x2x2x4 name=image note=here norm="rgb scale=0.003921569 mean=0,0,0 std=1,1,1"
  1 2 3 4  5 6 7 8
  1 1 1 1  2 2 2 2
TENS f32 3 name=other
  7 8 9
ITEM id=1 path=bad.jpg error="not a picture"
ITEM id=2 path=b.jpg
TENS f32 1x2x2x2 name=image
  0 0 0 0
  0 0 0 4
END.
X
det-show --build m.txt -o M.det
det-show --build in.txt -o in.det
# name and values of each tensor
tensors() { det-show --data "$@" | sed -n 's/^TENS f32 \([0-9x]*\) name=\([^ ]*\).*/\2 \1/p; s/^  \([-0-9]\)/\1/p' | tr '\n' ' ' | tr -s ' '; }

det-backbone -m M.det in.det -o out.det
is "outputs by their names, in order, the input dropped, the rest forwarded" "$(tensors out.det)" \
	"p 1x2x1x2 26.5 28.5 18.5 16.5 all 1x2x2x4 11.5 12.5 13.5 14.5 25.5 26.5 27.5 28.5 18.5 17.5 16.5 15.5 4.5 3.5 2.5 1.5 other 3 7 8 9 p 1x2x1x1 40.5 29.5 all 1x2x2x2 0.5 0.5 0.5 40.5 29.5 29.5 29.5 0 "
# --- several scales, many rows ---
sed 's/^ITEM id=1/TENS f32 1x2x2x2 name=image.2 scale=.5,.25\n  1 2 3 4\n  0 0 0 1\n&/' in.txt | det-show --build - >scales.det
det-backbone -m M.det scales.det -o scaled.det
is "a further scale is run as it comes" "$(tensors scaled.det)" \
	"$(tensors out.det | sed 's/other 3 7 8 9/& p.2 1x2x1x1 14.5 28.5 all.2 1x2x2x2 1.5 2.5 3.5 14.5 28.5 27.5 26.5 15.5/')"
like "and its outputs tell it" "$(det-show scaled.det)" 'all\.2 .*scale=0?\.5,0?\.25'
like "--keep" "$(det-backbone -m M.det --keep scales.det | det-show)" 'image\.2'
sed 's/^ITEM id=1/TENS f32 1x2x2x2 name=image.2\n  fill 1\n&/' in.txt | det-show --build - >untold.det
like "a scale that is not told" "$(det-backbone -m M.det untold.det 2>&1 >/dev/null)" \
	"item 0 'a.jpg': tensor 'image.2' does not tell its scale"
{
	echo STRM
	echo 'ITEM id=0'
	echo 'TENS f32 7x2x2x2 name=image'
	echo '  random 3'
	echo END.
} | det-show --build - >rows.det
det-backbone -m M.det --rows 0 rows.det | tensors >whole
like "rows" "$(cat whole)" 'all 7x2x2x2'
for n in 1 3 7 9; do
	is "--rows $n: the same numbers" "$(det-backbone -m M.det --rows $n rows.det | tensors)" "$(cat whole)"
done

is "items stay, the bad one too" "$(det-show out.det | grep -c '^ITEM')" 3
det-backbone -m M.det <in.det >piped.det
is "a pipe gives the same" "$(tensors piped.det)" "$(tensors out.det)"
like "--keep keeps the input" "$(tensors out.det) $(det-backbone -m M.det --keep in.det | det-show - | grep -c 'TENS  image')" ' 2$'
is "-j 1 and -j 3 give the same" "$(det-backbone -j 1 -m M.det in.det | tensors -)" \
	"$(det-backbone -j 3 -m M.det in.det | tensors -)"
like "--tap" "$(det-backbone -m M.det --tap s in.det | tensors -)" \
	'all 1x2x2x4 [-0-9. ]* s 1x1x2x4 11.5 12.5 13.5 14.5 25.5 26.5 27.5 28.5 other'
like "two taps" "$(det-backbone -m M.det --tap s --tap image in.det | det-show -)" 'TENS  image'
is "no such tap" "$(status det-backbone -m M.det --tap q in.det)" 2
like "is named" "$(det-backbone -m M.det --tap q in.det 2>&1 >x)" "no layer 'q'"
like "--profile, on standard error" "$(det-backbone -m M.det --profile in.det 2>&1 >x)" \
	'^total: 3 layers in 3 steps'

like "  its columns" "$(det-backbone -m M.det --profile in.det 2>&1 >x)" \
	'^layer +op +input +output +algorithm +ms +GFLOP/s +% +MiB'
like "  its medians" "$(det-backbone -m M.det --profile in.det 2>&1 >x)" '; medians of 1 run$'

# algorithms
is "--exact gives the same here" "$(det-backbone -m M.det --exact in.det | tensors -)" "$(tensors out.det)"
for a in auto gemm direct winograd4; do
	is "--algo $a" "$(det-backbone -m M.det --algo $a in.det | tensors -)" "$(tensors out.det)"
done
like "--algo direct is direct" "$(det-backbone -m M.det --algo direct --profile in.det 2>&1 >x)" '^s +conv .* direct'
like "--algo of one layer" \
	"$(det-backbone -m M.det --algo direct --algo d=gemm --profile in.det 2>&1 >x | grep '^d ' | tr -s ' ')" ' gemm '

is "  that is no convolution is an error" "$(status det-backbone -m M.det --algo p=direct in.det)" 2
like "  which names it" "$(det-backbone -m M.det --algo p=direct in.det 2>&1 >x)" "layer 'p' .* a convolution$"
like "  nor is an input" "$(det-backbone -m M.det --algo image=gemm in.det 2>&1 >x)" "layer 'image' .* a convolution$"
like "one that is impossible there is not taken" \
	"$(det-backbone -m M.det --algo s=winograd4 --profile in.det 2>&1 >x)" '^s +conv .* (gemm|direct)'

printf 'STRM\nEND.\n' | det-show --build - >empty.det
is "--profile of nothing" "$(det-backbone -m M.det --profile empty.det 2>&1 >x; echo $?)" 0

# the other network of the model, of two inputs
cat >two.txt <<'X'
STRM
ITEM id=0 path=a.jpg
TENS f32 1x1x1x1 name=b
  3
TENS f32 1x1x1x1 name=a
  4
END.
X
is "--net, inputs in any order" "$(det-show --build two.txt | det-backbone -m M.det --net head | tensors -)" \
	"y 1x1x1x1 7 "

# choices that the model stores
sed '/^TEXT name=options/,$!d' m.txt >rest.txt
with_plan() { sed '/^TEXT name=options/,$d' m.txt; printf 'TEXT name=plan/backbone\n  | %s\n' "$1"; cat rest.txt; }
for cpu in c avx2 avx512 avx512-wide; do
	echo "  | s = direct in=1x2x2x2 threads=1 cpu=$cpu"
done >plans
with_plan '# measured' | sed '/# measured/r plans' | det-show --build - -o P.det
like "a stored choice is taken" "$(det-backbone -j 1 -m P.det --profile in.det 2>&1 >x)" '^s +conv .* direct'
like "  for its number of threads only" "$(det-backbone -j 2 -m P.det --profile in.det 2>&1 >x)" '^s +conv .* gemm'
like "  unless another is asked for" "$(det-backbone -j 1 -m P.det --algo gemm --profile in.det 2>&1 >x)" '^s +conv .* gemm'
is "  the result is the same" "$(det-backbone -m P.det in.det | tensors -)" "$(tensors out.det)"

# what it refuses
says() { # DESCRIPTION REGEX ARGUMENT...: exit 2, one line, and what it says
	d=$1 re=$2
	shift 2
	is "$d" "$(status det-backbone "$@")" 2
	like "  in one line" "$(det-backbone "$@" 2>&1 >x)" "^det-backbone: .*$re"
	is "  only" "$(det-backbone "$@" 2>&1 >x | wc -l)" 1
}
says "a network that is not there" "M.det: no network 'neck': it has 'backbone', 'head'" \
	-m M.det --net neck in.det
says "an input that did not come" "item 0 'a.jpg': no tensor 'b': this item has 'a'" \
	-m M.det --net head "$(grep -v 'name=b\|^  3' two.txt | det-show --build - >one.det && echo one.det)"
sed 's/1x2x2x4/1x1x4x4/' in.txt | det-show --build - >shape.det
says "another shape" "item 0 'a.jpg': input 'image' is 1x1x4x4, network 'backbone' takes 0x2x2x0" \
	-m M.det shape.det
sed 's/mean=0,0,0/mean=1,0,0/' in.txt | det-show --build - >norm.det
says "pixels prepared otherwise" "tensor 'image' is rgb .* mean=1,0,0 .*; M.det wants rgb" -m M.det norm.det
sed 's/name=other/name=image/' in.txt | det-show --build - >twice.det
says "a second image in an item" "a second tensor 'image'" -m M.det twice.det
sed 's/^TENS f32 1x2x2x4/TENS u8 1x2x2x4/' in.txt | det-show --build - >u8.det
says "bytes where floats belong" "is u8, expected f32" -m M.det u8.det
sed '/backbone\/d.bias/,/30/d' m.txt | det-show --build - >M2.det
says "a weight that is not there" "backbone/d.bias" -m M2.det in.det
sed 's/^TENS f32 2 name=backbone\/d.bias/TENS f32 1x2 name=backbone\/d.bias/' m.txt | det-show --build - >M3.det
says "a weight of another shape" "'backbone/d.bias' is 1x2, the network wants 2" -m M3.det in.det
sed 's/maxpool(d)/maxpool(q)/' m.txt | det-show --build - >M4.det
says "a network that does not parse" "M4.det: net/backbone:5: no input or layer 'q'" -m M4.det in.det
sed 's/1 10$/1 1e38/' m.txt | det-show --build - >M5.det

with_plan 's = quickly in=1x2x2x2 threads=1 cpu=c' | det-show --build - >P2.det
says "a stored choice of no algorithm" "P2.det: plan:1: 'quickly' is no algorithm" -m P2.det in.det
says "an algorithm that there is none of" "'fast' is no algorithm for convolutions: there are auto, gemm," \
	-m M.det --algo fast in.det
says "an algorithm for no layer" "no layer 'q'" -m M.det --algo q=gemm in.det
says "a result that is not finite" "item 2 'b.jpg': output 'p' of network 'backbone' holds infinity" \
	-m M5.det in.det

done_testing
