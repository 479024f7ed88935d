package importer

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// draftArray is an array as the draft sees it.
type draftArray struct {
	name  string
	shape []int
	axes  []string // what the file calls them; "" where it does not
	units string
	count int // places of this name
}

// Draft writes a first description of what the files hold: fields from the arrays of two and more axes, the names of axes from
// the file's own or from their lengths. What it can not know is marked CHECK.
func Draft(files []string) (text string, err error) {
	in, err := openInputs(files, os.TempDir())
	if err != nil {
		return "", err
	}
	defer in.Close() // it was only read
	var arrays []draftArray
	var skipped []string
	for i, f := range in.files {
		for _, name := range f.names() {
			a, err := f.open(name, nil)
			if err != nil {
				skipped = append(skipped, fmt.Sprintf("%s: %v", name, err))
				continue
			}
			d := draftArray{name: name, shape: a.shape(), axes: make([]string, len(a.shape())), count: 1}
			if known, ok := a.(described); ok {
				if names := known.axisNames(); len(names) == len(d.axes) {
					copy(d.axes, names)
				}
				d.units = known.text("units")
			}
			if at := slices.IndexFunc(arrays, func(o draftArray) bool { return o.name == name }); at >= 0 {
				arrays[at].count++
			} else {
				arrays = append(arrays, d)
			}
		}
		if i == 0 && len(arrays) == 0 && len(skipped) > 0 {
			return "", fmt.Errorf("importer: %s: no array can be read: %s", in.paths[i], skipped[0])
		}
	}
	return newDraft(grouped(arrays)).write(skipped)
}

// grouped joins arrays of one shape whose names differ in their first folder only (0000/data, 0001/data, ...) into one with *.
func grouped(arrays []draftArray) []draftArray {
	var out []draftArray
	for _, a := range arrays {
		_, rest, inFolder := strings.Cut(a.name, "/")
		alike := 0
		for _, b := range arrays {
			if _, other, ok := strings.Cut(b.name, "/"); ok && other == rest && slices.Equal(a.shape, b.shape) {
				alike++
			}
		}
		if !inFolder || alike < 2 {
			out = append(out, a)
			continue
		}
		a.name, a.count = "*/"+rest, alike
		if !slices.ContainsFunc(out, func(o draftArray) bool { return o.name == a.name }) {
			out = append(out, a)
		}
	}
	return out
}

// draft is what is guessed.
type draft struct {
	vectors []draftArray // of one axis: coordinates, times
	fields  []draftArray
	names   [][]string // of the axes of each field: trajectory, time, component, or space
	space   []string
	coord   map[string]string // variables with the positions of axes
	time    string
	numbers []string // arrays of one value
}

// mostNumbers bounds the numbers that a draft lists.
const mostNumbers = 20

// isTime tells whether a name is usual for the axis of time.
func isTime(name string) bool {
	name = strings.ToLower(path.Base(name))
	return slices.Contains([]string{"t", "time", "times", "sim_time", "step", "steps", "snapshot", "frame", "frames", "nt", "valid_time"}, name) || strings.Contains(name, "time")
}

// isSpace tells whether a name is usual for an axis of space.
func isSpace(name string) bool {
	name = strings.ToLower(path.Base(name))
	return slices.Contains([]string{"x", "y", "z", "r", "theta", "phi", "lon", "lat", "longitude", "latitude", "level", "lev", "depth", "height"}, name)
}

// notSpace are usual names of axes that are neither time nor space.
var notSpace = map[string]string{
	"trajectory": trajectoryAxis, "sample": trajectoryAxis, "ensemble": trajectoryAxis, "member": trajectoryAxis, "batch": trajectoryAxis, "run": trajectoryAxis, "number": trajectoryAxis,
	"channel": componentAxis, "component": componentAxis, "variable": componentAxis, "field": componentAxis,
}

