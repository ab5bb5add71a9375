# Figures (figures.awk) of a system as a line to read.
BEGIN { FS = "\t" }
{ name = $1; v[$2] = $3 }
$2 ~ /^AP50:/ { each = each sprintf(" %s %.3f", substr($2, 6), $3) }
END {
	printf "%-10s %6.3f %6.3f%s  %.1f min", name, v["AP"], v["AP50"], each, v["train_s"] / 60
	if ("train_rate" in v)
		printf ", %.1f images/s, %.1f%% waiting, %d MiB", v["train_rate"],
		    100 * v["train_wait"], v["train_mib"]
	printf "; %.0f ms/image\n", v["test_ms"]
}
