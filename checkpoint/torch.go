package checkpoint

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// maxPickleBytes bounds the pickle inside a .pt file, which holds names and shapes only: about 100 kB in the release. What a
// hostile one can make of a byte is a few dozen bytes of values.
const maxPickleBytes = 8 << 20

// torchArchive is a .pt file as torch.save writes it: a zip of PREFIX/data.pkl, PREFIX/byteorder and one uncompressed entry
// PREFIX/data/KEY for each storage.
type torchArchive struct {
	file    io.ReaderAt
	size    int64
	prefix  string
	entries map[string]*zip.File
}

// openTorch reads the names and shapes of the tensors of a .pt file of the given size, in the order of the state dict.
func openTorch(file io.ReaderAt, size int64) ([]Tensor, error) {
	archive, err := newTorchArchive(file, size)
	if err != nil {
		return nil, fmt.Errorf("torch zip: %w", err)
	}
	program, err := archive.small("data.pkl", maxPickleBytes)
	if err != nil {
		return nil, fmt.Errorf("torch zip: %w", err)
	}
	root, err := unpickle(program)
	if err != nil {
		return nil, fmt.Errorf("torch zip: data.pkl: %w", err)
	}
	dict, err := findStateDict(root)
	if err != nil {
		return nil, fmt.Errorf("torch zip: data.pkl: %w", err)
	}
	tensors, err := archive.tensors(dict)
	if err != nil {
		return nil, fmt.Errorf("torch zip: %w", err)
	}
	return tensors, nil
}

func newTorchArchive(file io.ReaderAt, size int64) (*torchArchive, error) {
	reader, err := zip.NewReader(file, size)
	if err != nil {
		return nil, fmt.Errorf("%w: the file is truncated or damaged", err)
	}
	a := &torchArchive{file: file, size: size, entries: make(map[string]*zip.File, len(reader.File))}
	pickles := 0
	for _, f := range reader.File {
		if _, twice := a.entries[f.Name]; twice {
			return nil, fmt.Errorf("two entries are named %s", printable(f.Name))
		}
		a.entries[f.Name] = f
		if f.Name == "data.pkl" || strings.HasSuffix(f.Name, "/data.pkl") {
			a.prefix = strings.TrimSuffix(f.Name, "data.pkl")
			pickles++
		}
	}
	if pickles != 1 {
		return nil, fmt.Errorf("%d entries data.pkl; expected one, as torch.save writes (a TorchScript archive is not a checkpoint)", pickles)
	}
	if _, exists := a.entries[a.prefix+"byteorder"]; exists { // written since PyTorch 2.1; before, always little
		order, err := a.small("byteorder", 16)
		if err != nil {
			return nil, err
		}
		if string(order) != "little" {
			return nil, fmt.Errorf("byte order %s; only little is read: save it again on a little-endian machine", printable(string(order)))
		}
	}
	return a, nil
}

// errCompressed is the error of an entry that is not stored as it is.
func errCompressed(name string) error {
	return fmt.Errorf("entry %s is compressed, so it can not be read in place; save it again with torch.save or re-pack with zip -0", printable(name))
}

// small reads a whole entry of at most limit bytes.
func (a *torchArchive) small(name string, limit int64) ([]byte, error) {
	entry, exists := a.entries[a.prefix+name]
	if !exists {
		return nil, fmt.Errorf("no entry %s", name)
	}
	if entry.Method != zip.Store {
		return nil, errCompressed(entry.Name)
	}
	reader, err := entry.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer reader.Close()
	data, err := io.ReadAll(io.LimitReader(reader, limit+1))
	if err != nil && !errors.Is(err, zip.ErrChecksum) { // torch.save can be told not to compute checksums
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: more than %d bytes", name, limit)
	}
	return data, nil
}

// tensors turns the records of a state dict into tensors that read from the archive.
func (a *torchArchive) tensors(dict *pickleDict) ([]Tensor, error) {
	starts := map[storageRecord]int64{} // of storages already checked; several tensors may share one
	tensors := make([]Tensor, 0, len(dict.keys))
	for _, key := range dict.keys {
		name, isString := key.(string)
		record, isTensor := dict.values[key].(*tensorRecord)
		if !isString || !isTensor {
			slog.Debug("checkpoint: an entry of the state dict is not a tensor", "name", fmt.Sprint(key), "type", describe(dict.values[key]))
			continue
		}
		start, known := starts[*record.storage]
		if !known {
			var err error
			if start, err = a.storageStart(record.storage); err != nil {
				return nil, fmt.Errorf("tensor %s: %w", printable(name), err)
			}
			starts[*record.storage] = start
		}
		dtype := record.storage.dtype
		tensors = append(tensors, Tensor{
			Name: name, DType: dtype, Shape: record.shape,
			values: stored{
				file: a.file, start: start + record.offset*int64(dtype.Size()),
				dtype: dtype, shape: record.shape, strides: record.strides,
			},
		})
	}
	return tensors, nil
}

// storageStart finds the byte where a storage begins and checks that all of it is in the file.
func (a *torchArchive) storageStart(storage *storageRecord) (int64, error) {
	name := a.prefix + "data/" + storage.key
	entry, exists := a.entries[name]
	if !exists {
		return 0, fmt.Errorf("no entry %s", printable(name))
	}
	if entry.Method != zip.Store {
		return 0, errCompressed(name)
	}
	if storage.elements > a.size/int64(storage.dtype.Size()) || entry.UncompressedSize64 > uint64(a.size) {
		return 0, fmt.Errorf("entry %s is larger than the file", printable(name))
	}
	if expected := uint64(storage.elements) * uint64(storage.dtype.Size()); entry.UncompressedSize64 != expected {
		return 0, fmt.Errorf("entry %s has %d bytes; expected %d", printable(name), entry.UncompressedSize64, expected)
	}
	start, err := entry.DataOffset()
	if err != nil {
		return 0, fmt.Errorf("entry %s: %w", printable(name), err)
	}
	if start < 0 || start > a.size-int64(entry.UncompressedSize64) {
		return 0, fmt.Errorf("entry %s lies beyond the end of the file", printable(name))
	}
	return start, nil
}
