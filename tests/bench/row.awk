# A row of nets.sh's table from the lines of net.c and peer.py. Variables: name, size, goals,
# threads; or head, for the table's head. Lines of another thread count, which come first, are
# there for the scaling.

function median(list,    v, n, i, j, x) {
	n = split(list, v, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) {
			x = v[j]; v[j] = v[j - 1]; v[j - 1] = x
		}
	return n == 0 ? 0 : n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

function cell(width, v, form) {
	return v ? sprintf("%" width form, v) : sprintf("%" width "s", "-")
}

BEGIN {
	np = split("ort ncnn torch darknet", peer, " ")
	if (head) {
		row = sprintf("%-20s %-8s %6s %3s %8s %5s", "", "", "GFLOP", "thr", "det ms", "x")
		for (p = 1; p <= np; p++)
			row = row sprintf(" %8s %5s", peer[p], "ratio")
		row = row sprintf("  %5s %5s %5s %5s %5s  %7s  %s", "MiB", "ort", "ncnn", "torch", "dark", "differs", "goals")
		print row
		exit
	}
}

{
	time = 0
	elsewhere = 0
	for (i = 1; i <= NF; i++) {
		if ($i == "threads") t = $(i + 1)
		if ($i == "median") time = $(i + 1)
		if ($i == "others") elsewhere = $(i + 1)
		if ($i == "peak" && t == threads && $(i + 1) > peak[$1]) peak[$1] = $(i + 1)
		if ($i == "differs" && t == threads && ($(i + 1) == "nan" || $(i + 1) > worst)) worst = $(i + 1)
		if ($i == "GFLOP") gflop = $(i + 1)
	}
	if (time && elsewhere <= 10)
		quiet[$1, t] = quiet[$1, t] " " time
	else if (time)
		disturbed[$1, t] = disturbed[$1, t] " " time
}

# A program's time in n threads: of the runs that had the machine for themselves, if any.
function ms(who, n) {
	if (quiet[who, n])
		return median(quiet[who, n])
	if (disturbed[who, n])
		note = "  (disturbed: " who ")"
	return median(disturbed[who, n])
}

END {
	if (head) exit
	det = ms("det", threads)
	if (!det) {
		print name ": no time"
		exit
	}
	if (threads != 1)
		scaling = ms("det", 1) / det
	row = sprintf("%-20s %-8s %s %3d %8.1f %5s", name, size, cell(6, gflop, ".1f"), threads, det, scaling ? sprintf("%.2f", scaling) : "")
	for (p = 1; p <= np; p++) {
		other = ms(peer[p], threads)
		if (other) ratio[peer[p]] = det / other
		row = row " " cell(8, other, ".1f") " " cell(5, ratio[peer[p]], ".2f")
	}
	row = row "  " cell(5, peak["det"], "d")
	for (p = 1; p <= np; p++)
		row = row " " cell(5, peak[peer[p]], "d")
	row = row "  " sprintf("%7s", worst ? worst : "-") " "
	n = split(goals, g, ",")
	for (i = 1; i <= n; i++) {
		match(g[i], /^[a-z]+/)
		what = substr(g[i], 1, RLENGTH)
		limit = substr(g[i], RLENGTH + 1) + 0
		if (what == "x")
			row = row (!scaling || gflop <= 5 ? "" : " " g[i] (scaling >= limit ? " ok" : " MISSED"))
		else if (what == "mem")
			row = row (!peak["ort"] ? "" : " mem" (peak["det"] <= peak["ort"] ? " ok" : " MISSED"))
		else if (ratio[what])
			row = row " " g[i] (ratio[what] <= limit ? " ok" : " MISSED")
	}
	if (worst == "nan" || worst + 0 > 1e-3) note = note "  (OUTPUTS DIFFER)"
	print row note
}
