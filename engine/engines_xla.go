//go:build xla

package engine

import (
	"fmt"
	"os"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
)

// optionalEngines are those that need a library of a GPU's vendor at run time.
var optionalEngines = map[string]opener{
	xlaName: {openXLA, "NVIDIA GPUs through XLA (xla:cuda or xla:/path/to/plugin.so, then options: tf32, preallocate, memory_fraction=F, visible_devices=0;1, cache=DIR)"},
}

// missingHint has nothing to say: this build has every engine.
func missingHint(string) string { return "" }

// openXLA loads a plugin and opens its devices. Nothing is ever downloaded.
func openXLA(options string) (compute.Backend, error) {
	o, err := parseXLA(options)
	if err != nil {
		return nil, err
	}
	file, err := systemSearch().find(o.plugin)
	if err != nil {
		return nil, err
	}
	if err := prepareEnvironment(o, file); err != nil {
		return nil, err
	}
	xla.EnableAutoInstall(false)
	return xla.New(o.backendConfig(file))
}

// prepareEnvironment sets what the plugin's C++ code reads from the environment when it is loaded.
func prepareEnvironment(o xlaOptions, plugin string) error {
	const flagsVariable, checksVariable = "XLA_FLAGS", "GOPJRT_CUDA_CHECKS"
	existing := os.Getenv(flagsVariable)
	if flags := o.xlaFlags(existing, plugin); flags != existing {
		if err := os.Setenv(flagsVariable, flags); err != nil {
			return fmt.Errorf("$%s: %w", flagsVariable, err)
		}
	}
	// The check looks for NVIDIA's libraries where a plugin from a Python package does not have them, and warns.
	if cudaData(plugin) != "" && os.Getenv(checksVariable) == "" {
		return os.Setenv(checksVariable, "no")
	}
	return nil
}

// systemSearch looks in the documented places of this machine.
func systemSearch() pluginSearch {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return pluginSearch{environment: os.Getenv, home: home, folders: []string{"/usr/local/lib/go-xla"}}
}
