# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# What a stream holds, without its history
plain() { det-show --data "$@" | grep -v '^STRM'; }
boxes() { det-show --data "$@" | awk '/^  [-0-9]/ && NF == 9'; }
says() { # DESCRIPTION REGEX ARG...: det-gt fails with that in one line
	says_d=$1 says_r=$2
	shift 2
	det-gt "$@" >out 2>err </dev/null
	is "$says_d: status, lines" "$? $(wc -l <err | tr -d ' ')" "2 1"
	like "and says so" "$(cat err)" "$says_r"
}

# three pictures: 64x48, 32x32, 20x10
mkdir -p voc/Annotations voc/JPEGImages voc/ImageSets/Main
picture() { printf 'P5 %d %d 255\n%*s' "$2" "$3" $(($2 * $3)) "$4" >"$1"; }
picture voc/JPEGImages/a.ppm 64 48 x
picture voc/JPEGImages/b.ppm 32 32 y
picture voc/JPEGImages/c.pgm 20 10 z
object() { # NAME DIFFICULT XMIN YMIN XMAX YMAX
	printf '<object><name>%s</name>%s<part><bndbox><xmin>7</xmin></bndbox></part>\n' "$1" \
		"${2:+<difficult>$2</difficult>}"
	printf '<bndbox>\n<ymin>%s</ymin><xmin>%s</xmin><xmax>%s</xmax><ymax> %s </ymax></bndbox></object>\n' \
		"$4" "$3" "$5" "$6"
}
annotation() { # FILE WIDTH HEIGHT; objects on standard input
	printf '<?xml version="1.0"?>\n<annotation><filename>old.jpg</filename>\n'
	printf '<size><width>%s</width><height>%s</height></size>\n' "$1" "$2"
	cat
	echo '</annotation>'
}
{ object dog 0 1 1 10 20 && object cat 1 5.5 2 64 48; } | annotation 64 48 >voc/Annotations/a.xml
annotation 32 32 </dev/null >voc/Annotations/b.xml
object cat '' 3 4 20 10 | annotation 20 10 >voc/Annotations/c.xml
printf 'c -1\nb  1\n' >voc/ImageSets/Main/some.txt

# --- VOC
det-gt --voc voc -o voc.det
is "VOC: boxes" "$(boxes voc.det)" "  0 0 10 20 1 1 0 0 0
  4.5 1 64 48 1 0 1 1 0
  2 3 20 10 1 0 0 0 0"
is "classes are sorted" "$(det-show --classes voc.det)" "$(printf 'cat\ndog')"
is "items" "$(plain voc.det | grep ITEM)" "ITEM id=0 path=voc/JPEGImages/a.ppm width=64 height=48
ITEM id=1 path=voc/JPEGImages/b.ppm width=32 height=32
ITEM id=2 path=voc/JPEGImages/c.pgm width=20 height=10"
is "a split, in its order" "$(det-gt --voc voc --split some | plain | sed -n 's/.*path=//p')" \
	"voc/JPEGImages/c.pgm width=20 height=10
voc/JPEGImages/b.ppm width=32 height=32"
is "corners from 0" "$(det-gt --voc voc --corners inclusive0 | boxes | head -n 1)" "  1 1 11 21 1 1 0 0 0"
is "continuous corners" "$(det-gt --voc voc --corners continuous | boxes | head -n 1)" "  1 1 10 20 1 1 0 0 0"
printf 'dog\t18\n' >table
says "a class that is not in the table" "a.xml:7: class 'cat' is not in the table" --voc voc --table table
is "it can be left out" "$(det-gt --voc voc --table table --skip-unknown | boxes)" "  0 0 10 20 1 0 0 0 0"
is "ids of the table" "$(det-gt --voc voc --table table --skip-unknown | det-show --classes)" "$(printf 'dog\t18')"

# --- other formats and back
det-export --truth -f coco voc.det -o gt.json 2>err
printf 'cat\ndog\n' >table
det-gt --coco gt.json --images voc/JPEGImages --table table -o coco.det
is "COCO gives the same stream" "$(plain coco.det | md5sum)" "$(plain voc.det | md5sum)"
is "with no loss" "$(cat err)" ""
det-export --truth -f voc voc.det -o voc2 2>err
is "so does VOC" "$(det-gt --voc voc2 --images voc/JPEGImages | plain | md5sum)" "$(plain voc.det | md5sum)"
det-export --truth -f yolo voc.det -o yolo 2>err
like "YOLO loses flags, and that is said" "$(cat err)" "lost: 1 difficult flags$"
det-gt --yolo yolo --images voc/JPEGImages --snap -o yolo.det
is "YOLO gives the same boxes" "$(boxes yolo.det | awk '{ $7 = 0; print }')" \
	"$(boxes voc.det | awk '{ $7 = 0; print }')"
