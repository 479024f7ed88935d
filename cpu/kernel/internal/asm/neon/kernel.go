package main

import (
	"fmt"
	"go/token"
	"go/types"
	"math"
	"strings"
)

// line is a line of a kernel: a calculation on vectors, or text for Go's assembler with %d for each vector's register.
type line struct {
	code    *instruction
	text    string
	vectors []vector
	label   string // what the line is the target of
	target  string // where the line may branch to
}

// register is a general register; all of a kernel are different.
type register string

// kernel is one function while it is written.
type kernel struct {
	name, signature, doc string

	parameters map[string]string // operands of Go's assembler, by name
	size       int64             // of parameters and result, bytes
	lines      []line
	vectors    int
	general    int
	labels     int
	constants  register // the address of the table of constants, if it is used
	held       map[uint32]vector
}

// newKernel begins a function; its name is the given one and Neon.
func newKernel(name, signature, doc string) *kernel {
	k := &kernel{name: name + "Neon", signature: signature, doc: doc, parameters: map[string]string{}, held: map[uint32]vector{}}
	value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, "func("+signature)
	if err != nil {
		panic(err)
	}
	sizes := types.SizesFor("gc", "arm64")
	place := func(name string, t types.Type) {
		k.size = (k.size + sizes.Alignof(t) - 1) / sizes.Alignof(t) * sizes.Alignof(t)
		operand := func(suffix string, at int64) {
			k.parameters[name+suffix] = fmt.Sprintf("%s%s+%d(FP)", name, suffix, at)
		}
		if _, slice := t.(*types.Slice); slice {
			operand("_base", k.size)
			operand("_len", k.size+8)
		} else {
			operand("", k.size)
		}
		k.size += sizes.Sizeof(t)
	}
	f := value.Type.(*types.Signature)
	for p := range f.Params().Variables() {
		place(p.Name(), p.Type())
	}
	for p := range f.Results().Variables() {
		k.size = (k.size + 7) / 8 * 8
		place("ret", p.Type())
	}
	return k
}

// register returns one that is not in use yet. R16 to R18 and R27 on belong to the system, the linker and Go.
func (k *kernel) register() register {
	n := k.general
	if k.general++; n > 15 {
		n += 3
	}
	if n > 26 {
		panic(k.name + ": too many general registers")
	}
	return register(fmt.Sprintf("R%d", n))
}

// vector returns one that is not in use yet.
func (k *kernel) vector() vector {
	k.vectors++
	return vector(k.vectors - 1)
}

// line adds text for Go's assembler.
func (k *kernel) line(text string, vectors ...vector) {
	k.lines = append(k.lines, line{text: text, vectors: vectors})
}

// linef is line without vectors, formatted.
func (k *kernel) linef(format string, args ...any) { k.line(fmt.Sprintf(format, args...)) }

// do adds a calculation: destination, then sources.
func (k *kernel) do(i instruction, vectors ...vector) {
	k.lines = append(k.lines, line{code: &i, vectors: vectors})
}

// of is a calculation with a new destination.
func (k *kernel) of(i instruction, sources ...vector) vector {
	d := k.vector()
	k.do(i, append([]vector{d}, sources...)...)
	return d
}

// label is a new one.
func (k *kernel) label() string {
	k.labels++
	return fmt.Sprintf("l%d", k.labels)
}

// at makes a label's target the next line.
func (k *kernel) at(label string) { k.lines = append(k.lines, line{label: label}) }

// branch adds a jump, written with its condition and what that reads.
func (k *kernel) branch(condition, label string) {
	k.lines = append(k.lines, line{text: condition + " " + label, target: label})
}

// argument loads a number or an address; name_base and name_len are those of a slice.
func (k *kernel) argument(name string) register {
	r := k.register()
	k.linef("MOVD %s, %s", k.parameter(name), r)
	return r
}

// bytes loads a number of float32, as bytes.
func (k *kernel) bytes(name string) register {
	r := k.argument(name)
	k.linef("LSL $2, %s", r)
	return r
}

// parameter is a parameter or the result as an operand.
func (k *kernel) parameter(name string) string {
	p, ok := k.parameters[name]
	if !ok {
		panic(k.name + ": no parameter " + name)
	}
	return p
}

// splatArgument loads a number into all lanes.
func (k *kernel) splatArgument(name string) vector {
	x := k.vector()
	k.line("FMOVS "+k.parameter(name)+", F%d", x)
	return k.of(dup, x)
}

// copyOf is a new vector with the value of x.
func (k *kernel) copyOf(x vector) vector { return k.of(orr, x, x) }

// pool is the table of constants of all kernels, 16 bytes each, in the order of their first use.
var pool struct {
	words []uint32
	place map[uint32]int
}