func newDraft(arrays []draftArray) *draft {
	d := &draft{coord: map[string]string{}}
	for _, a := range arrays {
		switch n := len(slices.DeleteFunc(slices.Clone(a.shape), func(n int) bool { return n == 1 })); {
		case len(a.shape) == 1 && n == 1:
			d.vectors = append(d.vectors, a)
		case n >= 2:
			d.fields = append(d.fields, a)
		case n == 0:
			d.numbers = append(d.numbers, a.name)
		}
	}
	for _, v := range d.vectors {
		if isTime(v.name) && d.time == "" {
			d.time = v.name
		}
	}
	for _, f := range d.fields {
		d.names = append(d.names, d.guess(f))
	}
	return d
}

// guess names the axes of a field: as the file does, then by the lengths of coordinates, then by what is usual.
func (d *draft) guess(f draftArray) []string {
	names := slices.Clone(f.axes)
	used := func(name string) bool { return slices.Contains(names, name) }
	for i, name := range names {
		switch {
		case name == "":
		case isTime(name):
			names[i] = timeAxis
		case notSpace[strings.ToLower(name)] != "":
			names[i] = notSpace[strings.ToLower(name)]
		}
	}
	for i, n := range f.shape { // lengths that only one vector has, or one with a name that is usual for an axis
		if names[i] != "" {
			continue
		}
		var fits []string
		for _, v := range d.vectors {
			if v.shape[0] == n && n > 1 && !used(path.Base(v.name)) {
				fits = append(fits, v.name)
			}
		}
		if usual := slices.DeleteFunc(slices.Clone(fits), func(name string) bool { return !isSpace(name) }); len(usual) > 0 {
			fits = usual[:1]
		} else if len(fits) == 1 && !isTime(fits[0]) && strings.Contains(fits[0], "/") {
			fits = nil // of a group, and of another meaning as likely
		}
		if len(fits) == 1 {
			name := path.Base(fits[0])
			if isTime(fits[0]) {
				name = timeAxis
			}
			if !used(name) {
				names[i] = name
			}
		}
	}
	if at := slices.Index(names, timeAxis); at > 0 && names[0] == "" && !used(trajectoryAxis) {
		names[0] = trajectoryAxis // what comes before time
	}
	// The usual order of what is left: (trajectory, time, x, y, z, component).
	var left []int
	for i, name := range names {
		if name == "" {
			left = append(left, i)
		}
	}
	if n := len(left); n > 0 && left[n-1] == len(names)-1 && f.shape[len(names)-1] <= 8 && len(names) >= 4 && !used(componentAxis) {
		names[left[n-1]] = componentAxis
		left = left[:n-1]
	}
	known := 0 // axes of space
	for _, name := range names {
		if name != "" && name != timeAxis && name != trajectoryAxis && name != componentAxis {
			known++
		}
	}
	if len(left)+known > 2 && !used(timeAxis) && len(left) > 0 {
		at := 0
		if len(left)+known > 3 && !used(trajectoryAxis) {
			names[left[0]], at = trajectoryAxis, 1
		}
		names[left[at]] = timeAxis
		left = left[at+1:]
	} else if len(left)+known > 3 && !used(trajectoryAxis) && len(left) > 0 {
		names[left[0]] = trajectoryAxis
		left = left[1:]
	}
	next := 0
	for _, i := range left {
		for used(string("xyzuvw"[min(next, 5)])) && next < 5 {
			next++
		}
		names[i] = string("xyzuvw"[min(next, 5)])
		next++
	}
	for _, name := range names {
		if name != timeAxis && name != trajectoryAxis && name != componentAxis && !slices.Contains(d.space, name) {
			d.space = append(d.space, name)
		}
	}
	return names
}

