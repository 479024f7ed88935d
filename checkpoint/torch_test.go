package checkpoint

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestTorchViewsReadAsPyTorchWould(t *testing.T) {
	storages := map[string][]byte{
		"0": ramp(24),
		"h": {0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0xff, 0x7b, 0x00, 0x7c}, // 1, -2, 2^-24, 65504, infinity
		"b": {0x80, 0x3f, 0x49, 0xc0, 0x00, 0x80},                         // 1, -3.140625, -0
		"d": {0, 0, 0, 0, 0, 0, 0xf8, 0x3f},                               // 1.5
		"l": {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0, 0, 0, 0, 0},
		"t": {1, 0, 1},
		"e": {},
	}
	tiny := float32(1.0 / (1 << 24))
	for _, c := range []struct {
		view view
		want []float32
	}{
		{view{"row-major", "FloatStorage", "0", 24, 0, []int64{2, 3}, []int64{3, 1}}, []float32{0, 1, 2, 3, 4, 5}},
		{view{"offset", "FloatStorage", "0", 24, 20, []int64{4}, []int64{1}}, []float32{20, 21, 22, 23}},
		{view{"transposed", "FloatStorage", "0", 24, 0, []int64{3, 2}, []int64{1, 3}}, []float32{0, 3, 1, 4, 2, 5}},
		{view{"permuted 3-D", "FloatStorage", "0", 24, 0, []int64{2, 2, 3}, []int64{1, 12, 4}}, []float32{0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21}},
		{view{"every other", "FloatStorage", "0", 24, 1, []int64{3}, []int64{2}}, []float32{1, 3, 5}},
		{view{"channels last 1x1", "FloatStorage", "0", 24, 0, []int64{4, 1, 1}, []int64{1, 4, 4}}, []float32{0, 1, 2, 3}},
		{view{"repeated", "FloatStorage", "0", 24, 5, []int64{2, 2}, []int64{1, 0}}, []float32{5, 5, 6, 6}},
		{view{"scalar", "FloatStorage", "0", 24, 7, nil, nil}, []float32{7}},
		{view{"half", "HalfStorage", "h", 5, 0, []int64{4}, []int64{1}}, []float32{1, -2, tiny, 65504}},
		{view{"strided half", "HalfStorage", "h", 5, 0, []int64{2}, []int64{2}}, []float32{1, tiny}},
		{view{"bfloat", "BFloat16Storage", "b", 3, 0, []int64{3}, []int64{1}}, []float32{1, -3.140625, 0}},
		{view{"double", "DoubleStorage", "d", 1, 0, []int64{1}, []int64{1}}, []float32{1.5}},
		{view{"long", "LongStorage", "l", 2, 0, []int64{2}, []int64{1}}, []float32{-2, 7}},
		{view{"bool", "BoolStorage", "t", 3, 0, []int64{3}, []int64{1}}, []float32{1, 0, 1}},
		{view{"empty", "FloatStorage", "e", 0, 0, []int64{0, 4}, []int64{4, 1}}, []float32{}},
	} {
		t.Run(c.view.name, func(t *testing.T) {
			file := archive(t, underAppModel(c.view), storages, nil)
			tensor, ok := open(t, written(t, "a.pt", file)).Tensor(c.view.name)
			if !ok {
				t.Fatal("not found")
			}
			if got := values(t, tensor); !slices.Equal(got, c.want) {
				t.Errorf("read %v, want %v", got, c.want)
			}
		})
	}
}

func TestLongStridedViewCrossesManyChunks(t *testing.T) {
	const rows, columns = 700, 300 // 840 kB: more than three chunks
	file := archive(t, underAppModel(view{"x", "FloatStorage", "0", rows * columns, 0, []int64{columns, rows}, []int64{1, columns}}),
		map[string][]byte{"0": ramp(rows * columns)}, nil)
	tensor, _ := open(t, written(t, "a.pt", file)).Tensor("x")
	for i, got := range values(t, tensor) {
		if want := float32(i%rows*columns + i/rows); got != want {
			t.Fatalf("element %d is %g, want %g", i, got, want)
		}
	}
}

