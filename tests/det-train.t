# shellcheck shell=sh disable=SC1091,SC2002,SC2010,SC2012,SC2016,SC2086,SC2094,SC2143,SC2317
# det-train: a run's folder, what it says, and that nothing ends it for good.
. "$DET_SRC/tests/lib.sh"
. "$DET_SRC/tests/train.sh"
det-image -m T.det <val.det >one.det
det-image -m T.det --epochs 80 <val.det >s80.det
# train DIR [OPTION ...]: 20 iterations of 4 images
train() {
	dir=$1
	shift
	det-train -m T.det -o $dir --iterations 20 --batch 4 --log 3 "$@"
}
column() { # NAME FILE
	awk -F '\t' -v c="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) k = i; next } { print $k }' "$2"
}

# --- a run
ok "20 iterations" train a --val val.det --val-every 7 --ema .8 s80.det
train a --val val.det --val-every 7 --ema .8 s80.det --resume >out 2>&1
is "a run that is over has nothing more to do" "$? $(cat out)" \
	"0 det-train: nothing left to do: 20 of 20 iterations are done"
is "  nor to add" "$(column iteration a/val.tsv | tr '\n' ' ')$(column iteration a/log.tsv | tail -n 2 | tr '\n' ' ')" "7 14 20 18 20 "
rm -r a
train a --val val.det --val-every 7 --ema .8 s80.det >out 2>err
is "no message" "$(cat err)" ""
is "what is in its folder" "$(ls a | tr '\n' ' ')" \
	"best.det last.det log.tsv loss.svg recipe state.det times.tsv val.svg val.tsv "
ok "it prints its log" cmp out a/log.tsv
is "a row every three iterations, and the last" "$(column iteration a/log.tsv | tr '\n' ' ')" "3 6 9 12 15 18 20 "
is "images seen" "$(column images a/log.tsv | tail -n 1)" 80
is "the terms have columns, and their sum" "$(head -n 1 a/log.tsv | tr '\t' ' ')" \
	"iteration images cls box loss lr gradient most"
ok "which it is" awk -F '\t' 'NR > 1 && ($3 + $4 - $5) ^ 2 > 1e-6 { exit 1 }' a/log.tsv
ok "the loss falls" awk -F '\t' 'NR == 2 { a = $5 } END { exit !($5 < a / 4) }' a/log.tsv
is "times are apart" "$(column iteration a/times.tsv | tr '\n' ' ')" "3 6 9 12 15 18 20 "
is "validations" "$(column iteration a/val.tsv | tr '\n' ' ')" "7 14 20 "
ok "the model is a model" det-model check a/last.det
ok "which runs" det-run -m a/last.det dog.jpg
ok "a better one than it was" awk -F '\t' 'NR == 2 { a = $3 } END { exit !($3 > a) }' a/val.tsv
like "its history" "$(det-show --history a/last.det | tail -n 1)" \
	"^det-train [0-9.]* --model=T.det --iterations=20 .* # model [0-9a-f]{16}\$"
is "  with that of the data" "$(det-show --history a/last.det | cut -d ' ' -f 1 | tr '\n' ' ')" \
	"det-model det-gt det-image det-train "
for f in loss val; do
	like "$f.svg" "$(tail -n 1 a/$f.svg)" "</svg>"
done
is "validation is det-eval's" "$(det-image -m a/last.det <val.det | det-backbone -m a/last.det |
	det-head -m a/last.det | det-nms -m a/last.det | det-eval -q --tsv |
	awk -F '\t' '$4 == "AP" { printf "%.6g", $5 }')" "$(column AP a/val.tsv | tail -n 1)"

det-image -m T.det --epochs 5 <val.det | det-train -q -m T.det -o e --batch 2 \
	--val val.det --val-epochs 2 >/dev/null
