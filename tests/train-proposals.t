# shellcheck shell=sh disable=SC1091,SC2016,SC2046,SC2086,SC2094,SC2317
# Detectors on proposals that come with the pictures, from the stream to boxes: Fast R-CNN,
# SPP-net, R-CNN.
. "$DET_SRC/tests/lib.sh"
. "$DET_SRC/tests/train.sh"

# --- the stream: pictures, objects, proposals
det-image <val.det | det-propose --selective-search fast --max 300 -o p.det
is "the stream has lists, and no pictures" "$(det-show p.det | awk '/^BOXS/ { print $2 } /^TENS/')" \
	"gt
proposals"

column() { # FILE NAME: first and last value of a column
	awk -F '\t' -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
		NR == 2 { a = $c } { b = $c } END { print a, b }' "$1"
}
falls() { # FILE NAME
	set -- $(column "$1" "$2")
	awk "BEGIN { exit !($2 < .8 * $1) }"
}
terms() { head -n 1 "$1" | cut -f 3-4; }

said() { # but for the one of eight objects that no proposal leads to
	grep -v "^det-train: stdin: warning: [0-9]*0 of [0-9]*0 objects, .* had no anchor, cell or proposal" err
}

train() { # ARCH DIR [OPTION ...]
	arch=$1 dir=$2
	shift 2
	det-image -m $arch.det --train --epochs 0 --shuffle --batch 2 --augment flip <p.det |
		det-train -m $arch.det -o $dir --iterations 40 --log 5 --batch 2 --lr .01 \
			--clip 10 "$@" 2>err
}
for arch in tiny_fast_rcnn tiny_spp tiny_rcnn; do
	det-model new --arch $arch --classes names --seed 3 -o $arch.det
	is "$arch is whole" "$(det-model check $arch.det)" "$arch.det: ok"
	train $arch $arch >log
	is "$arch: is trained" "$? $(said)" "0 "
	like "  objects that no proposal leads to" "$(cat err)" ": 80 of 640 objects"
	ok "  the loss falls" falls $arch/log.tsv loss
	is "  the model that it becomes is whole" "$(det-model check $arch/last.det)" "$arch/last.det: ok"
	# stage by stage, on the proposals of the stream
	m=$arch/last.det
	case $arch in
	tiny_rcnn) det-image -m $m <p.det | det-roipool -m $m | det-backbone -m $m ;;
	*) det-image -m $m <p.det | det-backbone -m $m | det-roipool -m $m ;;
	esac | det-head -m $m --thresh 0 | det-nms -m $m -o found.det
	is "  it runs on the stream's proposals" "$? $(det-show found.det | grep -c '^BOXS *boxes')" "0 1"
	# from the picture alone
	det-run -m $m dog.jpg >boxes 2>err
	is "  and on a picture" "$? $(said)" "0 "
done
is "terms of Fast R-CNN" "$(terms tiny_fast_rcnn/log.tsv)" "cls	box"
is "of SPP-net, which has no boxes yet" "$(terms tiny_spp/log.tsv)" "cls	loss"

# --- under augmentation the list goes where the pictures go: objects as proposals stay objects
det-propose --from gt <val.det -o from.det
for how in 'flip mirror=1' 'flip mirror=1 vmirror=1 expand=1,3'; do
	det-image -m tiny_rcnn.det --train --epochs 2 --augment "$how" <from.det |
		det-roipool --op warp --size 9x9 --context 1 --boxes gt --out a --keep |
		det-roipool --op warp --size 9x9 --context 1 --boxes proposals --out b -o rows.det
	for n in a b; do
		det-show --data --name $n rows.det | sed 's/^TENS .*/TENS/' >$n
	done
	is "$how: the rows of both lists" "$(cmp a b && grep -c TENS a) $(wc -l <a)" "2 434"
done

# --- what is frozen
train tiny_spp frozen --freeze 'backbone/*' >log
is "convolutions that stay" "$? $(said)" "0 "
same_weights() { # FILE FILE: all of the backbone's
	for n in $(det-model list --tsv "$1" | grep -o 'backbone/[^	]*'); do
		det-show --data --name "$n" "$1" | sed 1d >one
		det-show --data --name "$n" "$2" | sed 1d >two
		cmp one two || return 1
	done
	[ -n "$n" ]
}
ok "  have the weights that they had" same_weights frozen/last.det tiny_spp.det
not_ok "  which is not so of others" same_weights tiny_spp/last.det tiny_spp.det

# --- evaluations
is "a run with --val, whose pictures bring proposals" \
	"$(train tiny_fast_rcnn v --val p.det --val-every 20 >log; echo $? $(wc -l <v/val.tsv) $(said))" "0 3"
is "one whose pictures don't: the pipe makes them" \
	"$(train tiny_fast_rcnn w --val val.det >log; echo $? $(wc -l <w/val.tsv) $(said))" "0 2"
