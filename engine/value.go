package engine

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gowalrus/walrus/field"
)

// Value is an array on the engine's devices: on each of them one of the same shape, with the same numbers (Fill, Upload)
// or its own (UploadParts, results of parallel programs). The result of a program for one device is on the first alone.
type Value struct {
	tensors []*tensors.Tensor // by device
	engine  *Engine
}

// Shape returns the extents of the value on one device.
func (v *Value) Shape() []int { return v.tensors[0].Shape().Dimensions }

// Upload copies an array to every device. Unlike Fill it clears nothing before.
func (e *Engine) Upload(a field.Array) (v *Value, err error) {
	defer catch(&err, fmt.Sprintf("engine: value of shape %v", a.Shape))
	if len(a.Data) != field.Volume(a.Shape) {
		return nil, fmt.Errorf("engine: %d values for shape %v", len(a.Data), a.Shape)
	}
	return e.replicate(a)
}

// UploadParts copies one array to each device. They must have the same shape.
func (e *Engine) UploadParts(parts []field.Array) (v *Value, err error) {
	if len(parts) != e.devices {
		return nil, fmt.Errorf("engine: %d parts of a value for %d %s", len(parts), e.devices, plural(e.devices, "device"))
	}
	if len(parts) == 1 {
		return e.Upload(parts[0])
	}
	shape := parts[0].Shape
	defer catch(&err, fmt.Sprintf("engine: parts of shape %v", shape))
	v = &Value{engine: e}
	for device, a := range parts {
		if !slices.Equal(a.Shape, shape) || len(a.Data) != field.Volume(shape) {
			v.Free()
			return nil, fmt.Errorf("engine: part %d has shape %v and %d values; expected shape %v as the first", device, a.Shape, len(a.Data), shape)
		}
		if err := v.add(a.Data, shape); err != nil {
			v.Free()
			return nil, err
		}
	}
	return v, nil
}

// add copies data to the next device.
func (v *Value) add(data []float32, shape []int) error {
	e, device := v.engine, compute.DeviceNum(len(v.tensors))
	buffer, err := e.backend.BufferFromFlatData(device, data, shapes.Make(dtypes.Float32, shape...))
	if err != nil {
		return err
	}
	t, err := tensors.FromBuffer(buffer)
	if err != nil {
		return err
	}
	v.tensors = append(v.tensors, t)
	return nil
}

// Fill makes a value and lets write put the data into it, once for all devices. Where the only device is the host's
// memory nothing is copied.
func (e *Engine) Fill(shape []int, write func([]float32) error) (v *Value, err error) {
	defer catch(&err, fmt.Sprintf("engine: value of shape %v", shape))
	if e.devices > 1 {
		a := field.NewArray(shape...)
		if err := write(a.Data); err != nil {
			return nil, err
		}
		return e.replicate(a)
	}
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
	v = &Value{tensors: []*tensors.Tensor{t}, engine: e}
	if t.IsLocal() { // not shared with the device: move it there and let the host's copy go
		if err := t.MaterializeOnDevice(e.backend, false, 0); err != nil {
			return nil, err
		}
		t.FinalizeLocal()
	}
	return v, nil
}

// FillHalf is Fill with the numbers rounded to bfloat16, half the memory, on the first device alone. Only programs read such
// a value (Input.Half).
func (e *Engine) FillHalf(shape []int, write func([]float32) error) (v *Value, err error) {
	defer catch(&err, fmt.Sprintf("engine: value of shape %v", shape))
	a := field.NewArray(shape...)
	if err := write(a.Data); err != nil {
		return nil, err
	}
	rounded := make([]bfloat16.BFloat16, len(a.Data))
	for i, x := range a.Data {
		rounded[i] = bfloat16.FromFloat32(x)
	}
	buffer, err := e.backend.BufferFromFlatData(0, rounded, shapes.Make(dtypes.BFloat16, shape...))
	if err != nil {
		return nil, err
	}
	t, err := tensors.FromBuffer(buffer)
	if err != nil {
		return nil, err
	}
	return &Value{tensors: []*tensors.Tensor{t}, engine: e}, nil
}

// replicate copies an array to every device.
func (e *Engine) replicate(a field.Array) (*Value, error) {
	v := &Value{engine: e}
	for range e.devices {
		if err := v.add(a.Data, a.Shape); err != nil {
			v.Free()
			return nil, err
		}
	}
	return v, nil
}

// Read gives read the first device's data without keeping a copy. The slice is valid only during the call.
func (v *Value) Read(read func([]float32) error) error { return v.readOn(0, read) }

// ReadEach gives read the data of one device after the other.
func (v *Value) ReadEach(read func(device int, flat []float32) error) error {
	for device := range v.tensors {
		if err := v.readOn(device, func(flat []float32) error { return read(device, flat) }); err != nil {
			return err
		}
	}
	return nil
}

func (v *Value) readOn(device int, read func([]float32) error) (err error) {
	defer catch(&err, "engine: read")
	var failed error
	if err := tensors.ConstFlatData(v.tensors[device], func(flat []float32) { failed = read(flat) }); err != nil {
		return err
	}
	return failed
}

// Array copies the first device's data to the host.
func (v *Value) Array() (field.Array, error) {
	a := field.NewArray(v.Shape()...)
	err := v.Read(func(flat []float32) error { copy(a.Data, flat); return nil })
	return a, err
}

// Free releases the value's memory now rather than at the next garbage collection.
func (v *Value) Free() {
	if v == nil {
		return
	}
	for _, t := range v.tensors {
		if t.Ok() {
			_ = t.FinalizeAll()
		}
	}
}
