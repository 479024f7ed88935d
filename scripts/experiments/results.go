package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// key is what a number was measured of.
type key struct {
	experiment, arm, dataSet string
	at                       float64 // the place on the horizontal axis: steps, tokens, frames
	seed                     uint64
	rate                     float64 // learning rate
	split, metric            string
}

// row is one measured number.
type row struct {
	key
	value, persistence float64
	seconds            float64 // that the training or the prediction took, on the machine at hand
}

var header = []string{"experiment", "arm", "data_set", "at", "seed", "rate", "split", "metric", "value", "persistence", "seconds"}

// results is the table on disk; every row is written when it is added.
type results struct {
	rows []row
	file *os.File
}

// openResults reads a table, or begins one. A last line without an end is of an experiment that was killed while it wrote.
func openResults(path string) (*results, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	r := &results{file: file}
	end, err := r.read(path)
	if err == nil {
		err = file.Truncate(end)
	}
	if err == nil {
		_, err = file.Seek(end, io.SeekStart)
	}
	if err == nil && end == 0 {
		err = r.write(header)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// read reads whole lines and returns where they end.
func (r *results) read(path string) (int64, error) {
	text, err := io.ReadAll(r.file)
	if err != nil {
		return 0, err
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	reader := csv.NewReader(io.NewSectionReader(r.file, 0, int64(end)))
	for line := 1; ; line++ {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return int64(end), nil
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if line == 1 {
			if !slices.Equal(record, header) {
				return 0, fmt.Errorf("%s: columns %v; expected %v", path, record, header)
			}
			continue
		}
		parsed, err := parseRow(record)
		if err != nil {
			return 0, fmt.Errorf("%s: line %d: %w", path, line, err)
		}
		r.rows = append(r.rows, parsed)
	}
}

func parseRow(record []string) (row, error) {
	var failed error
	number := func(i int) float64 {
		v, err := strconv.ParseFloat(record[i], 64)
		failed = errors.Join(failed, err)
		return v
	}
	seed, err := strconv.ParseUint(record[4], 10, 64)
	r := row{
		key:   key{experiment: record[0], arm: record[1], dataSet: record[2], at: number(3), seed: seed, rate: number(5), split: record[6], metric: record[7]},
		value: number(8), persistence: number(9), seconds: number(10),
	}
	return r, errors.Join(failed, err)
}

// add appends a row.
func (r *results) add(m row) error {
	f := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	r.rows = append(r.rows, m)
	return r.write([]string{
		m.experiment, m.arm, m.dataSet, f(m.at), strconv.FormatUint(m.seed, 10), f(m.rate), m.split, m.metric, f(m.value), f(m.persistence), f(m.seconds),
	})
}

func (r *results) write(record []string) error {
	w := csv.NewWriter(r.file)
	if err := w.Write(record); err != nil {
		return err
	}
	w.Flush()
	return errors.Join(w.Error(), r.file.Sync())
}

// has says whether a measurement was made.
func (r *results) has(k key) bool {
	return slices.ContainsFunc(r.rows, func(m row) bool { return m.key == k })
}

// where lists the rows that a condition holds for.
func (r *results) where(keep func(row) bool) []row {
	var list []row
	for _, m := range r.rows {
		if keep(m) {
			list = append(list, m)
		}
	}
	return list
}

func (r *results) close() error { return r.file.Close() }
