package well

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"unsafe"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// Writer writes one file, frame by frame in any order, and refuses what no simulation should contain: values that are
// not finite, densities that are not positive, frames that repeat the frame before, and gaps. The file takes its name at
// Close. The same header and frames in the same order give the same bytes. A Writer is for one goroutine.
type Writer struct {
	header Header
	sizes  []int
	time   []float32
	fields map[string]*fieldWriter
	file   *hdf5.File
	target *atomicfile.File
	seed   maphash.Seed

	notes     []note
	mayRepeat bool
	repeated  [][2]int // trajectory and frame of those that repeat the frame before, where that is allowed
}

// fieldWriter is a field's data set and what was written to it.
type fieldWriter struct {
	FieldInfo
	data   *hdf5.Dataset
	frames int      // frames of a trajectory: 1 for a constant field
	hashes []uint64 // by trajectory and frame; 0: not written yet
}

// trajectories is for how many trajectories the field is stored.
func (f *fieldWriter) trajectories() int { return len(f.hashes) / f.frames }

// Create starts the file at path. End it with Close, or with Abort to leave nothing behind; Abort after Close does
// nothing, so that it can be deferred.
func Create(path string, h Header) (*Writer, error) {
	fail := func(err error) (*Writer, error) { return nil, fmt.Errorf("well: %s: %w", path, err) }
	if err := h.Validate(); err != nil {
		return fail(err)
	}
	target, err := atomicfile.Create(path)
	if err != nil {
		return fail(err)
	}
	w := &Writer{
		header: h, sizes: h.sizes(), time: slices.Clone(h.Time), fields: map[string]*fieldWriter{},
		target: target, seed: maphash.MakeSeed(),
	}
	if w.file, err = hdf5.Create(target.Name()); err == nil {
		err = w.writeHeader()
	}
	if err != nil {
		w.Abort()
		return fail(err)
	}
	return w, nil
}

// Path is the name that the file will have.
func (w *Writer) Path() string { return w.target.Target() }

// WriteFrame writes one frame of a field. values is row-major over the axes along which the field varies, components
// last, and is not kept. A field that is constant in time is written once, as frame 0; one that is the same for all
// trajectories once, as trajectory 0.
func (w *Writer) WriteFrame(trajectory, frame int, name string, values []float32) error {
	f := w.fields[name]
	if f == nil {
		return fmt.Errorf("well: %s: no field %q in the header", w.Path(), name)
	}
	if err := w.writeFrame(f, trajectory, frame, values); err != nil {
		return fmt.Errorf("well: %s: %s: trajectory %d, frame %d: %w", w.Path(), f.path(), trajectory, frame, err)
	}
	return nil
}

func (w *Writer) writeFrame(f *fieldWriter, trajectory, frame int, values []float32) error {
	if trajectory < 0 || trajectory >= f.trajectories() || frame < 0 || frame >= f.frames {
		return fmt.Errorf("the field has %d trajectories of %d frames", f.trajectories(), f.frames)
	}
	if want := f.frameSize(w.sizes); len(values) != want {
		return fmt.Errorf("%d values; expected %d for a %v on grid %v", len(values), want, f.Rank, f.grid(w.sizes))
	}
	hash := &f.hashes[trajectory*f.frames+frame]
	if *hash != 0 {
		return errors.New("written twice")
	}
	if err := checkValues(values, f.Positive); err != nil {
		return err
	}
	*hash = maphash.Bytes(w.seed, bytesOf(values)) | 1
	if err := w.checkRepeat(trajectory, frame); err != nil {
		return err
	}
	return f.data.WriteFloat32(values, frameSlab(f.FieldInfo, f.data.Shape, trajectory, frame, 1, 1))
}

// bytesOf is the memory of the values, for hashing.
func bytesOf(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}

// checkValues reports the first value that is not finite or, of a positive field, not above zero.
func checkValues(values []float32, positive bool) error {
	for i, v := range values {
		if v-v != 0 {
			return fmt.Errorf("value %d is %v; expected finite values", i, v)
		}
		if positive && v <= 0 {
			return fmt.Errorf("value %d is %v; expected values above zero", i, v)
		}
	}
	return nil
}

