# How good a system is against what a picture takes, as SVG: a point for each row of a story.tsv
# (table.awk), its column Y upwards and processor time to the right, in powers of ten.
#
#   awk -f plot.awk -v y=AP50 STORY.TSV
#
# Systems that were given their boxes are squares, the others discs, of colours that eyes without
# red or green tell apart (Okabe and Ito). Names stand beside their points, or as near as they lie
# on no other name or point.
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
# whether a name there would lie on nothing
function clear(x, at, w,    j) {
	if (x < left || x + w > right || at - 12 < top || at > bottom)
		return 0
	for (j = 1; j <= n; j++)
		if (x < px(ms[j]) + 6 && x + w > px(ms[j]) - 6 && at - 11 < py(value[j]) + 6 && \
		    at + 3 > py(value[j]) - 6)
			return 0
	for (j = 1; j <= placed; j++)
		if (x < x_of[j] + w_of[j] && x + w > x_of[j] && at > y_of[j] - 13 && at < y_of[j] + 13)
			return 0
	return 1
}
function names(    i, k, at, x, w, up) {
	for (i = 1; i <= n; i++) {
		w = 7.5 * length(title[i])
		for (k = 0; k < 60; k++) {
			# right and left of the point, then ever higher and lower
			x = k % 2 ? px(ms[i]) - 8 - w : px(ms[i]) + 8
			up = int((k + 2) / 4) * (int(k / 2) % 2 ? 8 : -8)
			at = py(value[i]) + 4 - up
			if (clear(x, at, w))
				break
		}
		placed++
		x_of[placed] = x
		y_of[placed] = at
		w_of[placed] = w
		text(k % 2 ? x + w : x, at, k % 2 ? "end" : "start", title[i])
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
