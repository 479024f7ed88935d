package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// pickler writes pickles of protocol 2 for the tests, opcode by opcode, so that they can also be wrong.
type pickler struct{ bytes.Buffer }

func (p *pickler) op(ops ...byte) *pickler { p.Write(ops); return p }

func (p *pickler) text(s string) *pickler {
	p.WriteByte(opBinUnicode)
	binary.Write(p, binary.LittleEndian, uint32(len(s)))
	p.WriteString(s)
	return p
}

func (p *pickler) number(n int64) *pickler {
	p.op(opLong1, 8)
	binary.Write(p, binary.LittleEndian, n)
	return p
}

func (p *pickler) global(module, name string) *pickler {
	p.op(opGlobal)
	p.WriteString(module + "\n" + name + "\n")
	return p
}

func (p *pickler) tuple(numbers []int64) *pickler {
	p.op(opMark)
	for _, n := range numbers {
		p.number(n)
	}
	return p.op(opTuple)
}

// view describes a tensor of a test file.
type view struct {
	name, class, key string
	elements, offset int64
	shape, strides   []int64
}

func (p *pickler) tensor(v view) *pickler {
	p.global("torch._utils", "_rebuild_tensor_v2").op(opMark)
	p.op(opMark).text("storage").global("torch", v.class).text(v.key).text("cpu").number(v.elements).op(opTuple, opBinPersID)
	p.number(v.offset).tuple(v.shape).tuple(v.strides).op(opNewFalse)
	return p.global("collections", "OrderedDict").op(opEmptyTuple, opReduce, opTuple, opReduce)
}

// stateDict writes the views as a dictionary.
func (p *pickler) stateDict(views ...view) *pickler {
	p.op(opEmptyDict, opMark)
	for _, v := range views {
		p.text(v.name).tensor(v)
	}
	return p.op(opSetItems)
}

// underAppModel wraps a state dict as the release does.
func underAppModel(views ...view) []byte {
	p := new(pickler)
	p.op(opProto, 2, opEmptyDict).text("app").op(opEmptyDict).text("model").stateDict(views...).op(opSetItem, opSetItem, opStop)
	return p.Bytes()
}

// archive makes a .pt file: the pickle and the storages, under the prefix "tiny".
func archive(t testing.TB, program []byte, storages map[string][]byte, change func(*zip.FileHeader)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name string, data []byte) {
		header := &zip.FileHeader{Name: "tiny/" + name, Method: zip.Store}
		if change != nil {
			change(header)
		}
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(data)
	}
	add("data.pkl", program)
	add("byteorder", []byte("little"))
	for key, data := range storages {
		add("data/"+key, data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// floats is little-endian float32.
func floats(values ...float32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

// ramp is 0, 1, 2, ... as little-endian float32.
func ramp(n int) []byte {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i)
	}
	return floats(values...)
}

// written puts bytes into a file.
func written(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// safetensorsFile joins a header and data.
func safetensorsFile(header string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), data...)
}

// openHostile opens a file that must be refused cheaply, and returns the error.
func openHostile(t *testing.T, name string, file []byte) error {
	t.Helper()
	path := written(t, name, file)
	const most = 64 << 20 // bytes, whatever a file claims to hold
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := Open(path)
	runtime.ReadMemStats(&after)
	if err == nil {
		c.Close()
		t.Fatal("was opened")
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > most {
		t.Errorf("allocated %d bytes for a file of %d", took, len(file))
	}
	return err
}