is "--val-epochs" "$(column iteration e/val.tsv | tr '\n' ' ')" "2 3 "
is "a shorter last batch" "$(column images e/log.tsv | tail -n 1)" 5
det-image -m T.det --epochs 8 <val.det | det-train -q -m T.det -o f --batch 2 --accumulate 2 --log 1 >/dev/null
is "--accumulate" "$(cut -f 1,2 f/log.tsv | tail -n 2 | tr '\t\n' '  ')" "1 4 2 8 "
rm -r e f

# --- the same again
train b --val val.det --val-every 7 --ema .8 s80.det >/dev/null
ok "the same run gives the same bytes" same a b
cat s80.det | train c --val val.det --val-every 7 --ema .8 >/dev/null
ok "from a pipe as well" same a c
train d --log 3 --ema .8 -j 1 s80.det >/dev/null
train e --log 3 --ema .8 -j 2 s80.det >/dev/null
ok "one thread and two log the same" cmp d/log.tsv e/log.tsv
rm -r b c d e

# --- recipes
sed 's/^lr=.*/lr=0.001/' a/recipe >slow
det-train -m T.det -o b --recipe slow s80.det >/dev/null
is "a run's recipe is a recipe" "$(column lr b/log.tsv | sort -u) $(column iteration b/log.tsv | tail -n 1)" "0.001 20"
det-train -m T.det -o c --recipe slow --lr .01 --val val.det s80.det >/dev/null
ok "under the command line" cmp a/log.tsv c/log.tsv
printf '[det-train]\nloss=ssd neg=1\nloss=ssd neg=2\n' >two
like "lines of an option that is many" "$(train d --recipe two s80.det 2>&1 >/dev/null)" "ssd"
rm -rf b c d
like "a setting that is none" "$(printf '[det-train]\nlearning=1\n' | train b --recipe - s80.det 2>&1)" \
	"^det-train: -:2: 'learning' is no option of det-train"
not_ok "makes no folder" test -e b

# --- going on
head -c $(($(wc -c <s80.det) / 2 + 500)) s80.det >cut.det
train b --val val.det --val-every 7 --ema .8 cut.det >out 2>err
like "a cut stream: status, message" "$? $(cat err)" \
	"^2 det-train: cut.det: .*input ended early.*; iteration [0-9]+ is kept in b/state.det$"
ok "what was done until there is saved" det-model check b/last.det
train b --val val.det --val-every 7 --ema .8 s80.det >out 2>err
is "another run does not go over it" "$? $(head -n 1 err)" \
	"2 det-train: b holds a run: --resume goes on with it (or give another folder)"
train b --val val.det --val-every 7 --ema .8 --resume s80.det >out 2>err
is "--resume" "$? $(cat err)" "0 "
ok "goes on to the same bytes" same a b
rm -r b
train b --val val.det --val-every 7 --ema .8 --resume s80.det >/dev/null
ok "--resume of no run begins one" same a b
rm -r b
head -c $(($(wc -c <s80.det) / 4 + 500)) s80.det |
	train b --val val.det --val-every 7 --ema .8 >/dev/null 2>&1
det-train -o b --val val.det --resume s80.det >/dev/null
ok "without the model and the options: those of the run" same a b
rm -r b
head -c $(($(wc -c <s80.det) / 4 + 500)) s80.det |
	train b --val val.det --val-every 7 --ema .8 >/dev/null 2>&1
n=$(det-show --data --name train/state b/state.det | sed -n 's/.* items=//p')
is "items used up" "$n" 20
det-image -m T.det --epochs 80 --from "$n" <val.det |
	det-train -o b --val val.det --resume --from-item "$n" >/dev/null
ok "the rest alone, if that is said" same a b
like "too late a rest: refused" "$(det-train -o b --val val.det --resume --iterations 30 --from-item 81 s80.det 2>&1)" \
	"a stream from item 80 or before expected, found one from 81"
