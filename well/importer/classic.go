package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/gowalrus/walrus/internal/cf"
)

// classicFile is a NetCDF file of the classic format, in its three versions (32-bit offsets, 64-bit offsets, 64-bit data).
type classicFile struct {
	*os.File
	order  []string
	arrays map[string]classicVariable
}

// classicVariable is an array of the file with its attributes.
type classicVariable struct {
	array      plainArray
	attributes []cf.Attribute
}

// largestClassicHeader bounds the header, in bytes.
const largestClassicHeader = 1 << 26

func openClassic(path string) (input, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := parseClassic(file)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	f.File = file
	return f, nil
}

// classicParser reads a header; after an error everything is zero.
type classicParser struct {
	in      io.Reader
	left    int64 // bytes of the file that were not read yet
	version byte
	err     error
}

func (p *classicParser) bytes(n int64) []byte {
	if p.err != nil {
		return nil
	}
	if n < 0 || n > min(p.left, largestClassicHeader) {
		p.err = fmt.Errorf("the header claims %d bytes for a part of it, %d are left; the file is damaged", n, p.left)
		return nil
	}
	p.left -= n
	b := make([]byte, n)
	if _, err := io.ReadFull(p.in, b); err != nil {
		p.err = fmt.Errorf("the header ends early: %w", err)
		return nil
	}
	return b
}

// number is four bytes, or eight for counts in files with 64-bit data.
func (p *classicParser) number(wide bool) int64 {
	if wide {
		if b := p.bytes(8); b != nil {
			return int64(binary.BigEndian.Uint64(b))
		}
		return 0
	}
	if b := p.bytes(4); b != nil {
		return int64(binary.BigEndian.Uint32(b))
	}
	return 0
}

// count is a length or the number of a dimension, which 64 bits could put below zero.
func (p *classicParser) count() int64 {
	n := p.number(p.version == 5)
	if p.err == nil && n < 0 {
		p.err = fmt.Errorf("the header has the length %d; the file is damaged", n)
	}
	return n
}

// text is a name, behind its length.
func (p *classicParser) text() string { return p.characters(p.count()) }

// characters are so many, padded to four bytes.
func (p *classicParser) characters(n int64) string {
	b := p.bytes(padded(n))
	if b == nil {
		return ""
	}
	return string(b[:n])
}

func padded(n int64) int64 { return (n + 3) / 4 * 4 }

// list reads the number of elements of a list with a tag; an absent list has the tag zero.
func (p *classicParser) list(tag int64) int64 {
	found, n := p.number(false), p.count()
	if p.err == nil && n != 0 && found != tag {
		p.err = fmt.Errorf("the header has the tag %d where %d was expected; the file is damaged", found, tag)
	}
	if p.err != nil {
		return 0
	}
	return n
}

// classicTypes are the types of numbers by code: NC_BYTE 1, NC_CHAR 2, NC_SHORT, NC_INT, NC_FLOAT, NC_DOUBLE, and the
// unsigned and 64-bit ones.
var classicTypes = map[int64]string{1: "i1", 3: "i2", 4: "i4", 5: "f4", 6: "f8", 7: "u1", 8: "u2", 9: "u4", 10: "i8", 11: "u8"}

const (
	classicChar       = 2
	dimensionTag      = 10
	variableTag       = 11
	attributeTag      = 12
	mostClassicValues = 1 << 20
)

func (p *classicParser) attributes() []cf.Attribute {
	var list []cf.Attribute
	for range p.list(attributeTag) {
		a := cf.Attribute{Name: p.text()}
		code, n := p.number(false), p.count()
		if code == classicChar {
			a.Text = []string{p.characters(n)}
		} else {
			e, ok := elementOf(classicTypes[code], binary.BigEndian)
			if p.err == nil && (!ok || n > mostClassicValues) {
				p.err = fmt.Errorf("attribute %s has %d values of the type %d; the file is damaged", a.Name, n, code)
			}
			if p.err != nil {
				return nil
			}
			b := p.bytes(padded(n * int64(e.Size)))
			a.Float = e.Float
			for i := 0; b != nil && i < int(n); i++ {
				a.Numbers = append(a.Numbers, e.decode(b[i*e.Size:]))
			}
		}
		if p.err != nil {
			return nil
		}
		list = append(list, a)
	}
	return list
}

// classicDimension is a dimension of the file; the one of length 0 counts records.
type classicDimension struct {
	name   string
	length int64
}

// classicHeader gathers the variables of a header.
type classicHeader struct {
	*classicParser
	file       *os.File
	size       int64 // of the file
	records    int64
	dimensions []classicDimension
	found      *classicFile

	recordSize      int64 // of all variables in a record
	recordVariables int
	inRecords       []string
}