printf '1 0.0781250 0.208333 0.156250 0.416667\n' >yolo/a.txt
is "six digits, to whole pixels" "$(det-gt --yolo yolo --images voc/JPEGImages --snap | boxes | head -n 1)" \
	"  0 0 10 20 1 1 0 0 0"
is "or as they are" "$(det-gt --yolo yolo --images voc/JPEGImages | boxes | awk 'NR == 1 && $1 == 0 && $2 < 0 && $2 > -1e-4 && $3 == 10 && $4 > 19.999 && $4 < 20')" \
	"$(det-gt --yolo yolo --images voc/JPEGImages | boxes | head -n 1)"
mkdir nolabels
cp yolo/classes.txt nolabels
like "no labels at all" "$(det-gt --yolo nolabels --images voc/JPEGImages 2>&1 >/dev/null)" \
	"nolabels: labels expected, found none for any picture, as nolabels/a.txt"
mkdir -p yolo2/images yolo2/labels
cp voc/JPEGImages/* yolo2/images
cp yolo/[bc].txt yolo2/labels
cp yolo/classes.txt yolo2/obj.names
printf 'images/c.pgm\n' >yolo2/val.txt
is "images and labels side by side; no labels, no boxes" \
	"$(det-gt --yolo yolo2 | boxes | wc -l | tr -d ' ')" 1
is "a list" "$(det-gt --yolo yolo2 --split val | plain | grep -c ITEM)" 1
{
	printf 'class,image,x1,y1,x2,y2,difficult,width,height\n'
	printf 'dog,a.ppm,0,0,10,20,0,64,48\r\n"cat","a.ppm",4.5,1,64,48,1,64,48\n'
	printf ',b.ppm,,,,,,32,32\ncat,c.pgm,2,3,20,10,0,20,10\n'
} >gt.csv
is "a table" "$(det-gt --csv gt.csv --images voc/JPEGImages | plain | md5sum)" "$(plain voc.det | md5sum)"
sed 's/,/	/g; s/"//g' gt.csv >gt.tsv
is "parted by tabs" "$(det-gt --csv gt.tsv --images voc/JPEGImages | plain | md5sum)" "$(plain voc.det | md5sum)"

# --- COCO's own: ids, crowd, area, order
cat >own.json <<'END'
{"annotations":[
{"id":7,"image_id":30,"category_id":9,"bbox":[1,2,3,4],"area":12,"iscrowd":1,"segmentation":{"counts":"x","size":[1,2]}},
{"id":0,"image_id":0,"category_id":3,"bbox":[0.5,0,10,4],"area":17.5,"iscrowd":0,"ignore":1}],
"categories":[{"id":9,"name":"nine"},{"id":3,"name":"three"}],
"images":[{"file_name":"z.jpg","id":30,"width":40,"height":30},{"id":0,"file_name":"k.jpg","height":5,"width":16}]}
END
is "COCO: by category id; flags; areas that are not the box's" "$(det-gt --coco own.json | plain)" "  | three	3
  | nine	9
ITEM id=30 path=z.jpg width=40 height=30
BOXS name=gt space=image
  1 2 4 6 1 1 2 0 0
ITEM id=0 path=k.jpg width=16 height=5
BOXS name=gt space=image
  0.5 0 10.5 4 1 0 4 0 17.5
END. records=5 items=2"
is "sorted, counted" "$(det-gt --coco own.json --sort --number | plain | grep ITEM | cut -d ' ' -f 2,3)" \
	"id=0 path=k.jpg
id=1 path=z.jpg"
det-gt --coco own.json -o own.det
is "there and back" "$(det-export --truth -f coco own.det | det-gt --coco - | plain | md5sum)" "$(plain own.det | md5sum)"
det-export --truth -f voc own.det -o lost 2>err
like "what VOC loses" "$(cat err)" "lost: 1 crowd flags, 1 ignore flags, 1 annotated areas$"

# --- results
printf '[{"image_id":0,"category_id":9,"bbox":[1,1,2,2],"score":0.25},{"image_id":30,"category_id":3,"bbox":[0,0,5,5],"score":1}]' >res.json
det-gt --coco own.json --results res.json -o res.det
is "results beside" "$(boxes res.det)" "  1 2 4 6 1 1 2 0 0
  0 0 5 5 1 0 0 1 0
  0.5 0 10.5 4 1 0 4 0 17.5
  1 1 3 3 0.25 1 0 0 0"
det-export -f voc --decimals -1 --score-decimals -1 -o comp res.det
det-gt --coco own.json --results comp -o res2.det
is "through VOC's and back" "$(boxes res2.det | cut -d ' ' -f 3-8)" "$(boxes res.det | cut -d ' ' -f 3-8)"
det-export -f coco --image-id item -o res2.json res.det
is "through COCO's and back" "$(det-gt --coco own.json --results res2.json | boxes | cut -d ' ' -f 3-8)" \
	"$(boxes res.det | cut -d ' ' -f 3-8)"
printf '[{"image_id":1,"category_id":9,"bbox":[1,1,2,2],"score":0.25}]' >bad.json
says "an unknown image" "bad.json: byte 1 .*no image 1" --coco own.json --results bad.json

# --- which pictures
for i in 1 2 3 4 5 6 7 8 9; do printf 'p%d.jpg,c,0,0,1,%d,9,9\n' $i $i; done |
	{ echo image,class,x1,y1,x2,y2,width,height && cat; } >nine.csv
paths() { det-gt --csv nine.csv "$@" | plain | sed -n 's/.*path=p\(.\).*/\1/p' | tr -d '\n'; }
is "a shard" "$(paths --shard 2/4)" 26
is "the shards are the whole" "$(for i in 1 2 3 4; do paths --shuffle --seed 5 --shard $i/4; done | fold -w 1 | sort | tr -d '\n')" 123456789
is "a seed gives one order" "$(paths --shuffle --seed 5)" "$(paths --shuffle --seed 5)"
not_ok "another another" [ "$(paths --shuffle --seed 5)" = "$(paths --shuffle --seed 6)" ]
not_ok "which is not the file's" [ "$(paths --shuffle)" = 123456789 ]

