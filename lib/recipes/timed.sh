# shellcheck shell=sh
# sh timed.sh FOLDER NAME COMMAND...: runs it, and leaves FOLDER/NAME: the second when it began,
# that when it ended, and the shell's `times`, whose second line is the processor time that the
# command took, in user mode and in the system's.
folder=$1 name=$2
shift 2
mkdir -p "$folder"
began=$(date +%s.%N)
"$@"
status=$?
{
	echo "$began"
	date +%s.%N
	times
} >"$folder/$name"
exit $status
