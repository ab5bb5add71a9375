#!/bin/sh
# make demo: a scene that training has not seen, what the model finds in it, how much of that is
# right, the picture. Takes DET_DEMO_SEED=N, another scene; DET_DEMO_IMAGE, a picture of your
# own; DET_DEMO_MODEL, a model of your own; DET_DEMO_OUT, another folder for it all. DET_BIN,
# DET_SRC come from make.
set -eu
export LC_ALL=C
PATH="$DET_BIN:$PATH"
seed=${DET_DEMO_SEED:-1} # det-train's scenes were those of seed 0
model=${DET_DEMO_MODEL:-default}
score=.4 count=50
out=${DET_DEMO_OUT:-$DET_SRC/build/demo}

indent() { sed 's/^/          /'; }
# the model's pipe, with an end of our own
pipe() { # END [ARG of det-run ...]
	end=$1
	shift
	det-run -q -n -m "$model" "$@" </dev/null | sed "\$s/det-export.*/$end/"
}

mkdir -p "$out"
case $model in /* | default) ;; *) model=$PWD/$model ;; esac
image=${DET_DEMO_IMAGE:-}
case $image in '' | /*) ;; *) image=$PWD/$image ;; esac
cd "$out"

if [ "$model" = default ]; then
	given="" unseen="; the model learnt from those of seed 0"
	echo "model:    default: it is in the programs, and knows what det-scene draws"
else
	given=" -m '$model'" unseen=""
	echo "model:    $model (yours, from DET_DEMO_MODEL)"
fi
if [ "$image" ]; then
	echo "picture:  $image (yours, from DET_DEMO_IMAGE)"
	echo "command:"
	echo "det-run$given -t $score -o . '$image'" | indent
	echo "boxes:    class, score, x1, y1, x2, y2"
	det-run -m "$model" -t $score -o . "$image" >boxes.tsv
	cut -f 2- boxes.tsv | indent
	name=${image##*/}
	echo "result:   $out/${name%.*}.png"
	[ -s "${name%.*}.png" ]
	exit
fi

echo "picture:  the first scene of seed $seed$unseen"
echo "command:"
echo "det-scene --seed $seed --count 1 | det-run$given -t $score -o ." | indent
det-scene --seed "$seed" --count 1 -o scene.det
echo "boxes:    class, score, x1, y1, x2, y2"
det-run -m "$model" -t $score -o . <scene.det >boxes.tsv
cut -f 2- boxes.tsv | indent
mv scene-000000.png scene.png

pipe 'det-eval -q --matches matches.tsv' -t $score >score.sh
sh score.sh <scene.det >/dev/null
echo "truth:    $(det-export --truth scene.det | grep -c .) objects are there"
for verdict in tp fn fp ignored; do
	awk -F '\t' -v v=$verdict '
		$3 != v { next }
		v == "tp" { printf "found     %-9s %.2f, overlap %.2f\n", $2, $4, $5 }
		v == "fn" { printf "missed    %-9s at %.0f %.0f %.0f %.0f\n", $2, $6, $7, $8, $9 }
		v == "fp" { printf "false     %-9s %.2f at %.0f %.0f %.0f %.0f\n", $2, $4, $6, $7, $8, $9 }
		v == "ignored" { printf "no matter %-9s %.2f\n", $2, $4 }' matches.tsv
done | indent

pipe 'det-eval -q' >score.sh
det-scene --seed "$seed" --first 1 --count $count | sh score.sh >report.txt
echo "score:    $(sed -n 's/.*IoU=0.50 .*all .*= *//p' report.txt | head -n 1) AP50," \
	"$(sed -n 's/.*IoU=0.50:0.95 .*all .*maxDets=100.*= *//p' report.txt | head -n 1) AP" \
	"over the next $count scenes of that seed"
echo "result:   $out/scene.png"
