package importer

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// npzFile is a .npz file: a zip archive of .npy arrays.
type npzFile struct {
	file     *os.File
	members  map[string]*zip.File
	order    []string
	scratch  string // folder for unpacked arrays
	unpacked map[string]*os.File
}

func openNPZ(path, scratch string) (input, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	var archive *zip.Reader
	if err == nil {
		archive, err = zip.NewReader(file, info.Size())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f := &npzFile{file: file, members: map[string]*zip.File{}, scratch: scratch, unpacked: map[string]*os.File{}}
	for _, member := range archive.File {
		name, isArray := strings.CutSuffix(member.Name, ".npy")
		if !isArray {
			continue
		}
		if f.members[name] != nil {
			return nil, errors.Join(fmt.Errorf("two arrays called %s; only one of them could be found by name", name), file.Close())
		}
		f.members[name] = member
		f.order = append(f.order, name)
	}
	return f, nil
}

func (f *npzFile) names() []string { return f.order }

func (f *npzFile) Close() error {
	errs := []error{f.file.Close()}
	for _, file := range f.unpacked {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// mostDeflated bounds how many bytes a stored byte can stand for; deflate's limit is 1032.
const mostDeflated = 1100

// open reads a stored member where it lies, and unpacks a compressed one into a temporary file: it can only be read from its
// start, and may be larger than memory.
func (f *npzFile) open(name string, _ []string) (array, error) {
	member := f.members[name]
	size := int64(member.UncompressedSize64)
	if member.Method == zip.Store {
		offset, err := member.DataOffset()
		if err != nil {
			return nil, err
		}
		return parseNPY(io.NewSectionReader(f.file, offset, size), size)
	}
	if size < 0 || size/mostDeflated > int64(member.CompressedSize64) {
		return nil, fmt.Errorf("claims %d bytes, %d are stored; the file is damaged", size, member.CompressedSize64)
	}
	if file := f.unpacked[name]; file != nil {
		return parseNPY(file, size)
	}
	stream, err := member.Open()
	if err != nil {
		return nil, err
	}
	file, err := temporary(f.scratch)
	if err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	f.unpacked[name] = file
	size, err = io.Copy(file, io.LimitReader(stream, size))
	if err = errors.Join(err, stream.Close()); err != nil {
		return nil, err
	}
	return parseNPY(file, size)
}

// temporary opens a file in a folder that is gone when it is closed, however the program ends.
func temporary(folder string) (*os.File, error) {
	file, err := os.CreateTemp(folder, ".walrus-import-*.tmp")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
