package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	tileSize = 16 // rows of a tile, words of a row, steps of k in one instruction
	rowBytes = 4 * tileSize
	palette  = 1 // of the configuration: 8 tiles of 16 rows of 64 bytes
)

// The registers of the kernel, chosen here because the instructions on tiles are written as bytes. Strides are in bytes.
var (
	a, aTop, aBottom = reg.R11, reg.RSI, reg.RDI // all rows; the present step of the upper and lower tile
	b, bHere         = reg.R13, reg.RBX          // the panel; its present step
	c, cBottom       = reg.RDX, reg.R9           // the panel's upper and lower tiles
	aRow, bRow, cRow = reg.RAX, reg.RCX, reg.R8
	bStep            = reg.R12 // rows of b in one step
	steps, cols      = reg.R14, reg.R15

	ahead, aheadRows = reg.R9, reg.R10 // of c, to be prefetched: while bottom is not needed
)

func main() {
	ConstraintExpr("amd64")
	stripMatrix()
	enabledState()
	Generate()
}

// enabledState writes the query of the registers that the operating system saves.
func enabledState() {
	TEXT("enabledState", NOSPLIT, "func() uint32")
	Doc("enabledState returns the lower half of XCR0: a bit for each kind of register that the operating system saves. It needs XGETBV, which comes with AVX.")
	XORL(reg.ECX, reg.ECX)
	XGETBV()
	Store(reg.EAX, ReturnIndex(0))
	RET()
}

// shape is a panel of columns as tiles: two rows of them where tall, two columns where wide.
type shape struct {
	name       string
	tall, wide bool
}

func (s shape) rows() int { return count(s.tall) }
func (s shape) cols() int { return count(s.wide) }

func count(two bool) int {
	if two {
		return 2
	}
	return 1
}

// The tiles: sums, two of a, one for each of their rows, and two of b, one for each of their columns.
func sumTile(i, j int) tmm { return tmm(2*i + j) }
func aTile(i int) tmm      { return tmm(4 + i) }
func bTile(j int) tmm      { return tmm(6 + j) }

// stripMatrix writes the kernel: panels of 32 columns from left to right, each as up to 2 x 2 tiles whose sums stay in registers.
func stripMatrix() {
	TEXT("stripMatrix", NOSPLIT, "func(k int, a *float32, aRow int, b *float32, bRow, bPanel int, c *float32, cRow, rows, cols int, accumulate bool)")
	Doc("stripMatrix multiplies 1 to 32 rows of pairs of bfloat16 by columns, at least one, 32 at a time: c[i, j] = Σ_k a[i, k] b[k, j], added to c if",
		"accumulate; k is a multiple of 16. a[i, k] is at a + i*aRow + k, b[k, j] at b + j/32*bPanel + k*bRow + j%32, c[i, j] at c + i*cRow + j. Nothing else",
		"is read or written.")
	Pragma("noescape")
	config := AllocLocal(64)
	for i := range 8 {
		MOVQ(I32(0), config.Offset(8*i))
	}
	MOVB(U8(palette), config)
	for _, p := range []struct {
		name string
		to   reg.Register
	}{{"a", a}, {"b", b}, {"c", c}, {"aRow", aRow}, {"bRow", bRow}, {"cRow", cRow}, {"cols", cols}} {
		Load(Param(p.name), p.to)
	}
	for _, stride := range []reg.Register{aRow, bRow, cRow} {
		SHLQ(U8(2), stride)
	}
	MOVQ(bRow, bStep)
	SHLQ(U8(4), bStep)

	Label("configure")
	shapes := []shape{{"all", true, true}, {"upper", false, true}, {"left", true, false}, {"one", false, false}}
	rows := reg.R10
	Load(Param("rows"), rows)
	CMPQ(cols, U8(tileSize))
	JLE(LabelRef("narrow"))
	CMPQ(rows, U8(tileSize))
	JLE(LabelRef("upper"))
	JMP(LabelRef("all"))
	Label("narrow")
	CMPQ(rows, U8(tileSize))
	JLE(LabelRef("one"))
	JMP(LabelRef("left"))
	for _, s := range shapes {
		Label(s.name)
		s.configure(config, rows)
		s.panel()
	}
	Label("done")
	release()
	RET()
}

