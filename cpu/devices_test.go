package cpu_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gowalrus/walrus/cpu"
)

// onDevices compiles y = 2 x sum over the devices of x, and z = x, for n devices; x is one number a device.
func onDevices(t *testing.T, b *cpu.Backend, n int) *cpu.Executable {
	t.Helper()
	builder := b.Builder("sum")
	if err := builder.DistributedSPMD(n); err != nil {
		t.Fatal(err)
	}
	group := make([]int, n)
	for i := range group {
		group[i] = i
	}
	f := builder.Main()
	x, err := f.Parameter("x", shapes.Make(dtypes.Float32, 3), nil)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := f.AllReduce([]compute.Value{x}, compute.ReduceOpSum, [][]int{group})
	if err != nil {
		t.Fatal(err)
	}
	twice, err := f.Add(sums[0], sums[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Return([]compute.Value{twice, x}, nil); err != nil {
		t.Fatal(err)
	}
	e, err := builder.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return e.(*cpu.Executable)
}

func TestDevicesSumOverAllOfThem(t *testing.T) {
	const n = 3
	b := cpu.New(cpu.Options{Threads: 2, Devices: n})
	defer b.Finalize()
	e := onDevices(t, b, n)
	var inputs []compute.Buffer
	for device := range n {
		x, err := b.BufferFromFlatData(compute.DeviceNum(device), []float32{float32(device), 1, -1}, shapes.Make(dtypes.Float32, 3))
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, x)
	}
	out, err := e.Execute(inputs, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for device := range n {
		got := make([]float32, 3)
		if err := out[2*device].ToFlatData(got); err != nil {
			t.Fatal(err)
		}
		if got[0] != 2*(0+1+2) || got[1] != 2*n || got[2] != -2*n {
			t.Errorf("device %d: twice the sums are %v; expected [6 6 -6]", device, got)
		}
		if at, err := out[2*device].DeviceNum(); err != nil || int(at) != device {
			t.Errorf("result of device %d is on device %d, %v", device, at, err)
		}
		if err := out[2*device+1].ToFlatData(got); err != nil || got[0] != float32(device) {
			t.Errorf("device %d: its own x is %v, %v", device, got, err)
		}
	}
}

func TestNoDeviceWaitsForOneThatFailed(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 1, Devices: 2})
	defer b.Finalize()
	e := onDevices(t, b, 2)
	x, err := b.BufferFromFlatData(0, make([]float32, 3), shapes.Make(dtypes.Float32, 3))
	if err != nil {
		t.Fatal(err)
	}
	short, err := b.BufferFromFlatData(1, make([]float32, 2), shapes.Make(dtypes.Float32, 2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Execute([]compute.Buffer{x, short}, nil, 0); err == nil || !strings.Contains(err.Error(), "shape") {
		t.Errorf("one device with an input of the wrong shape: error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.ExecuteContext(ctx, []compute.Buffer{x, x}, nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled run: error %v", err)
	}
}

func TestDevicesThatAreNotThere(t *testing.T) {
	b := cpu.New(cpu.Options{Threads: 1})
	defer b.Finalize()
	if err := b.Builder("two").DistributedSPMD(2); err == nil {
		t.Error("a computation for two devices was accepted on one")
	}
	for _, device := range []compute.DeviceNum{-1, 1} {
		if _, err := b.BufferFromFlatData(device, []float32{1}, shapes.Make(dtypes.Float32, 1)); err == nil {
			t.Errorf("a buffer on device %d of 1 was accepted", device)
		}
	}
}
