# shellcheck shell=sh disable=SC1091
. "$DET_SRC/tests/lib.sh"

# The fuzz targets of the readers of data sets, on whole files, on broken ones, and on all
# their prefixes.
dir=${DET_BUILD:-}/tests/fuzz
if [ ! -x "$dir/fuzz_json" ] || [ ! -x "$dir/fuzz_truth" ]; then
	skip "hostile data sets" "fuzz_json and fuzz_truth are not built"
	done_testing
fi
coco='{"images":[{"id":1,"file_name":"a.jpg","width":9,"height":8},{"id":-2,"file_name":"\u00e9\ud83d\ude00"}],
"annotations":[{"id":1,"image_id":1,"category_id":3,"bbox":[0.25,1e0,2,3],"area":6,"iscrowd":0,"segmentation":[[1,2,3]]},
{"image_id":1,"category_id":3,"bbox":[1,2,-3,4]}],"categories":[{"id":3,"name":"x"}]}'
printf '%s' "$coco" >j1
printf '[{"image_id":1,"category_id":2,"bbox":[1,2,3,4],"score":0.12345678901234567},{"image_id":"a"}]' >j2
printf '\357\273\277[true,false,null,-0,1e-400,1E+22,"\\u0000\\"\\\\"]' >j3
printf '[1e999]' >j4
printf '["\355\240\200"]' >j5
awk 'BEGIN { for (i = 0; i < 600; i++) printf "[" }' >j6
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "1" }' >j7
printf '{"images":[{"id":1e18,"id":2}]}' >j8
ok "JSON" "$dir/fuzz_json" j*
printf 'c%s' "$coco" >t1
printf 'c%s ' "$coco" >t2
voc='<annotation><filename>a</filename><size><width>9</width><height>8</height></size><object><name>x&amp;</name><part><name>y</name></part><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3.5</xmax><ymax>4</ymax></bndbox></object></annotation>'
printf 'v%s' "$voc" >t3
printf 'v%s ' "$voc" >t4
printf 'v<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><annotation>&c;</annotation>' >t5
awk 'BEGIN { printf "v"; for (i = 0; i < 40; i++) printf "<annotation>" }' >t6
printf 'timage,class,x1,y1,x2,y2,area\na,"b""c",1,2,3,4,5\nb,,,,,,\n' >t7
printf 'timage\tclass\tx1\ty1\tx2\ty2\na\\t\tb\t1\t2\t3\t-4\n\n' >t8
printf 'y0 .5 .5 .25 .25\n1 0.500000 0.5 1e-1 2\n' >t9
printf 'y2 .5 .5 .25 .25\n0 1 2 3\n\n' >t10
printf 'ra .5 1 2 3 4\nb 1e5 nan 2 3 4\n' >t11
ok "data sets" "$dir/fuzz_truth" t?*
done_testing
