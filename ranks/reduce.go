package ranks

import (
	"fmt"
	"unsafe"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// Transport is the type of numbers on their way. Sums are float32 with each.
type Transport string

const (
	// Float32 sends numbers as they are.
	Float32 Transport = "float32"
	// BFloat16 rounds them, to nearest and ties to even, before they are sent: half the bytes.
	BFloat16 Transport = "bf16"
)

// ParseTransport reads the name of a transport; empty is Float32.
func ParseTransport(name string) (Transport, error) {
	switch t := Transport(name); t {
	case "", Float32:
		return Float32, nil
	case BFloat16:
		return t, nil
	}
	return "", fmt.Errorf("reduce is %q; expected %s or %s", name, Float32, BFloat16)
}

// Width is the number of bytes of a number on its way.
func (t Transport) Width() int {
	if t == BFloat16 {
		return 2
	}
	return 4
}

// Parts divides n numbers among a number of ranks: how many each has, the same but for one.
func Parts(n, ranks int) []int {
	counts := make([]int, ranks)
	for i := range counts {
		counts[i] = n*(i+1)/ranks - n*i/ranks
	}
	return counts
}

// segments cuts data into consecutive parts.
func segments(data []float32, counts []int) [][]float32 {
	list := make([][]float32, len(counts))
	for i, n := range counts {
		list[i], data = data[:n:n], data[n:]
	}
	return list
}

// check compares the parts of a collective with its data.
func (g *Group) check(data []float32, counts []int) error {
	total := 0
	for _, n := range counts {
		total += n
	}
	if len(counts) != g.Size() || total != len(data) {
		return fmt.Errorf("ranks: %d parts of %d numbers together for %d ranks and %d numbers", len(counts), total, g.Size(), len(data))
	}
	return nil
}

// AllReduce adds up data over the members, each number in the order of their ranks, and leaves the sums on all of them. With
// BFloat16 every summand is rounded, and the sum too, so that all members have the same.
func (g *Group) AllReduce(data []float32, t Transport) error {
	if g.Size() == 1 {
		return nil
	}
	counts := Parts(len(data), g.Size())
	if err := g.ReduceScatter(data, counts, t); err != nil {
		return err
	}
	return g.AllGather(data, counts, t)
}

// ReduceScatter adds up data over the members, each number in the order of their ranks, and leaves in member i's data the sums
// of the i-th part, counts[i] numbers long. The other parts stay as they were. With BFloat16 every summand is rounded, the sum
// is not.
func (g *Group) ReduceScatter(data []float32, counts []int, t Transport) error {
	if err := g.check(data, counts); err != nil || g.Size() == 1 {
		return err
	}
	own := counts[g.rank]
	parts := segments(data, counts)
	summands := make([][]float32, g.Size())
	g.scratch = grown(g.scratch, own*g.Size())
	for i := range summands {
		summands[i] = g.scratch[i*own:][:own]
	}
	if t == BFloat16 {
		if err := g.exchangeHalves(parts, summands); err != nil {
			return err
		}
	} else if err := g.exchange(bytesOfEach(parts), bytesOfEach(summands)); err != nil {
		return err
	}
	sum := parts[g.rank]
	copy(sum, summands[0])
	for _, s := range summands[1:] {
		g.set().Binary(kernel.Add, sum, sum, s)
	}
	return nil
}

// AllGather sends to all members what each has in its own part of data. With BFloat16 the numbers are rounded, on the member that
// they come from too.
func (g *Group) AllGather(data []float32, counts []int, t Transport) error {
	if err := g.check(data, counts); err != nil || g.Size() == 1 {
		return err
	}
	parts := segments(data, counts)
	send := make([][]float32, g.Size())
	for i := range send {
		send[i] = parts[g.rank]
	}
	if t == BFloat16 {
		return g.exchangeHalves(send, parts)
	}
	return g.exchange(bytesOfEach(send), bytesOfEach(parts))
}

// exchangeHalves is exchange with numbers that are rounded to bfloat16 on their way, those that a member has for itself too.
func (g *Group) exchangeHalves(send, receive [][]float32) error {
	total := 0
	for i := range send {
		total += len(send[i]) + len(receive[i])
	}
	g.halves = grown(g.halves, total)
	rest := g.halves
	take := func(n int) (part []kernel.BF16) {
		part, rest = rest[:n:n], rest[n:]
		return part
	}
	out, in := make([][]byte, len(send)), make([][]byte, len(send))
	arrived := make([][]kernel.BF16, len(send))
	for i, numbers := range send {
		rounded := take(len(numbers))
		g.set().ToBF16(rounded, numbers)
		out[i] = bytesOf(rounded)
		arrived[i] = take(len(receive[i]))
		in[i] = bytesOf(arrived[i])
	}
	if err := g.exchange(out, in); err != nil {
		return err
	}
	for i, numbers := range receive {
		g.set().FromBF16(numbers, arrived[i])
	}
	return nil
}

// set is the kernels that add and round.
func (g *Group) set() *kernel.Set {
	if g.kernels == nil {
		g.kernels = kernel.Best()
	}
	return g.kernels
}

// grown is a slice of n elements in the memory of an old one if that suffices.
func grown[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n)
	}
	return old[:n]
}

// bytesOf is the memory of numbers. All ranks have the same order of bytes, since they run the same program.
func bytesOf[T float32 | kernel.BF16](numbers []T) []byte {
	if len(numbers) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&numbers[0])), len(numbers)*int(unsafe.Sizeof(numbers[0])))
}

func bytesOfEach(list [][]float32) [][]byte {
	all := make([][]byte, len(list))
	for i, numbers := range list {
		all[i] = bytesOf(numbers)
	}
	return all
}

// Bytes is the memory of numbers, to be sent as a message.
func Bytes(numbers []float32) []byte { return bytesOf(numbers) }

// Floats is the numbers of a message that Bytes has made.
func Floats(message []byte) ([]float32, error) {
	if len(message)%4 != 0 {
		return nil, fmt.Errorf("ranks: a message of %d bytes; expected whole float32 numbers", len(message))
	}
	numbers := make([]float32, len(message)/4)
	copy(bytesOf(numbers), message)
	return numbers, nil
}
