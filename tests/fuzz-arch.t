# shellcheck shell=sh disable=SC1091,SC2016,SC2059
. "$DET_SRC/tests/lib.sh"

# The fuzz target of architectures on some that come with the toolkit, on every kind of line, on
# hostile ones, on files that include others (form feeds part them), and on all changes of these.
target=${DET_BUILD:-}/tests/fuzz/fuzz_arch
if [ ! -x "$target" ]; then
	skip "hostile architectures" "fuzz_arch is not built"
	done_testing
fi
for a in tiny_ssd tiny_frcnn squeezenet_spp hog; do
	det-model new --arch $a --text >$a.arch
	ok "$a" "$target" $a.arch
done
net='[net/b]\nnet b\ninput x 2 4 4\n'
printf "set n=4\nset classes=3\n${net}# a\na = fc(x) out=\${n}\n\noutput a\n[seed]\nb/* he\nb/a.bias const=.5\n[classes]\nx\ny\t7\nz\n[names torch]\nb/* = *\ncount n a.bias per=2 minus=1\nignore c*d%%\ndefault n=5\n[options/det-nms]\niou=.5\niou=.4\n[meta]\nk=v" >good1
printf "about two files\r\nset out=a\r\ninclude a.part k=3 l=a\n${net}include b.part k=4\noutput \${out}\f[options/det-image]\nsize=\${k}x\${k}\neach i=1,2: mean=\${i}\n[names torch]\ninclude c.part\fa = conv(x) out=\${k}\ninclude profile:tv:det-image\n\feach q=a,b: each r=1,2: b/\${q}\${r} = \${q}.\${r}" >good2
printf 'include a.part\finclude b.part\finclude a.part' >bad1
printf 'include fuzz.arch\ninclude fuzz.arch\n' >bad2
printf 'each a=1,2,3,4,5,6,7,8: each b=1,2,3,4,5,6,7,8: each c=1,2,3,4,5,6,7,8: each d=1,2,3,4,5,6,7,8: each e=1,2,3,4,5,6,7,8: each f=1,2,3,4,5,6,7,8: include a.part\f\n' >bad3
printf '[net/x]\n${' >bad4
printf '[net/x]\ninclude ../../etc/passwd\n' >bad5
printf '[classes]\neach a=,,,,,,,: ${a}\n #x\n [y]\n' >bad6
printf "${net}a = fc(x) out=3\noutput a\n[names torch]\nb/* = **\n*a*a*a*a*a*a*a*b = *\n" >bad7
printf "${net}a = fc(x) out=3\noutput a\n[names torch]\nb/* = *\ncount classes a.bias per=1 minus=-9223372036854775808\n" >bad8
printf 'set a=1\n[]\n[net/]\n[x]\n[net/a/b]\n[meta' >bad9
printf '[net/e]\n[seed]\n[names torch]\n[decode]' >bad10
printf 'set x=each\nset y={x}\n[net/a]\n${x} a=1: b\n$${y}\n' >bad11
printf 'set a\000b=1\n' >bad12
awk 'BEGIN { printf "[meta]\n"; for (i = 0; i < 3000; i++) printf "each i=a: " }' >bad13
awk 'BEGIN { for (i = 0; i < 300; i++) print "set v" i "=1" }' >bad14
awk 'BEGIN { print "[meta]"; for (i = 0; i < 17000; i++) printf "x"; print "" }' >bad15
ok "small ones" "$target" good*
ok "hostile ones" "$target" bad*
done_testing
