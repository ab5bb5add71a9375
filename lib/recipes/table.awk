# The table of a story: from TITLES, NAME=TITLE; ..., and the figures of each system
# (figures.awk), a row a system, in the order they come in. As text, with what proposals can
# reach, or with -v tsv=1 with a column for every figure.
#
#   awk -f table.awk [-v tsv=1] TITLES FIGURES...
BEGIN {
	FS = "\t"
	# stages as they follow one another
	stages = split("det-image det-propose det-backbone det-roipool det-head det-nms det-merge", \
	    stage, " ")
	for (i = 1; i <= stages; i++)
		known["cpu_ms:" stage[i]] = 1
}

FNR == NR {
	n = split($0, pair, /; */)
	for (i = 1; i <= n; i++)
		if ((at = index(pair[i], "=")))
			title[substr(pair[i], 1, at - 1)] = substr(pair[i], at + 1)
	next
}
FNR == 1 { name[++rows] = $1 }
{
	v[$1, $2] = $3
	if (!($2 in known)) {
		known[$2] = 1
		if ($2 ~ /^AP50:/)
			class[++classes] = substr($2, 6)
		else if ($2 ~ /^cpu_ms:/)
			stage[++stages] = substr($2, 8)
	}
}

function called(s) { return s in title ? title[s] : s }
function figure(form, s, f) { return (s, f) in v ? sprintf(form, v[s, f]) : "-" }
# what a stage takes of its system's processor time
function share(s, f) { return 100 * v[s, "cpu_ms:" f] / (v[s, "cpu_ms"] ? v[s, "cpu_ms"] : 1) }

function as_tsv(    i, k, s, line) {
	line = "system\ttitle\tAP\tAP50"
	for (k = 1; k <= classes; k++)
		line = line "\tAP50:" class[k]
	line = line "\tceiling\tproposals\ttrain_s\ttest_ms\tcpu_ms"
	for (k = 1; k <= stages; k++)
		line = line "\tcpu_ms:" stage[k]
	print line
	for (i = 1; i <= rows; i++) {
		s = name[i]
		line = s "\t" called(s) "\t" figure("%.4f", s, "AP") "\t" figure("%.4f", s, "AP50")
		for (k = 1; k <= classes; k++)
			line = line "\t" figure("%.4f", s, "AP50:" class[k])
		line = line "\t" figure("%.4f", s, "recall") "\t" figure("%.1f", s, "proposals")
		line = line "\t" figure("%.1f", s, "train_s") "\t" figure("%.3f", s, "test_ms")
		line = line "\t" figure("%.3f", s, "cpu_ms")
		for (k = 1; k <= stages; k++)
			line = line "\t" figure("%.3f", s, "cpu_ms:" stage[k])
		print line
	}
}

function as_text(    i, k, s, w, wide, line) {
	wide = 6
	for (i = 1; i <= rows; i++)
		wide = length(called(name[i])) > wide ? length(called(name[i])) : wide
	line = sprintf("%-" wide "s  AP50    AP", "system")
	for (k = 1; k <= classes; k++) {
		w = length(class[k]) > 5 ? length(class[k]) : 5
		line = line sprintf(" %" w "s", class[k])
	}
	print line " ceiling training  a picture: stages, processor time"
	for (i = 1; i <= rows; i++) {
		s = name[i]
		line = sprintf("%-" wide "s %5s %5s", called(s), figure("%.3f", s, "AP50"), \
		    figure("%.3f", s, "AP"))
		for (k = 1; k <= classes; k++) {
			w = length(class[k]) > 5 ? length(class[k]) : 5
			line = line sprintf(" %" w "s", figure("%.3f", s, "AP50:" class[k]))
		}
		line = line sprintf(" %7s %4.1f min %8.1f ms:", figure("%.3f", s, "recall"), \
		    v[s, "train_s"] / 60, v[s, "cpu_ms"])
		for (k = 1; k <= stages; k++)
			if ((s, "cpu_ms:" stage[k]) in v && share(s, stage[k]) >= .5)
				line = line sprintf(" %s %.0f%%", substr(stage[k], 5), share(s, stage[k]))
		print line
	}
}

# What proposals reach, a line for those that had the same.
function ceilings(    i, k, s, line, n, text, who) {
	for (i = 1; i <= rows; i++) {
		s = name[i]
		if (!((s, "recall") in v))
			continue
		line = ""
		for (k = 1; k <= classes; k++)
			line = line " " class[k] " " figure("%.3f", s, "recall:" class[k])
		line = line ", mean best overlap " figure("%.3f", s, "mabo") ", " \
		    figure("%.0f", s, "proposals") " boxes a picture"
		if (line in who)
			who[line] = who[line] ", " called(s)
		else {
			text[++n] = line
			who[line] = called(s)
		}
	}
	for (i = 1; i <= n; i++)
		print "reached by the boxes of " who[text[i]] ":" text[i]
}

END {
	if (tsv)
		as_tsv()
	else {
		as_text()
		ceilings()
	}
}
