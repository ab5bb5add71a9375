# shellcheck shell=sh
# Whole detectors of each family, small, against torchvision's own classes with the same weights
# (tests/oracle/tiny.py wrote tests/golden/tiny_*.txt): feature maps and final boxes.
. "$DET_SRC/tests/lib.sh"

golden=$DET_SRC/tests/golden

make_model() { # ARCH: the seeded model with normalisations that do something
	det-model new --arch "$1" --seed "$(sed -n 's/^seed //p' "$golden/$1.txt")" |
		det-show --data | awk -f "$golden/norms.awk" >model.txt
	det-show --build model.txt -o "$1.det"
}

picture() { # W H N
	LC_ALL=C awk -v w="$1" -v h="$2" -v n="$3" -f "$golden/picture.awk" >"$1x$2.ppm"
}

# The whole pipe, the feature maps kept; boxes are the picture's, the 20 best.
detect() { # MODEL PICTURE
	case $1 in
	*frcnn*)
		det-image -m "$1" --rule tv32 "$2" | det-backbone -m "$1" | det-anchors -m "$1" |
			det-propose --keep -m "$1" | det-roipool --keep -m "$1" | det-head -m "$1"
		;;
	*retinanet*)
		det-image -m "$1" --rule tv32 "$2" | det-backbone -m "$1" | det-anchors -m "$1" |
			det-head --keep -m "$1"
		;;
	*)
		det-image -m "$1" "$2" | det-backbone -m "$1" | det-anchors -m "$1" |
			det-head --keep -m "$1"
		;;
	esac | det-nms -m "$1" --max 20 | det-show --data
}

compare() { # DESCRIPTION ARCH WHICH-CASE VALUES
	awk -v at="$3" -f "$golden/compare.awk" "$golden/$2.txt" found.txt >result
	grep '^#' result
	boxes=$(awk -v at="$3" '$1 == "picture" { n++ } $1 == "none" { n = "none" }
		n == at && $1 == "box" { b++ } END { print b + 0 }' "$golden/$2.txt")
	is "$1" "$(tail -n 1 result)" "$4 of $4 values, $boxes of $boxes boxes, $boxes of $boxes back"
}

for arch in tiny_frcnn tiny_retinanet tiny_ssd; do
	make_model $arch
	sed '/^none/,$d' "$golden/$arch.txt" | grep '^picture' >cases
	n=0
	while read -r _ w h p; do
		n=$((n + 1))
		picture "$w" "$h" "$p"
		detect $arch.det "${w}x$h.ppm" >found.txt
		values=20
		[ $arch = tiny_ssd ] && values=12
		compare "$arch: ${w}x$h as torchvision has it" $arch $n $values
		is "$arch: ${w}x$h by det-run" \
			"$(det-run -m $arch.det --set det-nms.max=20 --set det-image.rule=tv32 "${w}x$h.ppm" | wc -l | tr -d ' ')" \
			"$(sed -n '/^BOXS.* name=boxes /,/^[TIE]/p' found.txt | grep -c '^  ')"
	done <cases
	is "$arch: cases" "$n" 5
done

# An RPN that leaves nothing, and a threshold that does.
det-show --data tiny_frcnn.det | sed 's/min_size=\.001/min_size=1000/' | det-show --build - -o none_frcnn.det
detect none_frcnn.det 160x120.ppm >found.txt
like "no proposal: an empty list" "$(det-image -m none_frcnn.det 160x120.ppm |
	det-backbone -m none_frcnn.det | det-propose -m none_frcnn.det | det-show)" 'proposals +0 boxes'
compare "and no box, the maps being the same" tiny_frcnn none 20
is "by det-run too" "$(det-run -m none_frcnn.det 160x120.ppm 64x64.ppm | cut -f 1,2 | tr '\t\n' '  ')" \
	"160x120.ppm - 64x64.ppm - "
for arch in tiny_frcnn tiny_retinanet tiny_ssd; do
	is "$arch: a threshold that nothing passes" \
		"$(det-run -m $arch.det -t .99999 160x120.ppm | cut -f 2)" "-"
done

# The comparison itself can fail.
detect tiny_ssd.det 160x120.ppm >found.txt
is "another picture's boxes do not pass" "$(awk -v at=2 -f "$golden/compare.awk" \
	"$golden/tiny_ssd.txt" found.txt | tail -n 1 | grep -c '20 of 20')" 0
det-image -m tiny_ssd.det 160x120.ppm | det-backbone -m tiny_ssd.det |
	det-head --keep -m tiny_ssd.det | det-nms -m tiny_ssd.det --max 20 --iou .1 | det-show --data >found.txt
is "nor do those of another suppression" "$(awk -v at=1 -f "$golden/compare.awk" \
	"$golden/tiny_ssd.txt" found.txt | tail -n 1 | grep -c '20 of 20')" 0
done_testing
