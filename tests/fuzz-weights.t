# shellcheck shell=sh
# The fuzz targets of foreign weights over files made here: what torch saved
# (tests/unit/torch_golden.h), pickles by hand, and safetensors; cut and changed.
. "$DET_SRC/tests/lib.sh"
n=${DET_FUZZ_CHANGES:-400}
mkdir torch zip pickle safetensors

# ARRAY: its bytes. The checks of a zip archive are made 0, which is none, so that changes
# come further than to them.
bytes() {
	awk -v name="$1" '$0 ~ name "\\[\\]" { on = 1; next } /^};/ { on = 0 }
		on { gsub(/[,\t]/, " "); for (i = 1; i <= NF; i++) printf "%d\n", $i }
	' "$DET_SRC/tests/unit/torch_golden.h"
}
octal() { awk '{ printf "\\%03o", $1 }'; }
unchecked() {
	awk '{ b[NR] = $1 } END {
		for (i = 1; i <= NR; i++)
			if (b[i] == 80 && b[i + 1] == 75 && b[i + 2] == 1 && b[i + 3] == 2)
				for (k = 16; k < 20; k++) b[i + k] = 0
		for (i = 1; i <= NR; i++) print b[i] }'
}
# shellcheck disable=SC2059
write() { printf "$(octal)"; }
bytes golden_zip | write >torch/zip
bytes golden_zip | unchecked | write >torch/unchecked
bytes golden_legacy | write >torch/legacy
is "files that torch saved" "$(head -c 2 torch/zip) $(od -An -t x1 -N 3 torch/legacy | tr -d ' ')" "PK 80028a"
cp torch/zip torch/unchecked zip

p() { # NAME TEXT: a pickle
	# shellcheck disable=SC2059
	printf "$2" >"pickle/$1"
}
p plain '\200\2}q\0(X\1\0\0\0aq\1K\1X\1\0\0\0bq\2G?\360\0\0\0\0\0\0X\1\0\0\0c\210\211Nu.'
p nested '\200\2]q\0(h\0h\0K\1\205K\1K\2\206K\1K\2K\3\207(K\1te.'
p long '\200\2\212\12l\374\234F\371 j\250P\31.'
p proto4 '\200\4\225\20\0\0\0\0\0\0\0}\224(\214\1a\224K\1\214\1b\224]\224u.'
p sets '\200\4\217\224(K\1K\2\220(K\3\221\206.'
p global '\200\2ccollections\nOrderedDict\nq\0)Rq\1(X\1\0\0\0aNu}b.'
p pairs '\200\2ccollections\nOrderedDict\n]]X\1\0\0\0aaNaa\205R.'
p stack '\200\4\214\13collections\214\13OrderedDict\223)R20(N1N0.'
p evil '\200\2cos\nsystem\nX\2\0\0\0id\205R.'
p tensor '\200\2ctorch._utils\n_rebuild_tensor_v2\nq\0((X\7\0\0\0storageq\1ctorch\nFloatStorage\nq\2X\1\0\0\0000q\3X\3\0\0\0cpuq\4K\14NtQK\0K\3K\4\206K\4K\1\206\211ccollections\nOrderedDict\n)RtRq\5.'

safe() { # NAME JSON DATA
	{
		# shellcheck disable=SC2059
		printf "\\$(printf %03o $((${#2} % 256)))\\$(printf %03o $((${#2} / 256)))\\0\\0\\0\\0\\0\\0"
		printf %s "$2"
		printf %s "$3"
	} >"safetensors/$1"
}
safe empty '{}' ''
safe one '{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}' 12345678
safe many '{"__metadata__":{"format":"pt","k":"\u00e9\n"},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},"a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},"c":{"dtype":"BF16","shape":[0,7],"data_offsets":[11,11]},"d":{"dtype":"I64","shape":[1,1],"data_offsets":[11,19]}}  ' 1234567812312345678

for subject in safetensors zip pickle torch; do
	exe=${DET_BUILD:-}/tests/fuzz/fuzz_$subject
	if [ ! -x "$exe" ]; then
		skip "hostile $subject" "fuzz_$subject is not built"
		continue
	fi
	ok "hostile $subject, $n changes each" "$exe" -n "$n" "$subject"/*
done
rm -rf torch zip pickle safetensors
done_testing
