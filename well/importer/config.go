package importer

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/yamltext"
)

// Names in a layout that are not axes of space.
const (
	trajectoryAxis = "trajectory"
	timeAxis       = "time"
	componentAxis  = "component"
)

// Config describes the arrays to import.
type Config struct {
	Name       string               `yaml:"name"`       // data set name
	GridType   string               `yaml:"grid_type"`  // cartesian (default), spherical or equiangular
	Axes       []Axis               `yaml:"axes"`       // axes of space, in the order of the new file
	Time       Time                 `yaml:"time"`       // times of the frames
	Layout     []string             `yaml:"layout"`     // names of the arrays' axes as stored: trajectory, time, component, axes of space, and those that select names
	Files      string               `yaml:"files"`      // what variables of one name in several files are: trajectory (default), or time: parts of one run, in order
	Fields     []Field              `yaml:"fields"`     // what to import
	Parameters map[string]Parameter `yaml:"parameters"` // physical numbers of the simulation
	Gzip       int                  `yaml:"gzip"`       // compression level 0 (default, none) to 9
}

// Axis is one axis of space.
type Axis struct {
	Name        string   `yaml:"name"`
	Boundary    string   `yaml:"boundary"`    // wall, open or periodic; "wall/open" where the low and the high side differ
	Coordinates string   `yaml:"coordinates"` // variable with the positions of the grid points
	First       *float64 `yaml:"first"`       // without coordinates: position of the first point (default 0)
	Last        *float64 `yaml:"last"`        // without coordinates: position of the last point (default: points one apart)
	Relative    bool     `yaml:"relative"`    // subtract the lowest position
	Repeated    *bool    `yaml:"repeated"`    // of a periodic axis: the last plane repeats the first and is left out; false keeps it
}

// Time says when the frames are.
type Time struct {
	Variable string   `yaml:"variable"` // variable with the times; without it they are Start, Start + Step, ...
	Start    *float64 `yaml:"start"`    // default 0
	Step     *float64 `yaml:"step"`     // default 1
	Relative bool     `yaml:"relative"` // subtract the first time: float32 does not hold steps of a second since 1970
}

// Field is one physical quantity.
type Field struct {
	Name          string         `yaml:"name"`
	Rank          string         `yaml:"rank"`           // scalar (default), vector or tensor
	Variables     []string       `yaml:"variables"`      // one array, or one a component in row-major order (default: the field's name); * stands for any part of a name
	Layout        []string       `yaml:"layout"`         // in place of the common layout
	Channel       *int           `yaml:"channel"`        // of a scalar: its place on the component axis, from 0
	Channels      []int          `yaml:"channels"`       // of a vector or tensor: the places of its components
	Select        map[string]int `yaml:"select"`         // the step, from 0, of axes that are neither trajectory, time nor space
	Scale         *float64       `yaml:"scale"`          // multiplies the values
	Offset        float64        `yaml:"offset"`         // is added to the values, after scale
	MissingValues []float64      `yaml:"missing_values"` // stored numbers that stand for missing values, beside those that the file names
	Ignore        []string       `yaml:"ignore"`         // attributes of the variable that do not count, like missing_value
	Missing       *float64       `yaml:"missing"`        // replaces missing values and NaN; without it they are an error
	Positive      bool           `yaml:"positive"`       // values that are not above zero are an error
}

// Parameter is a physical number: one for all trajectories, one a trajectory, or a variable that holds either.
type Parameter struct {
	Values   []float64
	Variable string
}

