# norms.awk: the recipe of a seeded model (det-show --data) with batch normalisations that do
# something; a new one's scale by 1 and shift by 0.
#   det-show --data M.det | awk -f tests/golden/norms.awk | det-show --build - -o N.det

/^[A-Z]/ {
	kind = ""
	if (match($0, /\.bn\.[a-z]+$/)) kind = substr($0, RSTART + 4)
	i = 0
}
/^  / && kind != "" {
	line = " "
	for (k = 1; k <= NF; k++) {
		if (kind == "weight") v = .5 + 7 * i % 5 / 8
		if (kind == "bias") v = (3 * i % 7 - 3) / 16
		if (kind == "mean") v = (5 * i % 7 - 3) / 16
		if (kind == "var") v = .5 + 2 * i % 5 / 4
		line = line " " v
		i++
	}
	print line
	next
}
{ print }
