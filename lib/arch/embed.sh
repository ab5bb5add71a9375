#!/bin/sh
# lib/arch/embed.sh FILE...: the texts as C, an array of lines each.
awk '
function close_file() { if (open) printf "\tNULL,\n};\n" }
BEGIN {
	count = 0
	print "/* Made by lib/arch/embed.sh; do not edit. */"
	print "#include \"model/arch_impl.h\"\n"
}
FNR == 1 {
	close_file()
	open = 1
	n = FILENAME
	sub(/.*\//, "", n)
	name[count] = n
	printf "static const char *const lines%d[] = {\n", count++
}
{
	gsub(/\\/, "\\\\")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	printf "\t\"%s\",\n", $0
}
END {
	close_file()
	print "\nconst struct det_arch_file det_arch_files[] = {"
	for (i = 0; i < count; i++)
		printf "\t{ \"%s\", lines%d },\n", name[i], i
	print "};"
	print "const size_t det_arch_files_n = sizeof det_arch_files / sizeof *det_arch_files;"
}' "$@"