# --- det-image takes the stream
det-gt --voc voc --shard 1/2 | det-image -o im.det
is "det-image: items, boxes, pictures" "$(det-show im.det | grep -o '^[A-Z][A-Z.]* *[a-z0-9]*' | tr -s ' ' | tr '\n' ,)" \
	"STRM history,ITEM 0,BOXS gt,TENS image,ITEM 2,BOXS gt,TENS image,END. records,"
is "the same boxes" "$(boxes im.det)" "$(det-gt --voc voc --shard 1/2 | boxes)"
is "two lines of history" "$(det-show --history im.det | grep -c '^det-')" 2
det-image <voc.det -o im2.det
is "from a file" "$(plain im2.det | grep -c ITEM)" 3
head -c 10000 voc/JPEGImages/a.ppm | det-image -o im3.det
is "pictures are still pictures" "$(plain im3.det | grep -c ITEM)" 1
sed 's/,64,48/,48,64/' gt.csv >turned.csv
det-gt --csv turned.csv --images voc/JPEGImages | det-image >out 2>err
is "a picture of another size: status" "$?" 2
like "is named" "$(cat err)" "item 0 .*a.ppm.*48x64 expected.*found 64x48"
det-gt --csv turned.csv --images voc/JPEGImages | det-image --skip-bad 2>err | det-show >out
is "or skipped, and keeps its boxes" "$(grep -c BOXS out) $(grep -c TENS out)" "3 2"
head -c 900 voc.det | det-image >out 2>err
is "a stream cut short" "$? $(wc -l <err | tr -d ' ')" "2 1"
mkdir fix
(cd fix && . "$DET_SRC/tests/fixture.sh")
printf 'image,class,x1,y1,x2,y2\nfix/dog.jpg,what,1,1,9,9\nfix/dog.jpg,%s,1,1,9,9\n' "$(det-show --classes fix/M.det | tail -n 1)" >fix.csv
det-gt --csv fix.csv | det-image -m fix/M.det -o fix.det 2>err
like "classes that the model lacks are named" "$(cat err)" "does not know 1 class of the stream: 'what'"
n=$(det-show --classes fix/M.det | wc -l)
is "and come after its own" "$(det-show --classes fix.det | head -n "$n")" "$(det-show --classes fix/M.det)"
is "labels go with them" "$(det-show --classes fix.det | sed -n "$(($(boxes fix.det | sed -n 's/^  1 1 9 9 1 \([0-9]*\) 0 0 0/\1/p') + 1))p")" what

# --- what is wrong
is "nothing is wrong: status" "$(det-gt --voc voc --check >check; echo $?)" 0
is "nothing is found" "$(grep -c '^bad' check)" 0
is "counts" "$(grep '^count	class' check | cut -f 6)" "cat 2
dog 1"
cp -r voc bad
cp bad/JPEGImages/a.ppm bad/JPEGImages/d.ppm
{ object dog 0 5 5 5 5 && object dog 0 9 9 80 20 && object dog 0 9 9 80 20; } | annotation 64 48 >bad/Annotations/d.xml
object dog 0 20 2 10 5 | annotation 32 31 >bad/Annotations/b.xml
echo '<annotation><object>' >bad/Annotations/e.xml
annotation 5 5 </dev/null >bad/Annotations/f.xml
head -c 90 voc/JPEGImages/c.pgm >bad/JPEGImages/c.pgm
is "all is found: status" "$(det-gt --voc bad --check >check; echo $?)" 1
is "each with file and line" "$(grep '^bad' check | cut -f 2-4 | sort)" "$(printf '%s\t%s\t%s\n' \
	bad-annotation bad/Annotations/e.xml 0 duplicate-box bad/Annotations/d.xml 10 \
	duplicate-image bad/Annotations/d.xml 0 inverted bad/Annotations/b.xml 4 \
	missing-image bad/Annotations/f.xml 0 no-area bad/Annotations/d.xml 4 \
	outside bad/Annotations/d.xml 10 outside bad/Annotations/d.xml 7 \
	size-mismatch bad/Annotations/b.xml 0 unreadable-image bad/Annotations/c.xml 0)"
