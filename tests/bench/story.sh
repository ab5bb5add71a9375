#!/bin/sh
# The speed story of object detectors, on one processor: seconds that the published systems
# take for a picture, stage by stage, with random weights (which take as long as learnt ones).
# Called by run.sh with a work folder; PATH has the tools.
#
#   PHOTO    the picture; default: the first of the shared data's voc100
#   BOXES    its proposals; default 2000, by selective search, fast
#   CROPS    of which R-CNN's networks see this many and a third of that; what two thirds take
#            tells what all would; default 24
#   SYSTEMS  default "rcnn spp fast frcnn"
#
# A stage reads and writes files, alone, on one thread; what counts is its process's CPU time
# (user and system), which other work on the machine changes little. Networks run on the
# picture once, and in another process four times, and a third of the difference counts: so
# neither opening the model nor preparing its weights does. Ratios stand beside those that SPP-net (He et al.,
# 2014, table 10) and Fast R-CNN (Girshick, 2015, table 4) published, which are of GPUs.
set -u
cd "$1" || exit 2
boxes=${BOXES:-2000} crops=${CROPS:-24} systems=${SYSTEMS:-rcnn spp fast frcnn}
for p in "$DET_SRC"/../shared/data/voc100/images/*.jpg; do
	: "${PHOTO:=$p}"
done
[ -f "$PHOTO" ] || { echo "story: no picture: set PHOTO" >&2; exit 2; }
OPENBLAS_CORETYPE=${OPENBLAS_CORETYPE:-SkylakeX} LC_ALL=C
export OPENBLAS_CORETYPE LC_ALL

# CPU seconds of all that this shell has waited for
cpu() {
	times >cpu.times
	awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); s += 60 * t[1] + t[2] } print s }' cpu.times
}

must() {
	"$@" || { echo "story: failed: $*" >&2; exit 2; }
}

# stage NAME COMMAND...: its time, a line of `log`
stage() {
	name=$1
	shift
	cpu >t0
	must "$@" -j 1 -q
	cpu >t1
	paste t0 t1 | awk -v name="$name" '{ printf "%s\t%.4f\n", name, $2 - $1 }' >>log
}

# net NAME IN OUT OPTION...: what det-backbone takes for IN once more
net() {
	name=$1 from=$2 to=$3
	shift 3
	cat "$from" "$from" "$from" "$from" >again.det
	cpu >t0
	must det-backbone "$@" -j 1 -q "$from" -o "$to"
	cpu >t1
	must det-backbone "$@" -j 1 -q again.det -o null.det
	cpu >t2
	paste t0 t1 t2 | awk -v name="$name" '{ printf "%s\t%.4f\n", name, ($3 - 2 * $2 + $1) / 3 }' >>log
}

# rows NAME OPTION...: what all proposals would take, by few.det and more.det of crops
rows() {
	name=$1
	shift
	cpu >t0
	must det-backbone "$@" -j 1 -q few.det -o null.det
	cpu >t1
	must det-backbone "$@" -j 1 -q more.det -o maps.det
	cpu >t2
	paste t0 t1 t2 | awk -v name="$name" -v share="$(awk "BEGIN { print $boxes / ($crops - int($crops / 3)) }")" \
		'{ printf "%s\t%.4f\n", name, ($3 - 2 * $2 + $1) * share }' >>log
}

# what is in `log`, and the sum, which is left in the file `sum`
table() { # TITLE
	awk -F '\t' -v title="$1" '
		{ order[++n] = $1; s[n] = $2; all += $2 }
		END {
			printf "%-26s %9.3f s:", title, all
			for (i = 1; i <= n; i++)
				printf " %s %.3f%s", order[i], s[i], i < n ? "," : "\n"
			print all >"sum"
		}' log
	: >log
}

model() { # ARCH: its model, made if need be
	[ -s "$1.det" ] || must det-model new --arch "$1" --seed 1 -q -o "$1.det"
}

only() { # N: a stream with N proposals of the picture
	det-show --data proposals.det | awk -v n="$1" '/^[A-Z]/ { k = 0 } /^ / && k++ >= n { next } { print }' |
		det-show --build -
}

# R-CNN's two sets of crops, cut as the model has it and named as its network's input
cut() { # MODEL [OPTION...]
	m=$1
	shift
	only "$((crops / 3))" | det-image -m "$m" -q | det-roipool -m "$m" "$@" -q -o few.det
	only "$crops" | det-image -m "$m" -q | det-roipool -m "$m" "$@" -q -o more.det
}

crops() { # ARCH
	model "$1"
	stage image det-image -m "$1.det" -o in.det <proposals.det
	stage crop det-roipool -m "$1.det" in.det -o rows.det
	cut "$1.det"
	rows network -m "$1.det"
	table "R-CNN ($1)"
}

# A map for all proposals; leaves the time of its convolutions in the file `conv`.
shared() { # ARCH SCALES
	model "$1"
	n=$(echo "$2" | tr ',' '\n' | grep -c .)
	stage image det-image -m "$1.det" --scales "$2" --long 2000 -o in.det <proposals.det
	net conv in.det maps.det -m "$1.det"
	sed -n 's/^conv.//p' log >conv
	stage pool det-roipool -m "$1.det" --scales "$n" maps.det -o rows.det
	net fc rows.det null.det -m "$1.det" --net head
}

echo "${PHOTO##*/}, $boxes proposals; seconds a picture, one thread"
: >log
must det-image -q --fit none "$PHOTO" -o raw.det
stage regions det-propose --selective-search fast --max "$boxes" raw.det -o proposals.det
table "selective search"

