package sample

import (
	"fmt"
	"math"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// Transform changes the values of a field, and with them its name: log10 of "density" is "log10_density".
type Transform string

const (
	Log10     Transform = "log10"      // of a field that spans orders of magnitude
	ZerosLike Transform = "zeros_like" // hides a field, but keeps its place
)

// ParseTransform reads a transform's name; the released configuration's spelling with "torch." is understood.
func ParseTransform(name string) (Transform, error) {
	switch t := Transform(strings.TrimPrefix(name, "torch.")); t {
	case Log10, ZerosLike:
		return t, nil
	}
	return "", fmt.Errorf("sample: unknown field transform %q; expected %s or %s", name, Log10, ZerosLike)
}

// rename is the transformed field.
func (t Transform) rename(f field.Field) field.Field {
	if t == "" {
		return f
	}
	f.Name = string(t) + "_" + f.Name
	return f
}

// apply transforms the channels [first, first+count) of every point, in place.
func (t Transform) apply(a field.Array, first, count int) error {
	channels := a.Axis(-1)
	for start := first; start < len(a.Data); start += channels {
		part := a.Data[start : start+count]
		switch t {
		case ZerosLike:
			clear(part)
		case Log10:
			for i, v := range part {
				if !(v > 0) {
					return fmt.Errorf("the value %g has no log10", v)
				}
				part[i] = float32(math.Log10(float64(v)))
			}
		}
	}
	return nil
}
