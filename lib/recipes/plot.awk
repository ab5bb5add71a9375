# How good a system is against what a picture takes, as SVG: a point for each row of a story.tsv
# (table.awk), its column Y upwards and processor time to the right, in powers of ten.
#
#   awk -f plot.awk -v y=AP50 STORY.TSV
#
# Systems that were given their boxes are squares, the others discs, of colours that eyes without
# red or green tell apart (Okabe and Ito). Names stand right of their points, left of them near
# the right edge, and are moved up where they would lie on one another.
BEGIN { FS = "\t" }

FNR == 1 {
	for (i = 1; i <= NF; i++)
		column[$i] = i
	if (!(y in column)) {
		print "plot.awk: no column " y | "cat >&2"
		failed = 1
		exit 1
	}
	next
}
$column["cpu_ms"] > 0 {
	n++
	title[n] = $column["title"]
	given[n] = $column["ceiling"] != "-"
	ms[n] = $column["cpu_ms"]
	value[n] = $column[y] + 0
	low = n == 1 || ms[n] < low ? ms[n] + 0 : low
	high = n == 1 || ms[n] > high ? ms[n] + 0 : high
}

function log10(x) { return log(x) / log(10) }
function floor(x) { return int(x) - (int(x) > x) }
function px(t) { return left + (right - left) * (log10(t) - from) / (to - from) }
function py(v) { return bottom - (bottom - top) * v }
function text(x, at, anchor, s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, at, anchor, s
}
function line(x1, y1, x2, y2, colour) {
	printf "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour
}
function point(x, at, square) {
	if (square)
		printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"9\" height=\"9\" fill=\"#d55e00\"/>\n", \
		    x - 4.5, at - 4.5
	else
		printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\" fill=\"#0072b2\"/>\n", x, at
}
function ticks(    e, k, t) {
	for (e = floor(from); e <= to; e++)
		for (k = 1; k <= 5; k += k == 1 ? 1 : 3) {
			t = k * exp(e * log(10))
			if (log10(t) < from - 1e-9 || log10(t) > to + 1e-9)
				continue
			line(px(t), top, px(t), bottom, k == 1 ? "#bbb" : "#e8e8e8")
			text(px(t), bottom + 18, "middle", sprintf("%g", t))
		}
	for (k = 0; k <= 10; k++) {
		line(left, py(k / 10), right, py(k / 10), "#e8e8e8")
		if (k % 2 == 0)
			text(left - 8, py(k / 10) + 4, "end", sprintf("%.1f", k / 10))
	}
}
# Best last: a name goes up until it lies on none of those there.
function names(    i, j, k, at, x, turn, again, order) {
	for (i = 1; i <= n; i++)
		order[i] = i
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && value[order[j]] < value[order[j - 1]]; j--) {
			k = order[j]
			order[j] = order[j - 1]
			order[j - 1] = k
		}
	for (k = 1; k <= n; k++) {
		i = order[k]
		wide[i] = 7 * length(title[i])
		turn = px(ms[i]) + 10 + wide[i] > right
		x = turn ? px(ms[i]) - 10 - wide[i] : px(ms[i]) + 10
		at = py(value[i]) + 4
		do {
			again = 0
			for (j = 1; j < k; j++)
				if (x < x_of[order[j]] + wide[order[j]] && x + wide[i] > x_of[order[j]] && \
				    at > y_of[order[j]] - 13 && at < y_of[order[j]] + 13) {
					at = y_of[order[j]] - 13
					again = 1
				}
		} while (again)
		x_of[i] = x
		y_of[i] = at
		text(turn ? px(ms[i]) - 10 : x, at, turn ? "end" : "start", title[i])
	}
}

END {
	if (failed)
		exit 1
	left = 60
	right = 740
	top = 40
	bottom = 440
	from = n ? log10(low) - .1 : 0
	to = n ? log10(high) + .1 : 3
	print "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"500\"" \
	    " viewBox=\"0 0 760 500\" font-family=\"sans-serif\" font-size=\"12\">"
	print "<rect width=\"760\" height=\"500\" fill=\"#fff\"/>"
	ticks()
	line(left, bottom, right, bottom, "#000")
	line(left, top, left, bottom, "#000")
	text(left, top - 14, "start", y)
	text((left + right) / 2, bottom + 40, "middle", "processor time a picture, ms")
	point(left + 90, top - 18, 1)
	text(left + 100, top - 14, "start", "boxes of regions or windows")
	point(left + 290, top - 18, 0)
	text(left + 300, top - 14, "start", "boxes of the network")
	for (i = 1; i <= n; i++)
		point(px(ms[i]), py(value[i]), given[i])
	names()
	print "</svg>"
}
