package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
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
	Sections   []Section
	// Made lists configuration, seeds, timings and versions: all that is needed to get the same again.
	Made []Fact
	// Commands are what to type to repeat it; Configs are configuration files as they were used, shown verbatim under their names.
	Commands []string
	Configs  []Fact
	Created  time.Time
	Program  string // name and version of the program that made it
}

// Highlight is one number with its name and, in a few words, what to compare it with.
type Highlight struct{ Name, Value, Note string }

// Section is one part of a document: what was trained, scored or predicted.
type Section struct {
	Name, Text string
	Tables     []Table
	Films      []*Film
	Figures    []Figure
}

// Fact is one line about how the result was made.
type Fact struct{ Name, Value string }

var (
	//go:embed page.html
	pageSource string
	//go:embed page.js
	script string
)

// page is parsed once; the source is part of the program, so that a mistake in it shows in the first test.
var page = template.Must(template.New("page").Parse(pageSource))

// HTML writes the document as one self-contained page: no other file, nothing from a network. It follows the reader's choice of a light or a
// dark page, fits narrow screens and prints. Its policy runs the script that plays films (page.js) and no other, whatever a name may contain.
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
	Sections   []sectionView
	When       string
	Script     template.JS
	ScriptHash string // of the only script that the page may run
	Maps       map[string]string
}

type sectionView struct {
	Name, Text string
	Tables     []*tableView
	Films      []filmPart
	Figures    []embedded
}

// filmPart is a film as the template reads it.
type filmPart struct {
	View  filmView
	Blobs []blobView
}

type blobView struct {
	ID   string
	Data template.HTML // base64, which needs no escape
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
	films := 0
	for _, s := range doc.Sections {
		part, err := s.view()
		if err != nil {
			return view{}, fmt.Errorf("report: %s: %w", s.Name, err)
		}
		v.Sections = append(v.Sections, part)
		films += len(part.Films)
	}
	hash := sha256.Sum256([]byte(script))
	v.ScriptHash = base64.StdEncoding.EncodeToString(hash[:])
	if films > 0 {
		v.Script, v.Maps = template.JS(script), mapsView()
	}
	return v, nil
}

func (s Section) view() (sectionView, error) {
	v := sectionView{Name: s.Name, Text: s.Text}
	for _, t := range s.Tables {
		table, err := t.view()
		if err != nil {
			return v, err
		}
		v.Tables = append(v.Tables, table)
	}
	for _, f := range s.Films {
		part := filmPart{View: f.view}
		for _, b := range f.blobs {
			part.Blobs = append(part.Blobs, blobView{b.ID, template.HTML(b.Data)})
		}
		v.Films = append(v.Films, part)
	}
	var err error
	v.Figures, err = embedAll(s.Figures)
	return v, err
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
