# shellcheck shell=sh
# What make bench says of its figures: the row of its table, from made-up lines.
. "$DET_SRC/tests/lib.sh"

cat >lines.1 <<'END'
det here threads 1 median 90.00 ms min 80.00 max 99.00 GFLOP 30.70 peak 87 MiB others 0 %
ort 1 threads 1 median 200.00 ms peak 223 MiB base 44 MiB others 0 % differs 1e-06
END
cat >lines.2 <<'END'
det here threads 2 median 9.50 ms GFLOP 30.70 peak 87 MiB others 1 %
det here threads 2 median 50.00 ms GFLOP 30.70 peak 90 MiB others 0 %
det here threads 2 median 8.50 ms GFLOP 30.70 peak 87 MiB others 2 %
det here threads 2 median 500.00 ms GFLOP 30.70 peak 87 MiB others 60 %
ort 1 threads 2 median 100.00 ms peak 89 MiB base 44 MiB others 0 % differs 2e-06
ncnn 1 threads 2 median 10.00 ms peak 401 MiB base 29 MiB others 0 % differs 3e-06
END
row() { # goals [file...]
	g=$1
	shift
	awk -v name=net -v size=224x224 -v goals="$g" -v threads=2 -f "$DET_SRC/tests/bench/row.awk" \
		lines.1 "${1:-lines.2}" | tr -s ' '
}
like "medians as numbers; disturbed runs do not count" "$(row mem)" "^net 224x224 30.7 2 9.5 9.47 100.0 0.10 10.0 0.95 "
like "peaks and the largest difference" "$(row mem)" " 90 89 401 - - 3e-06 "
like "a goal met" "$(row ort.62)" ' ort.62 ok$'
like "a goal missed" "$(row ncnn.85)" ' ncnn.85 MISSED$'
like "memory above onnxruntime's" "$(row mem)" ' mem MISSED$'
like "threads" "$(row x1.85)" ' x1.85 ok$'
like "no goal without the peer" "$(row torch.5,ort.9)" '3e-06 ort.9 ok$'
grep '^det.* 500.00' lines.2 >lines.3
like "nothing but a disturbed run: said" "$(row mem lines.3)" '2 500.0 0.18 .*\(disturbed: det\)$'
like "nothing at all: said" "$(row mem /dev/null)" '^net: no time$'
sed 's/differs 3e-06/differs nan/' lines.2 >lines.4
like "outputs that do not compare: said" "$(row ort.62 lines.4)" ' nan ort.62 ok \(OUTPUTS DIFFER\)$'
sed 's/differs 3e-06/differs 0.48/' lines.2 >lines.5
like "or differ: said" "$(row ort.62 lines.5)" ' 0.48 ort.62 ok \(OUTPUTS DIFFER\)$'
done_testing