cp b/recipe whole
(sed -n 1,2p whole; echo '# a remark'; sed '1,2d; /^bn-form=/d' whole | sort) >b/recipe
cp b/recipe order
det-train -q -o b --resume --val val.det s80.det >out 2>err
is "a recipe in another order, without an option that stands at its default" "$? $(cat err)" "0 "
ok "  of a run that is over it stays as it is" cmp b/recipe order
printf '[det-train]\n# faster\nlr=1e-2\n' >again
cp whole b/recipe
det-train -q -o b --resume --recipe again --val val.det s80.det >out 2>err
is "--recipe that says the same" "$? $(cat err)" "0 "
ok "  neither has changed the run" same a b
echo lr=.02 >>again
sed -i '/^lr=1e-2/d' again
like "one that has changed: refused" "$(det-train -o b --resume --recipe again --val val.det s80.det 2>&1)" \
	"^det-train: a run goes on as it was begun, with 'lr=0.01': found 'lr=0.02'"
printf '[det-train]\nfreeze=head/*\n' >again
like "one that says more: refused" "$(det-train -o b --resume --recipe again --val val.det s80.det 2>&1)" \
	"^det-train: a run goes on as it was begun, without 'freeze': found 'freeze=head/\*'"
like "an option more: refused" "$(det-train -o b --resume --freeze 'head/*' --val val.det s80.det 2>&1)" \
	"^det-train: a run goes on as it was begun, without 'freeze': found 'freeze=head/\*'"
sed 's/^bn-form=/bn-shape=/' whole >b/recipe
like "an option that has another name now" "$(det-train -o b --resume --val val.det s80.det 2>&1)" \
	"^det-train: b/recipe:[0-9]*: 'bn-shape' is no option of det-train"
cp whole b/recipe
like "another rate: refused" "$(det-train -o b --resume --lr 1 --val val.det s80.det 2>&1)" \
	"^det-train: a run goes on as it was begun, with 'lr=0.01': found 'lr=1'"
det-model new --arch tiny_ssd --classes names --seed 4 -o U.det
like "another model: refused" "$(det-train -m U.det -o b --resume --val val.det s80.det 2>&1)" \
	"U.det: a run goes on from the model it began with"
ok "neither has changed the run" same a b
det-train -o b --resume --iterations 22 --val val.det s80.det >out 2>err
like "more iterations than the stream has" "$? $(cat err)" \
	"^2 det-train: .*the stream ended after iteration 20 of 22"
cat s80.det one.det one.det one.det one.det one.det one.det one.det one.det |
	det-train -o b --resume --iterations 22 --val val.det >out 2>&1
is "more iterations of a longer stream" "$? $(column iteration b/log.tsv | tail -n 1)" "0 22"
like "the state is no model to begin with" \
	"$(det-train -m a/state.det -o c s80.det 2>&1)" "is the state of a run"
rm -rf b c

# --- killed at any moment
endless() { # or nearly
	e=0
	while [ $e -lt 3000 ] && cat s80.det; do e=$((e + 1)); done 2>/dev/null
}
kills() { # DIR OPTION...: kills a run again and again until it comes to its end
	dir=$1
	shift
	k=0
	while [ $k -lt 100 ]; do
		endless | det-train -q -m T.det -o $dir --iterations 150 --batch 4 --log 7 \
			--ema .9 --checkpoint-every 8 --resume "$@" >/dev/null 2>>kill.err &
		pid=$!
		sleep "$(awk -v k=$k 'BEGIN { srand(k); print .02 + rand() * .04 * (k + 1) }')"
		kill -s KILL $pid 2>/dev/null
		wait $pid 2>/dev/null && break
		k=$((k + 1))
	done
	echo $k >kills
}
endless | det-train -q -m T.det -o a1 --iterations 150 --batch 4 --log 7 --ema .9 \
	--checkpoint-every 8 >/dev/null 2>&1
