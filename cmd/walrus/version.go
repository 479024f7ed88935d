package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/gowalrus/walrus/cpu/kernel"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/internal/hdf5"
	"github.com/spf13/cobra"
)

// build is what a report of a fault or a measurement has to say of the program and the machine.
type build struct {
	Version   string   `json:"version"`   // of the module; "development" where the build does not know it
	Commit    string   `json:"commit"`    // empty where the build was not made in a checkout
	Committed string   `json:"committed"` // when, RFC 3339
	Modified  bool     `json:"modified"`  // files differed from the commit
	Go        string   `json:"go"`
	System    string   `json:"system"` // "linux/amd64"
	Engine    string   `json:"engine"` // that computes where none is named
	Engines   []string `json:"engines"`
	Threads   int      `json:"threads"`      // that the program would use
	Features  []string `json:"cpu_features"` // of those that the kernels ask for
	Kernels   string   `json:"kernels"`      // the level of the kernels that engine cpu uses
	HDF5      bool     `json:"hdf5"`         // whether data sets can be read and written
}

// release is the version of a released archive, which scripts/release.sh gives to the linker.
var release string

// thisBuild reads what the linker left in the program.
func thisBuild() build {
	b := build{
		Version: "development", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		Engine: engine.Default, Engines: engine.Names(), Threads: runtime.GOMAXPROCS(0), Features: append([]string{}, kernel.Features()...), Kernels: kernel.Detect().String(),
		HDF5: hdf5.Here,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	b.Version = cmp.Or(release, b.Version)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Committed = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// write prints the build for people.
func (b build) write(to io.Writer) error {
	commit := cmp.Or(b.Commit, "unknown (not built in a checkout of git)")
	if b.Committed != "" {
		commit += ", " + b.Committed
	}
	if b.Modified {
		commit += ", with changes"
	}
	_, err := fmt.Fprintf(to, `walrus    %s
commit    %s
built by  %s for %s
engine    %s (of %s)
cpu       %s; kernels: %s; threads: %d
hdf5      %s
`, b.Version, commit, b.Go, b.System, b.Engine, strings.Join(b.Engines, ", "), cmp.Or(strings.Join(b.Features, " "), "no extension that the kernels use"), b.Kernels, b.Threads,
		map[bool]string{true: "yes", false: "no: built without cgo"}[b.HDF5])
	return err
}

// versionCommand prints what was built, with what, and what of this machine it uses.
func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the engines of this build and what it uses of the processor",
		Long: `Prints what a report of a fault or a measurement has to say: version and commit of the program, the version of Go, the engine
that computes unless another of this build is named, the extensions of the instruction set that the kernels ask for and this processor has, and the
level of kernels that engine cpu chooses for it (on some processors it does not choose the highest, which would be slower), and whether this build reads
HDF5.`,
		Example: `  walrus version
  walrus version --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(thisBuild())
			}
			return thisBuild().write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
