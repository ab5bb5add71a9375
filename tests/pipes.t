# shellcheck shell=sh
# The pipes of det(7): each line of "Detectors and their pipes", stage by stage with a small
# model of that kind, finds what det-run finds, which takes the pipe that the model carries.
. "$DET_SRC/tests/lib.sh"
(. "$DET_SRC/tests/fixture.sh") >/dev/null

# NAME<tab>PIPE, of the page's list
sed -n '/^\.Ss Detectors and their pipes/,/^\.El/p' "$DET_SRC/man/det.7" |
	awk '/^\.It / { name = substr($0, 5) } /^\.Dl / { print name "\t" substr($0, 5) }' >pipes
small() { # NAME: the small models of that kind
	case $1 in
	HOG*) echo hog ;;
	R-CNN) echo tiny_rcnn ;;
	SPP-net) echo tiny_spp ;;
	'Fast R-CNN') echo tiny_fast_rcnn ;;
	Faster*) echo tiny_frcnn ;;
	YOLOv[123]) echo "$1" | sed 's/YOLO/tiny_yolo/' ;;
	SSD*) echo tiny_ssd ;;
	RetinaNet) echo tiny_retinanet ;;
	Classifiers*) echo squeezenet1_1 ;;
	*) echo unknown ;;
	esac
}
is "every detector has a pipe" "$(grep -c . pipes)" \
	"$(sed -n '/^\.Ss Detectors and their pipes/,/^\.El/p' "$DET_SRC/man/det.7" | grep -c '^\.It ')"
tab=$(printf '\t')
while IFS="$tab" read -r name pipe; do
	case $pipe in
	det-merge*) continue ;;
	esac
	det-model new --arch "$(small "$name")" --seed 5 -o m.det
	# the first stage has the picture, each its model
	line=$(echo "$pipe" | sed 's/det-[a-z]*/& -m m.det/g; s/m\.det/& dog.jpg/; s/det-head/& -t .001/')
	sh -c "$line" 2>err | det-export >found
	det-run -m m.det -t .001 dog.jpg >wanted
	is "$name: the pipe of det-run" "$(cat err)$(cut -f 2- found)" "$(cut -f 2- wanted)"
	ok "$name: finds something" test "$(wc -l <found)" -gt 1
	case $name in
	'Fast R-CNN') sh -c "$line" 2>err >fast.det ;;
	YOLOv3) sh -c "$line" 2>err >yolo.det ;;
	esac
done <pipes
grep det-merge pipes | cut -f 2 >merge.sh
is "two detectors are joined in one line" "$(grep -c . merge.sh)" 1
sh merge.sh 2>err | det-show >merged
is "as many boxes as Fast R-CNN's" "$(cat err)$(grep 'BOXS  boxes' merged)" "$(det-show fast.det | grep 'BOXS  boxes')"
done_testing
