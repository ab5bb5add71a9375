# What is known of a system, from the files that making it left, as lines of name, figure and
# value parted by tabs:
#
#   awk -f figures.awk -v name=NAME -v n=PICTURES FILE...
#
# FILE...: scores of det-eval --per-class --tsv; times.tsv of a run; what timed.sh left: of steps
# of the training in folders named features.time, positives.time, near.time and svm.det.time, in
# others of the pipe that was tested, and of the proposals that came to it; what recall.awk wrote, which is
# passed on; and figures of other systems that this one runs, whose times are added.
# A pipe's time is from where its first stage began to where its last one ended. Times a picture
# are in milliseconds, of n pictures; those of processors are user's and system's together.
# Seconds of a run are those of its log, so they count what was done before a stop too.
BEGIN {
	FS = OFS = "\t"
	CONVFMT = OFMT = "%.9g"
}

function say(figure, value) { print name, figure, value }
# "1m2.5s" in seconds
function seconds(s,    part) {
	split(s, part, /[ms]/)
	return 60 * part[1] + part[2]
}
# whether a folder's times are of the training
function learnt(f) { return f ~ /^(features|positives|near|svm\.det)\.time$/ }
function spent(name, s) {
	if (!(name in cpu))
		stage[++stages] = name
	cpu[name] += s
	all += s
}

FNR == 1 {
	depth = split(FILENAME, path, "/")
	file = path[depth]
	folder = depth > 1 ? path[depth - 1] : ""
	timed = folder ~ /\.time$/
}
timed && FNR == 1 && (!(folder in from) || $1 < from[folder]) { from[folder] = $1 + 0 }
timed && FNR == 2 && (!(folder in to) || $1 > to[folder]) { to[folder] = $1 + 0 }
timed && FNR == 4 && !learnt(folder) {
	split($1, t, " ")
	spent(file, seconds(t[1]) + seconds(t[2]))
}
timed { next }
file == "times.tsv" {
	if ($1 ~ /^[0-9]/) {
		trained = $2
		rate += $3
		wait += $4
		mib = $5 > mib ? $5 : mib
		rows++
	}
	next
}
$2 == "figures" && $4 ~ /^AP/ { say($4, $5) }
$2 == "per_class" && $4 == "AP50" { say("AP50:" $3, $5) }
file == "figures" {
	if ($2 == "train_s")
		trained += $3
	else if ($2 == "test_ms")
		elapsed += n * $3 / 1000
	else if ($2 ~ /^cpu_ms:/)
		spent(substr($2, 8), n * $3 / 1000)
	next
}
NF == 3 { say($2, $3) }

END {
	for (f in from)
		if (learnt(f))
			trained += to[f] - from[f]
		else
			elapsed += to[f] - from[f]
	say("train_s", trained)
	if (rows) {
		say("train_rate", rate / rows)
		say("train_wait", wait / rows)
		say("train_mib", mib)
	}
	if (n) {
		say("test_ms", 1000 * elapsed / n)
		say("cpu_ms", 1000 * all / n)
		for (i = 1; i <= stages; i++)
			say("cpu_ms:" stage[i], 1000 * cpu[stage[i]] / n)
	}
}
