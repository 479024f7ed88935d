package baseline

import (
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Untrained predicts the next frame without anything learned: x (B, T, points..., C) gives (B, points..., C).
type Untrained func(x field.Array) field.Array

// untrained are the predictions without training by their names.
var untrained = map[string]Untrained{"persistence": Persistence, "linear": Linear}

// FindUntrained is the prediction of a name: persistence or linear.
func FindUntrained(name string) (Untrained, bool) {
	u, found := untrained[name]
	return u, found
}

// Persistence repeats the last frame: what every network has to beat.
func Persistence(x field.Array) field.Array {
	return fromLast(x, func(last, _ float32) float32 { return last })
}

// Linear goes on by the last change: last + (last - the one before). With one frame it is persistence.
func Linear(x field.Array) field.Array {
	return fromLast(x, func(last, before float32) float32 { return last + (last - before) })
}

// fromLast makes a frame of the last two, which are the same where the history has one frame.
func fromLast(x field.Array, next func(last, before float32) float32) field.Array {
	out := field.NewArray(slices.Delete(slices.Clone(x.Shape), 1, 2)...)
	frames := x.Shape[1]
	for b := range x.Shape[0] {
		last, before, to := x.Index(b).Index(frames-1).Data, x.Index(b).Index(max(0, frames-2)).Data, out.Index(b).Data
		for i := range to {
			to[i] = next(last[i], before[i])
		}
	}
	return out
}
