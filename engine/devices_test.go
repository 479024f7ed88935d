package engine

import (
	"context"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/field"
)

func TestParallelProgramsMeetInSums(t *testing.T) {
	const devices = 3
	e, err := OpenWith("cpu:devices=4", Options{Devices: devices})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	parts := make([]field.Array, devices)
	for i := range parts {
		parts[i] = field.Array{Shape: []int{2}, Data: []float32{float32(i), 1}}
	}
	own, err := e.UploadParts(parts)
	if err != nil {
		t.Fatal(err)
	}
	same, err := e.Upload(field.Array{Shape: []int{2}, Data: []float32{10, 20}})
	if err != nil {
		t.Fatal(err)
	}
	inputs := []Input{{Name: "own", Shape: []int{2}}, {Name: "same", Shape: []int{2}}}
	p, err := e.CompileParallel("sum", inputs, func(in []*Node) []*Node {
		return []*Node{Add(SumOverDevices(in[:1])[0], in[1]), Add(in[0], in[1])}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(context.Background(), []*Value{own, same}, []bool{true, false})
	if err != nil {
		t.Fatal(err)
	}
	err = out[0].ReadEach(func(device int, flat []float32) error {
		if flat[0] != 0+1+2+10 || flat[1] != devices+20 {
			t.Errorf("sum on device %d: %v; expected [13 23]", device, flat)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	err = out[1].ReadEach(func(device int, flat []float32) error {
		seen++
		if flat[0] != float32(device)+10 || flat[1] != 21 {
			t.Errorf("own result of device %d: %v", device, flat)
		}
		return nil
	})
	if err != nil || seen != devices {
		t.Errorf("results of %d devices, %v; expected %d", seen, err, devices)
	}
	testOneOfSeveral(t, e, same, inputs)
}

// testOneOfSeveral checks that a program for one device takes its inputs from the first, and that its result is no input
// of a parallel program.
func testOneOfSeveral(t *testing.T, e *Engine, x *Value, inputs []Input) {
	one, err := e.Compile("double", inputs[:1], func(in []*Node) []*Node { return []*Node{Add(in[0], in[0])} })
	if err != nil {
		t.Fatal(err)
	}
	out, err := one.Run(context.Background(), []*Value{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := out[0].Array(); err != nil || a.Data[1] != 40 {
		t.Errorf("twice %v is %v, %v", 20, a.Data, err)
	}
	all, err := e.CompileParallel("negative", inputs[:1], func(in []*Node) []*Node { return []*Node{Neg(in[0])} })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.Run(context.Background(), out, nil); err == nil || !strings.Contains(err.Error(), "on 1 of 3 devices") {
		t.Errorf("a value of one device in a program for three: error %v", err)
	}
	if _, err := e.UploadParts([]field.Array{field.NewArray(2), field.NewArray(2)}); err == nil {
		t.Error("two parts for three devices were accepted")
	}
	if _, err := e.UploadParts([]field.Array{field.NewArray(2), field.NewArray(2), field.NewArray(3)}); err == nil {
		t.Error("parts of different shapes were accepted")
	}
}

func TestDevicesThatAreNotThereAreAnError(t *testing.T) {
	for config, want := range map[string]string{"cpu": "xla:cuda", "go": "xla:cuda", "cpu:devices=2": "cpu:devices=2 has 2 devices, 5 asked for"} {
		if e, err := OpenWith(config, Options{Devices: 5}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: opened as %v, %v; want an error that says %q", config, e, err, want)
		}
	}
	if _, err := OpenWith("cpu", Options{Devices: -1}); err == nil {
		t.Error("-1 devices were accepted")
	}
}
