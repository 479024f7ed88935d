package well

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/internal/hdf5"
)

// flags are the two attributes that most objects carry.
type flags struct{ sample, time bool }

// object names of the format.
const (
	dimensionsGroup = "dimensions"
	boundariesGroup = "boundary_conditions"
	scalarsGroup    = "scalars"

	sampleVarying = "sample_varying"
	timeVarying   = "time_varying"
	dimVarying    = "dim_varying"
	fieldNames    = "field_names"
)

// chunkTarget is how large a compressed chunk may be, in bytes: what libhdf5 keeps of a data set by default.
const chunkTarget = 1 << 20

// writeHeader writes everything but the fields' values and the times.
func (w *Writer) writeHeader() error {
	h := w.header
	for _, step := range []func() error{w.writeRoot, w.writeDimensions, w.writeBoundaries, w.writeScalars} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, rank := range ranks {
		var names []string
		for _, f := range h.Fields {
			if f.Rank == rank {
				names = append(names, f.Name)
			}
		}
		if err := w.file.CreateGroup(groupOf(rank)); err != nil {
			return err
		}
		if err := w.file.WriteTexts(groupOf(rank), fieldNames, names); err != nil {
			return err
		}
	}
	for _, f := range h.Fields {
		if err := w.createField(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) writeRoot() error {
	h := w.header
	names := make([]string, len(h.Parameters))
	for i, p := range h.Parameters {
		names[i] = p.Name
		if err := w.file.WriteNumbers("/", p.Name, p.Values); err != nil {
			return err
		}
	}
	return cmp.Or(
		w.file.WriteText("/", "dataset_name", h.DatasetName),
		w.file.WriteText("/", "grid_type", h.GridType),
		w.file.WriteInteger("/", "n_spatial_dims", len(h.Axes)),
		w.file.WriteInteger("/", "n_trajectories", h.Trajectories),
		w.file.WriteTexts("/", "simulation_parameters", names),
	)
}

func (w *Writer) writeDimensions() error {
	names := make([]string, len(w.header.Axes))
	if err := w.file.CreateGroup(dimensionsGroup); err != nil {
		return err
	}
	for i, a := range w.header.Axes {
		names[i] = a.Name
		if err := w.writeArray(dimensionsGroup+"/"+a.Name, []int{len(a.Coordinates)}, a.Coordinates, flags{}); err != nil {
			return err
		}
	}
	return w.file.WriteTexts(dimensionsGroup, "spatial_dims", names)
}

func (w *Writer) writeBoundaries() error {
	if err := w.file.CreateGroup(boundariesGroup); err != nil {
		return err
	}
	for _, b := range w.header.Boundaries {
		path := boundariesGroup + "/" + b.Name
		err := w.file.CreateGroup(path)
		if err == nil {
			err = cmp.Or(
				w.file.WriteText(path, "bc_type", b.Type.String()),
				w.file.WriteTexts(path, "associated_dims", b.Axes),
				w.file.WriteTexts(path, "associated_fields", nil),
				w.writeFlags(path, flags{}),
			)
		}
		if err != nil {
			return err
		}
		shape := make([]int, len(b.Axes))
		for i, name := range b.Axes {
			shape[i] = w.sizes[slices.IndexFunc(w.header.Axes, func(a Axis) bool { return a.Name == name })]
		}
		mask, err := w.file.CreateBool(path+"/mask", shape)
		if err != nil {
			return err
		}
		err = mask.WriteBool(b.Mask, nil)
		mask.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) writeScalars() error {
	if err := w.file.CreateGroup(scalarsGroup); err != nil {
		return err
	}
	names := make([]string, len(w.header.Parameters))
	for i, p := range w.header.Parameters {
		names[i] = p.Name
		values := make([]float32, len(p.Values))
		for j, v := range p.Values {
			values[j] = float32(v)
		}
		var shape []int // a single value
		varying := len(values) > 1
		if varying {
			shape = []int{len(values)}
		}
		if err := w.writeArray(scalarsGroup+"/"+p.Name, shape, values, flags{sample: varying}); err != nil {
			return err
		}
	}
	return w.file.WriteTexts(scalarsGroup, fieldNames, names)
}

// createField makes a field's data set, to be filled frame by frame.
func (w *Writer) createField(f FieldInfo) error {
	h := w.header
	shape := f.shape(h.Trajectories, len(h.Time), w.sizes)
	data, err := w.file.CreateFloat32(f.path(), shape, w.storage(f, shape))
	if err != nil {
		return err
	}
	out := &fieldWriter{FieldInfo: f, data: data, frames: 1}
	trajectories := 1
	if f.TimeVarying {
		out.frames = len(h.Time)
	}
	if f.SampleVarying {
		trajectories = h.Trajectories
	}
	out.hashes = make([]uint64, trajectories*out.frames)
	w.fields[f.Name] = out
	varying := make([]bool, len(w.sizes))
	for i := range varying {
		varying[i] = f.varies(i)
	}
	err = cmp.Or(w.writeFlags(f.path(), flags{f.SampleVarying, f.TimeVarying}), w.file.WriteBools(f.path(), dimVarying, varying))
	if err == nil && f.Symmetric {
		err = w.file.WriteBool(f.path(), "symmetric", true)
	}
	if err == nil && f.Antisymmetric {
		err = w.file.WriteBool(f.path(), "antisymmetric", true)
	}
	return err
}

// storage gives each frame its own chunks when compressed, cut along the first axis of the grid until they are small
// enough for libhdf5's cache.
func (w *Writer) storage(f FieldInfo, shape []int) hdf5.Storage {
	if w.header.Compression == Uncompressed || len(shape) == 0 {
		return hdf5.Storage{}
	}
	chunk := slices.Clone(shape)
	first := f.firstAxis()
	for i := range first {
		chunk[i] = 1
	}
	bytes := 4 * f.frameSize(w.sizes)
	for i := first; i < len(chunk) && bytes > chunkTarget; i++ {
		rest := bytes / chunk[i]
		chunk[i] = max(1, chunkTarget/rest)
		bytes = rest * chunk[i]
	}
	return hdf5.Storage{Chunk: chunk, Gzip: int(w.header.Compression)}
}

// writeArray writes a whole small array and its two flags.
func (w *Writer) writeArray(path string, shape []int, values []float32, f flags) error {
	data, err := w.file.CreateFloat32(path, shape, hdf5.Storage{})
	if err != nil {
		return err
	}
	defer data.Close()
	if err := checkValues(values, false); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return cmp.Or(data.WriteFloat32(values, nil), w.writeFlags(path, f))
}

func (w *Writer) writeFlags(path string, f flags) error {
	return cmp.Or(w.file.WriteBool(path, sampleVarying, f.sample), w.file.WriteBool(path, timeVarying, f.time))
}

// frameSlab selects n frames, stride apart, of one trajectory of a field whose data set has the given shape. A field that
// does not vary in time or between trajectories has one frame or trajectory, which is selected whatever is asked for.
func frameSlab(f FieldInfo, shape []int, trajectory, frame, stride, n int) *hdf5.Slab {
	s := &hdf5.Slab{Start: make([]int, len(shape)), Count: slices.Clone(shape), Stride: make([]int, len(shape))}
	for i := range s.Stride {
		s.Stride[i] = 1
	}
	i := 0
	if f.SampleVarying {
		s.Start[i], s.Count[i] = trajectory, 1
		i++
	}
	if f.TimeVarying {
		s.Start[i], s.Count[i], s.Stride[i] = frame, n, stride
	}
	return s
}

// atOnce bounds the bytes of frames that are read at once only because they share chunks.
const atOnce = 1 << 26

// together is how many of the next so many frames, stride apart, of so many values each, are best read at once: those whose
// values share chunks, which would be decoded for each of them again, and a few megabytes of others.
func (f FieldInfo) together(d *hdf5.Dataset, frame, stride, frames, size int) int {
	if d.Chunk == nil || !f.TimeVarying {
		return 1
	}
	axis := 0
	if f.SampleVarying {
		axis = 1
	}
	extent := d.Chunk[axis]
	n := 1
	for ; n < frames && (n+1)*4*size <= atOnce; n++ {
		shared := (frame+n*stride)/extent == (frame+(n-1)*stride)/extent
		if !shared && (n+1)*4*size > atOnce/16 {
			break
		}
	}
	return n
}
