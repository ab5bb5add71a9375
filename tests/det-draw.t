#!/bin/sh
# det-draw: where pictures go and what is on them.
. "$DET_SRC/tests/lib.sh"

# with the head that we write, so that files can be compared
{
	printf 'P6\n640 480\n255\n'
	LC_ALL=C awk -f "$DET_SRC/tests/demo/scene.awk" | tail -c 921600
} >scene.ppm
mkdir a b
cp scene.ppm a/scene.ppm
cp scene.ppm b/scene.ppm

# stream SPACE: two items; the first has a list of boxes
stream() {
	cat <<-EOF
		STRM history=test
		  | dog
		  | a thing with a long name
		ITEM id=0 path=a/scene.ppm width=640 height=480 input=320x320 map="0.5 0.5 0 40"
		BOXS name=boxes space=$1
		  $2
		BOXS name=others space=image
		  10 10 20 20 1 1
		TEXT name=note
		  | kept
		ITEM id=1 path=b/scene.ppm width=640 height=480
		END.
	EOF
}
stream image "100 100 300 200 .9 0
  400 300 500 400 .3 1" | det-show --build - -o two.det
stream input "50 90 150 140 .9 0
  200 190 250 240 .3 1" | det-show --build - -o input.det

# --- where pictures go
det-image scene.ppm | det-draw -o plain.ppm
ok "an item without boxes is drawn as it is" cmp plain.ppm scene.ppm
det-draw -o out/ two.det
is "a folder gets a file for each" "$(cd out && echo *)" "scene-2.png scene.png"
not_ok "the first has something drawn on it" sh -c "
	det-image out/scene.png | det-draw --format png | cmp - out/scene-2.png"
ok "the second has not" sh -c "det-image out/scene-2.png | det-draw -o back.ppm && cmp back.ppm scene.ppm"
det-draw -o named two.det
ok "a name without an ending is a folder" cmp out/scene.png named/scene.png
det-draw -o out --format jpeg two.det
is "JPEG where asked" "$(head -c 3 out/scene.jpg | od -An -tx1)" " ff d8 ff"
det-image scene.ppm | det-draw -o one.jpeg
is "or by the name" "$(head -c 3 one.jpeg | od -An -tx1)" " ff d8 ff"
det-image scene.ppm | det-draw >std.png
is "PNG on standard output" "$(head -c 4 std.png | od -An -c | tr -d ' ')" "211PNG"
det-draw --mjpeg two.det >two.mjpeg
is "--mjpeg: one after another" "$(det-image - <two.mjpeg | det-show | grep -c '^ITEM')" 2
det-image - <scene.ppm | det-draw -o from-stdin.ppm
ok "standard input's bytes come with the stream" cmp from-stdin.ppm scene.ppm
det-image - <two.mjpeg | det-draw -o numbered
is "their files are numbered" "$(cd numbered && echo *)" "000000.png 000001.png"
det-draw --tee -o tee two.det >passed.det
ok "--tee passes the stream on" sh -c "det-show --data two.det >x; det-show --data passed.det | cmp - x"
ok "and draws" cmp out/scene.png tee/scene.png

# --- what is on them
det-draw -o mapped input.det
ok "boxes of the network's input are mapped" cmp out/scene.png mapped/scene.png
det-draw -o less --min-score .5 two.det
not_ok "--min-score leaves boxes out" cmp -s out/scene.png less/scene.png
det-draw -o others --boxes others two.det
not_ok "--boxes chooses another list" cmp -s out/scene.png others/scene.png
det-draw -o bare --label none two.det
not_ok "--label none" cmp -s out/scene.png bare/scene.png
det-draw -o again two.det
ok "the same every time" cmp out/scene.png again/scene.png
# an unlabelled line of 3 pixels in the colour of class 0 (e6 5c 00) lies on the edge
stream image "100 100 300 200 .9 0" | sed '/id=1/d' | det-show --build - |
	det-draw --label none --line 3 -o line.ppm
is "a line in the colour of its class" \
	"$(tail -c +$((16 + (100 * 640 + 200) * 3)) line.ppm | head -c 3 | od -An -tx1)" " e6 5c 00"

# --- as they come
mkfifo in
det-draw --mjpeg <in >live.mjpeg &
exec 3>in
head -c -192 two.det >&3 # all but the last item and the end
n=0
until [ -s live.mjpeg ] || [ $n -gt 100 ]; do
	sleep 0.1
	n=$((n + 1))
done
ok "a picture is drawn when its boxes are there" test $n -le 100
tail -c 192 two.det >&3
exec 3>&-
wait
is "and the rest follows" "$(det-image - <live.mjpeg | det-show | grep -c '^ITEM')" 2

# --- trouble: says DESCRIPTION REGEX ARGUMENT... with the stream on standard input
says() {
	d=$1 re=$2
	shift 2
	det-draw "$@" >bad.out 2>err
	is "$d: exit" $? 2
	like "$d: says so" "$(cat err)" "$re"
}
mkdir own
det-image --source scene.ppm | det-draw -o own
cp own/scene.png kept.png
det-image own/scene.png | det-draw -o own/ 2>err
is "a picture is not drawn over itself" "$? $(cut -d: -f2- err)" \
	"2  stdin: item 0 'own/scene.png': own/scene.png is the picture itself, which would be lost: give another place"
ok "and is still there" cmp own/scene.png kept.png
rm -r own
says "two pictures, one file" "item 1 'b/scene.ppm': a second picture" -o two.png <two.det
says "an unknown ending" "two.gif: a name ending in .png" -o two.gif <two.det
says "no such folder" "nowhere/x.png: No such file" -o nowhere/x.png <two.det
says "--mjpeg as PNG" "mjpeg writes JPEG" --mjpeg --format png <two.det
says "--tee without -o" "tee: give -o" --tee <two.det
rm b/scene.ppm
says "a picture that is gone" "item 1 'b/scene.ppm': b/scene.ppm: No such file" -o gone <two.det
printf 'P6\n1 1\n255\nabc' >b/scene.ppm
says "one that was changed" "640x480 expected, found 1x1" -o changed <two.det
det-draw --skip-bad -o skip <two.det 2>err
is "--skip-bad: the other is drawn" "$? $(cd skip && echo *)" "2 scene.png"
echo 'no picture' >text
det-image --skip-bad text scene.ppm 2>/dev/null | det-draw -o marked.ppm 2>err
is "an item marked bad is not drawn" "$? $(grep -c 'not drawn' err)" "0 1"
ok "the good one is" cmp marked.ppm scene.ppm
det-image - <scene.ppm | det-show --data | sed '/^TENS/,$d' >headless
echo END. >>headless
det-show --build headless -o headless.det
says "bytes that nobody kept" "no tensor 'source'" -o x.png <headless.det
head -c 400 two.det >cut.det
says "a stream that is cut" "input ended early" -o cutdir <cut.det
if [ -c /dev/full ]; then
	says "a full disk" "No space left" -o /dev/full <two.det
	is "a full disk on standard output" \
		"$(det-draw --mjpeg two.det 2>&1 >/dev/full | grep -c 'No space left')" 1
fi
done_testing
