//go:build !xla

package engine

// optionalEngines is empty in the default build, which needs no library of a GPU's vendor.
var optionalEngines = map[string]opener{}

// missingHint says how to get an engine that this build lacks.
func missingHint(name string) string {
	if name == xlaName {
		return "; build with `make build-xla` for XLA"
	}
	return ""
}
