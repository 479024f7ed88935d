package importer

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/field"
)

// Names in a layout that are not axes of space.
const (
	trajectoryAxis = "trajectory"
	timeAxis       = "time"
	componentAxis  = "component"
)

// Config describes the arrays to import.
type Config struct {
	Name       string             `yaml:"name"`       // data set name
	GridType   string             `yaml:"grid_type"`  // cartesian (default), spherical or equiangular
	Axes       []Axis             `yaml:"axes"`       // axes of space, in the order of the new file
	Time       Time               `yaml:"time"`       // times of the frames
	Layout     []string           `yaml:"layout"`     // names of the arrays' axes as stored: trajectory, time, component, and axes of space
	Fields     []Field            `yaml:"fields"`     // what to import
	Parameters map[string]float64 `yaml:"parameters"` // physical numbers of the simulation
	Gzip       int                `yaml:"gzip"`       // compression level 0 (default, none) to 9
}

// Axis is one axis of space.
type Axis struct {
	Name        string   `yaml:"name"`
	Boundary    string   `yaml:"boundary"`    // wall, open or periodic; "wall/open" where the low and the high side differ
	Coordinates string   `yaml:"coordinates"` // variable with the positions of the grid points
	First       *float64 `yaml:"first"`       // without coordinates: position of the first point (default 0)
	Last        *float64 `yaml:"last"`        // without coordinates: position of the last point (default: points one apart)
}

// Time says when the frames are.
type Time struct {
	Variable string  `yaml:"variable"` // variable with the times; without it they are Start, Start + Step, ...
	Start    float64 `yaml:"start"`
	Step     float64 `yaml:"step"` // default 1
}

// Field is one physical quantity.
type Field struct {
	Name      string   `yaml:"name"`
	Rank      string   `yaml:"rank"`      // scalar (default), vector or tensor
	Variables []string `yaml:"variables"` // one array, or one a component in row-major order (default: the field's name)
	Layout    []string `yaml:"layout"`    // in place of the common layout
	Missing   *float64 `yaml:"missing"`   // replaces missing values and NaN; without it they are an error
	Positive  bool     `yaml:"positive"`  // values that are not above zero are an error
}

// largestConfig bounds the description's size, in bytes.
const largestConfig = 1 << 20

// ReadConfig reads a description. Unknown keys are errors.
func ReadConfig(path string) (Config, error) {
	fail := func(err error) (Config, error) { return Config{}, fmt.Errorf("importer: %s: %w", path, err) }
	info, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if info.Size() > largestConfig {
		return fail(fmt.Errorf("%d bytes; expected a description of at most %d", info.Size(), largestConfig))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(err)
	}
	c, err := parseConfig(text)
	if err != nil {
		return fail(err)
	}
	return c, nil
}

func parseConfig(text []byte) (Config, error) {
	c := Config{GridType: "cartesian", Time: Time{Step: 1}}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField()).Decode(&c); err != nil {
		return c, fmt.Errorf("%s", strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " "))
	}
	return c, c.validate()
}

func (c *Config) validate() error {
	if c.Name == "" {
		return fmt.Errorf("no name; expected the data set's")
	}
	if len(c.Axes) < 1 || len(c.Axes) > 3 {
		return fmt.Errorf("%d axes; expected 1 to 3, each with name and boundary", len(c.Axes))
	}
	for _, a := range c.Axes {
		if slices.Contains([]string{"", trajectoryAxis, timeAxis, componentAxis}, a.Name) {
			return fmt.Errorf("axis %q; expected a name of space, like x", a.Name)
		}
		if _, err := a.sides(); err != nil {
			return err
		}
		if (a.First == nil) != (a.Last == nil) || a.First != nil && a.Coordinates != "" {
			return fmt.Errorf("axis %s: expected coordinates, or both first and last, or none of them", a.Name)
		}
	}
	if len(c.Fields) == 0 {
		return fmt.Errorf("no fields")
	}
	for i := range c.Fields {
		if err := c.completeField(&c.Fields[i]); err != nil {
			return err
		}
	}
	return nil
}

// completeField fills in defaults and checks layout and variables.
func (c *Config) completeField(f *Field) error {
	if f.Layout == nil {
		f.Layout = c.Layout
	}
	if len(f.Variables) == 0 {
		f.Variables = []string{f.Name}
	}
	rank, err := f.rank()
	if err != nil {
		return err
	}
	if len(f.Layout) == 0 {
		return fmt.Errorf("field %s: no layout; expected the names of the array's axes in order, like [time, %s]", f.Name, strings.Join(c.axisNames(), ", "))
	}
	components := 0
	for i, name := range f.Layout {
		switch {
		case name == componentAxis:
			components++
		case slices.Contains(f.Layout[:i], name):
			return fmt.Errorf("field %s: layout has %s twice", f.Name, name)
		case name != trajectoryAxis && name != timeAxis && !slices.Contains(c.axisNames(), name):
			return fmt.Errorf("field %s: layout names %q; expected %s, %s, %s or an axis (%s)", f.Name, name, trajectoryAxis, timeAxis, componentAxis, strings.Join(c.axisNames(), ", "))
		}
	}
	n := rank.Components(len(c.Axes))
	switch {
	case len(f.Variables) != 1 && len(f.Variables) != n:
		return fmt.Errorf("field %s: %d variables; expected 1, or %d for the components of a %v", f.Name, len(f.Variables), n, rank)
	case len(f.Variables) > 1 && components > 0:
		return fmt.Errorf("field %s: a variable for each component and a %s axis; expected one of them", f.Name, componentAxis)
	case components > int(rank):
		return fmt.Errorf("field %s: %d %s axes for a %v; expected at most %d", f.Name, components, componentAxis, rank, rank)
	case len(f.Variables) == 1 && components == 0 && n > 1:
		return fmt.Errorf("field %s: one variable without a %s axis for the %d components of a %v", f.Name, componentAxis, n, rank)
	}
	return nil
}

func (c *Config) axisNames() []string {
	names := make([]string, len(c.Axes))
	for i, a := range c.Axes {
		names[i] = a.Name
	}
	return names
}

// sides reads "wall", or "wall/open" for low and high.
func (a Axis) sides() (field.Sides, error) {
	low, high, differ := strings.Cut(a.Boundary, "/")
	if !differ {
		high = low
	}
	var s field.Sides
	var err error
	if s.Low, err = field.ParseBoundary(low); err == nil {
		s.High, err = field.ParseBoundary(high)
	}
	if err != nil {
		return s, fmt.Errorf("axis %s: boundary: %w", a.Name, err)
	}
	return s, nil
}

func (f Field) rank() (field.Rank, error) {
	switch f.Rank {
	case "", field.Scalar.String():
		return field.Scalar, nil
	case field.Vector.String():
		return field.Vector, nil
	case field.Tensor.String():
		return field.Tensor, nil
	}
	return 0, fmt.Errorf("field %s: rank %q; expected scalar, vector or tensor", f.Name, f.Rank)
}
