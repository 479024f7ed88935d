package well

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"path"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/cf"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// Violation is one breach of the format's rules.
type Violation struct {
	File    string `json:"file"`
	Object  string `json:"object"` // path inside the file; empty for the file as a whole
	Problem string `json:"problem"`
	Warning bool   `json:"warning,omitempty"` // allowed by the format, but hardly meant
}

// String is the violation in one line.
func (v Violation) String() string {
	problem := v.Problem
	if v.Warning {
		problem = "warning: " + problem
	}
	if v.Object == "" {
		return v.File + ": " + problem
	}
	return v.File + ": " + v.Object + ": " + problem
}

// Check names every breach of the format's rules in a file: structure, attributes and their types, shapes, values that
// are not finite, and frames that repeat the frame before. It is stricter than Open, which also reads what other
// programs wrote a little differently. The error is about the check itself: a context that ended.
func Check(ctx context.Context, path string) ([]Violation, error) {
	raw, err := hdf5.Open(path)
	if err != nil {
		return []Violation{{File: path, Problem: strings.TrimPrefix(err.Error(), "hdf5: "+path+": ")}}, nil
	}
	c := &checker{File: &File{path: path, file: raw, open: map[string]*hdf5.Dataset{}}, ctx: ctx, seed: maphash.MakeSeed(), packings: map[string]cf.Packing{}}
	defer c.Close()
	c.objects("/", map[[2]uint64]bool{})
	c.groups()
	for i, step := range c.steps() {
		err := step()
		c.note(err)
		if i < 2 && err != nil {
			return c.found, ctx.Err() // without axes nothing else can be compared
		}
	}
	c.root()
	c.times()
	c.boundaries()
	c.listed()
	c.values()
	return c.found, ctx.Err()
}

// CheckTogether names the files of a data set that differ from the first one in what all of them have to share: names,
// axes, grid and fields. Files that can not be opened are left to Check.
func CheckTogether(paths []string) []Violation {
	var found []Violation
	var first *Header
	var firstPath string
	for _, path := range paths {
		f, err := Open(path)
		if err != nil {
			continue
		}
		if first == nil {
			h := f.Header()
			first, firstPath = &h, path
		}
		for _, text := range differences(f, *first, firstPath) {
			found = append(found, Violation{File: path, Problem: text})
		}
		_ = f.Close() // opened for reading: nothing can be lost
	}
	return found
}

// checker collects violations of one file.
type checker struct {
	*File
	ctx   context.Context
	found []Violation
	seed  maphash.Seed // of the frames' hashes

	packings map[string]cf.Packing // by path of a data set
}

// warn adds what the format allows.
func (c *checker) warn(object, format string, args ...any) {
	c.add(object, format, args...)
	c.found[len(c.found)-1].Warning = true
}

func (c *checker) add(object, format string, args ...any) {
	c.found = append(c.found, Violation{File: c.path, Object: strings.TrimPrefix(object, "/"), Problem: fmt.Sprintf(format, args...)})
}

// note adds each of the errors joined in err.
func (c *checker) note(err error) {
	for _, e := range leaves(err) {
		var o *objectError
		if errors.As(e, &o) {
			c.add(o.object, "%v", o.problem)
		} else {
			c.add("", "%v", e)
		}
	}
}

// objects walks all objects and checks the types of their attributes: text of variable length, flags that are booleans.
// Groups may contain each other; seen holds those that were met.
func (c *checker) objects(name string, seen map[[2]uint64]bool) {
	attributes, err := c.file.Attributes(name)
	if err != nil {
		c.note(fromLibrary(name, err))
	}
	for _, a := range attributes {
		if a.Type.FixedLength && a.Type.Class == hdf5.Text {
			c.add(name, "attribute %s is text of the fixed length %d; expected variable length", a.Name, a.Type.Size)
		}
		flag := slices.Contains([]string{sampleVarying, timeVarying, dimVarying, "symmetric", "antisymmetric"}, a.Name)
		if flag && a.Type.Class != hdf5.Bool {
			c.add(name, "attribute %s is of type %s; expected a boolean (an enumeration FALSE, TRUE)", a.Name, a.Type)
		}
	}
	if name != "/" && !c.file.Has(name, hdf5.KindGroup) {
		return
	}
	members, err := c.file.Members(name)
	if err != nil {
		c.note(fromLibrary(name, err))
	}
	for _, m := range members {
		if m.Kind == hdf5.KindOther {
			problem := errors.New("neither a group nor a data set")
			if _, err := c.array(path.Join(name, m.Name)); err != nil {
				problem = errors.Unwrap(err)
			}
			c.add(path.Join(name, m.Name), "%v", problem)
			continue
		}
		if m.Kind == hdf5.KindGroup && seen[m.ID] {
			continue
		}
		seen[m.ID] = true
		c.objects(path.Join(name, m.Name), seen)
	}
}