like "heads alone don't see all" "$(det-gt --voc bad --check --heads | grep -c '^bad')" '^[78]$'

# --- refused
det-gt 2>err
is "no source: status" "$?" 2
like "and says so" "$(cat err)" "one of --voc DIR"
says "an inverted box" "b.xml:4: .*before its beginning" --voc bad
says "no such folder" "nowhere" --voc nowhere
says "no such split" "ImageSets/Main/x.txt" --voc voc --split x
printf 'dog cat 1 1 1 1\n' >yolo2/labels/a.txt
says "labels that are none" "a.txt:1: .*five numbers" --yolo yolo2
printf '9 .5 .5 .1 .1\n' >yolo2/labels/a.txt
says "a class that is none" "a.txt:1: class 9: .*0 to 1" --yolo yolo2
sed 1d nine.csv >nohead.csv
says "a table without a head" "nohead.csv:1: .*head line" --csv nohead.csv
printf 'image,class,x1,y1,x2,y2\na,b,1,2,nan,4\n' >nan.csv
says "no number" "nan.csv:2: " --csv nan.csv
head -c 150 own.json >cut.json
says "JSON cut short" "cut.json: input ended early, at byte 150" --coco cut.json
printf '<!DOCTYPE a [<!ENTITY x "y">]><annotation>&x;</annotation>' >voc2/a.xml
says "entities" "a.xml:1: .*entities are refused" --voc voc2

mkdir -p yolo3/images yolo3/labels
cp voc/JPEGImages/* yolo3/images
cp yolo/[abc].txt yolo3/labels
cp yolo3/labels/a.txt yolo3/labels/gone.txt
printf 'cat\ndog\n' >yolo3/labels/classes.txt
is "labels of no picture" "$(det-gt --yolo yolo3 --check | grep '^bad' | cut -f 2,3)" \
	"$(printf 'missing-image\tyolo3/labels/gone.txt')"
ok "which reading passes over" det-gt --yolo yolo3 -o /dev/null

: >voc2/a.xml
says "an empty file" "a.xml: XML expected, found nothing" --voc voc2

# --- real data
data=$DET_DATA
if [ -d "$data/bccd" ]; then
	det-gt --voc "$data/bccd" -o b.det
	is "bccd: boxes" "$(boxes b.det | wc -l | tr -d ' ')" 4888
	printf 'Platelets\nRBC\nWBC\n' >table
	for f in coco voc yolo; do
		det-export --truth -f $f -o b.$f b.det
		case $f in coco) set -- --table table ;; yolo) set -- --snap ;; *) set -- ;; esac
		is "bccd by $f: the same stream" \
			"$(det-gt --$f b.$f --images "$data/bccd/JPEGImages" "$@" | plain | md5sum)" \
			"$(plain b.det | md5sum)"
	done
	det-gt --voc "$data/bccd" --check >check
	is "bccd: two boxes without area, and nothing else" "$(grep '^bad' check | cut -f 2,4)" "$(printf 'no-area\t158\nno-area\t50')"
else
	skip "bccd" "no shared data here"
fi
if [ -d "$data/voc100" ]; then
	v=$data/voc100
	# of each format what it can hold: pictures, classes, boxes in any order
	set_of() {
		det-gt "$@" --images "$v/images" --table "$v/voc.names" --sort --number |
			det-show --data | awk '/^STRM/ { next } /^ITEM/ { at = $2 } NF == 9 { print at, $1, $2, $3, $4, $5, $6; next } 1' | sort
	}
	set_of --voc "$v" --corners continuous >voc.txt
	is "voc100: boxes" "$(grep -c '^id' voc.txt)" 273
	set_of --coco "$v/coco/instances_v2.json" >coco.txt
	set_of --yolo "$v/yolo/obj_train_data" --names "$v/yolo/obj.names" --snap >yolo.txt
	ok "voc100: COCO is VOC" cmp voc.txt coco.txt
	ok "voc100: YOLO is VOC" cmp voc.txt yolo.txt
else
	skip "voc100" "no shared data here"
fi
done_testing