// UnmarshalYAML reads a number, a list of numbers, or the name of a variable.
func (p *Parameter) UnmarshalYAML(unmarshal func(any) error) error {
	var number float64
	if unmarshal(&number) == nil {
		p.Values = []float64{number}
		return nil
	}
	if unmarshal(&p.Values) == nil && len(p.Values) > 0 {
		return nil
	}
	if err := unmarshal(&p.Variable); err != nil || p.Variable == "" {
		return errors.New("a parameter is a number, a list with a number for each trajectory, or the name of a variable")
	}
	return nil
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
	c := Config{GridType: "cartesian", Files: trajectoryAxis}
	if err := yamltext.Unmarshal(text, &c, yaml.DisallowUnknownField()); err != nil {
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
		if sides, _ := a.sides(); a.Repeated != nil && sides != field.Both(field.Periodic) {
			return fmt.Errorf("axis %s: repeated: only the last plane of a periodic axis repeats the first", a.Name)
		}
		if (a.First == nil) != (a.Last == nil) || a.First != nil && a.Coordinates != "" {
			return fmt.Errorf("axis %s: expected coordinates, or both first and last, or none of them", a.Name)
		}
	}
	if len(c.Fields) == 0 {
		return fmt.Errorf("no fields")
	}
	if c.Files != trajectoryAxis && c.Files != timeAxis {
		return fmt.Errorf("files: %q; expected trajectory (one run a file) or time (one run in parts)", c.Files)
	}
	if c.Time.Variable != "" && (c.Time.Start != nil || c.Time.Step != nil) {
		return fmt.Errorf("time: variable %s, and start or step; expected one of them", c.Time.Variable)
	}
	if step := c.Time.Step; step != nil && !(*step > 0) {
		return fmt.Errorf("time: step %v; expected a number above 0", *step)
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
		_, selected := f.Select[name]
		switch {
		case name == componentAxis:
			components++
		case slices.Contains(f.Layout[:i], name):
			return fmt.Errorf("field %s: layout has %s twice", f.Name, name)
		case selected && (name == trajectoryAxis || name == timeAxis || slices.Contains(c.axisNames(), name)):
			return fmt.Errorf("field %s: select: %s; expected another axis than trajectory, time, and those of space", f.Name, name)
		case !selected && name != trajectoryAxis && name != timeAxis && !slices.Contains(c.axisNames(), name):
			return fmt.Errorf("field %s: layout names %q; expected %s, %s, %s, an axis (%s), or one of which select takes a step, like select: {%s: 0}",
				f.Name, name, trajectoryAxis, timeAxis, componentAxis, strings.Join(c.axisNames(), ", "), name)
		}
	}
	for name, step := range f.Select {
		if !slices.Contains(f.Layout, name) || step < 0 {
			return fmt.Errorf("field %s: select: {%s: %d}; expected axes of the layout (%s) and steps from 0", f.Name, name, step, strings.Join(f.Layout, ", "))
		}
	}
	if f.Scale != nil && (*f.Scale == 0 || *f.Scale-*f.Scale != 0) || f.Offset-f.Offset != 0 {
		return fmt.Errorf("field %s: scale and offset; expected finite numbers, and a scale other than 0", f.Name)
	}
	if f.Missing != nil && (math.IsNaN(*f.Missing) || math.IsInf(*f.Missing, 0)) {
		return fmt.Errorf("field %s: missing: %v; expected a finite number", f.Name, *f.Missing)
	}
	if f.Channel != nil {
		if rank != field.Scalar || f.Channels != nil {
			return fmt.Errorf("field %s: channel is for a scalar; a %v has channels: [...], one a component", f.Name, rank)
		}
		f.Channels = []int{*f.Channel}
	}
	n := rank.Components(len(c.Axes))
	switch {
	case f.Channels != nil && (components != 1 || len(f.Variables) != 1):
		return fmt.Errorf("field %s: channels of %d variables with %d %s axes; expected one variable whose layout names the axis of the channels %q",
			f.Name, len(f.Variables), components, componentAxis, componentAxis)
	case f.Channels != nil && (len(f.Channels) != n || slices.Min(f.Channels) < 0):
		return fmt.Errorf("field %s: channels %v; expected %d numbers from 0, the components of a %v", f.Name, f.Channels, n, rank)
	case rank == field.Vector && (repeats(f.Channels) || repeats(f.Variables)):
		return fmt.Errorf("field %s: two components of the vector are the same array; only tensors have equal components", f.Name)
	case len(f.Variables) != 1 && len(f.Variables) != n:
		return fmt.Errorf("field %s: %d variables; expected 1, or %d for the components of a %v", f.Name, len(f.Variables), n, rank)
	case len(f.Variables) == 1 && components > max(1, int(rank)):
		return fmt.Errorf("field %s: %d %s axes for a %v; expected at most %d", f.Name, components, componentAxis, rank, rank)
	case len(f.Variables) == 1 && components == 0 && n > 1:
		return fmt.Errorf("field %s: one variable without a %s axis for the %d components of a %v", f.Name, componentAxis, n, rank)
	}
	return nil
}

// repeats reports whether a value is in a list twice.
func repeats[T cmp.Ordered](list []T) bool {
	sorted := slices.Sorted(slices.Values(list))
	return len(slices.Compact(sorted)) < len(list)
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
