package importer

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

var errDamagedChunk = errors.New("the compressed values are damaged")

// decompress undoes a compression by the name that Zarr gives it. The result has at most size bytes.
func decompress(name string, data []byte, size int) ([]byte, error) {
	limited := func(r io.Reader, err error) ([]byte, error) {
		if err != nil {
			return nil, err
		}
		return io.ReadAll(io.LimitReader(r, int64(size)))
	}
	switch name {
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(data))
		return limited(r, err)
	case "zlib":
		r, err := zlib.NewReader(bytes.NewReader(data))
		return limited(r, err)
	case "bz2":
		return limited(bzip2.NewReader(bytes.NewReader(data)), nil)
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<31))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return limited(r, nil)
	case "lz4": // numcodecs: the size, then one block
		if len(data) < 4 || binary.LittleEndian.Uint32(data) > uint32(size) {
			return nil, errDamagedChunk
		}
		return lz4Block(data[4:], int(binary.LittleEndian.Uint32(data)))
	case "blosc":
		return bloscDecode(data, size)
	}
	return nil, fmt.Errorf("compressed with %s; expected blosc, zstd, gzip, zlib, lz4 or bz2", name)
}

// bloscDecode undoes the container of c-blosc 1: a header of 16 bytes, the places of the blocks, and in each block one
// compressed stream, or one for each byte of an element.
func bloscDecode(data []byte, size int) ([]byte, error) {
	if len(data) < 16 {
		return nil, errDamagedChunk
	}
	flags, typeSize := data[2], int(data[3])
	n, block := int(binary.LittleEndian.Uint32(data[4:])), int(binary.LittleEndian.Uint32(data[8:]))
	if n > size || n > 0 && block < 1 || typeSize < 1 {
		return nil, errDamagedChunk
	}
	if flags&2 != 0 { // stored as it is
		if len(data)-16 < n {
			return nil, errDamagedChunk
		}
		return data[16 : 16+n], nil
	}
	out := make([]byte, 0, n)
	for i := 0; len(out) < n; i++ {
		if len(data) < 20+4*i {
			return nil, errDamagedChunk
		}
		at, want := int(binary.LittleEndian.Uint32(data[16+4*i:])), min(block, n-len(out))
		streams := 1
		if flags&0x10 == 0 && want == block && want%typeSize == 0 {
			streams = typeSize
		}
		raw := make([]byte, 0, want)
		for range streams {
			if at < 16 || at+4 > len(data) {
				return nil, errDamagedChunk
			}
			length := int(binary.LittleEndian.Uint32(data[at:]))
			if at += 4; length < 0 || length > len(data)-at {
				return nil, errDamagedChunk
			}
			part, err := bloscStream(flags>>5, data[at:at+length], want/streams)
			if err != nil {
				return nil, err
			}
			raw = append(raw, part...)
			at += length
		}
		if len(raw) != want {
			return nil, errDamagedChunk
		}
		switch {
		case flags&1 != 0:
			raw = unshuffle(raw, typeSize)
		case flags&4 != 0:
			raw = unshuffleBits(raw, typeSize)
		}
		out = append(out, raw...)
	}
	return out, nil
}

// bloscStream undoes one stream of a block, of want bytes; one that is as long is stored as it is.
func bloscStream(format byte, data []byte, want int) ([]byte, error) {
	if len(data) == want {
		return data, nil
	}
	var out []byte
	var err error
	switch format {
	case 0:
		out, err = bloscLZ(data, want)
	case 1:
		out, err = lz4Block(data, want)
	case 2:
		if n, e := snappy.DecodedLen(data); e != nil || n != want {
			return nil, errDamagedChunk
		}
		out, err = snappy.Decode(nil, data)
	case 3:
		out, err = decompress("zlib", data, want)
	case 4:
		out, err = decompress("zstd", data, want)
	default:
		err = fmt.Errorf("blosc with the compressor number %d", format)
	}
	if err == nil && len(out) != want {
		err = errDamagedChunk
	}
	return out, err
}

// unshuffle undoes blosc's byte shuffle: the first bytes of all elements come first, then the second ones.
func unshuffle(data []byte, size int) []byte {
	n := len(data) / size
	out := make([]byte, len(data))
	for j := range size {
		for i, b := range data[j*n : (j+1)*n] {
			out[i*size+j] = b
		}
	}
	copy(out[n*size:], data[n*size:])
	return out
}

// unshuffleBits undoes blosc's bit shuffle, which leaves blocks alone whose elements are not a multiple of eight.
func unshuffleBits(data []byte, size int) []byte {
	n := len(data) / size
	if n%8 != 0 {
		return data
	}
	out := make([]byte, len(data))
	for j := range size {
		for bit := range 8 {
			plane := data[(j*8+bit)*n/8:]
			for i := range n {
				out[i*size+j] |= plane[i/8] >> (i % 8) & 1 << bit
			}
		}
	}
	copy(out[n*size:], data[n*size:])
	return out
}

// copyBack appends length bytes of the output from distance before its end on; they may overlap.
func copyBack(out []byte, distance, length, limit int) ([]byte, bool) {
	if distance < 1 || distance > len(out) || length > limit-len(out) {
		return out, false
	}
	for range length {
		out = append(out, out[len(out)-distance])
	}
	return out, true
}

// lz4Block decodes an LZ4 block of at most limit bytes.
func lz4Block(data []byte, limit int) ([]byte, error) {
	out := make([]byte, 0, min(limit, 255*len(data)))
	i := 0
	long := func(n int) (int, bool) { // lengths of 15 and more go on in bytes
		for n >= 15 {
			if i >= len(data) {
				return 0, false
			}
			b := int(data[i])
			i++
			if n += b; b < 255 {
				break
			}
		}
		return n, true
	}
	for i < len(data) {
		token := int(data[i])
		i++
		n, ok := long(token >> 4)
		if !ok || n > len(data)-i || n > limit-len(out) {
			return nil, errDamagedChunk
		}
		out = append(out, data[i:i+n]...)
		if i += n; i == len(data) {
			return out, nil
		}
		if i+2 > len(data) {
			return nil, errDamagedChunk
		}
		distance := int(binary.LittleEndian.Uint16(data[i:]))
		i += 2
		if n, ok = long(token & 15); !ok {
			return nil, errDamagedChunk
		}
		if out, ok = copyBack(out, distance, n+4, limit); !ok {
			return nil, errDamagedChunk
		}
	}
	return out, nil
}

// bloscLZ decodes blosc's own compression, a kind of FastLZ.
func bloscLZ(data []byte, limit int) ([]byte, error) {
	const far = 8191 // distances above it take two bytes more
	out := make([]byte, 0, limit)
	i := 0
	next := func() int {
		if i >= len(data) {
			i = len(data) + 1
			return 0
		}
		i++
		return int(data[i-1])
	}
	control := next() & 31
	for {
		if control >= 32 {
			length, offset := control>>5-1, control&31<<8
			if length == 6 {
				for more := 255; more == 255 && i <= len(data); length += more {
					more = next()
				}
			}
			code := next()
			distance := offset + code
			if code == 255 && offset == 31<<8 {
				distance = next() << 8
				distance += next() + far
			}
			var ok bool
			if out, ok = copyBack(out, distance+1, length+3, limit); !ok || i > len(data) {
				return nil, errDamagedChunk
			}
		} else {
			n := control + 1
			if n > len(data)-i || n > limit-len(out) {
				return nil, errDamagedChunk
			}
			out = append(out, data[i:i+n]...)
			i += n
		}
		if i >= len(data) {
			return out, nil
		}
		control = next()
	}
}
