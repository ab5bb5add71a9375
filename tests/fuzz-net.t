# shellcheck shell=sh disable=SC1091,SC2059
. "$DET_SRC/tests/lib.sh"

# The fuzz target of networks on some of those that come with the toolkit, on every operator, on some
# hostile texts, and on all their prefixes.
target=${DET_BUILD:-}/tests/fuzz/fuzz_net
if [ ! -x "$target" ]; then
	skip "hostile networks" "fuzz_net is not built"
	done_testing
fi
for a in tiny_frcnn tiny_retinanet tiny_ssd ultraface_slim squeezenet1_1 resnet18; do
	det-model new --arch $a -o $a.det
	ok "$a" test -s $a.det
	det-show --data --name net/backbone $a.det | sed -n 's/^  | //p' >$a.net
	rm $a.det
	ok "$a" "$target" $a.net
done
awk '
	/^case / { stmt = substr($0, 6); in2 = "" }
	/^in / { in1 = $3 " " $4 " " $5 }
	/^in2 / { in2 = "input z " $3 " " $4 " " $5 "\n" }
	/^out / { printf "net n\ninput x %s\n%s%s\noutput y\n", in1, in2, stmt >("op" ++n) }
' "$DET_SRC/tests/unit/golden/ops.txt"
ok "each operator" "$target" op*
h='net n\ninput x 2 4 4\n'
printf "${h}block a(x)\ny = a(x)\nreturn y\nend\nz = a(x)\noutput z" >bad1
printf "${h}block a(x)\nreturn x\nend\nb = a(x) times=1000\noutput b" >bad2
printf "${h}y = conv(x) out=((((1)))) k=-(-1)\noutput y y2=x" >bad3
printf "${h}y = concat(x,x,x)\nz = slice(y) from=3 n=2\nw = add(z, x)\noutput w y" >bad4
printf "${h}y = conv(x) out=16777216 k=64 pad=512\noutput y" >bad5
printf "${h}y = reshape(x) shape=1073741824,1073741824,0\noutput y" >bad6
printf '\377\000net n' >bad7
printf "${h}a = conv(x) out=2 weights=b\nb = conv(x) out=2 weights=a\noutput a b" >bad8
printf "${h}block s(x)\ny = conv(x) out=2 weights=z\nreturn y\nend\na = s(x) weights=b\nb = s(a) weights=c times=9\noutput a/b/c=b" >bad9
printf "${h}input p/q 2 0 0\na = conv(x) out=2 weights=w\nb = conv(p/q) out=2 k=3 weights=w\nu = upsample(a, b)\noutput u" >bad10
ok "hostile texts" "$target" bad*
done_testing