// write writes the description.
func (d *draft) write(skipped []string) (string, error) {
	if len(d.fields) == 0 {
		return "", fmt.Errorf("importer: no arrays of two or more axes; %d of one", len(d.vectors))
	}
	var b strings.Builder
	b.WriteString("# A first description, by walrus data import --draft. Complete what says CHECK; remove fields that are not wanted.\n")
	b.WriteString("name: my_data            # CHECK: name of the data set\ngrid_type: cartesian     # or spherical, equiangular\naxes:                    # CHECK: axes of space, and what happens at their ends: wall, open, periodic, or low/high like wall/open\n")
	space := d.space
	if len(space) > 1 && slices.Index(space, "y") == 0 && slices.Contains(space, "x") || len(space) > 1 && strings.HasPrefix(space[0], "lat") {
		space = slices.Clone(space)
		slices.Reverse(space)
	}
	for i, name := range space {
		positions := ""
		for _, v := range d.vectors {
			if path.Base(v.name) == name {
				positions = ", coordinates: " + quoted(v.name)
			}
		}
		boundary := "open"
		if strings.HasPrefix(strings.ToLower(name), "lon") {
			boundary = "periodic"
		}
		more := ""
		if i > 2 {
			more = "   # CHECK: more than three; pick one step with select: in the fields"
		}
		fmt.Fprintf(&b, "  - {name: %s, boundary: %s%s}%s\n", quoted(name), boundary, positions, more)
	}
	if d.time != "" {
		fmt.Fprintf(&b, "time: {variable: %s}\n", quoted(d.time))
	} else {
		b.WriteString("time: {step: 1}          # CHECK: time between frames, or variable: NAME\n")
	}
	if len(d.numbers) > 0 {
		var list []string
		for _, name := range d.numbers[:min(len(d.numbers), mostNumbers)] {
			list = append(list, quoted(path.Base(name))+": "+quoted(name))
		}
		fmt.Fprintf(&b, "# parameters: {%s}   # CHECK: the files have these numbers; keep those that say what was simulated\n", strings.Join(list, ", "))
	}
	common := d.names[0]
	fmt.Fprintf(&b, "layout: [%s]   # CHECK: the arrays' axes as stored\nfields:                  # CHECK: components of a vector: {name: velocity, rank: vector, variables: [u, v]}\n", strings.Join(quotedAll(common), ", "))
	for i, f := range d.fields {
		layout := ""
		if !slices.Equal(d.names[i], common) {
			layout = ", layout: [" + strings.Join(quotedAll(d.names[i]), ", ") + "]"
		}
		comment := fmt.Sprintf("   # %v", f.shape)
		if f.units != "" {
			comment += ", " + strings.ReplaceAll(f.units, "\n", " ")
		}
		if f.count > 1 {
			comment += fmt.Sprintf(", in %d places: one trajectory each", f.count)
		}
		base := path.Base(f.name)
		at := slices.Index(d.names[i], componentAxis)
		if at < 0 {
			fmt.Fprintf(&b, "  - {name: %s, variables: [%s]%s}%s\n", quoted(base), quoted(f.name), layout, comment)
			continue
		}
		if f.shape[at] == len(d.space) {
			fmt.Fprintf(&b, "  - {name: %s, rank: vector, variables: [%s]%s}%s, CHECK: a vector, or channels\n", quoted(base), quoted(f.name), layout, comment)
			continue
		}
		for c := range min(f.shape[at], 16) {
			fmt.Fprintf(&b, "  - {name: %s, variables: [%s], channel: %d%s}%s, CHECK: what the channel is\n", quoted(base+"_"+strconv.Itoa(c)), quoted(f.name), c, layout, comment)
		}
	}
	for _, text := range skipped {
		fmt.Fprintf(&b, "# left out: %s\n", strings.ReplaceAll(text, "\n", " "))
	}
	if _, err := parseConfig([]byte(b.String())); err != nil && len(d.space) <= 3 {
		fmt.Fprintf(&b, "# CHECK: not complete yet: %v\n", err)
	}
	return b.String(), nil
}

// quoted is a text as YAML takes it in a list.
func quoted(text string) string {
	for _, r := range text {
		if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') {
			return strconv.Quote(text)
		}
	}
	if text == "" || text[0] >= '0' && text[0] <= '9' {
		return strconv.Quote(text)
	}
	return text
}

func quotedAll(list []string) []string {
	out := make([]string, len(list))
	for i, text := range list {
		out[i] = quoted(text)
	}
	return out
}
