#!/bin/sh
# Installs what the build needs and this machine lacks, and says what and why. Debian and its relatives only; elsewhere
# it names what to install.
#
#   libhdf5-dev, libaec-dev, zlib1g-dev   The Well's files are HDF5; libhdf5 is its trusted reader, linked statically
#   gcc, libc6-dev                        the C side of the Go bindings to libhdf5
#   make                                  is there, or you would not read this
#   libopenmpi-dev, openmpi-bin           with the argument mpi only: what several processes of a run talk through
set -eu

missing=""
need() { # need PACKAGE FILE...: PACKAGE is missing unless one of the files exists
	package=$1
	shift
	for file in "$@"; do
		[ -e "$file" ] && return 0
	done
	missing="$missing $package"
}

command -v go >/dev/null || { echo "setup: go is missing: install Go 1.26 or newer" >&2; exit 1; }
arch=$(uname -m)
need libhdf5-dev /usr/lib/"$arch"-linux-gnu/hdf5/serial/libhdf5.a /usr/lib/"$arch"-linux-gnu/hdf5/serial/libhdf5.so
need libaec-dev /usr/lib/"$arch"-linux-gnu/libsz.a /usr/lib/"$arch"-linux-gnu/libsz.so
need zlib1g-dev /usr/lib/"$arch"-linux-gnu/libz.a /usr/lib/"$arch"-linux-gnu/libz.so
command -v cc >/dev/null || missing="$missing gcc libc6-dev"
why="HDF5 and a C compiler, to read and write The Well's files"
if [ "${1:-}" = mpi ]; then
	why="$why; Open MPI, for runs of several processes"
	command -v pkg-config >/dev/null || missing="$missing pkg-config"
	pkg-config --exists mpi-c 2>/dev/null || missing="$missing libopenmpi-dev"
	command -v mpirun >/dev/null || missing="$missing openmpi-bin"
fi
[ -z "$missing" ] && exit 0

echo "setup: installing$missing ($why)" >&2
if ! command -v apt-get >/dev/null; then
	echo "setup: no apt-get here: install the development files of HDF5 and a C compiler, then build with -tags hdf5dynamic" >&2
	exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { echo "setup: run as root: apt-get install$missing" >&2; exit 1; }
	sudo=sudo
fi
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
