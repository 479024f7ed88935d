//go:build xla

package engine

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gowalrus/walrus/engine/hook"
)

// OpenWriter opens an engine that runs nothing: what is compiled for it is written to DIR/NAME.mlir, as StableHLO, the way
// the plugin of CUDA would get it, fused attention included. It needs neither plugin nor GPU. Its programs can not run.
func OpenWriter(dir string, o Options) (e *Engine, err error) {
	defer catch(&err, "engine: open a writer of programs")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	w := &programWriter{dir: dir}
	path, err := hook.LoadWriter(max(1, o.Devices), w.take)
	if err != nil {
		return nil, err
	}
	options, err := parseXLA(path)
	if err != nil {
		return nil, err
	}
	if o.Precision == TF32 {
		options.rest = []string{"tf32=true"}
	}
	xla.EnableAutoInstall(false)
	backend, err := xla.New(options.backendConfig(path, false))
	if err != nil {
		return nil, err
	}
	return &Engine{backend: backend, config: "xla:cuda", precision: o.Precision, devices: max(1, o.Devices), writer: w}, nil
}

// programWriter keeps the text of the program that is being compiled.
type programWriter struct {
	dir  string
	lock sync.Mutex
	text []byte
}

func (w *programWriter) take(text []byte) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.text = text
}

// write puts the program into its file if err says that it was written, and returns any other error.
func (w *programWriter) write(name string, err error) error {
	if !hook.IsWritten(err) {
		return err
	}
	w.lock.Lock()
	defer w.lock.Unlock()
	return os.WriteFile(filepath.Join(w.dir, strings.ReplaceAll(name, " ", "-")+".mlir"), w.text, 0o666)
}
