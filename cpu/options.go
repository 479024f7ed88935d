package cpu

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// Precision is how the weights of a network are to be kept. The backend never rounds what a graph does not round: it is
// the caller who makes weights bfloat16 parameters, converted to float32 in the graph, when Backend.WeightDType says so.
type Precision uint8

// The precisions.
const (
	Float32  Precision = iota
	BFloat16           // half the memory; products of such weights accumulate in float32 and never widen them in memory
)

// Options configure a Backend.
type Options struct {
	// Threads is the number of workers, the calling goroutine counted as one. 0, the default, means
	// runtime.GOMAXPROCS(0). Results do not depend on it.
	Threads int
	// Devices is the number of simulated devices, default 1. They share the workers and the memory of the machine: nothing
	// gets faster by them, but programs for several devices can run, and be tested, where there is only a CPU.
	Devices int
	// Kernels are the instructions to use; the default, nil, is the best set of this machine.
	Kernels *kernel.Set
	// Precision of the weights in matrix products; the default is Float32.
	Precision Precision
	// Round lets products of bfloat16 round their operands also where that is slower, as other machines do.
	Round bool
	// Profile prints, after every execution, the time by kind and shape of the steps to standard error. The
	// environment variable WALRUS_CPU_PROFILE=1 sets it as well.
	Profile bool
}

// ParseOptions reads a configuration string such as "threads=2,level=avx2,precision=bf16,profile": comma-separated
// settings, all optional. level is the instruction set: plain, on amd64 avx2, avx512, avx512bf16 or amx, on
// arm64 neon.
func ParseOptions(config string) (Options, error) {
	o := Options{Threads: runtime.GOMAXPROCS(0), Profile: os.Getenv("WALRUS_CPU_PROFILE") == "1"}
	for _, setting := range strings.Split(config, ",") {
		key, value, hasValue := strings.Cut(strings.TrimSpace(setting), "=")
		switch key {
		case "":
			if hasValue {
				return o, fmt.Errorf("cpu: setting %q has no name", setting)
			}
		case "threads":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > 4096 {
				return o, fmt.Errorf("cpu: threads=%s; expected a whole number from 0 (all) to 4096", value)
			}
			if n > 0 {
				o.Threads = n
			}
		case "devices":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > maxDevices {
				return o, fmt.Errorf("cpu: devices=%s; expected a whole number from 1 to %d", value, maxDevices)
			}
			o.Devices = n
		case "precision":
			switch value {
			case "float32":
				o.Precision = Float32
			case "bf16":
				o.Precision = BFloat16
			default:
				return o, fmt.Errorf("cpu: precision=%s; expected float32 or bf16", value)
			}
		case "level":
			level, err := kernel.ParseLevel(value)
			if err == nil {
				o.Kernels, err = kernel.For(level)
			}
			if err != nil {
				return o, fmt.Errorf("cpu: level=%s: %w", value, err)
			}
		case "round":
			o.Round = true
		case "profile":
			o.Profile = true
		default:
			return o, fmt.Errorf("cpu: unknown setting %q; expected threads=N, devices=N, level=NAME, precision=float32|bf16, round or profile", key)
		}
	}
	return o, nil
}
