#!/bin/sh
# det-image in training: what its options make of a stream, and what it says of bad objects.
. "$DET_SRC/tests/lib.sh"

# a black picture with a white object, and one with a red
picture() { # FILE W H X Y W H RED
	LC_ALL=C awk -v w="$2" -v h="$3" -v x="$4" -v y="$5" -v a="$6" -v b="$7" -v red="$8" 'BEGIN {
		printf "P3\n"
		for (i = 0; i < h; i++) for (j = 0; j < w; j++) {
			on = j >= x && j < x + a && i >= y && i < y + b
			print on ? (red ? "255 0 0" : "255 255 255") : "0 0 0"
		} }' | tail -n +2 | awk -v w="$2" -v h="$3" '
		BEGIN { printf "P6\n%d %d\n255\n", w, h }
		{ for (k = 1; k <= 3; k++) printf "%s", $k == 255 ? "\377" : "@" }' | tr @ '\001' >"$1"
}
picture a.ppm 90 60 10 20 20 30 0
picture b.ppm 40 70 4 8 30 40 1
cat >gt.csv <<'END'
filename,width,height,class,xmin,ymin,xmax,ymax
a.ppm,90,60,thing,11,21,30,50
b.ppm,40,70,thing,5,9,34,48
END
det-gt --csv gt.csv --corners inclusive -o gt.det

# all FILE: items and what is in them, as text
all() {
	det-show --data "$1" | awk '/^ITEM/ { on = 1 } /^END/ { on = 0 } on'
}
# items FILE: "id input boxes" a line
items() {
	det-show "$1" | awk '$1 == "ITEM" { printf "%s%s %s", n++ ? "\n" : "", $2, $NF }
		$1 == "BOXS" { printf " %s", $3 } END { print "" }'
}
det-image --train <gt.det >plain.det
is "nothing asked: the items as they are" "$(items plain.det)" \
	"$(det-image <gt.det | det-show - | awk '$1 == "ITEM" { print $2, $NF, 1 }')"
is "with the same pixels" \
	"$(det-show --data --name image plain.det | grep '^ ' | cksum)" \
	"$(det-image <gt.det | det-show --data --name image | grep '^ ' | cksum)"
like "items tell their epoch" "$(det-image --epochs 2 <gt.det | det-show --data)" '^ITEM .*epoch=1'
is "epochs go on, batches have one size" \
	"$(det-image --epochs 2 --batch 2 --group <gt.det >e.det && items e.det | tr '\n' ';')" \
	"0 90x60 1;0 90x60 1;1 40x70 1;1 40x70 1;"
is "without grouping they are padded" \
	"$(det-image --epochs 1 --batch 2 <gt.det >e.det && items e.det | tr '\n' ';')" \
	"0 90x70 1;1 90x70 1;"
det-image --shuffle --epochs 9 --seed 5 --augment ssd --batch 3 --fit stretch --size 30x20 <gt.det >one.det
det-image --shuffle --epochs 9 --seed 5 --augment ssd --batch 3 --fit stretch --size 30x20 -j 4 <gt.det >four.det
all one.det >one
all four.det >four
ok "threads change nothing" cmp one four
det-image --shuffle --epochs 9 --seed 6 --augment ssd --batch 3 --fit stretch --size 30x20 <gt.det | all - >other
not_ok "another seed does" cmp -s one other
for i in 1 2; do
	det-image --shard $i/2 --shuffle --epochs 9 --seed 5 --augment ssd --batch 3 --fit stretch --size 30x20 <gt.det |
		all - >share$i
done
is "shares are the batches in turn" "$(awk '/^ITEM/ { k++ } { print > ((int((k - 1) / 3) % 2) ? "s2" : "s1") }' one; cksum <s1; cksum <s2)" \
	"$(cksum <share1; cksum <share2)"
