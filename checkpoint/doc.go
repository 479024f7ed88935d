// Package checkpoint keeps weights and configuration on disk. It reads the released Walrus files as they are (walrus.pt, a
// zip with a pickle in it; walrus.safetensors; extended_config.yaml), reads and writes our own directories, and saves and
// restores a training run.
//
// The one idea: opening a checkpoint reads names and shapes only. A Tensor is a promise of values; they are read from the
// file when Float32 is called, straight into the caller's memory, so that a five-gigabyte file costs no more than the tensor
// being converted. Files are read with positioned reads rather than mapped, because a file that shrinks under a mapping ends
// the process, while a short read is an ordinary error.
//
// Every byte read here is taken as hostile: sizes are checked against the file's length before anything is allocated, a
// pickle may name a handful of allowed globals and nothing else, and YAML may not be deep or use aliases.
package checkpoint
