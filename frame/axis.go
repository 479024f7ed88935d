package frame

import "github.com/gowalrus/walrus/field"

// Axis is the geometry of one spatial axis: how it is padded, cut into tokens and put together again.
type Axis struct {
	Size    int  // points of the data
	Real    bool // more than one point; the others pass through untouched
	Stride1 int  // of the encoder's first convolution and the decoder's second
	Stride2 int  // of the encoder's second convolution and the decoder's first
	// Released tells whether the released weights were trained with this pair of strides.
	Released bool
	Sides    field.Sides // as the network sees them

	// Before and After are points made of the data that continue them at either end, so that strides fit; Ends are the data's own
	// boundaries there (Options.Pad). All are zero where the data fit.
	Before, After int
	Ends          field.Sides

	Low, High  int    // points added at either end: wrapped around (periodic) or zero (others)
	Padded     int    // Before + Size + After + Low + High: extent of the network's input
	AfterConv1 int    // extent after the encoder's first convolution
	Tokens     int    // extent of the token grid
	Decoded    int    // extent of the decoder's output; at most Padded
	Jitter     [2]int // smallest and largest roll of the random jitter
}

// Periodic reports whether the axis is padded by wrapping around.
func (a Axis) Periodic() bool { return a.Sides.Periodic() }

// Patch is the number of points a token covers.
func (a Axis) Patch() int { return a.Stride1 * a.Stride2 }

// newAxis lays out one axis (spec 2.1, 2.2, 2.5 and 5.1). Without jitter an axis with ends is padded like a periodic one,
// by exactly what the convolutions take away: its tokens are as many, and the decoder gives back the whole padded extent.
func newAxis(size, tokens int, sides field.Sides, jitter bool) (Axis, bool) {
	a := Axis{Size: size, Real: size != 1, Stride1: 1, Stride2: 1, Released: true, Sides: sides}
	if !a.Real {
		a.Padded, a.AfterConv1, a.Tokens, a.Decoded = size, 1, 1, size
		return a, true
	}
	if !supported(size, tokens) {
		return a, false
	}
	pair, released, _ := strides(size / tokens)
	a.Stride1, a.Stride2, a.Released = pair[0], pair[1], released
	total := Kernel1 + 3*a.Stride1 - a.Patch() // what valid convolutions take away from a periodic axis
	a.Low, a.High = total/2, total-total/2
	if jitter && !a.Periodic() {
		a.Low = total/2 + a.Patch()/2 // the data move by up to half a token
		a.High = a.Low
	}
	a.encodeDecode()
	for jitter && !a.Released && !a.Periodic() && a.room() < a.Patch()/2 { // strides without a released layout: pad until they fit
		a.Low, a.High = a.Low+1, a.High+1
		a.encodeDecode()
	}
	if jitter && a.Patch() > 1 {
		a.Jitter = a.jitterRange()
	}
	return a, true
}

// wholeAxis is an axis for a network that sees the points as they are: each is a token of its own.
func wholeAxis(size int, sides field.Sides) Axis {
	return Axis{Size: size, Real: size != 1, Stride1: 1, Stride2: 1, Sides: sides, Padded: size, AfterConv1: size, Tokens: size, Decoded: size}
}

// encodeDecode follows the axis through the two convolutions and back.
func (a *Axis) encodeDecode() {
	a.Padded = a.inner() + a.Low + a.High
	a.AfterConv1 = (a.Padded-Kernel1)/a.Stride1 + 1
	a.Tokens = (a.AfterConv1-Kernel2)/a.Stride2 + 1
	a.Decoded = ((a.Tokens-1)*a.Stride2+Kernel2-1)*a.Stride1 + Kernel1
}

// jitterRange is the span of the random roll (spec 2.2.6). On an axis with ends the data stay within the padding; where
// the strides leave a remainder (quotient 3, say) the decoder's output ends before the padding does, and the roll stays
// small enough for every point of the data to be decoded. The released model loses such points (spec 5.1).
func (a Axis) jitterRange() [2]int {
	if a.Periodic() {
		reach := a.Size/2 - 1
		return [2]int{-reach, reach}
	}
	return [2]int{-(a.Low - 1), min(a.Low-1, a.room())}
}

// room is the number of points that the decoder's output reaches beyond the data, continued or not, on an axis with ends.
func (a Axis) room() int { return a.Decoded - a.Low - a.inner() }

// padded returns the position in the padded, unrolled grid that position i of the network's input shows. A periodic
// axis has no padding before its roll: there the position is one of the data.
func (a Axis) padded(i, roll int) int {
	if a.Periodic() {
		return mod(i-a.Low-roll, a.Size)
	}
	return mod(i-roll, a.Padded)
}

// source returns the data point that position i of the network's input shows, or -1 in the padding, and whether it is a mirror
// image of it.
func (a Axis) source(i, roll int) (point int, mirrored bool) {
	at := a.padded(i, roll)
	if !a.Periodic() {
		at -= a.Low
	}
	if at < 0 || at >= a.inner() {
		return -1, false
	}
	return a.data(at - a.Before)
}

// position returns where in the network's input, and in the decoder's output, data point i lies: the inverse of source
// on the part that is not wrapped.
func (a Axis) position(i, roll int) int {
	if a.Periodic() {
		return a.Low + mod(i+roll, a.Size)
	}
	return mod(i+roll+a.Low+a.Before, a.Padded)
}

// mod is the remainder of i by n in [0, n).
func mod(i, n int) int { return ((i % n) + n) % n }
