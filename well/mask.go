package well

import (
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// MaskName is the scalar field that is not zero inside obstacles, where the other fields say nothing. It is constant, as in
// the published data, or changes in time where a body moves.
const MaskName = "mask"

// movingMask is the mask of fields in which a body moves; false for none.
func movingMask(fields []FieldInfo) (FieldInfo, bool) {
	i := slices.IndexFunc(fields, func(f FieldInfo) bool { return f.Name == MaskName && f.Rank == field.Scalar && f.TimeVarying })
	if i < 0 {
		return FieldInfo{}, false
	}
	return fields[i], true
}

// hider makes values under a moving mask NaN, which statistics leave out.
type hider struct {
	file   *File
	mask   FieldInfo
	buffer []float32
}

// hiderFor is nil where nothing is to be hidden from a field.
func hiderFor(f *File, info FieldInfo) *hider {
	mask, moves := movingMask(f.header.Fields)
	if !moves || !info.TimeVarying || info.Name == MaskName || !slices.Equal(info.grid(f.sizes), f.sizes) {
		return nil
	}
	return &hider{file: f, mask: mask}
}

// hide works on n frames of a field of a trajectory from one on; h may be nil.
func (h *hider) hide(values []float32, trajectory, frame, n int) error {
	if h == nil {
		return nil
	}
	points := n * h.mask.frameSize(h.file.sizes)
	h.buffer = slices.Grow(h.buffer[:0], points)[:points]
	if err := h.file.readInto(h.buffer, h.mask, trajectory, frame, 1, n); err != nil {
		return err
	}
	components := len(values) / points
	for p, m := range h.buffer {
		if m != 0 {
			for c := range components {
				values[p*components+c] = float32(math.NaN())
			}
		}
	}
	return nil
}
