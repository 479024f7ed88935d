package checkpoint

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// Write writes tensors as a safetensors file of float32, in the order given. Each tensor is read, written and forgotten
// before the next, so that memory holds one at a time. The file appears under its name only when all of it is on disk.
func Write(path string, tensors []Tensor, metadata map[string]string) error {
	return WriteWith(path, tensors, WriteOptions{Metadata: metadata})
}

// WriteOptions say how a safetensors file is written.
type WriteOptions struct {
	Metadata map[string]string
	// DType is the type of tensors with two axes or more: Float32, Float16 or BFloat16, to the nearest number, of two that are
	// equally near the even one. Vectors and numbers (norms, biases, rotary frequencies of up to 402 radians, which float16
	// would move by an eighth) are few and stay float32, before the others in the file.
	DType DType
	// Written hears after each tensor how many bytes it took. An error that it returns (of a cancelled context, say) stops the
	// work and leaves nothing behind. nil for none.
	Written func(bytes int64) error
}

// of is the type that a tensor is written in.
func (o WriteOptions) of(t Tensor) DType {
	if len(t.Shape) < 2 {
		return Float32
	}
	return o.DType
}

// WriteWith is Write with options. A number that the type can not hold is an error that names the tensor.
func WriteWith(path string, tensors []Tensor, o WriteOptions) error {
	if !o.DType.writable() {
		return fmt.Errorf("checkpoint: write: %v is not written; expected one of %s", o.DType, WritableNames())
	}
	// The wider first, so that every number lies at a multiple of its size, as readers that map the file expect.
	tensors = slices.SortedStableFunc(slices.Values(tensors), func(a, b Tensor) int { return o.of(b).Size() - o.of(a).Size() })
	header, err := encodeHeader(tensors, o)
	if err != nil {
		return fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	err = writeAtomically(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		var buffer []float32
		for _, t := range tensors {
			if buffer, err = writeValues(w, t, o.of(t), buffer); err != nil {
				return err
			}
			if o.Written == nil {
				continue
			}
			if err := o.Written(int64(o.of(t).Size()) * int64(t.Len())); err != nil {
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
func encodeHeader(tensors []Tensor, o WriteOptions) ([]byte, error) {
	out := []byte("{")
	if len(o.Metadata) > 0 {
		encoded, err := json.Marshal(o.Metadata)
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
		end += int64(o.of(t).Size()) * int64(t.Len())
		entry, err := json.Marshal(headerEntry{DType: o.of(t).String(), Shape: append([]int{}, t.Shape...), Offsets: &[2]int64{begin, end}})
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

// writeValues writes one tensor as a type, through buffer unless its values are in memory already, and returns the buffer
// for the next.
func writeValues(w io.Writer, t Tensor, as DType, buffer []float32) ([]float32, error) {
	values, inMemory := t.values.(memory)
	if !inMemory {
		buffer = slices.Grow(buffer[:0], t.Len())[:t.Len()]
		if err := t.Float32(buffer); err != nil {
			return buffer, err
		}
		values = buffer
	}
	if as == Float32 && littleEndian {
		_, err := w.Write(float32Bytes(values))
		return buffer, err
	}
	chunk := make([]byte, 0, min(chunkBytes, len(values)*as.Size()))
	for len(values) > 0 {
		n := min(len(values), cap(chunk)/as.Size())
		chunk = chunk[:n*as.Size()]
		if err := as.encode(chunk, values[:n]); err != nil {
			return buffer, fmt.Errorf("tensor %s: %w", printable(t.Name), err)
		}
		if _, err := w.Write(chunk); err != nil {
			return buffer, err
		}
		values = values[n:]
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
