//go:build emulate && linux && amd64 && cgo

package kernel

// emulated tells whether instructions that the processor lacks are carried out by package emulate.
const emulated = true