// checkRepeat reports a frame that is, in all fields that vary in time, the same as the one before or after it.
func (w *Writer) checkRepeat(trajectory, frame int) error {
	for _, first := range []int{frame - 1, frame} {
		if first >= 0 && w.repeats(trajectory, first) {
			if w.mayRepeat {
				w.repeated = append(w.repeated, [2]int{trajectory, first + 1})
				continue
			}
			return fmt.Errorf("frames %d and %d are the same in every field", first, first+1)
		}
	}
	return nil
}

// AllowRepeats has frames that repeat the frame before noted and not refused: data of others may have a flow at rest, or one
// that is steady.
func (w *Writer) AllowRepeats() { w.mayRepeat = true }

// Repeats are trajectory and frame of those that repeat the frame before in every field, after AllowRepeats.
func (w *Writer) Repeats() [][2]int { return w.repeated }

// note is a text attribute of the file.
type note struct{ name, text string }

// Note has a text written as an attribute of the file: what a program wants to say of it beyond the format. The name must not be one
// of the format's, or used before.
func (w *Writer) Note(name, text string) error {
	used := headerNames()
	for _, p := range w.header.Parameters {
		used[p.Name] = true
	}
	for _, n := range w.notes {
		used[n.name] = true
	}
	if err := newName(used, "note", name); err != nil {
		return fmt.Errorf("well: %s: %w", w.Path(), err)
	}
	w.notes = append(w.notes, note{name, text})
	return nil
}

// repeats reports whether the frame after this one was written and has equal values in all fields that vary in time.
func (w *Writer) repeats(trajectory, frame int) bool {
	varying := false
	for _, f := range w.fields {
		if !f.TimeVarying {
			continue
		}
		if frame+1 >= f.frames {
			return false
		}
		first := frame
		if f.SampleVarying {
			first += trajectory * f.frames
		}
		pair := f.hashes[first : first+2]
		if pair[0] == 0 || pair[0] != pair[1] {
			return false
		}
		varying = true
	}
	return varying
}

// WriteTime sets the time of a frame, in place of the header's.
func (w *Writer) WriteTime(frame int, t float64) error {
	if frame < 0 || frame >= len(w.time) {
		return fmt.Errorf("well: %s: time of frame %d; the header has %d frames", w.Path(), frame, len(w.time))
	}
	w.time[frame] = float32(t)
	return nil
}

// Close checks that every frame was written, makes the file durable and gives it its name. On an error nothing is left
// behind.
func (w *Writer) Close() error {
	if w.file == nil {
		return fmt.Errorf("well: %s: already closed", w.Path())
	}
	err := w.finish()
	if err != nil {
		w.Abort()
		return fmt.Errorf("well: %s: %w", w.Path(), err)
	}
	w.file = nil
	return nil
}

func (w *Writer) finish() error {
	for _, f := range w.header.Fields {
		hashes, frames := w.fields[f.Name].hashes, w.fields[f.Name].frames
		if i := slices.Index(hashes, 0); i >= 0 {
			return fmt.Errorf("%s: trajectory %d, frame %d was not written", f.path(), i/frames, i%frames)
		}
	}
	for i := 1; i < len(w.time); i++ {
		if !(w.time[i] > w.time[i-1]) {
			return fmt.Errorf("dimensions/time: %v follows %v at frame %d; expected rising times", w.time[i], w.time[i-1], i)
		}
	}
	for _, n := range w.notes {
		if err := w.file.WriteText("/", n.name, n.text); err != nil {
			return err
		}
	}
	if err := w.writeTimes(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	return w.target.Commit()
}

func (w *Writer) writeTimes() error {
	return w.writeArray("dimensions/time", []int{len(w.time)}, w.time, flags{time: true})
}

// Abort gives the file up and removes what was written. After Close it does nothing.
func (w *Writer) Abort() {
	if w.file != nil {
		_ = w.file.Close() // the file is removed next, whether or not its last bytes could be written
		w.file = nil
	}
	_ = w.target.Discard() // does nothing after Commit; a temporary file that can not be removed is only litter
}
