# compare.awk: boxes and map values of one picture against torchvision's, tests/golden/*.txt.
#   awk -v at=3 -f compare.awk golden.txt found.txt
# at is the picture's line "picture W H N" counted from 1, or "none". found.txt is the output of
# det-show --data. A box has a partner where the label is the same, the IoU above .99 and the
# score within 1e-4 (boxes that clipping left without area: by their corners); a value may be off by 1e-4. Prints what has no partner, and at the end
#   VALUES of VALUES values, BOXES of BOXES boxes, and back

function abs(v) { return v < 0 ? -v : v }
function min(a, b) { return a < b ? a : b }
function max(a, b) { return a > b ? a : b }
function area(a, b, c, d) { return max(c - a, 0) * max(d - b, 0) }
function alike(i, j,   x) {
	if (gl[i] != fl[j] || abs(gs[i] - fs[j]) > 1e-4) return 0
	if (abs(g1[i] - f1[j]) < .01 && abs(g2[i] - f2[j]) < .01 &&
	    abs(g3[i] - f3[j]) < .01 && abs(g4[i] - f4[j]) < .01) return 1
	x = area(max(g1[i], f1[j]), max(g2[i], f2[j]), min(g3[i], f3[j]), min(g4[i], f4[j]))
	return x > .99 * (area(g1[i], g2[i], g3[i], g4[i]) + area(f1[j], f2[j], f3[j], f4[j]) - x)
}

FNR == NR {
	if ($1 == "picture") n++
	use = (at == "none") ? (use || $1 == "none") : n == at && $1 != "none" && !none
	if ($1 == "none") none = 1
	if (use && $1 == "value") { v[$2, $3] = $4; values++ }
	if (use && $1 == "box") {
		boxes++
		gl[boxes] = $2; gs[boxes] = $3
		g1[boxes] = $4; g2[boxes] = $5; g3[boxes] = $6; g4[boxes] = $7
	}
	next
}
/^[A-Z]/ {
	map = ""
	list = $1 == "BOXS" && / name=boxes( |$)/
	if ($1 == "TENS" && match($0, / name=[^ ]+/)) map = substr($0, RSTART + 6, RLENGTH - 6)
	k = 0
	next
}
map != "" {
	for (i = 1; i <= NF; i++) {
		if ((map, k) in v) {
			if (abs($i - v[map, k]) <= 1e-4) near++
			else print "# " map " " k ": " $i ", " v[map, k] " expected"
		}
		k++
	}
}
list {
	found++
	f1[found] = $1; f2[found] = $2; f3[found] = $3; f4[found] = $4; fs[found] = $5; fl[found] = $6
}
END {
	for (i = 1; i <= boxes; i++) {
		for (j = 1; j <= found && !alike(i, j); j++) ;
		if (j <= found) there++
		else print "# not found:", gl[i], gs[i], g1[i], g2[i], g3[i], g4[i]
	}
	for (j = 1; j <= found; j++) {
		for (i = 1; i <= boxes && !alike(i, j); i++) ;
		if (i <= boxes) back++
		else print "# not expected:", fl[j], fs[j], f1[j], f2[j], f3[j], f4[j]
	}
	printf "%d of %d values, %d of %d boxes, %d of %d back\n", near, values, there, boxes, back, found
}
