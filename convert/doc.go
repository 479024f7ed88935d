// Package convert turns weights in any readable form into a safetensors file and a configuration in YAML.
//
// The one idea: everything is checked before anything is written, one tensor is in memory at a time, and the configuration is written before
// the weights, so that weights that are there are complete and a conversion that was interrupted can go on.
package convert
