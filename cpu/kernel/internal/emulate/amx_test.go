//go:build emulate && linux && amd64 && cgo

package emulate

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"
)

// Instructions as gas 2.40 assembles them, each with its text.
var (
	loadConfig  = []byte{0xC4, 0xE2, 0x78, 0x49, 0x07}                               // ldtilecfg (%rdi)
	storeConfig = []byte{0xC4, 0xE2, 0x79, 0x49, 0x06}                               // sttilecfg (%rsi)
	zeroTile1   = []byte{0xC4, 0xE2, 0x7B, 0x49, 0xC8}                               // tilezero %tmm1
	zeroTile0   = []byte{0xC4, 0xE2, 0x7B, 0x49, 0xC0}                               // tilezero %tmm0
	loadTile0   = []byte{0xC4, 0xE2, 0x7B, 0x4B, 0x04, 0x0E}                         // tileloadd (%rsi,%rcx,1),%tmm0
	loadTile1   = []byte{0xC4, 0xE2, 0x7B, 0x4B, 0x8C, 0x0E, 0x00, 0x08, 0x00, 0x00} // tileloadd 2048(%rsi,%rcx,1),%tmm1
	loadTile2   = []byte{0xC4, 0xE2, 0x79, 0x4B, 0x94, 0x0E, 0x00, 0x10, 0x00, 0x00} // tileloaddt1 4096(%rsi,%rcx,1),%tmm2
	storeTile0  = []byte{0xC4, 0xE2, 0x7A, 0x4B, 0x44, 0x4A, 0x40}                   // tilestored %tmm0,64(%rdx,%rcx,2)
	dotTiles    = []byte{0xC4, 0xE2, 0x6A, 0x5C, 0xC1}                               // tdpbf16ps %tmm2,%tmm1,%tmm0
	release     = []byte{0xC4, 0xE2, 0x78, 0x49, 0xC0}                               // tilerelease
)

// tile is the configuration of a tile.
type tile struct{ rows, bytes int }

// configuration returns the operand of LDTILECFG.
func configuration(startRow int, tiles ...tile) []byte {
	c := make([]byte, 64)
	c[0], c[1] = 1, byte(startRow)
	for i, t := range tiles {
		binary.LittleEndian.PutUint16(c[16+2*i:], uint16(t.bytes))
		c[48+i] = byte(t.rows)
	}
	return c
}

// run calls machine code with the addresses of a, b and c and a number in RCX.
func run(t testing.TB, a, b, c []byte, d int, code ...[]byte) {
	call(program(t, code...), unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), uint64(uintptr(unsafe.Pointer(&c[0]))), uint64(d))
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestATileIsARectangleOfMemory loads one of every shape, from and to rows at a distance, and looks at every byte around it.
func TestATileIsARectangleOfMemory(t *testing.T) {
	r := random(t)
	for rows := 1; rows <= 16; rows++ {
		shape := tile{rows, 1 + r.IntN(64)}
		stride, start := 64+r.IntN(64), r.IntN(rows)
		source, got := randomBytes(r, 16*stride), randomBytes(r, 64+32*stride)
		want := bytes.Clone(got)
		for row := range rows {
			clear(want[64+2*row*stride:][:shape.bytes])
			if row >= start {
				copy(want[64+2*row*stride:][:shape.bytes], source[row*stride:])
			}
		}
		run(t, configuration(start, shape), source, got, stride, loadConfig, loadTile0, storeTile0, release)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d rows of %d bytes, distance %d, from row %d: memory differs", rows, shape.bytes, stride, start)
		}
	}
}

// TestAStoreStartsAtTheFirstRow: LDTILECFG takes the row from which the next instruction on memory goes on.
func TestAStoreStartsAtTheFirstRow(t *testing.T) {
	got := bytes.Repeat([]byte{7}, 64+32*64)
	run(t, configuration(3, tile{5, 64}), make([]byte, 64), got, 64, loadConfig, storeTile0, storeConfig, release)
	for row := range 8 {
		want := byte(7)
		if row == 3 || row == 4 {
			want = 0
		}
		if b := got[64+128*row]; b != want {
			t.Errorf("row %d begins with %d, expected %d", row, b, want)
		}
	}
}

// TestTheConfigurationIsReadBack: all of it with the first row zero after an instruction on tiles, and nothing after TILERELEASE.
func TestTheConfigurationIsReadBack(t *testing.T) {
	shapes := []tile{{16, 64}, {3, 8}, {0, 0}, {1, 1}}
	got := make([]byte, 64)
	run(t, configuration(9, shapes...), got, got, 0, loadConfig, storeConfig)
	if want := configuration(9, shapes...); !bytes.Equal(got, want) {
		t.Errorf("read back %v, expected %v", got, want)
	}
	run(t, configuration(9, shapes...), got, got, 0, loadConfig, zeroTile1, storeConfig)
	if want := configuration(0, shapes...); !bytes.Equal(got, want) {
		t.Errorf("after TILEZERO read back %v, expected %v", got, want)
	}
	run(t, configuration(9, shapes...), got, got, 0, loadConfig, release, storeConfig)
	if want := make([]byte, 64); !bytes.Equal(got, want) {
		t.Errorf("after TILERELEASE read back %v, expected zeros", got)
	}
}

