package checkpoint

import (
	"path/filepath"
	"testing"
)

func TestWrappersOfOtherProgramsAreDropped(t *testing.T) {
	for _, c := range []struct{ prefix, other, want string }{
		{"", "", ""},
		{"module.", "module.", "module."},
		{"_orig_mod.", "_orig_mod.", "_orig_mod."},
		{"module._orig_mod.", "module._orig_mod.", "module._orig_mod."},
		{"model.net.", "model.net.", "model.net."},
		{"module.", "", ""}, // not all of them
	} {
		path := filepath.Join(t.TempDir(), "w.safetensors")
		tensors := []Tensor{tensor(t, c.prefix+"blocks.0.norm.weight", nil, 1), tensor(t, c.other+"encoder.bias", nil, 2)}
		if err := Write(path, tensors, nil); err != nil {
			t.Fatal(err)
		}
		got := open(t, path)
		_, block := got.Tensor("blocks.0.norm.weight")
		_, bias := got.Tensor("encoder.bias")
		if fits := c.prefix == c.other; got.Wrapper != c.want || block != fits || !bias && fits {
			t.Errorf("names that begin with %q and %q: dropped %q, found %v %v", c.prefix, c.other, got.Wrapper, block, bias)
		}
	}
}
