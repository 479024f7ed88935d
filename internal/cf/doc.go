// Package cf applies the attributes that change what stored numbers mean: scale and offset, sign, markers of missing
// values and valid ranges, as the NetCDF user guide and the CF conventions define them.
//
// The one idea: there is one reading of these attributes for every container that has them (NetCDF of both formats, HDF5,
// Zarr, The Well), and one that can not be applied is an error and never dropped. Markers are compared in the stored type:
// a float32 array holds float32(1e20) where its attribute says 1e20 in float64.
package cf
