#!/bin/sh
# det-image: where pictures come from, what becomes of them, and bad ones.
. "$DET_SRC/tests/lib.sh"

LC_ALL=C awk -f "$DET_SRC/tests/demo/scene.awk" >scene.ppm
# 3x2: red green blue / black grey white
printf 'P6\n3 2\n255\n\377\0\0\0\377\0\0\0\377\0\0\0\200\200\200\377\377\377' >tiny.ppm
det-image scene.ppm | det-draw --format jpeg -o scene.jpg
det-image scene.ppm | det-draw -o scene.png

# values NAME [OPTION...]: the numbers of the tensor, one a line
values() {
	det-image "$@" | det-show --data --name image | grep '^ ' | tr -s ' ' '\n' | sed '/^$/d'
}

# --- what becomes of a picture
is "planes of red, green, blue, over 255" "$(values tiny.ppm | tr '\n' ' ')" \
	"1 0 0 0 0.5019608 1 0 1 0 0 0.5019608 1 0 0 1 0 0.5019608 1 "
is "blue first, minus a mean" \
	"$(values tiny.ppm --channels bgr --scale 1 --mean 1,2,3 | tr '\n' ' ')" \
	"-1 -1 254 -1 127 254 -2 253 -2 -2 126 253 252 -3 -3 -3 125 252 "
is "a letterbox is filled with .5" \
	"$(values tiny.ppm --fit letterbox --size 3x4 | tr '\n' ' ')" \
	"0.5 0.5 0.5 1 0 0 0 0.5019608 1 0.5 0.5 0.5 0.5 0.5 0.5 0 1 0 0 0.5019608 1 0.5 0.5 0.5 0.5 0.5 0.5 0 0 1 0 0.5019608 1 0.5 0.5 0.5 "
is "padding to a multiple is 0" \
	"$(values tiny.ppm --scale 1 --mean 9 --multiple 2 | head -n 8 | tr '\n' ' ')" \
	"246 -9 -9 0 -9 119 246 0 "
is "mirrored, left becomes right" "$(values tiny.ppm --flip | head -n 6 | tr '\n' ' ')" \
	"0 0 1 1 0.5019608 0 "
like "and the transform says so" \
	"$(det-image scene.ppm --flip --fit stretch --size 320x120 | det-show --data)" \
	'^ITEM .*map="0\.5 0\.25 0 0 flip"'
like "the item tells the transform" \
	"$(det-image scene.ppm --fit letterbox --size 320x320 | det-show --data)" \
	'^ITEM .*width=640 height=480 input=320x320 map="0\.5 0\.5 0 40"'
like "the tensor tells its normalisation" \
	"$(det-image tiny.ppm --scale 1 --std 2 | det-show)" \
	'norm=rgb scale=1 mean=0,0,0 std=2,2,2'
