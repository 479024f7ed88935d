package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Mark says how a cell compares; terminals show it in colour, pages in colour and weight.
type Mark int

const (
	Plain Mark = iota
	Good       // better than what it stands beside
	Bad        // worse
)

type cellKind int

const (
	missingCell cellKind = iota
	textCell
	numberCell
)

// Cell is one value of a table: a text, a number, or nothing. The zero Cell is missing.
type Cell struct {
	kind   cellKind
	text   string
	number float64
	whole  bool
	mark   Mark
}

// Text is a cell with a text.
func Text(s string) Cell { return Cell{kind: textCell, text: s} }

// Number is a cell with a real number, shown with its column's digits and stored with all of them. NaN shows as "nan".
func Number(v float64) Cell { return Cell{kind: numberCell, number: v} }

// Integer is a cell with a whole number, shown with all its digits.
func Integer(n int) Cell { return Cell{kind: numberCell, number: float64(n), whole: true} }

// Missing is a cell without a value.
func Missing() Cell { return Cell{} }

// Marked returns the cell with a mark.
func (c Cell) Marked(m Mark) Cell {
	c.mark = m
	return c
}

// Column describes the values below it.
type Column struct {
	// Name is the heading for people; Key, where it is given, the one for programs, in CSV and JSON.
	Name, Key string
	// Digits are the significant digits of its numbers on a terminal and on a page (default 4). CSV and JSON have all.
	Digits int
}

// key is the heading for programs.
func (c Column) key() string {
	if c.Key != "" {
		return c.Key
	}
	return c.Name
}

// Table is what every list of results is written from: to a terminal, to CSV, to JSON, to a page.
type Table struct {
	Title   string
	Columns []Column
	Rows    [][]Cell
}

// Columns makes plain columns from their names.
func Columns(names ...string) []Column {
	columns := make([]Column, len(names))
	for i, n := range names {
		columns[i].Name = n
	}
	return columns
}

// Add appends a row.
func (t *Table) Add(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// check reports a table that can not be written: without columns, with two columns of one key, or with a row
// of another length.
func (t Table) check() error {
	if len(t.Columns) == 0 {
		return fmt.Errorf("report: table %q has no columns", t.Title)
	}
	seen := map[string]bool{}
	for _, c := range t.Columns {
		if seen[c.key()] {
			return fmt.Errorf("report: table %q has two columns named %q; expected different names", t.Title, c.key())
		}
		seen[c.key()] = true
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("report: table %q, row %d: %d cells for %d columns", t.Title, i, len(row), len(t.Columns))
		}
	}
	return nil
}

// defaultDigits tell scores apart without noise.
const defaultDigits = 4

// show writes the cell for people.
func (c Cell) show(column Column) string {
	switch c.kind {
	case textCell:
		return printable(c.text)
	case numberCell:
		digits := column.Digits
		if digits <= 0 {
			digits = defaultDigits
		}
		if c.whole {
			return strconv.FormatFloat(c.number, 'f', 0, 64)
		}
		return formatNumber(c.number, digits)
	}
	return "–"
}

// formatNumber writes v with the given significant digits, in plain notation where that stays short, trailing zeros kept: all numbers of a
// column then claim the same precision.
func formatNumber(v float64, digits int) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case v == 0:
		return "0"
	}
	// Rounding may carry into the next power of ten (0.9999 with 2 digits is 1.0), so the exponent is that of the rounded number.
	mantissa := strconv.FormatFloat(v, 'e', digits-1, 64)
	_, power, _ := strings.Cut(mantissa, "e")
	exponent, _ := strconv.Atoi(power)
	if exponent < -4 || exponent >= max(digits, 6) {
		return mantissa
	}
	return strconv.FormatFloat(v, 'f', max(digits-1-exponent, 0), 64)
}

// exact writes the cell for programs.
func (c Cell) exact() string {
	switch c.kind {
	case textCell:
		return c.text
	case numberCell:
		if !c.whole && !finite(c.number) {
			return formatNumber(c.number, defaultDigits)
		}
		return strconv.FormatFloat(c.number, 'g', -1, 64)
	}
	return ""
}

// rightAligned reports whether a column holds numbers, or nothing.
func (t Table) rightAligned(column int) bool {
	numbers := false
	for _, row := range t.Rows {
		switch row[column].kind {
		case textCell:
			return false
		case numberCell:
			numbers = true
		}
	}
	return numbers
}

// printable replaces what would move a terminal's cursor or change its state: names come from files.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return '�'
		}
		return r
	}, s)
}