func TestStateDictIsFoundWhereTrainersPutIt(t *testing.T) {
	one := view{"w", "FloatStorage", "0", 1, 0, []int64{1}, []int64{1}}
	parameter := func(p *pickler) *pickler {
		return p.global("torch._utils", "_rebuild_parameter").op(opMark).tensor(one).op(opNewTrue).
			global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opTuple, opReduce)
	}
	for name, build := range map[string]func(p *pickler){
		"app and model": func(p *pickler) {
			p.op(opEmptyDict).text("app").op(opEmptyDict).text("model").stateDict(one).op(opSetItem, opSetItem)
		},
		"model": func(p *pickler) {
			p.op(opEmptyDict).text("epoch").number(3).op(opSetItem).text("model").stateDict(one).op(opSetItem)
		},
		"state_dict":  func(p *pickler) { p.op(opEmptyDict).text("state_dict").stateDict(one).op(opSetItem) },
		"bare":        func(p *pickler) { p.stateDict(one) },
		"a parameter": func(p *pickler) { parameter(p.op(opEmptyDict).text("w")).op(opSetItem) },
		"with attributes": func(p *pickler) { // OrderedDict with _metadata
			p.global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opMark).text("w").tensor(one).op(opSetItems)
			p.op(opEmptyDict).text("_metadata").op(opEmptyDict, opSetItem, opBuild)
		},
		"beside an optimizer": func(p *pickler) {
			p.op(opEmptyDict, opMark).text("model").stateDict(one)
			p.text("optimizer").op(opEmptyDict).number(0).op(opEmptyList, opMark).number(1).op(opNone, opAppends, opSetItem, opSetItems)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := new(pickler)
			build(p.op(opProto, 2))
			file := archive(t, p.op(opStop).Bytes(), map[string][]byte{"0": floats(42)}, nil)
			c := open(t, written(t, "a.pt", file))
			tensor, ok := c.Tensor("w")
			if !ok || len(c.Tensors()) != 1 {
				t.Fatalf("%d tensors, w found: %v", len(c.Tensors()), ok)
			}
			if got := values(t, tensor); got[0] != 42 {
				t.Errorf("read %g, want 42", got[0])
			}
		})
	}
}

func TestHostileTorchFilesAreErrors(t *testing.T) {
	good := view{"w", "FloatStorage", "0", 4, 0, []int64{4}, []int64{1}}
	storages := map[string][]byte{"0": ramp(4)}
	pickled := func(build func(p *pickler)) []byte {
		p := new(pickler)
		build(p)
		return archive(t, p.Bytes(), storages, nil)
	}
	viewed := func(change func(v *view)) []byte {
		v := view{"w", "FloatStorage", "0", 4, 0, []int64{4}, []int64{1}}
		change(&v)
		return archive(t, underAppModel(v), storages, nil)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a call of the system": {pickled(func(p *pickler) {
			p.global("os", "system").op(opMark).text("true").op(opTuple, opReduce, opStop)
		}), `global "os.system" is not allowed`},
		"a tensor subclass":                  {pickled(func(p *pickler) { p.global("torch._tensor", "_rebuild_from_type_v2").op(opStop) }), "not allowed"},
		"a long hostile name":                {pickled(func(p *pickler) { p.global(strings.Repeat("\x1b", 9999), "x").op(opStop) }), "not allowed"},
		"an unknown opcode":                  {pickled(func(p *pickler) { p.op(opProto, 2, 'i') }), "opcode 0x69"},
		"a newer protocol":                   {pickled(func(p *pickler) { p.op(opProto, 9) }), "protocol 9"},
		"an empty pickle":                    {pickled(func(p *pickler) {}), "ends too early"},
		"a huge string":                      {pickled(func(p *pickler) { p.op(opBinUnicode, 0xff, 0xff, 0xff, 0xff) }), "ends too early"},
		"an unknown memo":                    {pickled(func(p *pickler) { p.op(opBinGet, 3) }), "memo 3"},
		"no mark":                            {pickled(func(p *pickler) { p.op(opNone, opTuple) }), "no mark"},
		"a deep stack":                       {pickled(func(p *pickler) { p.Write(bytes.Repeat([]byte{opEmptyDict}, maxPickleStack+1)) }), "values on the stack"},
		"a long pickle":                      {pickled(func(p *pickler) { p.Write(make([]byte, maxPickleBytes+1)) }), "more than 8388608 bytes"},
		"an empty stack":                     {pickled(func(p *pickler) { p.op(opStop) }), "stack is empty"},
		"an unhashable key":                  {pickled(func(p *pickler) { p.op(opEmptyDict, opEmptyList, opNone, opSetItem) }), "dictionary key"},
		"a dict in itself":                   {pickled(func(p *pickler) { p.op(opEmptyDict, opBinPut, 0).text("app").op(opBinGet, 0, opSetItem, opStop) }), "no state dict"},
		"no tensors":                         {pickled(func(p *pickler) { p.op(opEmptyDict, opStop) }), "no state dict"},
		"a storage as callee":                {pickled(func(p *pickler) { p.global("torch", "FloatStorage").op(opEmptyTuple, opReduce) }), "can not be called"},
		"a long integer":                     {pickled(func(p *pickler) { p.op(opLong1, 200) }), "200 bytes"},
		"a negative extent":                  {viewed(func(v *view) { v.shape[0] = -1 }), "not negative"},
		"a view past the end":                {viewed(func(v *view) { v.offset = 1 }), "leaves a storage of 4"},
		"a far offset":                       {viewed(func(v *view) { v.offset = 1 << 62 }), "storage of 4"},
		"overflowing strides":                {viewed(func(v *view) { v.shape, v.strides = []int64{2, 2}, []int64{1 << 62, 1 << 62} }), "leaves a storage"},
		"a huge repetition":                  {viewed(func(v *view) { v.shape, v.strides = []int64{1 << 40}, []int64{0} }), "of a storage of 4"},
		"an overflowing volume":              {viewed(func(v *view) { v.shape, v.strides = []int64{1 << 40, 1 << 40}, []int64{0, 0} }), "larger than any file"},
		"more strides":                       {viewed(func(v *view) { v.strides = []int64{1, 1} }), "strides [1 1]"},
		"many axes":                          {viewed(func(v *view) { v.shape = make([]int64, 17) }), "at most 16"},
		"a missing storage":                  {viewed(func(v *view) { v.key = "9" }), `no entry "tiny/data/9"`},
		"a storage outside":                  {viewed(func(v *view) { v.key = "../../etc/passwd" }), "no entry"},
		"a larger storage":                   {viewed(func(v *view) { v.elements = 5 }), "16 bytes; expected 20"},
		"a huge storage":                     {viewed(func(v *view) { v.elements = 1 << 61 }), "larger than the file"},
		"another class":                      {viewed(func(v *view) { v.class = "DoubleStorage" }), "16 bytes; expected 32"},
		"an unknown class":                   {viewed(func(v *view) { v.class = "ComplexFloatStorage" }), "not allowed"},
		"a second view of a storage, larger": {archive(t, underAppModel(good, view{"v", "FloatStorage", "0", 1 << 20, 0, []int64{1 << 20}, []int64{1}}), storages, nil), "larger than the file"},
		"compressed storages":                {archive(t, underAppModel(good), storages, func(h *zip.FileHeader) { h.Method = zip.Deflate }), "compressed"},
		"no pickle":                          {archive(t, nil, storages, func(h *zip.FileHeader) { h.Name += "x" }), "0 entries data.pkl"},
		"equal names":                        {archive(t, nil, storages, func(h *zip.FileHeader) { h.Name = "same" }), "two entries"},
		"not a zip":                          {[]byte("PK\x03\x04 and then nothing"), "truncated or damaged"},
		"a bare pickle":                      {[]byte("\x80\x02}q\x00.........."), "bare pickle"},
		"something else":                     {[]byte("\x89HDF\r\n\x1a\n......."), "neither safetensors nor"},
		"nothing":                            {nil, "neither safetensors nor"},
	} {
		t.Run(name, func(t *testing.T) {
			err := openHostile(t, "a.pt", c.file)
			if !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 600 {
				t.Errorf("error %q; want one short line with %q", err, c.want)
			}
		})
	}
}

