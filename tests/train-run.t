# shellcheck shell=sh disable=SC1091,SC2009,SC2010,SC2012,SC2016,SC2086,SC2094,SC2143,SC2317
# det-train: what a run says and keeps when it can't go on, and what it refuses to begin with.
. "$DET_SRC/tests/lib.sh"
. "$DET_SRC/tests/train.sh"
det-image -m T.det --epochs 40 <val.det >s40.det
# train DIR [OPTION ...]: 10 iterations of 4 images
train() {
	dir=$1
	shift
	det-train -m T.det -o $dir --iterations 10 --batch 4 --log 3 "$@"
}
rows() { # FILE: iterations of its rows
	cut -f 1 "$1" | sed 1d | tr '\n' ' '
}
train a --val val.det --val-every 4 s40.det >/dev/null

# --- the log: its last row, and nobody who reads it
head -c $(($(wc -c <s40.det) / 2 + 500)) s40.det >cut.det
train b --val val.det --val-every 4 cut.det >out 2>err
like "a stream that is cut: what is kept" "$? $(cat err)" "^2 det-train: cut.det: .*; iteration 5 is kept in b/state.det$"
is "  the row in work is written" "$(rows b/log.tsv)" "3 5 "
ok "  and printed" cmp out b/log.tsv
train b --val val.det --val-every 4 --resume s40.det >/dev/null
ok "  gone on with, it is made again, whole" same a b
rm -r b
det-image -m T.det --epochs 8 <val.det | train b >out 2>&1
is "a stream that ends before the first row is full: status, rows" "$? $(rows b/log.tsv)" "2 2 "
rm -r b
train b --iterations 3 --val val.det s40.det >/dev/null
is "curves of one row: dots" "$(grep -c '<circle' b/loss.svg) $(grep -c '<circle' b/val.svg)" "5 3"
like "  with the rate and the gradient" "$(cat b/loss.svg)" "lr 0.01, of 0.01"
rm -r b
printf 'no picture' >bad.jpg
cp dog.jpg two.jpg
(cat files/truth.csv; sed -n 's/dog.jpg/two.jpg/p' files/truth.csv; sed -n 's/dog.jpg/bad.jpg/p' files/truth.csv) >v.csv
det-gt --csv v.csv | det-image -q -m T.det --epochs 3 2>image.err | train b --batch 1 >/dev/null 2>err
is "a stream that another broke off: what is kept, one message" "$(cat err; grep -c . image.err)" \
	"det-train: stdin: warning: the stream was broken off; iteration 1 is kept in b/state.det
1"
rm -r b
(
	train b --val val.det --val-every 4 s40.det 2>err
	echo $? >status
) | head -n 2 >/dev/null
like "nobody reads the log: status, message" "$(cat status) $(cat err)" \
	"^2 det-train: standard output: Broken pipe; iteration [36] is kept in b/state.det$"
train b --val val.det --val-every 4 --resume s40.det >/dev/null
ok "  gone on with, to the same bytes" same a b
rm -r b