// groups checks that all groups of the format are there, even if empty.
func (c *checker) groups() {
	for _, name := range []string{dimensionsGroup, boundariesGroup, scalarsGroup, groupOf(field.Scalar), groupOf(field.Vector), groupOf(field.Tensor)} {
		if !c.file.Has(name, hdf5.KindGroup) {
			c.add(name, "no such group; the format has it even when it is empty")
		}
	}
}

// root checks what the root says beyond what reading needs.
func (c *checker) root() {
	root := readAttributes(c.file, "/")
	if !slices.Contains(gridTypes, c.header.GridType) {
		root.note("grid_type is %q; expected one of %s", c.header.GridType, strings.Join(gridTypes, ", "))
	}
	for _, name := range []string{"n_spatial_dims", "n_trajectories"} {
		if v := root.values[name]; v.Type.Class != hdf5.Integer {
			root.note("attribute %s is of type %s; expected an integer", name, v.Type)
		}
	}
	for _, name := range root.texts("simulation_parameters") {
		if _, ok := root.values[name]; !ok {
			root.note("simulation_parameters names %q, but there is no such attribute", name)
		}
		if !slices.ContainsFunc(c.scalars, func(s Scalar) bool { return s.Name == name }) {
			root.note("simulation_parameters names %q, but %s has no such data set that its field_names lists", name, scalarsGroup)
		}
	}
	c.note(root.problems())
}

// times checks coordinates and times: finite, and times that rise.
func (c *checker) times() {
	check := func(name string, values []float32) {
		if i := slices.IndexFunc(values, func(v float32) bool { return v-v != 0 }); i >= 0 {
			c.add(join(dimensionsGroup, name), "value %d is %v; expected finite values", i, values[i])
		}
	}
	for _, a := range c.header.Axes {
		check(a.Name, a.Coordinates)
		if attributes := readAttributes(c.file, join(dimensionsGroup, a.Name)); attributes.optionalFlag(timeVarying) {
			c.add(join(dimensionsGroup, a.Name), "time_varying is true; grids that move are not supported")
		}
	}
	check("time", c.header.Time)
	for _, a := range c.header.Axes {
		for i := 1; i < len(a.Coordinates); i++ {
			if a.Coordinates[i] <= a.Coordinates[i-1] {
				c.add(join(dimensionsGroup, a.Name), "value %d is %v after %v; expected coordinates that rise: low and high side, and the direction of vectors, follow from them", i, a.Coordinates[i], a.Coordinates[i-1])
				break
			}
		}
	}
	for _, text := range UnevenSteps(c.header) {
		c.warn(dimensionsGroup, "%s", text)
	}
	for i := 1; i < len(c.header.Time); i++ {
		if c.header.Time[i] <= c.header.Time[i-1] {
			c.add(join(dimensionsGroup, "time"), "value %d is %v after %v; expected times that rise", i, c.header.Time[i], c.header.Time[i-1])
			return
		}
	}
}

// boundaries checks the attributes of boundary groups that reading does not need, and their values.
func (c *checker) boundaries() {
	for _, b := range c.header.Boundaries {
		name := join(boundariesGroup, b.Name)
		group := readAttributes(c.file, name)
		group.texts("associated_fields")
		group.flag(sampleVarying)
		group.flag(timeVarying)
		c.note(group.problems())
		if len(b.Mask) == 0 {
			c.add(name, "associated_dims is empty; expected at least one axis")
			continue
		}
		mask, err := c.array(join(name, "mask"))
		if err != nil {
			c.note(err)
			continue
		}
		if mask.Type.Class != hdf5.Bool {
			c.add(join(name, "mask"), "of type %s; expected booleans", mask.Type)
		}
		mask.Close()
		c.boundaryValues(join(name, "values"), b.Mask)
	}
}

// boundaryValues checks that the optional values of a boundary are as many as its mask has points.
func (c *checker) boundaryValues(name string, mask []bool) {
	if !c.file.Has(name, hdf5.KindDataset) {
		return
	}
	values, err := c.array(name)
	if err != nil {
		c.note(err)
		return
	}
	defer values.Close()
	points := 0
	for _, m := range mask {
		if m {
			points++
		}
	}
	if n := len(values.Shape); n == 0 || values.Shape[n-1] != points {
		c.add(name, "shape %v; expected %d values, one for each point of the mask", values.Shape, points)
	}
}

