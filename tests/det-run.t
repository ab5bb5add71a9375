#!/bin/sh
# det-run: the pipe that a model carries, run, printed, restricted. The model was made by
# hand, so what must be found is known exactly.
. "$DET_SRC/tests/lib.sh"

awk -f "$DET_SRC/tests/demo/discs.awk" >discs.recipe
det-show --build discs.recipe -o M.det
LC_ALL=C awk -f "$DET_SRC/tests/demo/scene.awk" >scene.ppm

det-run -m M.det scene.ppm >boxes.tsv 2>err
is "it runs" "$? $(cat err)" "0 "
is "eight discs are found, no other thing" "$(grep -c disc boxes.tsv)" 8
is "of the right colours" "$(cut -f 2 boxes.tsv | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
	" 2 blue disc; 3 green disc; 3 red disc;"
# centres and radii of tests/demo/scene.awk, within 5 pixels
is "where they are" "$(awk -F '\t' '
	BEGIN {
		n = split("red:110:110:24 red:330:90:20 blue:520:150:28 green:200:250:22 " \
			"green:420:290:26 blue:90:380:25 red:300:400:24 green:560:390:21", d, " ")
	}
	{
		for (i = 1; i <= n; i++) {
			split(d[i], p, ":")
			if ($2 != p[1] " disc") continue
			e = 0
			if (abs($4 - (p[2] - p[4])) > 5 || abs($6 - (p[2] + p[4])) > 5) e = 1
			if (abs($5 - (p[3] - p[4])) > 5 || abs($7 - (p[3] + p[4])) > 5) e = 1
			if (!e) hit[i] = 1
		}
	}
	function abs(v) { return v < 0 ? -v : v }
	END { for (i = 1; i <= n; i++) s += hit[i]; print s }' boxes.tsv)" 8

det-run -n -m M.det scene.ppm >pipe.sh
like "-n prints the pipe" "$(cat pipe.sh)" '^det-image -m M.det -- scene.ppm \|$'
sh pipe.sh >again.tsv
ok "which a shell runs to the same boxes" cmp boxes.tsv again.tsv
det-run -m M.det -n "it's a \$name.ppm" >quoted.sh
cp scene.ppm "it's a \$name.ppm"
sh quoted.sh >quoted.tsv
is "names with quotes and dollars too" "$(wc -l <quoted.tsv)" 8

det-run -m M.det -o drawn scene.ppm >tee.tsv
ok "-o does not change the boxes" cmp boxes.tsv tee.tsv
ok "and draws" test -s drawn/scene.png
det-run -m M.det -o odd.png scene.ppm >tee.tsv
ok "into a folder, whatever its name looks like" test -s odd.png/scene.png
is "--thresh reaches det-head" "$(det-run -m M.det -t .9999 scene.ppm | grep -c disc)" \
	"$(det-run -m M.det --set det-head.thresh=.9999 scene.ppm | grep -c disc)"
cp scene.ppm two.ppm
is "pictures in order" "$(det-run -m M.det scene.ppm two.ppm | cut -f 1 | uniq | tr '\n' ' ')" \
	"scene.ppm two.ppm "
det-model new --arch tiny_frcnn -o F.det
is "-j goes to each stage that computes" \
	"$(det-run -n -j 1 -m F.det scene.ppm | grep -c -- '--threads=1')" 5
is "-j does not change the boxes" "$(det-run -j 1 -m M.det scene.ppm | cksum)" "$(cksum <boxes.tsv)"
printf 'two.ppm\nscene.ppm\n' >names
is "--list" "$(det-run -m M.det --list names | cut -f 1 | uniq | tr '\n' ' ')" "two.ppm scene.ppm "
is "pictures on standard input" "$(cat scene.ppm two.ppm | det-run -m M.det - | grep -c disc)" 16

is "no picture, and none on standard input" \
	"$(det-run -m M.det 2>&1 </dev/null) $(status det-run -m M.det </dev/null)" \
	"det-image: item 0 '-': JPEG, PNG or PPM expected, found nothing: standard input is empty 2"
printf '%s\n' image,class,x1,y1,x2,y2,width,height 'scene.ppm,red disc,1,1,9,9,640,480' \
	'two.ppm,red disc,1,1,9,9,640,480' >truth.csv
is "a stream of pictures there" "$(det-gt --csv truth.csv | det-run -m M.det | cksum)" \
	"$(det-run -m M.det scene.ppm two.ppm | cksum)"
is "a missing picture" "$(status det-run -m M.det nix.jpg)" 2
is "is one line" "$(det-run -m M.det nix.jpg 2>&1 | wc -l)" 1
head -c 5000 scene.ppm >cut.ppm
is "a picture cut short too" "$(det-run -m M.det cut.ppm 2>&1 | wc -l)" 1
det-run --skip-bad -m M.det cut.ppm scene.ppm >skip.tsv 2>/dev/null
is "--skip-bad goes on, exit 2" "$? $(grep -c disc skip.tsv)" "2 8"

mkfifo fifo
cat M.det >fifo &
is "a model from a pipe" "$(det-run -m fifo scene.ppm 2>&1)" \
	"det-run: fifo: a model in a file expected, found something that can be read only once"
wait

# A model from a stranger can't run or write what it likes.
evil() { # stage line
	awk -v l="$1" '/^TEXT name=pipeline/ { print; print "  | " l; skip = 4; next }
		skip > 0 { skip--; next } { print }' discs.recipe | det-show --build - -o evil.det
	det-run -m evil.det scene.ppm 2>&1
}
like "only stages of the toolkit" "$(evil 'rm -rf x')" "line 1: 'rm' is no stage"
like "by name, not by path" "$(evil './det-image')" "is no stage"
like "no output file" "$(evil 'det-image --output=x')" "may not give --output"
like "no option that is cut short" "$(evil 'det-image --outp=x')" "unknown option"
like "no letters" "$(evil 'det-image -ox')" "an option --name=value expected"
is "nothing was written" "$(ls x 2>/dev/null)" ""
sed 's/  | fit=stretch/  | output=x/' discs.recipe | det-show --build - -o evil.det
like "nor through recorded options" "$(det-run -m evil.det scene.ppm 2>&1)" "may not set --output"
is "nothing was written" "$(ls x 2>/dev/null)" ""
printf 'STRM\nTEXT name=net/backbone\n  | net backbone\nEND.\n' | det-show --build - >bare.det
like "a model without a pipeline" "$(det-run -m bare.det scene.ppm 2>&1)" 'carries no pipeline'

# --- mistakes
det-run -m M.det -o none/such scene.ppm >out 2>err
is "a folder that can't be made is one line" "$? $(wc -l <err) $(cut -d : -f 1 err)" "2 1 det-draw"
cp scene.ppm own.ppm
det-run -m M.det -o own.ppm own.ppm >out 2>err
is "so is a picture that would be lost" "$? $(wc -l <err) $(cut -d : -f 1 err)" "2 1 det-draw"
ok "and it is not lost" cmp scene.ppm own.ppm
like "an option misspelt" "$(det-run -m M.det --tresh .5 scene.ppm 2>&1)" \
	"unknown option '--tresh': is --thresh meant\?"
like "an option begun" "$(det-run -m M.det --dry scene.ppm 2>&1)" "is --dry-run meant"
not_ok "an option that is like none" sh -c "det-run --quux 2>&1 | grep meant"
done_testing
