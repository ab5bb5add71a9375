# How much of what is there do proposals reach? From objects and boxes as det-export writes
# them, of the same pictures, the share of objects that some box overlaps by .5 or more, and the
# mean of the best overlaps:
#
#   awk -f recall.awk [-v max=N] OBJECTS BOXES
#
# Lines of name, figure and value: recall (all objects), recall:CLASS, mabo (the mean over the
# classes of the mean best overlap), proposals (boxes a picture). Of each picture the first N
# boxes count; they come best first. What a detector finds among them is at most this.
BEGIN { FS = OFS = "\t" }
FNR == NR && !($1 in there) {
	there[$1] = 1
	pictures++
}
NF < 7 || $2 == "" { next } # a picture without any
FNR == NR {
	i = objects[$1]++
	class[$1, i] = $2
	x1[$1, i] = $4
	y1[$1, i] = $5
	x2[$1, i] = $6
	y2[$1, i] = $7
	best[$1, i] = 0
	next
}
max && seen[$1] >= max { next }
{
	seen[$1]++
	boxes++
	area = ($6 - $4) * ($7 - $5)
	for (i = 0; i < objects[$1]; i++) {
		w = ($6 < x2[$1, i] ? $6 : x2[$1, i]) - ($4 > x1[$1, i] ? $4 : x1[$1, i])
		h = ($7 < y2[$1, i] ? $7 : y2[$1, i]) - ($5 > y1[$1, i] ? $5 : y1[$1, i])
		if (w <= 0 || h <= 0)
			continue
		iou = w * h / (area + (x2[$1, i] - x1[$1, i]) * (y2[$1, i] - y1[$1, i]) - w * h)
		if (iou > best[$1, i])
			best[$1, i] = iou
	}
}
END {
	for (p in objects)
		for (i = 0; i < objects[p]; i++) {
			c = class[p, i]
			n++
			of[c]++
			sum[c] += best[p, i]
			if (best[p, i] >= .5) {
				hits++
				hit[c]++
			}
		}
	for (c in of) {
		classes++
		mabo += sum[c] / of[c]
		print "proposals", "recall:" c, hit[c] / of[c]
	}
	print "proposals", "recall", n ? hits / n : 0
	print "proposals", "mabo", classes ? mabo / classes : 0
	print "proposals", "proposals", pictures ? boxes / pictures : 0
}
