package sample

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The columns that every vocabulary begins with: the flags that frame adds to the fields.
const (
	ClosedBoundary = "closed_boundary" // 1 in the padding behind a wall
	OpenBoundary   = "open_boundary"   // 1 in the padding behind an open side
	BiasCorrection = "bias_correction" // 1 inside the domain
	flagColumns    = 3
)

// Vocabulary gives every flat field name ("pressure", "velocity_x") its column in the model's encoder and decoder.
// The columns 0, 1 and 2 are the flags.
type Vocabulary struct {
	index map[string]int
	size  int // 1 + the largest index: the model's n_states
}

// NewVocabulary checks and copies a field_index_map_override.
func NewVocabulary(index map[string]int) (*Vocabulary, error) {
	v := &Vocabulary{index: maps.Clone(index)}
	owner := map[int]string{}
	for _, name := range slices.Sorted(maps.Keys(index)) {
		i := index[name]
		if other, taken := owner[i]; taken || i < 0 {
			return nil, fmt.Errorf("sample: field %q has column %d, which is negative or belongs to %q", name, i, other)
		}
		owner[i] = name
		v.size = max(v.size, i+1)
	}
	for i, name := range []string{ClosedBoundary, OpenBoundary, BiasCorrection} {
		if got, found := index[name]; !found || got != i {
			return nil, fmt.Errorf("sample: vocabulary: flag %q must have column %d (it is %d, present: %v)", name, i, got, found)
		}
	}
	return v, nil
}

// NewEmptyVocabulary has the flags and no fields.
func NewEmptyVocabulary() *Vocabulary {
	return &Vocabulary{
		index: map[string]int{ClosedBoundary: 0, OpenBoundary: 1, BiasCorrection: 2},
		size:  flagColumns,
	}
}

// releasedNames lists the released model's columns in order (arXiv 2511.15684; its field_index_map_override).
const releasedNames = `pressure velocity_x velocity_y velocity_z zeros_like_density speed_of_sound concentration
	D_xx D_xy D_xz D_yx D_yy D_yz D_zx D_zy D_zz E_xx E_xy E_xz E_yx E_yy E_yz E_zx E_zy E_zz
	density energy velocity_r velocity_theta velocity_phi momentum_x momentum_y momentum_z pressure_re pressure_im mask
	magnetic_field_x magnetic_field_y magnetic_field_z A B height internal_energy temperature electron_fraction entropy
	magnetic_field_log_r magnetic_field_theta magnetic_field_phi velocity_log_r buoyancy tracer
	log10_density log10_temperature c_zz C_xx C_xy C_xz C_yx C_yy C_yz C_zx C_zy C_zz`

// ReleasedVocabulary is the released model's: 67 columns, the flags included.
func ReleasedVocabulary() *Vocabulary {
	v := NewEmptyVocabulary()
	v.Add(strings.Fields(releasedNames)...)
	return v
}

// Size is the number of columns, the flags included: the model's n_states.
func (v *Vocabulary) Size() int { return v.size }

// Index is the column of a field; found is false for a name that the vocabulary does not have.
func (v *Vocabulary) Index(name string) (index int, found bool) {
	index, found = v.index[name]
	return index, found
}

// Add gives names that are new the next free columns, in order, and returns those that were new.
func (v *Vocabulary) Add(names ...string) (added []string) {
	for _, name := range names {
		if _, found := v.index[name]; found {
			continue
		}
		v.index[name] = v.size
		v.size++
		added = append(added, name)
	}
	return added
}

// Map is a copy of the columns by name.
func (v *Vocabulary) Map() map[string]int { return maps.Clone(v.index) }

// Clone is an independent copy.
func (v *Vocabulary) Clone() *Vocabulary { return &Vocabulary{index: v.Map(), size: v.size} }

// nearest lists names that begin like the wanted one, for messages.
func (v *Vocabulary) nearest(name string) []string {
	stem, _, _ := strings.Cut(name, "_")
	var near []string
	for _, n := range slices.Sorted(maps.Keys(v.index)) {
		if strings.Contains(n, stem) {
			near = append(near, n)
		}
	}
	return near
}