// parseClassic reads the header (NetCDF classic format specification).
func parseClassic(file *os.File) (*classicFile, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	p := &classicParser{in: io.NewSectionReader(file, 0, info.Size()), left: info.Size()}
	magic := p.bytes(4)
	if p.err != nil {
		return nil, p.err
	}
	p.version = magic[3]
	h := &classicHeader{classicParser: p, file: file, size: info.Size(), records: p.number(p.version == 5), found: &classicFile{arrays: map[string]classicVariable{}}}
	for range p.list(dimensionTag) {
		d := classicDimension{p.text(), p.count()}
		if p.err != nil {
			return nil, p.err
		}
		h.dimensions = append(h.dimensions, d)
	}
	p.attributes() // of the file
	for range p.list(variableTag) {
		if err := h.variable(); err != nil {
			return nil, err
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	for _, name := range h.inRecords {
		if err := h.placeRecords(name); err != nil {
			return nil, err
		}
	}
	return h.found, nil
}

// variable reads the next variable.
func (h *classicHeader) variable() error {
	name := h.text()
	v := classicVariable{array: plainArray{data: h.file, texts: map[string]string{}}}
	elements, isRecord, err := h.shape(name, &v)
	if err != nil {
		return err
	}
	v.attributes = h.attributes()
	code := h.number(false)
	h.number(h.version == 5) // its size, which the shape says too
	v.array.offset = h.number(h.version != 1)
	if h.err != nil {
		return h.err
	}
	kind := classicTypes[code]
	if code == classicChar {
		kind = "u1"
	}
	var ok bool
	if v.array.element, ok = elementOf(kind, binary.BigEndian); !ok {
		return fmt.Errorf("variable %s is of the type %d; the file is damaged", name, code)
	}
	bytes := elements * int64(v.array.element.Size)
	if isRecord {
		if bytes > math.MaxInt64/8-h.recordSize {
			return fmt.Errorf("variable %s is larger than any file", name)
		}
		h.addToRecord(name, bytes)
	} else if v.array.offset < 0 || bytes > h.size || v.array.offset > h.size-bytes {
		return fmt.Errorf("variable %s needs %d bytes from the %dth on, the file has %d; it is incomplete", name, bytes, v.array.offset, h.size)
	}
	if code == classicChar {
		return nil // text
	}
	for _, a := range v.attributes {
		if a.Text != nil {
			v.array.texts[a.Name] = a.Text[0]
		}
	}
	h.found.order = append(h.found.order, name)
	h.found.arrays[name] = v
	return nil
}

// shape reads the dimensions of a variable: how many elements it has, of one record where it is in records.
func (h *classicHeader) shape(name string, v *classicVariable) (elements int64, isRecord bool, err error) {
	elements = 1
	for i := range h.count() {
		id := h.count()
		if h.err != nil || id >= int64(len(h.dimensions)) || i > 1024 {
			return 0, false, errors.Join(h.err, fmt.Errorf("variable %s has the dimension %d of %d; the file is damaged", name, id, len(h.dimensions)))
		}
		d := h.dimensions[id]
		if d.length == 0 && i == 0 {
			isRecord, d.length = true, h.records
		} else if d.length > 0 && elements > math.MaxInt64/64/d.length {
			return 0, false, fmt.Errorf("variable %s is larger than any file", name)
		} else {
			elements *= d.length
		}
		v.array.extents = append(v.array.extents, int(d.length))
		v.array.axes = append(v.array.axes, d.name)
	}
	return elements, isRecord, nil
}

// addToRecord makes room for a variable in every record.
func (h *classicHeader) addToRecord(name string, bytes int64) {
	if h.recordVariables++; h.recordVariables == 1 {
		h.recordSize = bytes // without padding where it is the only one
	} else if h.recordVariables == 2 {
		h.recordSize = padded(h.recordSize)
	}
	if h.recordVariables > 1 {
		h.recordSize += padded(bytes)
	}
	h.inRecords = append(h.inRecords, name)
}

// placeRecords says where the records of a variable are, once the size of a record is known.
func (h *classicHeader) placeRecords(name string) error {
	v, ok := h.found.arrays[name]
	if !ok {
		return nil // text
	}
	v.array.record = h.recordSize
	if h.records == math.MaxUint32 || h.records < 0 { // written as a stream: as many as there are
		v.array.extents[0] = int((h.size - v.array.offset) / max(1, h.recordSize))
	}
	last := int64(product(v.array.extents[1:]) * v.array.element.Size)
	if n := int64(v.array.extents[0]); n > 0 && (v.array.offset < 0 || h.recordSize <= 0 || last > h.size || n > h.size/h.recordSize+1 || v.array.offset > h.size-last-(n-1)*h.recordSize) {
		return fmt.Errorf("variable %s has %d records, the file with %d bytes does not hold them; it is incomplete", name, n, h.size)
	}
	h.found.arrays[name] = v
	return nil
}

func (f *classicFile) names() []string { return f.order }

func (f *classicFile) open(name string, ignore []string) (array, error) {
	v := f.arrays[name]
	var err error
	v.array.packing, v.array.said, err = cf.Read(v.attributes, v.array.element.Element, true, ignore)
	return &v.array, err
}
