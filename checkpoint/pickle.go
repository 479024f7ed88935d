package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// A pickle is a program for a small stack machine. This one runs the part of it that plain data and tensors need. It never
// looks up or calls anything: a global is a name on a list or an error, and a call builds one of the types below. Each
// opcode pushes at most one value and copies no container, so memory stays proportional to the pickle's length.

// Values on the machine's stack: nil, bool, int64, float64, string, []byte and these.
type (
	pickleTuple []any
	pickleList  struct{ items []any }
	pickleDict  struct { // in the order of insertion
		keys   []any
		values map[any]any
	}
	pickleGlobal struct{ module, name string }
	pickleMark   struct{}
)

// set stores a value. Keys are strings and integers: what state dicts and optimizer states use.
func (d *pickleDict) set(key, value any) error {
	switch key.(type) {
	case string, int64:
	default:
		return fmt.Errorf("dictionary key of type %T; expected a string or an integer", key)
	}
	if d.values == nil {
		d.values = map[any]any{}
	}
	if _, exists := d.values[key]; !exists {
		d.keys = append(d.keys, key)
	}
	d.values[key] = value
	return nil
}

// Opcodes, by the names of Python's pickletools.
const (
	opMark            = '('
	opStop            = '.'
	opPop             = '0'
	opPopMark         = '1'
	opDup             = '2'
	opBinFloat        = 'G'
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opNone            = 'N'
	opBinPersID       = 'Q'
	opReduce          = 'R'
	opBinString       = 'T'
	opShortBinString  = 'U'
	opBinUnicode      = 'X'
	opEmptyList       = ']'
	opAppend          = 'a'
	opBuild           = 'b'
	opGlobal          = 'c'
	opAppends         = 'e'
	opBinGet          = 'h'
	opLongBinGet      = 'j'
	opList            = 'l'
	opBinPut          = 'q'
	opLongBinPut      = 'r'
	opSetItem         = 's'
	opTuple           = 't'
	opSetItems        = 'u'
	opEmptyDict       = '}'
	opEmptyTuple      = ')'
	opDict            = 'd'
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opProto           = 0x80
	opTuple1          = 0x85
	opTuple2          = 0x86
	opTuple3          = 0x87
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opLong1           = 0x8a
	opShortBinUnicode = 0x8c
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95
)

// maxPickleProtocol is the newest protocol whose opcodes are known here; torch.save writes 2 unless told otherwise.
const maxPickleProtocol = 5

// maxPickleStack bounds the stack. Python's pickler fills containers a thousand values at a time.
const maxPickleStack = 1 << 16

// unpickler is the stack machine over one pickle.
type unpickler struct {
	program []byte
	at      int // next byte of the program
	stack   []any
	memo    map[uint32]any
}

// errPickleEnds is the error of a pickle that stops in the middle.
var errPickleEnds = errors.New("the pickle ends too early")

// unpickle runs a pickle and returns the value it leaves. Errors name the place in the pickle.
func unpickle(program []byte) (any, error) {
	u := &unpickler{program: program, memo: map[uint32]any{}}
	for {
		start := u.at
		op, err := u.take(1)
		if err != nil {
			return nil, err
		}
		if op[0] == opStop {
			return u.pop()
		}
		if err := u.step(op[0]); err != nil {
			return nil, fmt.Errorf("pickle byte %d: %w", start, err)
		}
		if len(u.stack) > maxPickleStack {
			return nil, fmt.Errorf("pickle byte %d: more than %d values on the stack", start, maxPickleStack)
		}
	}
}

