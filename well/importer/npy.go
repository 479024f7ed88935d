package importer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// npyArray is an array in NumPy's .npy format, read from where it lies.
type npyArray struct {
	extents []int
	decode  func([]byte) float64
	size    int // bytes of an element
	data    io.ReaderAt
	offset  int64 // of the first element
	memory  []byte
}

// npyFile is a .npy file: one array, named after the file.
type npyFile struct {
	*os.File
	name  string
	array array
}

func openNPY(path string) (input, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	var a array
	if err == nil {
		a, err = parseNPY(file, info.Size())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	base := filepath.Base(path)
	return npyFile{file, strings.TrimSuffix(base, filepath.Ext(base)), a}, nil
}

func (f npyFile) names() []string            { return []string{f.name} }
func (f npyFile) open(string) (array, error) { return f.array, nil }

// longestNPYHeader bounds a header; NumPy writes some hundred bytes.
const longestNPYHeader = 1 << 16

var (
	npyDescr   = regexp.MustCompile(`'descr'\s*:\s*'([^']*)'`)
	npyFortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape'\s*:\s*\(([0-9,\s]*)\)`)
)

// parseNPY reads the header of an array that takes size bytes in all (numpy.lib.format, versions 1 to 3).
func parseNPY(data io.ReaderAt, size int64) (array, error) {
	prefix := make([]byte, 12)
	if _, err := data.ReadAt(prefix, 0); err != nil || !bytes.HasPrefix(prefix, []byte("\x93NUMPY")) {
		return nil, errors.New("not a .npy array")
	}
	start, length := int64(10), int64(binary.LittleEndian.Uint16(prefix[8:]))
	if version := prefix[6]; version == 2 || version == 3 {
		start, length = 12, int64(binary.LittleEndian.Uint32(prefix[8:]))
	} else if version != 1 {
		return nil, fmt.Errorf("version %d of the .npy format; expected 1 to 3", version)
	}
	if length > longestNPYHeader {
		return nil, fmt.Errorf("a header of %d bytes; expected at most %d", length, longestNPYHeader)
	}
	header := make([]byte, length)
	if _, err := data.ReadAt(header, start); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	descr, fortran, shape := npyDescr.FindSubmatch(header), npyFortran.FindSubmatch(header), npyShape.FindSubmatch(header)
	if descr == nil || fortran == nil || shape == nil {
		return nil, fmt.Errorf("header %q; expected descr, fortran_order and shape of an array of numbers", header)
	}
	a := &npyArray{data: data, offset: start + length}
	var err error
	if a.size, a.decode, err = npyType(string(descr[1])); err != nil {
		return nil, err
	}
	elements := int64(1)
	for part := range strings.SplitSeq(string(shape[1]), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		n, err := strconv.ParseInt(part, 10, 62)
		if err != nil || n > 0 && elements > math.MaxInt64/16/n {
			return nil, fmt.Errorf("shape (%s) is larger than any file", shape[1])
		}
		elements *= n
		a.extents = append(a.extents, int(n))
	}
	if need := elements * int64(a.size); need > size-a.offset {
		return nil, fmt.Errorf("shape %v needs %d bytes, the file has %d; it is incomplete", a.extents, need, size-a.offset)
	}
	if string(fortran[1]) == "True" {
		a.extents = backwards(a.extents)
		return reversed{a}, nil
	}
	return a, nil
}

// npyType gives the size of an element and its decoder.
func npyType(descr string) (size int, decode func([]byte) float64, err error) {
	var order binary.ByteOrder = binary.LittleEndian
	kind := strings.TrimLeft(descr, "<>|=")
	if strings.HasPrefix(descr, ">") {
		order = binary.BigEndian
	}
	switch kind {
	case "f4":
		return 4, func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }, nil
	case "f8":
		return 8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }, nil
	case "i1":
		return 1, func(b []byte) float64 { return float64(int8(b[0])) }, nil
	case "i2":
		return 2, func(b []byte) float64 { return float64(int16(order.Uint16(b))) }, nil
	case "i4":
		return 4, func(b []byte) float64 { return float64(int32(order.Uint32(b))) }, nil
	case "i8":
		return 8, func(b []byte) float64 { return float64(int64(order.Uint64(b))) }, nil
	case "u1", "b1":
		return 1, func(b []byte) float64 { return float64(b[0]) }, nil
	case "u2":
		return 2, func(b []byte) float64 { return float64(order.Uint16(b)) }, nil
	case "u4":
		return 4, func(b []byte) float64 { return float64(order.Uint32(b)) }, nil
	case "u8":
		return 8, func(b []byte) float64 { return float64(order.Uint64(b)) }, nil
	}
	return 0, nil, fmt.Errorf("elements of type %q; expected real numbers (f4, f8, integers or booleans); convert with astype(\"float32\")", descr)
}

func (a *npyArray) shape() []int { return a.extents }

// shortestRun is the size in bytes below which single reads would cost more than having the whole array in memory.
const shortestRun = 1 << 12

func (a *npyArray) read(start, count []int) ([]float64, error) {
	strides := rowMajor(a.extents)
	// Axes after outer are read whole: with the part of axis outer they make one run of bytes.
	outer := max(0, len(count)-1)
	for outer > 0 && count[outer] == a.extents[outer] {
		outer--
	}
	run, total := product(count[outer:]), product(count)
	if run*a.size < shortestRun && run < total {
		if err := a.load(); err != nil {
			return nil, err
		}
	}
	values := make([]float64, 0, total)
	raw := make([]byte, run*a.size)
	var walk func(axis, element int) error
	walk = func(axis, element int) error {
		if axis < outer {
			for i := range count[axis] {
				if err := walk(axis+1, element+(start[axis]+i)*strides[axis]); err != nil {
					return err
				}
			}
			return nil
		}
		if axis < len(start) {
			element += start[axis] * strides[axis]
		}
		if err := a.readAt(raw, int64(element)*int64(a.size)); err != nil {
			return err
		}
		for i := 0; i < len(raw); i += a.size {
			values = append(values, a.decode(raw[i:]))
		}
		return nil
	}
	return values, walk(0, 0)
}

func (a *npyArray) readAt(raw []byte, position int64) error {
	if a.memory != nil {
		copy(raw, a.memory[position:])
		return nil
	}
	if _, err := a.data.ReadAt(raw, a.offset+position); err != nil {
		return fmt.Errorf("values at byte %d: %w", a.offset+position, err)
	}
	return nil
}

// load brings the whole array into memory.
func (a *npyArray) load() error {
	if a.memory != nil {
		return nil
	}
	memory := make([]byte, a.size*product(a.extents))
	if err := a.readAt(memory, 0); err != nil {
		return err
	}
	a.memory = memory
	return nil
}
