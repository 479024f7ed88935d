package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"
)

func scores() Table {
	t := Table{Title: "VRMSE", Columns: Columns("data set", "one-step", "steps", "note")}
	t.Columns[0].Key = "data_set"
	t.Add(Text("shear_flow"), Number(0.0123456).Marked(Good), Integer(20), Text("périodique"))
	t.Add(Text("密度"), Number(math.NaN()).Marked(Bad), Integer(1_234_567), Missing())
	return t
}

func TestTextTableIsAligned(t *testing.T) {
	var b strings.Builder
	if err := scores().WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"VRMSE\n" +
		"data set    one-step    steps  note\n" +
		"──────────  ────────  ───────  ──────────\n" +
		"shear_flow   0.01235       20  périodique\n" +
		"密度             nan  1234567  –\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestColourChangesNothingButColour(t *testing.T) {
	var plain, coloured strings.Builder
	if err := scores().WriteText(&plain, false); err != nil {
		t.Fatal(err)
	}
	if err := scores().WriteText(&coloured, true); err != nil {
		t.Fatal(err)
	}
	text := coloured.String()
	if !strings.Contains(text, escapeGood+"0.01235"+escapeReset) || !strings.Contains(text, escapeBad+"nan"+escapeReset) {
		t.Errorf("marks are not coloured: %q", text)
	}
	for _, escape := range []string{escapeBold, escapeDim, escapeGood, escapeBad, escapeReset} {
		text = strings.ReplaceAll(text, escape, "")
	}
	if diff := cmp.Diff(plain.String(), text); diff != "" {
		t.Errorf("without its colours: (-want +got)\n%s", diff)
	}
}

func TestColourIsNotWantedInPipesOrWithNoColor(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if ColourWanted(write) {
		t.Error("a pipe wants colours")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal here:", err)
	}
	defer terminal.Close()
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if !ColourWanted(terminal) {
		t.Error("a terminal does not want colours")
	}
	t.Setenv("NO_COLOR", "1")
	if ColourWanted(terminal) {
		t.Error("a terminal wants colours in spite of NO_COLOR")
	}
}

func TestTextFromFilesCanNotControlTheTerminal(t *testing.T) {
	table := Table{Columns: Columns("name\x1b[2J")}
	table.Add(Text("\x1b]0;owned\a\r\nline\u202e\u2028"))
	var b strings.Builder
	if err := table.WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\a\r\u202e\u2028") || strings.Count(b.String(), "\n") != 3 {
		t.Errorf("control characters get through: %q", b.String())
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if a, b := runewidth.StringWidth(lines[1]), runewidth.StringWidth(lines[2]); a != b {
		t.Errorf("the rule is %d wide, the text %d", a, b)
	}
}

func TestNumbersKeepTheirSignificantDigits(t *testing.T) {
	for _, c := range []struct {
		value  float64
		digits int
		want   string
	}{
		{0.0123456, 4, "0.01235"},
		{0.9999, 2, "1.0"},
		{-1234.5, 4, "-1234"},
		{123456.7, 4, "123457"},
		{1234567, 4, "1.235e+06"},
		{0.5, 4, "0.5000"},
		{0.00001234, 3, "1.23e-05"},
		{0, 4, "0"},
		{math.Inf(-1), 4, "-inf"},
	} {
		if got := formatNumber(c.value, c.digits); got != c.want {
			t.Errorf("formatNumber(%g, %d) = %s, want %s", c.value, c.digits, got, c.want)
		}
	}
}

func TestCSVHasAllDigitsAndNoFormulas(t *testing.T) {
	table := scores()
	table.Add(Text(`=cmd|'/c calc'!A0, "quoted"`), Number(math.Pi), Integer(-3), Text("-1"))
	var b bytes.Buffer
	if err := table.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"data_set", "one-step", "steps", "note"},
		{"shear_flow", "0.0123456", "20", "périodique"},
		{"密度", "nan", "1.234567e+06", ""},
		{`'=cmd|'/c calc'!A0, "quoted"`, strconv.FormatFloat(math.Pi, 'g', -1, 64), "-3", "'-1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestJSONKeepsOrderAndTextsForWhatIsNotFinite(t *testing.T) {
	table := scores()
	table.Add(Text(""), Number(math.Inf(-1)), Missing(), Number(math.Inf(1)))
	got, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"data_set":"shear_flow","one-step":0.0123456,"steps":20,"note":"périodique"},` +
		`{"data_set":"密度","one-step":"NaN","steps":1234567,"note":null},` +
		`{"data_set":"","one-step":"-Infinity","steps":null,"note":"Infinity"}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var b bytes.Buffer
	if err := (Table{Columns: Columns("a")}).WriteJSON(&b); err != nil || strings.TrimSpace(b.String()) != "[]" {
		t.Errorf("a table without rows: %q, error %v", b.String(), err)
	}
}

func TestBrokenTablesAreErrors(t *testing.T) {
	uneven := Table{Columns: Columns("a", "b")}
	uneven.Add(Text("only one"))
	for name, table := range map[string]Table{"no columns": {}, "a short row": uneven, "the same name twice": {Columns: Columns("a", "a")}} {
		var b bytes.Buffer
		if err := table.WriteText(&b, false); err == nil {
			t.Errorf("%s: WriteText accepted it", name)
		}
		if err := table.WriteCSV(&b); err == nil {
			t.Errorf("%s: WriteCSV accepted it", name)
		}
		if err := table.WriteJSON(&b); err == nil {
			t.Errorf("%s: WriteJSON accepted it", name)
		}
		if b.Len() > 0 {
			t.Errorf("%s: %d bytes were written", name, b.Len())
		}
	}
}
