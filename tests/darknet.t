# shellcheck shell=sh
# Small Darknet networks that hold every layer, against what Darknet itself found with the
# same weights on the same picture (tests/oracle/darknet_gold.sh made the numbers).
. "$DET_SRC/tests/lib.sh"
d=$DET_SRC/tests/darknet

for n in layers:28x36 v1:28x28 v2:32x32 fork:32x64; do
	size=${n#*:} n=${n%:*}
	thresh=$(sed -n 's/^# thresh //p' "$d/$n.gold")
	det-model new --darknet "$d/$n.cfg" --seed 1 -o m.det
	is "$n: the model is whole" "$(det-model check m.det)" "m.det: ok"
	awk -v "h=${size%x*}" -v "w=${size#*x}" -f "$d/image.awk" | det-show --build - -o image.det
	det-backbone -m m.det image.det |
		det-head -m m.det ${thresh:+--thresh "$thresh"} |
		det-nms -m m.det --map none --clip none -o boxes.det
	det-show --data --name boxes boxes.det |
		awk '/^  / { print $6 "\t" $5 "\t" $1 "\t" $2 "\t" $3 "\t" $4 }' >got
	is "$n: as Darknet" "$(awk -v thresh="${thresh:-none}" '
		function abs(v) { return v < 0 ? -v : v }
		function near(a, b, by) { return abs(a - b) <= by }
		/^#/ { next }
		NR == FNR { gold[++g] = $0; next }
		{ got[++n] = $0 }
		END {
			if (thresh == "none") g = 5 # the five best of a classifier
			if (n != g) bad = bad g " boxes wanted, found " n "\n"
			# same score may come in any order: each is looked for among those near
			for (i = 1; i <= n; i++) {
				split(got[i], a, "\t")
				hit = 0
				for (k = 1; k <= g && !hit; k++) {
					split(gold[k], b, "\t")
					if (used[k] || a[1] != b[1] || !near(a[2], b[2], 2e-5)) continue
					hit = thresh == "none"
					if (!hit) {
						hit = 1
						for (j = 3; j <= 6; j++)
							if (!near(a[j], b[j], 1e-4 * (1 + abs(b[j])))) hit = 0
					}
					used[k] = hit
				}
				if (!hit) bad = bad "not in Darknet: " got[i] "\n"
			}
			printf "%s", bad ? bad : "the same"
		}' "$d/$n.gold" got)" "the same"
done
done_testing
