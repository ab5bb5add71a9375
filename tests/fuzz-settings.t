# shellcheck shell=sh disable=SC1091,SC2059
. "$DET_SRC/tests/lib.sh"

# The fuzz target of recipes, on good and bad ones and all their prefixes.
target=${DET_BUILD:-}/tests/fuzz/fuzz_settings
if [ ! -x "$target" ]; then
	skip "hostile recipes" "fuzz_settings is not built"
	done_testing
fi
printf '# a\n[det-image]\r\nbatch=2\n\n[det-train]\nlr=.1\nloss=ssd neg=3' >good
printf '[det-train]\n[det-image\n]\n=\n[' >bad1
printf '[det-image]\n\000=\n[det-image]\n' >bad2
ok "recipes" "$target" good bad1 bad2
done_testing
