package well

import (
	"fmt"
	"math"
)

// SmallestScale is the least number that fields are divided by before the network sees them: what is below it looks like zero
// to the network, and the constant in scores hides errors of its size.
const SmallestScale = 1e-5

// tooSmall is the sentence about a field whose values are below the smallest scale; empty for others. A field that is zero
// everywhere has no units to change.
func tooSmall(name string, rms float64) string {
	if !(rms > 0 && rms < SmallestScale) {
		return ""
	}
	return fmt.Sprintf("%s has a root mean square of %.2g, below the smallest scale of %g: the network sees zeros, and scores say nothing; change its units (multiply by about %.0e)",
		name, rms, SmallestScale, math.Pow(10, -math.Floor(math.Log10(rms))))
}

// TooSmall is a sentence about a field whose values are too small for normalisation and scores; empty for others.
func (s FieldSummary) TooSmall() string {
	squares, n := 0.0, 0
	for _, r := range s.Ranges {
		if r.RMS == r.RMS {
			squares += r.RMS * r.RMS
			n++
		}
	}
	return tooSmall(s.Name, math.Sqrt(squares/float64(max(1, n))))
}

// WarnOfSmallFields logs, once for a data set, which fields are too small for normalisation and scores, by the first, middle and
// last frame of the first trajectory. Frames that can not be read are left to those who need them.
func (d *Dataset) WarnOfSmallFields() {
	d.measured.Do(func() {
		f, release, err := d.pool.open(0)
		if err != nil {
			return
		}
		defer release()
		for _, info := range f.Variable() {
			squares, n := 0.0, 0
			for _, frame := range []int{0, f.Steps() / 2, f.Steps() - 1} {
				a, err := f.ReadField(info, 0, frame, 1, 1)
				if err != nil {
					return
				}
				for _, v := range a.Data {
					squares += float64(v) * float64(v)
				}
				n += len(a.Data)
			}
			if text := tooSmall(info.Name, math.Sqrt(squares/float64(max(1, n)))); text != "" {
				d.logger.Warn("well: "+text, "dataset", d.Name())
			}
		}
	})
}
