package cf

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/hdf5"
)

// Attribute is a named value beside an array.
type Attribute struct {
	Name    string
	Float   bool      // its numbers are stored as floating-point numbers
	Numbers []float64 // for numbers; nil otherwise
	Text    []string  // for text; nil otherwise
}

// value shows what the attribute holds.
func (a Attribute) value() string {
	switch {
	case a.Text != nil:
		return fmt.Sprintf("%q", a.Text)
	case a.Numbers == nil:
		return "neither numbers nor text"
	}
	return fmt.Sprint(a.Numbers)
}

// FromHDF5 gives attributes of an HDF5 object.
func FromHDF5(list []hdf5.Attribute) []Attribute {
	var out []Attribute
	for _, v := range list {
		out = append(out, Attribute{Name: v.Name, Float: v.Type.Class == hdf5.Float, Numbers: v.Numbers, Text: v.Text})
	}
	return out
}

// Element is the type of an array's stored values.
type Element struct {
	Float    bool
	Unsigned bool // of integers
	Size     int  // bytes
}

// Packing is how stored numbers become values: value = Offset + Scale * stored.
type Packing struct {
	Scale, Offset float64

	wrap      float64 // added to stored numbers below zero: 2^bits where integers are to be taken as unsigned
	markers   []marker
	low, high float64 // what is outside is missing, compared as stored, or as values where rangeOfValues is set
	limits    string  // name of the attribute that gives the range
	ofValues  bool
}

// marker is a stored number that stands for a missing value.
type marker struct {
	number float64
	name   string // of the attribute
}

// Plain leaves numbers as they are.
func Plain() Packing {
	return Packing{Scale: 1, low: math.Inf(-1), high: math.Inf(1)}
}

// names of the attributes.
const (
	scaleFactor  = "scale_factor"
	addOffset    = "add_offset"
	unsigned     = "_Unsigned"
	fillValue    = "_FillValue"
	missingValue = "missing_value"
	validMin     = "valid_min"
	validMax     = "valid_max"
	validRange   = "valid_range"
)

// similar are names under which other programs keep such numbers; what they mean differs too much to apply them.
var similar = []string{"slope", "intercept", "scale", "offset", "scalefactor", "addoffset", "fillvalue", "fill_value", "missingvalue", "missing", "nodata", "no_data",
	"nodata_value", "bad_value", "invalid_value", "missing_data", "unsigned"}

// Read takes the packing from an array's attributes. netCDF says that the array is of a NetCDF file, where unwritten values
// hold the default fill value of their type. Attributes named in ignore are left out. notes are sentences about attributes
// that look like these and are not applied.
func Read(attributes []Attribute, e Element, netCDF bool, ignore []string) (p Packing, notes []string, err error) {
	p = Plain()
	attributes = slices.DeleteFunc(slices.Clone(attributes), func(a Attribute) bool { return slices.Contains(ignore, a.Name) })
	if !e.Unsigned && !e.Float && slices.ContainsFunc(attributes, func(a Attribute) bool {
		return a.Name == unsigned && len(a.Text) == 1 && strings.ToLower(a.Text[0]) == "true"
	}) {
		p.wrap = math.Ldexp(1, 8*e.Size)
	}
	for _, a := range attributes {
		if err := p.apply(a, e, attributes); err != nil {
			return p, nil, fmt.Errorf("attribute %s is %s; %w; mend it, or leave it out with ignore: [%s]", a.Name, a.value(), err, a.Name)
		}
		if slices.Contains(similar, strings.ToLower(a.Name)) && a.Numbers != nil {
			notes = append(notes, fmt.Sprintf("attribute %s = %s is not applied; if it changes the values, give the field scale:, offset: or missing_values:", a.Name, a.value()))
		}
	}
	if v, ok := defaultFill(e); netCDF && ok && !slices.Contains(ignore, fillValue) && !slices.ContainsFunc(p.markers, func(m marker) bool { return m.name == fillValue }) {
		p.markers = append(p.markers, marker{v, "the default fill value of NetCDF"})
	}
	return p, notes, nil
}

