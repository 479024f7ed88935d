package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/train"
)

// Options are what the files do not say.
type Options struct {
	Title   string
	Program string // name and version, for the page
	// Data is where the truth of rollouts lies, where it is not where it was; empty for there.
	Data string
	// Budget bounds the bytes of all films before compression; 0 for report's own, shared among them.
	Budget int
	// Progress hears of every frame of a rollout that is read, counted from 1, and how many there are; nil for nobody.
	Progress func(rollout string, done, all int)
}

// predictionFile is what walrus rollout writes into its folder.
const predictionFile = "prediction.hdf5"

// kind is what a path stands for.
type kind int

const (
	aRun kind = iota
	scores
	aRollout
)

// kindOf tells by the files that are there.
func kindOf(path string) (kind, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
	switch {
	case info.IsDir() && has(train.RunConfigFile):
		return aRun, nil
	case info.IsDir() && (has(predictionFile) || has(rollout.ProvenanceFile)):
		return aRollout, nil
	case info.IsDir():
		return 0, fmt.Errorf("report: %s: a folder without %s, which a training run has, and without %s, which a rollout has", path, train.RunConfigFile, predictionFile)
	case strings.EqualFold(filepath.Ext(path), ".json"):
		return scores, nil
	case strings.EqualFold(filepath.Ext(path), ".hdf5"), strings.EqualFold(filepath.Ext(path), ".h5"):
		return aRollout, nil
	}
	return 0, fmt.Errorf("report: %s: expected the folder of a run or a rollout, the .json of walrus eval --json, or a prediction's .hdf5", path)
}

// Document gathers what all paths have to show, in their order.
func Document(ctx context.Context, paths []string, o Options) (report.Document, error) {
	if len(paths) == 0 {
		return report.Document{}, errors.New("report: nothing to report on")
	}
	doc := report.Document{Title: o.Title, Program: o.Program, Created: time.Now()}
	kinds := make([]kind, len(paths))
	films := 0
	for i, path := range paths {
		var err error
		if kinds[i], err = kindOf(path); err != nil {
			return doc, err
		}
		if kinds[i] == aRollout {
			films++
		}
	}
	if o.Budget == 0 {
		o.Budget = pageBudget
	}
	o.Budget /= max(films, 1)
	var files []scoresFile
	for i, path := range paths {
		var err error
		switch kinds[i] {
		case aRun:
			err = addRun(&doc, path)
		case aRollout:
			err = addRollout(ctx, &doc, path, o)
		case scores:
			var f scoresFile
			var c comparisonFile
			f, c, err = readScores(path)
			if len(f.Scores) > 0 {
				files = append(files, f)
			}
			if len(c.Rows) > 0 {
				doc.Sections = append(doc.Sections, c.section())
			}
		}
		if err != nil {
			return doc, err
		}
	}
	if err := addScores(&doc, files); err != nil {
		return doc, err
	}
	doc.Made = append(doc.Made, report.Fact{Name: "machine of this report", Value: fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())})
	doc.Commands = append(doc.Commands, "walrus report "+strings.Join(quoted(paths), " "))
	if doc.Title == "" {
		doc.Title = "Report on " + strings.Join(names(paths), ", ")
	}
	return doc, nil
}

// pageBudget bounds the films of a page, in bytes before compression: the page stays below 45 MB, and mostly far below.
const pageBudget = 32 << 20

// names are the last parts of paths.
func names(paths []string) []string {
	list := make([]string, len(paths))
	for i, p := range paths {
		list[i] = filepath.Base(filepath.Clean(p))
	}
	return list
}

// quoted writes arguments so that a shell reads them back.
func quoted(arguments []string) []string {
	list := make([]string, len(arguments))
	for i, a := range arguments {
		list[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$`&|;<>()[]{}*?!#~") {
			list[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return list
}

// readText reads a small text file, empty where there is none.
func readText(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("report: %w", err)
	}
	return string(text), nil
}
