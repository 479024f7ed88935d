package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gowalrus/walrus/cpu"
)

// Default is the engine that is used when none is named.
const Default = "cpu"

// xlaName is the engine that only some builds have.
const xlaName = "xla"

// openers are the engines of this build.
func openers() map[string]opener {
	all := map[string]opener{
		"cpu": {openCPU, "this program's own kernels (options: threads=N, and devices=N, which simulates several)"},
		"go":  {openGo, "GoMLX's portable backend, slow, for comparison"},
	}
	for name, o := range optionalEngines {
		all[name] = o
	}
	return all
}

// openGo opens GoMLX's own backend. Its operations run one after another: run in parallel, they can deadlock on the
// graphs of gradients.
func openGo(options string) (compute.Backend, error) {
	if options == "" {
		options = "ops_sequential"
	}
	return gobackend.New(options)
}

// openCPU opens this program's own backend.
func openCPU(options string) (compute.Backend, error) {
	parsed, err := cpu.ParseOptions(options)
	if err != nil {
		return nil, err
	}
	return cpu.New(parsed), nil
}
