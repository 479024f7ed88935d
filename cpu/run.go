package cpu

import (
	"context"
	"fmt"
	"unsafe"
)

// execution is one run of a program.
type execution struct {
	ctx     context.Context
	program *program
	base    []unsafe.Pointer // of storages, by id
	scratch []unsafe.Pointer // of workers
}

func (x *execution) backend() *Backend { return x.program.backend }

// float32s returns the elements of a view that lie at and after its offset in its storage.
func (x *execution) float32s(l located) []float32 {
	return slice[float32](x.base[l.s.id], l.s.size)[l.v.offset:]
}

// run executes the program. inputs are the parameters and captured values; those with donate set are consumed. Results
// are new memory or that of donated inputs; donated inputs that were not used so are given back to the pool.
func (p *program) run(ctx context.Context, inputs [][]byte, donate []bool) ([][]byte, error) {
	b := p.backend
	x := &execution{ctx: ctx, program: p, base: make([]unsafe.Pointer, len(p.storages))}
	arena := b.memory.takeArena(p.arenaSize)
	defer b.memory.giveArena(arena)
	scratch := b.memory.take(p.scratch * b.pool.Workers())
	defer b.memory.give(scratch)
	for worker := range b.pool.Workers() {
		x.scratch = append(x.scratch, unsafe.Add(pointer(scratch), worker*p.scratch))
	}
	outputs := make([][]byte, len(p.outputs))
	used := make([]bool, len(inputs))
	for i, s := range p.outputs {
		if s.donor >= 0 && donate != nil && donate[s.donor] {
			outputs[i] = inputs[s.donor]
			used[s.donor] = true
		} else {
			outputs[i] = b.memory.take(s.bytes())
		}
	}
	for _, s := range p.storages {
		switch {
		case s.input >= 0:
			x.base[s.id] = pointer(inputs[s.input])
		case s.constant != nil:
			x.base[s.id] = pointer(s.constant)
		case s.output >= 0:
			x.base[s.id] = pointer(outputs[s.output])
		case s.first >= 0 && !s.virtual && s.size > 0:
			x.base[s.id] = unsafe.Add(pointer(arena), s.offset)
		default:
			x.base[s.id] = pointer(nil)
		}
	}
	profile := newProfile(b.options.Profile)
	for _, step := range p.steps {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("cpu: execution stopped: %w", err)
		}
		done := profile.begin(step)
		if err := step.run(x); err != nil {
			return nil, fmt.Errorf("cpu: %s: %w", step.kind, err)
		}
		done()
	}
	profile.print()
	for i := range inputs {
		if donate != nil && i < len(donate) && donate[i] && !used[i] {
			b.memory.give(inputs[i])
		}
	}
	return outputs, nil
}
