package importer

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// Survey is what samples of the arrays say before anything is written: up to three frames of the first and the last
// trajectory of each field.
type Survey struct {
	Header well.Header
	Bytes  int64 // of the new file's fields, uncompressed
	Fields []FieldRange
	Notes  []string // sentences about what may be wrong
	Frames []int    // numbers of the frames that were read

	samples []field.Array // of the first trajectory: (frames, grid, components) of each field that varies in time along all axes
	names   []string      // of their components
}

// FieldRange are the values of a component in the samples. Missing values do not count.
type FieldRange struct {
	Name                string
	Low, High, Mean, SD float64
	Missing             float64 // share of the values
}

// Picture gives the sampled frames of the first trajectory: one channel for each component, named in the order of the last
// axis. ok is false where no field varies in time along all axes.
func (s *Survey) Picture() (frames field.Array, names []string, ok bool) {
	if len(s.samples) == 0 {
		return field.Array{}, nil, false
	}
	shape := slices.Clone(s.samples[0].Shape)
	last := len(shape) - 1
	shape[last] = len(s.names)
	out := field.NewArray(shape...)
	channel := 0
	for _, a := range s.samples {
		n := a.Shape[last]
		for i, v := range a.Data {
			out.Data[i/n*len(s.names)+channel+i%n] = v
		}
		channel += n
	}
	return out, s.names, true
}

// smallestScale is the smallest number that normalisation divides by; what is smaller than that the network sees as zero.
const smallestScale = 1e-5

// lostSignal is the largest share of a field's standard deviation that rounding to float32 may take.
const lostSignal = 1e-2

// noise is the relative size of changes that are float64's own rounding.
const noise = 1e-13

// survey reads samples of all fields and says what looks wrong.
func (r *run) survey(ctx context.Context) (*Survey, error) {
	out := &Survey{Header: r.header}
	frames := len(r.header.Time)
	out.Frames = slices.Compact([]int{0, frames / 2, frames - 1})
	repeated := make([]bool, len(r.planes)) // periodic axes whose last plane repeats the first in all that was read
	for i, axis := range r.header.Axes {
		periodic := slices.ContainsFunc(r.header.Boundaries, func(b well.BoundaryGroup) bool { return b.Type == field.Periodic && slices.Contains(b.Axes, axis.Name) })
		repeated[i] = periodic && r.planes[i] > 2
	}
	seen := make([]bool, len(r.planes)) // axes along which any field changes
	for _, s := range r.fields {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		trajectories, steps := s.counts()
		out.Bytes += int64(trajectories) * int64(steps) * int64(s.size()) * 4
		names := s.info.Components(axisNamesOf(r.header))
		ranges := make([]tally, len(names))
		var picture field.Array
		pictured := s.info.TimeVarying && !slices.Contains(s.info.AxisVarying, false)
		if pictured {
			picture = field.NewArray(append(append([]int{len(out.Frames)}, r.planes...), len(names))...)
		}
		for _, t := range slices.Compact([]int{0, trajectories - 1}) {
			var before []float64 // the sampled frame before
			for k, f := range out.Frames {
				if f >= steps {
					continue
				}
				b, err := s.at(t, f)
				if err != nil {
					return nil, err
				}
				from := ((t-b.trajectory)*b.steps + f - b.frame) * s.size()
				values := b.values[from : from+s.size()]
				for i, v := range values {
					ranges[i%len(names)].add(v)
					if pictured && t == 0 {
						picture.Data[k*s.size()+i] = float32(v)
					}
				}
				if s.info.TimeVarying {
					r.comparePlanes(s, values, repeated, seen)
					for i := range before {
						ranges[i%len(names)].change(before[i], values[i])
					}
					before = append(before[:0], values...)
				}
			}
		}
		all := tally{}
		for c := range ranges {
			out.Fields = append(out.Fields, ranges[c].summary(names[c]))
			all.join(ranges[c])
		}
		if err := r.judge(s, ranges, all); err != nil {
			return nil, err
		}
		if pictured {
			out.samples, out.names = append(out.samples, picture), append(out.names, names...)
		}
	}
	for i, axis := range r.header.Axes {
		if seen[i] && repeated[i] && r.isUndecided(axis.Name) {
			r.note("axis %s is periodic, and its last plane repeats the first in every field: leave it out with repeated: true in the axis's description, or say repeated: false if that is meant", axis.Name)
		}
	}
	out.Notes = r.notes
	return out, nil
}

func axisNamesOf(h well.Header) []string {
	names := make([]string, len(h.Axes))
	for i, a := range h.Axes {
		names[i] = a.Name
	}
	return names
}

func (r *run) isUndecided(axis string) bool { return !slices.Contains(r.decided, axis) }

// comparePlanes clears repeated for axes whose first and last planes differ in a frame, and sets seen for those along which
// the frame changes at all.
func (r *run) comparePlanes(s *source, values []float64, repeated, seen []bool) {
	inner, outer := len(values), 1
	for i, varies := range s.info.AxisVarying {
		if !varies {
			continue
		}
		n := r.planes[i]
		inner /= n
		for o := range outer {
			for k := range inner {
				first, last := values[o*n*inner+k], values[(o*n+n-1)*inner+k]
				repeated[i] = repeated[i] && (first == last || math.IsNaN(first) && math.IsNaN(last))
				seen[i] = seen[i] || first != values[(o*n+n/2)*inner+k] && !math.IsNaN(first)
			}
		}
		outer *= n
	}
}

