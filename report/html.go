package report

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"time"
)

// Document is what the report of one run contains. Parts that are empty are left out; all text is escaped.
type Document struct {
	Title string
	// Summary says in a sentence or two what was done and what came out.
	Summary string
	// Highlights are the few numbers to remember.
	Highlights []Highlight
	// Scores has the scores beside those of persistence; ScoresNote explains how to read them.
	Scores     Table
	ScoresNote string
	Training   []Figure // the training curve
	Rollouts   []Figure // scores against rollout step
	DataSets   []DataSet
	// Made lists configuration, seeds, timings and versions: all that is needed to get the same again.
	Made []Fact
	// Config is the configuration file as it was used, shown verbatim.
	Config  string
	Created time.Time
	Program string // name and version of the program that made it
}

// Highlight is one number with its name and, in a few words, what to compare it with.
type Highlight struct{ Name, Value, Note string }

// DataSet is the part of a document about one data set.
type DataSet struct {
	Name, Text string
	Figures    []Figure
}

// Fact is one line about how the result was made.
type Fact struct{ Name, Value string }

//go:embed page.html
var pageSource string

// page is parsed once; the source is part of the program, so that a mistake in it shows in the first test.
var page = template.Must(template.New("page").Parse(pageSource))

// HTML writes the document as one self-contained page: no other file, no script, nothing from a network. It follows the reader's choice of a
// light or a dark page and fits narrow screens.
func HTML(w io.Writer, doc Document) error {
	if doc.Title == "" {
		return errors.New("report: a document without a title")
	}
	v, err := newView(doc)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if err := page.Execute(out, v); err != nil {
		return fmt.Errorf("report: html: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("report: html: %w", err)
	}
	return nil
}

// view is a document as the template reads it. Its fields hide those of the document that need work first.
type view struct {
	Document
	Scores   *tableView
	Training []embedded
	Rollouts []embedded
	DataSets []dataSetView
	When     string
}

type dataSetView struct {
	Name, Text string
	Figures    []embedded
}

type tableView struct {
	Title string
	Head  []cellView
	Rows  [][]cellView
}

type cellView struct {
	Text  string
	Class string
}

func newView(doc Document) (view, error) {
	v := view{Document: doc}
	if !doc.Created.IsZero() {
		v.When = doc.Created.Format("2 January 2006, 15:04 MST")
	}
	if len(doc.Scores.Columns) > 0 {
		t, err := doc.Scores.view()
		if err != nil {
			return view{}, err
		}
		v.Scores = t
	}
	var err error
	if v.Training, err = embedAll(doc.Training); err != nil {
		return view{}, fmt.Errorf("report: training: %w", err)
	}
	if v.Rollouts, err = embedAll(doc.Rollouts); err != nil {
		return view{}, fmt.Errorf("report: rollouts: %w", err)
	}
	for _, d := range doc.DataSets {
		figures, err := embedAll(d.Figures)
		if err != nil {
			return view{}, fmt.Errorf("report: data set %s: %w", d.Name, err)
		}
		v.DataSets = append(v.DataSets, dataSetView{d.Name, d.Text, figures})
	}
	return v, nil
}

func embedAll(figures []Figure) ([]embedded, error) {
	list := make([]embedded, len(figures))
	for i, f := range figures {
		var err error
		if list[i], err = f.embed(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// view prepares the table for the template: what each cell shows and its CSS class.
func (t Table) view() (*tableView, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	v := &tableView{Title: t.Title}
	classes := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		if t.rightAligned(i) {
			classes[i] = "number"
		}
		v.Head = append(v.Head, cellView{printable(c.Name), classes[i]})
	}
	for _, row := range t.Rows {
		cells := make([]cellView, len(row))
		for i, c := range row {
			mark := [...]string{Plain: "", Good: " good", Bad: " bad"}[c.mark]
			cells[i] = cellView{c.show(t.Columns[i]), classes[i] + mark}
		}
		v.Rows = append(v.Rows, cells)
	}
	return v, nil
}
