//go:build campaign

package campaign

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// mutate changes a file a little: a byte, a number, a stretch that is cut out, doubled or taken from another file. Most changes are
// near the start, where headers are.
func mutate(rng *rand.Rand, file []byte, others [][]byte) []byte {
	file = slices.Clone(file)
	for range 1 + rng.IntN(1+rng.IntN(16)) {
		if len(file) == 0 {
			return file
		}
		file = mutateOnce(rng, file, others)
	}
	return file
}

func mutateOnce(rng *rand.Rand, file []byte, others [][]byte) []byte {
	at := place(rng, len(file))
	switch rng.IntN(12) {
	case 0, 1:
		file[at] ^= 1 << rng.IntN(8)
	case 2:
		file[at] = byte(rng.Uint32())
	case 3, 4, 5:
		putNumber(rng, file[at:])
	case 6:
		addNumber(rng, file[at:])
	case 7: // cut out
		n := min(len(file)-at, 1+rng.IntN(64))
		return slices.Delete(file, at, at+n)
	case 8: // doubled
		n := min(len(file)-at, 1+rng.IntN(64))
		return slices.Insert(file, at, slices.Clone(file[at:at+n])...)
	case 9: // from elsewhere
		from := others[rng.IntN(len(others))]
		if len(from) > 0 {
			start := place(rng, len(from))
			copy(file[at:], from[start:min(len(from), start+1+rng.IntN(256))])
		}
	case 10:
		if rng.IntN(3) == 0 {
			return file[:at]
		}
		clear(file[at:min(len(file), at+1+rng.IntN(64))])
	case 11: // one stretch over another of the same file
		start := place(rng, len(file))
		copy(file[at:], file[start:min(len(file), start+1+rng.IntN(64))])
	}
	return file
}

// place is a position in a file, one in two among its first kilobytes.
func place(rng *rand.Rand, size int) int {
	if rng.IntN(2) == 0 {
		size = min(size, 1<<(6+rng.IntN(8)))
	}
	return rng.IntN(size)
}

// extremes are numbers at which sizes and offsets go wrong.
var extremes = []uint64{0, 1, 2, 3, 7, 8, 16, 64, 127, 128, 255, 256, 1<<15 - 1, 1 << 15, 1<<16 - 1, 1 << 16, 1 << 24, 1 << 30, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32,
	1 << 40, 1<<62 - 1, 1 << 62, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 8, 1<<64 - 2, 1<<64 - 1}

// putNumber writes an extreme number of 1, 2, 4 or 8 bytes in either order.
func putNumber(rng *rand.Rand, to []byte) {
	var b [8]byte
	size := 1 << rng.IntN(4)
	v := extremes[rng.IntN(len(extremes))]
	if rng.IntN(4) > 0 {
		binary.LittleEndian.PutUint64(b[:], v)
		copy(to, b[:size])
	} else {
		binary.BigEndian.PutUint64(b[:], v<<(64-8*size))
		copy(to, b[:size])
	}
}

// addNumber moves the number that is there by a little.
func addNumber(rng *rand.Rand, to []byte) {
	by := rng.IntN(33) - 16
	switch {
	case len(to) >= 8 && rng.IntN(2) == 0:
		binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(to)+uint64(by))
	case len(to) >= 4:
		binary.BigEndian.PutUint32(to, binary.BigEndian.Uint32(to)+uint32(by))
	default:
		to[0] += byte(by)
	}
}

// textNumber is a number in a text; word is a name or a quoted string.
var (
	textNumber = regexp.MustCompile(`-?\d[\d.]*([eE][-+]?\d+)?`)
	word       = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_./]*`)
)

// strange are texts in the place of numbers and words.
var strange = []string{"-1", "0", "1", "2", "65", "1000000", "2147483648", "-9223372036854775808", "18446744073709551616", "1e308", "1e309", "-1e-320", ".nan", ".inf", "NaN",
	"null", "~", "true", "\"\"", "[]", "{}", "[[[]]]", "{a: {b: [1]}}", "'x'", "\"\\u0000\"", "!!binary aGk=", "&a [*a]", "<<: *x", "0x7fffffffffffffff", "..", "/dev/zero", "a/../../b",
	"%s%n", "\xff\xfe", "\u202e", "é", "1_000", "- - - -", ": :", "# ", "\t", "|\n  x", ">-\n  y", "? z", "0.1.2", "9999999999999999999999999999"}

// mutateText changes a text by its words, numbers and lines, and by bytes now and then.
func mutateText(rng *rand.Rand, text []byte, others [][]byte) []byte {
	text = slices.Clone(text)
	for range 1 + rng.IntN(1+rng.IntN(8)) {
		text = mutateTextOnce(rng, text, others)
	}
	return text
}

func mutateTextOnce(rng *rand.Rand, text []byte, others [][]byte) []byte {
	replace := func(pattern *regexp.Regexp, with string) []byte {
		found := pattern.FindAllIndex(text, -1)
		if len(found) == 0 {
			return text
		}
		at := found[rng.IntN(len(found))]
		return slices.Replace(text, at[0], at[1], []byte(with)...)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	line := rng.IntN(len(lines))
	switch rng.IntN(10) {
	case 0, 1, 2:
		return replace(textNumber, strange[rng.IntN(len(strange))])
	case 3:
		return replace(word, strange[rng.IntN(len(strange))])
	case 4: // one word in the place of another
		if words := word.FindAll(text, -1); len(words) > 0 {
			return replace(word, string(words[rng.IntN(len(words))]))
		}
	case 5: // a line goes
		return bytes.Join(slices.Delete(slices.Clone(lines), line, line+1), nil)
	case 6: // a line comes again, perhaps deeper
		again := append([]byte(strings.Repeat(" ", rng.IntN(5))), lines[line]...)
		return bytes.Join(slices.Insert(slices.Clone(lines), rng.IntN(len(lines)), again), nil)
	case 7: // a line of another file
		from := bytes.SplitAfter(others[rng.IntN(len(others))], []byte("\n"))
		return bytes.Join(slices.Insert(slices.Clone(lines), line, from[rng.IntN(len(from))]), nil)
	case 8: // nested deeply, or very long
		what := []string{"[", "{a: ", "- ", "  ", "x", "9", "{\"a\":", "\"", "*"}[rng.IntN(9)]
		at := rng.IntN(len(text) + 1)
		return slices.Insert(text, at, []byte(strings.Repeat(what, 1<<rng.IntN(14)))...)
	case 9:
		if len(text) > 0 {
			return mutateOnce(rng, text, others)
		}
	}
	return text
}
