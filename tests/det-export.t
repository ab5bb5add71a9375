# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

cat >in.txt <<'X'
STRM
  | person	1
  | hot dog	58
ITEM id=7 path="in/pic_000042.jpg" width=200 height=100 input=400x408 map="2 2 0 104"
BOXS name=boxes space=input
  0 104 200 304 .5 0
  -20 104 200 303 .625 1
ITEM id=8 path="in/9.jpg" width=200 height=100
BOXS name=boxes space=image
ITEM id=9 path=bad.jpg error="not a \"picture\""
END.
X
det-show --build in.txt >in.det
tab=$(printf '\t')

is "tsv" "$(det-export in.det | tr '\t' '|')" \
	"in/pic_000042.jpg|person|0.5000|0.00|0.00|100.00|100.00
in/pic_000042.jpg|hot dog|0.6250|-10.00|0.00|100.00|99.50
in/9.jpg|-|||||
bad.jpg|!|||||"
is "tsv: --no-empty, --header" "$(det-export --no-empty --header in.det | cut -f 1,2 | tr '\t' '|')" \
	"path|class
in/pic_000042.jpg|person
in/pic_000042.jpg|hot dog
bad.jpg|!"
is "tsv: --decimals" "$(det-export --decimals 0 --score-decimals -1 in.det | sed -n 2p | cut -f 3-)" \
	"0.625${tab}-10${tab}0${tab}100${tab}100"
sed 's,in/pic_000042,in/a\tb\\\\c\\nd_000042,' in.txt | det-show --build - >odd.det
like "tsv: tabs, line ends and backslashes in a name" "$(det-export odd.det)" \
	'^in/a\\tb\\\\c\\nd_000042\.jpg'"$tab"'person'
sed "s,in/pic,in/$(printf 'a\033[31m\177')," in.txt | det-show --build - >esc.det
like "tsv: other control characters" "$(det-export esc.det)" '^in/a\\x1b\[31m\\x7f_000042\.jpg'
is "jsonl" "$(det-export -f jsonl in.det)" \
	'{"path":"in/pic_000042.jpg","id":7,"width":200,"height":100,"boxes":[{"label":0,"class":"person","score":0.5,"box":[0,0,100,100]},{"label":1,"class":"hot dog","score":0.625,"box":[-10,0,100,99.5]}]}
{"path":"in/9.jpg","id":8,"width":200,"height":100,"boxes":[]}
{"path":"bad.jpg","id":9,"width":0,"height":0,"error":"not a \"picture\"","boxes":[]}'
is "jsonl: escapes" "$(det-export -f jsonl odd.det | head -n 1 | cut -d , -f 1)" \
	'{"path":"in/a\u0009b\\c\u000ad_000042.jpg"'

sed 's,in/9.jpg,in/img9.jpg,' in.txt >coco.txt
is "coco: ids from digits, categories from the table, x y w h" \
	"$(det-show --build coco.txt | det-export -f coco)" '[
{"image_id":42,"category_id":1,"bbox":[0,0,100,100],"score":0.5},
{"image_id":42,"category_id":58,"bbox":[-10,0,110,99.5],"score":0.625}
]'
like "coco: --image-id item" "$(det-export -f coco --image-id item in.det)" '"image_id":7,'
awk '{ print } /^ITEM/ && !/error/ { print "BOXS name=gt space=image" }' in.txt | det-show --build - >beside.det
like "coco: beside ground truth, its ids" "$(det-export -f coco beside.det)" '"image_id":7,'
like "coco: unless others are asked for" \
	"$(det-export -f coco --image-id stem beside.det)" '"image_id":"pic_000042",'
like "coco: --image-id stem" "$(det-export -f coco --image-id stem in.det)" '"image_id":"pic_000042",'
like "coco: without source ids, label + 1" \
	"$(sed 's/	58//' in.txt | det-show --build - | det-export -f coco)" '"category_id":2,'
is "coco: nothing found" "$(sed '/^  [-0-9]/d' in.txt | det-show --build - | det-export -f coco)" "[]"
sed 's,pic_000042,dog,' in.txt | det-show --build - >nodigits.det
like "coco: no digits in a name" "$(det-export -f coco nodigits.det 2>&1 >/dev/null)" \
	"item 0 'in/dog.jpg': .*digits expected"

ok "voc" det-export -f voc -o voc in.det
is "voc: a file a class, from 1, last pixel" "$(cat voc/comp4_det_test_person.txt)" \
	"pic_000042 0.500000 1.000000 1.000000 100.000000 100.000000"
is "voc: blanks in a class's name stay" "$(cat "voc/comp4_det_test_hot dog.txt")" \
	"pic_000042 0.625000 -9.000000 1.000000 100.000000 99.500000"
ok "voc: darknet" det-export -f voc --voc darknet --prefix '' -o voc in.det
is "voc: all four + 1, into the picture" "$(cat "voc/hot dog.txt")" \
	"pic_000042 0.625000 1.000000 1.000000 101.000000 100.000000"
sed 's/| person/| hot\/dog/;s/| hot dog/| hot_dog/' in.txt | det-show --build - >clash.det
like "voc: two classes of one file name" "$(det-export -f voc -o voc2 clash.det 2>&1)" 'two classes'
sed 's/pic_/my pic_/' in.txt | det-show --build - >blank.det
like "voc: a blank in a picture's name" "$(det-export -f voc -o voc3 blank.det 2>&1)" 'blanks'
is "voc: no half-written files stay" "$(find voc2 voc3 -type f | wc -l | tr -d " ")" 0

ok "yolo" det-export -f yolo -o yolo in.det
is "yolo: centre and size, relative" "$(cat yolo/pic_000042.txt)" \
	"0 0.250000 0.500000 0.500000 1.000000
1 0.225000 0.497500 0.550000 0.995000"
is "yolo: nothing found is an empty file, a bad picture none" "$(cat yolo/9.txt; cd yolo && echo *)" \
	"9.txt pic_000042.txt"
ok "yolo: --score" det-export -f yolo --score -o yolo in.det
like "yolo: the score is last" "$(cat yolo/pic_000042.txt)" ' 0\.625000$'
like "yolo: two pictures of one name" "$(det-export -f yolo -o yolo in.det in.det 2>&1)" \
	"second picture would be written to 'pic_000042.txt'"

ok "-o FILE" det-export -o out.tsv in.det
is "has the same text" "$(cat out.tsv)" "$(det-export in.det)"
head -c 700 in.det >short.det
not_ok "a stream that breaks off" det-export -f coco --image-id item -o short.json short.det
is "leaves no file" "$(find . -name "short.json*")" ""
like "voc without -o" "$(det-export -f voc in.det 2>&1)" 'give -o DIR'
like "-o is a file already" "$(det-export -f yolo -o in.det in.det 2>&1)" 'a directory expected'
sed 's/name=boxes/name=gt/' in.txt | det-show --build - >gt.det
like "no box list" "$(det-export gt.det 2>&1)" "no box list 'boxes'"
is "--boxes" "$(det-export --boxes gt gt.det)" "$(det-export in.det)"
if [ -w /dev/full ]; then
	is "a full disk is noticed" "$(det-export in.det 2>&1 >/dev/full | grep -c 'No space')" 1
else
	skip "a full disk is noticed" "no /dev/full"
fi
done_testing
