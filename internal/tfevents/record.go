package tfevents

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a record: CRC32C, rotated and shifted, so that the checksum of data that holds checksums is no trivial one
// (TensorFlow, tsl/lib/hash/crc32c.h).
func masked(data []byte) uint32 {
	const maskDelta = 0xa282ead8
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + maskDelta
}

// record frames data as TFRecord does: its length, the length's checksum, the data, its checksum; all little-endian
// (TensorFlow, tsl/lib/io/record_writer.h).
func record(data []byte) []byte {
	out := make([]byte, 0, len(data)+16)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(data)))
	out = binary.LittleEndian.AppendUint32(out, masked(out))
	out = append(out, data...)
	return binary.LittleEndian.AppendUint32(out, masked(data))
}
