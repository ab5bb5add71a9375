#!/bin/sh
# The losses of the YOLOs against Darknet's layers, run by hand; nothing of Darknet's is kept.
#
#   PJREDDIE=DIR tests/oracle/darknet_loss.sh
#
# PJREDDIE is the checked-out source of github.com/pjreddie/darknet. It is built without GPU
# and without fast-math into build/oracle. Demanded: every gradient within 1e-5 of the largest.
set -e
here=$(cd "$(dirname "$0")" && pwd)
src=$(cd "$here/../.." && pwd)
out=${OUT:-$src/build/oracle}
s=${PJREDDIE:?the folder of pjreddie\'s source}
mkdir -p "$out/loss"
if [ ! -f "$out/loss/libdarknet.a" ]; then
	for f in "$s"/src/*.c; do
		gcc -w -O2 -fcommon -I"$s/include" -I"$s/src" -c "$f" \
			-o "$out/loss/$(basename "$f").o" 2>/dev/null || continue
	done
	ar rcs "$out/loss/libdarknet.a" "$out/loss"/*.o
	rm "$out/loss"/*.o
fi
make -C "$src" --no-print-directory build/libdet.a >/dev/null
gcc -w -O2 -fcommon -I"$s/include" -I"$s/src" -I"$src/lib" -I"$src" "$here/darknet_loss.c" \
	-o "$out/loss/run" "$src/build/libdet.a" "$out/loss/libdarknet.a" \
	-ljpeg -lpng -lz -ldeflate -ljansson -lexpat -ldl -lm -lpthread
"$out/loss/run" >"$out/loss/log" 2>&1 || bad=1
# Darknet and the library write lines of their own there, too
grep ' of ' "$out/loss/log" | awk -F '\t' '{ split($2, v, " of "); if (v[1] / (v[2] > 1 ? v[2] : 1) > w[$1]) w[$1] = v[1] / (v[2] > 1 ? v[2] : 1) }
	END { for (k in w) printf "%-60s %.1e\n", k, w[k] }' | sort
[ -z "$bad" ] || tail -n 1 "$out/loss/log"
exit "${bad:-0}"