// tally sums up values of a component.
type tally struct {
	low, high, sum, squares, first float64 // sums are of differences from the first value
	lost                           float64 // squares of what rounding to float32 takes
	n, missing, zero               int
	overflow                       float64 // a value that float32 can not hold; 0 for none
	changed, changeLost            float64 // squares of the changes between sampled frames, and of what rounding takes of them
}

func (t *tally) add(v float64) {
	if math.IsNaN(v) {
		t.missing++
		return
	}
	if t.n == 0 {
		t.low, t.high, t.first = v, v, v
	}
	t.n++
	if v == 0 {
		t.zero++
	}
	t.low, t.high = min(t.low, v), max(t.high, v)
	d := v - t.first
	t.sum += d
	t.squares += d * d
	rounded := float64(float32(v))
	if math.IsInf(rounded, 0) && t.overflow == 0 {
		t.overflow = v
	}
	t.lost += (v - rounded) * (v - rounded)
}

// change adds a change from one sampled frame to the next.
func (t *tally) change(before, after float64) {
	d := after - before
	if math.IsNaN(d) {
		return
	}
	t.changed += d * d
	lost := d - (float64(float32(after)) - float64(float32(before)))
	t.changeLost += lost * lost
}

// join adds another component's tally; only what judging needs.
func (t *tally) join(o tally) {
	t.n += o.n
	t.missing += o.missing
	if o.overflow != 0 {
		t.overflow = o.overflow
	}
	t.high = max(t.high, math.Abs(o.low), math.Abs(o.high))
}

func (t tally) summary(name string) FieldRange {
	f := FieldRange{Name: name, Low: t.low, High: t.high, Missing: float64(t.missing) / float64(max(1, t.n+t.missing))}
	if t.n > 0 {
		mean := t.sum / float64(t.n)
		f.Mean, f.SD = t.first+mean, math.Sqrt(max(0, t.squares/float64(t.n)-mean*mean))
	} else {
		f.Low, f.High, f.Mean, f.SD = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	return f
}

// judge reports values that float32 can not hold, and notes units that the network can not use.
func (r *run) judge(s *source, ranges []tally, all tally) error {
	names := s.info.Components(axisNamesOf(r.header))
	if v := all.overflow; v != 0 {
		if math.IsInf(v, 0) {
			return fmt.Errorf("importer: field %s: a value is %v; expected finite values (missing_values: names numbers that stand for missing ones)", s.info.Name, v)
		}
		return fmt.Errorf("importer: field %s: %v is too large for float32; choose other units with scale: %.0e", s.info.Name, v, math.Pow(10, -math.Floor(math.Log10(math.Abs(v)))))
	}
	for c, t := range ranges {
		f := t.summary(names[c])
		if t.n == 0 {
			r.note("field %s: all values of the sampled frames are missing", names[c])
			continue
		}
		lost := math.Sqrt(t.lost / float64(t.n))
		if largest := max(math.Abs(f.Low), math.Abs(f.High)); f.SD > 0 && lost > lostSignal*f.SD {
			if largest < 1e-30 {
				return fmt.Errorf("importer: field %s: values of %.3g lose precision in float32; choose other units with scale: %.0e", names[c], largest, math.Pow(10, -math.Floor(math.Log10(largest))))
			}
			step := float64(math.Nextafter32(float32(largest), math.MaxFloat32)) - float64(float32(largest))
			return fmt.Errorf("importer: field %s: float32 has steps of %.3g near %.9g, and the values vary by %.3g (standard deviation) only: the signal would be lost; subtract a constant with offset: %.9g",
				names[c], step, f.Mean, f.SD, -f.Mean)
		}
		// What float64 itself can hardly tell apart is a field at rest.
		if t.changeLost > lostSignal*lostSignal*t.changed && t.changed > noise*noise*(t.squares+float64(t.n)*f.Mean*f.Mean) {
			r.note("field %s: values of up to %.6g change in time by so little that rounding to float32 takes %.2g %% of the change; subtract a mean state that does not change before the import",
				names[c], max(math.Abs(f.Low), math.Abs(f.High)), 100*math.Sqrt(t.changeLost/t.changed))
		}
	}
	if largest := all.high; all.n > 0 && largest > 0 && largest < smallestScale {
		r.note("field %s: values of at most %.3g are below the smallest scale %g of the network and its scores, to which they are zero; choose other units with scale: %.0e",
			s.info.Name, largest, smallestScale, math.Pow(10, -math.Floor(math.Log10(largest))))
	}
	if s.info.Name == well.MaskName && len(ranges) == 1 && ranges[0].n > 0 {
		r.noteMask(s, ranges[0])
	}
	if all.missing > 0 && s.field.Missing != nil {
		r.note("field %s: %.2g %% of the sampled values are missing and become %v", s.info.Name, 100*float64(all.missing)/float64(all.n+all.missing), *s.field.Missing)
	}
	return nil
}

// noteMask says what a mask hides, and when it looks like the fluid rather than what lies in it.
func (r *run) noteMask(s *source, t tally) {
	moves := "constant"
	if s.info.TimeVarying {
		moves = "given with every frame: a body that moves"
	}
	share := 1 - float64(t.zero)/float64(t.n)
	r.note("field %s: not zero at %.3g %% of the sampled points, where nothing is predicted, learned or scored; %s", s.info.Name, 100*share, moves)
	if share > 0.5 {
		r.note("field %s hides more than half: it is not zero inside obstacles; turn a share of fluid round with scale: -1, offset: 1", s.info.Name)
	}
	if t.low < 0 || t.high > 1 {
		r.note("field %s has values from %.4g to %.4g; expected 0 where the fluid is and 1 inside obstacles", s.info.Name, t.low, t.high)
	}
}