for s in $systems; do
	case $s in
	rcnn)
		crops rcnn_vgg16
		cp sum rcnn.sum
		crops rcnn_alexnet
		;;
	spp)
		# SPP-net's own comparison: what one network's convolutions take for crops and
		# for whole pictures
		model spp_zf
		cut spp_zf.det --op warp --size 224x224 --context 16 --out image
		# the network alone, which has nothing to say of how crops are made
		[ -s zf.det ] || {
			det-show --data --name net/backbone spp_zf.det | sed -n 's/^  | //p' >zf.txt
			must det-model new --net zf.txt --seed 1 -q -o zf.det
		}
		rows conv -m zf.det
		table "crops by ZF-5, features"
		cp sum zf.sum
		for scales in 688 480,576,688,864,1200; do
			shared spp_zf "$scales"
			cp conv "conv.${#scales}"
			table "SPP-net, ZF-5, $(echo "$scales" | tr ',' '\n' | grep -c .) scale(s)"
		done
		paste zf.sum conv.3 conv.20 | awk '{
			printf "  features of crops take %.0f x as long as at one scale (published 270), %.0f x as at five (49)\n",
			    $1 / $2, $1 / $3 }'
		;;
	fast)
		shared fast_rcnn_vgg16 600
		cp log whole
		table "Fast R-CNN, VGG16"
		cp sum fast.sum
		# its layers of rank 1024 and 256, as det-model svd would make them
		cat >thin.txt <<-'END'
			net backbone
			input rois 512 7 7
			fc6_svd = fc(rois) out=1024 bias=0
			fc6 = fc(fc6_svd) out=4096 act=relu
			fc7_svd = fc(fc6) out=256 bias=0
			fc7 = fc(fc7_svd) out=4096 act=relu
			cls_score = fc(fc7) out=21
			bbox_pred = fc(fc7) out=84
			output cls=cls_score box=bbox_pred
		END
		[ -s thin.det ] || must det-model new --net thin.txt --seed 1 -q -o thin.det
		sed '/^fc/d' whole >log
		net fc rows.det null.det -m thin.det
		table "Fast R-CNN, VGG16, SVD"
		[ ! -s rcnn.sum ] || paste rcnn.sum fast.sum sum | awk '{
			printf "  R-CNN (VGG16) takes %.0f x as long as Fast R-CNN (published 146), %.0f x with SVD (213)\n",
			    $1 / $2, $1 / $3 }'
		;;
	frcnn)
		model fasterrcnn_vgg16
		m=fasterrcnn_vgg16.det
		stage image det-image -m $m -o in.det <proposals.det
		net conv in.det maps.det -m $m
		stage rpn det-propose -m $m --boxes rpn maps.det -o own.det
		stage pool det-roipool -m $m --boxes rpn own.det -o rows.det
		net fc rows.det null.det -m $m --net head
		table "Faster R-CNN, VGG16"
		;;
	esac
done
rm -f in.det few.det more.det rows.det maps.det null.det own.det again.det