kills b 2>/dev/null
ok "killed $(cat kills) times, it says nothing" test ! -s kill.err
rm -f b/*.tmp.*
ok "and comes to the same end" same a1 b
rm -r b

mkfifo in
det-train -m T.det -o b --iterations 20 --batch 4 --log 3 --val val.det --val-every 7 --ema .8 \
	in >out 2>err &
pid=$!
exec 3>in
head -c $(($(wc -c <s80.det) / 2 + 500)) s80.det >&3
until_true grep -q '^9' out
like "the folder of a run at work is not another's" \
	"$(train b --val val.det --val-every 7 --ema .8 --resume s80.det 2>&1)" \
	"another det-train is at work in this folder"
kill -s TERM $pid
wait $pid
is "SIGTERM: status, message" "$? $(sed 's/ *(.*)//; s/iteration [0-9]*/iteration N/' err)" \
	"2 det-train: in: stopped by a signal after iteration N: --resume goes on from there"
exec 3>&-
rm in
train b --val val.det --val-every 7 --ema .8 --resume s80.det >/dev/null
ok "goes on to the same bytes" same a b
rm -r b
# ended while it validates: what that takes is ended too, and done again
many
children() { # how many tools are at work on its model
	grep -l -a "many-run/last[.]det" /proc/[0-9]*/cmdline 2>/dev/null | wc -l
}
validating() { # DIR [OPTION ...]
	dir=$1
	shift
	exec det-train -m T.det -o $dir --iterations 9 --batch 4 --val many.det --val-every 7 s80.det "$@"
}
(validating many-run >/dev/null 2>err) &
pid=$!
until_true test -e many-run/last.det
kill -s TERM $pid
wait $pid
is "SIGTERM in a validation: status, message" "$? $(sed 's/ *(.*)//' err)" \
	"2 det-train: s80.det: stopped by a signal after iteration 7: --resume goes on from there"
is "  none of its tools is left, it has no row" "$(children) $(column iteration many-run/val.tsv)" "0 "
is "  the state owes it" "$(det-show --data --name train/state many-run/state.det |
	grep -o -E '(validated|owed)=[0-9]*' | tr '\n' ' ')" "validated=0 owed=7 "
(validating many-run --resume >/dev/null 2>err)
is "  resumed, it is done first" "$? $(column iteration many-run/val.tsv | tr '\n' ' ')" "0 7 9 "
(validating c >/dev/null)
ok "  to the same bytes" same c many-run
rm -r many many-run c
endless | train b --iterations 1000000 --minutes .005 --val val.det --ema .8 >/dev/null 2>err
is "--minutes: status, message" "$? $(cat err)" "0 "
ok "ends in time, and is saved" det-model check b/last.det
rm -r b

# --- no room
train b --checkpoint-every 2 s80.det --ema .8 --iterations 4 >/dev/null
cp b/state.det was
(
	ulimit -f 100
	endless | det-train -o b --iterations 9 --resume >/dev/null 2>err
	echo $? >status
)
is "a state that does not fit: status, message" "$(cat status) $(cat err)" "2 det-train: b/state.det: File too large; iteration 4 is kept in b/state.det"
ok "the one before stays" cmp was b/state.det
is "nothing else does" "$(ls b | grep -v -E '^(state|last).det$|^(log|times).tsv$|^recipe$|^loss.svg$')" ""
rm -r b
train b --ema .8 s80.det >/dev/full 2>err
like "a full standard output" "$? $(cat err)" "^2 det-train: standard output: No space left on device; nothing is kept"
rm -r b

# --- numbers that are none
train b --lr 1000 --schedule constant --checkpoint-every 1 s80.det >out 2>err
like "a loss that is not finite: status, and where" "$? $(cat err)" \
	"^2 det-train: s80.det: iteration [0-9]* \(images 0 'dog.jpg', .*(not finite|NaN|infinit)"
ok "the last state is good" det-model check b/last.det
like "  it says what is kept, and what to do" "$(cat err)" \
	"; iteration [1-9][0-9]* is kept in b/state.det, from which --resume comes to this again: .*-m b/last.det and a lower --lr"
