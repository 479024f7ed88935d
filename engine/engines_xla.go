//go:build xla

package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gowalrus/walrus/engine/hook"
)

// optionalEngines are those that need a library of a GPU's vendor at run time.
var optionalEngines = map[string]opener{
	xlaName: {openXLA, "NVIDIA GPUs through XLA (xla:cuda or xla:/path/to/plugin.so, then options: tf32, preallocate, memory_fraction=F, allocator=NAME, visible_devices=0;1, cache=DIR, nocache)"},
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
	search := cudaSearch{libraryPath: os.Getenv("LD_LIBRARY_PATH"), folders: systemLibraries}
	missingOfCUDA.Store(search.missing(file))
	programs := hook.Programs{Made: hook.Identity(search.made(file)...), AtMost: keptPrograms}
	if o.cache != "" {
		programs.Folder = filepath.Join(o.cache, "programs")
	}
	if err := hook.Load(file, programs); err != nil {
		return nil, explain(err)
	}
	pools := o.usesPools(file, func() bool { return hook.HasPools(hook.CUDADriver) })
	backend, err := xla.New(o.backendConfig(file, pools))
	if err != nil {
		return nil, explain(err)
	}
	if pools {
		hook.KeepPools(hook.CUDADriver) // else a step takes a little longer
	}
	return backend, nil
}

// keptPrograms is the most bytes that compiled programs take in the cache.
const keptPrograms = 2 << 30

// missingOfCUDA is the text of what the plugin of this process, of which there is one, will not find. Some of it is needed only
// when a program is compiled, so that it is no error before something fails.
var missingOfCUDA atomic.Value

// systemLibraries are where a Linux keeps the driver and a CUDA that was installed for everybody.
var systemLibraries = []string{"/usr/local/cuda*/lib64", "/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib", "/opt/cuda/lib64"}

// explain adds to a failure of opening or compiling what is known to be missing.
func explain(err error) error {
	missing, _ := missingOfCUDA.Load().(string)
	if missing == "" {
		return err
	}
	return fmt.Errorf("%s (%w)", missing, err)
}

// prepareEnvironment sets what the plugin's C++ code reads from the environment when it is loaded, and makes the folders that
// it writes to.
func prepareEnvironment(o xlaOptions, plugin string) error {
	const variable = "XLA_FLAGS"
	if !isCUDA(plugin) {
		return nil
	}
	known, err := flagsIn(plugin)
	if err != nil {
		return err
	}
	if o.cache != "" {
		if err := os.MkdirAll(filepath.Join(o.cache, "autotune"), 0o777); err != nil {
			return fmt.Errorf("the cache of XLA: %w; choose another folder with the option cache=DIR, or nocache", err)
		}
	}
	return os.Setenv(variable, o.xlaFlags(os.Getenv(variable), plugin, known))
}

// systemSearch looks in the documented places of this machine.
func systemSearch() pluginSearch {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	return pluginSearch{environment: os.Getenv, home: home, folders: []string{"/usr/local/lib/go-xla"}}
}
