package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// maxHeaderBytes bounds a safetensors header: the released one is about 100 kB. The format's own limit of 100 MB would let a
// file of that size take gigabytes while its names are sorted.
const maxHeaderBytes = 16 << 20

// headerEntry is what a safetensors header says about one tensor.
type headerEntry struct {
	DType   string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets *[2]int64 `json:"data_offsets"` // begin and end, bytes after the header
}

// openSafetensors reads the header of a safetensors file of the given size. Tensors come in the order of their data.
func openSafetensors(file io.ReaderAt, size int64) ([]Tensor, map[string]string, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, nil, fmt.Errorf("safetensors: %d bytes are too few for a header", size)
	}
	if err := readFully(file, prefix[:], 0); err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeaderBytes || int64(length) > size-8 {
		return nil, nil, fmt.Errorf("safetensors: header of %d bytes in a file of %d; expected at most %d", length, size, min(maxHeaderBytes, size-8))
	}
	header := make([]byte, length)
	if err := readFully(file, header, 8); err != nil {
		return nil, nil, fmt.Errorf("safetensors: header: %w", err)
	}
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: header: %w", err)
	}
	tensors, err := placeTensors(entries, file, 8+int64(length), size)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	return tensors, metadata, nil
}

// namedEntry is a header entry with its name, in the order of the header.
type namedEntry struct {
	name string
	headerEntry
}

// parseHeader reads the JSON object key by key, because a plain decode would let the second of two equal names win.
func parseHeader(header []byte) ([]namedEntry, map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(header))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, nil, fmt.Errorf("expected a JSON object, found %v (%w)", token, orUnexpected(err))
	}
	var entries []namedEntry
	var metadata map[string]string
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, nil, err
		}
		name := token.(string) // inside an object, encoding/json yields strings as keys
		if seen[name] {
			return nil, nil, fmt.Errorf("two entries are named %s", printable(name))
		}
		seen[name] = true
		if name == "__metadata__" {
			if err := decoder.Decode(&metadata); err != nil {
				return nil, nil, fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		entry := namedEntry{name: name}
		if err := decoder.Decode(&entry.headerEntry); err != nil {
			return nil, nil, fmt.Errorf("tensor %s: %w", printable(name), err)
		}
		entries = append(entries, entry)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, nil, orUnexpected(err)
	}
	if rest := bytes.TrimRight(header[decoder.InputOffset():], " \t\r\n\x00"); len(rest) > 0 {
		return nil, nil, fmt.Errorf("%d bytes after the JSON object", len(rest))
	}
	return entries, metadata, nil
}

// orUnexpected names the end of the input for what it is here: too early.
func orUnexpected(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// placeTensors checks each entry against the file: known type, size as the shape says, data without gaps or overlaps.
func placeTensors(entries []namedEntry, file io.ReaderAt, dataStart, size int64) ([]Tensor, error) {
	for _, e := range entries {
		if e.Offsets == nil || e.Shape == nil {
			return nil, fmt.Errorf("tensor %s: expected dtype, shape and data_offsets", printable(e.name))
		}
	}
	slices.SortStableFunc(entries, func(a, b namedEntry) int { return slices.Compare(a.Offsets[:], b.Offsets[:]) })
	tensors := make([]Tensor, 0, len(entries))
	var end int64
	for _, e := range entries {
		dtype, known := dtypeNamed(e.DType)
		if !known {
			return nil, fmt.Errorf("tensor %s: unsupported dtype %s", printable(e.name), printable(e.DType))
		}
		volume, err := checkedVolume(e.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", printable(e.name), err)
		}
		if e.Offsets[0] != end || e.Offsets[1] < end {
			return nil, fmt.Errorf("tensor %s: data at bytes %d to %d; expected to begin at %d", printable(e.name), e.Offsets[0], e.Offsets[1], end)
		}
		if found, expected := e.Offsets[1]-end, volume*int64(dtype.Size()); found != expected {
			return nil, fmt.Errorf("tensor %s: %d bytes of data; %v of shape %v needs %d", printable(e.name), found, dtype, e.Shape, expected)
		}
		end = e.Offsets[1]
		tensors = append(tensors, Tensor{
			Name: e.name, DType: dtype, Shape: e.Shape,
			values: stored{file: file, start: dataStart + e.Offsets[0], dtype: dtype, shape: e.Shape},
		})
	}
	if found := size - dataStart; found != end {
		return nil, fmt.Errorf("%d bytes of data; the header describes %d: the file is truncated or damaged", found, end)
	}
	return tensors, nil
}

// printable quotes a name from a file, shortened, so that a hostile one can not flood a message or a terminal.
func printable(name string) string {
	const most = 80
	if len(name) > most {
		return fmt.Sprintf("%q... (%d bytes)", name[:most], len(name))
	}
	return fmt.Sprintf("%q", name)
}