cat p.det val.det >some.det
train tiny_fast_rcnn x --val some.det >log
like "one where some do: refused" "$? $(cat err)" "^2 .*some.det: .*'proposals'.* found none"
train tiny_fast_rcnn z --iterations 20 >log
train tiny_fast_rcnn z --iterations 40 --resume >log
ok "a run that is gone on with comes to the same losses" cmp tiny_fast_rcnn/log.tsv z/log.tsv

# --- targets normalised by what the proposals are
decode() { # MODEL: what its decode line has been given
	det-show --data --name decode "$1" | grep -o 'mean=.*'
}
det-model norm -m tiny_fast_rcnn.det p.det -o normed.det 2>err
is "det-model norm" "$? $(awk '{ print NF }' err | sort -u | tr '\n' ' ')" "0 11 12 "
is "  the model that it makes is whole" "$(det-model check normed.det)" "normed.det: ok"
is "  four numbers a class, of either kind" "$(decode normed.det | tr ', ' '[\n*]' | wc -l)" 24
# shellcheck disable=SC2002 # a pipe is what is wanted
cat p.det | det-model norm -q -m tiny_fast_rcnn.det -o piped.det
is "  of a pipe the same" "$(decode piped.det)" "$(decode normed.det)"
det-model norm -q -m normed.det p.det -o again.det
is "  a second time the same" "$(decode again.det)" "$(decode normed.det)"
det-model norm -q -m tiny_fast_rcnn.det --flip p.det -o flip.det
is "  with mirror images nothing lies to one side" \
	"$(decode flip.det | sed 's/ .*//; s/mean=//' | tr , '\n' | awk 'NR % 4 == 1 && $1 * $1 > 1e-14')" ""
det-image -m tiny_fast_rcnn.det --train <p.det | det-model norm -q -m tiny_fast_rcnn.det -o mapped.det
is "  in the input's pixels all but the same" "$(
	decode normed.det | tr ' ,=' '[\n*]' >a
	decode mapped.det | tr ' ,=' '[\n*]' >b
	paste a b | awk '($1 - $2) ^ 2 > 1e-6 { print }'
)" ""
cp normed.det n1.det
train n1 n1 --loss 'rcnn sample=64 positive=.25 least=.1 beta=1 norm=class' >log
is "it is trained on" "$? $(said)" "0 "
ok "  the loss falls" falls n1/log.tsv loss
is "  what was measured stays" "$(decode n1/last.det)" "$(decode normed.det)"
det-run -m n1/last.det dog.jpg >boxes 2>err
is "  it runs" "$? $(said)" "0 "
train tiny_fast_rcnn no --loss 'rcnn norm=class' >log
like "what asks for it is not trained without" "$? $(cat err)" "^2 .*norm=class: .*'det-model norm' measures them"
norm_says() { # DESCRIPTION REGEX [OPTION ...]: of the stream on standard input
	d=$1 re=$2
	shift 2
	det-model norm "$@" >none 2>err
	like "norm: $d" "$? $(cat err)" "^2 $re"
}
norm_says "no proposals" ".*item 0 'dog.jpg': a list 'proposals' of boxes expected" -m tiny_fast_rcnn.det <val.det
norm_says "no objects" ".*a list 'truth' of objects expected" -m tiny_fast_rcnn.det --gt truth <p.det
norm_says "a model of proposals that stay" ".*rcnn\(cls, box\) expected" -m tiny_spp.det <p.det
det-model new --arch tiny_frcnn --classes names -o frcnn.det
norm_says "one that makes them" ".*makes proposals of its own" -m frcnn.det <p.det
norm_says "no stream" ".*which model" <p.det
head -c 3000 p.det >cut.det
norm_says "a cut stream" ".*cut.det: .*" -m tiny_fast_rcnn.det cut.det
norm_says "nothing that is near an object" ".*no proposal overlaps an object" -q -m tiny_fast_rcnn.det --gt proposals <p.det

# --- what is refused
det-image -m tiny_fast_rcnn.det --train --batch 1 <val.det |
	det-train -m tiny_fast_rcnn.det -o no --iterations 1 --batch 1 >log 2>err
like "a stream without proposals" "$? $(cat err)" "^2 .*a list 'proposals' of boxes expected, found none: is det-propose missing before det-image"

