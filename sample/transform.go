package sample

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// Transform changes the values of a field, and with them the name of a scalar: log10 of "density" is "log10_density". A
// vector or tensor keeps its name, as in the release. The names are those of torch's functions, which released
// configurations give.
type Transform string

const (
	Log10     Transform = "log10"      // of a field that spans orders of magnitude
	ZerosLike Transform = "zeros_like" // hides a field, but keeps its place
)

// functions are the transforms and what they do to a value.
var functions = map[Transform]func(float64) float64{
	Log10: math.Log10, "log": math.Log, "log2": math.Log2, "log1p": math.Log1p, "exp": math.Exp, "exp2": math.Exp2, "expm1": math.Expm1,
	"sqrt": math.Sqrt, "rsqrt": func(v float64) float64 { return 1 / math.Sqrt(v) }, "square": func(v float64) float64 { return v * v },
	"reciprocal": func(v float64) float64 { return 1 / v }, "abs": math.Abs, "neg": func(v float64) float64 { return -v },
	"sinh": math.Sinh, "asinh": math.Asinh, "arcsinh": math.Asinh, "tanh": math.Tanh, "atan": math.Atan, "arctan": math.Atan,
	"sin": math.Sin, "cos": math.Cos, "sigmoid": func(v float64) float64 { return 1 / (1 + math.Exp(-v)) },
	ZerosLike: func(float64) float64 { return 0 }, "ones_like": func(float64) float64 { return 1 },
}

// inverses undo the transforms that can be undone for every value that they may have been given.
var inverses = map[Transform]func(float64) float64{
	Log10: func(v float64) float64 { return math.Pow(10, v) }, "log": math.Exp, "log2": math.Exp2, "log1p": math.Expm1, "exp": math.Log, "exp2": math.Log2,
	"expm1": math.Log1p, "sqrt": func(v float64) float64 { return v * v }, "rsqrt": func(v float64) float64 { return 1 / (v * v) },
	"reciprocal": func(v float64) float64 { return 1 / v }, "neg": func(v float64) float64 { return -v },
	"sinh": math.Asinh, "asinh": math.Sinh, "arcsinh": math.Sinh, "tanh": math.Atanh, "atan": math.Tan, "arctan": math.Tan,
	"sigmoid": func(v float64) float64 { return math.Log(v / (1 - v)) },
}

// Undo is the function that brings transformed values back, nil where there was no transform, and whether there is one: not for square, abs, sine or zeros_like.
func (t Transform) Undo() (undo func(float64) float64, possible bool) {
	if t == "" {
		return nil, true
	}
	undo = inverses[t]
	return undo, undo != nil
}

// ParseTransform reads a transform's name; the released configuration's spelling with "torch." is understood.
func ParseTransform(name string) (Transform, error) {
	t := Transform(strings.TrimPrefix(name, "torch."))
	if functions[t] == nil {
		var names []string
		for _, t := range slices.Sorted(maps.Keys(functions)) {
			names = append(names, string(t))
		}
		return "", fmt.Errorf("sample: unknown field transform %q; expected one of %s", name, strings.Join(names, ", "))
	}
	return t, nil
}

// ParseTransforms reads transforms of the form FIELD=NAME, as command lines have them; nil for none.
func ParseTransforms(assignments []string) (map[string]Transform, error) {
	var transforms map[string]Transform
	for _, text := range assignments {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return nil, fmt.Errorf("sample: transform %q; expected FIELD=NAME, such as density=log10", text)
		}
		t, err := ParseTransform(value)
		if err != nil {
			return nil, err
		}
		if transforms == nil {
			transforms = map[string]Transform{}
		}
		transforms[name] = t
	}
	return transforms, nil
}

// WithoutField lists the fields that transforms are set for and that the data set does not have, sorted. They are passed
// over, since one set of transforms may serve several data sets; a caller whose user wrote them for one may say so.
func WithoutField(fields Fields, transforms map[string]Transform) []string {
	var absent []string
	for _, name := range slices.Sorted(maps.Keys(transforms)) {
		if !slices.ContainsFunc(slices.Concat(fields.Variable, fields.Constant), func(f field.Field) bool { return f.Name == name }) {
			absent = append(absent, name)
		}
	}
	return absent
}

// rename is the transformed field.
func (t Transform) rename(f field.Field) field.Field {
	if t != "" && f.Rank == field.Scalar {
		f.Name = string(t) + "_" + f.Name
	}
	return f
}

// Apply transforms values in place. refused is the number of values that have no finite result, and first the index of the
// first of them and what it was.
func (t Transform) Apply(values []float32) (refused, first int, value float32) {
	f := functions[t]
	if f == nil {
		return 0, 0, 0
	}
	for i, v := range values {
		result := float32(f(float64(v)))
		if result-result != 0 && v == v { // what was not a number before may stay none
			if refused++; refused == 1 {
				first, value = i, v
			}
		}
		values[i] = result
	}
	return refused, first, value
}
