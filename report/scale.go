package report

import (
	"image/color"
	"math"
	"strconv"
	"strings"
)

// Scale maps values to colours: Low to one end of the map, High to the other.
type Scale struct {
	Low, High float64
	Map       *Colormap
	// Below and Above say that the data drawn with this scale go beyond its ends; the colour bar then ends in a point.
	Below, Above bool
}

// signedShare is how much of the larger extreme the smaller must reach for a field to count as one that changes sign.
const signedShare = 0.1

// ValueScale spans the finite values of truth: its whole range with the sequential map, or, where values of both signs matter,
// a range symmetric about zero with the signed one. NaN and infinities are left out. Truth without a finite value gets [0, 1].
func ValueScale(truth []float32) Scale { return valueScale(extentOf(truth)) }

func valueScale(truth extent) Scale {
	low, high := truth.low, truth.high
	if truth.empty() {
		return Scale{Low: 0, High: 1, Map: Sequential()}
	}
	if low < 0 && high > 0 && min(-low, high) >= signedShare*max(-low, high) {
		bound := max(-low, high)
		return Scale{Low: -bound, High: bound, Map: Signed()}
	}
	if low == high {
		// A constant sits in the middle of a scale that is as wide as the number is large.
		half := math.Abs(low) / 2
		if half == 0 {
			half = 0.5
		}
		return Scale{Low: low - half, High: high + half, Map: Sequential()}
	}
	return Scale{Low: low, High: high, Map: Sequential()}
}

// ErrorScale is symmetric about zero and holds all finite errors, but never more than span, the width of the truth's range: a
// prediction that explodes would otherwise hide the errors of its first steps.
func ErrorScale(span float64, errors []float32) Scale { return errorScale(span, extentOf(errors)) }

func errorScale(span float64, errors extent) Scale {
	bound := 0.0
	if !errors.empty() {
		bound = max(-errors.low, errors.high)
	}
	if span > 0 && (bound > span || bound == 0) {
		bound = span
	}
	if bound == 0 {
		bound = 1
	}
	return Scale{Low: -bound, High: bound, Map: ErrorMap()}.marked(errors)
}

// tolerated is how far beyond a scale, as a share of its width, values may go without a mark: nobody could see the difference.
const tolerated = 0.01

// marked returns the scale with its Below and Above marks set for values of this extent.
func (s Scale) marked(values extent) Scale {
	if !values.empty() {
		slack := tolerated * (s.High - s.Low)
		s.Below = s.Below || values.low < s.Low-slack
		s.Above = s.Above || values.high > s.High+slack
	}
	return s
}

// Color is the colour of v; NotFinite for NaN and infinities.
func (s Scale) Color(v float32) color.RGBA {
	x := float64(v)
	if !finite(x) {
		return NotFinite
	}
	return s.Map.At((x - s.Low) / (s.High - s.Low))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// extent is the range of the finite values seen so far.
type extent struct {
	low, high float64
	notFinite bool // some were not
}

// noValues is the extent of nothing.
func noValues() extent { return extent{low: math.Inf(1), high: math.Inf(-1)} }

func (e extent) empty() bool { return e.low > e.high }

// span is the width of the range, 0 where there is none.
func (e extent) span() float64 {
	if e.empty() {
		return 0
	}
	return e.high - e.low
}

// add widens the extent to hold the values.
func (e *extent) add(values []float32) {
	for _, v := range values {
		x := float64(v)
		if !finite(x) {
			e.notFinite = true
			continue
		}
		e.low, e.high = min(e.low, x), max(e.high, x)
	}
}

func extentOf(values []float32) extent {
	e := noValues()
	e.add(values)
	return e
}

// tick is a labelled position of a scale.
type tick struct {
	value float64
	label string
}

// niceTicks places at most n labels at round numbers (1, 2, 2.5 or 5 times a power of ten) in [low, high]. With least = 1 they are whole.
func niceTicks(low, high, least float64, n int) []tick {
	span := high - low
	if !(span > 0) || !finite(span) || n < 2 {
		return nil
	}
	magnitude := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, factor := range []float64{1, 2, 2.5, 5, 10, 20, 25, 50} {
		step := factor * magnitude
		// The slack keeps an end that round-off put a hair outside.
		first, last := math.Ceil(low/step-1e-9), math.Floor(high/step+1e-9)
		if last-first+1 > float64(n) || step < least || least > 0 && step != math.Round(step) {
			continue
		}
		var ticks []tick
		for i := first; i <= last; i++ {
			ticks = append(ticks, tick{value: i * step})
		}
		labelTicks(ticks, step)
		return ticks
	}
	return nil
}

// labelTicks writes the values with just the digits that tell neighbours apart, and all in the same notation.
func labelTicks(ticks []tick, step float64) {
	largest := 0.0
	for _, t := range ticks {
		largest = max(largest, math.Abs(t.value))
	}
	exponent := int(math.Floor(math.Log10(max(largest, step)) + 1e-9))
	scientific := exponent >= 5 || exponent <= -4
	unit := 1.0
	if scientific {
		unit = math.Pow(10, float64(exponent))
	}
	decimals := decimalsOf(step / unit)
	for i := range ticks {
		v := ticks[i].value / unit
		if math.Abs(v) < 1e-9*step/unit {
			ticks[i].label = "0"
			continue
		}
		label := strconv.FormatFloat(v, 'f', decimals, 64)
		if scientific {
			label += "e" + strconv.Itoa(exponent)
		}
		ticks[i].label = strings.ReplaceAll(label, "-", "−")
	}
}

// decimalsOf is the number of decimals that write step exactly, at most 12.
func decimalsOf(step float64) int {
	for d := range 12 {
		scaled := step * math.Pow(10, float64(d))
		if math.Abs(scaled-math.Round(scaled)) < 1e-6*scaled && math.Round(scaled) > 0 {
			return d
		}
	}
	return 12
}
