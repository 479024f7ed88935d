package train

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Names of the logs in a run's folder.
const (
	LogFile        = "log.csv"        // one row every few steps
	ValidationFile = "validation.csv" // one row a validation and data set
)

// Table is a CSV log whose first column is the step. It is written row by row, so that a run that dies loses nothing,
// and it can be taken up at any step.
type Table struct {
	file *os.File
}

var (
	logHeader        = []string{"step", "epoch", "samples", "learning_rate", "loss", "gradient_norm", "seconds"}
	validationHeader = []string{"step", "data_set", "vrmse", "persistence_vrmse", "windows", "split", "kind", "steps", "mae"}
)

// splitColumn is that of the split in the log of validations; the kind of score comes after it.
const splitColumn = 5

// OpenLog opens the log of a run that stands at a step: rows of later steps, which the run will write again, go.
func OpenLog(path string, step int) (*Table, error) {
	return openTable(path, logHeader, step, func(int, []string) bool { return true })
}

// OpenValidation does the same for the log of validations, where scores go that are due at the run's own step.
func OpenValidation(path string, s State) (*Table, error) {
	return openTable(path, validationHeader, s.Step, func(step int, row []string) bool {
		return step < s.Step || !slices.Contains(s.Due, Task{Split: row[splitColumn], Kind: row[splitColumn+1]})
	})
}

func openTable(path string, header []string, step int, keep func(step int, row []string) bool) (*Table, error) {
	rows, err := readRows(path, header, step)
	rows = slices.DeleteFunc(rows, func(row []string) bool {
		at, _ := strconv.Atoi(row[0])
		return !keep(at, row)
	})
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", path, err)
	}
	// Written anew beside the old one: a crash in between leaves the old log.
	temporary := path + ".new"
	file, err := os.Create(temporary)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	t := &Table{file: file}
	if err = errors.Join(t.write(append([][]string{header}, rows...)...), os.Rename(temporary, path)); err != nil {
		file.Close()
		return nil, fmt.Errorf("train: %s: %w", path, err)
	}
	return t, nil
}

// readRows reads the rows of an existing log up to a step. A last line that a crash cut short is dropped.
func readRows(path string, header []string, step int) ([][]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || step == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var kept [][]string
	reader := csv.NewReader(&wholeLines{from: bufio.NewReader(file)})
	reader.FieldsPerRecord = len(header)
	for {
		row, err := reader.Read()
		if err != nil {
			return kept, nil
		}
		if n, err := strconv.Atoi(row[0]); err == nil && n <= step {
			kept = append(kept, row)
		}
	}
}

// wholeLines reads up to the last line that is ended: of a row that is being written, or was when a run died, a number may be half there.
type wholeLines struct {
	from *bufio.Reader
	line []byte
}

// Read implements io.Reader.
func (w *wholeLines) Read(to []byte) (int, error) {
	for len(w.line) == 0 {
		line, err := w.from.ReadBytes('\n')
		if err != nil {
			return 0, err // what came before it is not a line
		}
		w.line = line
	}
	n := copy(to, w.line)
	w.line = w.line[n:]
	return n, nil
}

// ScoreRow is a row of the log of validations.
type ScoreRow struct {
	Step int
	Score
}

// ReadValidation reads the log of validations of a run's folder, as far as it goes; none is no error.
func ReadValidation(folder string) ([]ScoreRow, error) {
	path := filepath.Join(folder, ValidationFile)
	rows, err := readRows(path, validationHeader, math.MaxInt)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	list := make([]ScoreRow, len(rows))
	for i, row := range rows {
		var numbers [9]float64
		for _, k := range []int{0, 2, 3, 4, 7, 8} {
			if numbers[k], err = strconv.ParseFloat(row[k], 64); err != nil {
				return nil, fmt.Errorf("train: %s: row %d: %w", path, i+1, err)
			}
		}
		list[i] = ScoreRow{int(numbers[0]), Score{
			Task: Task{Kind: row[splitColumn+1], Split: row[splitColumn]}, DataSet: row[1], VRMSE: numbers[2], Persistence: numbers[3],
			Windows: int(numbers[4]), Steps: int(numbers[7]), MAE: numbers[8],
		}}
	}
	return list, nil
}

// ReadLog reads the training log of a run's folder, as far as it goes; none is no error.
func ReadLog(folder string) ([]Row, error) {
	path := filepath.Join(folder, LogFile)
	rows, err := readRows(path, logHeader, math.MaxInt)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	list := make([]Row, len(rows))
	for i, row := range rows {
		var numbers [7]float64
		for k, text := range row {
			if numbers[k], err = strconv.ParseFloat(text, 64); err != nil {
				return nil, fmt.Errorf("train: %s: row %d: %w", path, i+1, err)
			}
		}
		list[i] = Row{
			Step: int(numbers[0]), Epoch: numbers[1], Samples: int(numbers[2]), Rate: numbers[3],
			Loss: numbers[4], GradientNorm: numbers[5], Seconds: numbers[6],
		}
	}
	return list, nil
}

func (t *Table) write(rows ...[]string) error {
	w := csv.NewWriter(t.file)
	return w.WriteAll(rows) // flushes
}

// Row appends a row of the training log.
func (t *Table) Row(r Row) error {
	return t.write([]string{
		strconv.Itoa(r.Step), number(r.Epoch), strconv.Itoa(r.Samples), number(r.Rate), number(r.Loss), number(r.GradientNorm),
		strconv.FormatFloat(r.Seconds, 'f', 3, 64),
	})
}

// Scores appends the rows of one validation.
func (t *Table) Scores(step int, scores []Score) error {
	rows := make([][]string, len(scores))
	for i, s := range scores {
		rows[i] = []string{strconv.Itoa(step), s.DataSet, number(s.VRMSE), number(s.Persistence), strconv.Itoa(s.Windows), s.Split, s.Kind, strconv.Itoa(s.Steps), number(s.MAE)}
	}
	return t.write(rows...)
}

// number writes the shortest text that reads back as the same value.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Close makes the log durable.
func (t *Table) Close() error { return errors.Join(t.file.Sync(), t.file.Close()) }
