package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
)

// Default is the engine that is used when none is named.
const Default = "go"

// openers are the engines of this build.
func openers() map[string]opener {
	all := map[string]opener{
		"go": {openGo, "GoMLX's portable backend"},
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
