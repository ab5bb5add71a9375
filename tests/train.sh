# shellcheck shell=sh disable=SC1091,SC2010,SC2034,SC2086,SC2143
# Sourced by the tests of det-train's runs: a model T.det, a picture and its objects val.det.
mkdir files
(cd files && . "$DET_SRC/tests/fixture.sh")
printf 'red disc\ngreen disc\nblue disc\n' >names
det-model new --arch tiny_ssd --classes names --seed 3 -o T.det
cp files/dog.jpg .
det-gt --csv files/truth.csv -o val.det

same() { # DIR DIR: the same models, state and logs
	for f in last.det best.det log.tsv val.tsv state.det recipe; do
		[ ! -e "$1/$f" ] || cmp "$1/$f" "$2/$f" || return 1
	done
	[ -e "$1/last.det" ] && [ -z "$(ls "$1" "$2" | grep tmp)" ]
}
until_true() { # COMMAND ...: for ten seconds at most
	n=0
	until "$@" || [ $n -gt 200 ]; do
		sleep 0.05
		n=$((n + 1))
	done
}
many() { # many.det: so many pictures that validating takes a while
	(
		head -n 1 files/truth.csv
		for i in $(seq 150); do sed -n "2,9s/dog.jpg/many\/$i.jpg/p" files/truth.csv; done
	) >many.csv
	mkdir many
	for i in $(seq 150); do ln -s ../dog.jpg "many/$i.jpg"; done
	det-gt --csv many.csv -o many.det
}
