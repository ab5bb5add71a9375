# shellcheck shell=sh
# lib/recipes/bccd.mk asked again: what counts and changed makes the run anew, what was stopped
# goes on, what is done stays.
. "$DET_SRC/tests/lib.sh"
. "$DET_SRC/tests/voc.sh"

voc 64x64 2
det-model new --arch tiny_ssd -o trunk.det

# variables: makes the system ssd
ask() {
	make -f "$DET_SRC/lib/recipes/bccd.mk" DATA=voc WEIGHTS=trunk.det OUT=out ITERATIONS=2 \
		IMAGE='-q --batch 2' TRAIN='-q --batch 2 --log 1' ssd.arch=tiny_ssd \
		ssd.set='--set cls_std=.2' ssd "$@" >said 2>err
}
rows() { wc -l <out/ssd/run/log.tsv | tr -d ' '; }
trained() { grep -c '^det-train ' said; }

ask
is "a first time" "$? $(trained) $(rows)" "0 1 3"
like "its row" "$(cat said)" '^ssd +[0-9.]+ +[0-9.]+ disc [0-9.]+ ring [0-9.]+ '
ask
is "the same again does nothing" "$? $(trained) $(grep -c '^det-' said)" "0 0 0"
like "its figures" "$(cat out/ssd/figures)" '^ssd.cpu_ms:det-backbone.[0-9.]+$'
cp out/ssd/boxes boxes
ask again SYSTEMS=ssd
is "boxes found again" "$? $(trained) $(grep -c 'det-nms' said) $(cmp out/ssd/boxes boxes)" "0 0 1 "
ask THREADS=1
is "nor do other threads" "$? $(grep -c '^det-' said)" "0 0"

ask OUT=other ssd.run=out/ssd/run
is "a run that is there is taken" "$? $(trained) $(cmp out/ssd/scores other/ssd/scores)" "0 0 "
is "with its times" "$(grep train_rate other/ssd/figures)" "$(grep train_rate out/ssd/figures)"

ask OUT=early JUDGED=nosplit
like "a split that is not there" "$? $(cat err)" '^2 .*no ImageSets/Main/nosplit.txt there'
is "is told before training" "$(trained) $(grep -c '^det-model' said)" "0 0"

# --- what was stopped goes on ---
rm out/ssd/trained out/ssd/boxes out/ssd/scores out/ssd/figures out/ssd/row
ask
is "a run that is done is not gone on with" "$? $(trained) $(rows) $(echo out/ssd/run.*)" \
	"0 1 3 out/ssd/run.options"

# --- what counts and changed ---
cp out/ssd/run/last.det first.det
ask ITERATIONS=3
is "more iterations: a new run of so many" "$? $(trained) $(rows)" "0 1 4"
ok "the one there was is kept" cmp -s first.det out/ssd/run.old/last.det
ask ITERATIONS=3 SEED=2
is "another seed" "$? $(trained) $(rows)" "0 1 4"
like "of the first weights too" "$(cat said)" '^det-model new .*--seed 2'
ask ITERATIONS=1 TRAIN='-q --batch 2 --log 1 --lr .5'
is "other options of det-train" "$? $(trained) $(rows)" "0 1 2"
ask ITERATIONS=1 IMAGE='-q --batch 3'
is "of det-image" "$? $(trained)" "0 1"
ask ITERATIONS=1 IMAGE='-q --batch 3' AUGMENT=vmirror=.3
is "other augmentation" "$? $(trained) $(grep -c 'vmirror=.3' out/ssd/recipe)" "0 1 1"
ask ssd.set='--set cls_std=.1'
is "another architecture" "$? $(trained)" "0 1"
cp -R voc more
cp more/ImageSets/Main/test.txt more/ImageSets/Main/trainval.txt
ask ssd.set='--set cls_std=.1' DATA=more
is "other data" "$? $(trained) $(det-show out/trainval.gt | grep -c '^ITEM')" "0 1 2"

# --- an architecture of one's own ---
mkdir own
det-model new --arch tiny_ssd --text >own/mine.arch
mine() {
	ask OUT=mine ssd.arch=own/mine.arch
}
mine
is "an architecture in a file" "$? $(trained) $(det-model list mine/ssd/run/last.det | grep -c 'arch=mine')" "0 1 1"
touch own/mine.arch
mine
is "which is the same" "$? $(trained)" "0 0"
sed 's/^set box_std=.*/set box_std=.2/' own/mine.arch >new && cat new >own/mine.arch
mine
is "another" "$? $(trained)" "0 1"
det-model new --arch tiny_trunk.part --text >own/tiny_trunk.part
mine
is "with a piece beside it" "$? $(trained)" "0 1"

# --- as it was at first ---
ask
ok "the first variables again give the first model" cmp first.det out/ssd/run/last.det
done_testing
