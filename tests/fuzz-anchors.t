# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# The fuzz target of anchor texts, on a few of each kind and all their prefixes.
target=${DET_BUILD:-}/tests/fuzz/fuzz_anchors
if [ ! -x "$target" ]; then
	skip "hostile anchor texts" "fuzz_anchors is not built"
	done_testing
fi
input() { # TEXT SIZES
	# shellcheck disable=SC2059
	printf '%s\0' "$1" && printf "$2"
}
input 'grid(m) sizes=8,9.5 octaves=3 truncate ratios=.5,2 round=half order=size' '\002\003\020\030' >half
input 'grid(m) sizes=128,256 ratios=.5,1 round=base base=16 stride=16,8' '\002\003\0\0' >base
input 'grid(m) sizes=1e6 ratios=1e-6 offset=1 stride=exact' '\001\001\1\1' >none
input 'prior(m) min=30.5,31 max=60,61 ratios=2,3 truncate clip=corner' '\003\003\020\020' >prior
input 'prior(m) min=.2 max=.4 ratios=1,2 noflip relative clip=size stride=8' '\003\003\020\020' >relative
input 'prior(m) min=.2 ratios=2 relative clip=center' '\003\003\0\020' >center
input 'pairs(m) anchors=1,2,3,4 cells # c' '\003\003\020\020' >pairs
for kind in half base none prior relative center pairs; do
	ok "$kind" "$target" $kind
done
done_testing