# --- several scales
det-image scene.ppm --fit short --scales 60,90,240 --multiple 32 -o many.det
is "--scales: the first is the input, the others say how much larger they are" \
	"$(det-show --data many.det | sed -n 's/^ITEM.*\(input=[^ ]* map=.*\)/\1/p; s/^TENS f32 \([^ ]*\) name=\([^ ]*\) norm="[^"]*"/\2 \1/p' | tr '\n' ' ')" \
	'input=96x64 map="0.125 0.125 0 0" image 1x3x64x96 image.1 1x3x96x128 scale=1.5,1.5 image.2 1x3x256x320 scale=4,4 '
for n in 1:90 2:240; do
	is "--scales: as alone, $n" "$(det-show --data --name "image.${n%:*}" many.det | grep '^ ' | cksum)" \
		"$(det-image scene.ppm --fit short --short "${n#*:}" --multiple 32 | det-show --data --name image | grep '^ ' | cksum)"
done
is "--scales: --long bounds each" \
	"$(det-image scene.ppm --fit short --scales 60,240 --long 160 | det-show --data | sed -n 's/^TENS f32 \([^ ]*\) name=image.1 .*scale=\(.*\)/\1 \2/p')" \
	"1x3x120x160 2,2"
is "--scales: with --fast-jpeg the largest counts" \
	"$(det-image scene.jpg --fit short --scales 60,480 --fast-jpeg | det-show --data --name image.1 | grep '^ ' | cksum)" \
	"$(det-image scene.jpg --fit short --scales 60,480 | det-show --data --name image.1 | grep '^ ' | cksum)"
for bad in "--scales 60" "--fit short --scales 60,0" "--fit short --scales 60.5,70" \
	"--fit short --short 3 --scales 60" "--fit short --scales 1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8"; do
	# shellcheck disable=SC2086
	is "$bad is misuse" "$(status det-image $bad scene.ppm)" 2
done

like "the shorter side, rounded as torchvision does" \
	"$(det-image scene.ppm --fit short --short 101 --long 250 | det-show)" \
	'640x480 -> 134x101'
like "or as Detectron2 does" \
	"$(det-image scene.ppm --fit short --short 101 --long 250 --rule d2 | det-show)" \
	'640x480 -> 135x101'

# --- where pictures come from
cp scene.png png-called.jpg
is "a PNG called .jpg is a PNG" "$(values png-called.jpg | cksum)" "$(values scene.ppm | cksum)"
cp scene.ppm 'a name
of two lines'
printf 'scene.ppm\n\ntiny.ppm\r\n' >list
is "paths of a list, blank lines aside" \
	"$(det-image --list list | det-show | grep '^ITEM' | cut -d "'" -f 2 | tr '\n' ' ')" \
	"scene.ppm tiny.ppm "
is "a list on standard input" "$(det-image --list - <list | det-show | grep -c '^ITEM')" 2
ok "NUL ends a path that has a line feed" \
	sh -c "printf 'a name\nof two lines\0tiny.ppm\0' | det-image --list - -0 -o nul.det"
is "two pictures of it" "$(det-show nul.det | grep -c '^TENS')" 2
not_ok "a NUL in a list of lines" sh -c "printf 'a\0b\n' | det-image --list - -o x.det"
cat scene.jpg tiny.ppm scene.png scene.jpg >four
is "pictures one after another" "$(det-image - <four | det-show | grep -c '^TENS  image')" 4
is "without an operand too" "$(det-image <four | det-show | grep -c '^TENS  image')" 4
like "which keep their bytes for det-draw" "$(det-image - <tiny.ppm | det-show)" 'source  u8 29'
is "among files" "$(det-image tiny.ppm - scene.png <four | det-show | grep -c '^ITEM')" 6
is "--source keeps those of files" "$(det-image --source tiny.ppm | det-show | grep -c '^TENS  source')" 1
is "shares are disjoint and keep their numbers" "$(
	for i in 1 2 3; do det-image - --shard $i/3 <four | det-show --data | sed -n 's/^ITEM id=\([0-9]*\).*/\1/p'; done |
		tr '\n' ' ')" "0 3 1 2 "

# --- a recipe: over the model, under the command line
mkdir recipe
cd recipe || exit 2
printf '%s\n' 'TEXT name=options/det-image' '  | fit=stretch' '  | size=50x40' \
	'  | channels=bgr' | sed '1s/^/STRM\n/; $s/$/\nEND./' | det-show --build - >m.det
printf '%s\n' '# small' '[det-image]' 'size=30x20' '' '[det-train]' 'what=ever' >r
size() { det-image -m m.det "$@" ../scene.png | det-show | sed -n 's/.*image  f32 \([0-9x]*\).*/\1/p'; }
is "a recipe is over the model" "$(size --recipe r)" 1x3x20x30
is "under the command line" "$(size --recipe r --size 10x10)" 1x3x10x10
hist() { det-show --history | sed 's/ # model.*//; s/.*det-image [0-9.]*//'; }
is "history has what it sets" "$(det-image -m m.det --recipe r ../scene.png | hist)" \
	" --model=m.det --size=30x20 ../scene.png"
refuses() { # TEXT: prints the message
	printf '%b' "$1" >bad
	{ det-image --recipe bad ../scene.png >/dev/null; } 2>&1
}
is "an option that is none" "$(refuses '[det-image]\n\nfits=none\n')" \
	"det-image: bad:3: 'fits' is no option of det-image"
is "a value out of range" "$(refuses '[det-image]\nshort=-1\n')" \
	"det-image: bad:2: short: $(det-image --short -1 x 2>&1 | sed -n '1s/.*--short: //p')"
is "an option of the user's alone" "$(refuses '[det-train]\n[det-image]\nlist=secret\n')" \
	"det-image: bad:3: a recipe may not set --list"
like "no section" "$(refuses 'fit=none\n')" "^det-image: bad:1: a section .* expected"
like "no file" "$(det-image --recipe none ../scene.png 2>&1 >out)" "^det-image: none: No such file"
cd ..

# --- order, equality
for i in 1 2 3 4 5 6 7 8; do printf '%s\n' scene.jpg tiny.ppm scene.png; done >many
det-image --list many --fit stretch --size 50x40 -j 1 -o one.det
det-image --list many --fit stretch --size 50x40 -j 4 -o four.det
det-show --data one.det | grep -v '^STRM' >one
det-show --data four.det | grep -v '^STRM' >other
ok "one thread and four give the same" cmp one other

# --- as they come
mkfifo in
det-image - <in >live.det &
exec 3>in
cat scene.jpg >&3
n=0
until [ "$(grep -ac 'name=image' live.det)" -gt 0 ] || [ $n -gt 100 ]; do
	sleep 0.1
	n=$((n + 1))
done
ok "a picture is through before the next one comes" test $n -le 100
exec 3>&-
wait
ok "and the stream ends well" det-show live.det

# --- bad ones
head -c 5000 scene.jpg >cut.jpg
head -c 5000 scene.png >cut.png
: >empty
echo 'not a picture' >text
mkdir folder
# says DESCRIPTION REGEX ARGUMENT...: exit 2, one line that matches, no END
says() {
	d=$1 re=$2
	shift 2
	det-image "$@" >bad.det 2>err </dev/null
	is "$d: exit" $? 2
	is "$d: one line" "$(wc -l <err)" 1
	like "$d: says so" "$(cat err)" "$re"
	not_ok "$d: no END" det-show bad.det
}
says "a truncated JPEG" "item 0 'cut.jpg': JPEG: Premature end" cut.jpg
says "a truncated PNG" "item 0 'cut.png': PNG: it ends after 5000" cut.png
says "an empty file" "item 0 'empty': .*found nothing" empty
says "text" "item 0 'text': JPEG, PNG or PPM expected, found text 'not a picture" text
det-show --build - >stream.det <<X
STRM
END.
X
says "a stream as a picture" "item 0 'stream.det': JPEG, PNG or PPM expected, found a stream of det's" stream.det
says "a folder" "item 0 'folder': a file expected, found a directory" folder
says "no file" "item 1 'none.jpg': No such file" tiny.ppm none.jpg
says "a limit" "item 0 'scene.ppm': .*limit of 1000 pixels" --max-pixels 1000 scene.ppm
says "nothing on standard input" "standard input is empty" -
says "no list" "none.txt: No such file" --list none.txt
det-image --skip-bad text tiny.ppm cut.jpg scene.png >skip.det 2>err
is "--skip-bad: exit" $? 2
is "--skip-bad: a line for each" "$(grep -c skipped err)" 2
is "--skip-bad: bad items stay, marked" "$(det-show skip.det | grep -c 'ITEM.*BAD')" 2
is "--skip-bad: the others have tensors" "$(det-show skip.det | grep -c '^TENS')" 2
cat tiny.ppm text >broken
det-image --skip-bad - <broken >skip.det 2>err
is "bytes that are no picture end the input" "$? $(det-show skip.det | grep -c '^ITEM')" "2 2"
like "with their offset" "$(cat err)" 'byte 29: JPEG, PNG or PPM expected'
(head -c 3000 scene.jpg && cat scene.jpg) >gap
det-image --skip-bad - <gap >skip.det 2>err
is "a frame without its end costs one item" \
	"$(det-show skip.det | sed 's/  .*BAD.*/ BAD/; s/  .*//' | tr '\n' ' ')" \
	"STRM ITEM BAD ITEM TENS TENS END. "
rm -f x.det
det-image text -o x.det 2>err
not_ok "no file is left where it failed" test -e x.det

# --- misuse
misuse() {
	d=$1
	shift
	det-image "$@" >out 2>err </dev/null
	is "misuse: $d" "$? $(grep -ac ITEM out) $(tail -n 1 err)" \
		"2 0 try 'det-image --help'"
}
misuse "a size of one side" --fit stretch --size 416 tiny.ppm
misuse "a size without a fit" --size 4x4 tiny.ppm
misuse "a fit without a size" --fit letterbox tiny.ppm
misuse "short without --fit short" --short 600 tiny.ppm
misuse "no share 4 of 3" --shard 4/3 tiny.ppm
misuse "share 0" --shard 0/3 tiny.ppm
misuse "two means" --mean 1,2 tiny.ppm
misuse "a std of 0" --std 0 tiny.ppm
misuse "pil on floats" --kernel pil --normalize before --fit stretch --size 4x4 tiny.ppm
misuse "standard input twice" - -
misuse "no such kernel" --kernel cubic tiny.ppm
if [ -c /dev/full ]; then
	like "a full disk is noticed" "$(det-image scene.ppm 2>&1 >/dev/full)" 'No space left'
fi

if [ "$DET_SAN" ]; then
	skip "fewer threads than wanted" "a limit on memory: not under a sanitizer"
else
	(
		# shellcheck disable=SC3045 # dash and the others have it
		ulimit -v 600000
		det-image -j 1024 tiny.ppm >few.det
		echo $? >status
	)
	det-image -j 1024 tiny.ppm >many.det
	is "fewer threads than wanted are enough" "$(cat status)" 0
	ok "and change nothing" cmp few.det many.det
fi

# --- a picture that is read again: nothing of the earlier input stays
printf 'P6\n4 2\n255\nabcdefghijklmnopqrstuvwx' >again.ppm
det-image --fit short --scales 2,4,8 again.ppm | det-image --fit stretch --size 8x8 >again.det
is "one tensor of the new input" "$(det-show again.det | awk '/^TENS/ { print $2, $4 }')" "image 1x3x8x8"
printf '%s\n' 'STRM history="made by hand"' '  | cat' \
	'ITEM id=0 path=again.ppm width=4 height=2 input=8x4 map="2 2 0 0"' \
	'BOXS name=found space=input' '  2 0 6 4 .5 0' \
	'BOXS name=gt space=image' '  1 0 3 2 1 0' 'END.' | det-show --build - >lists.det
is "boxes of that input become the picture's" \
	"$(det-image --fit stretch --size 6x6 <lists.det | det-show --data | grep -A 1 '^BOXS')" \
	"BOXS name=found space=image
  1 0 3 2 0.5 0 0 -1 0
BOXS name=gt space=image
  1 0 3 2 1 0 0 -1 0"
is "and stay where the input is the same" \
	"$(det-image --fit stretch --size 8x4 <lists.det | det-show --data | grep -A 1 'BOXS name=found')" \
	"BOXS name=found space=input
  2 0 6 4 0.5 0 0 -1 0"

# --- on the photographs
if [ -f "$DET_DATA/photos/dog.jpg" ]; then
	like "a camera's JPEG" "$(det-image "$DET_DATA/photos/dog.jpg" | det-show)" '768x576'
	is "ten at once" "$(det-image --fit letterbox --size 416x416 "$DET_DATA"/photos/*.jpg |
		det-show | grep -c '^TENS')" 10
else
	skip "photographs" "../shared/data is not there"
fi
done_testing
