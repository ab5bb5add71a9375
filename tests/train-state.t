# shellcheck shell=sh disable=SC1091,SC2317
# What an objective keeps from step to step is in the checkpoint: Detectron2's moving average
# of positives goes on where it stopped.
. "$DET_SRC/tests/lib.sh"
mkdir files
(cd files && . "$DET_SRC/tests/fixture.sh")

printf 'red disc\ngreen disc\nblue disc\n' >names
det-model new --arch tiny_retinanet --classes names --seed 3 -o T.det
cp files/dog.jpg .
det-gt --csv files/truth.csv | det-image -m T.det >one.det
for _ in 1 2 3 4 5 6; do
	cat one.det
done >six.det
train() { # DIR ITERATIONS KEYS
	det-train -m T.det -o "$1" --iterations "$2" --batch 1 --log 1 --lr .001 --loss "retinanet $3" six.det
}
ok "4 iterations" train a 4 profile=d2
ok "2 of them" train b 2 profile=d2
ok "and the other 2" det-train -m T.det -o b --resume --iterations 4 six.det
is "losses" "$(cat b/log.tsv)" "$(cat a/log.tsv)"
for r in a b; do
	# their histories tell how they were run
	det-show --data $r/last.det | sed 1d >$r.txt
done
ok "weights" cmp a.txt b.txt
ok "a mean by images" train c 4 profile=tv
is "differs" "$(cmp -s a/log.tsv c/log.tsv && echo same)" ""
done_testing