// apply notes what one attribute says.
func (p *Packing) apply(a Attribute, e Element, all []Attribute) error {
	switch a.Name {
	case scaleFactor, addOffset:
		if len(a.Numbers) != 1 || math.IsNaN(a.Numbers[0]) || math.IsInf(a.Numbers[0], 0) {
			return fmt.Errorf("expected one finite number")
		}
		if a.Name == addOffset {
			p.Offset = a.Numbers[0]
		} else if p.Scale = a.Numbers[0]; p.Scale == 0 {
			return fmt.Errorf("expected a number other than 0")
		}
	case unsigned:
		if len(a.Text) != 1 || !slices.Contains([]string{"true", "false"}, strings.ToLower(a.Text[0])) {
			return fmt.Errorf("expected \"true\" or \"false\"")
		}
		if e.Float {
			return fmt.Errorf("the values are floating-point numbers; expected integers")
		}
	case fillValue, missingValue:
		if len(a.Numbers) == 0 {
			return fmt.Errorf("expected a number of the variable's type")
		}
		for _, v := range a.Numbers {
			stored, err := e.stored(v, p.wrap != 0)
			if err != nil {
				return err
			}
			p.markers = append(p.markers, marker{stored, a.Name})
		}
	case validMin, validMax, validRange:
		want := 1
		if a.Name == validRange {
			want = 2
		}
		if len(a.Numbers) != want {
			return fmt.Errorf("expected %d numbers", want)
		}
		if low := a.Numbers[0]; a.Name != validMax {
			p.low = low
		}
		if high := a.Numbers[want-1]; a.Name != validMin {
			p.high = high
		}
		if !(p.low <= p.high) {
			return fmt.Errorf("expected a lower and a higher limit")
		}
		if e.Float && e.Size == 4 {
			p.low, p.high = float64(float32(p.low)), float64(float32(p.high))
		}
		p.limits = a.Name
		// Limits in floating point for packed integers are limits of the values (NetCDF user guide, appendix A).
		p.ofValues = !e.Float && a.Float && slices.ContainsFunc(all, func(b Attribute) bool { return b.Name == scaleFactor || b.Name == addOffset })
	}
	return nil
}

// stored is a number as an array of these elements holds it. wraps says that its signed integers stand for unsigned ones.
func (e Element) stored(v float64, wraps bool) (float64, error) {
	if e.Float {
		switch e.Size {
		case 2:
			return roundHalf(v), nil
		case 4:
			return float64(float32(v)), nil
		}
		return v, nil
	}
	low, high := -math.Ldexp(1, 8*e.Size-1), math.Ldexp(1, 8*e.Size-1)
	switch {
	case e.Unsigned:
		low, high = 0, 2*high
	case wraps && v >= high: // written as the unsigned number that its bits stand for
		v -= 2 * high
	}
	if v != math.Trunc(v) || v < low || v > high || v == high && e.Size < 8 {
		return 0, fmt.Errorf("no stored number, an integer of %d bytes, can have this value", e.Size)
	}
	return v, nil
}

// roundHalf rounds to the nearest float16.
func roundHalf(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	_, exponent := math.Frexp(v)
	step := math.Ldexp(1, max(exponent, -13)-11)
	if v = math.RoundToEven(v/step) * step; math.Abs(v) > 65504 {
		return math.Copysign(math.Inf(1), v)
	}
	return v
}

// defaultFill is what the NetCDF library fills unwritten values with (netcdf.h, NC_FILL_*). Bytes have none that readers
// take for missing.
func defaultFill(e Element) (float64, bool) {
	switch {
	case e.Float && e.Size >= 4:
		return 9.969209968386869e+36, true
	case e.Float || e.Size == 1:
		return 0, false
	case e.Unsigned && e.Size == 8:
		return 18446744073709551614, true
	case e.Unsigned:
		return math.Ldexp(1, 8*e.Size) - 1, true
	case e.Size == 8:
		return -9223372036854775806, true
	}
	return -math.Ldexp(1, 8*e.Size-1) + 1, true
}

// Changes reports whether values differ from the stored numbers, other than by missing ones.
func (p Packing) Changes() bool { return p.Scale != 1 || p.Offset != 0 || p.wrap != 0 }

// Marks reports whether any number can stand for a missing value.
func (p Packing) Marks() bool { return len(p.markers) > 0 || p.limits != "" }

// Missing says why a stored number stands for a missing value; empty where it does not. NaN is missing by itself.
func (p Packing) Missing(stored float64) string {
	for _, m := range p.markers {
		if stored == m.number {
			return fmt.Sprintf("stored as %v, which %s marks as missing", stored, m.name)
		}
	}
	return p.outside(stored)
}

func (p Packing) outside(stored float64) string {
	v := stored
	if v < 0 {
		v += p.wrap
	}
	if p.ofValues {
		v = p.Offset + p.Scale*v
	}
	if v < p.low || v > p.high {
		return fmt.Sprintf("%v is outside %s (%v to %v)", v, p.limits, p.low, p.high)
	}
	return ""
}

// Unpack turns stored numbers into values in place; missing ones become NaN. It returns why the first of them is missing.
func (p Packing) Unpack(values []float64) (reason string) {
	if !p.Changes() && !p.Marks() {
		return ""
	}
	for i, v := range values {
		missing := p.limits != "" && p.outside(v) != ""
		for _, m := range p.markers {
			missing = missing || v == m.number
		}
		if missing {
			if reason == "" {
				reason = p.Missing(v)
			}
			values[i] = math.NaN()
			continue
		}
		if v < 0 {
			v += p.wrap
		}
		values[i] = p.Offset + p.Scale*v
	}
	return reason
}
