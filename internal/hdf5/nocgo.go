//go:build !cgo

package hdf5

// Go switches cgo off where it finds no C compiler, and would say only that no file is left of this package. The
// compiler prints this name, which is nowhere defined, instead.
var _ = this_program_reads_HDF5_by_libhdf5_and_needs_CGO_ENABLED_1_and_a_C_compiler_and_libhdf5_On_Debian_apt_get_install_gcc_libc6_dev_libhdf5_dev_libaec_dev_zlib1g_dev
