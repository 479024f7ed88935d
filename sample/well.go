package sample

import (
	"context"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// WellSource reads windows of a data set in The Well's format.
type WellSource struct {
	dataset *well.Dataset
	windows *well.Windows
	fields  Fields
}

// FromWell reads the given windows of a data set, which stays the caller's to close. fields are those of WellFields or
// WellFieldsScaled.
func FromWell(d *well.Dataset, windows *well.Windows, fields Fields) WellSource {
	return WellSource{d, windows, fields}
}

// Name is the data set's name.
func (s WellSource) Name() string { return s.dataset.Name() }

// Fields lists the data set's fields.
func (s WellSource) Fields() Fields { return s.fields }

// Windows is the number of windows.
func (s WellSource) Windows() int { return s.windows.Len() }

// Group tells apart the windows that fit into one batch: those with the same boundaries.
func (s WellSource) Group(i int) int { return s.windows.Group(i) }

// Read reads window i; its stride is drawn from rng.
func (s WellSource) Read(ctx context.Context, i int, rng *rand.Rand) (*Window, error) {
	spec, err := s.windows.At(i, rng)
	if err != nil {
		return nil, err
	}
	w, err := s.dataset.Read(ctx, spec)
	if err != nil {
		return nil, err
	}
	return WellWindow(w, s.windows.Inputs()), nil
}

// WellFields lists what the windows of a data set hold.
func WellFields(d *well.Dataset) Fields {
	plain := func(infos []well.FieldInfo) []field.Field {
		fields := make([]field.Field, len(infos))
		for i, f := range infos {
			fields[i] = f.Field
		}
		return fields
	}
	return Fields{
		Variable: plain(d.Variable()), Constant: plain(d.Constant()), Axes: d.Axes(), Curvilinear: d.GridType() != well.Cartesian,
	}
}

// WellWindow takes a window as it was read; its first frames are the input.
func WellWindow(w *well.Window, inputs int) *Window {
	out := &Window{Constant: w.Constant, Boundaries: w.Boundaries, Origin: w.Origin()}
	out.Input, out.Output = w.Split(inputs)
	return out
}
