package cf

import (
	"math"
	"strings"
	"testing"
)

func numbers(name string, float bool, v ...float64) Attribute {
	return Attribute{Name: name, Float: float, Numbers: v}
}

func TestMarkersAreComparedAsStored(t *testing.T) {
	float32s, bytes, shorts := Element{Float: true, Size: 4}, Element{Size: 1}, Element{Size: 2}
	for _, c := range []struct {
		what       string
		element    Element
		attributes []Attribute
		netCDF     bool
		stored     float64
		want       float64 // NaN for missing
	}{
		{"float64 beside float32", float32s, []Attribute{numbers("missing_value", true, 1e20)}, false, float64(float32(1e20)), math.NaN()},
		{"float64 beside float16", Element{Float: true, Size: 2}, []Attribute{numbers("missing_value", true, -999.9)}, false, -1000, math.NaN()},
		{"packed", shorts, []Attribute{numbers("_FillValue", false, -1), numbers("scale_factor", true, 0.5), numbers("add_offset", true, 3)}, false, 4, 5},
		{"packed and missing", shorts, []Attribute{numbers("_FillValue", false, -1), numbers("scale_factor", true, 0.5)}, false, -1, math.NaN()},
		{"unsigned", bytes, []Attribute{{Name: "_Unsigned", Text: []string{"true"}}, numbers("scale_factor", true, 2)}, false, -1, 510},
		{"unsigned, marked by what it stands for", bytes, []Attribute{numbers("_FillValue", false, 255), {Name: "_Unsigned", Text: []string{"true"}}}, false, -1, math.NaN()},
		{"a range of stored numbers", shorts, []Attribute{numbers("scale_factor", true, 0.1), numbers("valid_range", false, 0, 100)}, false, 101, math.NaN()},
		{"a range of values", shorts, []Attribute{numbers("scale_factor", true, 0.1), numbers("valid_range", true, 0, 100)}, false, 101, 10.1},
		{"default of shorts", shorts, nil, true, -32767, math.NaN()},
		{"default of unsigned shorts", Element{Size: 2, Unsigned: true}, nil, true, 65535, math.NaN()},
		{"default of float64", Element{Float: true, Size: 8}, nil, true, 9.969209968386869e36, math.NaN()},
		{"bytes have no default", bytes, nil, true, -127, -127},
		{"a default that the file replaces", shorts, []Attribute{numbers("_FillValue", false, 0)}, true, -32767, -32767},
		{"no default outside NetCDF", shorts, nil, false, -32767, -32767},
	} {
		p, _, err := Read(c.attributes, c.element, c.netCDF, nil)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		v := []float64{c.stored}
		reason := p.Unpack(v)
		if missing := math.IsNaN(c.want); missing != math.IsNaN(v[0]) || missing != (reason != "") || !missing && math.Abs(v[0]-c.want) > 1e-12 {
			t.Errorf("%s: %v is %v (%q); want %v", c.what, c.stored, v[0], reason, c.want)
		}
	}
}

func TestAttributesThatCanNotBeAppliedAreErrors(t *testing.T) {
	for _, c := range []struct {
		element   Element
		attribute Attribute
	}{
		{Element{Size: 2}, numbers("missing_value", true, 1e20)},
		{Element{Size: 2}, numbers("missing_value", true, 0.5)},
		{Element{Size: 2}, numbers("missing_value", false, 40000)},
		{Element{Size: 2, Unsigned: true}, numbers("_FillValue", false, -1)},
		{Element{Size: 2}, numbers("_FillValue", true, math.NaN())},
		{Element{Float: true, Size: 4}, Attribute{Name: "_FillValue", Text: []string{"NaN"}}},
		{Element{Float: true, Size: 4}, Attribute{Name: "_Unsigned", Text: []string{"true"}}},
		{Element{Float: true, Size: 4}, numbers("valid_range", true, 1)},
		{Element{Float: true, Size: 4}, numbers("valid_range", true, 2, 1)},
		{Element{Float: true, Size: 4}, numbers("scale_factor", true, math.Inf(1))},
		{Element{Float: true, Size: 4}, numbers("add_offset", true)},
	} {
		_, _, err := Read([]Attribute{c.attribute}, c.element, false, nil)
		if err == nil || !strings.Contains(err.Error(), c.attribute.Name) {
			t.Errorf("%s %s of %+v: error %v; want one that names it", c.attribute.Name, c.attribute.value(), c.element, err)
		}
		if _, _, err := Read([]Attribute{c.attribute}, c.element, false, []string{c.attribute.Name}); err != nil {
			t.Errorf("%s, ignored: %v", c.attribute.Name, err)
		}
	}
}