func TestTileZeroClearsATile(t *testing.T) {
	got := bytes.Repeat([]byte{7}, 64+32*64)
	run(t, configuration(0, tile{16, 64}), bytes.Repeat([]byte{9}, 1024), got, 64, loadConfig, loadTile0, zeroTile0, storeTile0, release)
	for row := range 16 {
		if line := got[64+128*row:][:64]; !bytes.Equal(line, make([]byte, 64)) {
			t.Fatalf("row %d is % x, expected zeros", row, line)
		}
	}
}

// values returns n bytes whose halves are bfloat16, and pairs of them float32: about 1, so that sums are rounded and cancel, or about 2^-63, so
// that products and sums are about the smallest normal number. One in four is about that number itself.
func values(r *rand.Rand, n int) []byte {
	b, middle := make([]byte, n), [2]int{127, 64}[r.IntN(2)]
	for i := 0; i < n; i += 2 {
		exponent := middle - 4 + r.IntN(8)
		if r.IntN(4) == 0 {
			exponent = r.IntN(4)
		}
		binary.LittleEndian.PutUint16(b[i:], uint16(r.IntN(2)<<15|exponent<<7|r.IntN(128)))
	}
	return b
}

// flushed is x unless it is smaller than normal numbers.
func flushed(x float32) float64 {
	if math.Abs(float64(x)) < 0x1p-126 {
		return math.Copysign(0, float64(x))
	}
	return float64(x)
}

// exactly is a b + c, rounded once.
func exactly(a, b, c float32) float32 {
	product := new(big.Float).SetPrec(200).Mul(big.NewFloat(flushed(a)), big.NewFloat(flushed(b)))
	sum, _ := new(big.Float).SetPrec(24).Add(product, big.NewFloat(flushed(c))).Float64()
	return float32(flushed(float32(sum)))
}

// TestDotOfTilesIsThatOfTheManual compares every sum with its definition in exact numbers that are rounded where the manual rounds.
func TestDotOfTilesIsThatOfTheManual(t *testing.T) {
	r := random(t)
	float := func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	half := func(b []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16) }
	for range 20 {
		rows, columns, pairs := 1+r.IntN(16), 1+r.IntN(16), 1+r.IntN(16)
		in, got := values(r, 6144), make([]byte, 64+32*64)
		config := configuration(0, tile{rows, 4 * columns}, tile{rows, 4 * pairs}, tile{pairs, 4 * columns})
		run(t, config, in, got, 64, loadConfig, loadTile0, loadTile1, loadTile2, dotTiles, storeTile0, release)
		for m := range rows {
			for n := range columns {
				var sums [2]float32
				for k := range pairs {
					for i := range sums {
						sums[i] = exactly(half(in[2048+64*m+4*k+2*i:]), half(in[4096+64*k+4*n+2*i:]), sums[i])
					}
				}
				want := exactly(1, exactly(1, sums[0], sums[1]), float(in[64*m+4*n:]))
				if x := float(got[64+128*m+4*n:]); x != want {
					t.Fatalf("%d x %d pairs x %d: sum %d, %d is %g, expected %g", rows, pairs, columns, m, n, x, want)
				}
			}
		}
	}
}

// TestThreadsHaveTilesOfTheirOwn repeats products on several threads at once.
func TestThreadsHaveTilesOfTheirOwn(t *testing.T) {
	r := random(t)
	whole := tile{16, 64}
	code := program(t, loadConfig, loadTile0, loadTile1, loadTile2, dotTiles, storeTile0, release)
	before := Counts()["TDPBF16PS"]
	var group sync.WaitGroup
	for range 4 {
		in, want := values(r, 6144), make([]byte, 64+32*64)
		config := configuration(0, whole, whole, whole)
		product := func(out []byte) {
			call(code, unsafe.Pointer(&config[0]), unsafe.Pointer(&in[0]), uint64(uintptr(unsafe.Pointer(&out[0]))), 64)
		}
		product(want)
		group.Go(func() {
			for range 200 {
				got := make([]byte, len(want))
				product(got)
				if !bytes.Equal(got, want) {
					t.Error("a product differs from the same one before")
					return
				}
			}
		})
	}
	group.Wait()
	if n := Counts()["TDPBF16PS"] - before; n != 4*201 {
		t.Errorf("%d products were counted, expected %d", n, 4*201)
	}
}
