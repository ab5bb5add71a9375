#!/bin/sh
# Trained YOLO nets on photographs against boxes that OpenCV's dnn module made of them
# (plain stretch to 320x320 with its own resize, score > .25, NMS .45).
. "$DET_SRC/tests/lib.sh"

darknet=$DET_DATA/models/darknet
for n in yolo-fastest-1.1 yolo-fastest-1.1-xl; do
	golden=$DET_DATA/golden/$n.tsv
	if [ ! -s "$golden" ]; then
		skip "$n: boxes as OpenCV's" "no shared data here"
		continue
	fi
	det-model import darknet "$darknet/$n.cfg" "$darknet/$n.weights" \
		--classes "$darknet/coco.names" -o "$n.det"
	# "# WEIGHTS PHOTO SIZE" stands before the boxes "class score x1 y1 x2 y2" of a photo
	# (some photos may not be at hand: their boxes are left out)
	awk '/^#/ { print $3 }' "$golden" | while read -r p; do
		[ -s "$DET_DATA/photos/$p" ] && echo "$DET_DATA/photos/$p"
	done >photos
	awk 'FNR == NR { sub(/.*\//, ""); have[$0] = 1; next }
		/^#/ { use = $3 in have } use' photos "$golden" >wanted
	det-run -m "$n.det" --set det-image.fit=stretch --set det-image.kernel=opencv \
		--set det-nms.clip=none --thresh .25 --iou .45 --list photos >boxes.tsv
	# every golden box met: same picture and class, IoU > .9, score within .01
	awk -F '\t' '
		function min(a, b) { return a < b ? a : b }
		function max(a, b) { return a > b ? a : b }
		function area(a, b, c, d) { return max(c - a, 0) * max(d - b, 0) }
		FNR == NR {
			if ($2 == "-") next
			sub(/.*\//, "", $1)
			n++
			for (i = 1; i <= 7; i++) f[n, i] = $i
			next
		}
		/^#/ { split($0, word, " "); photo = word[3]; next }
		{
			want++
			best = 0
			for (i = 1; i <= n; i++) {
				if (f[i, 1] != photo || f[i, 2] != $1) continue
				x = area(max(f[i, 4], $3), max(f[i, 5], $4), min(f[i, 6], $5), min(f[i, 7], $6))
				u = area(f[i, 4], f[i, 5], f[i, 6], f[i, 7]) + area($3, $4, $5, $6) - x
				d = f[i, 3] - $2
				if (x / u > best && d < .01 && d > -.01) best = x / u
			}
			if (best > .9) met++
			else print "# not met: " $0 " best IoU " best
		}
		END { printf "%d of %d, %d found\n", met, want, n }' boxes.tsv wanted >result
	sed 's/^/# /' result
	is "$n: every golden box is met" "$(tail -n 1 result | cut -d ' ' -f 1)" \
		"$(grep -vc '^#' wanted)"
	is "$n: and none besides" "$(tail -n 1 result | cut -d ' ' -f 4)" "$(grep -vc '^#' wanted)"
done
done_testing
