# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"
mkdir files
(cd files && . "$DET_SRC/tests/fixture.sh")

# What a stream holds, without its history
plain() { det-show --data "$@" | grep -v '^STRM'; }
boxes() { det-show --data "$@" | awk '/^  [-0-9]/ && NF == 9'; }
says() { # DESCRIPTION REGEX ARG...: fails and says that
	says_d=$1 says_r=$2
	shift 2
	det-scene "$@" >out 2>err </dev/null
	is "$says_d: status" "$?" 2
	like "and says so" "$(cat err)" "$says_r"
}
scene() { det-scene --size 96x64 "$@"; }

# --- chance
scene --count 7 -o seven.det
is "so many scenes" "$(plain seven.det | grep -c '^ITEM')" 7
is "named by number" "$(plain seven.det | sed -n 's/^ITEM \(.*\)/\1/p' | head -n 2)" \
	"id=0 path=scene-000000.ppm width=96 height=64
id=1 path=scene-000001.ppm width=96 height=64"
scene --count 7 -j 1 -o one.det
is "by one thread the same" "$(plain one.det | md5sum)" "$(plain seven.det | md5sum)"
scene --count 2 --first 5 -o late.det
is "beginning later, the same scenes" "$(plain late.det | awk '/^ITEM/ { on = 1 } /^END/ { on = 0 } on' | md5sum)" \
	"$(plain seven.det | awk '/^ITEM id=5/ { on = 1 } /^END/ { on = 0 } on' | md5sum)"
not_ok "another seed, others" test "$(scene --count 2 --seed 1 | boxes | md5sum)" = \
	"$(scene --count 2 | boxes | md5sum)"
is "the classes" "$(det-show --classes seven.det | cut -f 1 | tr '\n' ' ')" \
	"disc ring box triangle star cross heart bottle "
is "some, in the order given" "$(scene --count 1 --only star,disc | det-show --classes | tr '\n' ' ')" \
	"star disc "
is "labels are places in it" "$(scene --count 9 --only star,disc | boxes | cut -d ' ' -f 8 | sort -u | tr '\n' ' ')" \
	"0 1 "
is "so many objects" "$(scene --count 5 --objects 1 --clutter 0 | boxes | wc -l | tr -d ' ')" 5
is "none" "$(scene --count 3 --objects 0 | boxes | wc -l | tr -d ' ')" 0
is "all difficult where all must be seen" \
	"$(scene --count 20 --visible 1 | boxes | cut -d ' ' -f 9 | sort | uniq -c | awk '$2 == 1 { print ($1 > 5) }')" 1
scene 2>err | head -c 100000 >out
is "without end, until the reader goes" "$(wc -c <out | tr -d ' ') $(cat err)" "100000 "

# --- what others make of it
det-scene --count 1 | det-draw --boxes gt -o scene.png 2>err
is "det-draw draws it" "$? $(cat err)" "0 "
is "at its size" "$(det-image scene.png | det-show --data | sed -n 's/^ITEM .*\(width=.*height=[0-9]*\).*/\1/p')" \
	"width=320 height=320"
det-scene --count 3 | det-image -m files/M.det 2>err | det-backbone -m files/M.det -o maps.det
is "det-image and det-backbone take it" "$? $(plain maps.det | grep -c '^ITEM') $(plain maps.det | grep -c '^BOXS.*name=gt')" "0 3 3"
scene --count 20 | det-export --truth >out 2>err
is "det-export" "$? $(cut -f 1 out | sort -u | wc -l | tr -d ' ')" "0 20"
is "has every box" "$(grep -c . out)" "$(scene --count 20 | boxes | wc -l | tr -d ' ')"

# --- training without data
det-model new --arch scene_ssd --seed 1 -o S.det
is "the model's classes are the scenes'" "$(det-scene --count 1 | det-image -m S.det | det-show --classes)" \
	"$(det-scene --count 1 | det-show --classes)"
det-scene --count 4 | det-image -m S.det --train --batch 2 |
	det-train -m S.det --recipe "$DET_SRC/lib/recipes/scene.recipe" --batch 2 --iterations 2 -o run >log 2>err
is "det-train takes scenes" "$? $(cat err) $(awk 'END { print $1, $2 }' log)" "0  2 4"
ok "and its model finds what it can" det-run -m run/last.det scene.png

