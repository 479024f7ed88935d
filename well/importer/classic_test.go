package importer

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// header64 is a classic NetCDF file of 64-bit counts with one variable of two numbers, whose name, attribute's length, extent and place can be anything.
func header64(nameLength, textLength, extent, offset int64) []byte {
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			if err := binary.Write(&b, binary.BigEndian, v); err != nil {
				panic(err)
			}
		}
	}
	put([]byte("CDF\x05"), int64(0))                                              // no records
	put(int32(dimensionTag), int64(1), int64(1), []byte("x\x00\x00\x00"), extent) // a dimension
	put(int32(0), int64(0))                                                       // no attributes of the file
	put(int32(variableTag), int64(1), nameLength, []byte("u\x00\x00\x00"), int64(1), int64(0))
	put(int32(attributeTag), int64(1), int64(1), []byte("a\x00\x00\x00"), int32(classicChar), textLength, []byte("text"))
	put(int32(5), int64(8), offset, []float32{1, 2})
	return b.Bytes()
}

func TestNumbersOfAClassicHeaderThatCanNotBeAreErrors(t *testing.T) {
	whole := int64(len(header64(1, 4, 2, 0)))
	for _, c := range []struct {
		name                                     string
		nameLength, textLength, extent, position int64
		says                                     string
	}{
		{"whole", 1, 4, 2, whole - 8, ""},
		{"a name of -1 characters", -1, 4, 2, whole - 8, "the file is damaged"},
		{"a text of -1 characters", 1, -1, 2, whole - 8, "the file is damaged"},
		{"a text of the lowest number", 1, math.MinInt64, 2, whole - 8, "the file is damaged"},
		{"a name longer than any file", math.MaxInt64, 4, 2, whole - 8, "the file is damaged"},
		{"a place beyond the end", 1, 4, 2, whole - 4, "incomplete"},
		{"a place that overflows", 1, 4, 2, math.MaxInt64 - 4, "incomplete"},
		{"an extent that overflows with its place", 1, 4, math.MaxInt64 / 64, math.MaxInt64 - 64, "incomplete"},
		{"an extent longer than any file", 1, 4, math.MaxInt64, whole - 8, "larger than any file"},
	} {
		path := filepath.Join(t.TempDir(), "a.nc")
		if err := os.WriteFile(path, header64(c.nameLength, c.textLength, c.extent, c.position), 0o666); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseClassic(file)
		file.Close()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v; want %q", c.name, err, c.says)
		}
	}
}
