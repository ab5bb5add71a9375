# shellcheck shell=sh
# The model that comes with det: in every tool that takes one, from anywhere, as good as it is
# said to be; and make demo.
. "$DET_SRC/tests/lib.sh"
file=$DET_SRC/lib/default/scene.det

# --- it is there ---
ok "at most 5 MB" test "$(wc -c <"$file")" -le 5000000
ok "what is inside is the file" sh -c "det-model export det default | cmp - '$file'"
is "whole" "$(det-model check default)" "default: ok"
det-model export det default -o M.det
is "det-model list" "$(det-model list default)" "$(det-model list M.det)"
like "it was made by det-train" "$(det-show --history M.det)" '^det-train '
like "of scenes" "$(det-show --history M.det)" '^det-scene '
is "its classes are theirs" "$(det-show --classes M.det)" "$(det-scene --count 1 | det-show --classes)"

# --- every tool that takes -m opens it ---
det-scene --seed 1 --count 3 -o scenes.det
for m in default M.det; do
	det-image -m $m <scenes.det | det-backbone -m $m | det-anchors -m $m -o anchors.$m
	det-head -m $m <anchors.$m | det-nms -m $m | det-export >boxes.$m
done 2>err
is "each stage" "$(cat err)" ""
ok "finds what those of the file find" cmp boxes.default boxes.M.det
ok "which is something" test "$(wc -l <boxes.default)" -gt 3
for t in $(for f in "$DET_BIN"/det-*; do [ -x "$f" ] && basename "$f"; done); do
	case $t in *.[a-z]*) continue ;; esac
	"$t" --option-table | grep -q '^--model	' || continue
	"$t" -m default --no-such-option >out 2>err
	like "$t takes -m" "$(cat err)" "no-such-option"
	"$t" -m default </dev/null >out 2>err
	not_ok "$t: it is no file" grep -q 'default: No such' err
	cp "$DET_BIN/$t" alone
	./alone -m default </dev/null >out 2>err
	not_ok "$t: a copy of the program alone has it" grep -q 'default: No such' err
done
like "a tool that takes none knows none" "$(det-show default 2>&1)" "No such file"
det-model new --arch scene_ssd --set classes=2 --weights default -o two.det 2>err
like "another model begins with it" "$(cat err)" "default: [0-9]+ weights taken, [0-9]+ seeded"
ok "and is whole" det-model check two.det
cp two.det default
is "./default is a file" "$(det-model list ./default)" "$(det-model list two.det)"
is "default is not" "$(det-model list default)" "$(det-model list M.det)"

# --- det-run ---
det-draw -o . <scenes.det
det-run -m default scene-000000.png scene-000001.png scene-000002.png >named 2>err
is "det-run -m default: status, no message" "$? $(cat err)" "0 "
is "the same boxes" "$(cut -f 2- named)" "$(cut -f 2- boxes.M.det)"
det-run scene-000000.png scene-000001.png scene-000002.png >unnamed 2>err
is "without -m" "$? $(cat err)" \
	"0 det-run: no -m: the default model, which knows what det-scene draws"
ok "the same" cmp named unnamed
is "-q says nothing" "$(det-run -q scene-000000.png 2>&1 >/dev/null)" ""
det-run <scenes.det >stream 2>err
is "a stream of pictures" "$? $(cut -f 2- stream | cksum)" "0 $(cut -f 2- named | cksum)"
like "-n prints the pipe" "$(det-run -q -n scene-000000.png)" '^  det-head -m default \|$'
is "which a shell runs" "$(det-run -q -n scene-000000.png | sh)" "$(grep ^scene-000000 named)"
is "one thread finds the same" "$(det-run -j 1 -m default <scenes.det)" "$(cat stream)"

# --- it can be trained further ---
det-scene --seed 3 --count 2 -o val.det
det-scene --seed 2 --count 4 | det-image -m default |
	det-train -m default --batch 2 --iterations 2 --val val.det --val-every 2 -o run >log 2>err
is "trained further, with a validation" "$? $(cat err) $(wc -l <run/val.tsv | tr -d ' ')" "0  2"
like "which finds what it knew" "$(cut -f 4 run/val.tsv | tail -n 1)" '^(0\.[3-9]|1)'

# --- how good: on fewer under sanitizers ---
det-scene --seed 11 --count "$([ "${DET_SAN:-}" ] && echo 8 || echo 40)" | det-image -m default | det-backbone -m default |
	det-head -m default | det-nms -m default -o found.det
det-eval --require 'AP50>=.8,AP>=.6' found.det >report 2>err
is "on scenes that it has not seen: AP50 at least .8, AP .6" "$? $(grep -c '' err)" "0 0"
grep 'maxDets=100' report | head -n 2 | sed 's/^/# /'

# --- make demo ---
demo() { env DET_DEMO_OUT="$PWD/demo" "$@" sh "$DET_SRC/tests/demo.sh"; }
demo >first 2>err
is "the demo: status, no message" "$? $(cat err)" "0 "
like "the model" "$(cat first)" '^model:    default: '
like "the command" "$(cat first)" '^          det-scene --seed 1 --count 1 \| det-run -t'
like "boxes" "$(cat first)" '^          [a-z]+	0\.[0-9]+	[0-9.]+	[0-9.]+	[0-9.]+	[0-9.]+$'
like "what is right" "$(cat first)" '^          found     [a-z]+ +0\.[0-9]+, overlap (0\.[5-9]|1)'
like "the score" "$(cat first)" '^score:    0\.[89][0-9]+ AP50, 0\.[5-9][0-9]+ AP over '
is "objects are found or missed" "$(grep -cE '^          (found|missed) ' first)" \
	"$(sed -n 's/^truth: *\([0-9]*\) objects.*/\1/p' first)"
is "boxes are right or false" "$(grep -cE '^          (found|false|no matter) ' first)" \
	"$(grep -c '^          [a-z]*	0' first)"
like "the picture" "$(det-image demo/scene.png | det-show)" '320x320 ->'
demo >again 2>err
ok "and again" cmp first again
demo DET_DEMO_SEED=4 >other 2>err
is "another scene" "$? $(sed -n 's/^picture: *//p' other)" \
	"0 the first scene of seed 4; the model learnt from those of seed 0"
not_ok "has other boxes" cmp first other
demo DET_DEMO_IMAGE=scene-000001.png DET_DEMO_MODEL=two.det >yours 2>err
is "your picture, your model" "$? $(grep -c yours yours) $(tail -n 1 yours)" "0 2 result:   $PWD/demo/scene-000001.png"
done_testing
