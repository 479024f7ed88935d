package cpu

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gowalrus/walrus/cpu/kernel"
)

// Name under which the backend is registered with GoMLX.
const Name = "cpu"

func init() {
	compute.Register(Name, func(config string) (compute.Backend, error) {
		options, err := ParseOptions(config)
		if err != nil {
			return nil, err
		}
		return New(options), nil
	})
}

// Backend implements compute.Backend for one device, the CPU, or for several simulated ones (Options.Devices). It is safe
// for concurrent use.
type Backend struct {
	options             Options
	pool                *kernel.Pool
	kernels             *kernel.Set
	tiles               tileFuncs
	memory              memoryPool
	lateUse, largeValue int // see the constants of these names
	finalized           atomic.Bool
	closing             sync.Once
}

var _ compute.Backend = (*Backend)(nil)

// New returns a backend with its own pool of workers; Finalize releases it.
func New(options Options) *Backend {
	kernels := options.Kernels
	if kernels == nil {
		kernels = kernel.Best()
	}
	if options.Round {
		kernels = kernels.Rounding()
	}
	b := &Backend{options: options, pool: kernel.NewPool(options.Threads), kernels: kernels, lateUse: lateUse, largeValue: largeValue}
	b.tiles = newTileFuncs(b.kernels)
	return b
}

// Name returns "cpu".
func (b *Backend) Name() string { return Name }

// String returns "cpu".
func (b *Backend) String() string { return Name }

// Description names the instruction set in use and the number of workers.
func (b *Backend) Description() string {
	return fmt.Sprintf("CPU (%s kernels, %d threads)", b.kernels.Level(), b.pool.Workers())
}

// NumDevices returns the number of devices, 1 unless the options simulate several.
func (b *Backend) NumDevices() int { return max(1, b.options.Devices) }

// DeviceDescription describes a device. All are the same CPU.
func (b *Backend) DeviceDescription(compute.DeviceNum) string { return b.Description() }

// Builder returns an empty computation of the given name.
func (b *Backend) Builder(name string) compute.Builder { return newBuilder(b, name) }

// Finalize ends the workers and frees cached memory. Buffers handed out stay readable.
func (b *Backend) Finalize() {
	b.closing.Do(func() {
		b.finalized.Store(true)
		b.pool.Close()
		b.memory.drop()
	})
}

// WeightDType is the data type in which the options ask for the weights of a network: float32 or bfloat16.
func (b *Backend) WeightDType() dtypes.DType {
	if b.options.Precision == BFloat16 {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// IsFinalized tells whether Finalize was called.
func (b *Backend) IsFinalized() bool { return b.finalized.Load() }

// peakDuration is how long PeakRate measures.
const peakDuration = 100 * time.Millisecond

// PeakRate measures the peak rate of fused multiply-adds of all workers, in 1e9 floating-point operations a second.
func (b *Backend) PeakRate() float64 { return b.kernels.MeasurePeak(b.pool, peakDuration) / 1e9 }
