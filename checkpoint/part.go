package checkpoint

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Part says what a file is that holds only the weights that a fine-tuning trained: what they stand on, and how both make whole
// weights. Open does that, so that whoever reads weights need not know.
//
// Whole weights are those of the base with the columns of Fields (GrowFields), in which tensors of the part with a name of the
// base replace it, Added columns are put in their places, and products of LowRank are added.
type Part struct {
	Base Base `json:"base"`
	// BaseFields are the field columns of the base, Fields those of the whole; NewColumns, Like and Seed are how the base's columns
	// change where there are more (GrowFields).
	BaseFields map[string]int    `json:"base_fields"`
	Fields     map[string]int    `json:"fields"`
	NewColumns NewColumns        `json:"new_columns,omitempty"`
	Like       map[string]string `json:"like,omitempty"`
	Seed       uint64            `json:"seed,omitempty"`
	Scale      float64           `json:"scale,omitempty"` // factor on the products of LowRank
	LowRank    []LowRank         `json:"low_rank,omitempty"`
	Added      []AddedColumns    `json:"added,omitempty"`

	file string // that it was read from
}

// Base names weights by their place and their numbers.
type Base struct {
	From   string `json:"from"`   // as a user names them: a path, or the name of a model
	File   string `json:"file"`   // the file with the weights, as an absolute path
	Beside string `json:"beside"` // the same, relative to the folder of the part: both may have been moved together
	Hash   string `json:"sha256"` // of all values (Hash)
}

// LowRank is a product of two small matrices that is added to rows of a weight.
type LowRank struct {
	Weight string `json:"weight"` // W [out, in, 1...]
	Down   string `json:"down"`   // A [rank, in]
	Up     string `json:"up"`     // B [rows, rank]; Scale B A is added to W
	Row    int    `json:"row"`    // the first of the rows
}

// AddedColumns are columns of a weight that a tensor of the part holds.
type AddedColumns struct {
	Weight  string `json:"weight"`
	Values  string `json:"values"` // the tensor of the part, with as many columns as are named
	Axis    int    `json:"axis"`
	Columns []int  `json:"columns"`
}

// partKey is the entry of a safetensors file's metadata that holds a Part, as JSON.
const partKey = "walrus.part"

// maxParts bounds how many parts stand on one another.
const maxParts = 8

// OpenOn is Open for weights whose base, if they are part of a model, is found at a path instead of where it was. Its values
// must be the same.
func OpenOn(path, base string) (*Checkpoint, error) { return openWhole(path, base, 0) }

// openWhole is Open at some depth of parts that stand on one another.
func openWhole(path, base string, depth int) (*Checkpoint, error) {
	c, err := openStored(path)
	if err != nil {
		return nil, err
	}
	if err = c.complete(base, depth); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// complete makes whole weights of a part; others stay.
func (c *Checkpoint) complete(base string, depth int) error {
	part, err := c.part()
	if err != nil || part == nil {
		return err
	}
	if depth == maxParts {
		return fmt.Errorf("checkpoint: %s: more than %d parts stand on one another", c.Path, maxParts)
	}
	below, err := part.openBase(depth+1, base)
	if err != nil {
		return err
	}
	c.below = below
	frozen, err := part.frozen(below)
	if err != nil {
		return fmt.Errorf("checkpoint: %s: %w", c.Path, err)
	}
	if c.tensors, err = part.join(frozen, c.tensors); err != nil {
		return fmt.Errorf("checkpoint: %s: %w", c.Path, err)
	}
	c.index()
	c.Part = part
	return nil
}

// part reads what the metadata says; nil for a file with whole weights.
func (c *Checkpoint) part() (*Part, error) {
	text, found := c.Metadata[partKey]
	if !found {
		return nil, nil
	}
	part := &Part{file: c.Path}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(part); err != nil {
		return nil, fmt.Errorf("checkpoint: %s: metadata %s: %w", c.Path, partKey, err)
	}
	return part, nil
}

// Frozen opens what a part that was read stands on, in the columns of the whole: instead of where it was, at a path if one is
// given. The caller closes it when its tensors have been read.
func (p *Part) Frozen(instead string) (*Checkpoint, error) {
	base, err := p.openBase(1, instead)
	if err != nil {
		return nil, err
	}
	if base.tensors, err = p.frozen(base); err != nil {
		return nil, errors.Join(fmt.Errorf("checkpoint: %s: %w", p.file, err), base.Close())
	}
	base.index()
	return base, nil
}

// openBase opens the weights that the part in a file stands on, the first of these that has the right values: at the path in
// instead, if any, and else where they were, at the same place beside the part, and by their name.
func (p *Part) openBase(depth int, instead string) (*Checkpoint, error) {
	places := []string{p.Base.File, filepath.Join(filepath.Dir(p.file), filepath.FromSlash(p.Base.Beside)), p.Base.From}
	if instead != "" {
		places = []string{instead}
	}
	var failed []string
	for i, place := range places {
		if place == "" || slices.Contains(places[:i], place) {
			continue
		}
		base, err := openWhole(place, "", depth)
		if err == nil {
			var hash string
			if hash, err = Hash(base.Tensors()); err == nil && hash == p.Base.Hash {
				return base, nil
			}
			err = cmp.Or(err, fmt.Errorf("%s holds other weights (sha256 %.12s)", place, hash))
			base.Close()
		} else if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s is not there", place)
		}
		failed = append(failed, err.Error())
	}
	return nil, fmt.Errorf("checkpoint: %s holds only what was trained on top of %s (sha256 %.12s), which was not found: %s; name its place with walrus convert --merge --base", p.file, p.Base.From, p.Base.Hash, strings.Join(failed, "; "))
}

