# shellcheck shell=sh
# TAP for shell tests. A test sources this, says what holds, and ends with done_testing.
# It runs in a scratch directory of its own; DET_BIN holds the executables, DET_SRC the
# repository, DET_DATA the shared photographs and models where there are any.

PATH="$DET_BIN:$PATH"
export LC_ALL=C
export DET_DATA="$DET_SRC/../shared/data"
tap_n=0
tap_bad=0

tap_say() { # 1|0 description
	tap_n=$((tap_n + 1))
	if [ "$1" = 1 ]; then
		printf 'ok %d - %s\n' "$tap_n" "$2"
	else
		printf 'not ok %d - %s\n' "$tap_n" "$2"
		tap_bad=1
	fi
}

# ok DESCRIPTION COMMAND...: the command succeeds
ok() {
	tap_d=$1
	shift
	if "$@" >tap.out 2>tap.err; then
		tap_say 1 "$tap_d"
	else
		tap_say 0 "$tap_d"
		sed 's/^/# /' tap.out tap.err | head -n 20
	fi
}

# not_ok DESCRIPTION COMMAND...: the command fails
not_ok() {
	tap_d=$1
	shift
	if "$@" >tap.out 2>tap.err; then
		tap_say 0 "$tap_d"
		sed 's/^/# /' tap.out tap.err | head -n 20
	else
		tap_say 1 "$tap_d"
	fi
}

# is DESCRIPTION GOT WANTED: equal strings
is() {
	if [ "$2" = "$3" ]; then
		tap_say 1 "$1"
	else
		tap_say 0 "$1"
		printf '%s\n' "got: $2" "wanted: $3" | head -n 30 | sed 's/^/# /'
	fi
}

# like DESCRIPTION TEXT REGEX: the text has a line that matches (extended regex)
like() {
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		tap_say 1 "$1"
	else
		tap_say 0 "$1"
		printf '%s\n' "text: $2" "has no match for: $3" | head -n 30 | sed 's/^/# /'
	fi
}

# skip DESCRIPTION WHY
skip() {
	tap_n=$((tap_n + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$1" "$2"
}

# status COMMAND...: prints the exit status
status() {
	"$@" >/dev/null 2>&1
	echo $?
}

done_testing() {
	rm -f tap.out tap.err
	printf '1..%d\n' "$tap_n"
	exit $tap_bad
}
