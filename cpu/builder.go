package cpu

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/notimplemented"
	"github.com/gomlx/compute/shapes"
)

// builder records one computation; it implements compute.Builder.
type builder struct {
	notimplemented.Builder
	backend  *Backend
	name     string
	main     *function
	names    map[string]bool // of top-level functions
	nextID   int             // of values
	devices  int             // that run the computation at once; 0 for one
	compiled bool
}

func newBuilder(b *Backend, name string) *builder {
	return &builder{backend: b, name: name, names: map[string]bool{compute.MainName: true}}
}

// Name of the computation.
func (b *builder) Name() string { return b.name }

// Main returns the function that Compile compiles.
func (b *builder) Main() compute.Function {
	if b.main == nil {
		b.main = newFunction(b, nil, compute.MainName)
	}
	return b.main
}

// NewFunction returns an empty top-level function for Call.
func (b *builder) NewFunction(name string) (compute.Function, error) {
	if name == "" || b.names[name] {
		return nil, fmt.Errorf("cpu: function name %q is empty or in use in computation %q", name, b.name)
	}
	b.names[name] = true
	return newFunction(b, nil, name), nil
}

// OpShape returns the shape of a value of this computation.
func (b *builder) OpShape(op compute.Value) (shapes.Shape, error) {
	v, ok := op.(*value)
	if !ok || v.fn.builder != b {
		return shapes.Invalid(), fmt.Errorf("cpu: not a value of computation %q: %T", b.name, op)
	}
	return v.shape, nil
}

// Compile compiles the main function; the builder can not be used afterwards.
func (b *builder) Compile() (compute.Executable, error) {
	if b.compiled {
		return nil, fmt.Errorf("cpu: computation %q was compiled already", b.name)
	}
	if b.main == nil || !b.main.returned {
		return nil, fmt.Errorf("cpu: computation %q: main function without Return", b.name)
	}
	b.compiled = true
	return newExecutable(b)
}
