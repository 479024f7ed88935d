package engine

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gowalrus/walrus/field"
)

// Engine runs compiled graphs on one device.
type Engine struct {
	backend   compute.Backend
	config    string
	precision Precision
	compiling atomic.Int64 // nanoseconds spent on compiling
}

// opener opens a backend from the part of the configuration after the name.
type opener struct {
	open func(options string) (compute.Backend, error)
	doc  string
}

// Open opens an engine by its configuration, "name" or "name:options". An unknown name gives an error that lists the
// engines of this build. "" is the default engine.
func Open(config string) (e *Engine, err error) {
	defer catch(&err, "engine: open "+config)
	if config == "" {
		config = Default
	}
	name, options, _ := strings.Cut(config, ":")
	o, ok := openers()[name]
	if !ok {
		return nil, fmt.Errorf("engine: unknown engine %q; this build has %s%s", name, strings.Join(Names(), ", "), missingHint(name))
	}
	backend, err := o.open(options)
	if err != nil {
		return nil, fmt.Errorf("engine: open %s: %w", config, err)
	}
	return &Engine{backend: backend, config: config}, nil
}

// Names lists the engines of this build.
func Names() []string {
	var names []string
	for name := range openers() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Describe says in a line what each engine of this build is.
func Describe() string {
	var lines []string
	for _, name := range Names() {
		lines = append(lines, name+": "+openers()[name].doc)
	}
	return strings.Join(lines, "; ")
}

// String returns the configuration that the engine was opened with.
func (e *Engine) String() string { return e.config }

// CompileTime is the time spent on building and compiling programs so far.
func (e *Engine) CompileTime() time.Duration { return time.Duration(e.compiling.Load()) }

// Close releases the device. Values and programs of the engine must not be used afterwards.
func (e *Engine) Close() { e.backend.Finalize() }

// Value is an array on the engine's device.
type Value struct {
	tensor *tensors.Tensor
	engine *Engine
}

// Shape returns the value's extents.
func (v *Value) Shape() []int { return v.tensor.Shape().Dimensions }

// Upload copies an array to the device.
func (e *Engine) Upload(a field.Array) (*Value, error) {
	return e.Fill(a.Shape, func(to []float32) error {
		if copy(to, a.Data) != len(to) {
			return fmt.Errorf("engine: %d values for shape %v", len(a.Data), a.Shape)
		}
		return nil
	})
}

// Fill makes a value and lets write put the data into it. Where the device is the host's memory nothing is copied.
func (e *Engine) Fill(shape []int, write func([]float32) error) (v *Value, err error) {
	defer catch(&err, fmt.Sprintf("engine: value of shape %v", shape))
	t, err := tensors.FromShapeForBackend(e.backend, 0, shapes.Make(dtypes.Float32, shape...))
	if err != nil {
		return nil, err
	}
	var failed error
	if err := tensors.MutableFlatData(t, func(flat []float32) { failed = write(flat) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	v = &Value{tensor: t, engine: e}
	if t.IsLocal() { // not shared with the device: move it there and let the host's copy go
		if err := t.MaterializeOnDevice(e.backend, false, 0); err != nil {
			return nil, err
		}
		t.FinalizeLocal()
	}
	return v, nil
}

// Read gives read the value's data without keeping a copy. The slice is valid only during the call.
func (v *Value) Read(read func([]float32) error) (err error) {
	defer catch(&err, "engine: read")
	var failed error
	if err := tensors.ConstFlatData(v.tensor, func(flat []float32) { failed = read(flat) }); err != nil {
		return err
	}
	return failed
}

// Array copies the value to the host.
func (v *Value) Array() (field.Array, error) {
	a := field.NewArray(v.Shape()...)
	err := v.Read(func(flat []float32) error { copy(a.Data, flat); return nil })
	return a, err
}

// Free releases the value's memory now rather than at the next garbage collection.
func (v *Value) Free() {
	if v != nil && v.tensor != nil && v.tensor.Ok() {
		_ = v.tensor.FinalizeAll()
	}
}

// Input describes one parameter of a program.
type Input struct {
	Name  string
	Shape []int
}

// Program is a compiled graph.
type Program struct {
	engine *Engine
	graph  *graph.Graph
	inputs []Input
}

// Compile builds a graph and compiles it. build gets one node an input, in order, and returns the outputs. Mistakes in
// the graph come back as errors.
func (e *Engine) Compile(name string, inputs []Input, build func(in []*graph.Node) []*graph.Node) (p *Program, err error) {
	defer catch(&err, "engine: compile "+name)
	began := time.Now()
	defer func() { e.compiling.Add(int64(time.Since(began))) }()
	g := graph.NewGraph(e.backend, name)
	nodes := make([]*graph.Node, len(inputs))
	for i, in := range inputs {
		nodes[i] = graph.Parameter(g, in.Name, shapes.Make(dtypes.Float32, in.Shape...))
	}
	if err := g.Compile(build(nodes)...); err != nil {
		return nil, err
	}
	return &Program{engine: e, graph: g, inputs: inputs}, nil
}

// Run executes the program. Inputs for which donate is true (nil: none) are used up: their memory becomes that of
// outputs, and they must not be used again.
func (p *Program) Run(ctx context.Context, inputs []*Value, donate []bool) (outputs []*Value, err error) {
	defer catch(&err, "engine: run "+p.graph.Name())
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(inputs) != len(p.inputs) {
		return nil, fmt.Errorf("engine: %s takes %d inputs, %d given", p.graph.Name(), len(p.inputs), len(inputs))
	}
	arguments := make([]any, len(inputs))
	for i, v := range inputs {
		if !slices.Equal(v.Shape(), p.inputs[i].Shape) {
			return nil, fmt.Errorf("engine: %s: input %s has shape %v; expected %v", p.graph.Name(), p.inputs[i].Name, v.Shape(), p.inputs[i].Shape)
		}
		arguments[i] = v.tensor
		if donate != nil && donate[i] {
			if arguments[i], err = graph.DonateTensorBuffer(v.tensor, p.engine.backend, 0); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range p.graph.Run(arguments...) {
		outputs = append(outputs, &Value{tensor: t, engine: p.engine})
	}
	return outputs, nil
}

// planner is what an executable implements whose memory is known before it runs.
type planner interface{ PeakBytes() int64 }

// PeakBytes is the memory that a run takes beside its inputs and outputs; 0 where the engine does not know before.
func (p *Program) PeakBytes() int64 {
	if known, ok := p.graph.Executable().(planner); ok {
		return known.PeakBytes()
	}
	return 0
}

// Close releases the compiled program.
func (p *Program) Close() { p.graph.Finalize() }

// catch turns a panic of GoMLX, its way to report a mistake, into an error with one line of text.
func catch(err *error, doing string) {
	r := recover()
	if r == nil {
		return
	}
	cause, ok := r.(error)
	if !ok {
		cause = fmt.Errorf("%v", r)
	}
	*err = fmt.Errorf("%s: %w", doing, cause)
}

// rater is what a backend implements that can measure its own peak rate.
type rater interface{ PeakRate() float64 }

// PeakRate measures the device's peak rate in 1e9 floating-point operations a second; 0 where the engine can not.
func (e *Engine) PeakRate() float64 {
	if r, ok := e.backend.(rater); ok {
		return r.PeakRate()
	}
	return 0
}