# --- files
det-scene --count 6 -q -d coco
is "a folder" "$(echo coco/*)" "coco/scene-000000.png coco/scene-000001.png coco/scene-000002.png coco/scene-000003.png coco/scene-000004.png coco/scene-000005.png coco/truth.json"
det-gt --coco coco/truth.json -o coco.det
is "COCO: the boxes" "$(boxes coco.det)" "$(det-scene --count 6 | boxes)"
is "nothing is wrong with it" "$(det-gt --coco coco/truth.json --check | cut -f 1 | grep -c bad)" 0
is "the pictures" "$(det-image coco/scene-000004.png | det-show --data | grep -A 1 '^TENS.*image' | md5sum)" \
	"$(det-scene --count 1 --first 4 | det-image | det-show --data | grep -A 1 '^TENS.*image' | md5sum)"
det-scene --count 3 -d voc -f voc --pictures jpeg
is "VOC" "$(det-gt --voc voc | boxes | cut -d ' ' -f 3-7,9 | md5sum)" "$(det-scene --count 3 | boxes | cut -d ' ' -f 3-7,9 | md5sum)"
lists() { # DIR: how many names each list has, and the first
	for l in train val trainval test; do
		echo "$(wc -l <"$1/ImageSets/Main/$l.txt") $(head -n 1 "$1/ImageSets/Main/$l.txt")"
	done | tr -s ' \n' ' '
}
det-scene --size 64 --count 10 --first 5 -d split -f voc
is "lists of splits" "$(lists split)" "6 scene-000005 2 scene-000011 8 scene-000005 2 scene-000013 "
for l in train val trainval test; do
	det-gt --voc split --split $l -o $l.gt
done
is "  as det-gt reads them" "$(for l in train val trainval test; do det-show $l.gt | grep -c ^ITEM; done | tr '\n' ' ')" "6 2 8 2 "
is "  parts that are the whole" "$(for l in train val test; do boxes $l.gt; done | cut -d ' ' -f 3-7,9 | md5sum)" \
	"$(det-gt --voc split | boxes | cut -d ' ' -f 3-7,9 | md5sum)"
det-scene --size 64 --count 7 -d half -f voc --splits 1,0,1
is "  other shares" "$(lists half)" "4 scene-000000 0 4 scene-000000 3 scene-000004 "
det-scene --size 64 --count 2 -d whole -f voc --splits 0,0,0
is "  or none" "$(find whole -type d)" whole
says "splits of what has none" "--splits goes with --dir and --format voc" --count 1 -d c --splits 1,1,1
says "two shares" "three shares expected.*found 2" --count 1 -d c -f voc --splits 1,1
is "JPEG" "$(head -c 2 voc/scene-000002.jpg | od -An -tx1)" " ff d8"
det-scene --count 3 -d yolo/ -f yolo --pictures ppm 2>/dev/null
is "YOLO" "$(det-gt --yolo yolo --snap | boxes | cut -d ' ' -f 3-8)" "$(det-scene --count 3 | boxes | cut -d ' ' -f 3-8)"
is "PPM" "$(head -c 2 yolo/scene-000002.ppm)" P6

det-scene -q -j 1 --count 3 -o one.det
det-scene -q -j 2 --count 3 -o two.det
ok "the same bytes by any number of threads" cmp one.det two.det

# --- misuse
says "no size" "size: AxB expected, found '3x'" --size 3x
says "too small" "sides of 32 to 4096 pixels expected, found 20x320" --size 20x320
says "more than at most" "objects: a least and a most" --objects 5-2
says "no range" "objects: A-B expected, found '1-2-3'" --objects 1-2-3
says "no such class" "only: there is no 'cat'" --only star,cat
says "twice" "class 'star' is given twice" --only star,star
says "an endless file" "count N expected with -o" -o x.det
says "an endless folder" "count N expected with --dir" -d x
says "two places" "one of them expected" --count 1 -o x.det -d x
says "no other set's folder" "coco: an empty or new folder expected, found '[a-z0-9.-]*' in it" --count 1 -d coco
is "which is left alone" "$(find coco -type f | wc -l)" 7
mkdir -p empty
ok "an empty one" det-scene -q --count 1 --size 64x64 -d empty
for o in "-f voc" "--pictures png" "--quality 90"; do
	# shellcheck disable=SC2086
	says "$o of a stream" "goes with --dir" --count 1 $o
done
: >plain
says "a file for a folder" "plain" --count 1 -d plain
is "nothing is left" "$(echo x*)" "x*"
done_testing
