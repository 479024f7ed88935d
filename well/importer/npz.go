package importer

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// npzFile is a .npz file: a zip archive of .npy arrays.
type npzFile struct {
	file    *os.File
	members map[string]*zip.File
	order   []string
}

func openNPZ(path string) (input, error) {
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
	f := npzFile{file: file, members: map[string]*zip.File{}}
	for _, member := range archive.File {
		if name, isArray := strings.CutSuffix(member.Name, ".npy"); isArray {
			f.members[name] = member
			f.order = append(f.order, name)
		}
	}
	return f, nil
}

func (f npzFile) names() []string { return f.order }
func (f npzFile) Close() error    { return f.file.Close() }

// mostDeflated bounds how many bytes a stored byte can stand for; deflate's limit is 1032.
const mostDeflated = 1100

// open reads a stored member where it lies, and unpacks a compressed one into memory.
func (f npzFile) open(name string) (array, error) {
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
	stream, err := member.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(stream, size))
	if err = errors.Join(err, stream.Close()); err != nil {
		return nil, err
	}
	return parseNPY(bytes.NewReader(data), int64(len(data)))
}