// configure sets the extents of the tiles: the last row of them has the rows that are left, the last column the columns.
func (s shape) configure(config Mem, rows reg.GPPhysical) {
	bytes, address := reg.RBX, reg.RSI
	MOVQ(cols, bytes)
	if s.wide {
		limit := reg.RDI
		MOVQ(U32(2*tileSize), limit)
		CMPQ(bytes, limit)
		CMOVQGT(limit, bytes)
		SUBQ(U8(tileSize), bytes)
	}
	SHLQ(U8(2), bytes)
	if s.tall {
		SUBQ(U8(tileSize), rows)
	}
	// A row or column of tiles with number n is whole unless it is the last of count.
	setRows := func(t tmm, n, count int) {
		if at := config.Offset(48 + int(t)); n < count-1 {
			MOVB(U8(tileSize), at)
		} else {
			MOVB(rows.As8(), at)
		}
	}
	setBytes := func(t tmm, n, count int) {
		if at := config.Offset(16 + 2*int(t)); n < count-1 {
			MOVW(U16(rowBytes), at)
		} else {
			MOVW(bytes.As16(), at)
		}
	}
	for i := range s.rows() {
		setRows(aTile(i), i, s.rows())
		MOVW(U16(rowBytes), config.Offset(16+2*int(aTile(i))))
		for j := range s.cols() {
			setRows(sumTile(i, j), i, s.rows())
			setBytes(sumTile(i, j), j, s.cols())
		}
	}
	for j := range s.cols() {
		MOVB(U8(tileSize), config.Offset(48+int(bTile(j))))
		setBytes(bTile(j), j, s.cols())
	}
	LEAQ(config, address)
	configure(address)
}

// panel writes the product of a panel and the way to the next one.
func (s shape) panel() {
	Label(s.name + "panel")
	MOVQ(a, aTop)
	if s.tall {
		MOVQ(aRow, aBottom)
		SHLQ(U8(4), aBottom)
		ADDQ(a, aBottom)
	}
	MOVQ(b, bHere)
	Load(Param("k"), steps)
	SHRQ(U8(4), steps)
	accumulate := reg.R10
	Load(Param("accumulate"), accumulate.As8())
	TESTB(accumulate.As8(), accumulate.As8())
	JZ(LabelRef(s.name + "fresh"))
	s.eachSum(load)
	TESTQ(steps, steps)
	JZ(LabelRef(s.name + "store"))
	JMP(LabelRef(s.name + "rest"))

	Label(s.name + "fresh")
	for i := range s.rows() {
		for j := range s.cols() {
			zero(sumTile(i, j))
		}
	}
	TESTQ(steps, steps)
	JZ(LabelRef(s.name + "store"))
	MOVQ(c, ahead)
	Load(Param("rows"), aheadRows)
	Label(s.name + "first") // c, which nobody has read, arrives while the first products are computed
	s.step(true)
	DECQ(steps)
	JZ(LabelRef(s.name + "store"))
	SUBQ(U8(rowsAhead), aheadRows)
	JG(LabelRef(s.name + "first"))
	Label(s.name + "rest")
	s.step(false)
	DECQ(steps)
	JNZ(LabelRef(s.name + "rest"))

	Label(s.name + "store")
	s.eachSum(store)
	if !s.wide {
		JMP(LabelRef("done"))
		return
	}
	SUBQ(U8(2*tileSize), cols)
	JLE(LabelRef("done"))
	panel := reg.R10
	Load(Param("bPanel"), panel)
	LEAQ(Mem{Base: b, Index: panel, Scale: 4}, b)
	ADDQ(I32(2*rowBytes), c)
	CMPQ(cols, U8(2*tileSize))
	JGE(LabelRef(s.name + "panel"))
	JMP(LabelRef("configure"))
}

// eachSum moves the sums to or from c.
func (s shape) eachSum(move func(tmm, memory)) {
	if s.tall {
		MOVQ(cRow, cBottom)
		SHLQ(U8(4), cBottom)
		ADDQ(c, cBottom)
	}
	for i := range s.rows() {
		for j := range s.cols() {
			move(sumTile(i, j), memory{[]reg.GPPhysical{c, cBottom}[i], cRow, uint8(j * rowBytes)})
		}
	}
}

// rowsAhead is the number of rows of c that a step prefetches.
const rowsAhead = 4

// step writes one step of k in every tile.
func (s shape) step(prefetch bool) {
	for i := range s.rows() {
		load(aTile(i), memory{[]reg.GPPhysical{aTop, aBottom}[i], aRow, 0})
		for j := range s.cols() {
			if i == 0 {
				load(bTile(j), memory{bHere, bRow, uint8(j * rowBytes)})
			}
			multiplyAdd(sumTile(i, j), aTile(i), bTile(j))
		}
		if i == 0 && prefetch {
			for range rowsAhead {
				for j := range s.cols() {
					PREFETCHT0(Mem{Base: ahead, Disp: j * rowBytes})
				}
				ADDQ(cRow, ahead)
			}
		}
	}
	ADDQ(U8(rowBytes), aTop)
	if s.tall {
		ADDQ(U8(rowBytes), aBottom)
	}
	ADDQ(bStep, bHere)
}