# --- broken lists: two objects, and what is said of them
some_gt='BOXS name=gt space=image\n  395 265 446 316 1 1\n  276 377 324 425 1 2'
of() { # GT PROPOSALS: a stream
	printf 'STRM\n  | blue disc\n  | green disc\n  | red disc\nITEM id=0 path=dog.jpg width=640 height=480\n%b%bEND.\n' \
		"$1\n" "${2:+$2\n}" | det-show --build - >of.det
}
places() { # BOX ...: a list of proposals
	printf 'BOXS name=proposals space=image'
	for b in "$@"; do printf '\\n  %s 1 -1' "$b"; done
}
try() { # ARCH: trains on it; what is said, and the last loss
	rm -rf tried
	det-image -m $1.det --train --epochs 3 <of.det 2>err0 |
		det-train -m $1.det -o tried --batch 1 --log 1 >log 2>err
	echo "$? $(cat err0 err) $(tail -n 1 log | cut -f 2,3)"
}
for arch in tiny_fast_rcnn tiny_rcnn; do
	of "$some_gt" "$(places '392 260 440 320' '270 370 330 430')"
	like "$arch: two objects, two places" "$(try $arch)" "^0  3	[0-9.]+$"
	of "$some_gt" "$(places '392 260 nan 320')"
	like "  not a number" "$(try $arch)" "^2 det-image: .*box 0 of 'proposals' holds NaN"
	of 'BOXS name=gt space=image\n  nan 265 446 316 1 1' "$(places '392 260 440 320')"
	like "  an object that is none" "$(try $arch)" "^2 det-image: 'dog.jpg': box 0 of 'gt' holds NaN"
	of "$some_gt" "$(places)"
	like "  an empty list: objects are learnt from" "$(try $arch)" "^0 .*: 6 of 6 objects, .* 3	0\.[0-9]+$"
	of 'BOXS name=gt space=image' "$(places '392 260 440 320')"
	like "  no objects: nothing is" "$(try $arch)" "^0  3	[0-9.]+$"
	of 'BOXS name=gt space=image' "$(places)"
	is "  neither" "$(try $arch)" "0  3	0"
	of "$some_gt" "$(places '1000 1000 1100 1100' '-50 -50 -10 -10' '-1e300 -1e300 1e300 1e300')"
	like "  outside the picture, or all over it" "$(try $arch)" "^0 .*: 6 of 6 objects, .* 3	[0-9.]+$"
	of "$some_gt" "$(places '392 260 440 320' '30 30 30 60' '90 90 20 20')"
	like "  without an area" "$(try $arch | tr '\n' ' ')" \
		"^0 .*proposals without an area are left out; the first: item 0 'dog.jpg': 'proposals', box 1: .*warning: 6 proposals without an area were left out.* 3 of 6 objects"
	of "$some_gt" "$(places '392 260 440 320' | sed 's/ -1$/ 77/')"
	like "  labels of places mean nothing" "$(try $arch)" "^0 .* 3 of 6 objects, "
	of 'BOXS name=gt space=image\n  395 265 446 316 1 9' "$(places '392 260 440 320')"
	like "  labels of objects do" "$(try $arch | tr '\n' ' ')" "^0 .*classes that the model does not have are left out; .*label 9.* 3 boxes of classes"
	of "$some_gt" "$(places '392 260 440 320' | sed s/proposals/places/)"
	like "  a list of another name" "$(try $arch)" "^2 .*item 0 'dog.jpg': a list 'proposals' of boxes expected, found none"
	of "$some_gt" ''
	like "  no list" "$(try $arch)" "^2 .*a list 'proposals' of boxes expected, found none"
done

# --- threads, and rows in parts
for arch in tiny_fast_rcnn tiny_spp tiny_rcnn; do
	train $arch j1 --iterations 6 -j 1 >log
	train $arch j3 --iterations 6 -j 3 >log
	is "$arch: any number of threads" "$(cmp j1/last.det j3/last.det && cmp j1/log.tsv j3/log.tsv && echo the same)" "the same"
	rm -rf j1 j3
done
det-image -m tiny_rcnn.det <p.det | det-roipool -m tiny_rcnn.det -o rows.det
values() { # ROWS: of all rows
	det-backbone -m tiny_rcnn.det --rows "$1" rows.det | det-show --data --name fc7 | sed 1d | tr -s ' ' '\n' | grep .
}
values 0 >whole
for n in 1 7 299 300 1000000; do
	values $n >parts
	is "rows, $n at a time: the same but for rounding" \
		"$(paste whole parts | awk '{ d = $1 - $2 } d * d > 1e-9 { bad++ } END { print (NR > 1000) + 0, bad + 0 }')" "1 0"
done
is "  more than there are: to the bit" "$(values 1000000 | cmp - whole)" ""

det-image -m tiny_fast_rcnn.det --train --batch 1 <p.det |
	det-train -m tiny_fast_rcnn.det -n --batch 1 --loss 'rcnn pre=5' >log 2>err
like "a key that proposals of the stream have no use for" "$? $(cat err)" "^2 .*unknown key 'pre'"
det-image -m tiny_fast_rcnn.det --train --batch 1 <p.det |
	det-train -m tiny_fast_rcnn.det -n --batch 1 --freeze 'backbone/*' >log 2>err
like "what it takes, tried" "$? $(cat err log)" "^0 rcnn over backbone, head"
done_testing