// step runs one opcode other than stop.
func (u *unpickler) step(op byte) error {
	switch op {
	case opProto:
		version, err := u.take(1)
		if err == nil && version[0] > maxPickleProtocol {
			return fmt.Errorf("protocol %d; expected at most %d", version[0], maxPickleProtocol)
		}
		return err
	case opFrame: // only a hint for buffering
		_, err := u.take(8)
		return err
	case opMark:
		u.push(pickleMark{})
		return nil
	case opPop:
		_, err := u.pop()
		return err
	case opPopMark:
		_, err := u.popToMark()
		return err
	case opDup:
		top, err := u.top()
		u.push(top)
		return err
	case opNone, opNewTrue, opNewFalse, opBinInt, opBinInt1, opBinInt2, opLong1, opBinFloat:
		return u.pushNumber(op)
	case opBinUnicode, opShortBinUnicode, opBinString, opShortBinString, opBinBytes, opShortBinBytes:
		return u.pushText(op)
	case opBinPut, opLongBinPut, opMemoize, opBinGet, opLongBinGet:
		return u.remember(op)
	case opEmptyTuple, opTuple, opTuple1, opTuple2, opTuple3:
		return u.makeTuple(op)
	case opEmptyList, opList, opAppend, opAppends:
		return u.fillList(op)
	case opEmptyDict, opDict, opSetItem, opSetItems:
		return u.fillDict(op)
	case opGlobal, opStackGlobal:
		return u.pushGlobal(op)
	case opReduce, opBuild, opBinPersID:
		return u.construct(op)
	}
	return fmt.Errorf("opcode 0x%02x is not allowed", op)
}

// take returns the next n bytes of the program.
func (u *unpickler) take(n uint64) ([]byte, error) {
	if n > uint64(len(u.program)-u.at) {
		return nil, errPickleEnds
	}
	taken := u.program[u.at:][:n]
	u.at += int(n)
	return taken, nil
}

// takeUint reads a little-endian unsigned number of width bytes, at most eight.
func (u *unpickler) takeUint(width int) (uint64, error) {
	raw, err := u.take(uint64(width))
	if err != nil {
		return 0, err
	}
	var wide [8]byte
	copy(wide[:], raw)
	return binary.LittleEndian.Uint64(wide[:]), nil
}

func (u *unpickler) push(v any) { u.stack = append(u.stack, v) }

var errStackEmpty = errors.New("the stack is empty")

func (u *unpickler) top() (any, error) {
	if len(u.stack) == 0 {
		return nil, errStackEmpty
	}
	return u.stack[len(u.stack)-1], nil
}

func (u *unpickler) pop() (any, error) {
	v, err := u.top()
	if err != nil {
		return nil, err
	}
	if _, isMark := v.(pickleMark); isMark {
		return nil, errors.New("a mark where a value is needed")
	}
	u.stack = u.stack[:len(u.stack)-1]
	return v, nil
}

// popToMark removes everything down to the last mark, and the mark, and returns what lay above it.
func (u *unpickler) popToMark() ([]any, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if _, isMark := u.stack[i].(pickleMark); isMark {
			above := append([]any(nil), u.stack[i+1:]...)
			u.stack = u.stack[:i]
			return above, nil
		}
	}
	return nil, errors.New("no mark on the stack")
}

// popType removes the top of the stack, which must be a T.
func popType[T any](u *unpickler) (T, error) {
	v, err := u.pop()
	if err != nil {
		var none T
		return none, err
	}
	typed, ok := v.(T)
	if !ok {
		return typed, fmt.Errorf("found %s; expected %s", describe(v), describe(typed))
	}
	return typed, nil
}

func (u *unpickler) pushNumber(op byte) error {
	switch op {
	case opNone:
		u.push(nil)
	case opNewTrue, opNewFalse:
		u.push(op == opNewTrue)
	case opBinFloat:
		raw, err := u.take(8)
		if err != nil {
			return err
		}
		u.push(math.Float64frombits(binary.BigEndian.Uint64(raw)))
	case opLong1:
		width, err := u.takeUint(1)
		if err != nil {
			return err
		}
		if width > 8 {
			return fmt.Errorf("integer of %d bytes; expected at most 8", width)
		}
		n, err := u.takeUint(int(width))
		if err != nil {
			return err
		}
		unused := 64 - 8*width // two's complement of that width: extend the sign
		u.push(int64(n<<unused) >> unused)
	default:
		width := map[byte]int{opBinInt: 4, opBinInt1: 1, opBinInt2: 2}[op]
		n, err := u.takeUint(width)
		if err != nil {
			return err
		}
		if op == opBinInt { // the only signed one
			n = uint64(int64(int32(uint32(n))))
		}
		u.push(int64(n))
	}
	return nil
}

