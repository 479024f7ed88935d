package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/metric"
)

// cell is what several seeds gave for one number.
type cell struct {
	median, low, high float64
	persistence       float64
	seconds           float64
	seeds             int
}

// line is a row of a printed table: what stays the same, and a cell for each place on the horizontal axis.
type line struct {
	arm, dataSet, metric string
	cells                map[float64]cell
}

// lines gather the numbers of an experiment, those that rates were chosen by left out, in the order in which arms and data sets first come.
func lines(rows []row, experiment string) []line {
	var list []line
	for _, m := range rows {
		if m.experiment != experiment || m.seed == tuningSeed || m.split != testSplit {
			continue
		}
		if slices.ContainsFunc(list, func(l line) bool { return l.arm == m.arm && l.dataSet == m.dataSet && l.metric == m.metric }) {
			continue
		}
		same := slices.DeleteFunc(slices.Clone(rows), func(o row) bool {
			return o.experiment != experiment || o.seed == tuningSeed || o.split != testSplit || o.arm != m.arm || o.dataSet != m.dataSet || o.metric != m.metric
		})
		l := line{m.arm, m.dataSet, m.metric, map[float64]cell{}}
		for _, o := range same {
			if _, done := l.cells[o.at]; !done {
				l.cells[o.at] = summarize(slices.DeleteFunc(slices.Clone(same), func(p row) bool { return p.at != o.at }))
			}
		}
		list = append(list, l)
	}
	return list
}

// summarize is of the rows of all seeds.
func summarize(rows []row) cell {
	c := cell{low: math.Inf(1), high: math.Inf(-1), seeds: len(rows)}
	var values, seconds []float64
	for _, m := range rows {
		values, seconds = append(values, m.value), append(seconds, m.seconds)
		c.low, c.high, c.persistence = min(c.low, m.value), max(c.high, m.value), m.persistence
	}
	c.median, c.seconds = metric.Median(values), metric.Median(seconds)
	return c
}

// printTable writes the table of an experiment in Markdown: medians over the seeds, the least and the greatest behind them.
func printTable(w io.Writer, rows []row, experiment string) {
	list := lines(rows, experiment)
	var places []float64
	for _, l := range list {
		for at := range l.cells {
			if !slices.Contains(places, at) {
				places = append(places, at)
			}
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(places, cmp.Compare)
	if len(places) == 1 {
		printSideBySide(w, list, experiment, places[0])
		return
	}
	fmt.Fprintf(w, "### %s\n\n| arm | data set | score |", experiment)
	for _, at := range places {
		fmt.Fprintf(w, " %g |", at)
	}
	fmt.Fprintf(w, " persistence |\n|---|---|---|%s\n", strings.Repeat("--:|", len(places)+1))
	for _, l := range list {
		fmt.Fprintf(w, "| %s | %s | %s |", l.arm, l.dataSet, l.metric)
		persistence := math.NaN()
		for _, at := range places {
			c, found := l.cells[at]
			if !found {
				fmt.Fprint(w, " |")
				continue
			}
			persistence = c.persistence
			fmt.Fprintf(w, " %.4g (%.4g to %.4g; %.3g s) |", c.median, c.low, c.high, c.seconds)
		}
		fmt.Fprintf(w, " %.4g |\n", persistence)
	}
	fmt.Fprintln(w)
}

// printSideBySide writes a table of one place, with a column for each arm.
func printSideBySide(w io.Writer, list []line, experiment string, at float64) {
	var arms []string
	for _, l := range list {
		if !slices.Contains(arms, l.arm) {
			arms = append(arms, l.arm)
		}
	}
	fmt.Fprintf(w, "### %s, %g\n\n| data set | score | %s | persistence |\n|---|---|%s\n", experiment, at, strings.Join(arms, " | "), strings.Repeat("--:|", len(arms)+1))
	for i, l := range list {
		same := func(o line) bool { return o.dataSet == l.dataSet && o.metric == l.metric }
		if slices.ContainsFunc(list[:i], same) {
			continue
		}
		fmt.Fprintf(w, "| %s | %s |", l.dataSet, l.metric)
		for _, arm := range arms {
			j := slices.IndexFunc(list, func(o line) bool { return same(o) && o.arm == arm })
			if j < 0 {
				fmt.Fprint(w, " |")
				continue
			}
			c := list[j].cells[at]
			fmt.Fprintf(w, " %.3g (%.3g to %.3g) |", c.median, c.low, c.high)
		}
		if p := l.cells[at].persistence; p > 0 {
			fmt.Fprintf(w, " %.3g", p)
		}
		fmt.Fprintln(w, " |")
	}
	fmt.Fprintln(w)
}
