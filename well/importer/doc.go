// Package importer turns arrays of other programs, in .npy, .npz and NetCDF-4 (or any HDF5) files, into files of The Well.
//
// The one idea: a short YAML description gives each array's axes names in the order in which they are stored, and from
// the names follows everything else: what is a trajectory, what is time, and how to bring any order of axes into the
// format's. Arrays are read frame by frame, so that data larger than memory passes through.
package importer