n=$(grep -o 'iteration [0-9]*' err | head -n 1 | cut -d ' ' -f 2)
rm -r b
train b --lr 1000 --schedule constant --checkpoint-every 2 s80.det >out 2>err
is "and is one from before" "$(det-show --data --name train/state b/state.det | sed -n 's/.* iteration=//p')" \
	$(((n - 1) / 2 * 2))
rm -r b

# --- what is fed to it
stream() { # BOXES...: items of one picture each, with these boxes
	echo STRM
	printf '  | %s\n' 'red disc' 'green disc' 'blue disc' 'square'
	for b; do
		echo "ITEM path=x.png width=200 height=100 input=96x96 map=\".48 .96 0 0\""
		printf 'BOXS name=gt space=image\n%b' "$b"
		echo 'TENS f32 1x3x96x96 name=image'
		awk 'BEGIN { for (i = 0; i < 9216; i++) print " ", i % 7 / 7, i % 5 / 5, i % 3 / 3 }'
	done
	echo END.
}
good='  10 10 90 60 1 0\n'
stream "$good" "$good  50 50 50 90 1 1\n" "$good  20 30 10 90 1 1\n  300 10 350 20 1 0\n" \
	"$good  10 10 90 60 1 3\n" "" "$good  190 90 220 130 1 1\n" | det-show --build - >odd.det
det-train -m T.det -o b --batch 2 --log 1 odd.det >out 2>err
is "boxes that are none: status" "$?" 0
is "are reported" "$(cat err)" "det-train: odd.det: warning: boxes without an area are left out; the first: item 1 'x.png': box 1: 24,48 24,86.4 in the input, class 'green disc'
det-train: odd.det: warning: boxes outside their picture are left out; the first: item 2 'x.png': box 2: 144,9.6 168,19.2 in the input, class 'red disc'
det-train: odd.det: warning: boxes of classes that the model does not have are left out; the first: item 3 'x.png': box 1: 4.8,9.6 43.2,57.6 in the input, class 'square'
det-train: odd.det: warning: 2 boxes without an area were left out"
is "and do no harm" "$(grep -c -i nan b/log.tsv) $(column iteration b/log.tsv | tail -n 1)" "0 3"
rm -r b
# says DESCRIPTION MESSAGE: of the stream on standard input
says() {
	det-train -m T.det -o b --batch 2 >out 2>err
	like "$1" "$? $(cat err)" "^2 det-train: stdin: $2\$"
	rm -rf b
}
det-show --data odd.det | sed '/^BOXS/,/^TENS/{/^TENS/!d;}' | det-show --build - >x.det
says "no objects" "item 0 'x.png': a list 'gt' of objects expected, found none: is det-gt missing\?" <x.det
says "no pictures" "item 0 'dog.jpg': a tensor 'image' expected, found none: is det-image missing\?" <val.det
printf '%s\n' STRM '  | cat' '  | dog' END. | det-show --build - >x.det
says "other classes" "no class of the stream is known to the model: the stream has 'cat', 'dog'; the model knows 'red disc', 'green disc', 'blue disc'" <x.det
sed 's/red disc/0/; s/green disc/1/; s/blue disc/2/' files/truth.csv | det-gt --csv /dev/stdin | det-image -q -m T.det >x.det
says "  put after the model's by det-image" "no class of the stream is known to the model: the stream has '0', '1', '2'; the model knows 'red disc', 'green disc', 'blue disc'" <x.det
ok "    of which nothing is left" test ! -e b
is "  one of several is enough" "$(sed 's/red disc/0/' files/truth.csv | det-gt --csv /dev/stdin | det-image -q -m T.det |
	det-train -q -m T.det -o b | wc -l; rm -r b)" 2