// frozen are the base's tensors with the columns of the whole.
func (p *Part) frozen(base *Checkpoint) ([]Tensor, error) {
	same, err := p.checkColumns()
	if err != nil || same {
		return base.Tensors(), err
	}
	tensors, err := GrowFields(base.Tensors(), Config{Fields: p.BaseFields}, Config{Fields: p.Fields}, Growth{p.NewColumns, p.Like, p.Seed})
	if err != nil {
		return nil, fmt.Errorf("%w (base %s)", err, base.Path)
	}
	return tensors, nil
}

// join makes the whole of the base's tensors and those of the part.
func (p *Part) join(frozen, trained []Tensor) ([]Tensor, error) {
	own := make(map[string]Tensor, len(trained))
	for _, t := range trained {
		own[t.Name] = t
	}
	take := func(name string) (Tensor, error) {
		t, found := own[name]
		if !found {
			return t, fmt.Errorf("the part names tensor %s, which is not there or twice named", printable(name))
		}
		delete(own, name)
		return t, nil
	}
	changes := map[string][]change{} // by the weight's name
	for _, l := range p.LowRank {
		down, err := take(l.Down)
		if err != nil {
			return nil, err
		}
		up, err := take(l.Up)
		if err != nil {
			return nil, err
		}
		changes[l.Weight] = append(changes[l.Weight], rankProduct{down: down, up: up, row: l.Row, scale: p.Scale})
	}
	for _, a := range p.Added {
		values, err := take(a.Values)
		if err != nil {
			return nil, err
		}
		changes[a.Weight] = append(changes[a.Weight], columnsIn{values: values, axis: a.Axis, columns: a.Columns})
	}
	whole := make([]Tensor, 0, len(frozen)+len(own))
	for _, t := range frozen {
		if _, perAxis := own[t.Name+".0"]; perAxis && strings.HasSuffix(t.Name, frequencyBuffer) {
			continue // each axis has its own now
		}
		if replaced, found := own[t.Name]; found {
			t = replaced
			delete(own, t.Name)
		}
		if list := changes[t.Name]; list != nil {
			for _, c := range list {
				if err := c.check(t); err != nil {
					return nil, fmt.Errorf("tensor %s: %w", printable(t.Name), err)
				}
			}
			delete(changes, t.Name)
			t.DType, t.values = Float32, altered{old: t, changes: list}
		}
		whole = append(whole, t)
	}
	for name := range changes {
		return nil, fmt.Errorf("the part adds to weight %s, which the base lacks", printable(name))
	}
	for _, t := range trained { // what the base lacks, in the order of the file
		if _, left := own[t.Name]; left {
			whole = append(whole, t)
		}
	}
	return whole, nil
}

// checkColumns refuses columns that no configuration has, and reports whether both have the same.
func (p *Part) checkColumns() (same bool, err error) {
	for _, fields := range []map[string]int{p.BaseFields, p.Fields} {
		seen := map[int]bool{}
		for name, column := range fields {
			if column < 0 || column >= maxStates || seen[column] {
				return false, fmt.Errorf("metadata %s: field %s has column %d; expected one of its own from 0 to %d", partKey, printable(name), column, maxStates-1)
			}
			seen[column] = true
		}
	}
	return maps.Equal(p.BaseFields, p.Fields), nil
}

// encode is the entry of the metadata of a file in a folder.
func (p Part) encode(folder string) (string, error) {
	if folder, err := filepath.Abs(folder); err == nil {
		if beside, err := filepath.Rel(folder, p.Base.File); err == nil {
			p.Base.Beside = filepath.ToSlash(beside)
		}
	}
	text, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return string(text), nil
}
