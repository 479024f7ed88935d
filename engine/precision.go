package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
)

// Precision is the type of the operands of matrix products. What lies between the products is float32 in any case, and so are
// the weights and the optimizer's state in training; a network that only predicts may keep its large weights in this type
// (FillHalf). It is a flag of the command line too.
type Precision uint8

const (
	Float32  Precision = iota // the reference
	TF32                      // products of float32 values rounded to 10 bits; NVIDIA GPUs only
	BFloat16                  // operands rounded to 8 bits, sums in float32; the cpu engine rounds where that is faster
)

var precisionNames = []string{Float32: "float32", TF32: "tf32", BFloat16: "bf16"}

// PrecisionNames lists what ParsePrecision reads.
func PrecisionNames() string { return strings.Join(precisionNames, ", ") }

// ParsePrecision reads the name of a precision; "" is float32.
func ParsePrecision(text string) (Precision, error) {
	if text == "" {
		return Float32, nil
	}
	for p, name := range precisionNames {
		if name == text {
			return Precision(p), nil
		}
	}
	return Float32, fmt.Errorf("engine: precision %q; expected one of %s", text, PrecisionNames())
}

// String is the precision's name.
func (p Precision) String() string { return precisionNames[p] }

// Set makes a precision a flag.
func (p *Precision) Set(text string) error {
	parsed, err := ParsePrecision(text)
	if err == nil {
		*p = parsed
	}
	return err
}

// Type names the flag's values in help texts.
func (p *Precision) Type() string { return "precision" }

// OpenPrecision opens an engine, as Open does, whose matrix products have the given precision. tf32 is an error where
// the hardware behind the engine has none.
func OpenPrecision(config string, p Precision) (*Engine, error) {
	if p == TF32 {
		name, options, _ := strings.Cut(config, ":")
		if name != xlaName {
			if name == "" {
				name = Default
			}
			return nil, fmt.Errorf("engine: %s has no tf32; use float32 or bf16, or --engine %s:%s", name, xlaName, DefaultPlugin)
		}
		config = xlaName + ":" + options + ",tf32=true"
	}
	e, err := Open(config)
	if err == nil {
		e.precision = p
	}
	return e, err
}

// Precision is what the engine was opened with.
func (e *Engine) Precision() Precision { return e.precision }

// Operands is the type that a graph for this engine gives the operands of its matrix products.
func (e *Engine) Operands() dtypes.DType { return e.precision.Operands() }

// Operands is the type of the operands in a graph; rounding to tf32 is left to the hardware.
func (p Precision) Operands() dtypes.DType {
	if p == BFloat16 {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// Lean reports whether a graph for this engine should keep less for the backward pass (model.Net.Lean): in bf16 where XLA
// fuses what is computed again with what needs it. This program's own engine would spend more time than it saves memory,
// and float32 is the reference, to the last bit.
func (e *Engine) Lean() bool { return e.precision.Lean(e.config) }

// Lean is Engine.Lean for the engine of a configuration.
func (p Precision) Lean(config string) bool { return p == BFloat16 && IsXLA(config) }

// HasXLA reports whether this build has the engine that needs a plugin and its device.
func HasXLA() bool { return slices.Contains(Names(), xlaName) }

// IsXLA reports whether a configuration names the engine that needs a plugin and its device.
func IsXLA(config string) bool {
	name, _, _ := strings.Cut(config, ":")
	return name == xlaName
}

// FusedAttention reports whether an engine of a configuration keeps no matrix of tokens x tokens in attention: this
// program's own never does, and on GPUs the fused kernel takes 16-bit operands only.
func FusedAttention(config string, p Precision) bool {
	if IsXLA(config) {
		return p == BFloat16
	}
	name, _, _ := strings.Cut(config, ":")
	return name == "" || name == Default
}
