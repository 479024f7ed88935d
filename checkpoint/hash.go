package checkpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// Hash is the SHA-256 of names, shapes and values as float32, in the order of names: the same for the same numbers in any
// file. The constant rotary frequencies, which a file may lack, are left out.
func Hash(tensors []Tensor) (string, error) {
	sorted := slices.SortedFunc(slices.Values(tensors), func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	sum := sha256.New()
	var buffer []float32
	for _, t := range sorted {
		if strings.HasSuffix(t.Name, frequencyBuffer) {
			continue
		}
		fmt.Fprintf(sum, "%q %v\n", t.Name, t.Shape)
		buffer = slices.Grow(buffer[:0], t.Len())[:t.Len()]
		if err := t.Float32(buffer); err != nil {
			return "", err
		}
		if littleEndian {
			sum.Write(float32Bytes(buffer))
			continue
		}
		var encoded [4]byte
		for _, v := range buffer {
			binary.LittleEndian.PutUint32(encoded[:], math.Float32bits(v))
			sum.Write(encoded[:])
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// BaseOf describes weights for a part that stands on them. They are read once.
func BaseOf(path string) (Base, error) {
	c, err := Open(path)
	if err != nil {
		return Base{}, err
	}
	defer c.Close()
	b := Base{From: path}
	if b.File, err = filepath.Abs(c.Path); err != nil {
		return b, fmt.Errorf("checkpoint: %w", err)
	}
	b.Hash, err = Hash(c.Tensors())
	return b, err
}
