package main

import (
	"context"
	"embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/progress"
	"github.com/gowalrus/walrus/well"
)

// gasCase are OpenFOAM's dictionaries of a box of one metre of compressed air with slip walls and no friction, and boxes.csv: what lies in it
// at the beginning of each run. They were drawn once; the runs are those of docs/experiments.md.
//
//go:embed gas
var gasCase embed.FS

const (
	gasPoints   = 64   // cells along each side, as in system/blockMeshDict
	gasFrames   = 49   // as in system/controlDict
	gasInterval = 6e-5 // seconds between them
)

// gasSplits are the ends of the splits among the runs.
var gasSplits = []struct {
	name string
	end  int
}{{"train", 32}, {"valid", 40}, {"test", 48}}

// gasFields are the fields, and the files that OpenFOAM writes them to.
var gasFields = []struct {
	field.Field
	file string
}{
	{field.Field{Name: "pressure"}, "p"},
	{field.Field{Name: "temperature"}, "T"},
	{field.Field{Name: "velocity", Rank: field.Vector}, "U"},
}

// gasRun is what one run gave: the frames of each field, row-major over x, y and, of velocity, components.
type gasRun struct {
	boxes  int
	frames [][gasFrames][]float32
}

func gasCommand(l *lab) *cobra.Command {
	jobs := 2
	cmd := &cobra.Command{
		Use: "gas", Short: "Make the data set of compressed gas with OpenFOAM (Debian's package openfoam; a quarter of an hour of two cores)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			boxes, err := gasBoxes()
			if err != nil {
				return err
			}
			bar := progress.New(cmd.ErrOrStderr(), "gas", 0, len(boxes))
			defer bar.Close()
			runs := make([]gasRun, len(boxes))
			group, ctx := errgroup.WithContext(cmd.Context())
			group.SetLimit(jobs)
			for i := range boxes {
				group.Go(func() (err error) {
					if runs[i], err = simulateGas(ctx, boxes[i]); err != nil {
						return fmt.Errorf("gas: run %d: %w", i, err)
					}
					bar.Advance(1, "")
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				return err
			}
			return writeGas(filepath.Join(l.foreign, "gas"), runs)
		},
	}
	cmd.Flags().IntVar(&jobs, "jobs", jobs, "runs at once")
	return cmd
}

// gasBoxes are the lines of boxes.csv by run, as setFields takes them: with the numbers as they stand there.
func gasBoxes() ([][]string, error) {
	file, err := gasCase.Open("gas/boxes.csv")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("gas/boxes.csv: %w", err)
	}
	runs := make([][]string, gasSplits[len(gasSplits)-1].end)
	for _, row := range rows[1:] {
		i, err := strconv.Atoi(row[0])
		if err != nil || i < 0 || i >= len(runs) {
			return nil, fmt.Errorf("gas/boxes.csv: run %s; expected 0 to %d", row[0], len(runs)-1)
		}
		var v [4]float64
		for k := range v {
			if v[k], err = strconv.ParseFloat(row[1+k], 64); err != nil {
				return nil, fmt.Errorf("gas/boxes.csv: %w", err)
			}
		}
		runs[i] = append(runs[i], fmt.Sprintf("boxToCell { box (%v %v -1) (%v %v 1); fieldValues (volScalarFieldValue p %s volScalarFieldValue T %s); }",
			v[0], v[1], v[0]+v[2], v[1]+v[3], row[5], row[6]))
	}
	return runs, nil
}

// simulateGas lays a case out in a folder of its own, runs OpenFOAM in it and reads the frames.
func simulateGas(ctx context.Context, boxes []string) (gasRun, error) {
	dir, err := os.MkdirTemp("", "gas")
	if err != nil {
		return gasRun{}, err
	}
	defer os.RemoveAll(dir)
	files, err := fs.Sub(gasCase, "gas")
	if err != nil {
		return gasRun{}, err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return gasRun{}, err
	}
	regions := "FoamFile { version 2.0; format ascii; class dictionary; object setFieldsDict; }\n" +
		"defaultFieldValues (volScalarFieldValue p 1e5 volScalarFieldValue T 300);\nregions (\n" + strings.Join(boxes, "\n") + "\n);\n"
	if err := os.WriteFile(filepath.Join(dir, "system/setFieldsDict"), []byte(regions), 0o666); err != nil {
		return gasRun{}, err
	}
	for _, program := range []string{"blockMesh", "setFields", "rhoCentralFoam"} {
		cmd := exec.CommandContext(ctx, program)
		cmd.Dir = dir
		if os.Getenv("WM_PROJECT_DIR") == "" { // as Debian has it
			cmd.Env = append(os.Environ(), "WM_PROJECT_DIR=/usr/share/openfoam", "FOAM_ETC=/usr/share/openfoam/etc")
		}
		if said, err := cmd.CombinedOutput(); err != nil {
			return gasRun{}, fmt.Errorf("%s: %w; it says\n%s", program, err, said[max(0, len(said)-2000):])
		}
	}
	return readGas(dir, len(boxes))
}