// fresh is a new vector with the same bits in every lane.
func (k *kernel) fresh(bits uint32) vector {
	if bits == 0 {
		return k.of(clear4)
	}
	if v, ok := k.held[bits]; ok {
		return k.copyOf(v)
	}
	if k.constants == "" {
		k.constants = k.register()
	}
	if pool.place == nil {
		pool.place = map[uint32]int{}
	}
	at, ok := pool.place[bits]
	if !ok {
		at = 16 * len(pool.words)
		pool.place[bits] = at
		pool.words = append(pool.words, bits)
	}
	v := k.vector()
	k.line(fmt.Sprintf("FMOVQ %d(%s), F%%d", at, k.constants), v)
	return v
}

// hold keeps constants in registers for all of the kernel.
func (k *kernel) hold(words ...uint32) {
	for _, bits := range words {
		k.held[bits] = k.fresh(bits)
	}
}

// word is a vector with the same bits in every lane, which must not be changed.
func (k *kernel) word(bits uint32) vector {
	if v, ok := k.held[bits]; ok {
		return v
	}
	return k.fresh(bits)
}

// bitsOf is x as a float32.
func bitsOf(x float64) uint32 { return math.Float32bits(float32(x)) }

// number is word for a number.
func (k *kernel) number(x float64) vector { return k.word(bitsOf(x)) }

// load brings four elements from an address, and moves it on by step bytes.
func (k *kernel) load(from register, step int) vector {
	v := k.vector()
	if step == 0 {
		k.line(fmt.Sprintf("FMOVQ (%s), F%%d", from), v)
	} else {
		k.line(fmt.Sprintf("FMOVQ.P %d(%s), F%%d", step, from), v)
	}
	return v
}

// loadAt is load from an offset in bytes.
func (k *kernel) loadAt(from register, offset int) vector {
	v := k.vector()
	k.line(fmt.Sprintf("FMOVQ %d(%s), F%%d", offset, from), v)
	return v
}

// store writes four elements to an address, and moves it on by step bytes.
func (k *kernel) store(x vector, to register, step int) {
	if step == 0 {
		k.line(fmt.Sprintf("FMOVQ F%%d, (%s)", to), x)
	} else {
		k.line(fmt.Sprintf("FMOVQ.P F%%d, %d(%s)", step, to), x)
	}
}

// splat repeats an element; post is its address with what that moves on by, as Go's assembler writes it.
func (k *kernel) splat(post string) vector {
	v := k.vector()
	k.line("VLD1R.P "+post+", [V%d.S4]", v)
	return v
}

// loadSome brings the n lowest of four elements, n being 1 to 3; the others have the bits fill. It moves the address on.
func (k *kernel) loadSome(from, n register, fill uint32) vector {
	v := k.fresh(fill)
	k.some(n, func(lane string, size int) { k.line(fmt.Sprintf("VLD1.P %d(%s), V%%d.%s", size, from, lane), v) })
	return v
}

// storeSome writes the n lowest of four elements, n being 1 to 3, and moves the address on.
func (k *kernel) storeSome(x vector, to, n register) {
	k.some(n, func(lane string, size int) { k.line(fmt.Sprintf("VST1.P V%%d.%s, %d(%s)", lane, size, to), x) })
}

// some writes the access to 1 to 3 lanes: two at once if there are as many, then one.
func (k *kernel) some(n register, access func(lane string, size int)) {
	single, end := k.label(), k.label()
	k.branch(fmt.Sprintf("TBZ $1, %s,", n), single)
	access("D[0]", 8)
	k.branch(fmt.Sprintf("TBZ $0, %s,", n), end)
	access("S[2]", 4)
	k.branch("JMP", end)
	k.at(single)
	access("S[0]", 4)
	k.at(end)
}

// text is the assembly of the kernel.
func (k *kernel) text() string {
	given := registers(k.lines, k.vectors)
	var b strings.Builder
	fmt.Fprintf(&b, "\n// func %s(%s\nTEXT ·%s(SB), NOSPLIT, $0-%d\n", k.name, k.signature, k.name, k.size)
	if k.constants != "" {
		fmt.Fprintf(&b, "\tMOVD $constants<>(SB), %s\n", k.constants)
	}
	for _, l := range k.lines {
		if l.label != "" {
			fmt.Fprintf(&b, "%s:\n", l.label)
			continue
		}
		numbers := make([]int, len(l.vectors))
		for i, v := range l.vectors {
			numbers[i] = given[v]
		}
		if l.code != nil {
			fmt.Fprintf(&b, "\t%s\n", l.code.write(numbers))
			continue
		}
		args := make([]any, len(numbers))
		for i, n := range numbers {
			args[i] = n
		}
		fmt.Fprintf(&b, "\t"+l.text+"\n", args...)
	}
	b.WriteString("\tRET\n")
	return b.String()
}

// stub is the declaration in Go.
func (k *kernel) stub() string {
	return fmt.Sprintf("\n// %s %s\n//\n//go:noescape\nfunc %s(%s\n", k.name, k.doc, k.name, k.signature)
}