func (u *unpickler) pushText(op byte) error {
	width := 4
	if op == opShortBinUnicode || op == opShortBinString || op == opShortBinBytes {
		width = 1
	}
	length, err := u.takeUint(width)
	if err != nil {
		return err
	}
	raw, err := u.take(length)
	if err != nil {
		return err
	}
	if op == opBinBytes || op == opShortBinBytes {
		u.push(raw)
	} else {
		u.push(string(raw))
	}
	return nil
}

// remember stores the top of the stack in the memo or fetches from it.
func (u *unpickler) remember(op byte) error {
	if op == opMemoize {
		top, err := u.top()
		u.memo[uint32(len(u.memo))] = top
		return err
	}
	width := 1
	if op == opLongBinPut || op == opLongBinGet {
		width = 4
	}
	wide, err := u.takeUint(width)
	if err != nil {
		return err
	}
	slot := uint32(wide)
	if op == opBinPut || op == opLongBinPut {
		top, err := u.top()
		u.memo[slot] = top
		return err
	}
	v, known := u.memo[slot]
	if !known {
		return fmt.Errorf("memo %d was never stored", slot)
	}
	u.push(v)
	return nil
}

func (u *unpickler) makeTuple(op byte) error {
	switch op {
	case opEmptyTuple:
		u.push(pickleTuple{})
	case opTuple:
		items, err := u.popToMark()
		if err != nil {
			return err
		}
		u.push(pickleTuple(items))
	default:
		items := make(pickleTuple, int(op)-opTuple1+1)
		for i := len(items) - 1; i >= 0; i-- {
			var err error
			if items[i], err = u.pop(); err != nil {
				return err
			}
		}
		u.push(items)
	}
	return nil
}

func (u *unpickler) fillList(op byte) error {
	var items []any
	var err error
	switch op {
	case opEmptyList:
		u.push(&pickleList{})
		return nil
	case opAppend:
		var one any
		one, err = u.pop()
		items = []any{one}
	default:
		items, err = u.popToMark()
	}
	if err != nil {
		return err
	}
	if op == opList {
		u.push(&pickleList{items: items})
		return nil
	}
	list, err := popType[*pickleList](u)
	if err != nil {
		return err
	}
	list.items = append(list.items, items...)
	u.push(list)
	return nil
}

func (u *unpickler) fillDict(op byte) error {
	var pairs []any
	var err error
	switch op {
	case opEmptyDict:
		u.push(&pickleDict{})
		return nil
	case opSetItem:
		pairs = make([]any, 2)
		if pairs[1], err = u.pop(); err == nil {
			pairs[0], err = u.pop()
		}
	default:
		pairs, err = u.popToMark()
	}
	if err != nil {
		return err
	}
	if len(pairs)%2 != 0 {
		return errors.New("a dictionary key without a value")
	}
	dict := &pickleDict{}
	if op != opDict {
		if dict, err = popType[*pickleDict](u); err != nil {
			return err
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		if err := dict.set(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	u.push(dict)
	return nil
}

// pushGlobal reads the name of a Python global and refuses it unless it is on the list.
func (u *unpickler) pushGlobal(op byte) error {
	var g pickleGlobal
	var err error
	if op == opGlobal {
		if g.module, err = u.takeLine(); err == nil {
			g.name, err = u.takeLine()
		}
	} else if g.name, err = popType[string](u); err == nil {
		g.module, err = popType[string](u)
	}
	if err != nil {
		return err
	}
	if !g.allowed() {
		return fmt.Errorf("global %s is not allowed: only tensors and plain data are read; save the state dict alone with torch.save", printable(g.module+"."+g.name))
	}
	u.push(g)
	return nil
}

func (u *unpickler) takeLine() (string, error) {
	end := bytes.IndexByte(u.program[u.at:], '\n')
	if end < 0 {
		return "", errPickleEnds
	}
	line := string(u.program[u.at:][:end])
	u.at += end + 1
	return line, nil
}

// describe names a value's type for a message.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case pickleTuple:
		return "a tuple"
	case *pickleList:
		return "a list"
	case *pickleDict:
		return "a dictionary"
	case *tensorRecord:
		return "a tensor"
	case *storageRecord:
		return "a storage"
	case pickleGlobal:
		return "a global"
	case string:
		return "a string"
	case []byte:
		return "bytes"
	case bool, int64, float64:
		return fmt.Sprintf("%v", v)
	}
	return fmt.Sprintf("%T", v)
}
