package checkpoint

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// Write writes tensors as a safetensors file of float32, in the order given. Each tensor is read, written and forgotten
// before the next, so that memory holds one at a time. The file appears under its name only when all of it is on disk.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	return WriteProgress(path, tensors, metadata, nil)
}

// WriteProgress is Write that calls written after each tensor with the number of bytes of that tensor; an error that
// written returns (of a cancelled context, say) stops the work and leaves nothing behind.
func WriteProgress(path string, tensors []Tensor, metadata map[string]string, written func(bytes int64) error) error {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	err = writeAtomically(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		var buffer []float32
		for _, t := range tensors {
			if buffer, err = writeValues(w, t, buffer); err != nil {
				return err
			}
			if written == nil {
				continue
			}
			if err := written(4 * int64(t.Len())); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("checkpoint: write: %w", err)
	}
	return nil
}

// encodeHeader lays the tensors out one after another and returns the length and the JSON, padded to eight bytes.
func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	out := []byte("{")
	if len(metadata) > 0 {
		encoded, err := json.Marshal(metadata)
		if err != nil {
			return nil, err
		}
		out = append(append(out, `"__metadata__":`...), encoded...)
	}
	seen := make(map[string]bool, len(tensors))
	var end int64
	for _, t := range tensors {
		if seen[t.Name] || t.Name == "__metadata__" {
			return nil, fmt.Errorf("two tensors are named %s", printable(t.Name))
		}
		seen[t.Name] = true
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, err
		}
		begin := end
		end += 4 * int64(t.Len())
		entry, err := json.Marshal(headerEntry{DType: Float32.String(), Shape: append([]int{}, t.Shape...), Offsets: &[2]int64{begin, end}})
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), entry...)
	}
	out = append(out, '}')
	for len(out)%8 != 0 {
		out = append(out, ' ')
	}
	if len(out) > maxHeaderBytes {
		return nil, fmt.Errorf("header of %d bytes; expected at most %d", len(out), maxHeaderBytes)
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(out))), out...), nil
}

// writeValues writes one tensor, through buffer unless its values are in memory already, and returns the buffer for the next.
func writeValues(w io.Writer, t Tensor, buffer []float32) ([]float32, error) {
	values, inMemory := t.values.(memory)
	if !inMemory {
		buffer = slices.Grow(buffer[:0], t.Len())[:t.Len()]
		if err := t.Float32(buffer); err != nil {
			return buffer, err
		}
		values = buffer
	}
	if littleEndian {
		_, err := w.Write(float32Bytes(values))
		return buffer, err
	}
	var encoded [4]byte
	for _, v := range values {
		binary.LittleEndian.PutUint32(encoded[:], math.Float32bits(v))
		if _, err := w.Write(encoded[:]); err != nil {
			return buffer, err
		}
	}
	return buffer, nil
}

// writeAtomically is atomicfile.Write through a buffer.
func writeAtomically(path string, write func(io.Writer) error) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		if err := write(buffered); err != nil {
			return err
		}
		return buffered.Flush()
	})
}

// syncDirectory makes a rename in a directory survive a power cut.
func syncDirectory(directory string) error {
	d, err := os.Open(directory)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
