package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine/hook"
	"github.com/gowalrus/walrus/internal/fault"
)

// Input describes one parameter of a program.
type Input struct {
	Name  string
	Shape []int
	Half  bool // bfloat16 (FillHalf) instead of float32
	// Into is one more than the number of the output, of the same shape and type, that takes over the input's memory when the
	// input is donated. With 0 that memory is only freed.
	Into int
}

// dtype is the type of the input's numbers.
func (in Input) dtype() dtypes.DType {
	if in.Half {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// Program is a compiled graph.
type Program struct {
	engine  *Engine
	graph   *graph.Graph
	inputs  []Input
	devices int // that it runs on at once
}

// Compile builds a graph for the first device and compiles it. build gets one node an input, in order, and returns the
// outputs. Mistakes in the graph come back as errors.
func (e *Engine) Compile(name string, inputs []Input, build func(in []*graph.Node) []*graph.Node) (*Program, error) {
	return e.compile(name, 1, inputs, build)
}

// CompileParallel is Compile for all devices of the engine: each runs the graph on its own inputs, whose shapes are those
// of one device. SumOverDevices is where they meet.
func (e *Engine) CompileParallel(name string, inputs []Input, build func(in []*graph.Node) []*graph.Node) (*Program, error) {
	return e.compile(name, e.devices, inputs, build)
}

func (e *Engine) compile(name string, devices int, inputs []Input, build func(in []*graph.Node) []*graph.Node) (p *Program, err error) {
	defer catch(&err, "engine: compile "+name)
	began := time.Now()
	defer e.watching(name, began)()
	defer func() { e.compiling.Add(int64(time.Since(began))) }()
	g := graph.NewGraph(e.backend, name)
	if devices > 1 {
		mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"device"})
		if err != nil {
			return nil, err
		}
		if err := g.SetSPMD(mesh); err != nil {
			return nil, err
		}
		if err := g.SetDeviceAssignment(firstDevices(devices)); err != nil {
			return nil, err
		}
	}
	nodes := make([]*graph.Node, len(inputs))
	for i, in := range inputs {
		nodes[i] = graph.Parameter(g, e.parameterName(in), shapes.Make(in.dtype(), in.Shape...))
	}
	err = g.Compile(build(nodes)...)
	if e.writer != nil {
		err = e.writer.write(name, err)
	}
	if err != nil && IsXLA(e.config) {
		err = explain(err)
	}
	if err != nil {
		return nil, err
	}
	return &Program{engine: e, graph: g, inputs: inputs, devices: devices}, nil
}

// watchEvery is the time between two reports of a program that is being compiled.
const watchEvery = 5 * time.Second

// watching reports a compilation until the function that it returns is called.
func (e *Engine) watching(name string, began time.Time) (stop func()) {
	if e.watch == nil {
		return func() {}
	}
	quit, reported := make(chan struct{}), false
	var watcher fault.Group // a report is the caller's code
	watcher.Go(func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				reported = true
				e.watch(name, time.Since(began), false)
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		watcher.Wait()
		if reported {
			e.watch(name, time.Since(began), true)
		}
	}
}

// parameterName is an input's name in a graph; for XLA it says where its memory goes.
func (e *Engine) parameterName(in Input) string {
	if in.Into > 0 && IsXLA(e.config) {
		return hook.Into(in.Name, in.Into-1)
	}
	return in.Name
}

// firstDevices are the numbers of the first n devices.
func firstDevices(n int) []compute.DeviceNum {
	list := make([]compute.DeviceNum, n)
	for i := range list {
		list[i] = compute.DeviceNum(i)
	}
	return list
}

// SumOverDevices adds up each node over the devices of a parallel program; every device gets the same sums. In a program
// for one device it changes nothing.
func SumOverDevices(nodes []*graph.Node) []*graph.Node {
	if len(nodes) == 0 || nodes[0].Graph().NumDevices() == 1 {
		return nodes
	}
	return nodes[0].Graph().Distributed().AllReduce(nodes, compute.ReduceOpSum)
}

// Run executes the program. Inputs for which donate is true (nil: none) are used up: their memory becomes that of
// outputs, and they must not be used again.
func (p *Program) Run(ctx context.Context, inputs []*Value, donate []bool) (outputs []*Value, err error) {
	defer catch(&err, "engine: run "+p.graph.Name())
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.check(inputs); err != nil {
		return nil, err
	}
	arguments := make([]any, 0, p.devices*len(inputs)) // those of the first device, then those of the next
	for device := range p.devices {
		for i, v := range inputs {
			argument := any(v.tensors[device])
			if donate != nil && donate[i] {
				if argument, err = graph.DonateTensorBuffer(v.tensors[device], p.engine.backend, compute.DeviceNum(device)); err != nil {
					return nil, err
				}
			}
			arguments = append(arguments, argument)
		}
	}
	if p.engine.writer != nil {
		return nil, fmt.Errorf("engine: %s was written and can not run", p.graph.Name())
	}
	results := p.graph.Run(arguments...)
	count := len(results) / p.devices
	for i := range count {
		v := &Value{engine: p.engine}
		for device := range p.devices {
			v.tensors = append(v.tensors, results[device*count+i])
		}
		outputs = append(outputs, v)
	}
	for i, v := range inputs {
		if donate != nil && donate[i] {
			v.Free() // what other devices hold of it
		}
	}
	return outputs, nil
}

// check compares the inputs with those that the program was compiled for.
func (p *Program) check(inputs []*Value) error {
	if len(inputs) != len(p.inputs) {
		return fmt.Errorf("engine: %s takes %d inputs, %d given", p.graph.Name(), len(p.inputs), len(inputs))
	}
	for i, v := range inputs {
		if !slices.Equal(v.Shape(), p.inputs[i].Shape) {
			return fmt.Errorf("engine: %s: input %s has shape %v; expected %v", p.graph.Name(), p.inputs[i].Name, v.Shape(), p.inputs[i].Shape)
		}
		if got, want := v.tensors[0].Shape().DType, p.inputs[i].dtype(); got != want {
			return fmt.Errorf("engine: %s: input %s is of type %s; expected %s", p.graph.Name(), p.inputs[i].Name, got, want)
		}
		if len(v.tensors) < p.devices {
			return fmt.Errorf("engine: %s: input %s is on %d of %d devices", p.graph.Name(), p.inputs[i].Name, len(v.tensors), p.devices)
		}
	}
	return nil
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
