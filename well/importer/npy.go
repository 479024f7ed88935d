package importer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/internal/cf"
)

// plainArray is an array whose numbers lie one after the other, row-major: in .npy, .npz and classic NetCDF files. It is
// read from where it lies.
type plainArray struct {
	extents []int
	element element
	data    io.ReaderAt
	offset  int64 // of the first element
	record  int64 // bytes from one step of the first axis to the next, where other arrays lie between; 0 for none

	packing cf.Packing
	said    []string
	axes    []string
	texts   map[string]string
}

// element is a type of numbers: its size in bytes and how to decode it.
type element struct {
	cf.Element
	decode  func([]byte) float64
	integer func([]byte) int64 // of integers
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
	return npyFile{file, stem(path), a}, nil
}

func (f npyFile) names() []string                      { return []string{f.name} }
func (f npyFile) open(string, []string) (array, error) { return f.array, nil }

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
		return nil, fmt.Errorf("header %q; expected descr, fortran_order and shape of an array of numbers; store each field of a structured array by itself", header)
	}
	a := &plainArray{data: data, offset: start + length, packing: cf.Plain()}
	var err error
	if a.element, err = npyType(string(descr[1])); err != nil {
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
	if need := elements * int64(a.element.Size); need > size-a.offset {
		return nil, fmt.Errorf("shape %v needs %d bytes, the file has %d; it is incomplete", a.extents, need, size-a.offset)
	}
	if string(fortran[1]) == "True" {
		a.extents = backwards(a.extents)
		return reversed{a}, nil
	}
	return a, nil
}

// npyType gives the type of elements that NumPy's name stands for.
func npyType(descr string) (element, error) {
	var order binary.ByteOrder = binary.LittleEndian
	kind := strings.TrimLeft(descr, "<>|=")
	if strings.HasPrefix(descr, ">") {
		order = binary.BigEndian
	}
	if e, ok := elementOf(kind, order); ok {
		return e, nil
	}
	advice := `convert with astype("float32")`
	if strings.HasPrefix(kind, "c") {
		advice = "of complex numbers, save .real and .imag as two arrays"
	}
	return element{}, fmt.Errorf("elements of type %q; expected real numbers (f2, f4, f8, integers or booleans); %s", descr, advice)
}

// elementOf gives the type that a letter and a number of bytes stand for: f, i, u or b.
func elementOf(kind string, order binary.ByteOrder) (element, bool) {
	float := func(size int, decode func([]byte) float64) (element, bool) {
		return element{cf.Element{Float: true, Size: size}, decode, nil}, true
	}
	signed := func(size int, integer func([]byte) int64) (element, bool) {
		return element{cf.Element{Size: size}, func(b []byte) float64 { return float64(integer(b)) }, integer}, true
	}
	unsigned := func(size int, integer func([]byte) uint64) (element, bool) {
		return element{cf.Element{Size: size, Unsigned: true}, func(b []byte) float64 { return float64(integer(b)) }, func(b []byte) int64 { return int64(integer(b)) }}, true
	}
	switch kind {
	case "f2":
		return float(2, func(b []byte) float64 { return half(order.Uint16(b)) })
	case "f4":
		return float(4, func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) })
	case "f8":
		return float(8, func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) })
	case "i1":
		return signed(1, func(b []byte) int64 { return int64(int8(b[0])) })
	case "i2":
		return signed(2, func(b []byte) int64 { return int64(int16(order.Uint16(b))) })
	case "i4":
		return signed(4, func(b []byte) int64 { return int64(int32(order.Uint32(b))) })
	case "i8":
		return signed(8, func(b []byte) int64 { return int64(order.Uint64(b)) })
	case "u1", "b1":
		return unsigned(1, func(b []byte) uint64 { return uint64(b[0]) })
	case "u2":
		return unsigned(2, func(b []byte) uint64 { return uint64(order.Uint16(b)) })
	case "u4":
		return unsigned(4, func(b []byte) uint64 { return uint64(order.Uint32(b)) })
	case "u8":
		return unsigned(8, func(b []byte) uint64 { return order.Uint64(b) })
	}
	return element{}, false
}

