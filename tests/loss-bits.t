# shellcheck shell=sh disable=SC1091
# Losses and overlaps are the same bits with each instruction set.
. "$DET_SRC/tests/lib.sh"
test=$DET_BUILD/tests/unit/test_loss
if [ ! -x "$test" ]; then
	skip "losses" "make units builds test_loss"
	done_testing
fi
DET_CPU=c "$test" | grep '^# bits' >plain
is "a number of all bits" "$(wc -l <plain | tr -d ' ')" 1
for l in avx2 avx512; do
	is "$l" "$(DET_CPU=$l "$test" | grep '^# bits')" "$(cat plain)"
done
done_testing
