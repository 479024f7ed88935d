package well

import (
	"cmp"
	"fmt"
	"os"
)

// Truncate ends all trajectories after so many frames, which must have been written: the run stopped earlier than its header said. Arrays of a file can not shrink,
// so what was written is copied, frame by frame.
func (w *Writer) Truncate(frames int) error {
	if frames < 1 || frames > len(w.time) {
		return fmt.Errorf("well: %s: cut to %d frames; the header has %d", w.Path(), frames, len(w.time))
	}
	if frames == len(w.time) {
		return nil
	}
	old, err := w.reopened()
	if err != nil {
		return fmt.Errorf("well: %s: %w", w.Path(), err)
	}
	defer func() { old.Close(); os.Remove(old.Path()) }() // it was a temporary file
	h := w.header
	h.Time = w.time[:frames]
	shorter, err := Create(w.Path(), h)
	if err != nil {
		return err
	}
	shorter.notes, shorter.mayRepeat = w.notes, w.mayRepeat
	if err := shorter.copyFrom(old, w.fields); err != nil {
		shorter.Abort()
		return err
	}
	*w = *shorter
	return nil
}

// reopened ends the writing of a file that was not finished and opens it to be read.
func (w *Writer) reopened() (*File, error) {
	err := cmp.Or(w.writeTimes(), w.file.Close())
	w.file = nil
	if err != nil {
		w.Abort()
		return nil, err
	}
	old, err := Open(w.target.Name())
	if err != nil {
		w.Abort()
	}
	return old, err
}

// copyFrom copies those of a file's frames that were written, as far as they are asked for.
func (w *Writer) copyFrom(old *File, written map[string]*fieldWriter) error {
	for _, f := range w.header.Fields {
		to, from := w.fields[f.Name], written[f.Name]
		for trajectory := range to.trajectories() {
			for frame := range to.frames {
				if from.hashes[trajectory*from.frames+frame] == 0 {
					continue
				}
				values, err := old.ReadField(f, trajectory, frame, 1, 1)
				if err == nil {
					err = w.WriteFrame(trajectory, frame, f.Name, values.Data)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}
