package cpu

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"

	"github.com/gowalrus/walrus/internal/fault"
)

// Executable is a compiled computation; it implements compute.Executable and may be executed concurrently.
type Executable struct {
	program *program
	names   []string
	inputs  []shapes.Shape
	outputs []shapes.Shape
	devices int // that run it at once; 0 for one
}

var _ compute.Executable = (*Executable)(nil)

func newExecutable(b *builder) (*Executable, error) {
	fn := b.main
	p, err := compile(b.backend, fn)
	if err != nil {
		return nil, err
	}
	return &Executable{program: p, names: fn.names, inputs: shapesOf(fn.params), outputs: shapesOf(fn.outputs), devices: b.devices}, nil
}

// Finalize drops the program.
func (e *Executable) Finalize() { e.program = nil }

// Inputs returns names and shapes of the parameters.
func (e *Executable) Inputs() ([]string, []shapes.Shape) {
	return slices.Clone(e.names), slices.Clone(e.inputs)
}

// Outputs returns the shapes of the results.
func (e *Executable) Outputs() []shapes.Shape { return slices.Clone(e.outputs) }

// Memory is what an execution needs, known before it runs, in bytes.
type Memory struct {
	Inputs  int // parameters of the computation, among them the weights
	Outputs int // results, if no donated input can hold them
	Donable int // part of Outputs that takes over donated inputs
	Arena   int // all intermediate values
	Scratch int // tiles of the workers
}

// Peak is the most memory that is in use at once when inputs are donated.
func (m Memory) Peak() int { return m.Inputs + m.Outputs - m.Donable + m.Arena + m.Scratch }

// Memory returns what an execution needs.
func (e *Executable) Memory() Memory {
	p := e.program
	m := Memory{Arena: p.arenaSize, Scratch: p.scratch * p.backend.pool.Workers()}
	for _, s := range p.inputs {
		m.Inputs += s.bytes()
	}
	for _, s := range p.outputs {
		m.Outputs += s.bytes()
		if s.donor >= 0 {
			m.Donable += s.bytes()
		}
	}
	return m
}

// PeakBytes is the memory that an execution takes beside its inputs and outputs.
func (e *Executable) PeakBytes() int64 {
	m := e.Memory()
	return int64(m.Arena + m.Scratch)
}

// Peak returns the memory need of an executable of this package in bytes, and false for those of other backends.
func Peak(e compute.Executable) (int, bool) {
	own, ok := e.(*Executable)
	if !ok {
		return 0, false
	}
	return own.Memory().Peak(), true
}

// Execute runs the computation on the calling goroutine and the workers of the backend.
func (e *Executable) Execute(inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	return e.ExecuteContext(context.Background(), inputs, donate, device)
}

// ExecuteContext is Execute, stopped between operations once ctx is done. Donated inputs are lost then as well.
func (e *Executable) ExecuteContext(ctx context.Context, inputs []compute.Buffer, donate []bool, device compute.DeviceNum) ([]compute.Buffer, error) {
	if e.devices > 1 {
		return e.executeEach(ctx, inputs, donate)
	}
	return e.executeOn(ctx, inputs, donate, device)
}

// executeOn runs the computation for one device.
func (e *Executable) executeOn(ctx context.Context, inputs []compute.Buffer, donate []bool, device compute.DeviceNum) (results []compute.Buffer, err error) {
	p := e.program
	if p == nil {
		return nil, fmt.Errorf("cpu: executable was finalized")
	}
	if err := p.backend.checkDevice(device); err != nil {
		return nil, err
	}
	if len(inputs) != len(e.inputs) || donate != nil && len(donate) != len(inputs) {
		return nil, fmt.Errorf("cpu: %d inputs and %d donations given; computation %q has %d parameters", len(inputs), len(donate), p.fn.builder.name, len(e.inputs))
	}
	memory := make([][]byte, len(inputs))
	for i, input := range inputs {
		buffer, ok := input.(*Buffer)
		if !ok {
			return nil, fmt.Errorf("cpu: input %d (%q) is a %T; expected a buffer of this backend", i, e.names[i], input)
		}
		if !buffer.shape.Equal(e.inputs[i]) && !(buffer.shape.DType == e.inputs[i].DType && buffer.shape.EqualDimensions(e.inputs[i])) {
			return nil, fmt.Errorf("cpu: input %d (%q) has shape %s; expected %s", i, e.names[i], buffer.shape, e.inputs[i])
		}
		if memory[i], err = buffer.content(); err != nil {
			return nil, err
		}
	}
	if donate != nil {
		donate = slices.Clone(donate)
	}
	for i := range donate {
		if donate[i] {
			inputs[i].(*Buffer).release()
			donate[i] = !slices.ContainsFunc(inputs[:i], func(other compute.Buffer) bool { return other == inputs[i] })
		}
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cpu: computation %q failed: %w", p.fn.builder.name, fault.Of(r))
		}
	}()
	outputs, err := p.run(ctx, memory, donate)
	if err != nil {
		return nil, err
	}
	for i, bytes := range outputs {
		results = append(results, &Buffer{backend: p.backend, shape: e.outputs[i].Clone(), device: device, bytes: bytes})
	}
	return results, nil
}
