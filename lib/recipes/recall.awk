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
	x1[$1, i] = $4 + 0
	y1[$1, i] = $5 + 0
	x2[$1, i] = $6 + 0
	y2[$1, i] = $7 + 0
	best[$1, i] = 0
	next
}
# the objects of this picture under plain numbers: keys of two parts are slow
function turn_to(picture,    i) {
	for (i = 0; i < n_here; i++)
		best[here, i] = best_here[i]
	here = picture
	n_here = objects[picture]
	for (i = 0; i < n_here; i++) {
		a1[i] = x1[picture, i]
		b1[i] = y1[picture, i]
		a2[i] = x2[picture, i]
		b2[i] = y2[picture, i]
		best_here[i] = best[picture, i]
	}
}
$1 != here { turn_to($1) }
max && seen[$1] >= max { next }
{
	seen[$1]++
	boxes++
	left = $4 + 0
	top = $5 + 0
	right = $6 + 0
	bottom = $7 + 0
	for (i = 0; i < n_here; i++) {
		if (right <= a1[i] || left >= a2[i] || bottom <= b1[i] || top >= b2[i])
			continue
		w = (right < a2[i] ? right : a2[i]) - (left > a1[i] ? left : a1[i])
		h = (bottom < b2[i] ? bottom : b2[i]) - (top > b1[i] ? top : b1[i])
		iou = w * h / ((right - left) * (bottom - top) + (a2[i] - a1[i]) * (b2[i] - b1[i]) - w * h)
		if (iou > best_here[i])
			best_here[i] = iou
	}
}
END {
	turn_to("")
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