// readGas reads the frames of a finished case, in the order of their times.
func readGas(dir string, boxes int) (gasRun, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return gasRun{}, err
	}
	names := map[float64]string{}
	for _, e := range entries {
		if t, err := strconv.ParseFloat(e.Name(), 64); err == nil {
			names[t] = e.Name()
		}
	}
	times := slices.Sorted(maps.Keys(names))
	if len(times) != gasFrames {
		return gasRun{}, fmt.Errorf("OpenFOAM wrote %d times; expected %d", len(times), gasFrames)
	}
	run := gasRun{boxes, make([][gasFrames][]float32, len(gasFields))}
	for frame, t := range times {
		for i, f := range gasFields {
			components := f.Rank.Components(3)
			text, err := os.ReadFile(filepath.Join(dir, names[t], f.file))
			if err != nil {
				return gasRun{}, err
			}
			if run.frames[i][frame], err = foamField(string(text), gasPoints, components); err != nil {
				return gasRun{}, fmt.Errorf("%s: %w", path.Join(names[t], f.file), err)
			}
		}
	}
	return run, nil
}

var foamNumbers = regexp.MustCompile(`internalField\s+(uniform|nonuniform\s+List<\w+>\s*\d+)([^;]*);`)

// foamField reads the cells of n x n, which OpenFOAM counts with x fastest, as a frame whose y is fastest; of three components the first two.
func foamField(text string, n, components int) ([]float32, error) {
	found := foamNumbers.FindStringSubmatch(text)
	if found == nil {
		return nil, errors.New("no internalField")
	}
	words := strings.FieldsFunc(found[2], func(r rune) bool { return strings.ContainsRune("() \n\t", r) })
	cells := n * n
	if found[1] == "uniform" {
		cells = 1
	}
	if len(words) != cells*components {
		return nil, fmt.Errorf("%d numbers; expected %d", len(words), cells*components)
	}
	kept := min(components, 2)
	frame := make([]float32, 0, n*n*kept)
	for x := range n {
		for y := range n {
			for c := range kept {
				v, err := strconv.ParseFloat(words[((y*n+x)%cells)*components+c], 32)
				if err != nil {
					return nil, err
				}
				frame = append(frame, float32(v))
			}
		}
	}
	return frame, nil
}

// writeGas writes a file a split.
func writeGas(folder string, runs []gasRun) error {
	first := 0
	for _, split := range gasSplits {
		part := runs[first:split.end]
		first = split.end
		if err := writeGasFile(filepath.Join(folder, "data", split.name, "gas.hdf5"), part); err != nil {
			return err
		}
	}
	return nil
}

func writeGasFile(name string, runs []gasRun) error {
	centres := make([]float32, gasPoints)
	for i := range centres {
		centres[i] = (float32(i) + 0.5) / gasPoints
	}
	axes := []well.Axis{{Name: "x", Coordinates: centres}, {Name: "y", Coordinates: centres}}
	wall := field.Both(field.Wall)
	h := well.Header{
		DatasetName: "gas", GridType: well.Cartesian, Axes: axes, Trajectories: len(runs), Compression: 4,
		Boundaries: well.BoundaryGroups(axes, []field.Sides{wall, wall}),
		Parameters: []well.Parameter{{Name: "boxes"}},
	}
	for frame := range gasFrames {
		h.Time = append(h.Time, float32(float64(frame)*gasInterval))
	}
	for _, f := range gasFields {
		h.Fields = append(h.Fields, well.FieldInfo{Field: f.Field, TimeVarying: true, SampleVarying: true})
	}
	for _, r := range runs {
		h.Parameters[0].Values = append(h.Parameters[0].Values, float64(r.boxes))
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	w, err := well.Create(name, h)
	if err != nil {
		return err
	}
	defer w.Abort()
	for i, r := range runs {
		for k, f := range gasFields {
			for frame, values := range r.frames[k] {
				if err := w.WriteFrame(i, frame, f.Name, values); err != nil {
					return err
				}
			}
		}
	}
	return w.Close()
}
