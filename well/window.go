package well

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/gowalrus/walrus/field"
)

// WindowSpec names frames of one trajectory: Start, Start+Stride, ..., Steps of them.
type WindowSpec struct {
	File       int // index into Files
	Trajectory int
	Start      int
	Stride     int
	Steps      int
}

// Frames lists the frame numbers.
func (s WindowSpec) Frames() []int {
	list := make([]int, s.Steps)
	for i := range list {
		list[i] = s.Start + i*s.Stride
	}
	return list
}

// Window is a stretch of one trajectory.
type Window struct {
	Spec       WindowSpec
	Path       string               // the file
	Frames     field.Array          // (steps, *grid, variable channels)
	Constant   field.Array          // (*grid, constant channels); no channels for none
	Boundaries []field.Sides        // one an axis
	Axes       []Axis               // names and positions of the grid points
	Times      []float32            // one a step
	Scalars    map[string][]float32 // one value a step, or a single one where constant in time
	Replaced   int                  // values that were not numbers on disk, and are 0 here
}

// Origin says where the window was read, for messages.
func (w *Window) Origin() string {
	return fmt.Sprintf("%s, trajectory %d, frames %d to %d", w.Path, w.Spec.Trajectory, w.Spec.Start, w.Spec.Start+(w.Spec.Steps-1)*w.Spec.Stride)
}

// Lengths are the lengths of the domain along its axes, as far as the positions of the grid points tell: the cells at
// both ends count whole. There are none where an axis has no positions, or positions that are no lengths.
func (d *Dataset) Lengths(w *Window) []float64 {
	if d.GridType() != "cartesian" {
		return nil
	}
	var lengths []float64
	for _, axis := range w.Axes {
		n := len(axis.Coordinates)
		if n < 2 {
			return nil
		}
		length := float64(axis.Coordinates[n-1]-axis.Coordinates[0]) * float64(n) / float64(n-1)
		if !(length > 0) {
			return nil
		}
		lengths = append(lengths, length)
	}
	return lengths
}

// Split cuts the frames into the first inputs steps and the rest; both share the window's data.
func (w *Window) Split(inputs int) (input, output field.Array) {
	cut := inputs * field.Volume(w.Frames.Shape[1:])
	part := func(steps int, data []float32) field.Array {
		return field.Array{Shape: append([]int{steps}, w.Frames.Shape[1:]...), Data: data}
	}
	return part(inputs, w.Frames.Data[:cut]), part(w.Spec.Steps-inputs, w.Frames.Data[cut:])
}

// Windows is the index of all windows of a data set: file after file, trajectory after trajectory, by first frame.
type Windows struct {
	dataset *Dataset
	steps   int   // frames of a window
	inputs  int   // of which are given to the model
	minimum int   // stride
	maximum int   // stride
	first   int   // frame where the first window of a trajectory starts
	counts  []int // windows of one trajectory, by file
	ends    []int // index after the last window of each file
	groups  []int // of each file: the first file that has the same boundaries
	kept    []int // what Restrict has left, as indices among all windows; nil for all
}

// Windows lists the windows of nIn + nOut frames with a stride of at least minStride that fit into the trajectories. The
// stride of a window is drawn between the two bounds, as far as the window still fits.
func (d *Dataset) Windows(nIn, nOut, minStride, maxStride int) (*Windows, error) {
	if nIn < 1 || nOut < 0 || minStride < 1 || maxStride < minStride {
		return nil, fmt.Errorf("well: windows of %d + %d frames with strides %d to %d; expected at least one input frame and 1 <= lowest stride <= highest", nIn, nOut, minStride, maxStride)
	}
	w := &Windows{dataset: d, steps: nIn + nOut, inputs: nIn, minimum: minStride, maximum: maxStride}
	span := 1 + minStride*(w.steps-1)
	short, shortest, longest := 0, d.files[0], d.files[0]
	for _, f := range d.files {
		if f.Steps < span {
			short += f.Trajectories
		}
		if f.Steps < shortest.Steps {
			shortest = f
		}
		if f.Steps > longest.Steps {
			longest = f
		}
		w.add(f, max(0, f.Steps-span+1))
	}
	if w.Len() == 0 {
		return nil, fmt.Errorf("well: %s: trajectories of %d frames, the longest; windows of %d + %d frames with stride %d need %d", longest.Path, longest.Steps, nIn, nOut, minStride, span)
	}
	if short > 0 {
		d.logger.Warn(fmt.Sprintf("well: %d of %d trajectories are shorter than the %d frames of a window and are left out (exclude names files)", short, d.Trajectories(), span),
			"dataset", d.Name(), "shortest", shortest.Path)
	}
	return w, nil
}

// FullTrajectories lists one window a trajectory: nIn frames and all that follow, as many as the shortest trajectory has,
// from frame first on. maxOut bounds the frames after the inputs; 0 does not.
func (d *Dataset) FullTrajectories(nIn, first, stride, maxOut int) (*Windows, error) {
	if nIn < 1 || first < 0 || stride < 1 || maxOut < 0 {
		return nil, fmt.Errorf("well: trajectories of %d input frames from frame %d with stride %d; expected at least 1, 0 and 1", nIn, first, stride)
	}
	shortest := d.files[0]
	for _, f := range d.files {
		if f.Steps < shortest.Steps {
			shortest = f
		}
	}
	steps := max(0, shortest.Steps-first) / stride
	if steps <= nIn {
		return nil, fmt.Errorf("well: %s: trajectories of %d frames, %d of them from frame %d with stride %d; expected more than %d input frames", shortest.Path, shortest.Steps, steps, first, stride, nIn)
	}
	if maxOut > 0 {
		steps = min(steps, nIn+maxOut)
	}
	w := &Windows{dataset: d, steps: steps, inputs: nIn, minimum: stride, maximum: stride, first: first}
	for _, f := range d.files {
		w.add(f, 1)
	}
	return w, nil
}