det-image --train --from 999 <gt.det >rest 2>err
like "--from beyond the end is said" "$? $(cat err)" '^0 det-image: warning: .*--from 999: there are no more items'
det-image --from 7 --shuffle --epochs 9 --seed 5 --augment ssd --batch 3 --fit stretch --size 30x20 <gt.det | all - >rest
is "--from goes on where another ended" "$(cksum <rest)" \
	"$(awk '/^ITEM/ { k++ } k > 7' one | cksum)"

sides() { # OPTION ...: of the input of each of 40 items
	det-image --fit stretch --size 32x32 --epochs 20 --batch 2 --sizes 32-96/32 --every 2 "$@" <gt.det |
		det-show - | awk '$1 == "ITEM" { print $NF }'
}
sides >free
is "--sizes: three of them" "$(sort -u free | tr '\n' ' ')" "32x32 64x64 96x96 "
sides --largest-from 15 >ends
is "--largest-from: until then the same, then the largest" "$(cat ends)" \
	"$(head -n 30 free; yes 96x96 | head -n 10)"
sides --largest-from 15 --from 33 >rest
is "  with --from as well" "$(cat rest)" "$(yes 96x96 | head -n 7)"
is "  not from the first where it is 0" "$(sides --largest-from 0)" "$(cat free)"

# --- seen
det-image a.ppm | det-draw --input -o back.ppm
ok "an input turned back into a picture" cmp a.ppm back.ppm
det-image --scale 1 --mean 9,99,199 --std 3,4,5 --channels bgr b.ppm | det-draw --input -o back.ppm
ok "whatever its normalisation" cmp b.ppm back.ppm
# pixel FILE X Y: the bytes of a PPM's pixel
pixel() {
	w=$(sed -n 2p "$1" | cut -d ' ' -f 1)
	n=$(head -n 3 "$1" | wc -c)
	tail -c +$((n + 1 + 3 * ($3 * w + $2))) "$1" | head -c 3 | od -An -tu1 | tr -s ' '
}
det-image --augment 'none mirror=1' <gt.det | det-draw --input --boxes gt --line 1 --label none -o seen/ --format auto
det-image --augment 'none mirror=1' <gt.det | det-draw --input --boxes none -o bare/
for d in seen bare; do det-image $d/a.png | det-draw --input --boxes none -o $d.ppm; done
is "mirrored, the object is on the other side" "$(pixel bare.ppm 60 20),$(pixel bare.ppm 79 49),$(pixel bare.ppm 59 20),$(pixel bare.ppm 80 20)" \
	" 255 255 255, 255 255 255, 1 1 1, 1 1 1"
is "and its box around it" "$(pixel seen.ppm 60 20),$(pixel seen.ppm 79 49),$(pixel seen.ppm 70 35)" \
	" 232 106 22, 232 106 22, 255 255 255"
det-image --augment 'none expand=1,4' --seed 3 --fit stretch --size 90x60 --mean .4 <gt.det >wide.det
det-draw --input --boxes none -o wide/ wide.det
det-image wide/a.png | det-draw --input --boxes none -o wide.ppm
is "around a picture that is shrunk is the mean" "$(pixel wide.ppm 0 0)" " 102 102 102"
det-image --augment 'none expand=1,4' --seed 3 --fit stretch --size 90x60 <gt.det |
	det-draw --input --boxes none -o grey/
det-image grey/a.png | det-draw --input --boxes none -o grey.ppm
is "or the fill, where there is none" "$(pixel grey.ppm 0 0)" " 127 127 127"

# --- pictures in the stream
det-image --source --batch 2 <gt.det >live.det
det-image --augment ssd --seed 4 <live.det | all - >with
det-image --augment ssd --seed 4 --epochs 1 <gt.det | all - >without
is "pictures in the stream are taken as they come" "$(grep '^ITEM' with | sed 's/ input.*//')" \
	"$(grep '^ITEM' without | sed 's/ input.*//')"
not_ok "and not kept for more epochs" det-image --epochs 3 -o x.det <live.det

