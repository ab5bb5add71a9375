#!/bin/sh
# make install into a scratch root, a program against the installed library, uninstall.
root=$(mktemp -d) || exit 2
trap 'rm -rf "$root"' EXIT
p=0 f=0
check() { # description command...
	d=$1
	shift
	if "$@" >"$root/log" 2>&1; then
		p=$((p + 1))
	else
		f=$((f + 1))
		echo "not ok - $d"
		cat "$root/log"
	fi
}
check "install" make install DESTDIR="$root" PREFIX=/usr
for t in bin/det-*.c; do
	n=$(basename "$t" .c)
	check "$n runs from there" "$root/usr/bin/$n" --version
	check "$n has its page there" test -s "$root/usr/share/man/man1/$n.1"
done
cat >"$root/hello.c" <<'EOF'
#include <stdio.h>
#include <stream/reader.h>
int main(void)
{
	struct det_reader *rd;
	enum det_err e = det_reader_open(&rd, "/nonexistent");
	return e == DET_IO ? puts(det_errmsg()) < 0 : 1;
}
EOF
export PKG_CONFIG_PATH="$root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
# shellcheck disable=SC2046
check "a program links libdet through det.pc" \
	sh -c "cc -o '$root/hello' '$root/hello.c' \$(pkg-config --cflags --libs det)"
check "and runs" "$root/hello"
cat >"$root/default.c" <<'EOF'
#include <default/default.h>
int main(void)
{
	struct det_model *m;
	enum det_err e = det_default_open(&m);
	if (e || (e = det_model_verify(m)))
		return (int)e;
	det_model_close(m);
	return 0;
}
EOF
check "another finds the default model in it" \
	sh -c "cc -o '$root/default' '$root/default.c' \$(pkg-config --cflags --libs det) && '$root/default'"
check "which the first does not hold" test "$(wc -c <"$root/hello")" -lt 4000000
# the model's history is text that is found nowhere else
check "the tools that take a model hold it, no others" sh -c "
	for t in '$root'/usr/bin/det-*; do
		\$t --option-table | grep -q '^--model	' || [ \${t##*/} = det-model ]
		takes=\$?
		grep -q 'history=det-scene ' \$t
		[ \$? = \$takes ] || exit 1
	done"
(cd "$root/usr/include/det" && echo */*.h | tr ' ' '\n') |
	sed 's/.*/#include <&>/' >"$root/headers.c"
check "its headers go together" \
	sh -c "cc -std=c11 -Wall -Wextra -Wpedantic -Werror -c -o '$root/headers.o' '$root/headers.c' \
		\$(pkg-config --cflags det)"
check "and are none of its private ones" test ! -e "$root/usr/include/det/nn/plan.h"
check "bash completes the tools' options" bash -c ". '$root/usr/share/bash-completion/completions/det-show'
	_det det-show --hist --hist; [ \"\${COMPREPLY[*]}\" = --history ]"
check "no completion from tools that don't run" sh -c "! sh tests/completion.sh false"
check "and the choices of one given by its letter" bash -c ". '$root/usr/share/bash-completion/completions/det-export'
	_det det-export c -f; [ \"\${COMPREPLY[*]}\" = coco ]"
check "uninstall" make uninstall DESTDIR="$root" PREFIX=/usr
check "nothing is left" sh -c "[ -z \"\$(find '$root/usr' -type f)\" ]"
echo "$p passed, $f failed"
[ "$f" -eq 0 ]
