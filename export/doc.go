// Package export writes what a file of The Well holds for other tools: an XDMF description that ParaView and VisIt open, single frames as VTK
// images, and NetCDF files that xarray opens.
//
// The one idea: a file is gone through frame by frame, so that one of any length is exported in the memory of a frame, and every point keeps its
// place: arrays whose first axis is x are described or turned so that no tool shows x where z belongs.
package export
