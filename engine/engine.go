package engine

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomlx/compute"

	"github.com/gowalrus/walrus/internal/fault"
)

// Engine runs compiled graphs on one device, or on several of one kind at once.
type Engine struct {
	backend   compute.Backend
	config    string
	precision Precision
	devices   int                                                 // that values live on and programs for all devices run on
	watch     func(program string, took time.Duration, done bool) // Options.Compiling
	compiling atomic.Int64                                        // nanoseconds spent on compiling
	writer    *programWriter                                      // of an engine that writes programs instead of running them; else nil
}

// opener opens a backend from the part of the configuration after the name.
type opener struct {
	open func(options string) (compute.Backend, error)
	doc  string
}

// Open opens an engine by its configuration, "name" or "name:options". An unknown name gives an error that lists the
// engines of this build. "" is the default engine.
func Open(config string) (e *Engine, err error) {
	defer catch(&err, "engine: open "+config)
	if config == "" {
		config = Default
	}
	name, options, _ := strings.Cut(config, ":")
	o, ok := openers()[name]
	if !ok {
		return nil, fmt.Errorf("engine: unknown engine %q; this build has %s%s", name, strings.Join(Names(), ", "), missingHint(name))
	}
	backend, err := o.open(options)
	if err != nil {
		return nil, fmt.Errorf("engine: open %s: %w", config, err)
	}
	return &Engine{backend: backend, config: config, devices: 1}, nil
}

// Options are what an engine is opened with beside its configuration.
type Options struct {
	Precision Precision // of matrix products
	Devices   int       // devices that share the work, the first ones of the backend; 0 is 1
	// Compiling, if set, is told every few seconds of a program that is being compiled, and when it is done; of one that is
	// compiled at once it hears nothing.
	Compiling func(program string, took time.Duration, done bool)
}

// OpenWith opens an engine, as Open does, with a precision on a number of devices. It is an error if the hardware behind
// the engine lacks one or the other.
func OpenWith(config string, o Options) (*Engine, error) {
	if o.Devices < 0 {
		return nil, fmt.Errorf("engine: %d devices; expected at least 1", o.Devices)
	}
	e, err := OpenPrecision(config, o.Precision)
	if err != nil {
		return nil, err
	}
	if got := e.backend.NumDevices(); o.Devices > got {
		e.Close()
		return nil, fmt.Errorf("engine: %s has %d %s, %d asked for%s", e, got, plural(got, "device"), o.Devices, moreDevices(config))
	}
	e.devices, e.watch = max(1, o.Devices), o.Compiling
	return e, nil
}

// moreDevices says where several devices can be had.
func moreDevices(config string) string {
	if IsXLA(config) {
		return "; visible_devices=0;1 and $CUDA_VISIBLE_DEVICES choose among those of the machine"
	}
	return fmt.Sprintf("; several GPUs need --engine %s:%s, and one device of %s is all cores already", xlaName, DefaultPlugin, Default)
}

// plural is a noun for a number of things.
func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// Devices is the number of devices that values live on and that parallel programs run on.
func (e *Engine) Devices() int { return e.devices }

// Names lists the engines of this build.
func Names() []string {
	var names []string
	for name := range openers() {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Describe says in a line what each engine of this build is.
func Describe() string {
	var lines []string
	for _, name := range Names() {
		lines = append(lines, name+": "+openers()[name].doc)
	}
	return strings.Join(lines, "; ")
}

// String returns the configuration that the engine was opened with.
func (e *Engine) String() string { return e.config }

// CompileTime is the time spent on building and compiling programs so far.
func (e *Engine) CompileTime() time.Duration { return time.Duration(e.compiling.Load()) }

// Close releases the device. Values and programs of the engine must not be used afterwards.
func (e *Engine) Close() { e.backend.Finalize() }

// catch turns a panic of GoMLX, its way to report a mistake, into an error with one line of text.
func catch(err *error, doing string) {
	r := recover()
	if r == nil {
		return
	}
	cause, ok := r.(error)
	if _, mistake := r.(runtime.Error); mistake {
		cause = fault.Of(r)
	} else if !ok {
		cause = fmt.Errorf("%v", r)
	}
	*err = fmt.Errorf("%s: %w", doing, cause)
}

// rater is what a backend implements that can measure its own peak rate.
type rater interface{ PeakRate() float64 }

// PeakRate measures the device's peak rate in 1e9 floating-point operations a second; 0 where the engine can not.
func (e *Engine) PeakRate() float64 {
	if r, ok := e.backend.(rater); ok {
		return r.PeakRate()
	}
	return 0
}
