# shellcheck shell=sh
# Each tool has a page that lints clean, whose SYNOPSIS is the usage that --help prints, that
# names every option, and whose examples run. The examples find what tests/fixture.sh makes.
. "$DET_SRC/tests/lib.sh"
man=$DET_SRC/man
mkdir files
(cd files && . "$DET_SRC/tests/fixture.sh")

squeeze() { tr -s ' \n\t' '   ' | sed 's/^ //; s/ $//'; }
# the usage that --help prints; a tool with commands has one for each
usage() {
	"$@" --help | sed '/^$/,$d; s/^usage://' | squeeze
	case $* in
	det-model | 'det-model import' | 'det-model export')
		for c in $("$@" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
			echo
			usage "$@" "$c"
		done
		;;
	esac
}
long_options() {
	"$@" --option-table | cut -f 1
	case $* in
	det-model)
		for c in new list check tune svd norm $(for k in import export; do
			"$1" $k --help | sed -n "s/^  \\([a-z]*\\) .*/$k+\\1/p"
		done); do
			# shellcheck disable=SC2046
			"$1" $(echo "$c" | tr + ' ') --help | grep -o -- ' --[a-z-]*'
		done
		;;
	esac | tr -d ' ' | sort -u
}
section() { # NAME PAGE: its source
	sed -n "/^\.Sh $1\$/,/^\.Sh [^${1%"${1#?}"}]/p" "$2"
}
examples() {
	section EXAMPLES "$1" | awk '/^\.Bd -literal/ { on = 1; next } /^\.Ed/ { on = 0 } on' |
		sed 's/\\e/\\/g; s/\\&//g; s/\\(dq/"/g; s/\\-/-/g'
}
run_examples() { # NAME PAGE
	examples "$2" >"$1.sh"
	if [ ! -s "$1.sh" ]; then
		ok "$1 has examples" false
		return
	fi
	rm -rf scratch
	cp -r files scratch
	ok "$1: its examples run" sh -c "cd scratch && sh -e ../$1.sh </dev/null"
}

tools=$(for f in "$DET_BIN"/det-*; do
	case $f in *.[a-z]*) ;; *) [ -x "$f" ] && basename "$f" ;; esac
done)
for t in $tools; do
	page=$man/$t.1
	if [ ! -f "$page" ]; then
		ok "$t has a page" false
		continue
	fi
	if command -v mandoc >/dev/null; then
		mandoc -Tascii -O width=1000 "$page" | col -b >"$t.txt"
		is "$t: SYNOPSIS is the usage" \
			"$(sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' "$t.txt" | sed '1d; $d' | squeeze)" \
			"$(usage "$t" | squeeze)"
		missing=
		for o in $(long_options "$t"); do
			sed '1,/^DESCRIPTION/d' "$t.txt" | grep -q -- "$o\([^a-z-]\|\$\)" ||
				missing="$missing $o"
		done
		is "$t: every option is described" "$missing" ""
		missing=
		for s in NAME SYNOPSIS DESCRIPTION OPTIONS STREAM 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
			grep -q "^$s\$" "$t.txt" || missing="$missing $s"
		done
		is "$t: every section is there" "$missing" ""
	else
		skip "$t: SYNOPSIS, options, sections" "no mandoc here"
	fi
	run_examples "$t" "$page"
done
for page in "$man"/*.[57]; do
	[ "$(section EXAMPLES "$page")" ] && run_examples "$(basename "$page")" "$page"
done
if command -v mandoc >/dev/null; then
	for page in "$man"/*.[157]; do
		is "$(basename "$page") lints clean" \
			"$(mandoc -Tlint -W warning "$page" 2>&1)" ""
	done
	# pages that are named are there
	# shellcheck disable=SC2013
	for p in $(sed -n 's/^\.Xr \(det[a-z-]*\) \([157]\).*/\1.\2/p' "$man"/*.[157] | sort -u); do
		ok "$p is named and exists" test -f "$man/$p"
	done
else
	skip "pages lint clean" "no mandoc here"
fi
rm -rf files scratch
done_testing