// half decodes a float16.
func half(bits uint16) float64 {
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	v := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		v = math.NaN()
	}
	if bits>>15 == 1 {
		v = -v
	}
	return v
}

func (a *plainArray) shape() []int                 { return a.extents }
func (a *plainArray) axisNames() []string          { return a.axes }
func (a *plainArray) notes() []string              { return a.said }
func (a *plainArray) text(attribute string) string { return a.texts[attribute] }

func (a *plainArray) pieces(outer []int) []int {
	p := piecesOfOne(a.extents, a.element.Size, outer)
	if a.record > 0 {
		p[0] = 1
	}
	return p
}

// longestSpan bounds what is read at once to pick values from, in bytes.
const longestSpan = 1 << 23

// strides are the distances of neighbours along each axis, in bytes.
func (a *plainArray) strides() []int64 {
	strides := make([]int64, len(a.extents))
	for i, n := range rowMajor(a.extents) {
		strides[i] = int64(n) * int64(a.element.Size)
	}
	if a.record > 0 {
		strides[0] = a.record
	}
	return strides
}

func (a *plainArray) read(start, count []int) ([]float64, string, error) {
	values := make([]float64, 0, product(count))
	err := a.visit(start, count, func(b []byte) { values = append(values, a.element.decode(b)) })
	if err != nil {
		return nil, "", err
	}
	return values, a.packing.Unpack(values), nil
}

// visit calls f with the bytes of each element, in order. What lies between them is read too, where that is not much.
func (a *plainArray) visit(start, count []int, f func([]byte)) error {
	if product(count) == 0 {
		return nil
	}
	strides, size := a.strides(), int64(a.element.Size)
	span := size // bytes from the first to the last element of the axes from outer on
	outer := len(count)
	for outer > 0 && span+int64(count[outer-1]-1)*strides[outer-1] <= longestSpan {
		outer--
		span += int64(count[outer]-1) * strides[outer]
	}
	group := 1 // steps of the axis before them that are read with them
	if outer > 0 {
		group = int(max(1, min(int64(count[outer-1]), (longestSpan-span)/strides[outer-1]+1)))
		span += int64(group-1) * strides[outer-1]
	}
	raw := make([]byte, span)
	var pick func(axis int, at int64)
	pick = func(axis int, at int64) {
		if axis == len(count) {
			f(raw[at : at+size])
			return
		}
		for i := range count[axis] {
			pick(axis+1, at+int64(i)*strides[axis])
		}
	}
	fetch := func(at int64, n int) error { // n steps of the axis before outer
		length := span - int64(group-n)*stride(strides, outer-1)
		if _, err := a.data.ReadAt(raw[:length], at); err != nil {
			return fmt.Errorf("values at byte %d: %w", at, err)
		}
		for i := range n {
			pick(outer, int64(i)*stride(strides, outer-1))
		}
		return nil
	}
	first := a.offset
	for i := range start {
		first += int64(start[i]) * strides[i]
	}
	var walk func(axis int, at int64) error
	walk = func(axis int, at int64) error {
		if axis >= outer {
			return fetch(at, 1)
		}
		step := 1
		if axis == outer-1 {
			step = group
		}
		for i := 0; i < count[axis]; i += step {
			var err error
			if here := at + int64(i)*strides[axis]; axis == outer-1 {
				err = fetch(here, min(step, count[axis]-i))
			} else {
				err = walk(axis+1, here)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return walk(0, first)
}

// stride is the distance along an axis; 0 before the first one.
func stride(strides []int64, axis int) int64 {
	if axis < 0 {
		return 0
	}
	return strides[axis]
}

func (a *plainArray) integers() ([]int64, error) {
	if a.element.integer == nil || a.packing.Changes() {
		return nil, nil
	}
	values := make([]int64, 0, product(a.extents))
	err := a.visit(make([]int, len(a.extents)), a.extents, func(b []byte) { values = append(values, a.element.integer(b)) })
	for _, v := range values {
		if a.packing.Missing(float64(v)) != "" {
			return nil, err
		}
	}
	return values, err
}
