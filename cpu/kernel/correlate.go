package kernel

import "fmt"

// Correlation is a sum of shifted rows, channel by channel: Dst[i, c] += sum over k of W[k, c] X[i+k, c], for i below Outer, k
// below Inner and c below Channels. Row i of each begins at i*Stride.
//
// A depthwise convolution along its last axis is one, with the kernel's taps in W; so is its gradient with respect to the
// kernel, with the taps in Dst and the points of a row in W.
type Correlation struct {
	Dst, X, W        []float32
	Stride, Channels int
	Outer, Inner     int
}

// Correlate computes it. Sums run in order of k from what Dst has.
func (s *Set) Correlate(c Correlation) error {
	if c.Outer <= 0 || c.Inner <= 0 || c.Channels <= 0 {
		return nil
	}
	if c.Stride < c.Channels {
		return fmt.Errorf("kernel: correlate: rows of %d channels, %d apart", c.Channels, c.Stride)
	}
	for _, part := range []struct {
		name string
		have []float32
		rows int
	}{{"dst", c.Dst, c.Outer}, {"x", c.X, c.Outer + c.Inner - 1}, {"w", c.W, c.Inner}} {
		if need := (part.rows-1)*c.Stride + c.Channels; len(part.have) < need {
			return fmt.Errorf("kernel: correlate: %s has %d elements; %d rows, %d apart, of %d channels need %d", part.name, len(part.have), part.rows, c.Stride, c.Channels, need)
		}
	}
	s.correlate(&c.Dst[0], &c.X[0], &c.W[0], c.Stride, c.Channels, c.Outer, c.Inner)
	return nil
}

// correlatePlain is the definition of correlate.
func correlatePlain(dst, x, w *float32, stride, channels, outer, inner int) {
	for i := range outer {
		for c := range channels {
			to := offset32(dst, i*stride+c)
			for k := range inner {
				*to += *offset32(w, k*stride+c) * *offset32(x, (i+k)*stride+c)
			}
		}
	}
}
