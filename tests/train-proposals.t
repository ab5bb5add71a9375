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
is "  four numbers a class, of either kind" "$(decode normed.det | tr ', ' '\n\n' | wc -l)" 24
cat p.det | det-model norm -q -m tiny_fast_rcnn.det -o piped.det
is "  of a pipe the same" "$(decode piped.det)" "$(decode normed.det)"
det-model norm -q -m normed.det p.det -o again.det
is "  a second time the same" "$(decode again.det)" "$(decode normed.det)"
det-model norm -q -m tiny_fast_rcnn.det --flip p.det -o flip.det
is "  with mirror images nothing lies to one side" \
	"$(decode flip.det | sed 's/ .*//; s/mean=//' | tr , '\n' | awk 'NR % 4 == 1 && $1 * $1 > 1e-14')" ""
det-image -m tiny_fast_rcnn.det --train <p.det | det-model norm -q -m tiny_fast_rcnn.det -o mapped.det
is "  in the input's pixels all but the same" "$(
	decode normed.det | tr ' ,=' '\n\n\n' >a
	decode mapped.det | tr ' ,=' '\n\n\n' >b
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
det-image -m tiny_fast_rcnn.det --train --batch 1 <p.det |
	det-train -m tiny_fast_rcnn.det -n --batch 1 --loss 'rcnn pre=5' >log 2>err
like "a key that proposals of the stream have no use for" "$? $(cat err)" "^2 .*unknown key 'pre'"
det-image -m tiny_fast_rcnn.det --train --batch 1 <p.det |
	det-train -m tiny_fast_rcnn.det -n --batch 1 --freeze 'backbone/*' >log 2>err
like "what it takes, tried" "$? $(cat err log)" "^0 rcnn over backbone, head"
done_testing