det-image -m T.det --scale 1 <val.det >x.det
says "other pixels than the model's" "item 0 'dog.jpg': tensor 'image' is rgb scale=1 .*; the model wants rgb scale=0.00392.*" <x.det
printf '%s\n' STRM END. | det-show --build - >x.det
says "nothing" "the stream has no images to train on" <x.det
det-model new --arch tiny_frcnn --classes names --seed 3 -o R.det
det-image -m R.det --fit stretch --size 128x96 <val.det >wide.det
det-image -m R.det --fit stretch --size 96x96 <val.det >square.det
cat square.det wide.det wide.det square.det | det-train -m R.det -o b --batch 2 --log 1 >out 2>err
like "another size ends a batch" "$(column images b/log.tsv | tr '\n' ' ')$(cat err)" \
	"^1 3 4 det-train: .*warning: a batch of 1 instead of 2 images"
rm -r b
printf '%s\n' STRM '  | red disc' 'ITEM path=a.jpg error="no such file"' END. | det-show --build - >bad.det
cat bad.det one.det one.det bad.det bad.det | det-train -m T.det -o b --batch 2 --log 1 >out 2>err
is "bad items are passed over: status, images" "$? $(column images b/log.tsv)" "0 2"
is "and told" "$(cat err)" "det-train: stdin: warning: bad items are left out; the first: item 0 'a.jpg': no such file
det-train: stdin: warning: 3 bad items were left out"
rm -r b
# of det-image's batches of four, three of one size, one of another
cat square.det bad.det square.det square.det square.det square.det bad.det square.det \
	square.det square.det square.det square.det wide.det wide.det wide.det wide.det |
	det-train -m R.det -o b --batch 4 --log 1 >out 2>err
is "bad items among groups: all good ones are trained on, once" "$? $(column images b/log.tsv | tr '\n' ' ')" "0 4 8 10 14 "
like "  the short batch is told" "$(grep instead err)" \
	"warning: a batch of 2 instead of 4 images, because the next has another size, and bad items are missing before it\$"
is "  the state has used up all items" "$(det-show --data --name train/state b/state.det | grep -o ' items=[0-9]*')" " items=16"
rm -r b
# everything that det-gt --check finds
mkdir faults
cp dog.jpg faults/good.jpg
cp dog.jpg faults/small.jpg
head -c 9000 dog.jpg >faults/cut.jpg
cat >faults/f.csv <<END
image,class,x1,y1,x2,y2,width,height
good.jpg,red disc,276,377,324,425,640,480
good.jpg,red disc,276,377,324,425,640,480
good.jpg,green disc,50,50,50,90,640,480
good.jpg,blue disc,700,50,800,90,640,480
good.jpg,blue disc,600,400,700,500,640,480
good.jpg,cat,60,40,70,50,640,480
cut.jpg,red disc,276,377,324,425,640,480
gone.jpg,red disc,276,377,324,425,640,480
small.jpg,red disc,276,377,324,425,320,240
END
cd faults || exit 2
is "faults of the data" "$(det-gt --csv f.csv --check | grep '^bad' | cut -f 2 | sort -u | tr '\n' ' ')" \
	"duplicate-box duplicate-image missing-image no-area outside size-mismatch unreadable-image "
det-gt --csv f.csv -o f.det
det-image -m ../T.det --epochs 3 <f.det 2>image.err |
	det-train -m ../T.det -o b --batch 2 --log 1 >out 2>err
is "a bad picture ends the pipe, with one line: status, ours" "$? $(grep -v warning err)" "2 "
like "  det-image's" "$(grep -v warning image.err)" "^det-image: item 1 'cut.jpg': JPEG: Premature end"
rm -rf b
det-image -m ../T.det --epochs 3 --skip-bad <f.det 2>image.err |
	det-train -m ../T.det -o b --batch 2 --log 1 >out 2>err
is "--skip-bad of det-image: the rest is trained on" "$? $(column images b/log.tsv | tr '\n' ' ')" "0 2 3 "
is "bad items and boxes are told, and one of two that are the same" "$(tail -n 3 err)" \
	"det-train: stdin: warning: 3 boxes of classes that the model does not have were left out