# --- evaluations: what is there when the process is gone
many
val() { # DIR [OPTION ...]
	dir=$1
	shift
	exec det-train -m T.det -o $dir --iterations 9 --batch 4 --log 3 --val many.det --val-every 5 s40.det "$@"
}
(val c >/dev/null)
(val b >/dev/null 2>err) &
pid=$!
until_true grep -q -s 'owed=5' b/state.det
kill -s KILL $pid
wait $pid 2>/dev/null
rm -f b/*.tmp.*
is "killed in an evaluation: the state is of before it" "$(rows b/val.tsv)$(det-show --data --name train/state b/state.det |
	grep -o -E '(iteration|owed)=[0-9]*' | tr '\n' ' ')" "iteration=5 owed=5 "
(val b --resume >/dev/null 2>err)
is "  gone on with, it is made first" "$(rows b/val.tsv)$(cat err)" "5 9 "
ok "  to the same bytes" same c b
rm -r b
# the one at the end, twice: the row before it that is not full is there all the same
(val c2 --log 4 >/dev/null)
(val b --log 4 >/dev/null) &
pid=$!
until_true grep -q -s 'owed=9' b/state.det
kill -s KILL $pid
wait $pid 2>/dev/null
(val b --log 4 --resume >/dev/null) &
pid=$!
until_true grep -q -s 'validated=9' b/state.det
kill -s KILL $pid 2>/dev/null
wait $pid 2>/dev/null
(val b --log 4 --resume >/dev/null 2>&1)
rm -f b/*.tmp.*
ok "killed twice in the last one: the same log and evaluations" cmp c2/log.tsv b/log.tsv
ok "  and state" cmp c2/state.det b/state.det
rm -r b c2
# as a terminal does it: to all that the shell started
if env --default-signal=INT setsid true 2>/dev/null; then
	env --default-signal=INT setsid det-train -m T.det -o b --iterations 9 --batch 4 --log 3 \
		--val many.det --val-every 5 s40.det >/dev/null 2>err &
	pid=$!
	until_true grep -q -s 'owed=5' b/state.det
	sleep 0.1
	kill -s INT -- "-$pid"
	wait $pid
	like "SIGINT to all of them" "$(cat err)" "stopped by a signal .* after iteration 5: --resume goes on from there"
	(val b --resume >/dev/null 2>err)
	is "  gone on with, the evaluation is made first" "$(rows b/val.tsv)$(cat err)" "5 9 "
	ok "  to the same bytes" same c b
	rm -r b
else
	skip "SIGINT to all of them" "no env --default-signal, or no setsid"
fi
rm -r many c

# --- --val: seen at the start
bad_val() { # DESCRIPTION MESSAGE FILE
	train b --val $3 s40.det >out 2>err
	like "--val: $1" "$? $(cat err)" "^2 det-train: --val $3: $2"
	is "  before anything is trained" "$(ls b | tr '\n' ' ')$(cat out)" ""
	rm -rf b
}
head -c 700 val.det >v.det
bad_val "a stream cut short" ".*(ended early|truncated|cut)" v.det
echo '{"images": [], "annotations": []}' >v.json
bad_val "another format" "" v.json
bad_val "a model" "pictures with their objects expected, found no item" T.det
sed 's/red disc/cat/; s/green disc/dog/; s/blue disc/cow/' files/truth.csv >v.csv
det-gt --csv v.csv -o v.det
bad_val "other classes" "no class of the stream is known to the model: the stream has 'cat', 'cow', 'dog'; the model knows 'red disc', 'green disc', 'blue disc'$" v.det
sed 's/dog.jpg/gone.jpg/' files/truth.csv >v.csv
det-gt --csv v.csv -o v.det
bad_val "pictures that are not there" "item 0 'gone.jpg': the picture can't be read: No such file" v.det
printf '%s\n' STRM '  | red disc' END. | det-show --build - >v.det
bad_val "nothing" "pictures with their objects expected, found no item" v.det
printf '%s\n' STRM '  | red disc' 'ITEM path=dog.jpg' END. | det-show --build - >v.det
bad_val "no objects" "item 0 'dog.jpg': a list 'gt' of objects expected, found none" v.det
printf '%s\n' STRM '  | red disc' 'ITEM path=a.jpg error="no such file"' END. | det-show --build - >v.det
bad_val "bad items" "item 0 'a.jpg': marked as bad: no such file" v.det
sed 's/red disc/cat/' files/truth.csv >v.csv
det-gt --csv v.csv -o v.det
train b --val v.det s40.det 2>err >/dev/null
is "--val: one class that the model lacks" "$? $(cat err)" \
	"0 det-image: warning: the model does not know 1 class of the stream: 'cat'"
rm -r b
det-scene --count 1 | det-model new --arch scene_ssd -o S.det
det-scene --count 2 -o scenes.det
ok "--val: pictures inside the stream" sh -c \
	'det-scene --count 4 | det-image -m S.det | det-train -q -m S.det -o b --batch 2 --iterations 2 --val scenes.det'
rm -r b
like "--val-every without --val" "$(train b --val-every 2 s40.det 2>&1)" "^det-train: --val-every and --val-epochs go with --val"

# --- going on: nothing is forgotten
cp -r a o
train o --resume --val val.det --iterations 4 s40.det >out 2>err
is "fewer iterations than are done: status, message" "$? $(cat out err)" \
	"0 det-train: nothing left to do: 10 of 4 iterations are done"
ok "  the run is as it was" same a o
like "without --val" "$(det-train -o o --resume --iterations 12 s40.det 2>&1)" \
	"^det-train: the run in o was begun with --val: it goes on with it"
like "with another --val" "$(det-train -o o --resume --iterations 12 --val v.det s40.det 2>&1)" \
	"^det-train: --val v.det: a run goes on with the stream it began with, [0-9a-f]{16}: found [0-9a-f]{16}$"
cp val.det same.det
is "with the same in another file" "$(det-train -o o --resume --val same.det s40.det 2>&1)" \
	"det-train: nothing left to do: 10 of 10 iterations are done"
rm o/recipe
like "without its recipe" "$(det-train -o o --resume --iterations 12 --val val.det s40.det 2>&1)" \
	"^det-train: o/recipe is missing: the options that the run was begun with are not known without it$"
rm -r o
train b cut.det >/dev/null 2>&1
det-train -o b --resume s40.det >/dev/null 2>err
is "the same stream, from its beginning: nothing to say" "$(cat err)" ""
rm -r b
train b cut.det >/dev/null 2>&1
rm b/log.tsv
det-gt --csv files/truth.csv | det-image -m T.det --epochs 50 --augment flip |
	det-train -o b --resume >/dev/null 2>err
is "a log that is gone is told, and another stream" "$? $(cat err)" \
	"0 det-train: warning: b/log.tsv is missing: a new one begins after iteration 3
det-train: stdin: warning: this is not the stream that the run began with: 'det-image $(det-image --version | cut -d ' ' -f 2) --model=T.det # model $(det-show --history s40.det | sed -n 's/.* # model //p' | tail -n 1)' expected, found '$(det-gt --csv files/truth.csv | det-image -m T.det --augment flip | det-show --history - | tail -n 1)'"
rm -r b

# --- a folder that is somebody's
foreign() { # FILE: refused, and left as it is
	mkdir b
	echo mine >b/$1
	train b --resume s40.det >out 2>err
	is "a folder with another's $1" "$? $(sed -n 's/: give another.*//p' err) $(ls b) $(cat b/*)" \
		"2 det-train: b has no state.det of a run, but $1, which would be written over $1 mine"
	rm -r b
}
for f in recipe log.tsv val.tsv last.det best.det loss.svg; do foreign $f; done
mkdir b
cp a/recipe a/log.tsv a/times.tsv b
ok "one of a run that was ended before its first checkpoint is begun again" train b s40.det
rm -r b
mkdir b
echo mine >b/notes
ok "files that are none of a run's are nobody's business" train b s40.det
is "  and stay" "$(cat b/notes)" mine
rm -r b

# --- batches that make no iteration
train b --accumulate 11 s40.det >/dev/null 2>err
is "fewer batches than an iteration takes" "$? $(cat err)" \
	"2 det-train: s40.det: the stream ended before the first iteration was whole: 11 batches make one (--accumulate), it had 10"
rm -r b
det-train -m T.det -o b --batch 4 --accumulate 4 s40.det >/dev/null 2>err
is "batches left at the end are told" "$? $(cat err)" \
	"0 det-train: s40.det: warning: the stream ended before another iteration was whole: the last 2 batches are left out"
rm -r b
det-train -n -m T.det --batch 4 --accumulate 4 s40.det >out
like "--dry-run with --accumulate: time" "$(cat out)" "^time: [0-9.e-]* s an iteration of 4 batches, [0-9.e-]* s a batch, "
like "  loss" "$(cat out)" "^loss: cls [0-9.]+ box [0-9.]+$"

like "--ema 1" "$(train b --ema 1 s40.det 2>&1)" "^det-train: --ema: 1 is outside 0 up to, not including, 1$"
not_ok "  makes no folder" test -e b
done_testing