// listed checks that every data set of the fields' groups and of the scalars is in field_names, and is of float values.
func (c *checker) listed() {
	groups := []string{scalarsGroup}
	for _, rank := range ranks {
		groups = append(groups, groupOf(rank))
	}
	for _, group := range groups {
		names := readAttributes(c.file, group).texts(fieldNames)
		members, _ := c.file.Members(group) // a group that can not be listed was noted before
		for _, m := range members {
			name := join(group, m.Name)
			if m.Kind != hdf5.KindDataset {
				continue
			}
			if !slices.Contains(names, m.Name) {
				c.add(name, "not in the group's field_names (%s)", strings.Join(names, ", "))
			}
			if d, err := c.array(name); err == nil {
				if d.Type.Class != hdf5.Float {
					c.add(name, "values of type %s; expected floating-point numbers", d.Type)
				}
				if missing, total, err := d.Unwritten(); err == nil && missing > 0 {
					c.add(name, "%d of %d chunks were never written; readers take them for the fill value, mostly 0", missing, total)
				}
				c.packing(name, d)
				d.Close()
			}
		}
	}
}

// packing reports attributes that change what numbers mean: readers of the format do not apply them.
func (c *checker) packing(name string, d *hdf5.Dataset) {
	p, err := packingOf(c.file, name, d)
	switch {
	case err != nil:
		c.add(name, "%v", err)
	case p.Changes():
		c.add(name, "attributes scale_factor, add_offset or _Unsigned change its values, and readers of the format do not apply them; write the values themselves: walrus data import")
	}
	c.packings[name] = p
}

// values reads all fields, frame by frame, for values that are not finite and for frames that repeat.
func (c *checker) values() {
	bad, broken := map[string]int{}, map[string]bool{}
	varies := func(info FieldInfo) bool { return info.SampleVarying && !broken[info.Name] }
	for trajectory := range c.Trajectories() {
		if trajectory > 0 && !slices.ContainsFunc(c.header.Fields, varies) {
			break // there is nothing else than in the first, however many the file claims to have
		}
		repeats := make([]int, c.Steps()) // in how many fields a frame equals the one before
		variable := c.Variable()
		for _, info := range c.header.Fields {
			frames := c.Steps()
			if !info.TimeVarying {
				frames = 1
			}
			if c.ctx.Err() != nil {
				return
			}
			if broken[info.Name] {
				continue
			}
			broken[info.Name] = !c.frames(info, trajectory, frames, bad, repeats)
		}
		for frame, n := range repeats {
			if n > 0 && n == len(variable) {
				c.add("", "trajectory %d: frame %d repeats frame %d in every field", trajectory, frame, frame-1)
			}
		}
	}
	for _, info := range c.header.Fields {
		if n := bad[info.Name]; n > 1 {
			c.add(info.path(), "%d frames in all have values that are not finite", n)
		}
	}
}

// frames reads frames of one field and trajectory, and counts the repeated ones; false if they can not be read.
func (c *checker) frames(info FieldInfo, trajectory, frames int, bad map[string]int, repeats []int) bool {
	var buffer []float32
	var previous uint64
	size := info.frameSize(c.sizes)
	for frame := 0; frame < frames && c.ctx.Err() == nil; {
		n, err := c.readAhead(&buffer, info, trajectory, frame, frames-frame)
		if err != nil {
			c.note(fromLibrary(info.path(), err))
			return false
		}
		for i := range n {
			values := buffer[i*size : (i+1)*size]
			c.finite(info, trajectory, frame+i, values, bad)
			hash := maphash.Bytes(c.seed, bytesOf(values))
			if info.TimeVarying && frame+i > 0 && hash == previous {
				repeats[frame+i]++
			}
			previous = hash
		}
		frame += n
	}
	return true
}

// finite reports the first value that is not finite of the first frame of a field that has any, and counts the frames.
func (c *checker) finite(info FieldInfo, trajectory, frame int, values []float32, bad map[string]int) {
	if !info.SampleVarying && trajectory > 0 {
		return
	}
	i := slices.IndexFunc(values, func(v float32) bool { return v-v != 0 })
	if p, ok := c.packings[info.path()]; ok && i < 0 && p.Marks() {
		if i := slices.IndexFunc(values, func(v float32) bool { return p.Missing(float64(v)) != "" }); i >= 0 {
			c.add(info.path(), "trajectory %d, frame %d: value %d is %s; readers of the format take it for a value", trajectory, frame, i, p.Missing(float64(values[i])))
			delete(c.packings, info.path()) // once is enough
		}
	}
	if i < 0 {
		return
	}
	if bad[info.Name]++; bad[info.Name] == 1 {
		c.add(info.path(), "trajectory %d, frame %d: value %d is %v; expected finite values", trajectory, frame, i, values[i])
	}
}