func TestBigEndianTorchFileIsAnError(t *testing.T) {
	file := archive(t, underAppModel(view{"w", "FloatStorage", "0", 1, 0, nil, nil}), map[string][]byte{"0": ramp(1)}, nil)
	_, err := Open(written(t, "a.pt", bytes.Replace(file, []byte("little"), []byte("bigend"), 1)))
	if err == nil || !strings.Contains(err.Error(), "byte order") {
		t.Errorf("error %v; want one that names the byte order", err)
	}
}

func TestEveryTruncationOfATorchFileIsAnError(t *testing.T) {
	file := archive(t, underAppModel(view{"w", "FloatStorage", "0", 4, 0, []int64{4}, []int64{1}}), map[string][]byte{"0": ramp(4)}, nil)
	for n := range file {
		if _, err := openTorch(bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Errorf("the first %d of %d bytes were opened", n, len(file))
		}
	}
}

func TestNumbersThatFloat32CannotHoldAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		class string
		data  []byte
		want  string
	}{
		"1e300":  {"DoubleStorage", []byte{0x9c, 0x75, 0x00, 0x88, 0x3c, 0xe4, 0x37, 0x7e}, "beyond the range"},
		"2^24+1": {"LongStorage", []byte{1, 0, 0, 1, 0, 0, 0, 0}, "integer 16777217"},
	} {
		t.Run(name, func(t *testing.T) {
			file := archive(t, underAppModel(view{"w", c.class, "0", 1, 0, nil, nil}), map[string][]byte{"0": c.data}, nil)
			tensor, _ := open(t, written(t, "a.pt", file)).Tensor("w")
			if _, err := tensor.Array(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want one with %q", err, c.want)
			}
		})
	}
}
