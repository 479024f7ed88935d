package well

import (
	"context"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/fault"
)

// Progress is told how many of all bytes have been read.
type Progress func(done, total int64)

// frameReader streams through all frames of a data set, field by field, in the memory of a few frames.
type frameReader struct {
	ctx         context.Context
	progress    Progress // may be nil
	hides       bool     // values under a mask that moves become NaN
	done, total int64    // bytes
}

func newFrameReader(ctx context.Context, d *Dataset, progress Progress) *frameReader {
	r := &frameReader{ctx: ctx, progress: progress}
	for _, f := range d.files {
		for _, info := range d.header.Fields {
			r.total += int64(4 * field.Volume(info.shape(f.Trajectories, f.Steps, d.sizes)))
		}
	}
	return r
}

// streamed is a frame on its way from the disk.
type streamed struct {
	values []float32
	first  bool // of its trajectory
	err    error
}

// each hands every frame of a field to visit, with the frame before it in the same trajectory (nil for none). The slices
// are valid during the call. One goroutine reads ahead.
func (r *frameReader) each(d *Dataset, info FieldInfo, visit func(frame, previous []float32)) error {
	for i := range d.files {
		if err := r.file(d, i, info, visit); err != nil {
			return err
		}
	}
	return nil
}

func (r *frameReader) file(d *Dataset, i int, info FieldInfo, visit func(frame, previous []float32)) error {
	f, release, err := d.pool.open(i)
	if err != nil {
		return err
	}
	defer release()
	ctx, stop := context.WithCancel(r.ctx)
	frames := make(chan streamed)
	var h *hider
	if r.hides {
		h = hiderFor(f, info)
	}
	go func() {
		defer close(frames)
		if err := fault.Catch(func() error { readFrames(ctx, f, info, h, frames); return nil }); err != nil {
			select {
			case frames <- streamed{err: err}:
			case <-ctx.Done():
			}
		}
	}()
	defer func() {
		stop()
		for range frames { // until the reader is gone, so that the file can be closed
			continue
		}
	}()
	var previous []float32
	for frame := range frames {
		if frame.err != nil {
			return frame.err
		}
		if frame.first {
			previous = nil
		}
		visit(frame.values, previous)
		previous = frame.values
		r.done += int64(4 * len(frame.values))
		if r.progress != nil {
			r.progress(r.done, r.total)
		}
	}
	return r.ctx.Err()
}

// readFrames sends every frame of a field, trajectory after trajectory.
func readFrames(ctx context.Context, f *File, info FieldInfo, h *hider, frames chan<- streamed) {
	trajectories, steps := 1, 1
	if info.SampleVarying {
		trajectories = f.Trajectories()
	}
	if info.TimeVarying {
		steps = f.Steps()
	}
	// Frames are being read while those before them, and the last one before these, are looked at.
	var buffers [3][]float32
	turn := 0
	size := info.frameSize(f.sizes)
	for trajectory := range trajectories {
		for frame := 0; frame < steps; {
			n, err := f.readAhead(&buffers[turn%len(buffers)], info, trajectory, frame, steps-frame)
			if err == nil {
				err = h.hide(buffers[turn%len(buffers)], trajectory, frame, n)
			}
			for i := range n {
				select {
				case frames <- streamed{values: buffers[turn%len(buffers)][i*size : (i+1)*size], first: frame+i == 0, err: err}:
				case <-ctx.Done():
					return
				}
				if err != nil {
					return
				}
			}
			frame += n
			turn++
		}
	}
}

// readAhead reads as many of the next frames, at most left, as are best read at once.
func (f *File) readAhead(buffer *[]float32, info FieldInfo, trajectory, frame, left int) (int, error) {
	d, err := f.dataset(info)
	size := info.frameSize(f.sizes)
	n := 1
	if err == nil {
		n = info.together(d, frame, 1, left, size)
	}
	*buffer = slices.Grow((*buffer)[:0], n*size)[:n*size]
	if err == nil {
		err = f.readInto(*buffer, info, trajectory, frame, 1, n)
	}
	return n, err
}