// add appends a file with this many windows a trajectory.
func (w *Windows) add(f FileSummary, count int) {
	w.counts = append(w.counts, count)
	w.ends = append(w.ends, w.Len()+count*f.Trajectories)
	w.groups = append(w.groups, slices.IndexFunc(w.dataset.files, func(other FileSummary) bool { return slices.Equal(other.Boundaries, f.Boundaries) }))
}

// Group tells apart the windows that fit into one batch, since a network sees one set of boundaries for all of it: windows
// of files with the same boundaries are of one group. Grid and fields are the same for all files, and lengths and times do not matter to a
// window. The number is the index of the group's first file; i counts as in At.
func (w *Windows) Group(i int) int {
	return w.groups[min(w.fileOf(w.whole(i)), len(w.groups)-1)]
}

// fileOf is the file that window i lies in.
func (w *Windows) fileOf(i int) int { return sort.SearchInts(w.ends, i+1) }

// whole is the index that window i has without a restriction.
func (w *Windows) whole(i int) int {
	if w.kept == nil || i < 0 || i >= len(w.kept) {
		return i
	}
	return w.kept[i]
}

// Len is the number of windows.
func (w *Windows) Len() int {
	if w.kept != nil {
		return len(w.kept)
	}
	if len(w.ends) == 0 {
		return 0
	}
	return w.ends[len(w.ends)-1]
}

// Steps is the number of frames of a window, and Inputs how many of them come first as the model's input.
func (w *Windows) Steps() int { return w.steps }

// Inputs is the number of input frames of a window.
func (w *Windows) Inputs() int { return w.inputs }

// At gives window i. Its stride is drawn from rng, which may be nil: then it is the lowest.
func (w *Windows) At(i int, rng *rand.Rand) (WindowSpec, error) {
	if i < 0 || i >= w.Len() {
		return WindowSpec{}, fmt.Errorf("well: window %d of %d", i, w.Len())
	}
	i = w.whole(i)
	file := w.fileOf(i)
	if file > 0 {
		i -= w.ends[file-1]
	}
	s := WindowSpec{File: file, Trajectory: i / w.counts[file], Start: w.first + i%w.counts[file], Stride: w.minimum, Steps: w.steps}
	if w.steps > 1 && rng != nil {
		highest := min(w.maximum, (w.dataset.files[file].Steps-s.Start-1)/(w.steps-1))
		if highest > w.minimum {
			s.Stride += rng.IntN(highest - w.minimum + 1)
		}
	}
	return s, nil
}

// Read reads a window: the frames it names and nothing else. Values that are not numbers, which some published data has
// inside obstacles, become 0; the first time this is told to the log.
func (d *Dataset) Read(ctx context.Context, s WindowSpec) (*Window, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.File < 0 || s.File >= len(d.files) {
		return nil, fmt.Errorf("well: file %d of %d", s.File, len(d.files))
	}
	f, release, err := d.pool.open(s.File)
	if err != nil {
		return nil, err
	}
	defer release()
	w, err := f.ReadWindow(ctx, s.Trajectory, s.Start, s.Stride, s.Steps)
	if err != nil {
		return nil, err
	}
	w.Spec.File = s.File
	if w.Replaced > 0 && d.reported.CompareAndSwap(false, true) {
		d.logger.Warn("values that are not numbers were replaced by 0; this is said once for the data set",
			"dataset", d.Name(), "window", w.Origin(), "values", w.Replaced)
	}
	return w, nil
}

// Times are the physical times of a window's frames, without its fields.
func (d *Dataset) Times(s WindowSpec) ([]float32, error) {
	if s.File < 0 || s.File >= len(d.files) {
		return nil, fmt.Errorf("well: file %d of %d", s.File, len(d.files))
	}
	f, release, err := d.pool.open(s.File)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := f.checkFrames(s.Trajectory, s.Start, s.Stride, s.Steps); err != nil {
		return nil, err
	}
	return f.timesOf(s)
}

// timesOf are the times of a window's frames.
func (f *File) timesOf(s WindowSpec) ([]float32, error) {
	times, err := f.times(s.Trajectory)
	if err != nil {
		return nil, err
	}
	picked := make([]float32, 0, s.Steps)
	for _, frame := range s.Frames() {
		picked = append(picked, times[frame])
	}
	return picked, nil
}

// ReadWindow reads frames of one trajectory with all fields. Values that are not numbers become 0 and are counted.
func (f *File) ReadWindow(ctx context.Context, trajectory, start, stride, steps int) (*Window, error) {
	if err := f.checkFrames(trajectory, start, stride, steps); err != nil {
		return nil, err
	}
	w := &Window{
		Spec: WindowSpec{Trajectory: trajectory, Start: start, Stride: stride, Steps: steps},
		Path: f.path, Boundaries: f.Boundaries(), Scalars: map[string][]float32{},
	}
	var err error
	if w.Frames, err = f.stack(ctx, f.Variable(), w, steps); err != nil {
		return nil, err
	}
	constant, err := f.stack(ctx, f.Constant(), w, 1)
	if err != nil {
		return nil, err
	}
	w.Constant = constant.Index(0)
	if w.Axes, err = f.coordinates(trajectory); err != nil {
		return nil, err
	}
	if w.Times, err = f.timesOf(w.Spec); err != nil {
		return nil, err
	}
	for _, s := range f.scalars {
		w.Scalars[s.Name] = s.at(trajectory, f.Trajectories(), w.Spec.Frames())
	}
	return w, nil
}
