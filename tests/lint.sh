#!/bin/sh
# Lint: format of C, shell scripts, manual pages, litter and layering. Prints what is wrong.
bad=0
fail() {
	echo "$*"
	bad=1
}
# shellcheck disable=SC2046
clang-format --dry-run -Werror $(git ls-files 'bin/*.[ch]' 'lib/*.[ch]' 'tests/*.[ch]') ||
	fail "lint: run 'make format'"
# shellcheck disable=SC2046
shellcheck -x $(git ls-files '*.sh' '*.t' tests/run .ci/run .ci/deps) || fail "lint: shellcheck"
for p in man/*.[157]; do
	out=$(mandoc -Tlint -W warning "$p" 2>&1) || fail "$out"
done
# Includes run one way: a folder may use itself and those before it.
order="base stream image region box roi nn weights caffe model default data svm train eval"
seen=
for d in $order; do
	seen="$seen $d"
	[ -d "lib/$d" ] || continue
	# shellcheck disable=SC2013
	for used in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' lib/"$d"/*.[ch] 2>/dev/null | sort -u); do
		case " $seen " in
		*" $used "*) ;;
		*) fail "lint: lib/$d includes $used, which comes after it" ;;
		esac
	done
done
grep -rnE '#include "bin/' lib && fail "lint: lib knows bin"
same=$(git ls-files 'bin/*.[ch]' 'lib/*.[ch]' | sed 's/.*\///' | sort | uniq -d)
[ -z "$same" ] || fail "lint: files of one name: $same"
[ -z "$(git status --porcelain)" ] || fail "lint: the tests left litter: $(git status --porcelain)"
[ "$bad" = 0 ] && echo "lint: clean"
exit $bad
