package report

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// ColourWanted reports whether f is a terminal that may get colours: NO_COLOR (no-color.org) is unset or empty and TERM is not "dumb".
func ColourWanted(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// Escape sequences of the marks and of what surrounds the numbers.
const (
	escapeBold  = "\x1b[1m"
	escapeDim   = "\x1b[2m"
	escapeGood  = "\x1b[32m"
	escapeBad   = "\x1b[31m"
	escapeReset = "\x1b[0m"
)

// widths measures text as a terminal shows it; East Asian ambiguous characters count as narrow whatever the locale says, so that the same
// table is the same text everywhere.
var widths = &runewidth.Condition{}

// WriteText writes the table for people, in aligned columns: numbers to the right, text to the left. Nothing ends in a blank.
func (t Table) WriteText(w io.Writer, colour bool) error {
	if err := t.check(); err != nil {
		return err
	}
	shown := make([][]string, len(t.Rows))
	width := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		width[i] = widths.StringWidth(printable(c.Name))
	}
	for r, row := range t.Rows {
		shown[r] = make([]string, len(row))
		for i, c := range row {
			shown[r][i] = c.show(t.Columns[i])
			width[i] = max(width[i], widths.StringWidth(shown[r][i]))
		}
	}
	out := bufio.NewWriter(w)
	styled := func(escape, text string) string {
		if !colour || escape == "" {
			return text
		}
		return escape + text + escapeReset
	}
	if t.Title != "" {
		fmt.Fprintln(out, styled(escapeBold, printable(t.Title)))
	}
	numbers := make([]bool, len(t.Columns))
	for i := range numbers {
		numbers[i] = t.rightAligned(i)
	}
	line := func(cells []string, escapes []string) {
		for i, text := range cells {
			pad := strings.Repeat(" ", width[i]-widths.StringWidth(text))
			if numbers[i] {
				text = pad + styled(escapes[i], text)
			} else {
				text = styled(escapes[i], text)
				if i < len(cells)-1 {
					text += pad
				}
			}
			if i > 0 {
				out.WriteString("  ")
			}
			out.WriteString(text)
		}
		out.WriteByte('\n')
	}
	names, rules := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	bold, dim := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i], rules[i] = printable(c.Name), strings.Repeat("─", width[i])
		bold[i], dim[i] = escapeBold, escapeDim
	}
	line(names, bold)
	line(rules, dim)
	for r, row := range t.Rows {
		escapes := make([]string, len(row))
		for i, c := range row {
			escapes[i] = [...]string{Plain: "", Good: escapeGood, Bad: escapeBad}[c.mark]
		}
		line(shown[r], escapes)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("report: table: %w", err)
	}
	return nil
}

// WriteCSV writes the table as CSV (RFC 4180) with a line of headings; numbers have all their digits, missing cells are empty. A text that a
// spreadsheet would take for a formula gets a leading apostrophe.
func (t Table) WriteCSV(w io.Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	record := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		record[i] = inert(c.key())
	}
	if err := out.Write(record); err != nil {
		return fmt.Errorf("report: csv: %w", err)
	}
	for _, row := range t.Rows {
		for i, c := range row {
			record[i] = c.exact()
			if c.kind == textCell {
				record[i] = inert(record[i])
			}
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("report: csv: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("report: csv: %w", err)
	}
	return nil
}

// inert keeps spreadsheets from running a text that comes from a file.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// MarshalJSON gives a list of rows, each an object whose keys are the columns' in their order. Missing cells are null; numbers that are not finite,
// which JSON can not write, are the texts "NaN", "Infinity" and "-Infinity".
func (t Table) MarshalJSON() ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteByte('[')
	for r, row := range t.Rows {
		if r > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('{')
		for i, c := range row {
			if i > 0 {
				out.WriteByte(',')
			}
			key, err := json.Marshal(t.Columns[i].key())
			if err != nil {
				return nil, fmt.Errorf("report: json: %w", err)
			}
			out.Write(key)
			out.WriteByte(':')
			value, err := c.json()
			if err != nil {
				return nil, fmt.Errorf("report: json: %w", err)
			}
			out.Write(value)
		}
		out.WriteByte('}')
	}
	out.WriteByte(']')
	return out.Bytes(), nil
}

func (c Cell) json() ([]byte, error) {
	switch {
	case c.kind == textCell:
		return json.Marshal(c.text)
	case c.kind == numberCell:
		return Value(c.number).MarshalJSON()
	}
	return []byte("null"), nil
}

// Value is a number that JSON can always hold.
type Value float64

// MarshalJSON writes the number, or "NaN", "Infinity" or "-Infinity".
func (v Value) MarshalJSON() ([]byte, error) {
	switch n := float64(v); {
	case math.IsNaN(n):
		return []byte(`"NaN"`), nil
	case math.IsInf(n, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(n, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(n)
	}
}

// Values are numbers that JSON can always hold.
func Values(numbers []float64) []Value {
	list := make([]Value, len(numbers))
	for i, n := range numbers {
		list[i] = Value(n)
	}
	return list
}

// WriteJSON writes what MarshalJSON gives, indented.
func (t Table) WriteJSON(w io.Writer) error {
	compact, err := t.MarshalJSON()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return fmt.Errorf("report: json: %w", err)
	}
	out.WriteByte('\n')
	if _, err := out.WriteTo(w); err != nil {
		return fmt.Errorf("report: json: %w", err)
	}
	return nil
}