det-train: stdin: warning: 9 bad items were left out
det-train: stdin: warning: 3 of 9 objects, each counted as often as it came, had no anchor, cell or proposal to learn them"
like "  by det-image as well" "$(cat image.err)" "'good.jpg': .* 2 boxes of 'gt' are left out"
not_ok "no NaN" grep -i -E 'nan|inf' b/log.tsv
rm -r b
cd ..

like "--val of no file" "$(train b --val nowhere.det s80.det 2>&1 >out)" "--val nowhere.det: No such file"
is "  said before anything is trained" "$(cat out)" ""
rm -rf b
# --- objects that nothing is to learn
(head -n 3 files/truth.csv; sed -n 2,3p files/truth.csv) >twice.csv
det-model new --arch tiny_yolov1 --classes names -o Y.det
det-gt --csv twice.csv | det-image -m Y.det --epochs 12 >twice.det
det-train -m Y.det -o y --batch 4 twice.det >/dev/null 2>err
is "two objects in each of two cells: the run says it" "$? $(cat err)" \
	"0 det-train: twice.det: warning: 24 of 48 objects, each counted as often as it came, had no anchor, cell or proposal to learn them"
head -c $(($(wc -c <twice.det) / 2)) twice.det | det-train -q -m Y.det -o z --batch 4 >/dev/null 2>&1
det-train -o z --resume twice.det >/dev/null 2>err2
is "  when it was resumed, too" "$? $(cat err2)" "0 $(cat err)"
ok "  with the same state" cmp y/state.det z/state.det
rm -r y z

# --- a dry run
det-train -n -m T.det --batch 4 --freeze 'backbone/*' --lr-mult :bias=2 --decay-mult :bias=0 \
	s80.det >out 2>err
is "--dry-run: status" "$? $(cat err)" "0 "
like "what is trained" "$(head -n 1 out)" "^ssd over backbone, head"
is "the graph: a layer that stays, one that learns" \
	"$(grep -E '^(backbone/layer3.conv1|head/fc7_mbox_loc) ' out | tr -s ' ')" \
	"backbone/layer3.conv1 conv 4x16x6x6 1216 frozen - -
head/fc7_mbox_loc conv 4x24x6x6 3480 trained 1/2 1/0"
like "  its total" "$(cat out)" "^20 layers with 27264 numbers\$"
is "  of as many lines, and the inputs" "$(sed -n '/^layer /,/^[0-9]* layers/p' out | grep -c /)" 24
like "parameters" "$(cat out)" "^head/conv4_3_norm_mbox_loc.bias	16	16	bias\$"
like "those that are frozen" "$(cat out)" "^backbone/.*weight, frozen\$"
for w in 'batch: 4x3x96x96' 'objects: 32, of which 0 have no anchor' 'memory: [0-9.]* MiB of values' 'time: .* images a second' 'loss: cls [0-9]'; do
	like "  $w" "$(cat out)" "$w"
done
is "no folder" "$(find . -name state.det | tr '\n' ' ')" "$(find . -path './a*' -name state.det | tr '\n' ' ')"
det-model new --arch tiny_retinanet --classes names -o R.det
det-image -m R.det <val.det | det-train -n -m R.det --freeze :bias >out 2>err
is "the graph: levels with the same weights" \
	"$(grep -E '^head/p[37]c.out ' out | tr -s ' ')" \
	"head/p3c.out conv 1x27x12x16 1971 in part 1 1
head/p7c.out conv 1x27x1x1 1971 in part, shared 1 1"
is "  which count once: as many numbers as parameters have" \
	"$(sed -n 's/.* layers with \([0-9]*\) numbers/\1/p' out)" \
	"$(awk -F '\t' 'NF == 4 && NR > 1 { n += $3 } END { print n + 0 }' out)"
like "no folder given" "$(det-train -m T.det s80.det 2>&1)" "which folder\? give -o DIR"
like "no model given" "$(det-train -o b s80.det 2>&1)" "which model\? give -m MODEL"
done_testing