# --- bad objects
cat >bad.csv <<'END'
filename,width,height,class,xmin,ymin,xmax,ymax
a.ppm,90,60,thing,11,21,30,50
a.ppm,90,60,thing,40,20,40,30
a.ppm,90,60,thing,100,20,120,30
b.ppm,40,70,thing,-10,9,34,48
END
det-gt --csv bad.csv --corners continuous -o bad.det
det-image --epochs 3 <bad.det >b.det 2>err
is "bad objects are left out" "$? $(items b.det | tr '\n' ';')" \
	"0 0 90x60 1;1 40x70 1;0 90x60 1;1 40x70 1;0 90x60 1;1 40x70 1;"
is "and reported once" "$(cat err)" \
	"det-image: item 0 'a.ppm': warning: 2 boxes of 'gt' are left out: box 1 has no area"
det-image --epochs 3 -q <bad.det 2>err >b.det
is "but not under -q" "$(cat err)" ""
det-image --list /dev/null --list - <<'END' >none.det
a.ppm
END
like "no objects at all" "$(det-image --train <none.det 2>&1 >x.det)" "no list of boxes 'gt'"
{
	echo filename,width,height,class,xmin,ymin,xmax,ymax
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
		cp a.ppm n$i.ppm
		echo n$i.ppm,90,60,thing,5,5,5,9
	done
} >many.csv
det-gt --csv many.csv --corners continuous | det-image --train 2>err >x.det
is "ten reports, then a sum" "$(wc -l <err) $(tail -n 1 err)" \
	"11 det-image: warning: 13 boxes of 13 pictures are left out in all"

# --- bad pictures, bad streams
sed 's/90,60/91,60/' gt.csv >wrong.csv
like "a picture of another size" \
	"$(det-gt --csv wrong.csv | det-image --train 2>&1 >x.det)" "item 0 'a.ppm': a picture of 91x60 expected"
det-gt --csv wrong.csv | det-image --train --epochs 2 --skip-bad 2>err >x.det
is "--skip-bad: marked, and in its place" "$? $(grep -c skipped err) $(det-show x.det | grep -c 'ITEM.*BAD')" "2 2 2"
head -c 900 gt.det >cut.det
det-image --train <cut.det >x.det 2>err
is "a stream cut short" "$? $(wc -l <err)" "2 1"
det-show --build - -o empty.det <<'END'
STRM
END.
END
is "no items" "$(det-image --epochs 0 <empty.det | det-show - | grep -c ITEM)" 0

misuse() {
	d=$1
	shift
	det-image "$@" >out 2>err <gt.det
	is "misuse: $d" "$? $(grep -ac ITEM out) $(tail -n 1 err)" "2 0 try 'det-image --help'"
}
misuse "files" --train a.ppm
misuse "--flip" --train --flip
misuse "no such profile" --augment voc
misuse "a value out of range" --augment 'ssd mirror=2'
misuse "no such value" --augment 'ssd colour=2'
misuse "sizes where nothing is resized" --sizes 32,64
misuse "the largest of no sizes" --fit stretch --size 8x8 --train --largest-from 3
misuse "sizes from large to small" --fit short --short 9 --sizes 64-32/8
det-image --train <a.ppm >out 2>err
is "misuse: a picture" "$? $(tail -n 1 err)" "2 try 'det-image --help'"
printf '[det-image]\naugment=ssd hue=0\nfit=stretch\nsize=8x8\nepochs=2\n' >r
is "a recipe" "$(det-image --recipe r <gt.det | det-show - | grep -c "ITEM.*8x8")" 4

if [ -d "$DET_DATA/bccd" ]; then
	det-gt --voc "$DET_DATA/bccd" --split train | det-image --augment ssd --fit stretch --size 96x96 --shuffle -o bccd.det
	ok "photographs" det-show bccd.det
else
	skip "photographs" "../shared/data is not there"
fi
done_testing
