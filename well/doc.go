// Package well reads and writes the HDF5 files of The Well, the public collection of physics simulations: a data set is a
// folder of files, a file holds trajectories on one grid, a trajectory is a series of frames.
//
// The one idea: a data set is a list of files whose headers were read and compared once, and everything after that is
// arithmetic on indices and a read of exactly the frames that were asked for. Values come as they lie on disk, channels
// last and in the order of the model's vocabulary: scalars, vectors, tensors.
//
// Create writes a file, Open reads one, OpenDataset a whole data set, Check names every breach of the format's rules,
// and ComputeStats and ReadStats are about the data set's stats.yaml.
package well
