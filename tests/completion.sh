#!/bin/sh
# tests/completion.sh EXECUTABLE...: bash completion from the tools' own option tables.
echo '# bash completion for det; made from the option tables, do not edit'
echo 'declare -gA _det_options _det_choices _det_takes'
for t in "$@"; do
	n=${t##*/}
	table=$("$t" --option-table) || exit
	printf '%s\n' "$table" | awk -F '\t' -v n="$n" '
	{
		all = all " " $1 (length($2) ? " " $2 : "")
		if (length($4)) choices = choices sprintf("_det_choices[\"%s %s\"]=\"%s\"\n", n, $1, $4)
		if (length($4) && length($2)) choices = choices sprintf("_det_choices[\"%s %s\"]=\"%s\"\n", n, $2, $4)
		if (length($3)) {
			takes = takes " " $1 (length($2) ? " " $2 : "")
		}
	}
	END {
		printf "_det_options[%s]=\"%s\"\n%s_det_takes[%s]=\"%s \"\n", n, substr(all, 2), choices, n, takes
	}'
done
cat <<'EOF'
_det() {
	local tool=${1##*/} cur=$2 prev=$3 words
	COMPREPLY=()
	words=${_det_choices["$tool $prev"]}
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	elif [[ $cur == -* && ${_det_takes[$tool]} != *" $prev "* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${_det_options[$tool]}" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
EOF
printf 'complete -o filenames -F _det'
for t in "$@"; do printf ' %s' "${t##*/}"; done
echo
