#!/usr/bin/env bash
# Builds the archives of a release under dist/: for linux on amd64 and arm64 the stripped program with libhdf5 inside, its
# manual pages, completions of shells and the licences of what is linked in, and SHA256SUMS.
#
#   scripts/release.sh [VERSION]      VERSION is what git describe says unless given
#
# Runs on Debian and its relatives on amd64. The C side for arm64 is built with gcc-aarch64-linux-gnu; Debian's libhdf5.a,
# libsz.a, libaec.a and libz.a for arm64 are unpacked under dist/, nothing foreign is installed. Where qemu-aarch64-static is
# there, the arm64 program is run; the amd64 one runs in a folder that has nothing but the C library. Entries of the archives
# are sorted and have the date of the commit.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "release: $*" >&2; exit 1; }
say() { echo "release: $*" >&2; }

[ "$(uname -m)" = x86_64 ] || die "run it on amd64; this is $(uname -m)"
version=${1:-$(git describe --tags --always --dirty)}
epoch=$(git log -1 --format=%ct)
rm -rf dist
mkdir -p dist
scripts/setup.sh
command -v aarch64-linux-gnu-gcc >/dev/null || die "the C compiler for arm64 is missing: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"

# foreign ARCH PACKAGE... unpacks Debian's packages of another architecture into dist/ARCH, by an apt with a state of its own.
foreign() {
	local arch=$1 root=$PWD/dist/$1
	shift
	mkdir -p "$root"/apt/{lists/partial,cache/archives/partial,packages}
	touch "$root/apt/status"
	local apt=(-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State::lists=$root/apt/lists"
		-o "Dir::Cache=$root/apt/cache" -o "Dir::State::status=$root/apt/status" -o APT::Sandbox::User=root)
	apt-get "${apt[@]}" update -qq
	(cd "$root/apt/packages" && apt-get "${apt[@]}" download -qq "$@")
	for package in "$root"/apt/packages/*.deb; do
		dpkg -x "$package" "$root"
	done
}

# build ARCH writes dist/walrus-VERSION-linux-ARCH/walrus.
build() {
	local arch=$1 to=dist/walrus-$version-linux-$1
	say "building for $arch"
	GOOS=linux GOARCH=$arch CGO_ENABLED=1 go build -trimpath -ldflags "-s -w -X main.release=$version" -o "$to/walrus" ./cmd/walrus
	# Of shared libraries only those of the C library itself may be asked for.
	local needed
	needed=$(readelf -d "$to/walrus" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -Ev '^(libc|libm|libdl|libpthread|libresolv)\.so|^ld-linux' || true)
	[ -z "$needed" ] || die "$to/walrus needs $needed; expected libhdf5 and all it needs inside"
	say "$arch: $(stat -c %s "$to/walrus") bytes, needs glibc $(readelf -V "$to/walrus" | grep -o 'GLIBC_2[.0-9]*' | sort -Vu | tail -1 | cut -d_ -f2) or newer"
}

# licences collects what must go with a program that contains others' work.
licences() {
	local to=$1/licences
	mkdir -p "$to"
	for package in libhdf5-dev libaec-dev zlib1g-dev; do
		cp "/usr/share/doc/$package/copyright" "$to/$package"
	done
	go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/walrus | sort -u | while read -r module dir; do
		for file in "$dir"/LICENSE* "$dir"/COPYING* "$dir"/NOTICE*; do
			[ ! -f "$file" ] || cp "$file" "$to/$(echo "$module" | tr / _)-$(basename "$file")"
		done
	done
	cp "$(go env GOROOT)/LICENSE" "$to/go-LICENSE"
	chmod -R u+w "$to"
}

# bare COMMAND... runs the amd64 program where there is nothing but the C library.
bare() {
	local root=dist/bare
	if [ ! -d $root ]; then
		mkdir -p $root/lib64 $root/tmp
		cp "$amd64/walrus" $root/
		cp -L /lib64/ld-linux-x86-64.so.2 $root/lib64/
		ldd "$amd64/walrus" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | while read -r library; do
			mkdir -p "$root$(dirname "$library")"
			cp -L "$library" "$root$library"
		done
	fi
	local chroot
	chroot=$(PATH=$PATH:/usr/sbin:/sbin command -v chroot) || die "chroot is missing"
	if [ "$(id -u)" = 0 ]; then
		env -i "$chroot" $root /walrus "$@"
	else
		env -i "$(command -v unshare)" -r "$chroot" $root /walrus "$@"
	fi
}

build amd64
amd64=dist/walrus-$version-linux-amd64
arm64=dist/walrus-$version-linux-arm64
foreign arm64 libhdf5-dev libaec-dev zlib1g-dev
root=$PWD/dist/arm64
export CC=aarch64-linux-gnu-gcc
CGO_CFLAGS="-O2 -I$root/usr/include/hdf5/serial -idirafter $root/usr/include" \
	CGO_LDFLAGS="-L$root/usr/lib/aarch64-linux-gnu/hdf5/serial -L$root/usr/lib/aarch64-linux-gnu" build arm64
unset CC

say "running them"
bare version >&2
bare simulate shear_flow --grid 16x16 --steps 2 --trajectories 1 --out /tmp/data >&2
bare data check /tmp/data/shear_flow >&2
if command -v qemu-aarch64-static >/dev/null; then
	rm -rf dist/try
	QEMU_LD_PREFIX=/usr/aarch64-linux-gnu qemu-aarch64-static "$arm64/walrus" version >&2
	QEMU_LD_PREFIX=/usr/aarch64-linux-gnu qemu-aarch64-static "$arm64/walrus" simulate shear_flow --grid 16x16 --steps 2 --trajectories 1 --out dist/try >&2
	cmp "$(find dist/try -name '*.hdf5' | head -1)" "$(find dist/bare/tmp/data -name '*.hdf5' | head -1)" >&2 || say "the files of the two architectures differ, as fused multiplications may make them"
else
	say "the arm64 program was not run: qemu-aarch64-static is missing (apt-get install qemu-user-static)"
fi

for to in "$amd64" "$arm64"; do
	cp README.md LICENSE CHANGELOG.md "$to/"
	licences "$to"
	mkdir -p "$to/completions"
	"$amd64/walrus" completion bash > "$to/completions/walrus.bash"
	"$amd64/walrus" completion zsh > "$to/completions/_walrus"
	"$amd64/walrus" completion fish > "$to/completions/walrus.fish"
	"$amd64/walrus" man "$to/man/man1"
	tar -C dist --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -c "$(basename "$to")" | gzip -9n > "$to.tar.gz"
done
rm -rf dist/arm64 dist/bare dist/try
(cd dist && sha256sum ./*.tar.gz > SHA256SUMS && sha256sum -c --quiet SHA256SUMS)
ls -l dist >&2
