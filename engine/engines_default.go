//go:build !xla

package engine

// optionalEngines is empty in the default build, which needs no library of a GPU's vendor.
var optionalEngines = map[string]opener{}

// explain has nothing to add: only XLA's plugins need what may be missing.
func explain(err error) error { return err }

// missingHint says how to get an engine that this build lacks.
func missingHint(name string) string {
	if name == xlaName {
		return "; build with `make build-xla` for XLA"
	}
	return ""
}
