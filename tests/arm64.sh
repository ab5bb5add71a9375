#!/bin/sh
# tests/arm64.sh [TEST...]: builds for arm64 with Debian's cross compiler, in build/arm64, and
# runs the tests, or those named (test_net, pipe.t), under qemu's emulator of processes. The
# libraries are Debian's, unpacked beside the build: nothing is installed, root not needed.
set -u
cd "$(dirname "$0")/.." || exit 2
for c in aarch64-linux-gnu-gcc qemu-aarch64 apt-get dpkg; do
	command -v "$c" >/dev/null 2>&1 && continue
	echo "arm64: skipped, there is no $c (packages gcc-aarch64-linux-gnu, qemu-user)"
	exit 0
done
top=$PWD/build/arm64
root=$top/root
lib=$root/usr/lib/aarch64-linux-gnu

# apt-get with lists of its own, in which only arm64 exists and nothing is installed.
apt() {
	apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
		-o Dir::State="$top/apt" -o Dir::State::status=/dev/null -o Dir::Cache="$top/apt" \
		-o Debug::NoLocking=1 -o APT::Sandbox::User= "$@"
}

if [ ! -e "$lib/.complete" ]; then
	echo "arm64: fetching libraries"
	mkdir -p "$top/apt/lists/partial" "$top/apt/archives/partial" "$root"
	apt update && apt install --download-only --no-install-recommends libc6 libjpeg62-turbo-dev \
		libpng-dev zlib1g-dev libdeflate-dev libjansson-dev libexpat1-dev liblinear-dev libopenblas0 >/dev/null || exit 2
	for d in "$top"/apt/archives/*.deb; do
		case ${d##*/} in
		libc6-dev_* | linux-libc-dev_*) ;; # the cross compiler has its own
		*) dpkg -x "$d" "$root" || exit 2 ;;
		esac
	done
	cp "$lib"/openblas-*/libopenblas.so.0 "$lib" && rm -rf "$top/apt" || exit 2
	: >"$lib/.complete"
fi

# relative, as a path in make's flags must have no spaces
r=build/arm64/root
make -j2 CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar O=build/arm64 BIN=build/arm64/bin \
	INCS="-I$r/usr/include -I$r/usr/include/aarch64-linux-gnu" \
	LIBS='-ljpeg -lpng -lz -ldeflate -ljansson -lexpat' WERROR=-Werror \
	LDFLAGS="-L${lib#"$PWD/"} -Wl,-rpath-link,${lib#"$PWD/"}:$r/lib/aarch64-linux-gnu" \
	tools units replays >"$top/log" || exit 2

# Beside each program, a script of its name that runs it; det-run finds its stages so.
for p in "$top"/bin/det-* "$top"/tests/unit/test_* "$top"/tests/fuzz/fuzz_*; do
	case $p in *.[do]) continue ;; esac
	to=$top/run/${p#"$top/"}
	mkdir -p "${to%/*}"
	ln -f "$p" "$to.elf" || exit 2
	printf '#!/bin/sh\nexec qemu-aarch64 -L "%s" "%s.elf" "$@"\n' "$root" "$to" >"$to" &&
		chmod +x "$to" || exit 2
done
[ $# -gt 0 ] || set -- "$top"/run/tests/unit/*.elf "$PWD"/tests/*.t
for t; do
	shift
	case $t in
	/*) ;;
	*.t) t=$PWD/tests/$t ;;
	*) t=$top/run/tests/unit/$t ;;
	esac
	set -- "$@" "${t%.elf}"
done
export DET_BIN="$top/run/bin" DET_SRC="$PWD" DET_BUILD="$top/run" DET_EMULATED=1
export DET_TEST_TIME="${DET_TEST_TIME:-3600}"
exec sh tests/run "$@"
