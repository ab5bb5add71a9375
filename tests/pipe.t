#!/bin/sh
# The pipe as a whole: the same bytes through pipes and through files, twice, and with a
# stage in another language; a model shared by its processes; one line for one mistake.
. "$DET_SRC/tests/lib.sh"

awk -f "$DET_SRC/tests/demo/discs.awk" | det-show --build - -o M.det
LC_ALL=C awk -f "$DET_SRC/tests/demo/scene.awk" >scene.ppm
cp scene.ppm two.ppm

det-image -m M.det scene.ppm two.ppm | det-backbone -m M.det | det-head -m M.det |
	det-nms -m M.det >piped.det
is "the pipe runs" $? 0
det-image -m M.det scene.ppm two.ppm -o image.det
det-backbone -m M.det image.det -o maps.det
det-head -m M.det maps.det -o raw.det
det-nms -m M.det raw.det -o filed.det
ok "pipe and files: the same bytes" cmp piped.det filed.det
det-image -m M.det scene.ppm two.ppm | tee i2.det | det-backbone -m M.det | tee m2.det |
	det-head -m M.det | tee r2.det >/dev/null
for f in image:i2 maps:m2 raw:r2; do
	ok "and of every stage between: ${f%:*}" cmp "${f%:*}.det" "${f#*:}.det"
done
for i in 1 2; do
	det-image -j 1 -m M.det scene.ppm | det-backbone -j 1 -m M.det | det-head -m M.det |
		det-nms -m M.det >"one$i.det"
done
ok "-j 1 twice: the same bytes" cmp one1.det one2.det
for i in 1 2 3; do det-backbone -j 2 -m M.det image.det -o "j$i.det"; done
ok "-j 2 twice: the same bytes" cmp j1.det j2.det
ok "and a third time" cmp j2.det j3.det
is "the history tells the pipe" "$(det-show --history piped.det | cut -d ' ' -f 1 | tr '\n' ' ')" \
	"det-image det-backbone det-head det-nms "
ok "streams can be concatenated" sh -c 'cat piped.det filed.det | det-export >both.tsv'
is "and are then all read" "$(grep -c disc both.tsv)" 32

# A stage of 20 lines of Python, in the middle of the pipe.
py=
for p in python3 /usr/bin/python3; do
	"$p" -c 'import numpy' 2>/dev/null && py=$p && break
done
if [ -n "$py" ]; then
	PYTHONPATH="$DET_SRC/formats"
	PYTHONDONTWRITEBYTECODE=1
	export PYTHONPATH PYTHONDONTWRITEBYTECODE
	cat >stage.py <<'EOF'
import sys
import det_stream as det

out = det.Writer(sys.stdout.buffer)
for r in det.Reader(sys.stdin.buffer):
    if r.kind == 'BOXS' and r.name == 'boxes':
        out.boxes('boxes', r.boxes[r.boxes['label'] != 0], space=r.get('space'))
    else:
        out.put(r)
EOF
	det-image -m M.det scene.ppm | det-backbone -m M.det | det-head -m M.det |
		"$py" stage.py | det-nms -m M.det | det-export >nored.tsv
	is "a stage in Python, in the middle" "$(cut -f 2 nored.tsv | sort -u | tr '\n' ' ')" \
		"blue disc green disc "
	"$py" "$DET_SRC/formats/det_stream.py" --copy piped.det >copy.det
	ok "Python copies a stream to the same bytes" cmp piped.det copy.det
else
	skip "a stage in Python, in the middle" "no python3 with NumPy"
	skip "Python copies a stream to the same bytes" "no python3 with NumPy"
fi

# A picture's path has the same transform from either end: boxes of a letterboxed picture.
det-image -m M.det --fit letterbox scene.ppm | det-backbone -m M.det | det-head -m M.det |
	det-nms -m M.det | det-export >letter.tsv
is "the model's input, letterboxed" "$(grep -c disc letter.tsv)" 8

# Mistakes: one line, status 2, whichever stage is wrong.
mistake() { # description pipe regex
	sh -c "$2" >out 2>err
	is "$1: one line" "$(wc -l <err)" 1
	like "$1: which says what" "$(cat err)" "$3"
}
printf 'hello\n' >text.jpg
head -c 3000 scene.ppm >cut.ppm
: >empty.jpg
rest='| det-backbone -m M.det | det-head -m M.det | det-nms -m M.det | det-export'
mistake "no such picture" "det-image -m M.det nix.jpg $rest" "^det-image: .*nix.jpg.*No such file"
mistake "a text file" "det-image -m M.det text.jpg $rest" "^det-image: .*text.jpg"
mistake "a picture cut short" "det-image -m M.det cut.ppm $rest" "^det-image: .*cut.ppm"
mistake "an empty file" "det-image -m M.det empty.jpg $rest" "^det-image: .*empty.jpg"
mistake "a directory" "det-image -m M.det . $rest" "^det-image: .*directory"
mistake "another size" "det-image -m M.det --size 320x240 scene.ppm $rest" \
	"^det-backbone: .*320.*(480|640)"
mistake "another normalisation" "det-image -m M.det --scale 1 scene.ppm $rest" "^det-backbone: .*scale=1 "
mistake "no maps" "det-image -m M.det scene.ppm | det-head -m M.det | det-nms | det-export" \
	"^det-head: .*no tensor 'y'"
mistake "no boxes" "det-image -m M.det scene.ppm | det-nms | det-export" "^det-nms: .*boxes"
mistake "a stream for a model" "det-image -m piped.det scene.ppm | det-export" "piped.det: .*model"
mistake "a picture for a model" "det-image -m scene.ppm scene.ppm | det-export" "scene.ppm"
mistake "no such model" "det-image -m nix.det scene.ppm | det-backbone -m M.det" "nix.det"
mistake "no such layer" "det-image -m M.det scene.ppm | det-backbone -m M.det --tap nix | det-export" \
	"^det-backbone: .*nix"

# The reader that goes away.
det-image -m M.det scene.ppm two.ppm scene.ppm two.ppm 2>err | head -c 1000 >/dev/null
is "SIGPIPE ends a tool silently" "$(cat err)" ""
done_testing
