package cpu

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	pkgerrors "github.com/pkg/errors"

	"github.com/gowalrus/walrus/internal/fault"
)

// maxDevices bounds the simulated devices.
const maxDevices = 64

// checkDevice refuses a device that is not there.
func (b *Backend) checkDevice(device compute.DeviceNum) error {
	if device < 0 || int(device) >= b.NumDevices() {
		return fmt.Errorf("cpu: device %d; there are %d, counted from 0", device, b.NumDevices())
	}
	return nil
}

// DistributedSPMD makes a computation that n devices run at once, each on its own inputs.
func (b *builder) DistributedSPMD(n int) error {
	if b.main != nil && len(b.main.instrs) > 0 || n < 1 || n > b.backend.NumDevices() {
		return fmt.Errorf("cpu: computation %q for %d devices, with %d there; expected one that is still empty", b.name, n, b.backend.NumDevices())
	}
	b.devices = n
	return nil
}

// DeviceAssignment accepts the first devices in order, or any one for a computation for one.
func (b *builder) DeviceAssignment(devices ...compute.DeviceNum) error {
	if len(devices) != max(1, b.devices) {
		return fmt.Errorf("cpu: %d devices assigned to computation %q, which runs on %d", len(devices), b.name, max(1, b.devices))
	}
	for i, device := range devices {
		if err := b.backend.checkDevice(device); err != nil {
			return err
		}
		if b.devices > 1 && int(device) != i {
			return fmt.Errorf("cpu: device %d in place %d of an assignment; expected the devices in order", device, i)
		}
	}
	return nil
}

// AllReduce adds up each operand over all devices; all get the same bits. Other reductions, types than float32 and groups
// of devices are not implemented.
func (f *function) AllReduce(operands []compute.Value, reduction compute.ReduceOpType, groups [][]int) ([]compute.Value, error) {
	in, err := f.operands(operands...)
	if err != nil {
		return nil, err
	}
	devices := max(1, f.builder.devices)
	if reduction != compute.ReduceOpSum || len(groups) != 1 || len(groups[0]) != devices {
		return nil, pkgerrors.Wrapf(compute.ErrNotImplemented, "cpu: AllReduce %s in groups %v of %d devices; only sums over all", reduction, groups, devices)
	}
	outs := make([]shapes.Shape, len(in))
	for i, v := range in {
		if v.shape.DType != dtypes.Float32 {
			return nil, pkgerrors.Wrapf(compute.ErrNotImplemented, "cpu: AllReduce of data type %s", v.shape.DType)
		}
		outs[i] = v.shape
	}
	return asValues(f.emitMany(compute.OpTypeAllReduce, outs, nil, in...)), nil
}

// lowerAllReduce makes one operation of all operands: the devices meet once.
func lowerAllReduce(p *program, x *instr, in []located) {
	op := &opaqueOp{kind: "all-reduce"}
	for i := range in {
		in[i] = p.dense(in[i])
		op.reads = append(op.reads, in[i])
		op.out = append(op.out, p.fresh(x.out[i]).s)
	}
	op.run = func(e *execution) error {
		own, sums := make([][]float32, len(in)), make([][]float32, len(in))
		for i, l := range in {
			own[i] = e.float32s(l)[:l.v.size()]
			sums[i] = slice[float32](e.base[op.out[i].id], op.out[i].size)
		}
		m, ok := e.ctx.Value(memberKey{}).(member)
		if !ok { // one device alone
			for i := range sums {
				copy(sums[i], own[i])
			}
			return nil
		}
		return m.sum(own, sums)
	}
	p.addOpaque(op)
}

// executeEach runs the computation on all its devices at once. Inputs and results are those of the first device, then
// those of the next.
func (e *Executable) executeEach(ctx context.Context, inputs []compute.Buffer, donate []bool) ([]compute.Buffer, error) {
	n := len(e.inputs)
	if len(inputs) != n*e.devices || donate != nil && len(donate) != len(inputs) {
		return nil, fmt.Errorf("cpu: %d inputs and %d donations given; the computation has %d parameters on each of %d devices", len(inputs), len(donate), n, e.devices)
	}
	t := newTeam(e.devices)
	results, failed := make([][]compute.Buffer, e.devices), make([]error, e.devices)
	var running sync.WaitGroup
	for device := range e.devices {
		mine := inputs[device*n : (device+1)*n]
		var given []bool
		if donate != nil {
			given = donate[device*n : (device+1)*n]
		}
		running.Go(func() {
			ctx := context.WithValue(ctx, memberKey{}, member{t, device})
			failed[device] = fault.Catch(func() (err error) {
				results[device], err = e.executeOn(ctx, mine, given, compute.DeviceNum(device))
				return err
			})
			if failed[device] != nil {
				t.leave(failed[device])
			}
		})
	}
	running.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	var all []compute.Buffer
	for _, list := range results {
		all = append(all, list...)
	}
	return all, nil
}

// memberKey is the key of the context under which an execution finds its place in a team.
type memberKey struct{}

// member is one device of a team.
type member struct {
	team   *team
	device int
}

// team is the devices that run one computation together.
type team struct {
	mu      sync.Mutex
	change  sync.Cond
	size    int
	waiting int // of the present meeting
	meeting int // number of meetings so far
	shared  [][][]float32
	failed  error // of a device that will not come any more
}

func newTeam(size int) *team {
	t := &team{size: size, shared: make([][][]float32, size)}
	t.change.L = &t.mu
	return t
}

// meet waits for the whole team.
func (t *team) meet() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	meeting := t.meeting
	if t.waiting++; t.waiting == t.size {
		t.waiting = 0
		t.meeting++
		t.change.Broadcast()
	}
	for t.meeting == meeting && t.failed == nil {
		t.change.Wait()
	}
	if t.meeting == meeting {
		return fmt.Errorf("another device failed: %w", t.failed)
	}
	return nil
}

// leave lets nobody wait for a device that failed.
func (t *team) leave(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
	t.change.Broadcast()
}

// sum adds up what all devices bring, in their order, so that every one of them gets the same bits.
func (m member) sum(own, sums [][]float32) error {
	t := m.team
	t.shared[m.device] = own
	if err := t.meet(); err != nil {
		return err
	}
	for i, out := range sums {
		copy(out, t.shared[0][i])
		for _, other := range t.shared[1:] {
			for j, x := range other[i] {
				out[j] += x
			}
		}
	}
	return t.meet() // what the others still read must not change before
}
